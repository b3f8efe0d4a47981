"""A linear mixed model: every cluster counts, and those of one cell are known to be alike."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml._arrays import FloatArray, IntArray
from caml.compare.ranks import Adjustment, check_adjustment, stars

__all__ = ["MIXED_COLUMNS", "mixed_model"]

MIXED_COLUMNS = (
    "descriptor", "scale", "condition_1", "condition_2", "n_cells_1", "n_cells_2", "n_clusters_1",
    "n_clusters_2", "estimate", "ci_low", "ci_high", "t", "df", "p", "p_adjusted", "stars",
    "sd_replicate", "sd_cell", "sd_cluster", "note",
)  # fmt: skip

# Shares from 0 to 1, whose differences mean more than their ratios.
SHARES = ("eccentricity", "circularity", "solidity", "score_mean")

# Logarithms of a variance over that of clusters of one cell; the lower end stands for none.
LOG_RATIO = (-18.0, 18.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The means of conditions, their covariance, and the three variances."""

    means: FloatArray
    covariance: FloatArray
    replicate: float
    cell: float
    cluster: float
    converged: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """What a cell is: how many clusters, of which condition and replicate; and their sums."""

    conditions: FloatArray
    replicates: FloatArray
    n_clusters: IntArray
    mean: FloatArray
    within: float

    @property
    def has_replicates(self) -> bool:
        """Whether there are several."""
        return int(self.replicates.shape[1]) > 1

    @property
    def n_within(self) -> int:
        """How many clusters there are beside the first of each cell."""
        return int(self.n_clusters.sum()) - len(self.n_clusters)


def mixed_model(
    clusters: pd.DataFrame,
    descriptor: str,
    conditions: Sequence[str],
    *,
    adjust: Adjustment = "holm",
) -> pd.DataFrame:
    """Compare conditions by all clusters, with a random part for each cell and replicate.

    Parameters
    ----------
    clusters : DataFrame
        A row per cluster: condition, replicate, cell, and the descriptor. Equal replicates of two
        conditions are one, such as a day on which both were imaged.
    descriptor : str
        What is compared. Numbers above 0 are compared by their logarithm, shares as they are.
    conditions : sequence of str
        All conditions, in order.
    adjust : {"holm", "bonferroni"}, default "holm"
        How P is adjusted for the number of pairs.

    Returns
    -------
    DataFrame
        A row per pair: see `docs/compare.md`. Where nothing can be told it is NaN, and the note
        says why.

    Raises
    ------
    InputError
        If there is no such adjustment.

    Notes
    -----
    y = condition + replicate + cell + cluster, the last three normal, by restricted maximum
    likelihood. As conditions do not vary within a cell, the likelihood is that of the cells' means,
    of variances σ²(replicate) + σ²(cell) + σ²(cluster)/n, times that of the sum of squares within
    cells: the estimates are those of a general fit of all clusters (of 7,200 clusters in 72 cells
    and 3 replicates that of statsmodels' MixedLM took 11 s, and this 1 s).
    P is of Student's t (Wald), whose degrees of freedom are those of the stratum in which a pair
    differs: cells less conditions; with replicates, cells less conditions and replicates, or, where
    the conditions were not imaged in the same replicates, replicates less conditions.

    Examples
    --------
    >>> import pandas as pd
    >>> clusters = pd.DataFrame(
    ...     {
    ...         "condition": ["a"] * 4 + ["b"] * 4,
    ...         "replicate": "",
    ...         "cell": [1, 1, 2, 2, 1, 1, 2, 2],
    ...         "area_nm2": [90, 110, 80, 120, 210, 190, 220, 180],
    ...     }
    ... )
    >>> round(mixed_model(clusters, "area_nm2", ["a", "b"])["estimate"].item(), 2)
    2.02
    """
    check_adjustment(adjust)
    values = clusters[descriptor].to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(values)
    clusters, values = clusters[known], values[known]
    logarithmic = descriptor not in SHARES and bool((values > 0).all())
    y = np.log(values) if logarithmic else values
    keys = ["condition", "replicate", "cell"]
    sums = pd.DataFrame({name: clusters[name].astype(str) for name in keys}).assign(y=y)
    cells = sums.groupby(keys, sort=False)["y"].agg(["mean", "size", "var"]).reset_index()
    n_cells = cells["condition"].value_counts()
    n_clusters = cells.groupby("condition")["size"].sum()
    rows = {
        (first, second): dict.fromkeys(MIXED_COLUMNS, np.nan)
        | {
            "descriptor": descriptor,
            "scale": "ratio" if logarithmic else "difference",
            "condition_1": first,
            "condition_2": second,
            "n_cells_1": int(n_cells.get(first, 0)),
            "n_cells_2": int(n_cells.get(second, 0)),
            "n_clusters_1": int(n_clusters.get(first, 0)),
            "n_clusters_2": int(n_clusters.get(second, 0)),
            "stars": "",
            "note": "fewer than two cells have clusters",
        }
        for first, second in itertools.combinations(conditions, 2)
    }
    used = [name for name in conditions if n_cells.get(name, 0) > 1]
    if len(used) > 1:
        design = _design(cells[cells["condition"].isin(used)], used)
        known = {pair: row for pair, row in rows.items() if pair[0] in used and pair[1] in used}
        _fill(known, design, used, adjust, logarithmic=logarithmic)
    return pd.DataFrame(list(rows.values()), columns=list(MIXED_COLUMNS))


