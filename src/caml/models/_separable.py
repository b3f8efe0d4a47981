"""Sums of piecewise linear functions, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from caml._compile import compiled

__all__ = ["sums"]

Single = npt.NDArray[np.float32]

LANES = 16


def sums(features: Single, bends: Single, slopes: Single, intercepts: Single) -> Single:
    """Add up, over neighbours, a piecewise linear function of each neighbour's value.

    Parameters
    ----------
    features : ndarray of shape (n_localizations, k), float32
        The values.
    bends : ndarray of shape (n_bends,), float32
        Where the functions bend, in order.
    slopes, intercepts : ndarray of shape (n_bends + 1, k), float32
        Of each neighbour's function, between one bend and the next.

    Returns
    -------
    ndarray of shape (n_localizations,), float32
        The sums.
    """
    width = -(-features.shape[1] // LANES) * LANES
    more = ((0, 0), (0, width - features.shape[1]))
    total = np.empty(len(features), dtype=np.float32)
    _sums(
        features,
        bends,
        np.pad(slopes, more),
        np.pad(intercepts, more),
        np.zeros(width, dtype=np.float32),
        np.zeros(width, dtype=np.int32),
        total,
    )
    return total


@compiled
def _sums(
    features: Any, bends: Any, slopes: Any, intercepts: Any, value: Any, piece: Any, total: Any
) -> None:
    n, k = features.shape
    lanes = np.empty(LANES, dtype=np.float32)
    for i in range(n):
        for j in range(k):
            value[j] = features[i, j]
            piece[j] = 0
        # With few bends, counting those below every value at once is sooner done than a search.
        for bend in bends:
            for j in range(k):
                piece[j] += np.int32(value[j] >= bend)
        lanes[:] = 0
        for start in range(0, slopes.shape[1], LANES):
            for lane in range(LANES):
                j = start + lane
                term = slopes[piece[j], j] * value[j] + intercepts[piece[j], j]
                lanes[lane] += term
        total[i] = 0
        for lane in range(LANES):
            total[i] += lanes[lane]
