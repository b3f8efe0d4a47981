"""Delimited text: csv, tsv and txt, as localization software and spreadsheets write it."""

from __future__ import annotations

import re
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from caml.errors import TableError
from caml.io._layout import HEAD_BYTES, Layout, is_utf16, layout_of
from caml.io._names import unique_names
from caml.io._text_rows import (
    check_widths,
    found_texts,
    line_of,
    pandas_options,
    verbatim,
    widths_agree,
)
from caml.io.parsed import NO_VALUE, Check, Parsed, Ranges

__all__ = ["HEAD_BYTES", "parse", "recognises"]

# Bytes that no text has; tab, line feed, carriage return and form feed are left out.
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
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
    return Parsed(table, line_of=lambda row: line_of(path, layout, row))


def _quick_table(path: Path, layout: Layout) -> pd.DataFrame | None:
    """Read the rows part by part; None where that could give anything else than all at once.

    From 3.1 on pandas reads several parts at a time, if it may tell the type of a column in each
    part by itself: a million rows of nine columns took 0.14 s on two cores, not 0.42 s. Where that
    changes something, it shows: a row that is too long, which is let through where it is the first
    of a part, and types that differ from part to part are warned of, and whole numbers beyond 64
    bits with a sign become large floats.
    """
    n = len(layout.names)
    options = pandas_options(layout, n) | verbatim(layout.texts, n)
    try:
        with FILTERS, warnings.catch_warnings():
            warnings.simplefilter("error")
            table: pd.DataFrame = pd.read_csv(path, **options)
    except (ValueError, OverflowError, Warning):
        return None
    floats = [table[i] for i, t in table.dtypes.items() if t == np.float64]
    if any(values.max() >= 2.0**63 or values.min() <= -(2.0**63) for values in floats):
        return None
    if table[n - 1].isna().any() and not widths_agree(path, layout):
        return None
    unknown = found_texts(layout, table) - layout.texts
    return _quick_table(path, replace(layout, texts=layout.texts | unknown)) if unknown else table


def _careful_table(path: Path, layout: Layout) -> pd.DataFrame:
    """Read the rows all at once, whatever they hold."""
    n = len(layout.names)
    # The column behind the last one is there to notice rows that are too long.
    options = pandas_options(layout, n + 1) | {"low_memory": False, "na_values": NO_VALUE}
    try:
        table: pd.DataFrame = pd.read_csv(path, **options)
    except UnicodeDecodeError:
        raise
    except pd.errors.EmptyDataError as error:
        raise TableError("the file holds a header and no localizations", path=path) from error
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        check_widths(path, layout)
        raise TableError(f"not a table of delimited text: {error}", path=path) from error
    if n > 1 and (table[n].notna().any() or table[n - 1].isna().any()):
        check_widths(path, layout)
    table = table.drop(columns=n)
    texts = found_texts(layout, table)
    if texts:
        again = pd.read_csv(path, **options | verbatim(texts, n + 1))
        table[sorted(texts)] = again[sorted(texts)]
    return table
