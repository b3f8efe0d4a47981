"""Tables of results in: what was analysed, and what was found out about each row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml._arrays import IntArray
from caml.errors import TableError
from caml.io._files import explained
from caml.io.formats import NM, PX, Source, assign, recognise, recognise_and_assign
from caml.io.parsed import ROW, Parsed, numbers
from caml.io.read import PARSERS, head_of, localizations_of, parser_of
from caml.io.results import OURS
from caml.localizations import AXES, Localizations

__all__ = ["ResultTable", "read_result_table"]

SCORE = re.compile(r"score(_\d+)?")


@dataclass(frozen=True, slots=True, eq=False)
class ResultTable:
    """A table that caml wrote, taken apart.

    Parameters
    ----------
    localizations : Localizations
        What was analysed; their table is the one that came.
    score : ndarray of shape (n_localizations,) or (n_localizations, n_labels), float32, or None
        The network's output; None where there was none.
    label : ndarray of shape (n_localizations,), int8
        0 not clustered, 1 clustered, 2… other kinds, −1 not known.
    cluster : ndarray of shape (n_localizations,)
        Cluster ids, −1 for none.
    has_regions : bool
        Whether regions were analysed.
    """

    localizations: Localizations
    score: npt.NDArray[np.float32] | None
    label: npt.NDArray[np.int8]
    cluster: IntArray
    has_regions: bool


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns are whose: how many are the table's own, and what comes behind them."""

    n_own: int
    added: tuple[str, ...]

    def column(self, name: str) -> int:
        """Tell the place of a column that was added."""
        return self.n_own + self.added.index(name)


def read_result_table(
    path: Path,
    *,
    n_dimensions: int,
    scored: bool | None = None,
    pixel_size_nm: float | None = None,
    columns: Mapping[str, str] | None = None,
) -> ResultTable:
    """Read a table that `result_table` made.

    Parameters
    ----------
    path : Path
        The file, or a folder of its parts in parquet.
    n_dimensions : int
        Of the positions that were analysed.
    scored : bool, optional
        Whether there are scores; by default where there is a column of that name.
    pixel_size_nm : float, optional
        Camera pixel size with which the table that came was read.
    columns : mapping of str to str, optional
        The columns with which it was read.

    Returns
    -------
    ResultTable
        In the order of the file. Columns that were kept as ``<name>_input`` have their name again.

    Raises
    ------
    MissingFileError
        If there is no such file.
    TableError
        If it is no such table, or damaged; the line is named where there is one.
    """

    def check(names: Sequence[str]) -> None:
        if list(names[-2:]) != ["label", "cluster"]:
            raise TableError(
                "it is no table that caml analyse wrote: expected label and cluster as the last "
                f"columns, got {', '.join(map(repr, names[-2:]))}",
                path=path,
            )

    with explained(lambda problem: TableError(problem, path=path)):
        head = head_of(path)
        parsed = PARSERS[parser_of(path, head)].parse(path, head, check, None)
        names = [str(name) for name in parsed.table.columns]
        layout = _layout_of(names, n_dimensions, scored, columns)
        label = _whole(parsed, layout.column("label"), path)
        cluster = _whole(parsed, layout.column("cluster"), path)
        if label.size and not (label.min() >= -1 and label.max() <= np.iinfo(np.int8).max):
            raise TableError("a label is −1, 0, 1, …, 127", path=path)
        scores = [
            numbers(parsed, layout.n_own + i, path)
            for i, name in enumerate(layout.added)
            if SCORE.fullmatch(name)
        ]
        score = None
        if scores:
            score = np.column_stack(scores).astype(np.float32)
            score = score if "score" not in layout.added else score[:, 0]
            if not (np.isnan(score) | ((score >= 0) & (score <= 1))).all():
                raise TableError("a score is a number from 0 to 1", path=path)
        localizations = _localizations(parsed, layout, n_dimensions, pixel_size_nm, columns, path)
    return ResultTable(
        localizations, score, label.astype(np.int8), cluster, "region" in layout.added
    )


