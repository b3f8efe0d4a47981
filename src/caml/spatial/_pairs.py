"""Pairs of localizations, counted by their distance and never listed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from caml._arrays import FloatArray, IntArray
from caml._cost import check_cost

__all__ = ["check_pairs", "count_pairs"]

# Of SciPy's count_neighbors with a thousand distances. It keeps the interpreter's lock: threads
# are of no use.
SECONDS_PER_PAIR = 8e-8
# Localizations whose neighbours are counted to foresee the cost.
N_SAMPLED = 500


def count_pairs(positions: FloatArray, others: FloatArray, ends: FloatArray) -> IntArray:
    """Count the pairs of two sets by distance.

    Parameters
    ----------
    positions, others : ndarray of shape (n, 2 or 3) and (m, 2 or 3), nm
        The two sets; may be the same, and each localization is then a pair with itself.
    ends : ndarray of shape (n_bins,), nm
        Where each bin ends, increasing. A pair at that very distance is in it.

    Returns
    -------
    ndarray of shape (n_bins,)
        How many pairs are in each bin; those beyond the last are left out.
    """
    if len(positions) == 0 or len(others) == 0:
        return np.zeros(len(ends), dtype=np.int64)
    tree = cKDTree(others)
    other = tree if others is positions else cKDTree(positions)
    return np.asarray(other.count_neighbors(tree, ends, cumulative=False), dtype=np.int64)


def check_pairs(
    what: str, sets: Sequence[tuple[FloatArray, FloatArray]], radius: float, *, repeats: int = 1
) -> None:
    """Refuse to count pairs that nobody waits for, told from some of them.

    Parameters
    ----------
    what : str
        Who asks.
    sets : sequence of (ndarray, ndarray), nm
        The sets whose pairs are counted.
    radius : float
        How far they are apart at most, nm.
    repeats : int, default 1
        How often they are counted.
    """
    n_pairs = 0.0
    for positions, others in sets:
        step = max(1, len(positions) // N_SAMPLED)
        near = cKDTree(others).query_ball_point(positions[::step], radius, return_length=True)
        n_pairs += float(np.mean(near)) * len(positions)
    check_cost(
        what,
        max(len(positions) for positions, _ in sets),
        n_bytes=0,
        seconds=n_pairs * repeats * SECONDS_PER_PAIR,
        remedy="choose a smaller radius (--radius), fewer simulations (--simulations), or a "
        "smaller region (--region)",
    )
