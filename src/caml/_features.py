"""The inputs of networks, compiled: the same numbers as in `caml.features`, sooner."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from caml._compile import compiled

__all__ = ["norm_self"]


def norm_self(distances: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Compute `caml.features.norm_self`.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        Sorted distances to the k nearest neighbours, the localization itself left out.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32
        Free of unit and scale.
    """
    scaled = np.empty(distances.shape, dtype=np.float32)
    _norm_self(distances, np.empty(distances.shape[1], dtype=distances.dtype), scaled)
    return scaled


@compiled
def _norm_self(distances: Any, steps: Any, scaled: Any) -> None:
    n, k = distances.shape
    for i in range(n):
        lowest = highest = steps[0] = distances[i, 0]
        for j in range(1, k):
            steps[j] = distances[i, j] - distances[i, j - 1]
        for j in range(1, k):
            lowest = min(lowest, steps[j])
            highest = max(highest, steps[j])
        largest = highest - lowest
        for j in range(k):
            scaled[i, j] = (steps[j] - lowest) / largest if largest > 0 else 0.0
