"""Tables of text too large for memory, converted to parquet a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from caml.errors import TableError
from caml.io._files import check_exists, check_pixel_size, explained
from caml.io._layout import Layout, layout_of
from caml.io._names import unique_names
from caml.io._text_rows import check_widths, line_of, pandas_options, verbatim, widths_agree
from caml.io.formats import recognise_and_assign
from caml.io.parsed import NO_VALUE, Parsed, numbers
from caml.io.read import head_of, parser_of
from caml.io.whole import whole_file

__all__ = ["convert_to_parquet", "is_text"]

# Rows of a piece, and of a group in the parquet file: 20 MB of nine columns.
N_ROWS = 1 << 18

IN_ARROW: dict[type[object], pa.DataType] = {
    bool: pa.bool_(),
    np.int64: pa.int64(),
    np.uint64: pa.uint64(),
    np.float64: pa.float64(),
    str: pa.string(),
}


def is_text(path: Path) -> bool:
    """Tell whether a file is a table of text.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        False also where it cannot be read, or is no table.
    """
    try:
        return path.is_file() and parser_of(path, head_of(path)) == "text"
    except (OSError, TableError):
        return False


def convert_to_parquet(
    path: Path,
    target: Path,
    *,
    pixel_size_nm: float | None = None,
    columns: Mapping[str, str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Convert a table of text to parquet, with the columns and types that `read` gives it.

    Parameters
    ----------
    path : Path
        The table: csv, tsv or txt.
    target : Path
        The file in parquet; it appears when it is complete.
    pixel_size_nm : float, optional
        The size of a camera pixel, nm, where the user gives one. Nothing is converted to nm.
    columns : mapping of str to str, optional
        The columns of x, y, … where their names do not say so.
    progress : callable, optional
        Called now and then with the share that is done.

    Raises
    ------
    MissingFileError
        If there is no such file.
    TableError
        If it is not a localization table; the line is named where there is one.
    OutputError
        If there is something at `target`, or it cannot be written.

    Notes
    -----
    The rows are read twice, after a look at their widths: a column's type shows at its end.
    """
    check_pixel_size(pixel_size_nm)
    check_exists(path, instead="give the table")
    with explained(lambda problem: TableError(problem, path=path)):
        layout = layout_of(path, head_of(path))
        names = unique_names(layout.names)
        _, sources = recognise_and_assign(
            names, "text", columns, pixels=pixel_size_nm is not None, path=path
        )
        if not widths_agree(path, layout):
            check_widths(path, layout)
        in_numbers = [source.column for axis in "xyz" for source in sources.get(axis, ())]
        half = (lambda share: progress(share / 2)) if progress else None
        try:
            types = _types(path, layout, names, in_numbers, half)
        except UnicodeDecodeError:
            layout = replace(layout, encoding="latin-1")
            types = _types(path, layout, names, in_numbers, half)
    schema = pa.schema([(name, IN_ARROW[own]) for name, own in zip(names, types, strict=True)])
    texts = [column for column, own in enumerate(types) if own is str]
    options = verbatim(texts, len(names) + 1) | {"dtype": dict(enumerate(types))}
    with whole_file(target) as partial, pq.ParquetWriter(partial, schema) as writer:
        for piece, share in _pieces(path, layout, options):
            piece.columns = pd.Index(names)
            writer.write_table(pa.Table.from_pandas(piece, schema, preserve_index=False))
            if progress:
                progress((1 + share) / 2)


def _pieces(
    path: Path, layout: Layout, options: Mapping[str, Any]
) -> Iterator[tuple[pd.DataFrame, float]]:
    """Read so many rows at a time, and tell the share of the file that is read."""
    n = len(layout.names)
    size = path.stat().st_size
    # The column behind the last one is there for a delimiter at the end of each row.
    given = pandas_options(layout, n + 1) | {"low_memory": False} | dict(options)
    with path.open("rb") as file, pd.read_csv(file, chunksize=N_ROWS, **given) as pieces:
        for piece in pieces:
            yield piece.drop(columns=n), min(1.0, file.tell() / size)


def _types(
    path: Path,
    layout: Layout,
    names: Sequence[str],
    in_numbers: Sequence[int],
    progress: Callable[[float], None] | None,
) -> list[type[object]]:
    """Find the type of each column; columns that must hold numbers are refused if they do not."""
    n = len(layout.names)
    found: list[set[str]] = [set() for _ in range(n)]
    n_rows = 0
    for piece, share in _pieces(path, layout, {"na_values": NO_VALUE}):
        for column in range(n):
            values = piece[column]
            # A piece without a value says nothing of the others.
            found[column].add("" if values.isna().all() else _kind(values))
        parsed = Parsed(
            piece.set_axis(pd.Index(names), axis="columns"),
            line_of=lambda row, first=n_rows: line_of(path, layout, first + row),  # type: ignore[misc]
        )
        for column in in_numbers:
            numbers(parsed, column, path)
        n_rows += len(piece)
        if progress:
            progress(share)
    if n_rows == 0:
        raise TableError("the file holds a header and no localizations", path=path)
    return [
        str if column in layout.padded else _common(kinds) for column, kinds in enumerate(found)
    ]


def _kind(values: pd.Series[Any]) -> str:
    """Name the type of a piece of a column; whole numbers that are not negative are "u"."""
    kind = values.dtype.kind if isinstance(values.dtype, np.dtype) else "O"
    if kind == "i" and values.min() >= 0:
        return "u"
    return "U" if kind == "u" else kind


def _common(kinds: set[str]) -> type[object]:
    """Choose the type that holds the values of all pieces, as if they were read at once."""
    if kinds == {"b"}:
        return bool
    if kinds and kinds <= {"i", "u"}:
        return np.int64
    # Beyond 63 bits; with numbers below zero among them, no type holds both.
    if kinds <= {"u", "U"}:
        return np.uint64
    # Whole numbers where some are missing, or have a fraction.
    if kinds - {""} and kinds <= {"i", "u", "f", ""}:
        return np.float64
    if "f" in kinds and kinds <= {"i", "u", "U", "f", ""}:
        return np.float64
    return str
