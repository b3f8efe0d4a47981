"""Results out: whole, or not at all."""

from __future__ import annotations

import errno
import glob
import json
import math
import os
import shutil
import uuid
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from caml.errors import CamlError, InputError, OutputError
from caml.io._csv import write_csv
from caml.io._geojson import write_features

__all__ = [
    "check_free_path",
    "check_replaceable",
    "explain_failures",
    "remove_leftovers",
    "remove_whole",
    "whole_file",
    "whole_folder",
    "write_json",
    "write_outlines",
    "write_table",
]

# Of a region, only the row groups that can hold some of it are read: many are better; but each
# stores its columns by itself, and of small ones more is names than numbers.
N_ROWS_PER_GROUP = 1 << 17
# What file managers leave in every folder that somebody looks at; no work of the user's.
OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")
REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space, or write to another disk",
    errno.EDQUOT: "the disk quota is used up; free some space, or write to another disk",
    errno.EACCES: "there is no permission to write there; choose another folder",
    errno.EPERM: "there is no permission to write there; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another folder",
    errno.EEXIST: "a part of the path is a file, not a folder; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def whole_folder(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    names: Collection[str] | None = None,
) -> Iterator[Path]:
    """Write a folder of results that appears when it is complete.

    Parameters
    ----------
    path : str or path-like
        The folder to be.
    overwrite : bool, default False
        Whether a folder that is there already is replaced, as a whole.
    names : collection of str, optional
        The names that such folders are made of; a folder that holds any other has something of
        the user's in it, and is never replaced. By default whatever is there is replaced.

    Yields
    ------
    Path
        A hidden folder beside it, to write into. If the block raises, it is removed, and what was
        at `path` is as it was.

    Raises
    ------
    OutputError
        If there is something at `path` that is not to be replaced, or it cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     with whole_folder(Path(home, "results")) as folder:
    ...         write_json(folder / "summary.json", {"n_clusters": 3})
    ...     sorted(path.name for path in Path(home, "results").iterdir())
    ['summary.json']
    """
    # A link is followed, so that the folder it names is replaced and not the link.
    path = Path(os.path.realpath(path))
    with explain_failures(path), _parents(path):
        check_free_path(path, kind="folder", overwrite=overwrite)
        if names is not None:
            check_replaceable(path, names)
        partial = _beside(path, "partial")
        try:
            partial.mkdir()
            yield partial
            _replace_folder(partial, path)
        except OutputError as error:
            # What could not be written into it is told by the name it would have had.
            shutil.rmtree(partial, ignore_errors=True)
            raise OutputError(str(error).replace(str(partial), str(path))) from error.__cause__
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def whole_file(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Write a file that appears when it is complete.

    Parameters
    ----------
    path : str or path-like
        The file to be.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Yields
    ------
    Path
        A hidden path beside it, to write to. If the block raises, it is removed, and what was at
        `path` is as it was.

    Raises
    ------
    OutputError
        If there is something at `path`, or it cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     path = Path(home, "note.txt")
    ...     with whole_file(path) as partial:
    ...         _ = partial.write_text("done")
    ...     path.read_text()
    'done'
    """
    path = Path(os.path.realpath(path))
    with explain_failures(path), _parents(path):
        check_free_path(path, kind="file", overwrite=overwrite)
        partial = _beside(path, "partial")
        try:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise


def write_table(
    path: str | os.PathLike[str],
    frame: pd.DataFrame,
    *,
    file_format: Literal["csv", "parquet"] = "csv",
    overwrite: bool = False,
    schema: pa.Schema | None = None,
) -> None:
    """Write a table.

    Parameters
    ----------
    path : str or path-like
        The file.
    frame : DataFrame
        The table; its index is not written.
    file_format : {"csv", "parquet"}, default "csv"
        How. Numbers keep their value exactly in both.
    overwrite : bool, default False
        Whether a file that is there already is replaced.
    schema : pyarrow.Schema, optional
        The types of the columns in parquet; by default those that fit their values.

    Raises
    ------
    InputError
        If the format is another one, or parquet cannot hold a column.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     path = Path(home, "clusters.csv")
    ...     write_table(path, pd.DataFrame({"cluster": [0, 1], "area_nm2": [900.5, 1e4]}))
    ...     path.read_text().split()
    ['cluster,area_nm2', '0,900.5', '1,10000.0']
    """
    if file_format not in ("csv", "parquet"):
        raise InputError(f"a table is written as csv or parquet; got {file_format!r}")
    with whole_file(path, overwrite=overwrite) as partial:
        if file_format == "parquet":
            try:
                frame.to_parquet(
                    partial,
                    index=False,
                    schema=schema,
                    row_group_size=N_ROWS_PER_GROUP,
                    # Numbers hardly repeat: to look for it takes 0.49 s of a million rows, not
                    # 0.10 s, and saves nothing.
                    use_dictionary=[str(c) for c, t in frame.dtypes.items() if t.kind not in "iuf"],
                )
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
                raise InputError(
                    f"parquet cannot hold this table, write csv instead: {error}"
                ) from error
            return
        write_csv(partial, frame)


def write_outlines(
    path: str | os.PathLike[str],
    outlines: npt.NDArray[np.object_],
    properties: pd.DataFrame,
    *,
    overwrite: bool = False,
) -> None:
    """Write the outlines of clusters as GeoJSON, in nm.

    Parameters
    ----------
    path : str or path-like
        The file.
    outlines : ndarray of shape (n_clusters,) of shapely geometries, nm
        The outline of each cluster; None where there is none.
    properties : DataFrame of n_clusters rows
        What else is known of each cluster. Its column ``cluster`` gives the ids; without one they
        count from 0.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Raises
    ------
    InputError
        If there is not one row per outline.
    OutputError
        If the file cannot be written.

    Notes
    -----
    Coordinates are rounded to 0.001 nm. NaN and infinite properties are null: JSON has no others.

    Examples
    --------
    >>> import shapely
    >>> from tempfile import TemporaryDirectory
    >>> outlines = np.array([shapely.box(0, 0, 30, 20)], dtype=object)
    >>> with TemporaryDirectory() as home:
    ...     path = Path(home, "outlines.geojson")
    ...     write_outlines(path, outlines, pd.DataFrame({"area_nm2": [600.0]}))
    ...     json.loads(path.read_text())["features"][0]["properties"]
    {'area_nm2': 600.0}
    """
    outlines = np.asarray(outlines, dtype=object)
    if len(outlines) != len(properties):
        raise InputError(
            f"one row of properties per outline is needed; got {len(properties)} for "
            f"{len(outlines)} outlines"
        )
    with whole_file(path, overwrite=overwrite) as partial:
        write_features(partial, outlines, properties, _json)


def write_json(path: str | os.PathLike[str], obj: object, *, overwrite: bool = False) -> None:
    """Write numbers, texts, arrays, lists and dicts as JSON.

    Parameters
    ----------
    path : str or path-like
        The file.
    obj : object
        What to write; NaN and infinite numbers become null.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Raises
    ------
    InputError
        If there is something else in it.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     write_json(Path(home, "a.json"), {"counts": np.array([1, 2]), "area": np.nan})
    ...     json.loads(Path(home, "a.json").read_text())
    {'counts': [1, 2], 'area': None}
    """
    text = _json(obj, indent=2)
    with whole_file(path, overwrite=overwrite) as partial:
        partial.write_text(text + "\n", encoding="utf-8", newline="\n")


def _json(obj: object, indent: int | None = None) -> str:
    """Return JSON."""
    return json.dumps(_plain(obj), ensure_ascii=False, allow_nan=False, indent=indent)


def _plain(obj: object) -> Any:
    """Return what JSON can hold."""
    if isinstance(obj, np.ndarray):
        obj = obj.tolist()
    elif isinstance(obj, np.generic):
        obj = obj.item()
    if isinstance(obj, dict):
        return {str(key): _plain(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [_plain(value) for value in obj]
    if obj is None or obj is pd.NA or obj is pd.NaT:
        return None
    if isinstance(obj, float):
        return obj if math.isfinite(obj) else None
    if isinstance(obj, (str, int)):
        return obj
    if isinstance(obj, os.PathLike):
        return os.fspath(obj)
    raise InputError(f"JSON holds numbers, texts, lists and dicts; got {type(obj).__name__}")


def check_free_path(path: Path, *, kind: Literal["file", "folder"], overwrite: bool) -> None:
    """Refuse what must not be replaced.

    Parameters
    ----------
    path : Path
        What is to be written.
    kind : {"file", "folder"}
        As what.
    overwrite : bool
        Whether one that is there already is replaced.

    Raises
    ------
    OutputError
        If there is one and it is not, or it is of the other kind.
    """
    if not path.exists():
        return
    if path.is_dir() != (kind == "folder"):
        raise OutputError(f"{path} is there already and is no {kind}; choose another name")
    if not overwrite:
        raise OutputError(
            f"{path} is there already; choose another name, or replace it with --overwrite "
            "(Python: overwrite=True)"
        )


def check_replaceable(path: Path, names: Collection[str]) -> None:
    """Refuse to replace a folder of results that holds something else.

    Parameters
    ----------
    path : Path
        The folder; there may be none.
    names : collection of str
        The names that such folders are made of.

    Raises
    ------
    OutputError
        If there is any other in it.
    """
    if not path.is_dir():
        return
    foreign = sorted({entry.name for entry in path.iterdir()} - {*names, *OF_THE_SYSTEM})
    if foreign:
        more = f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
        raise OutputError(
            f"{path} will not be replaced, because it holds what is not of such results: "
            f"{', '.join(map(repr, foreign[:5]))}{more}; move them, or choose another folder"
        )


def remove_leftovers(path: Path) -> None:
    """Remove what a process that was killed left as it wrote; put back what was there before.

    Parameters
    ----------
    path : Path
        The file or folder that was written.
    """
    path = Path(os.path.realpath(path))
    start = glob.escape(path.name[:20])
    if not path.exists():
        for old in path.parent.glob(_hidden(start, path, "*", "old")):
            old.rename(path)
            break
    for what in ("partial", "old"):
        for left in path.parent.glob(_hidden(start, path, "*", what)):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def remove_whole(path: Path) -> None:
    """Remove a folder so that it is there as a whole or not at all, whenever the process ends.

    Parameters
    ----------
    path : Path
        The folder; there may be none. What a process that is killed leaves of it goes with
        `remove_leftovers`.
    """
    path = Path(os.path.realpath(path))
    aside = _beside(path, "partial")
    with suppress(OSError):
        path.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _beside(path: Path, what: str) -> Path:
    """Make up a hidden name in the same folder, so that a rename stays on one disk."""
    return path.with_name(_hidden(path.name[:20], path, uuid.uuid4().hex[:8], what))


def _hidden(start: str, path: Path, unique: str, what: str) -> str:
    """Name something half done; names that only start alike are told apart."""
    whole = zlib.crc32(os.fsencode(path.name))
    return f".{start}.{whole:08x}-{unique}.{what}"


def _replace_folder(partial: Path, path: Path) -> None:
    """Put a folder in its place; the one that was there goes only when the new one is in."""
    if not path.exists():
        partial.rename(path)
        return
    old = _beside(path, "old")
    try:
        path.rename(old)
        partial.rename(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _parents(path: Path) -> Iterator[None]:
    """Make the folders above, and remove them again if the block raises."""
    missing = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        raise


@contextmanager
def explain_failures(path: Path) -> Iterator[None]:
    """Say what to do about what the operating system refuses.

    Parameters
    ----------
    path : Path
        What is written in the block.

    Yields
    ------
    None
        Until the block ends.

    Raises
    ------
    OutputError
        In place of the OSError that the block raises.
    """
    try:
        yield
    except CamlError:
        raise
    except OSError as error:
        why = REMEDIES.get(error.errno or 0, str(error))
        raise OutputError(f"{path} cannot be written: {why}") from error
