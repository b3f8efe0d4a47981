"""The comparison of conditions: every descriptor tested, and what of it is written."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from caml._arrays import FloatArray
from caml.compare import ranks
from caml.compare.cells import (
    CELL_COLUMNS,
    Cell,
    Described,
    cells_of,
    cells_table,
    cluster_descriptors,
    clusters_table,
    finite_values,
    some_of,
)
from caml.compare.descriptor import compare_groups
from caml.compare.mixed import MIXED_COLUMNS, mixed_model
from caml.compare.ranks import Adjustment
from caml.errors import DataWarning, InputError
from caml.io import whole_folder, write_table

__all__ = ["RESULTS", "UNITS", "Comparison", "Unit", "compare"]

Unit = Literal["cell", "replicate", "cluster"]
UNITS: tuple[Unit, ...] = ("cell", "replicate", "cluster")

# What a folder of results may hold; one with anything else is never replaced.
RESULTS = frozenset(
    {"cells.csv", "tests.csv", "pairs.csv", "mixed.csv", "compare.json", "prism", "figures"}
)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """How conditions differ.

    Parameters
    ----------
    conditions : tuple of str
        In the order they were given.
    unit : {"cell", "replicate", "cluster"}
        What was a sample.
    cells : DataFrame
        A row per cell and descriptor.
    clusters : DataFrame
        A row per cluster, with condition, replicate and cell; empty where only cells were given.
    tests : DataFrame
        A row per descriptor: Kruskal and Wallis' test, with P by itself and adjusted for the number
        of descriptors.
    pairs : DataFrame
        A row per descriptor and pair of conditions: Dunn's test, and how large the difference is.
    mixed : DataFrame
        A row per descriptor of clusters and pair: the mixed model; empty where none was asked for.
    """

    conditions: tuple[str, ...]
    unit: Unit
    cells: pd.DataFrame
    clusters: pd.DataFrame
    tests: pd.DataFrame
    pairs: pd.DataFrame
    mixed: pd.DataFrame

    @property
    def descriptors(self) -> tuple[str, ...]:
        """What was compared, in order."""
        return tuple(self.tests["descriptor"])

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the tables to a folder, whole or not at all.

        Parameters
        ----------
        folder : str or Path
            Where; must not exist unless `overwrite`.
        overwrite : bool, default False
            Whether an earlier folder of such tables is replaced.

        Raises
        ------
        OutputError
            If it exists already or cannot be written.
        """
        with whole_folder(Path(folder), overwrite=overwrite, names=RESULTS) as partial:
            self.write(partial)

    def write(self, folder: Path) -> None:
        """Write the tables into a folder that exists.

        Parameters
        ----------
        folder : Path
            Where.
        """
        write_table(folder / "cells.csv", _rounded(self.cells))
        write_table(folder / "tests.csv", _rounded(self.tests))
        write_table(folder / "pairs.csv", _rounded(self.pairs))
        if len(self.mixed):
            write_table(folder / "mixed.csv", _rounded(self.mixed))
        for descriptor in self.descriptors:
            rows = self.cells[self.cells["descriptor"] == descriptor]
            cells = {one: rows.loc[rows["condition"] == one, "median"] for one in self.conditions}
            write_table(folder / "prism" / f"{descriptor}.csv", _rounded(_columns(cells)))
            if descriptor in self.clusters:
                by = self.clusters["condition"]
                every = {one: self.clusters.loc[by == one, descriptor] for one in self.conditions}
                path = folder / "prism" / f"{descriptor}_of_clusters.csv"
                write_table(path, _columns(every))


