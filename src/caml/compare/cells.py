"""Cells: the clusters and sums of each, and the tidy table of all their descriptors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml._arrays import FloatArray
from caml._words import counted
from caml.errors import DataWarning, InputError

__all__ = [
    "CELL_COLUMNS",
    "Cell",
    "Described",
    "cells_of",
    "cells_table",
    "cluster_descriptors",
    "clusters_table",
    "finite_values",
    "some_of",
]

# Columns of clusters.csv that say which cluster it is, where and when, not what it is like.
NO_DESCRIPTORS = frozenset(
    {"cluster", "label", "x_nm", "y_nm", "z_nm", "first_frame", "last_frame", "touches_border",
     "region"}
)  # fmt: skip

# What of a summary is compared, by the names that comparisons give it: those of densities and
# areas would be taken for those of clusters.
OF_IMAGES = {
    "n_clusters": "n_clusters",
    "clusters_per_um2": "clusters_per_um2",
    "percent_clustered": "percent_clustered",
    "clustered_density_per_um2": "clustered_density_per_um2",
    "clustered_density_per_um3": "clustered_density_per_um3",
    "unclustered_density_per_um2": "unclustered_density_per_um2",
    "unclustered_density_per_um3": "unclustered_density_per_um3",
    "density_per_um2": "image_density_per_um2",
    "density_per_um3": "image_density_per_um3",
    "area_um2": "image_area_um2",
}

CELL_COLUMNS = (
    "condition",
    "replicate",
    "cell",
    "descriptor",
    "n_clusters",
    "median",
    "q1",
    "q3",
)


class Described(Protocol):
    """What a comparison asks of a description: both of its tables."""

    @property
    def clusters(self) -> pd.DataFrame:
        """A row per cluster."""

    @property
    def summary(self) -> pd.DataFrame:
        """A row per image or region."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One cell: what was found in it, and which condition it is of.

    Parameters
    ----------
    condition : str
        Of which condition it is.
    name : str
        What it is called.
    clusters : DataFrame
        A row per cluster, with the columns of `caml.describe`.
    summary : DataFrame, optional
        A row per image or region of it; without one only its clusters are compared.
    replicate : str, default ""
        Which repetition of the experiment it is of; empty where that is not known.
    folders : tuple of Path, default ()
        Where its results were read.

    Raises
    ------
    InputError
        If the condition or the cell has no name.
    """

    condition: str
    name: str
    clusters: pd.DataFrame
    summary: pd.DataFrame = field(default_factory=pd.DataFrame)
    replicate: str = ""
    folders: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Check the names."""
        if not self.condition.strip() or not self.name.strip():
            raise InputError(
                "a cell needs a name and a condition; got the name "
                f"{self.name!r} and the condition {self.condition!r}"
            )

    @property
    def key(self) -> tuple[str, str, str]:
        """Condition, replicate and name, which together no other cell has."""
        return self.condition, self.replicate, self.name


def cells_of(
    conditions: Mapping[str, Sequence[Described | pd.DataFrame]] | Sequence[Cell],
) -> tuple[Cell, ...]:
    """Take cells as they are given: by condition, or one by one.

    Parameters
    ----------
    conditions : mapping of str to sequence of Description or DataFrame, or sequence of Cell
        For each condition a description, or a table of clusters, per cell; or cells.

    Returns
    -------
    tuple of Cell
        Those of a mapping are called ``cell 1``, ``cell 2``, ….

    Raises
    ------
    InputError
        If it is something else, two cells have the same condition, replicate and name, or some
        have a replicate and others none.
    """
    if isinstance(conditions, Mapping):
        cells = [
            _cell(str(condition), f"cell {number}", one)
            for condition, some in conditions.items()
            for number, one in enumerate(some, start=1)
        ]
    else:
        cells = list(conditions)
    strange = sorted({type(one).__name__ for one in cells if not isinstance(one, Cell)})
    if strange:
        raise InputError(
            "compare takes cells (read_cells makes them), a mapping of condition to descriptions "
            f"or tables of clusters, or a table of cells; got {', '.join(strange)}"
        )
    keys = pd.Series([one.key for one in cells], dtype=object)
    twice = keys[keys.duplicated()]
    if len(twice):
        raise InputError(
            f"a cell is there twice: {' / '.join(filter(None, twice.iloc[0]))}; give each cell of "
            "a condition and replicate a name of its own"
        )
    without = [one for one in cells if not one.replicate]
    if 0 < len(without) < len(cells):
        raise InputError(
            f"{len(without)} of {len(cells)} cells have no replicate ({some_of(without)}): give "
            "all cells one, or none"
        )
    return tuple(cells)


