"""Tests of ranks between groups, their effect sizes, and intervals of differences of medians."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from caml._arrays import FloatArray
from caml.errors import InputError

__all__ = [
    "ADJUSTMENTS",
    "Adjustment",
    "Dunn",
    "KruskalWallis",
    "check_adjustment",
    "cliffs_delta",
    "dunn",
    "false_discovery",
    "kruskal_wallis",
    "median_difference",
    "pairs_of",
    "resampled_medians",
    "stars",
]

Adjustment = Literal["holm", "bonferroni"]

# By the names that `statsmodels.stats.multitest` knows.
ADJUSTMENTS: tuple[Adjustment, ...] = ("holm", "bonferroni")

# GraphPad Prism's.
STARS = ((1e-4, "****"), (1e-3, "***"), (1e-2, "**"), (0.05, "*"))


@dataclass(frozen=True, slots=True)
class KruskalWallis:
    """What a Kruskal–Wallis test found.

    Parameters
    ----------
    h : float
        The statistic, corrected for ties.
    df : int
        Its degrees of freedom.
    p : float
        From the χ² distribution.
    epsilon2 : float
        Effect size, 0 none to 1.
    """

    h: float
    df: int
    p: float
    epsilon2: float


@dataclass(frozen=True, slots=True, eq=False)
class Dunn:
    """What Dunn's test found of each pair of groups, in the order of `pairs_of`.

    Parameters
    ----------
    z : ndarray of shape (n_pairs,)
        Positive where the second group ranks higher.
    p, p_adjusted : ndarray of shape (n_pairs,)
        Two-sided; by itself, and adjusted for the number of pairs.
    """

    z: FloatArray
    p: FloatArray
    p_adjusted: FloatArray


def pairs_of(n_groups: int) -> list[tuple[int, int]]:
    """List all pairs of groups, in order.

    Parameters
    ----------
    n_groups : int
        How many groups there are.

    Returns
    -------
    list of (int, int)
        Their numbers, the smaller first.

    Examples
    --------
    >>> pairs_of(3)
    [(0, 1), (0, 2), (1, 2)]
    """
    return list(itertools.combinations(range(n_groups), 2))


def kruskal_wallis(groups: Sequence[FloatArray]) -> KruskalWallis:
    """Test whether values of several groups differ in rank.

    Parameters
    ----------
    groups : sequence of ndarray of shape (n_samples,)
        At least two, of at least one finite value each.

    Returns
    -------
    KruskalWallis
        All NaN where all values are the same: then nothing can be told.

    Raises
    ------
    InputError
        If there are fewer than two groups, or one has no values.

    Notes
    -----
    Kruskal & Wallis 1952. The effect size is ε² = H (n + 1) / (n² − 1) = H / (n − 1), n of all
    groups together (Tomczak & Tomczak 2014).

    Examples
    --------
    >>> found = kruskal_wallis([np.array([1.0, 2, 3]), np.array([4.0, 5, 6])])
    >>> round(found.h, 4), found.df, round(found.p, 4)
    (3.8571, 1, 0.0495)
    """
    from scipy import stats

    everything = _joined(groups)
    df = len(groups) - 1
    if np.ptp(everything) == 0:
        return KruskalWallis(np.nan, df, np.nan, np.nan)
    found = stats.kruskal(*groups)
    h = float(found.statistic)
    return KruskalWallis(h, df, float(found.pvalue), h / (len(everything) - 1))


def dunn(groups: Sequence[FloatArray], *, adjust: Adjustment = "holm") -> Dunn:
    """Compare each pair of groups by the mean ranks that they have among all groups.

    Parameters
    ----------
    groups : sequence of ndarray of shape (n_samples,)
        At least two, of at least one finite value each.
    adjust : {"holm", "bonferroni"}, default "holm"
        How P is adjusted for the number of pairs.

    Returns
    -------
    Dunn
        All NaN where all values are the same.

    Raises
    ------
    InputError
        If there are fewer than two groups, one has no values, or there is no such adjustment.

    Notes
    -----
    Dunn 1964: z = (R̄₂ − R̄₁) / √((n(n + 1) − Σ(t³ − t)/(n − 1)) / 12 · (1/n₁ + 1/n₂)), R̄ the mean
    ranks among all n values, t the sizes of ties. Of two groups z² is the H of Kruskal and Wallis,
    and the square of Mann and Whitney's z without their correction for continuity. P is
    scikit-posthocs'.

    Examples
    --------
    >>> found = dunn([np.array([1.0, 2, 3]), np.array([4.0, 5, 6])])
    >>> round(found.z.item() ** 2, 4), round(found.p.item(), 4)
    (3.8571, 0.0495)
    """
    check_adjustment(adjust)
    everything = _joined(groups)
    pairs = pairs_of(len(groups))
    if np.ptp(everything) == 0:
        nothing = np.full(len(pairs), np.nan)
        return Dunn(nothing, nothing, nothing)
    from scikit_posthocs import posthoc_dunn
    from scipy import stats

    group = np.repeat(np.arange(len(groups)), [len(one) for one in groups])
    n, rank = len(everything), stats.rankdata(everything)
    sizes = np.bincount(group)
    means = np.bincount(group, weights=rank) / sizes
    ties = np.unique(everything, return_counts=True)[1].astype(float)
    variance = (n * (n + 1) - (ties**3 - ties).sum() / (n - 1)) / 12
    z = [
        (means[j] - means[i]) / np.sqrt(variance * (1 / sizes[i] + 1 / sizes[j])) for i, j in pairs
    ]
    table = pd.DataFrame({"value": everything, "group": group})
    plain, adjusted = (
        posthoc_dunn(table, val_col="value", group_col="group", p_adjust=how).to_numpy()
        for how in (None, adjust)
    )
    first, second = np.array(pairs).T
    return Dunn(np.array(z), plain[first, second], adjusted[first, second])


def cliffs_delta(first: FloatArray, second: FloatArray) -> float:
    """Measure how often values of one group are larger than those of another.

    Parameters
    ----------
    first, second : ndarray of shape (n_samples,)
        Finite values, at least one each.

    Returns
    -------
    float
        From −1, all of the second are smaller, to 1, all are larger; 0 is neither.

    Notes
    -----
    Cliff 1993: (#(x₂ > x₁) − #(x₂ < x₁)) / (n₁ n₂) over all pairs of values; by ranks, which takes
    n log n.

    Examples
    --------
    >>> cliffs_delta(np.array([1.0, 2]), np.array([2.0, 3]))
    0.75
    """
    ordered = np.sort(first)
    smaller = np.searchsorted(ordered, second, side="left").sum()
    larger = (len(first) - np.searchsorted(ordered, second, side="right")).sum()
    return float((int(smaller) - int(larger)) / (len(first) * len(second)))


def resampled_medians(
    values: FloatArray, n_bootstrap: int, generator: np.random.Generator
) -> FloatArray:
    """Draw medians of samples taken with replacement.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        What is resampled; at least one.
    n_bootstrap : int
        How many medians.
    generator : numpy.random.Generator
        What draws.

    Returns
    -------
    ndarray of shape (n_bootstrap,)
        The medians, of exactly the distribution that resampling gives.

    Notes
    -----
    A resample is x₍⌈nU⌉₎ of n uniform U, and its median the x at their middle. The k-th of n
    uniforms is Beta(k, n + 1 − k), and the one after it 1 − (1 − U₍ₖ₎) V^(1/(n − k)), V uniform. So
    two draws do for a median of any n, and a million clusters take no longer than ten cells.
    """
    ordered, n = np.sort(values), len(values)
    k = (n + 1) // 2
    low = generator.beta(k, n + 1 - k, n_bootstrap)
    middle = ordered[np.minimum((low * n).astype(np.int64), n - 1)]
    if n % 2:
        return middle
    high = 1 - (1 - low) * generator.random(n_bootstrap) ** (1 / (n - k))
    return (middle + ordered[np.minimum((high * n).astype(np.int64), n - 1)]) / 2


def median_difference(
    first: FloatArray,
    second: FloatArray,
    *,
    n_bootstrap: int,
    generator: np.random.Generator,
) -> tuple[float, float, float]:
    """Subtract the median of a group from that of another, with an interval of 95 %.

    Parameters
    ----------
    first, second : ndarray of shape (n_samples,)
        Finite values, at least one each.
    n_bootstrap : int
        How many resamples of each group.
    generator : numpy.random.Generator
        What draws them.

    Returns
    -------
    difference, low, high : float
        The second's median less the first's, and its interval.

    Notes
    -----
    The interval is that of percentiles; BCa needs a jackknife, which is not consistent for medians
    (Efron & Tibshirani 1993, section 11.6).
    """
    difference = float(np.median(second) - np.median(first))
    drawn = resampled_medians(second, n_bootstrap, generator) - resampled_medians(
        first, n_bootstrap, generator
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    return difference, float(low), float(high)


def stars(p: float) -> str:
    """Say in stars how small P is.

    Parameters
    ----------
    p : float
        Adjusted where there are several pairs.

    Returns
    -------
    str
        ``****`` below 0.0001, ``***`` below 0.001, ``**`` below 0.01, ``*`` below 0.05, else
        ``ns``; empty where P is not known.

    Examples
    --------
    >>> [stars(p) for p in (0.00002, 0.03, 0.05)]
    ['****', '*', 'ns']
    """
    if np.isnan(p):
        return ""
    return next((text for below, text in STARS if p < below), "ns")


def false_discovery(p: FloatArray) -> FloatArray:
    """Adjust P for the number of tests, as Benjamini and Hochberg do.

    Parameters
    ----------
    p : ndarray of shape (n_tests,)
        Each by itself; NaN where nothing was tested, which does not count.

    Returns
    -------
    ndarray of shape (n_tests,)
        The adjusted; of all that lie below 0.05 no more than 5 % are expected to be false. NaN
        where `p` is.

    Notes
    -----
    Benjamini & Hochberg 1995: the i-th smallest of m becomes the least of p₍ⱼ₎ m / j over all
    j ≥ i. That holds for tests that are independent or positively dependent, as those of
    descriptors of the same clusters are. By statsmodels.

    Examples
    --------
    >>> false_discovery(np.array([0.01, 0.04, 0.02, np.nan])).round(3).tolist()
    [0.03, 0.04, 0.03, nan]
    """
    from statsmodels.stats.multitest import multipletests

    known = ~np.isnan(p)
    adjusted = np.full(len(p), np.nan)
    if known.any():
        adjusted[known] = multipletests(p[known], method="fdr_bh")[1]
    return adjusted


def check_adjustment(adjust: str) -> None:
    """Refuse an adjustment that there is not.

    Parameters
    ----------
    adjust : str
        Its name.

    Raises
    ------
    InputError
        If it is none of `ADJUSTMENTS`.
    """
    if adjust not in ADJUSTMENTS:
        raise InputError(f"P is adjusted by {' or '.join(ADJUSTMENTS)}; got {adjust!r}")


def _joined(groups: Sequence[FloatArray]) -> FloatArray:
    """Join groups that can be compared."""
    sizes = [len(one) for one in groups]
    if len(sizes) < 2 or not all(sizes):
        raise InputError(
            f"at least two groups of at least one value each are needed; got groups of {sizes}"
        )
    everything = np.concatenate(groups)
    if not np.isfinite(everything).all():
        raise InputError("groups must hold finite values: leave out NaN and infinity first")
    return everything
