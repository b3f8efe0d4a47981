"""Clusters against true clusters: as partitions, as objects that match, as areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from caml._arrays import FloatArray, IntArray
from caml._cost import check_cost
from caml.errors import InputError
from caml.localizations import Localizations, as_positions
from caml.segment import Segmentation, renumber

__all__ = ["ClusterScores", "Matches", "hull_iou", "match_clusters", "score_clusters"]

# Nieves et al. 2023: what a pair of clusters costs.
WEIGHT_OF_CENTROIDS = 0.9
WEIGHT_OF_EXTENTS = 0.1
# Distances, costs, and the assignment, whose time grows with the third power at worst.
BYTES_PER_PAIR = 32
SECONDS_PER_PAIR = 1e-6
# A pair that may not match; above all distances that there are.
FORBIDDEN = 1e15


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterScores:
    """How well clusters agree with true ones; what is undefined is NaN.

    Parameters
    ----------
    n_true_clusters, n_clusters : int
        How many there are and how many were found.
    n_matched : int
        How many of them match.
    ari : float
        Adjusted Rand index; localizations in no cluster are a class like another.
    ari_clustered : float
        The same over the localizations that are truly clustered.
    ami : float
        Adjusted mutual information, with arithmetic mean.
    iou : float
        Intersection over union of the areas of all convex hulls; see `hull_iou`. NaN in 3D.
    jaccard : float
        JIc: matched over all clusters, true or found; see `match_clusters`.
    rmsre_n_localizations : float
        Root mean square, over matched clusters, of the relative error of the count of
        localizations.
    centroid_rmse_nm : float
        Root mean square distance of the centroids of matched clusters, nm.
    centroid_mean_nm : float
        Mean distance of them, nm.
    """

    n_true_clusters: int
    n_clusters: int
    n_matched: int
    ari: float
    ari_clustered: float
    ami: float
    iou: float
    jaccard: float
    rmsre_n_localizations: float
    centroid_rmse_nm: float
    centroid_mean_nm: float


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Which clusters are the same as which true ones.

    Parameters
    ----------
    true : ndarray of shape (n_matched,)
        Ids of true clusters, ascending.
    found : ndarray of shape (n_matched,)
        Ids of the clusters that match them.
    distance_nm : ndarray of shape (n_matched,), nm
        Between their centroids.
    jaccard : float
        Matched over all clusters, true or found; NaN where there are none.
    """

    true: IntArray
    found: IntArray
    distance_nm: FloatArray
    jaccard: float


def score_clusters(
    localizations: Localizations | npt.ArrayLike,
    segmentation: Segmentation | npt.ArrayLike,
    true_cluster: npt.ArrayLike,
) -> ClusterScores:
    """Compare clusters with true ones.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where the localizations are.
    segmentation : Segmentation or array-like of shape (n_localizations,)
        The clusters found; ids, negative for none.
    true_cluster : array-like of shape (n_localizations,)
        The true clusters; ids, negative for none.

    Returns
    -------
    ClusterScores
        The scores.

    Raises
    ------
    InputError
        If lengths differ.

    Notes
    -----
    As Nieves et al. 2023 (Nature Methods) score. Localizations without a finite position are left
    out.

    Examples
    --------
    >>> positions = [[0, 0], [10, 0], [0, 10], [500, 500], [510, 500], [500, 510], [900, 0]]
    >>> score_clusters(positions, [0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, -1]).n_matched
    1
    """
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    positions, found, true = _finite(localizations, segmentation, true_cluster)
    clustered = true >= 0
    matches = match_clusters(positions, found, true)
    n_found, n_true = (np.bincount(ids[ids >= 0]) for ids in (found, true))
    error = n_found[matches.found] / n_true[matches.true] - 1
    return ClusterScores(
        n_true_clusters=len(n_true),
        n_clusters=len(n_found),
        n_matched=len(matches.true),
        ari=float(adjusted_rand_score(true, found)) if len(true) else float("nan"),
        ari_clustered=float(adjusted_rand_score(true[clustered], found[clustered]))
        if clustered.any()
        else float("nan"),
        ami=float(adjusted_mutual_info_score(true, found)) if len(true) else float("nan"),
        iou=hull_iou(positions, found, true) if positions.shape[1] == 2 else float("nan"),
        jaccard=matches.jaccard,
        rmsre_n_localizations=_root_mean_square(error),
        centroid_rmse_nm=_root_mean_square(matches.distance_nm),
        centroid_mean_nm=float(matches.distance_nm.mean()) if len(error) else float("nan"),
    )