def _layout_of(
    names: Sequence[str], n_dimensions: int, scored: bool | None, columns: Mapping[str, str] | None
) -> _Layout:
    """Tell from the end which columns were added."""
    end = len(names) - 2
    if scored is not False and end and names[end - 1] == "score":
        end -= 1
    elif scored is not False:
        start = end
        while start and SCORE.fullmatch(names[start - 1]):
            start -= 1
        if list(names[start:end]) == [f"score_{i}" for i in range(end - start)]:
            end = start
    if end and names[end - 1] == "region":
        end -= 1
    start = end - n_dimensions
    if start >= 0 and tuple(names[start:end]) == AXES[:n_dimensions]:
        # The table's own, unless there were others: in another unit, or where z was not finite.
        own = _own_names(names[:start], names[start:])
        try:
            assign(recognise(own, "text"), own, columns)
            end = start
        except TableError:
            pass
    if end and names[end - 1] == ROW and "region" in names[end:]:
        end -= 1
    return _Layout(end, tuple(names[end:]))


def _own_names(own: Sequence[str], added: Sequence[str]) -> list[str]:
    """Call the columns of the table again as they were called before others were added."""
    before = {f"{name}_input": name for name in (*OURS, *added)}
    return [before.get(name, name) for name in own]


def _whole(parsed: Parsed, column: int, path: Path) -> IntArray:
    """Take a column of whole numbers, none missing."""
    values = numbers(parsed, column, path)
    wrong = ~(np.isfinite(values) & (values == np.floor(values)) & (values >= -1))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise TableError(
            f"{parsed.table.columns[column]} must be a whole number from −1 on, got "
            f"{values[row]:g}; the file was cut off, or edited",
            path=path,
            line=parsed.line_of(row) if parsed.line_of else None,
        )
    return values.astype(np.int64)


def _localizations(
    parsed: Parsed,
    layout: _Layout,
    n_dimensions: int,
    pixel_size_nm: float | None,
    columns: Mapping[str, str] | None,
    path: Path,
) -> Localizations:
    """Read the localizations as they were, with their own table."""
    table = parsed.table
    names = [str(name) for name in table.columns]
    own = _own_names(names[: layout.n_own], layout.added)
    table_format, sources = recognise_and_assign(
        own, "text", columns, pixels=pixel_size_nm is not None, path=path
    )
    axes = "xyz"[:n_dimensions]
    if "x_nm" in layout.added:
        there = {axis: Source(layout.column(f"{axis}_nm"), NM) for axis in axes}
        if pixel_size_nm is None and sources["x"][0].unit == PX:
            # The file said it, and the table of results does not.
            pixel_size_nm = _ratio(parsed, there["x"].column, sources["x"][0].column, path)
        sources |= {axis: (source,) for axis, source in there.items()}
    elif pixel_size_nm == 1:
        # Of such pixels there are as many as nm, and no columns were added.
        sources |= {
            axis: (Source(sources[axis][0].column, NM),) for axis in axes if axis in sources
        }
    sources = {role: found for role, found in sources.items() if role not in "xyz" or role in axes}
    if any(axis not in sources or sources[axis][0].unit != NM for axis in axes):
        raise TableError(f"it holds no positions in {n_dimensions}D, nm", path=path)
    # A z that was the same in all of a region was not in all of the image.
    varying = {source.column: True for source in sources.get("z", ())}
    whole = replace(parsed, varying=varying)
    found = localizations_of(whole, table_format, sources, pixel_size_nm, path)
    kept = table.iloc[:, : layout.n_own].copy()
    kept.columns = pd.Index(own)
    if ROW in layout.added:
        kept.index = pd.Index(_whole(parsed, layout.column(ROW), path), name=ROW)
    return replace(found, table=kept)


def _ratio(parsed: Parsed, of: int, to: int, path: Path) -> float | None:
    """Divide one column by another; None where no row tells."""
    top, bottom = numbers(parsed, of, path), numbers(parsed, to, path)
    known: npt.NDArray[Any] = np.flatnonzero(np.isfinite(top) & np.isfinite(bottom) & (bottom != 0))
    return float(f"{top[known[0]] / bottom[known[0]]:.12g}") if len(known) else None
