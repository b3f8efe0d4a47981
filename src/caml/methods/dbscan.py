"""DBSCAN: clusters grow from localizations with enough others within a distance."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from caml._arrays import FloatArray, IntArray
from caml._cost import check_cost, check_count, check_length, estimated_pairs
from caml._geometry import unit_ball
from caml._window import why_no_size
from caml.errors import InputError
from caml.localizations import Localizations
from caml.methods._points import CannotTellError, points_of
from caml.neighbours import Neighbours, NeighbourSearch
from caml.segment import Segmentation

__all__ = ["dbscan", "suggest_eps"]

# Of scikit-learn's lists of neighbours: an index of 8 bytes each, twice while they are joined.
BYTES_PER_PAIR = 16
SECONDS_PER_PAIR = 4e-8


def dbscan(
    localizations: Localizations | npt.ArrayLike,
    *,
    eps_nm: float | None = None,
    min_samples: int | None = None,
) -> Segmentation:
    """Find clusters by DBSCAN.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look.
    eps_nm : float, optional
        How far the neighbourhood of a localization reaches, nm; by default where the k-distance
        curve differs most from chance (`suggest_eps`).
    min_samples : int, optional
        How many localizations, itself among them, make it a core of a cluster; twice the number
        of dimensions by default (Sander et al. 1998).

    Returns
    -------
    Segmentation
        Clusters, numbered by their first localization; without outlines.

    Raises
    ------
    InputError
        If a parameter is out of its range, or the neighbourhoods do not fit in memory.

    Notes
    -----
    Ester et al. 1996, by scikit-learn. Localizations in the neighbourhood of a core belong to its
    cluster; those of several go to the one that was found first.

    Examples
    --------
    >>> near = [[0, 0], [10, 0], [0, 10], [10, 10]]
    >>> dbscan([*near, [500, 500]], eps_nm=20, min_samples=4).cluster.tolist()
    [0, 0, 0, 0, -1]
    """
    points = points_of(localizations, "DBSCAN")
    min_samples = 2 * points.n_dimensions if min_samples is None else min_samples
    check_count(min_samples=min_samples)
    if eps_nm is not None:
        check_length(eps_nm=eps_nm)
    try:
        eps_nm = eps_nm or suggest_eps(localizations, min_samples=min_samples, criterion="chance")
    except CannotTellError as why:
        return points.nothing(f"dbscan, min_samples {min_samples}", why)
    made_by = f"dbscan, eps {eps_nm:.4g} nm, min_samples {min_samples}"
    if len(points) == 0:
        return points.nothing(made_by, "there are no localizations")
    from sklearn.cluster import DBSCAN

    _check_pairs(points.positions, eps_nm)
    found = DBSCAN(eps=eps_nm, min_samples=min_samples).fit(points.positions)
    return points.segmentation(found.labels_, made_by)


def suggest_eps(
    localizations: Localizations | npt.ArrayLike,
    *,
    min_samples: int | None = None,
    criterion: Literal["knee", "chance"] = "knee",
) -> float:
    """Suggest how far DBSCAN's neighbourhoods reach, from the k-distance curve.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where clusters are to be found.
    min_samples : int, optional
        As for `dbscan`.
    criterion : {"knee", "chance"}, default "knee"
        The knee of the curve, or where it differs most from chance.

    Returns
    -------
    float
        The distance, nm.

    Raises
    ------
    InputError
        If there are not more than `min_samples` localizations at different positions, or all
        distances are the same.

    Notes
    -----
    The distances to the (min_samples − 1)-th neighbour, sorted, are flat within clusters and rise
    steeply outside (Ester et al. 1996, section 4.2). The knee is where the curve, scaled to the
    unit square, lies furthest below its diagonal (Satopää et al. 2011). Where much is not
    clustered, that is far out among what is not. By chance, with complete spatial randomness of
    density λ, the k-th neighbour is within r with probability P(k, λπr²), the regularized lower
    incomplete gamma function (in 3D 4πr³/3); the other criterion is the r at which the share of
    localizations exceeds it most.

    Examples
    --------
    >>> import numpy as np
    >>> corner = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    >>> far = [[400, 0], [0, 500], [900, 900]]
    >>> round(suggest_eps([*corner, *(corner + 90), *far], min_samples=4), 1)
    12.7
    """
    from scipy.special import gammainc

    points = points_of(localizations, "DBSCAN")
    min_samples = 2 * points.n_dimensions if min_samples is None else min_samples
    check_count(least=2, min_samples=min_samples)
    search = NeighbourSearch(points.positions)
    if len(search) <= min_samples:
        raise CannotTellError(
            f"the k-distance curve needs more than min_samples, {min_samples}, localizations at "
            f"different positions; got {len(search)}: give eps_nm"
        )
    if criterion not in ("knee", "chance"):
        raise InputError(f"criterion is one of knee, chance, got {criterion!r}")
    if criterion == "chance" and not points.size:
        raise CannotTellError(f"{why_no_size(points.positions, points.region)}, or choose eps_nm")
    curve = np.sort(k_distances(search, min_samples - 1))
    low, high = curve[0], curve[-1]
    if math.isclose(low, high):
        raise CannotTellError(
            f"all localizations are {low:g} nm from their neighbour number {min_samples - 1}: the "
            "k-distance curve has no knee; give eps_nm"
        )
    share = np.linspace(0, 1, len(curve))
    expected = (curve - low) / (high - low)
    if criterion == "chance":
        n_expected = len(points) / points.size * unit_ball(points.n_dimensions)
        expected = gammainc(min_samples - 1, n_expected * curve**points.n_dimensions)
    return float(curve[(share - expected).argmax()])


def k_distances(search: NeighbourSearch, k: int) -> FloatArray:
    """Measure the distance from each distinct position to its k-th neighbour.

    Parameters
    ----------
    search : NeighbourSearch
        Of the localizations.
    k : int
        Which neighbour, from 1.

    Returns
    -------
    ndarray of shape (n_distinct,), nm
        The distances.
    """
    distance = np.empty(len(search))

    def note(rows: IntArray, near: Neighbours) -> None:
        distance[rows] = near.distances[:, k - 1]

    for _ in search.chunks(k, note):
        pass
    return distance


def _check_pairs(positions: FloatArray, eps_nm: float) -> None:
    """Refuse neighbourhoods that do not fit in memory, told from some of them."""
    from scipy.spatial import cKDTree

    n_pairs = estimated_pairs(cKDTree(positions), eps_nm)
    check_cost(
        "DBSCAN with these neighbourhoods",
        len(positions),
        n_bytes=n_pairs * BYTES_PER_PAIR,
        seconds=n_pairs * SECONDS_PER_PAIR,
    )