def _fill(
    rows: Mapping[tuple[str, str], dict[str, Any]],
    design: _Design,
    used: Sequence[str],
    adjust: Adjustment,
    *,
    logarithmic: bool,
) -> None:
    """Fit the model, and write down what it says of each pair of conditions."""
    from scipy import stats
    from statsmodels.stats.multitest import multipletests

    spread = float(np.square(design.mean - design.mean.mean()).sum()) + design.within
    if design.n_within == 0 or design.within <= 1e-12 * spread:
        for row in rows.values():
            row["note"] = "clusters of one cell do not differ, or each cell has only one"
        return
    fit = _fit(design)
    for pair, row in rows.items():
        contrast = np.array([float(one == pair[1]) - float(one == pair[0]) for one in used])
        df = _degrees_of_freedom(design, contrast)
        row |= {"sd_cell": np.sqrt(fit.cell), "sd_cluster": np.sqrt(fit.cluster)}
        row["sd_replicate"] = np.sqrt(fit.replicate) if design.has_replicates else np.nan
        row["note"] = _what_to_know(design, fit)
        if df < 1:
            row["note"] = "too few replicates for a P"
            continue
        estimate, error = contrast @ fit.means, np.sqrt(contrast @ fit.covariance @ contrast)
        reach = stats.t.ppf(0.975, df) * error
        ends = np.array([estimate, estimate - reach, estimate + reach])
        ends = np.exp(ends) if logarithmic else ends
        row |= dict(zip(("estimate", "ci_low", "ci_high"), ends.tolist(), strict=True))
        row |= {"t": estimate / error, "df": df, "p": 2 * stats.t.sf(abs(estimate / error), df)}
    tested = [row for row in rows.values() if np.isfinite(row["p"])]
    adjusted = multipletests([row["p"] for row in tested], method=adjust)[1] if tested else ()
    for row, p in zip(tested, adjusted, strict=True):
        row |= {"p_adjusted": float(p), "stars": stars(float(p))}


def _what_to_know(design: _Design, fit: _Fit) -> str:
    """Say in words how the fit ended, where it did not end well."""
    notes = []
    if not fit.converged:
        notes.append("the fit did not converge: do not use it")
    if fit.cell == 0:
        notes.append("clusters of one cell are no more alike than those of several")
    if design.has_replicates and fit.replicate == 0:
        notes.append("cells of one replicate are no more alike than those of several")
    return "; ".join(notes)


def _design(cells: pd.DataFrame, used: Sequence[str]) -> _Design:
    n = cells["size"].to_numpy(dtype=np.int64)
    replicate = pd.factorize(cells["replicate"])[0]
    squares = cells["var"].fillna(0).to_numpy() * (n - 1)
    return _Design(
        (cells["condition"].to_numpy()[:, None] == np.array(used, dtype=object)).astype(float),
        np.eye(replicate.max() + 1)[replicate],
        n,
        cells["mean"].to_numpy(),
        float(squares.sum()),
    )


def _fit(design: _Design) -> _Fit:
    """Maximize the restricted likelihood over the ratios of variances."""
    from scipy import optimize

    n_ratios = 1 + design.has_replicates
    low, high = LOG_RATIO

    def loss(logs: npt.NDArray[np.float64]) -> float:
        return _profile(design, logs)[0]

    ends = [
        optimize.minimize(
            loss, np.full(n_ratios, start), method="L-BFGS-B", bounds=[LOG_RATIO] * n_ratios
        )
        for start in (-4.0, -1.0, 2.0)  # the likelihood is flat far from its maximum
    ]
    best = min(ends, key=lambda end: float(end.fun))
    _, means, covariance, cluster = _profile(design, best.x)
    # At an end there is no such variance; one as near to it as no data can tell is none either.
    ratios = np.where(best.x < low + 3, 0.0, np.exp(best.x))
    return _Fit(
        means,
        covariance,
        float(ratios[1] * cluster) if design.has_replicates else 0.0,
        float(ratios[0] * cluster),
        cluster,
        bool(best.success and (best.x < high - 1).all()),
    )


def _profile(
    design: _Design, logs: npt.NDArray[np.float64]
) -> tuple[float, FloatArray, FloatArray, float]:
    """Return −log restricted likelihood at ratios of variances, and the estimates there."""
    x, z = design.conditions, design.replicates
    variance = np.diag(1 / design.n_clusters + np.exp(logs[0]))
    if design.has_replicates:
        variance = variance + np.exp(logs[1]) * (z @ z.T)
    solved = np.linalg.solve(variance, np.column_stack([x, design.mean]))
    information = x.T @ solved[:, :-1]
    means = np.linalg.solve(information, x.T @ solved[:, -1])
    residual = design.mean - x @ means
    squares = design.within + residual @ np.linalg.solve(variance, residual)
    n_free = design.n_clusters.sum() - x.shape[1]
    cluster = float(squares / n_free)
    determinants = np.linalg.slogdet(variance)[1] + np.linalg.slogdet(information)[1]
    loss = (n_free * np.log(cluster) + determinants) / 2
    return float(loss), means, cluster * np.linalg.inv(information), cluster


def _degrees_of_freedom(design: _Design, contrast: FloatArray) -> int:
    """Count what is left of the stratum in which two conditions differ."""
    x, z = design.conditions, design.replicates
    n_cells, n_conditions = x.shape
    if not design.has_replicates:
        return int(n_cells - n_conditions)
    within = x - z @ np.linalg.lstsq(z, x, rcond=None)[0]
    # What is left of nothing is rounding, which has a rank of its own.
    if _rank(np.vstack([within, contrast])) == _rank(within):
        return int(n_cells) - _rank(np.hstack([x, z]))
    return int(z.shape[1] - n_conditions)


def _rank(matrix: FloatArray) -> int:
    return int(np.linalg.matrix_rank(matrix, tol=1e-8))
