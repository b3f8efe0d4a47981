"""How a text file holds its table: encoding, delimiter, decimal sign, header."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from caml.errors import TableError
from caml.io.parsed import NO_VALUE

__all__ = ["HEAD_BYTES", "Layout", "is_utf16", "layout_of", "other_width"]

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
    texts : frozenset of int
        Columns that are text for certain, as far as the first rows tell; others can turn out to be.
    """

    encoding: str
    delimiter: str
    decimal: str
    names: tuple[str, ...]
    n_skipped: int
    padded: frozenset[int]
    texts: frozenset[int]


def layout_of(path: Path, head: bytes) -> Layout:
    """Find out how a text file holds its table, from how it begins.

    Parameters
    ----------
    path : Path
        The file, for messages.
    head : bytes
        How it begins: `HEAD_BYTES`, or all of it.

    Returns
    -------
    Layout
        How it holds it.

    Raises
    ------
    TableError
        If it holds no rows, or the first is longer than the header.
    """
    encoding = "utf-16" if is_utf16(head) else "utf-8-sig"
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
        raise other_width(path, rows[0][0], len(names), len(cells[0]))
    padded = {i for row in cells for i, cell in enumerate(row) if PADDED.fullmatch(cell)}
    return Layout(
        encoding,
        delimiter,
        _decimal(cells, delimiter),
        names,
        n_skipped,
        frozenset(padded),
        # A line of a field with a line break in it is no row, and its cells are in no column.
        frozenset() if any('"' in line for _, line in rows[:50]) else _texts(cells, len(names)),
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


def _texts(rows: Sequence[Sequence[str]], n_columns: int) -> frozenset[int]:
    """Find the columns that hold anything but numbers."""
    return frozenset(
        i
        for row in rows
        for i, cell in enumerate(row[:n_columns])
        if PADDED.fullmatch(cell)
        or not (NUMBER.fullmatch(cell) or cell in NO_VALUE or cell.lower() in ("true", "false"))
    )


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


def other_width(path: Path, line: int, expected: int, found: int) -> TableError:
    """Make the error of a row that is too short or too long.

    Parameters
    ----------
    path : Path
        The file.
    line : int
        Its line, from 1.
    expected : int
        How many fields the header has.
    found : int
        How many fields the row has.

    Returns
    -------
    TableError
        The error.
    """
    return TableError(
        f"expected {expected} fields, as in the header, found {found}; mend or remove the line",
        path=path,
        line=line,
    )


def is_utf16(head: bytes) -> bool:
    """Tell whether a file is text of two bytes a letter.

    Parameters
    ----------
    head : bytes
        How it begins.

    Returns
    -------
    bool
        True if so.
    """
    return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