def _cell(condition: str, name: str, one: Described | pd.DataFrame) -> Cell:
    """Make a cell of a description or of a table of clusters."""
    if isinstance(one, pd.DataFrame):
        return Cell(condition, name, one)
    if not (hasattr(one, "clusters") and hasattr(one, "summary")):
        raise InputError(
            f"a cell of {condition!r} must be a description (caml.describe) or a table of "
            f"clusters; got {type(one).__name__}"
        )
    return Cell(condition, name, one.clusters, one.summary)


def cluster_descriptors(cells: Sequence[Cell]) -> list[str]:
    """List what the clusters' tables tell of clusters: numbers that are no ids, places or times.

    Parameters
    ----------
    cells : sequence of Cell
        Whose clusters.

    Returns
    -------
    list of str
        Names of columns, in their order.
    """
    found: dict[str, None] = {}
    for cell in cells:
        for name, kind in cell.clusters.dtypes.items():
            if kind.kind in "iuf" and name not in NO_DESCRIPTORS:
                found.setdefault(str(name))
    return list(found)


def cells_table(cells: Sequence[Cell]) -> pd.DataFrame:
    """Measure every cell: medians and quartiles over its clusters, and the sums of its images.

    Parameters
    ----------
    cells : sequence of Cell
        The cells.

    Returns
    -------
    DataFrame
        A row per cell and descriptor: condition, replicate, cell, descriptor, n_clusters, median,
        q1, q3. What a cell has one number of is its median, without quartiles; what is not defined
        is NaN.

    Notes
    -----
    Quartiles are interpolated linearly, as those of a summary are. Several images or regions of a
    cell are one: their clusters are taken together, and what a summary counts and measures is
    summed up before densities and shares are.

    Examples
    --------
    >>> import pandas as pd
    >>> cell = Cell("control", "a", pd.DataFrame({"area_nm2": [100.0, 300.0, 900.0]}))
    >>> cells_table([cell]).query("descriptor == 'area_nm2'")["median"].item()
    300.0
    """
    names = cluster_descriptors(cells)
    _tell_missing(cells, names)
    rows = []
    for cell in cells:
        n_clusters = len(cell.clusters)
        for name in names:
            values = finite_values(cell.clusters, name)
            cuts = np.quantile(values, [0.5, 0.25, 0.75]) if len(values) else np.full(3, np.nan)
            rows.append((*cell.key, name, n_clusters, *map(float, cuts)))
        for name, value in _of_images(cell).items():
            rows.append((*cell.key, name, n_clusters, value, np.nan, np.nan))
    return pd.DataFrame(rows, columns=list(CELL_COLUMNS))


def clusters_table(cells: Sequence[Cell]) -> pd.DataFrame:
    """Put the clusters of all cells into one table.

    Parameters
    ----------
    cells : sequence of Cell
        The cells.

    Returns
    -------
    DataFrame
        A row per cluster: condition, replicate, cell, and the descriptors.
    """
    names = cluster_descriptors(cells)
    parts = []
    for cell in cells:
        part = cell.clusters.reindex(columns=names).astype(np.float64)
        for place, (name, text) in enumerate(
            zip(("condition", "replicate", "cell"), cell.key, strict=True)
        ):
            part.insert(place, name, text)
        parts.append(part)
    if not parts:
        return pd.DataFrame(columns=["condition", "replicate", "cell"])
    return pd.concat(parts, ignore_index=True)


