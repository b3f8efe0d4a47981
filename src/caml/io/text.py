"""Delimited text: csv, tsv and txt, as localization software and spreadsheets write it."""

from __future__ import annotations

import csv
import mmap
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from caml.errors import TableError
from caml.io._layout import HEAD_BYTES, Layout, is_utf16, layout_of, other_width
from caml.io._names import unique_names
from caml.io.parsed import NO_VALUE, Check, Parsed, Ranges

__all__ = ["HEAD_BYTES", "parse", "recognises"]

# Bytes that no text has; tab, line feed, carriage return and form feed are left out.
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
# pandas 3.1 deprecated the option and always reads floats exactly; before, it had to be told.
EXACT: dict[str, Any] = (
    {}
    if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
    else {"float_precision": "round_trip"}
)
# Filters of warnings belong to the process: two threads that read must not restore each other's.
FILTERS = threading.Lock()


def recognises(path: Path, head: bytes) -> bool:  # noqa: ARG001 (parsers share one signature)
    """Tell whether a file can be text.

    Parameters
    ----------
    path : Path
        The file.
    head : bytes
        How it begins.

    Returns
    -------
    bool
        False if the first 256 bytes hold control characters; trailers of some programs do.
    """
    return is_utf16(head) or CONTROL.search(head[:256]) is None


def parse(path: Path, head: bytes, check: Check, ranges: Ranges = None) -> Parsed:  # noqa: ARG001
    """Read delimited text.

    Parameters
    ----------
    path : Path
        The file.
    head : bytes
        How it begins.
    check : callable
        Takes the names of the columns, and raises if they cannot be used.
    ranges : callable, optional
        Not used: every row is read.

    Returns
    -------
    Parsed
        Its columns and rows.

    Raises
    ------
    TableError
        If rows have another number of fields than the header; the first such line is named.
    """
    layout = layout_of(path, head)
    names = unique_names(layout.names)
    check(names)
    table = _quick_table(path, layout)
    if table is None:
        try:
            table = _careful_table(path, layout)
        except UnicodeDecodeError:
            layout = replace(layout, encoding="latin-1")
            table = _careful_table(path, layout)
    table.columns = pd.Index(names)
    return Parsed(table, line_of=lambda row: _line_of(path, layout, row))


def _options(layout: Layout, n_names: int) -> dict[str, Any]:
    """Tell pandas how the file holds its table."""
    return {
        "sep": r"\s+" if layout.delimiter == " " else layout.delimiter,
        "decimal": layout.decimal,
        "encoding": layout.encoding,
        "skiprows": layout.n_skipped,
        "header": None,
        "names": range(n_names),
        "index_col": False,
        "skipinitialspace": True,
        "keep_default_na": False,
        "compression": None,
        **EXACT,
    }


def _quick_table(path: Path, layout: Layout) -> pd.DataFrame | None:
    """Read the rows part by part; None where that could give anything else than all at once.

    From 3.1 on pandas reads several parts at a time, if it may tell the type of a column in each
    part by itself: a million rows of nine columns took 0.14 s on two cores, not 0.42 s. Where that
    changes something, it shows: a row that is too long, which is let through where it is the first
    of a part, and types that differ from part to part are warned of, and whole numbers beyond 64
    bits with a sign become large floats.
    """
    n = len(layout.names)
    options = _options(layout, n) | _verbatim(layout.texts, n)
    try:
        with FILTERS, warnings.catch_warnings():
            warnings.simplefilter("error")
            table: pd.DataFrame = pd.read_csv(path, **options)
    except (ValueError, OverflowError, Warning):
        return None
    floats = [table[i] for i, t in table.dtypes.items() if t == np.float64]
    if any(values.max() >= 2.0**63 or values.min() <= -(2.0**63) for values in floats):
        return None
    if table[n - 1].isna().any() and not _widths_agree(path, layout):
        return None
    unknown = _found_texts(layout, table) - layout.texts
    return _quick_table(path, replace(layout, texts=layout.texts | unknown)) if unknown else table


