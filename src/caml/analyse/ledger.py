"""What a batch has done so far, so that it can be gone on with after it was killed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from caml.analyse.jobs import as_text
from caml.errors import OutputError
from caml.io import remove_whole, write_json, write_table
from caml.io.run_folders import RECORD

__all__ = ["Ledger", "Outcome", "identity"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outcome:
    """What became of one file.

    Parameters
    ----------
    path : Path
        The input.
    folder : Path
        Where its results are, if there are any.
    error : str
        Why there are none; empty if all went well.
    warnings : tuple of str
        What should be known of the results.
    summary : DataFrame
        Its rows of the summary.
    sha256 : str
        Of the input.
    seconds : dict of str to float
        How long each stage took.
    details : str
        The traceback of an error that caml did not foresee.
    found_by : str
        The network, or the method with the parameters it used.
    history : tuple of str
        What was done, a line each; empty of tables in tiles.
    """

    path: Path
    folder: Path
    error: str = ""
    warnings: tuple[str, ...] = ()
    summary: pd.DataFrame = field(default_factory=pd.DataFrame)
    sha256: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    details: str = ""
    found_by: str = ""
    history: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """A hidden folder among the results, with an entry for each file that is done.

    Parameters
    ----------
    root : Path
        The folder.
    """

    root: Path

    def begin(
        self, manifest: Mapping[str, Any], *, resume: bool, overwrite: bool
    ) -> dict[str, Outcome]:
        """Start, or go on.

        Parameters
        ----------
        manifest : mapping
            What the results depend on; of what JSON holds.
        resume : bool
            Whether to go on with an earlier run.
        overwrite : bool
            Whether an earlier run is given up.

        Returns
        -------
        dict of str to Outcome
            What is done already, by the name of the folder of its results.

        Raises
        ------
        OutputError
            If there is an unfinished run and it is not to be resumed or given up, or it was of
            something else.
        """
        written = json.loads(json.dumps(manifest))
        before = self._manifest()
        if before is None or (overwrite and not resume):
            remove_whole(self.root)
            try:
                write_json(self.root / RECORD, written)
            except BaseException:
                self.end()
                raise
            return {}
        self.refuse(resume=resume, overwrite=overwrite)
        out = self.root.parent
        other = sorted(k for k in {*before, *written} if before.get(k) != written.get(k))
        if other:
            raise OutputError(
                f"the unfinished run in {out} was of something else (not the same: "
                f"{', '.join(other)}): repeat it as it was, or start anew with --overwrite"
            )
        found = (self._read(path) for path in sorted(self.root.glob("*.entry.json")))
        return {one.folder.name: one for one in found if one is not None and one.folder.is_dir()}

    def refuse(self, *, resume: bool, overwrite: bool) -> None:
        """Refuse to start anew where there is a run to go on with.

        Parameters
        ----------
        resume : bool
            Whether to go on with it.
        overwrite : bool
            Whether it is given up.

        Raises
        ------
        OutputError
            If neither, and there is one.
        """
        if self._manifest() is not None and not (resume or overwrite):
            raise OutputError(
                f"{self.root.parent} holds a run that was not finished: go on with it with "
                "--resume, or start anew with --overwrite"
            )

    def note(self, outcome: Outcome) -> None:
        """Write down that a file is done.

        Parameters
        ----------
        outcome : Outcome
            What became of it; failures are not written down, so that they are tried again.
        """
        if outcome.error:
            return
        name = outcome.folder.name
        write_table(
            self.root / f"{name}.parquet", outcome.summary, file_format="parquet", overwrite=True
        )
        entry = {
            "path": as_text(outcome.path),
            "folder": name,
            "warnings": list(outcome.warnings),
            "sha256": outcome.sha256,
            "seconds": dict(outcome.seconds),
            "found_by": outcome.found_by,
            "history": list(outcome.history),
        }
        write_json(self.root / f"{name}.entry.json", entry, overwrite=True)

    def end(self) -> None:
        """Forget the run, which is finished."""
        remove_whole(self.root)

    def _manifest(self) -> dict[str, Any] | None:
        """Read what the earlier run was of; None if there is none, or it had not begun."""
        try:
            found = json.loads((self.root / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _read(self, path: Path) -> Outcome | None:
        """Read an entry; None if it is damaged, so that the file is done again."""
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            return Outcome(
                path=Path(entry["path"]),
                folder=self.root.parent / entry["folder"],
                warnings=tuple(entry["warnings"]),
                summary=pd.read_parquet(path.with_name(f"{entry['folder']}.parquet")),
                sha256=entry["sha256"],
                seconds=entry["seconds"],
                found_by=entry["found_by"],
                history=tuple(entry["history"]),
            )
        except (OSError, ValueError, KeyError):
            return None


def identity(paths: Sequence[Path]) -> list[list[str | int]]:
    """Tell what changes when files do: their names, sizes and times.

    Parameters
    ----------
    paths : sequence of Path
        The files, and folders of files; one that is not there has neither.

    Returns
    -------
    list of list
        The path, the size in bytes and the time of the last change in ns, of each.
    """
    found: list[list[str | int]] = []
    for path in _files(paths):
        try:
            status = path.stat()
        except OSError:
            found.append([as_text(path)])
        else:
            found.append([as_text(path), status.st_size, status.st_mtime_ns])
    return found


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Give folders file by file: their own time says nothing of what is in them."""
    for path in paths:
        yield path
        with suppress(OSError):
            if path.is_dir():
                yield from sorted(path.iterdir())
