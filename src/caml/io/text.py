"""Delimited text: csv, tsv and txt, as localization software and spreadsheets write it."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import pandas as pd

from caml.errors import TableError
from caml.io._names import unique_names
from caml.io.parsed import NO_VALUE, Check, Parsed

__all__ = ["parse", "recognises"]

HEAD_BYTES = 1 << 16
DELIMITERS = ("\t", ";", ",", " ")
NUMBER = re.compile(
    r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE
)
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)
# A number that would lose its zeros as a number: an identifier, 00042.
PADDED = re.compile(r"0\d+")
# What a spreadsheet writes before a table to say how it is delimited.
SEPARATOR_LINE = re.compile(r'"?sep=.{1,2}"?', re.IGNORECASE)
DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+(e[+-]?\d+)?", re.IGNORECASE)
# Bytes that no text has; tab, line feed, carriage return and form feed are left out.
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
# pandas 3.1 deprecated the option and always reads floats exactly; before, it had to be told.
EXACT: dict[str, Any] = (
    {}
    if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
    else {"float_precision": "round_trip"}
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a text file holds its table.

    Parameters
    ----------
    encoding : str
        Of the text.
    delimiter : str
        Between fields; " " stands for any white space.
    decimal : str
        Point or comma.
    names : tuple of str
        The columns; "0", "1", … where there is no header.
    n_skipped : int
        How many lines come before the first row.
    padded : frozenset of int
        Columns of numbers that begin with zeros, which are identifiers.
    """

    encoding: str
    delimiter: str
    decimal: str
    names: tuple[str, ...]
    n_skipped: int
    padded: frozenset[int]


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
    return _utf16(head) or CONTROL.search(head[:256]) is None


def parse(path: Path, head: bytes, check: Check) -> Parsed:
    """Read delimited text.

    Parameters
    ----------
    path : Path
        The file.
    head : bytes
        How it begins.
    check : callable
        Takes the names of the columns, and raises if they cannot be used.

    Returns
    -------
    Parsed
        Its columns and rows.

    Raises
    ------
    TableError
        If rows have another number of fields than the header; the first such line is named.
    """
    layout = _layout(path, head)
    names = unique_names(layout.names)
    check(names)
    try:
        table = _table(path, layout)
    except UnicodeDecodeError:
        layout = replace(layout, encoding="latin-1")
        table = _table(path, layout)
    n = len(names)
    # The column behind the last one is there to notice rows that are too long.
    if n > 1 and (table[n].notna().any() or table[n - 1].isna().any()):
        _check_widths(path, layout)
    table = _with_texts(path, layout, table.drop(columns=n))
    table.columns = pd.Index(names)
    return Parsed(table, line_of=lambda row: _line_of(path, layout, row))


def _layout(path: Path, head: bytes) -> Layout:
    """Find out how the file holds its table, from how it begins."""
    encoding = "utf-16" if _utf16(head) else "utf-8-sig"
    text = head.decode(encoding, "replace")
    whole = len(head) < HEAD_BYTES
    if encoding == "utf-8-sig" and "\ufffd" in text[: None if whole else -4]:
        encoding, text = "latin-1", head.removeprefix(codecs.BOM_UTF8).decode("latin-1")
    lines = re.split(r"\r\n|\r|\n", text)
    if not whole and len(lines) > 1:
        lines.pop()
    numbered = [(i, line) for i, line in enumerate(lines, 1) if line.strip(" \t\x00")]
    if numbered and SEPARATOR_LINE.fullmatch(numbered[0][1].strip()):
        numbered.pop(0)
    if not numbered:
        raise TableError("the file is empty: expected a header and rows of numbers", path=path)
    comments = list(takewhile(lambda pair: pair[1].lstrip().startswith("#"), numbered))
    body = numbered[len(comments) :]
    if not body:
        raise TableError("the file holds a header and no localizations", path=path)
    header, rows = _header(comments, body)
    delimiter = _delimiter([line for _, line in ([header] if header else []) + rows[:50]])
    cells = [_cells(line, delimiter) for _, line in rows[:50]]
    if header is None:
        names = tuple(map(str, range(len(cells[0]))))
        n_skipped = rows[0][0] - 1
    else:
        names, n_skipped = tuple(_header_cells(header[1], delimiter)), header[0]
    if header and not rows:
        raise TableError("the file holds a header and no localizations", path=path)
    # pandas takes the first row as it comes, however long it is.
    extra = cells[0][len(names) :]
    if len(extra) > 1 or any(extra):
        raise _other_width(path, rows[0][0], len(names), len(cells[0]))
    padded = {i for row in cells for i, cell in enumerate(row) if PADDED.fullmatch(cell)}
    return Layout(
        encoding, delimiter, _decimal(cells, delimiter), names, n_skipped, frozenset(padded)
    )