def match_clusters(
    localizations: Localizations | npt.ArrayLike,
    segmentation: Segmentation | npt.ArrayLike,
    true_cluster: npt.ArrayLike,
) -> Matches:
    """Match clusters with true ones, each with one at most, at the least cost in all.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where the localizations are.
    segmentation : Segmentation or array-like of shape (n_localizations,)
        The clusters found; ids, negative for none.
    true_cluster : array-like of shape (n_localizations,)
        The true clusters; ids, negative for none.

    Returns
    -------
    Matches
        Ids count the clusters from 0 in the order of the ids given.

    Raises
    ------
    InputError
        If lengths differ.

    Notes
    -----
    A pair costs 0.9 × the distance of centroids + 0.1 × the city-block difference of the extents
    of bounding boxes. Pairs whose centroids are further apart than half the mean extent of the true
    cluster never match (JIc of Nieves et al. 2023); the Hungarian method finds the best assignment.

    Examples
    --------
    >>> positions = [[0, 0], [10, 0], [0, 10], [500, 500], [510, 500], [500, 510]]
    >>> match_clusters(positions, [7, 7, 7, -1, -1, -1], [0, 0, 0, 1, 1, 1]).jaccard
    0.5
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    positions, found, true = _finite(localizations, segmentation, true_cluster)
    (centroid, extent), (true_centroid, true_extent) = (_boxes(positions, i) for i in (found, true))
    n_pairs = float(len(centroid)) * len(true_centroid)
    check_cost(
        "matching these clusters",
        len(positions),
        n_bytes=n_pairs * BYTES_PER_PAIR,
        seconds=n_pairs * SECONDS_PER_PAIR,
        remedy="compare regions of it",
    )
    n_all = len(centroid) + len(true_centroid)
    distance = cdist(true_centroid, centroid)
    cost = WEIGHT_OF_CENTROIDS * distance
    cost += WEIGHT_OF_EXTENTS * cdist(true_extent, extent, "cityblock")
    forbidden = distance > true_extent.mean(axis=1)[:, None] / 2
    rows, columns = linear_sum_assignment(np.where(forbidden, FORBIDDEN, cost))
    matched = ~forbidden[rows, columns]
    rows, columns = rows[matched], columns[matched]
    jaccard = len(rows) / (n_all - len(rows)) if n_all else float("nan")
    return Matches(rows, columns, distance[rows, columns], jaccard)


def hull_iou(
    localizations: Localizations | npt.ArrayLike,
    segmentation: Segmentation | npt.ArrayLike,
    true_cluster: npt.ArrayLike,
) -> float:
    """Measure the intersection over the union of the areas that clusters cover.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2), nm
        Where the localizations are.
    segmentation : Segmentation or array-like of shape (n_localizations,)
        The clusters found; ids, negative for none.
    true_cluster : array-like of shape (n_localizations,)
        The true clusters; ids, negative for none.

    Returns
    -------
    float
        From 0 to 1; NaN where neither covers any area.

    Raises
    ------
    InputError
        If lengths differ, or localizations are in 3D.

    Notes
    -----
    Of each partition the union of the convex hulls of its clusters of at least three
    localizations (Nieves et al. 2023).

    Examples
    --------
    >>> square = [[0, 0], [10, 0], [10, 10], [0, 10]]
    >>> hull_iou(square, [0, 0, 0, -1], [0, 0, 0, 0])
    0.5
    """
    positions, found, true = _finite(localizations, segmentation, true_cluster)
    if positions.shape[1] != 2:
        raise InputError("areas are those of localizations in 2D: give localizations.projected()")
    ours, theirs = (_covered(positions, ids) for ids in (found, true))
    union = shapely.union(ours, theirs).area
    return float(shapely.intersection(ours, theirs).area / union) if union else float("nan")


def _finite(
    localizations: Localizations | npt.ArrayLike,
    segmentation: Segmentation | npt.ArrayLike,
    true_cluster: npt.ArrayLike,
) -> tuple[FloatArray, IntArray, IntArray]:
    """Return finite positions and both partitions, numbered without gaps."""
    positions = as_positions(localizations)
    found = segmentation.cluster if isinstance(segmentation, Segmentation) else segmentation
    ids = [np.asarray(one) for one in (found, true_cluster)]
    if any(one.shape != (len(positions),) for one in ids):
        raise InputError(
            f"one cluster and one true cluster per localization are needed, {len(positions)} here; "
            f"got shapes {ids[0].shape} and {ids[1].shape}"
        )
    finite = np.isfinite(positions).all(axis=1)
    return positions[finite], renumber(ids[0][finite])[0], renumber(ids[1][finite])[0]


def _boxes(positions: FloatArray, ids: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the centroid and the extent of each cluster, each of shape (n_clusters, d)."""
    members = np.flatnonzero(ids >= 0)
    members = members[np.argsort(ids[members], kind="stable")]
    count = np.bincount(ids[members])
    start = np.cumsum(count) - count
    if not len(members):
        nothing = np.empty((0, positions.shape[1]))
        return nothing, nothing
    ordered = positions[members]
    total, low, high = (f.reduceat(ordered, start) for f in (np.add, np.minimum, np.maximum))
    return total / count[:, None], high - low


def _covered(positions: FloatArray, ids: IntArray) -> shapely.Geometry:
    """Return the union of the convex hulls of clusters of three localizations or more."""
    members = np.flatnonzero(ids >= 0)
    members = members[np.isin(ids[members], np.flatnonzero(np.bincount(ids[members]) >= 3))]
    members = members[np.argsort(ids[members], kind="stable")]
    if not len(members):
        return shapely.Polygon()
    groups = shapely.multipoints(positions[members], indices=renumber(ids[members])[0])
    return shapely.union_all(shapely.convex_hull(groups))


def _root_mean_square(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else float("nan")
