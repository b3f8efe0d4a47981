"""Localization tables in, in any format, and everything in nm."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml._remedies import IN_PIXELS, PIXEL_SIZE, UNCERTAINTY_SIZE
from caml.errors import (
    DataWarning,
    InputError,
    MissingFileError,
    NothingFoundWarning,
    TableError,
)
from caml.io import hdf5, parquet, text
from caml.io._files import check_exists, check_pixel_size, explained
from caml.io.formats import NM, PX, UM, VARIANCE, Source, TableFormat, recognise_and_assign
from caml.io.parsed import ROW, Parsed, numbers
from caml.localizations import Localizations, as_positions, positions_lost

__all__ = ["head_of", "localizations_of", "parser_of", "pixel_size_of", "read"]

FloatArray = npt.NDArray[np.float64]

# Each has recognises(path, head) and parse(path, head, check); the first that recognises a file
# reads it. Text comes last: almost anything could be text.
PARSERS: Mapping[str, ModuleType] = {"parquet": parquet, "hdf5": hdf5, "text": text}


def read(
    path: str | os.PathLike[str],
    *,
    pixel_size_nm: float | None = None,
    columns: Mapping[str, str] | None = None,
    box: tuple[float, float, float, float] | None = None,
) -> Localizations:
    r"""Read a localization table.

    Parameters
    ----------
    path : str or path-like
        The file: csv, tsv or txt (ThunderSTORM, N-STORM, ONI, DECODE, plain), parquet, or
        Picasso's hdf5. What it is shows in its contents; the ending of its name does not matter.
        Or a folder of parquet files that are the parts of one table, in the order of the numbers in
        their names.
    pixel_size_nm : float, optional
        The size of a camera pixel, nm, for tables in pixels; it counts before one that the file
        gives. In a plain table that names no unit, it says that x, y and the uncertainty are in
        pixels; z is in nm.
    columns : mapping of str to str, optional
        The columns of x, y, z, frame, channel or uncertainty where their names do not say so: a
        name or a number from 0, with the unit behind it where it is not nm (``{"x": "0 [px]"}``).
    box : tuple of four floats, optional
        ``(x_min, y_min, x_max, y_max)``, nm: read the localizations in it and on its edge only.
        From parquet, which says where the rows of each of its parts lie, no more is read than
        needed. The index of the table, called ``row``, then holds the number of each row in the
        whole table, from 0, and `result_table` makes a column of it.

    Returns
    -------
    Localizations
        Positions in nm, in the order of the table, with every column of it; in 3D if there is a z
        that is not the same everywhere (in the whole table, as far as the file says so). Without
        localizations in the box, none, and a warning.

    Raises
    ------
    MissingFileError
        If there is no such file.
    TableError
        If it is not a localization table; the line is named where there is one.
    InputError
        If the pixel size is not a positive number, or the box not four in this order.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "cell.csv")
    ...     _ = path.write_text("x [nm],y [nm],frame\n10.5,20,1\n30,40,2\n")
    ...     localizations = read(path)
    >>> localizations.positions.tolist(), localizations.frame.tolist()
    ([[10.5, 20.0], [30.0, 40.0]], [1, 2])
    """
    path = Path(path)
    check_pixel_size(pixel_size_nm)
    if box is not None:
        _check_box(box)
    with explained(lambda problem: TableError(problem, path=path)):
        head = head_of(path)
        key = parser_of(path, head)

        def check(names: Sequence[str]) -> tuple[TableFormat, dict[str, tuple[Source, ...]]]:
            return recognise_and_assign(
                names, key, columns, pixels=pixel_size_nm is not None, path=path
            )

        def ranges(names: Sequence[str]) -> dict[int, tuple[float, float]]:
            _, sources = check(names)
            return {} if box is None else _ranges(box, sources, pixel_size_nm, path)

        parsed: Parsed = PARSERS[key].parse(path, head, check, ranges if box else None)
        if (parsed.table.shape[0] if parsed.n_rows is None else parsed.n_rows) == 0:
            raise TableError("the file holds a header and no localizations", path=path)
        table_format, sources = check([str(name) for name in parsed.table.columns])
        size = pixel_size_of(parsed, sources, pixel_size_nm, path)
        if box is not None:
            parsed = _within(parsed, box, sources, size, path)
        return localizations_of(parsed, table_format, sources, size, path)


def localizations_of(
    parsed: Parsed,
    table_format: TableFormat,
    sources: Mapping[str, tuple[Source, ...]],
    pixel_size_nm: float | None,
    path: Path,
) -> Localizations:
    """Take positions and what belongs to them out of the table.

    Parameters
    ----------
    parsed : Parsed
        The table.
    table_format : TableFormat
        What kind of table it is.
    sources : mapping of str to tuple of Source
        Which columns are x, y, ….
    pixel_size_nm : float or None
        The size of a pixel, for columns in pixels.
    path : Path
        The file, for names and messages.

    Returns
    -------
    Localizations
        Positions in nm, with every column.

    Raises
    ------
    TableError
        If there is something else than numbers among the positions.
    """
    axes = [
        _in_nm(numbers(parsed, source.column, path), source.unit, pixel_size_nm)
        for axis in ("x", "y", "z")
        for source in sources.get(axis, ())
    ]
    if len(axes) == 3:
        varies = parsed.varying.get(sources["z"][0].column)
        if not (_varies(axes[2]) if varies is None else varies):
            axes.pop()
    positions = as_positions(np.column_stack(axes))
    n_bad = int((~np.isfinite(positions).all(axis=1)).sum())
    if n_bad:
        _warn(f"{path}: {positions_lost(n_bad, len(positions))}")
    used = PX in {source.unit for role in sources.values() for source in role}
    scale = f", pixel size {pixel_size_nm:g} nm" if pixel_size_nm is not None and used else ""
    n, n_dimensions = positions.shape
    of_all = "" if parsed.n_rows is None else f" of {parsed.n_rows}"
    line = (
        f"read {n}{of_all} localizations in {n_dimensions}D from {path.name} "
        f"({table_format.name}{scale})"
    )
    return Localizations(
        positions,
        table=parsed.table,
        frame=_frame(parsed, sources, path),
        channel=_channel(parsed, sources),
        uncertainty_nm=_uncertainty_nm(parsed, sources, pixel_size_nm, path),
        name=path.stem,
        history=(line,),
    )


def _check_box(box: Sequence[float]) -> None:
    """Refuse a box that is none."""
    try:
        x_min, y_min, x_max, y_max = map(float, box)
    except (TypeError, ValueError):
        x_min = y_min = x_max = y_max = math.nan
    if not (x_min < x_max and y_min < y_max):
        raise InputError(
            "a box is (x_min, y_min, x_max, y_max) in nm, with x_min < x_max and y_min < y_max; "
            f"got {box!r}"
        )


def _ranges(
    box: tuple[float, float, float, float],
    sources: Mapping[str, tuple[Source, ...]],
    pixel_size_nm: float | None,
    path: Path,
) -> dict[int, tuple[float, float]]:
    """Tell in the unit of the file where x and y must lie, not too narrowly: `_within` decides."""
    _check_pixel_size_known(sources, pixel_size_nm, "", path)
    found = {}
    for role, low, high in zip("xy", box[:2], box[2:], strict=True):
        (source,) = sources[role]
        factor = {NM: 1.0, UM: 1e3, PX: pixel_size_nm or math.nan}[source.unit]
        # What a conversion there and back rounds off is far less.
        found[source.column] = (
            (low - 1e-9 * abs(low)) / factor,
            (high + 1e-9 * abs(high)) / factor,
        )
    return found


def _within(
    parsed: Parsed,
    box: tuple[float, float, float, float],
    sources: Mapping[str, tuple[Source, ...]],
    pixel_size_nm: float | None,
    path: Path,
) -> Parsed:
    """Leave out the rows whose position is not in the box, or not usable."""
    in_nm = {
        role: _in_nm(numbers(parsed, source.column, path), source.unit, pixel_size_nm)
        for role in ("x", "y")
        for source in sources[role]
    }
    inside = np.ones(len(parsed.table), dtype=bool)
    for role, low, high in zip("xy", box[:2], box[2:], strict=True):
        inside &= (in_nm[role] >= low) & (in_nm[role] <= high)
    kept = np.flatnonzero(inside)
    rows = kept if parsed.rows is None else parsed.rows[kept]
    varying, line_of = parsed.varying, parsed.line_of
    if parsed.rows is None and "z" in sources:
        z = sources["z"][0].column
        varying = {z: _varies(numbers(parsed, z, path))}
    if not len(rows):
        message = f"{path}: no localizations lie in the box {box!r} (nm)"
        warnings.warn(NothingFoundWarning(message), stacklevel=3)
    table = parsed.table.iloc[kept]
    table.index = pd.Index(rows, name=ROW)
    return Parsed(
        table,
        parsed.pixel_size_nm,
        parsed.no_pixel_size,
        None if line_of is None else lambda row: line_of(int(rows[row])),
        rows,
        len(parsed.table) if parsed.n_rows is None else parsed.n_rows,
        varying,
    )


def _check_pixel_size_known(
    sources: Mapping[str, tuple[Source, ...]], size: float | None, looked: str, path: Path
) -> None:
    """Refuse positions in pixels of no known size."""
    needed = [axis for axis in ("x", "y", "z") if any(s.unit == PX for s in sources.get(axis, ()))]
    if needed and size is None:
        tried = f" ({looked})" if looked else ""
        raise TableError(
            f"{', '.join(needed)} are in pixels and the file gives no pixel size{tried}; give the "
            f"size of a camera pixel in nm: {PIXEL_SIZE}",
            path=path,
        )


def pixel_size_of(
    parsed: Parsed,
    sources: Mapping[str, tuple[Source, ...]],
    given: float | None,
    path: Path,
) -> float | None:
    """Decide on the pixel size: the user's, or the file's; and whether one is needed.

    Parameters
    ----------
    parsed : Parsed
        The table.
    sources : mapping of str to tuple of Source
        Which columns are x, y, ….
    given : float or None
        The size the user gives, nm.
    path : Path
        The file, for messages.

    Returns
    -------
    float or None
        None if none is known or needed.

    Raises
    ------
    TableError
        If one is needed and none is known.
    """
    size = given if given is not None else parsed.pixel_size_nm
    _check_pixel_size_known(sources, size, parsed.no_pixel_size, path)
    of_any_use = any(
        source.unit == PX
        for role in ("x", "y", "z", "uncertainty")
        for source in sources.get(role, ())
    )
    if given is not None and not of_any_use:
        _warn(
            f"{path}: positions are in nm, so the pixel size of {given:g} nm was not used; if they "
            f"are in pixels, {IN_PIXELS}"
        )
    return size


def _in_nm(values: FloatArray, unit: str, pixel_size_nm: float | None) -> FloatArray:
    """Convert lengths, or variances of them, to nm."""
    if unit == VARIANCE:
        # A negative variance is nonsense of the file's and becomes NaN, not a warning of NumPy's.
        return np.sqrt(np.where(values >= 0, values, np.nan))
    factor = {NM: 1.0, UM: 1e3, PX: pixel_size_nm}[unit]
    return values if factor == 1.0 else values * np.float64(factor)


def _varies(z: FloatArray) -> bool:
    """Tell whether z is a coordinate; programs without one write a constant or nothing."""
    finite = z[np.isfinite(z)]
    return finite.size > 0 and bool((finite != finite[0]).any())


def _frame(
    parsed: Parsed, sources: Mapping[str, tuple[Source, ...]], path: Path
) -> npt.NDArray[np.int64] | None:
    """Take frames as whole numbers; some programs write them as 7.0."""
    if "frame" not in sources:
        return None
    column = parsed.table.iloc[:, sources["frame"][0].column]
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu" and column.max() < 2**53:
        return column.to_numpy().astype(np.int64)
    columns = _columns("frame", parsed, sources, path)
    if columns is None:
        return None
    (values,) = columns
    # Beyond 2**53 a float is no longer a certain whole number.
    whole = np.isfinite(values) & (np.abs(values) < 2.0**53)
    whole[whole] = values[whole] == np.floor(values[whole])
    if not whole.all():
        name = parsed.table.columns[sources["frame"][0].column]
        _warn(
            f"{path}: column {name!r} is not used as frame: "
            f"{int((~whole).sum())} of {len(whole)} values are not whole numbers",
            stacklevel=5,
        )
        return None
    return values.astype(np.int64)


def _uncertainty_nm(
    parsed: Parsed,
    sources: Mapping[str, tuple[Source, ...]],
    pixel_size_nm: float | None,
    path: Path,
) -> FloatArray | None:
    """Take uncertainties; of two columns, the mean."""
    if "uncertainty" not in sources:
        return None
    units = [source.unit for source in sources["uncertainty"]]
    if pixel_size_nm is None and PX in units:
        _warn(
            f"{path}: the uncertainty is in pixels and was not used; {UNCERTAINTY_SIZE}",
            stacklevel=5,
        )
        return None
    columns = _columns("uncertainty", parsed, sources, path)
    if columns is None:
        return None
    found = [
        _in_nm(values, unit, pixel_size_nm) for values, unit in zip(columns, units, strict=True)
    ]
    return found[0] if len(found) == 1 else np.asarray(np.mean(found, axis=0))


def _columns(
    role: str, parsed: Parsed, sources: Mapping[str, tuple[Source, ...]], path: Path
) -> list[FloatArray] | None:
    """Take the numbers of a role that localizations can do without; None if one is a text."""
    try:
        return [numbers(parsed, source.column, path) for source in sources[role]]
    except TableError as error:
        _warn(f"{error}; it is kept in the table and not used as {role}", stacklevel=6)
        return None


def _channel(parsed: Parsed, sources: Mapping[str, tuple[Source, ...]]) -> npt.NDArray[Any] | None:
    """Take channels: numbers, whole ones where they all are, or names."""
    if "channel" not in sources:
        return None
    values = parsed.table.iloc[:, sources["channel"][0].column].to_numpy()
    if values.dtype.kind == "f" and np.isfinite(values).all():
        whole = values.astype(np.int64)
        return whole if (whole == values).all() else values
    return np.asarray(values)


def head_of(path: Path) -> bytes:
    """Read how a file begins.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bytes
        As much as every parser needs; of a folder, nothing.

    Raises
    ------
    MissingFileError
        If there is no such file.
    TableError
        If it is empty.
    """
    if path.is_dir():
        return b""
    check_exists(path, instead="give the files in it")
    if not path.is_file():
        raise MissingFileError(f"{path} is a pipe or device; save its contents to a file first")
    with path.open("rb") as file:
        head = file.read(text.HEAD_BYTES)
    if not head.strip():
        raise TableError("the file is empty: expected a header and rows of numbers", path=path)
    return head


def parser_of(path: Path, head: bytes) -> str:
    """Choose who reads a file.

    Parameters
    ----------
    path : Path
        The file.
    head : bytes
        How it begins.

    Returns
    -------
    str
        The key of its parser in `PARSERS`.

    Raises
    ------
    TableError
        If none recognises it.
    """
    for key, parser in PARSERS.items():
        if parser.recognises(path, head):
            return key
    raise TableError(
        "not a kind of file that caml reads: expected csv, tsv, txt, parquet or Picasso's hdf5; "
        f"it begins with the bytes {head[:8]!r}",
        path=path,
    )


def _warn(message: str, *, stacklevel: int = 4) -> None:
    # By default from here through _localizations or _pixel_size and read to whoever called read.
    warnings.warn(DataWarning(message), stacklevel=stacklevel)
