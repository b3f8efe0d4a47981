"""From neighbours to what a network looks at: its input, by the name its card gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caml._machine import compiler_is_loaded
from caml.errors import ModelError
from caml.neighbours import Neighbours

__all__ = [
    "INPUTS",
    "NetworkInput",
    "distances",
    "distances_l2",
    "features",
    "log_distances",
    "network_input",
    "norm_self",
    "relative_coordinates",
    "steps_l2",
    "steps_over_first",
    "steps_over_largest",
    "steps_over_smallest",
]

Floats = npt.NDArray[np.floating[Any]]
Features = npt.NDArray[np.float32]


def distances(distances: Floats) -> Features:
    """Take the distances as they are.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        Sorted distances to the k nearest neighbours, the localization itself left out.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32, nm
        The same.

    Notes
    -----
    The plainest of the inputs that the authors of Williamson et al. 2020 tried.

    Examples
    --------
    >>> distances(np.array([[1.0, 3.0, 4.0]])).tolist()
    [[1.0, 3.0, 4.0]]
    """
    return np.asarray(distances, dtype=np.float32)


def log_distances(distances: Floats) -> Features:
    """Take the logarithms of the distances.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        Sorted distances to the k nearest neighbours, the localization itself left out.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32
        ``log(1 + d / nm)``: a factor between two distances weighs the same wherever it is, and a
        network knows how large a nanometre is.

    Examples
    --------
    >>> log_distances(np.array([[0.0, np.e - 1]])).tolist()
    [[0.0, 1.0]]
    """
    # A sum and a logarithm in single precision run as vectors, log1p does not.
    shifted = np.asarray(distances, dtype=np.float32) + np.float32(1)
    logarithms: Features = np.log(shifted, out=shifted)
    return logarithms


def norm_self(distances: Floats) -> Features:
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
    steps = _steps(distances)
    steps -= steps.min(axis=1, keepdims=True)
    return _over(steps, steps.max(axis=1, keepdims=True))


def distances_l2(distances: Floats) -> Features:
    """Divide the distances by their Euclidean norm.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        Sorted distances to the k nearest neighbours, the localization itself left out.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32
        ``d / |d|``, for each localization by itself; 0 where all are 0.

    Notes
    -----
    One of the inputs that the authors of Williamson et al. 2020 tried.

    Examples
    --------
    >>> distances_l2(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]], dtype=float32)
    """
    return _over(distances, np.linalg.norm(distances, axis=1, keepdims=True))


def steps_l2(distances: Floats) -> Features:
    """Divide the steps from one neighbour's distance to the next by their Euclidean norm.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        Sorted distances to the k nearest neighbours, the localization itself left out.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32
        ``v / |v|`` with the steps ``v = [d1, d2 − d1, …]``, for each localization by itself; 0
        where all are 0.

    Notes
    -----
    One of the inputs that the authors of Williamson et al. 2020 tried.

    Examples
    --------
    >>> steps_l2(np.array([[3.0, 7.0]]))
    array([[0.6, 0.8]], dtype=float32)
    """
    steps = _steps(distances)
    return _over(steps, np.linalg.norm(steps, axis=1, keepdims=True))


def steps_over_first(distances: Floats) -> Features:
    """Divide the steps from one neighbour's distance to the next by the first of them.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        Sorted distances to the k nearest neighbours, the localization itself left out.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32
        ``v / v1`` with the steps ``v = [d1, d2 − d1, …]``; 0 where the first is 0.

    Notes
    -----
    One of the inputs that the authors of Williamson et al. 2020 tried.

    Examples
    --------
    >>> steps_over_first(np.array([[2.0, 3.0, 7.0]])).tolist()
    [[1.0, 0.5, 2.0]]
    """
    steps = _steps(distances)
    return _over(steps, steps[:, :1])


def steps_over_smallest(distances: Floats) -> Features:
    """Divide the steps from one neighbour's distance to the next by the smallest of them.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        Sorted distances to the k nearest neighbours, the localization itself left out.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32
        ``v / min v`` with the steps ``v = [d1, d2 − d1, …]``; 0 where the smallest is 0.

    Notes
    -----
    One of the inputs that the authors of Williamson et al. 2020 tried. Without an upper bound: two
    neighbours at nearly the same distance make all values large.

    Examples
    --------
    >>> steps_over_smallest(np.array([[2.0, 3.0, 7.0]])).tolist()
    [[2.0, 1.0, 4.0]]
    """
    steps = _steps(distances)
    return _over(steps, steps.min(axis=1, keepdims=True))


def steps_over_largest(distances: Floats) -> Features:
    """Divide the steps from one neighbour's distance to the next by the largest of them.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        Sorted distances to the k nearest neighbours, the localization itself left out.

    Returns
    -------
    ndarray of shape (n_localizations, k), float32
        ``v / max v`` with the steps ``v = [d1, d2 − d1, …]``; 0 where all are 0.

    Notes
    -----
    One of the inputs that the authors of Williamson et al. 2020 tried.

    Examples
    --------
    >>> steps_over_largest(np.array([[2.0, 3.0, 7.0]])).tolist()
    [[0.5, 0.25, 1.0]]
    """
    steps = _steps(distances)
    return _over(steps, steps.max(axis=1, keepdims=True))


def relative_coordinates(offsets: Floats) -> Features:
    """Scale the neighbours' coordinates, relative to the localization, to their largest extent.

    Parameters
    ----------
    offsets : ndarray of shape (n_localizations, k, n_dimensions), nm
        From each localization to its k nearest neighbours, nearest first.

    Returns
    -------
    ndarray of shape (n_localizations, k, n_dimensions), float32
        From −1 to 1; 0 where all neighbours are at the same place.

    Notes
    -----
    Divided by the largest of the neighbours' ranges along x, y and z, the localization itself
    counted (Williamson et al. 2020, "normalized xy coordinate data", Supplementary Note 2).

    Examples
    --------
    >>> relative_coordinates(np.array([[[1.0, 0.0], [-3.0, 2.0]]])).tolist()
    [[[0.25, 0.0], [-0.75, 0.5]]]
    """
    highest = np.maximum(offsets.max(axis=1), 0)
    lowest = np.minimum(offsets.min(axis=1), 0)
    extent = (highest - lowest).max(axis=1)
    return _over(offsets, extent[:, None, None])


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInput:
    """What a network is fed with.

    Parameters
    ----------
    function : callable
        From distances of shape (n, k), or offsets of shape (n, k, n_dimensions), to float32.
    lowest, highest : float
        Between which its values lie.
    of_coordinates : bool, default False
        Whether it is computed from the neighbours' coordinates, not their distances.
    """

    function: Callable[[Floats], Features]
    lowest: float
    highest: float
    of_coordinates: bool = False

    def shape(self, k: int, n_dimensions: int) -> tuple[int, ...]:
        """Return what a network sees of one localization.

        Parameters
        ----------
        k : int
            How many neighbours.
        n_dimensions : int
            2 or 3.

        Returns
        -------
        tuple of int
            (k,), or (k, n_dimensions) of coordinates.
        """
        return (k, n_dimensions) if self.of_coordinates else (k,)


# By the name that a model's card gives its input.
INPUTS: dict[str, NetworkInput] = {
    "norm_self": NetworkInput(function=norm_self, lowest=0, highest=1),
    "log_distances": NetworkInput(function=log_distances, lowest=0, highest=np.inf),
    "distances": NetworkInput(function=distances, lowest=0, highest=np.inf),
    "distances_l2": NetworkInput(function=distances_l2, lowest=0, highest=1),
    "steps_l2": NetworkInput(function=steps_l2, lowest=0, highest=1),
    "steps_over_first": NetworkInput(function=steps_over_first, lowest=0, highest=np.inf),
    "steps_over_smallest": NetworkInput(function=steps_over_smallest, lowest=0, highest=np.inf),
    "steps_over_largest": NetworkInput(function=steps_over_largest, lowest=0, highest=1),
    "relative_coordinates": NetworkInput(
        function=relative_coordinates, lowest=-1, highest=1, of_coordinates=True
    ),
}


def network_input(name: str) -> NetworkInput:
    """Find an input by its name.

    Parameters
    ----------
    name : str
        Which input, as a model's card names it.

    Returns
    -------
    NetworkInput
        How it is computed.

    Raises
    ------
    ModelError
        If there is no input of that name.

    Examples
    --------
    >>> network_input("norm_self").shape(100, 2)
    (100,)
    """
    if name not in INPUTS:
        raise ModelError(f"no network input is called {name!r}; there are: {', '.join(INPUTS)}")
    return INPUTS[name]


def features(
    neighbours: Neighbours,
    name: str,
    *,
    positions: npt.NDArray[np.floating[Any]] | None = None,
    subset: npt.NDArray[np.integer[Any]] | None = None,
) -> Features:
    """Compute the input of a network.

    Parameters
    ----------
    neighbours : Neighbours
        Of n localizations, each with k; with indices for inputs of coordinates.
    name : str
        Which input, as a model's card names it.
    positions : ndarray of shape (n_positions, 2 or 3), nm, optional
        Where all localizations are, as the indices count them; for inputs of coordinates.
    subset : ndarray of shape (n,), optional
        Which of the positions the n are; all by default.

    Returns
    -------
    ndarray of shape (n, k) or (n, k, n_dimensions), float32
        What the network looks at.

    Raises
    ------
    ModelError
        If there is no input of that name, or the positions it needs are missing.

    Examples
    --------
    >>> neighbours = Neighbours(np.array([[1.0, 3.0, 4.0]]), np.array([[1, 2, 3]]))
    >>> features(neighbours, "norm_self").tolist()
    [[0.0, 1.0, 0.0]]
    """
    wanted = network_input(name)
    if not wanted.of_coordinates:
        return wanted.function(neighbours.distances)
    if positions is None:
        raise ModelError(f"{name} is computed from positions, and none were given")
    own = positions if subset is None else positions[subset]
    return wanted.function(positions[neighbours.indices] - own[:, None])


def _steps(distances: Floats) -> Floats:
    return np.diff(distances, axis=1, prepend=distances.dtype.type(0))


def _over(values: Floats, divisor: Floats) -> Features:
    """Divide, and give 0 where there is nothing to divide by."""
    quotient = np.divide(values, divisor, out=np.zeros_like(values), where=divisor > 0)
    return quotient.astype(np.float32)
