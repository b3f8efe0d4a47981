"""The rows of a parquet file that can lie in ranges, without reading the others where it says so.

A file is a row of groups of rows. Most writers note the range of each column in each group; a group
that lies outside is skipped, and of others only the columns that decide are read to begin with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from caml._arrays import BoolArray
from caml.errors import MissingFileError, TableError

__all__ = ["Found", "Span", "opened", "rows_within", "varying"]

# So many rows of a group are looked at together; groups can be as large as the file.
N_ROWS = 1 << 17
# What is known of a column in one group: the range of its values; None where it has none.
Span = Mapping[int, tuple[float, float] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What is found in one file.

    Parameters
    ----------
    pieces : list of pyarrow.Table
        The rows, in their order.
    rows : ndarray of shape (n_rows,)
        Their numbers in the whole table.
    spans : list of Span
        What the file says of each group.
    """

    pieces: list[pa.Table]
    rows: npt.NDArray[np.int64]
    spans: list[Span]


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a parquet file.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    pyarrow.parquet.ParquetFile
        The file.

    Raises
    ------
    MissingFileError
        If it is not there.
    TableError
        If it is damaged, now or as the block reads it.
    """
    try:
        # Buffers that are filled ahead would be as large as the file.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            yield file
    except PermissionError:
        raise
    except FileNotFoundError as error:
        raise MissingFileError(
            f"{path}: there is no such file; check its name and folder"
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"a damaged parquet file: {error}", path=path) from error


def rows_within(
    file: pq.ParquetFile, wanted: Mapping[int, tuple[float, float]], *, first: int = 0
) -> Found:
    """Read the rows whose values lie in ranges.

    Parameters
    ----------
    file : pyarrow.parquet.ParquetFile
        The file.
    wanted : mapping of int to (float, float)
        The smallest and the largest value wanted of a column. One that holds no numbers decides
        nothing.
    first : int, default 0
        The number of the first row of the file in the whole table.

    Returns
    -------
    Found
        The rows.
    """
    spans = [_span(file, group) for group in range(file.num_row_groups)]
    pieces: list[pa.Table] = []
    rows = [np.empty(0, dtype=np.int64)]
    for group, span in enumerate(spans):
        if _can_hold(span, wanted):
            inside = _inside(file, group, wanted)
            if inside.any():
                rows.append(first + np.flatnonzero(inside))
                pieces += _taken(file, group, inside)
        first += file.metadata.row_group(group).num_rows
    return Found(pieces, np.concatenate(rows), spans)


def varying(spans: Sequence[Span]) -> dict[int, bool]:
    """Tell which columns have more than one value in all groups.

    Parameters
    ----------
    spans : sequence of Span
        What the files say of each group.

    Returns
    -------
    dict of int to bool
        The columns of which every group says its range.
    """
    known = set.intersection(*map(set, spans)) if spans else set()
    found = {}
    for column in known:
        ranges = [span[column] for span in spans]
        values = {value for one in ranges if one is not None for value in one}
        if all(map(math.isfinite, values)):
            found[column] = len(values) > 1
    return found


def _span(file: pq.ParquetFile, group: int) -> Span:
    """Read what the file says of a group."""
    names = file.schema_arrow.names
    metadata = file.metadata.row_group(group)
    known: dict[str, tuple[float, float] | None] = {}
    for i in range(metadata.num_columns):
        column = metadata.column(i)
        statistics = column.statistics if column.is_stats_set else None
        if statistics is None:
            continue
        if statistics.has_null_count and statistics.null_count == metadata.num_rows:
            known[column.path_in_schema] = None
        elif statistics.has_min_max:
            low, high = statistics.min, statistics.max
            # Some writers note NaN, which says nothing of the other values.
            if _is_number(low) and _is_number(high) and low <= high:
                known[column.path_in_schema] = (low, high)
    return {
        i: known[name] for i, name in enumerate(names) if name in known and names.count(name) == 1
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _can_hold(span: Span, wanted: Mapping[int, tuple[float, float]]) -> bool:
    """Tell whether a group can hold a row in the ranges."""
    for column, (low, high) in wanted.items():
        if column in span:
            found = span[column]
            if found is None or found[1] < low or found[0] > high:
                return False
    return True


def _inside(
    file: pq.ParquetFile, group: int, wanted: Mapping[int, tuple[float, float]]
) -> BoolArray:
    """Tell which rows of a group lie in the ranges."""
    names = file.schema_arrow.names
    deciding: list[str] | None = [names[column] for column in wanted]
    places = list(range(len(wanted)))
    # A name with a point means a part of a column too, and one that is there twice means both.
    if any("." in names[column] or names.count(names[column]) > 1 for column in wanted):
        deciding, places = None, list(wanted)
    parts = [np.empty(0, dtype=bool)]
    for batch in file.iter_batches(N_ROWS, row_groups=[group], columns=deciding):
        inside = np.ones(len(batch), dtype=bool)
        for place, (low, high) in zip(places, wanted.values(), strict=True):
            column = batch.column(place)
            if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
                values = column.to_numpy(zero_copy_only=False)
                inside &= (values >= low) & (values <= high)
        parts.append(inside)
    return np.concatenate(parts)


def _taken(file: pq.ParquetFile, group: int, inside: BoolArray) -> Iterator[pa.Table]:
    """Read every column of some rows of a group."""
    start = 0
    for batch in file.iter_batches(N_ROWS, row_groups=[group]):
        some = inside[start : start + len(batch)]
        start += len(batch)
        if some.any():
            yield pa.Table.from_batches([batch.filter(pa.array(some))])
