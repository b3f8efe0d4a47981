"""Parquet files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from caml.errors import TableError
from caml.io._names import unique_names
from caml.io.parsed import Check, Parsed

__all__ = ["parse", "recognises"]


def recognises(path: Path, head: bytes) -> bool:  # noqa: ARG001 (parsers share one signature)
    """Tell whether a file is parquet.

    Parameters
    ----------
    path : Path
        The file.
    head : bytes
        How it begins.

    Returns
    -------
    bool
        True if so.
    """
    return head.startswith(b"PAR1")


def parse(path: Path, head: bytes, check: Check) -> Parsed:  # noqa: ARG001
    """Read a parquet file.

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
        If the file is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = unique_names(map(str, file.schema_arrow.names))
            check(names)
            table = file.read().rename_columns(names)
        # What pandas noted about its index would hide a column; every column is wanted here.
        return Parsed(table.to_pandas(ignore_metadata=True))
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"a damaged parquet file: {error}", path=path) from error
