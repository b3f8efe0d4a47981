"""Tables opened for a page: read once, and what cannot be known is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from caml.analyse.one_file import is_tiled
from caml.analyse.record import Settings
from caml.app.words import needs_columns, needs_pixel_size
from caml.errors import CamlWarning, InputError, TableError
from caml.io import read
from caml.io.read import PARSERS, head_of, parser_of
from caml.io.run_folders import CLUSTERS, LOCALIZATIONS, OUTLINES_IN_PARTS, SUMMARY
from caml.localizations import Localizations
from caml.plot.extent import left_out, square
from caml.plot.pixels import Box

__all__ = [
    "ENDINGS",
    "Question",
    "box_of",
    "column_names",
    "holds_results",
    "open_table",
    "stamp_of",
    "tables_in",
]

# Of the files that a folder is listed with; what a file is shows when it is read.
ENDINGS = (".csv", ".tsv", ".txt", ".parquet", ".hdf5", ".h5")
MANY_FILES = 2_000


@dataclass(frozen=True, slots=True)
class Question:
    """What must be asked before a table can be read.

    Parameters
    ----------
    about : {"pixel_size", "columns"}
        What is not known.
    columns : tuple of str
        The names of the table's columns.
    """

    about: str
    columns: tuple[str, ...] = ()


class _NamesKnownError(Exception):
    """Ends the reading of a table as soon as its columns' names are known."""


def column_names(path: Path) -> tuple[str, ...]:
    """Read the names of a table's columns, and nothing else of it.

    Parameters
    ----------
    path : Path
        The table.

    Returns
    -------
    tuple of str
        The names; none where they cannot be told.
    """
    found: list[str] = []

    def check(names: Sequence[str]) -> None:
        found[:] = map(str, names)
        raise _NamesKnownError

    try:
        head = head_of(path)
        PARSERS[parser_of(path, head)].parse(path, head, check, None)
    except Exception:  # it is told what is wrong with the table where it is read
        return tuple(found)
    return tuple(found)


def open_table(
    path: Path, *, pixel_size_nm: float | None = None, columns: Mapping[str, str] | None = None
) -> tuple[Localizations, tuple[str, ...]] | Question:
    """Read a table, or tell what must be asked first.

    Parameters
    ----------
    path : Path
        The table.
    pixel_size_nm : float, optional
        Camera pixel size, nm, where it was given.
    columns : mapping of str to str, optional
        Which column is x, y, …, where it was given.

    Returns
    -------
    localizations : Localizations
        What was read.
    warnings : tuple of str
        What should be known of it.

    Raises
    ------
    CamlError
        If it cannot be read, whatever is answered, or not as it was answered.
    """
    if is_tiled(path, Settings(pixel_size_nm=pixel_size_nm, columns=columns)):
        raise InputError(
            f"{path.name} is too large to be looked at here: analyse it in tiles with caml analyse"
        )
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", CamlWarning)
        try:
            localizations = read(path, pixel_size_nm=pixel_size_nm, columns=columns)
        except TableError as error:
            if columns is None and needs_columns(error):
                return Question("columns", column_names(path))
            if pixel_size_nm is None and needs_pixel_size(error):
                return Question("pixel_size")
            raise
    if not localizations.finite.any():
        raise TableError("none of its localizations has a usable position", path=path)
    texts = (str(one.message) for one in noted if issubclass(one.category, CamlWarning))
    return localizations, tuple(dict.fromkeys(texts))


def box_of(localizations: Localizations) -> tuple[Box, int]:
    """Tell which part of an image is shown first.

    Parameters
    ----------
    localizations : Localizations
        Some of finite position.

    Returns
    -------
    box : tuple of float
        x_min, y_min, x_max, y_max, nm, with a margin: of all, but for a few so far off that nothing
        else could be seen.
    n_far_off : int
        How many are outside of it.
    """
    xy = localizations.positions[localizations.finite, :2]
    most = np.reshape(square(xy, ()), (2, 2))
    low, high = np.maximum(xy.min(axis=0), most[0]), np.minimum(xy.max(axis=0), most[1])
    margin = max(float((high - low).max()) * 0.02, 50.0)
    (x_min, y_min), (x_max, y_max) = low - margin, high + margin
    box = (float(x_min), float(y_min), float(x_max), float(y_max))
    return box, left_out(xy, box)


def stamp_of(path: Path) -> tuple[int, int]:
    """Tell what changes when a file does.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    tuple of int
        When it was written, and its size; zeros where it is gone.
    """
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def holds_results(folder: Path) -> bool:
    """Tell whether a folder looks like one of an image's results, whole or not.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    bool
        True if so.
    """
    # Of a table in tiles the localizations are a folder too.
    tables = (folder / name for name in LOCALIZATIONS)
    return (folder / CLUSTERS).is_file() and any(one.is_file() or one.is_dir() for one in tables)


def tables_in(folder: Path, *, but: Path, homes: Collection[Path] = ()) -> list[Path]:
    """List the tables in a folder and those below it.

    Parameters
    ----------
    folder : Path
        Where.
    but : Path
        A folder that is left out: that of results.
    homes : collection of Path, optional
        Folders of images' results: their tables, and those beside them, are none to be analysed.
        Nor are those of runs that were ended before they told of it.

    Returns
    -------
    list of Path
        In order; no hidden ones, and none that a link leads to from outside the folder.
    """
    root, without = folder.resolve(), but.resolve()
    inside = {home.resolve() for home in homes}
    beside = {home.parent / SUMMARY for home in inside}
    found: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in ENDINGS or not path.is_file():
            continue
        real = path.resolve()
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or not real.is_relative_to(root) or real.is_relative_to(without):
            continue
        if real in beside or not inside.isdisjoint(real.parents) or _is_result(real):
            continue
        found.append(path)
        if len(found) == MANY_FILES:
            break
    return found


def _is_result(path: Path) -> bool:
    """Tell whether a table is one of results that no record tells of."""
    if path.name == SUMMARY:
        return any(holds_results(one) for one in path.parent.iterdir() if one.is_dir())
    home = (
        path.parent.parent
        if path.parent.name in (*LOCALIZATIONS, OUTLINES_IN_PARTS)
        else path.parent
    )
    return holds_results(home)