def compare(
    cells: Mapping[str, Sequence[Described | pd.DataFrame]] | Sequence[Cell] | pd.DataFrame,
    *,
    unit: Unit = "cell",
    adjust: Adjustment = "holm",
    mixed: bool = False,
    seed: int | np.random.Generator = 0,
    n_bootstrap: int = 10_000,
) -> Comparison:
    """Compare conditions by the clusters of their cells.

    Parameters
    ----------
    cells : mapping of str to sequence of Description or DataFrame, sequence of Cell, or DataFrame
        For each condition a description, or a table of clusters, per cell; cells that
        `caml.compare.read_cells` read; or a table of cells as `Comparison.cells` is.
    unit : {"cell", "replicate", "cluster"}, default "cell"
        What is a sample: the median of a cell, the median of a replicate's cells, or every cluster,
        which takes clusters of one cell for independent, and is warned of.
    adjust : {"holm", "bonferroni"}, default "holm"
        How P is adjusted for the number of pairs of conditions.
    mixed : bool, default False
        Whether to fit a mixed model of all clusters too.
    seed : int or numpy.random.Generator, default 0
        Of the bootstrap.
    n_bootstrap : int, default 10,000
        How many resamples an interval is made of.

    Returns
    -------
    Comparison
        All tables. What cannot be tested is NaN, with the reason beside it and a warning.

    Raises
    ------
    InputError
        If there are fewer than two conditions, clusters or replicates are asked for and not known,
        or an option is out of its range.

    Notes
    -----
    Kruskal and Wallis' test, then Dunn's of every pair, as in Williamson et al. 2020 (Methods). P
    of pairs is adjusted for the pairs of one descriptor; the ``p_fdr`` of `Comparison.tests` for
    the number of descriptors that were tested (see `caml.compare.false_discovery`). A condition
    with fewer than two samples of a descriptor is left out of its test. Intervals resample what the
    test takes for independent: cells within conditions, whatever their replicates; replicates; or
    clusters. Differences, z and Cliff's δ are those of the second condition from the first.

    Examples
    --------
    >>> import pandas as pd
    >>> def cell(area, n):
    ...     return pd.DataFrame({"area_nm2": np.linspace(area - 50, area + 50, n)})
    >>> control = [cell(area, n) for n, area in enumerate((100, 110, 120, 130, 140), start=3)]
    >>> treated = [cell(area, n) for n, area in enumerate((200, 210, 220, 230, 240), start=5)]
    >>> found = compare({"control": control, "treated": treated})
    >>> area = found.pairs.set_index("descriptor").loc["area_nm2"]
    >>> float(area["difference"]), float(area["cliffs_delta"]), area["stars"]
    (100.0, 1.0, '**')
    """
    _check_options(unit, adjust, n_bootstrap)
    table, clusters = _tables(cells)
    conditions = tuple(dict.fromkeys(table["condition"]))
    _check_conditions(conditions, table, clusters, unit, mixed=mixed)
    generator = np.random.default_rng(seed)
    tests, pairs = [], []
    for descriptor in dict.fromkeys(table["descriptor"]):
        of, groups = _groups(table, clusters, descriptor, conditions, unit)
        test, some = compare_groups(
            descriptor, of, groups, adjust=adjust, n_bootstrap=n_bootstrap, generator=generator
        )
        tests.append(test)
        pairs += some
    models = [
        mixed_model(clusters, one, conditions, adjust=adjust)
        for one in clusters.columns[3:]
        if mixed
    ]
    tested = pd.DataFrame(tests)
    fdr = ranks.false_discovery(tested["p"].to_numpy(dtype=np.float64))
    tested.insert(list(tested).index("p") + 1, "p_fdr", fdr)
    found = Comparison(
        conditions,
        unit,
        table,
        clusters,
        tested,
        pd.DataFrame(pairs),
        pd.concat(models, ignore_index=True) if models else pd.DataFrame(columns=MIXED_COLUMNS),
    )
    _tell(found)
    return found


