"""Rows of delimited text: how pandas reads them, and whether all are as wide as the header."""

from __future__ import annotations

import csv
import mmap
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from caml.errors import TableError
from caml.io._layout import Layout, other_width
from caml.io.parsed import NO_VALUE

__all__ = [
    "check_widths",
    "found_texts",
    "line_of",
    "pandas_options",
    "verbatim",
    "widths_agree",
]

# pandas 3.1 deprecated the option and always reads floats exactly; before, it had to be told.
EXACT: dict[str, Any] = (
    {}
    if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
    else {"float_precision": "round_trip"}
)


def pandas_options(layout: Layout, n_names: int) -> dict[str, Any]:
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


def found_texts(layout: Layout, table: pd.DataFrame) -> frozenset[int]:
    """Find the columns to read as they are: there NA is a text, and 00042 is not 42."""
    return frozenset(
        column
        for column in range(len(layout.names))
        if column in layout.padded
        or not pd.api.types.is_numeric_dtype(table[column].dtype)
        or table[column].isna().all()
    )


def verbatim(texts: Collection[int], n_names: int) -> dict[str, Any]:
    """Tell pandas which columns to read as they are."""
    return {
        "dtype": dict.fromkeys(sorted(texts), str),
        "na_values": {i: [""] if i in texts else NO_VALUE for i in range(n_names)},
    }


def widths_agree(path: Path, layout: Layout) -> bool:
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


def check_widths(path: Path, layout: Layout) -> None:
    """Name the first row that has another number of fields than the header."""
    n = len(layout.names)
    try:
        for line, cells in _rows(path, layout):
            if len(cells) != n and not (len(cells) == n + 1 and not cells[-1].strip()):
                raise other_width(path, line, n, len(cells))
    except csv.Error as error:
        raise TableError(f"not a table of delimited text: {error}", path=path) from error


def line_of(path: Path, layout: Layout, row: int) -> int:
    """Find the line of a row."""
    for i, (line, _) in enumerate(_rows(path, layout)):
        if i == row:
            return line
    return layout.n_skipped + 1 + row
