"""Which folder the results of each file go to, and whether they may."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from caml.errors import OutputError
from caml.io.run_folders import PAGE, RECORD, REGIONS, SUMMARY

__all__ = ["Job", "as_text", "check_free", "plan"]

# A table, and the folder of its results.
Job = tuple[Path, Path]


def plan(paths: Sequence[Path], out: Path) -> list[Job]:
    """Give every file a folder of its own, even where file names are the same.

    Parameters
    ----------
    paths : sequence of Path
        The files.
    out : Path
        Where the folders go.

    Returns
    -------
    list of (Path, Path)
        Each file, once, and its folder.
    """
    unique = list({path.resolve(): path for path in reversed(paths)}.values())[::-1]
    # Picasso writes a yaml beside each table, and both come with a pattern such as folder/*.
    tables = {path.with_suffix("") for path in unique if path.suffix.lower() in (".hdf5", ".h5")}
    unique = [
        path
        for path in unique
        if not (path.suffix.lower() in (".yaml", ".yml") and path.with_suffix("") in tables)
    ]
    stems = Counter(_folder_name(path).casefold() for path in unique)
    jobs: list[tuple[Path, Path]] = []
    taken = {SUMMARY, RECORD, PAGE, REGIONS}
    for path in unique:
        name = _folder_name(path)
        if stems[name.casefold()] > 1:
            # Most often cell_1.csv of several conditions' folders: the folder tells them apart.
            name = f"{path.absolute().parent.name}_{name}"
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.casefold())
        jobs.append((path, out / candidate))
    return jobs


def _folder_name(path: Path) -> str:
    """Return a file's name without its ending, as a name that every file system takes."""
    return as_text(path.stem).strip(". ") or "table"


def as_text(path: str | Path) -> str:
    """Return a path as text; bytes in it that are no text become underscores.

    Parameters
    ----------
    path : str or Path
        The path.

    Returns
    -------
    str
        Its text.
    """
    return os.fsencode(path).decode("utf-8", "replace").replace("\ufffd", "_")


def check_free(
    out: Path, jobs: Sequence[Job], beside: Sequence[str] = (), *, replace: bool
) -> bool:
    """Refuse to touch earlier results or inputs before anything is computed.

    Parameters
    ----------
    out : Path
        The folder of results; made if it is not there.
    jobs : sequence of (Path, Path)
        The files, and the results of each.
    beside : sequence of str, default ()
        The names of what is written beside them.
    replace : bool
        Whether earlier results are replaced.

    Returns
    -------
    bool
        Whether the folder of results was made here.

    Raises
    ------
    OutputError
        If there are earlier results, or an input lies among those that would be replaced.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file: --out takes a folder")
    wanted = [*(place for _, place in jobs), *(out / name for name in beside)]
    existing = [path for path in wanted if path.exists()]
    if existing and not replace:
        names = ", ".join(path.name for path in existing[:5])
        more = f" and {len(existing) - 5} more" if len(existing) > 5 else ""
        raise OutputError(
            f"{out} holds earlier results ({names}{more}): choose another --out, or replace them "
            "with --overwrite"
        )
    replaced = {path.resolve() for path in existing}
    for path, _ in jobs:
        if not replaced.isdisjoint((path.resolve(), *path.resolve().parents)):
            raise OutputError(
                f"{path} is an input and lies in results that would be replaced: choose another "
                "--out"
            )
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}") from error
    return is_new