def finite_values(table: pd.DataFrame, name: str) -> FloatArray:
    """Take the finite numbers of a column.

    Parameters
    ----------
    table : DataFrame
        Which may have the column or not.
    name : str
        Of the column.

    Returns
    -------
    ndarray of shape (n_finite,)
        The numbers.
    """
    if name not in table:
        return np.empty(0)
    values: npt.NDArray[np.float64] = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return values[np.isfinite(values)]


def some_of(cells: Sequence[Cell], most: int = 5) -> str:
    """Name some cells.

    Parameters
    ----------
    cells : sequence of Cell
        The cells.
    most : int, default 5
        How many are named; of the others it is said how many they are.

    Returns
    -------
    str
        For a message.
    """
    named = ", ".join(f"{one.condition}/{one.name}" for one in cells[:most])
    return named if len(cells) <= most else f"{named} and {len(cells) - most} more"


def _of_images(cell: Cell) -> dict[str, float]:
    """Take what a summary says of a whole image, or of all images and regions of a cell."""
    summary = cell.summary
    if len(summary) == 0:
        return {"n_clusters": float(len(cell.clusters))}
    if len(summary) > 1:
        return _pooled(cell)
    return {
        ours: float(summary[theirs].iloc[0])
        for theirs, ours in OF_IMAGES.items()
        if theirs in summary
    }


def _pooled(cell: Cell) -> dict[str, float]:
    """Sum up the images or regions of a cell, as a summary does one."""
    summary, clusters = cell.summary, cell.clusters
    total = summary.sum(numeric_only=True, skipna=False)
    found = {"n_clusters": float(len(clusters)), "image_area_um2": float(total["area_um2"])}
    shared = int(total["n_clusters"]) - len(clusters)
    if shared > 0:
        warnings.warn(
            DataWarning(
                f"{cell.condition}/{cell.name}: its regions overlap, with "
                f"{counted(shared, 'cluster')} in several: the cell's shares and densities are "
                "left out; use regions that do not overlap"
            ),
            stacklevel=2,
        )
        return {name: found["n_clusters"] if name == "n_clusters" else np.nan for name in found}
    n, n_clustered = float(total["n_localizations"]), float(total["n_clustered"])
    found["clusters_per_um2"] = _ratio(len(clusters), float(total["area_um2"]))
    found["percent_clustered"] = _ratio(100 * n_clustered, n)
    n_members = float(clusters["n_localizations"].sum())
    for unit, whole, covered, scale in (
        ("um2", "area_um2", "area_nm2", 1e-6),
        ("um3", "volume_um3", "volume_nm3", 1e-9),
    ):
        if whole not in summary:
            continue
        size, taken = float(total[whole]), float(clusters[covered].sum()) * scale
        found[f"clustered_density_per_{unit}"] = _ratio(n_members, taken)
        found[f"unclustered_density_per_{unit}"] = _ratio(n - n_clustered, size - taken)
        found[f"image_density_per_{unit}"] = _ratio(n, size)
    return {ours: found[ours] for ours in OF_IMAGES.values() if ours in found}


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else np.nan


def _tell_missing(cells: Sequence[Cell], names: Sequence[str]) -> None:
    """Warn of descriptors that only some cells have: of 3D, or of channels."""
    for name in names:
        without = [one for one in cells if len(one.clusters) and name not in one.clusters]
        if without:
            warnings.warn(
                DataWarning(
                    f"{name} is not in the tables of {len(without)} of {len(cells)} cells "
                    f"({some_of(without)}): they are left out of its comparison"
                ),
                stacklevel=3,
            )