def _header(
    comments: list[tuple[int, str]], body: list[tuple[int, str]]
) -> tuple[tuple[int, str] | None, list[tuple[int, str]]]:
    """Tell the header from the rows: the last line with a # may be it."""
    delimiter = _delimiter([line for _, line in body[:50]])
    first = _cells(body[0][1], delimiter)
    if comments and any(NUMBER.fullmatch(cell) for cell in first):
        names = _header_cells(comments[-1][1], _delimiter([comments[-1][1], body[0][1]]))
        if len(names) == len(first):
            return comments[-1], body
    are_numbers = [NUMBER.fullmatch(cell) is not None for cell in first]
    # caml's own results of a file without a header have columns named by their number.
    numbered = [cell == str(i) for i, cell in enumerate(first)]
    if all(are_numbers) or any(a and not b for a, b in zip(are_numbers, numbered, strict=True)):
        return None, body
    return body[0], body[1:]


def _delimiter(lines: Sequence[str]) -> str:
    """Choose the delimiter under which rows agree with the first line and are numbers."""
    best, best_score = ",", (-1.0, -1.0)
    for delimiter in DELIMITERS:
        header = _header_cells(lines[0], delimiter)
        if len(header) < 2:
            continue
        rows = [_cells(line, delimiter) for line in lines[1:]] or [header]
        cells = [cell for row in rows for cell in row]
        score = (
            sum(len(row) == len(header) for row in rows) / len(rows),
            sum(NUMBER.fullmatch(cell) is not None for cell in cells) / len(cells),
        )
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _decimal(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """Tell a decimal comma from a decimal point."""
    cells = [cell for row in rows for cell in row]
    comma = any(DECIMAL_COMMA.fullmatch(cell) for cell in cells)
    point = any(DECIMAL_POINT.fullmatch(cell) for cell in cells)
    return "," if delimiter != "," and comma and not point else "."


def _cells(line: str, delimiter: str) -> list[str]:
    """Split a line into fields."""
    if delimiter == " ":
        line = line.replace("\t", " ").strip()
    return [
        cell.strip()
        for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    ]


def _header_cells(line: str, delimiter: str) -> list[str]:
    """Split a header, also one that became a single quoted field on its way."""
    cells = _cells(line, delimiter)
    if len(cells) == 1 and '"' in cells[0]:
        cells = _cells(cells[0], delimiter)
    if delimiter != " ":
        return cells
    joined: list[str] = []
    for cell in cells:
        if joined and cell.startswith(("[", "(")):
            joined[-1] += f" {cell}"
        elif cell.strip("#"):
            joined.append(cell)
    return joined


def _options(layout: Layout) -> dict[str, Any]:
    """Tell pandas how the file holds its table, with one column more than there are names."""
    return {
        "sep": r"\s+" if layout.delimiter == " " else layout.delimiter,
        "decimal": layout.decimal,
        "encoding": layout.encoding,
        "skiprows": layout.n_skipped,
        "header": None,
        "names": range(len(layout.names) + 1),
        "index_col": False,
        "skipinitialspace": True,
        "keep_default_na": False,
        "low_memory": False,
        "compression": None,
        **EXACT,
    }


def _with_texts(path: Path, layout: Layout, table: pd.DataFrame) -> pd.DataFrame:
    """Read columns of text again, as they are: there NA is a text, and 00042 is not 42."""
    texts = [
        column
        for column in range(len(layout.names))
        if column in layout.padded
        or not pd.api.types.is_numeric_dtype(table[column].dtype)
        or table[column].isna().all()
    ]
    if texts:
        verbatim = pd.read_csv(path, dtype=str, na_values=[""], **_options(layout))
        table[texts] = verbatim[texts]
    return table


def _table(path: Path, layout: Layout) -> pd.DataFrame:
    """Read the rows, with one column more than there are names."""
    try:
        table: pd.DataFrame = pd.read_csv(path, na_values=NO_VALUE, **_options(layout))
        return table
    except UnicodeDecodeError:
        raise
    except pd.errors.EmptyDataError as error:
        raise TableError("the file holds a header and no localizations", path=path) from error
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        _check_widths(path, layout)
        raise TableError(f"not a table of delimited text: {error}", path=path) from error


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
                raise _other_width(path, line, n, len(cells))
    except csv.Error as error:
        raise TableError(f"not a table of delimited text: {error}", path=path) from error


def _line_of(path: Path, layout: Layout, row: int) -> int:
    """Find the line of a row."""
    for i, (line, _) in enumerate(_rows(path, layout)):
        if i == row:
            return line
    return layout.n_skipped + 1 + row


def _other_width(path: Path, line: int, expected: int, found: int) -> TableError:
    return TableError(
        f"expected {expected} fields, as in the header, found {found}; mend or remove the line",
        path=path,
        line=line,
    )


def _utf16(head: bytes) -> bool:
    return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