def _careful_table(path: Path, layout: Layout) -> pd.DataFrame:
    """Read the rows all at once, whatever they hold."""
    n = len(layout.names)
    # The column behind the last one is there to notice rows that are too long.
    options = _options(layout, n + 1) | {"low_memory": False, "na_values": NO_VALUE}
    try:
        table: pd.DataFrame = pd.read_csv(path, **options)
    except UnicodeDecodeError:
        raise
    except pd.errors.EmptyDataError as error:
        raise TableError("the file holds a header and no localizations", path=path) from error
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        _check_widths(path, layout)
        raise TableError(f"not a table of delimited text: {error}", path=path) from error
    if n > 1 and (table[n].notna().any() or table[n - 1].isna().any()):
        _check_widths(path, layout)
    table = table.drop(columns=n)
    texts = _found_texts(layout, table)
    if texts:
        again = pd.read_csv(path, **options | _verbatim(texts, n + 1))
        table[sorted(texts)] = again[sorted(texts)]
    return table


def _found_texts(layout: Layout, table: pd.DataFrame) -> frozenset[int]:
    """Find the columns to read as they are: there NA is a text, and 00042 is not 42."""
    return frozenset(
        column
        for column in range(len(layout.names))
        if column in layout.padded
        or not pd.api.types.is_numeric_dtype(table[column].dtype)
        or table[column].isna().all()
    )


def _verbatim(texts: frozenset[int], n_names: int) -> dict[str, Any]:
    """Tell pandas which columns to read as they are."""
    return {
        "dtype": dict.fromkeys(sorted(texts), str),
        "na_values": {i: [""] if i in texts else NO_VALUE for i in range(n_names)},
    }


def _widths_agree(path: Path, layout: Layout) -> bool:
    """Tell quickly that every row has as many fields as the header; False where it is not known.

    Between a last field that is empty and one that is not there pandas makes no difference.
    """
    if len(layout.delimiter.strip(" ")) != 1 or layout.encoding == "utf-16":
        return False
    with path.open("rb") as file:
        for _ in range(layout.n_skipped):
            file.readline()
        start = file.tell()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            # Where there are quotes, what a field is depends on who reads it.
            if whole.find(b'"', start) >= 0:
                return False
    names = [str(i) for i in range(len(layout.names))]
    try:
        reader = pa_csv.open_csv(
            path,
            pa_csv.ReadOptions(skip_rows=layout.n_skipped, column_names=names),
            pa_csv.ParseOptions(delimiter=layout.delimiter, quote_char=False),
            pa_csv.ConvertOptions(include_columns=names[:1], column_types={"0": pa.binary()}),
        )
        with reader:
            for _ in reader:
                pass
    except pa.ArrowInvalid:
        return False
    return True


def _rows(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Read the rows again, slowly, with the line of each."""
    quoted = {"delimiter": layout.delimiter, "skipinitialspace": True}
    with path.open(encoding=layout.encoding, errors="replace") as file:
        for _ in range(layout.n_skipped):
            file.readline()
        space = layout.delimiter == " "
        lines = (line.replace("\t", " ").strip() for line in file) if space else file
        reader = csv.reader(lines, **quoted)  # type: ignore[arg-type]
        line = layout.n_skipped + 1
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield line, cells
            line = layout.n_skipped + 1 + reader.line_num


def _check_widths(path: Path, layout: Layout) -> None:
    """Name the first row that has another number of fields than the header."""
    n = len(layout.names)
    try:
        for line, cells in _rows(path, layout):
            if len(cells) != n and not (len(cells) == n + 1 and not cells[-1].strip()):
                raise other_width(path, line, n, len(cells))
    except csv.Error as error:
        raise TableError(f"not a table of delimited text: {error}", path=path) from error


def _line_of(path: Path, layout: Layout, row: int) -> int:
    """Find the line of a row."""
    for i, (line, _) in enumerate(_rows(path, layout)):
        if i == row:
            return line
    return layout.n_skipped + 1 + row
