"""Coordinate-based colocalization: how alike the surroundings of a localization are in two sets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from caml._arrays import FloatArray, IntArray
from caml._cost import check_cost, check_count, check_length
from caml.errors import InputError
from caml.localizations import Localizations, as_positions

__all__ = ["coordinate_based_colocalization"]

# Pairs that are held at once: 24 bytes each.
PAIRS_AT_ONCE = 1 << 20
MOST_AT_ONCE = 4_096
SECONDS_PER_PAIR = 1.5e-7


def coordinate_based_colocalization(
    first: Localizations | npt.ArrayLike,
    second: Localizations | npt.ArrayLike,
    *,
    max_radius_nm: float = 500.0,
    n_steps: int = 50,
) -> FloatArray:
    """Measure how much the localizations of one set colocalize with another set, each by itself.

    Parameters
    ----------
    first : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Those that get a value.
    second : Localizations or array-like of shape (n_others, 2 or 3), nm
        Those that they may colocalize with.
    max_radius_nm : float, default 500
        How far around a localization is looked, nm.
    n_steps : int, default 50
        At how many radii, evenly spaced up to that.

    Returns
    -------
    ndarray of shape (n_localizations,)
        From −1 (avoids the second set) over 0 (nothing to do with it) to 1 (colocalized). NaN
        where it is not defined: without another localization of its own set or any of the second
        within the largest radius, or without a finite position.

    Raises
    ------
    InputError
        If one set is in 2D and the other in 3D, a number is out of its range, or it would take
        longer than an hour.

    Notes
    -----
    Of localization i of A, with N(r) localizations within r, itself left out,
    D_A(r) = N_A(r)/N_A(R)·R²/r² and D_B(r) = N_B(r)/N_B(R)·R²/r² (3D: R³/r³). Its value is
    S·exp(−E/R), S the rank correlation (Spearman) of D_A and D_B over the radii, and E the distance
    to the nearest of B (Malkusch et al. 2012, equations 1 to 4). It compares shapes of densities,
    not densities: a localization in the middle of a cluster of A and of a larger one of B
    colocalizes, one at the edge of both may not.

    Examples
    --------
    >>> red = [[0, 0], [3, 0], [0, 4], [40, 0], [0, 90]]
    >>> green = [[1, 1], [2, 2], [35, 0], [0, 80]]
    >>> found = coordinate_based_colocalization(red, green, max_radius_nm=100, n_steps=10)
    >>> bool(found[0] > 0.9)
    True
    """
    a, b = as_positions(first), as_positions(second)
    if a.shape[1] != b.shape[1]:
        raise InputError(f"one set is in {a.shape[1]}D and the other in {b.shape[1]}D")
    check_length(max_radius_nm=max_radius_nm)
    check_count(least=2, n_steps=n_steps)
    rows = np.flatnonzero(np.isfinite(a).all(axis=1))
    own, others = a[rows], b[np.isfinite(b).all(axis=1)]
    value = np.full(len(a), np.nan)
    if len(own) < 2 or len(others) == 0:
        return value
    radii = max_radius_nm * np.arange(1, n_steps + 1) / n_steps
    trees = cKDTree(own), cKDTree(others)
    n_near = [tree.query_ball_point(own, max_radius_nm, return_length=True) for tree in trees]
    n_pairs = float(sum(np.sum(n) for n in n_near))
    check_cost(
        "coordinate-based colocalization",
        len(own),
        n_bytes=0,
        seconds=n_pairs * SECONDS_PER_PAIR,
        remedy="choose a smaller radius, or a smaller region",
    )
    for chunk in _chunks(trees[0].indices, np.asarray(n_near[0]) + np.asarray(n_near[1])):
        mine = _within(own[chunk], trees[0], radii)
        # Each is its own neighbour at distance 0, which is in every count.
        mine -= 1
        theirs = _within(own[chunk], trees[1], radii)
        known = (mine[:, -1] > 0) & (theirs[:, -1] > 0)
        n_dimensions = own.shape[1]
        alike = _rank_correlation(
            _density(mine[known], radii, n_dimensions), _density(theirs[known], radii, n_dimensions)
        )
        nearest = np.asarray(trees[1].query(own[chunk[known]])[0])
        value[rows[chunk[known]]] = alike * np.exp(-nearest / max_radius_nm)
    return value


def _chunks(order: IntArray, n_pairs: IntArray) -> Iterator[IntArray]:
    """Cut localizations into chunks, near ones together, none of too many pairs."""
    start = 0
    while start < len(order):
        pairs = np.cumsum(n_pairs[order[start : start + MOST_AT_ONCE]])
        n = max(1, int(np.searchsorted(pairs, PAIRS_AT_ONCE, side="right")))
        yield order[start : start + n]
        start += n


def _within(positions: FloatArray, tree: cKDTree, radii: FloatArray) -> IntArray:
    """Count the tree's localizations within each radius of each position."""
    pairs = cKDTree(positions).sparse_distance_matrix(tree, radii[-1], output_type="ndarray")
    # A distance that is a radius is within it.
    bin_ = np.searchsorted(radii, pairs["v"], side="left")
    kept = bin_ < len(radii)
    flat = pairs["i"][kept] * len(radii) + bin_[kept]
    counts = np.bincount(flat, minlength=len(positions) * len(radii))
    return np.asarray(np.cumsum(counts.reshape(len(positions), len(radii)), axis=1))


def _density(n: IntArray, radii: FloatArray, n_dimensions: int) -> FloatArray:
    """Return the density within each radius over that within the largest."""
    return np.asarray(n / n[:, -1:] * (radii[-1] / radii) ** n_dimensions)


def _rank_correlation(a: FloatArray, b: FloatArray) -> FloatArray:
    """Correlate the ranks of two arrays, row by row; NaN where all of a row are equal."""
    from scipy.stats import rankdata

    if len(a) == 0:
        return np.empty(0)
    # Equal but for the last digit of a quotient is equal.
    x, y = (rankdata(np.round(one, 9), axis=1) for one in (a, b))
    x, y = (one - one.mean(axis=1, keepdims=True) for one in (x, y))
    with np.errstate(invalid="ignore"):
        return np.asarray((x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1)))
