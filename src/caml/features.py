"""From neighbours to what a network looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from caml._machine import compiler_is_loaded
from caml.errors import ModelError
from caml.neighbours import Neighbours

__all__ = ["BOUNDS", "FEATURES", "features", "norm_self"]

Features = npt.NDArray[np.float32]


def norm_self(distances: npt.NDArray[np.floating[Any]]) -> Features:
    """Scale the steps from one neighbour's distance to the next to between 0 and 1.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        Sorted distances to the k nearest neighbours, the localization itself left out.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32
        Free of unit and scale; 0 throughout where all steps are equal.

    Notes
    -----
    With ``v = [d1, d2 − d1, …, dk − d(k−1)]``: ``(v − min v)/(max v − min v)``, for each
    localization by itself ("Norm-Self"; Williamson et al. 2020, Methods).

    Examples
    --------
    >>> norm_self(np.array([[1.0, 3.0, 4.0]])).tolist()
    [[0.0, 1.0, 0.0]]
    """
    if compiler_is_loaded():
        from caml._features import norm_self as compiled_norm_self

        return compiled_norm_self(distances)
    steps = np.diff(distances, axis=1, prepend=distances.dtype.type(0))
    steps -= steps.min(axis=1, keepdims=True)
    largest = steps.max(axis=1, keepdims=True)
    scaled: Features = np.divide(
        steps, largest, out=np.zeros_like(steps), where=largest > 0
    ).astype(np.float32)
    return scaled


# By the name that a model's card gives its input.
FEATURES: dict[str, Callable[[npt.NDArray[np.floating[Any]]], Features]] = {
    "norm_self": norm_self,
}

# The lowest and the highest value of each.
BOUNDS: dict[str, tuple[float, float]] = {
    "norm_self": (0.0, 1.0),
}


def features(neighbours: Neighbours, name: str) -> Features:
    """Compute the input of a network.

    Parameters
    ----------
    neighbours : Neighbours
        Of shape (n_localizations, k).
    name : str
        Which input, as a model's card names it.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32
        What the network looks at.

    Raises
    ------
    ModelError
        If there is no input of that name.

    Examples
    --------
    >>> neighbours = Neighbours(np.array([[1.0, 3.0, 4.0]]), np.array([[1, 2, 3]]))
    >>> features(neighbours, "norm_self").tolist()
    [[0.0, 1.0, 0.0]]
    """
    if name not in FEATURES:
        raise ModelError(f"no network input is called {name!r}; there are: {', '.join(FEATURES)}")
    return FEATURES[name](neighbours.distances)