def _tables(
    cells: Mapping[str, Sequence[Described | pd.DataFrame]] | Sequence[Cell] | pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take the table of cells, and that of all clusters."""
    if isinstance(cells, pd.DataFrame):
        missing = [name for name in CELL_COLUMNS if name not in cells]
        if missing:
            raise InputError(
                f"a table of cells needs the columns {', '.join(CELL_COLUMNS)}; it has no "
                f"{', '.join(missing)}. Tables of clusters are given by condition: "
                "{'control': [table, …], …}"
            )
        table = cells.assign(replicate=cells["replicate"].fillna("").astype(str))
        if table.duplicated(["condition", "replicate", "cell", "descriptor"]).any():
            raise InputError("a table of cells has one row per cell and descriptor; some are twice")
        return table.reset_index(drop=True), clusters_table([])
    known = cells_of(cells)
    empty = [one for one in known if len(one.clusters) == 0]
    if empty and len(known) > len(empty):
        warnings.warn(
            DataWarning(
                f"{len(empty)} of {len(known)} cells have no clusters ({some_of(empty)}): they "
                "count where clusters are counted, and are left out where clusters are measured"
            ),
            stacklevel=3,
        )
    if not cluster_descriptors(known) and known:
        warnings.warn(
            DataWarning("no cell has clusters: only what is known of images is compared"),
            stacklevel=3,
        )
    table = cells_table(known)
    scores = table["descriptor"] == "score_mean"
    if table.loc[scores, "median"].isna().all():
        # Other methods than networks give none.
        table = table[~scores].reset_index(drop=True)
    return table, clusters_table(known)


def _check_options(unit: str, adjust: str, n_bootstrap: int) -> None:
    if unit not in UNITS:
        raise InputError(f"a sample is a {', '.join(UNITS[:-1])} or {UNITS[-1]}; got {unit!r}")
    ranks.check_adjustment(adjust)
    if n_bootstrap < 1:
        raise InputError(f"n_bootstrap must be at least 1; got {n_bootstrap}")


def _check_conditions(
    conditions: Sequence[str],
    table: pd.DataFrame,
    clusters: pd.DataFrame,
    unit: Unit,
    *,
    mixed: bool,
) -> None:
    """Refuse what cannot be compared, and warn of samples that are not independent."""
    if len(conditions) < 2:
        raise InputError(
            f"a comparison needs at least two conditions; got {len(conditions)}"
            f"{': ' + conditions[0] if conditions else ''}. Give the results of another one too"
        )
    has_replicates = bool((table["replicate"] != "").all())
    if unit == "replicate" and not has_replicates:
        raise InputError(
            "replicates cannot be compared, because they are not known: give each cell its "
            "replicate (a column of the sample sheet, or a group of the pattern)"
        )
    if (unit == "cluster" or mixed) and clusters.shape[1] <= 3:
        raise InputError(
            "clusters cannot be compared, because only a table of cells was given: give their "
            "descriptions or tables of clusters"
        )
    if unit == "cluster":
        warnings.warn(
            DataWarning(
                "pseudoreplication: every cluster is taken for an independent sample, and those of "
                "one cell are not. P is far too small and intervals are far too narrow; compare "
                "cells, or take the mixed model"
            ),
            stacklevel=3,
        )
    elif unit == "cell" and has_replicates:
        warnings.warn(
            DataWarning(
                "cells of one replicate are taken for independent samples; the unit replicate "
                "compares the medians of replicates, and the mixed model accounts for both"
            ),
            stacklevel=3,
        )


def _groups(
    table: pd.DataFrame,
    clusters: pd.DataFrame,
    descriptor: str,
    conditions: Sequence[str],
    unit: Unit,
) -> tuple[Unit, dict[str, FloatArray]]:
    """Take the samples of each condition; of what is measured of images, cells are."""
    if unit == "cluster" and descriptor in clusters:
        by = clusters["condition"]
        return unit, {one: finite_values(clusters[by == one], descriptor) for one in conditions}
    rows = table[(table["descriptor"] == descriptor) & np.isfinite(table["median"])]
    if unit == "replicate":
        rows = rows.groupby(["condition", "replicate"], sort=False)["median"].median().reset_index()
    by = rows["condition"]
    of: Unit = "cell" if unit == "cluster" else unit
    return of, {one: finite_values(rows[by == one], "median") for one in conditions}


def _columns(values: Mapping[str, pd.Series[float]]) -> pd.DataFrame:
    """Put conditions side by side, as GraphPad Prism takes them; short ones end in empty fields."""
    columns = [part.reset_index(drop=True).rename(name) for name, part in values.items()]
    return pd.concat(columns, axis=1)


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Round numbers to six digits, for people to read."""
    table = table.copy()
    for name in table.select_dtypes("float64"):
        table[name] = [float(f"{value:.6g}") for value in table[name]]
    return table


def _tell(found: Comparison) -> None:
    """Warn of what was not tested, or not as one would think; of many descriptors at once."""
    for table, what in ((found.tests, "ranks"), (found.mixed, "mixed model")):
        known = table[table["note"] != ""]
        for note, rows in known.groupby("note", sort=False):
            names = list(dict.fromkeys(rows["descriptor"]))
            shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            warnings.warn(DataWarning(f"{what}, {shown}: {note}"), stacklevel=3)
