"""How the clusters of two channels lie to each other: overlap, distances, what lies inside."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from caml._arrays import BoolArray, FloatArray, IntArray
from caml.errors import InputError
from caml.localizations import Localizations, as_positions
from caml.segment import Segmentation

__all__ = ["cluster_relations", "inside_outlines", "outline_distances"]

# Localizations that are looked up at once: a geometry for each takes 100 bytes.
CHUNK = 1 << 16


def cluster_relations(
    first: Localizations | npt.ArrayLike,
    first_clusters: Segmentation,
    second: Localizations | npt.ArrayLike,
    second_clusters: Segmentation,
) -> pd.DataFrame:
    """Tell how each cluster of one channel lies to those of another.

    Parameters
    ----------
    first : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        The localizations of the one channel.
    first_clusters : Segmentation
        Their clusters, with outlines: a row each.
    second : Localizations or array-like of shape (n_others, 2 or 3), nm
        The localizations of the other channel.
    second_clusters : Segmentation
        Their clusters, with outlines.

    Returns
    -------
    DataFrame
        Per cluster of the first: n_overlapping, how many of the second's outlines it shares area
        with; overlap_area_nm2 and overlap_fraction, of its own area; n_other_inside, the second's
        localizations in its outline; nearest_outline_nm, 0 where outlines touch or overlap, and
        nearest_centroid_nm. NaN where there is nothing to measure to.

    Raises
    ------
    InputError
        If clusters have no outlines, or lengths do not agree.

    Notes
    -----
    Outlines are in x and y, and so is all of this but nearest_centroid_nm, in 3D too.

    Examples
    --------
    >>> import caml
    >>> a = [[0, 0], [10, 0], [10, 10], [0, 10]]
    >>> one, two = caml.outline(a, [0] * 4), caml.outline(np.add(a, 5), [0] * 4)
    >>> relations = cluster_relations(a, one, np.add(a, 5), two)
    >>> relations[["n_overlapping", "n_other_inside"]].values.tolist()
    [[1, 4]]
    """
    a, b = _checked(first, first_clusters), _checked(second, second_clusters)
    n_overlapping, total = covered(first_clusters.outlines, second_clusters.outlines)
    n = first_clusters.n_clusters
    area = shapely.area(first_clusters.outlines)
    with np.errstate(invalid="ignore", divide="ignore"):
        fraction = np.where(area > 0, total / area, np.nan)
    nearest = np.full(n, np.nan)
    if second_clusters.n_clusters:
        owner, distance = _nearest(first_clusters.outlines, second_clusters.outlines)
        nearest[owner] = distance
    centroids = _centroids(a, first_clusters), _centroids(b, second_clusters)
    between = np.full(n, np.nan)
    if n and second_clusters.n_clusters:
        from scipy.spatial import cKDTree

        between = np.asarray(cKDTree(centroids[1]).query(centroids[0])[0])
    return pd.DataFrame(
        {
            "n_overlapping": n_overlapping,
            "overlap_area_nm2": total,
            "overlap_fraction": fraction,
            "n_other_inside": _n_inside(b, first_clusters.outlines),
            "nearest_outline_nm": nearest,
            "nearest_centroid_nm": between,
        }
    )


def inside_outlines(
    localizations: Localizations | npt.ArrayLike, clusters: Segmentation
) -> BoolArray:
    """Tell which localizations lie in the outline of any cluster.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Of either channel.
    clusters : Segmentation
        With outlines.

    Returns
    -------
    ndarray of shape (n_localizations,), bool
        Inside or on an outline; z is not looked at.

    Raises
    ------
    InputError
        If the clusters have no outlines.

    Examples
    --------
    >>> square = Segmentation([0], outlines=np.array([shapely.box(0, 0, 10, 10)], dtype=object))
    >>> inside_outlines([[5, 5], [10, 5], [15, 5]], square).tolist()
    [True, True, False]
    """
    return np.asarray(outline_distances(localizations, clusters) == 0)


def outline_distances(
    localizations: Localizations | npt.ArrayLike, clusters: Segmentation
) -> FloatArray:
    """Measure how far localizations are from the nearest outline of a cluster.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Of either channel.
    clusters : Segmentation
        With outlines.

    Returns
    -------
    ndarray of shape (n_localizations,), nm
        In x and y; 0 inside. NaN without a finite position, or where there are no clusters.

    Raises
    ------
    InputError
        If the clusters have no outlines.

    Examples
    --------
    >>> square = Segmentation([0], outlines=np.array([shapely.box(0, 0, 10, 10)], dtype=object))
    >>> outline_distances([[5, 5], [13, 14]], square).tolist()
    [0.0, 5.0]
    """
    positions = as_positions(localizations)
    _check_outlines(clusters)
    found = np.full(len(positions), np.nan)
    rows = np.flatnonzero(np.isfinite(positions).all(axis=1))
    if clusters.n_clusters == 0 or shapely.is_empty(clusters.outlines).all():
        return found
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        places = np.asarray(shapely.points(positions[part, :2]), dtype=object)
        owner, distance = _nearest(places, clusters.outlines)
        found[part[owner]] = distance
    return found


def covered(
    first: npt.NDArray[np.object_], second: npt.NDArray[np.object_]
) -> tuple[IntArray, FloatArray]:
    """Measure how much of each outline the outlines of another channel cover.

    Parameters
    ----------
    first, second : ndarray of shapely geometries, nm
        The outlines of two channels.

    Returns
    -------
    n_overlapping : ndarray of shape (n_first,)
        How many of the second share area with each.
    area : ndarray of shape (n_first,), nm²
        How much of each they cover; what two of them cover counts once.
    """
    n_overlapping, total = np.zeros(len(first), dtype=np.int64), np.zeros(len(first))
    if len(first) == 0 or len(second) == 0:
        return n_overlapping, total
    i, j = shapely.STRtree(second).query(first, predicate="intersects")
    shared = shapely.intersection(first[i], second[j])
    kept = shapely.area(shared) > 0
    i, shared = i[kept], shared[kept]
    n_overlapping += np.bincount(i, minlength=len(first))
    total += np.bincount(i, weights=shapely.area(shared), minlength=len(first))
    for several in np.flatnonzero(n_overlapping > 1):
        total[several] = shapely.union_all(shared[i == several]).area
    return n_overlapping, total


def _nearest(
    geometries: npt.NDArray[np.object_], outlines: npt.NDArray[np.object_]
) -> tuple[IntArray, FloatArray]:
    """Return which geometries have a nearest outline, and how far it is."""
    (owner, _), distance = shapely.STRtree(outlines).query_nearest(
        geometries, return_distance=True, all_matches=False
    )
    return owner, distance


def _n_inside(positions: FloatArray, outlines: npt.NDArray[np.object_]) -> IntArray:
    """Count the localizations in each outline."""
    counts = np.zeros(len(outlines), dtype=np.int64)
    if len(outlines) == 0:
        return counts
    tree = shapely.STRtree(outlines)
    positions = positions[np.isfinite(positions).all(axis=1)]
    for start in range(0, len(positions), CHUNK):
        places = shapely.points(positions[start : start + CHUNK, :2])
        _, at = tree.query(places, predicate="intersects")
        counts += np.bincount(at, minlength=len(outlines))
    return counts


def _centroids(positions: FloatArray, clusters: Segmentation) -> FloatArray:
    """Return the mean position of each cluster."""
    rows = np.flatnonzero(clusters.cluster >= 0)
    ids = clusters.cluster[rows]
    n = np.bincount(ids, minlength=clusters.n_clusters)
    sums = [
        np.bincount(ids, weights=axis, minlength=clusters.n_clusters) for axis in positions[rows].T
    ]
    return np.column_stack(sums) / np.maximum(n, 1)[:, None]


def _checked(localizations: Localizations | npt.ArrayLike, clusters: Segmentation) -> FloatArray:
    """Return positions, or refuse clusters of others."""
    positions = as_positions(localizations)
    _check_outlines(clusters)
    if len(positions) != len(clusters.cluster):
        raise InputError(
            f"{len(positions)} localizations and {len(clusters.cluster)} cluster ids: each channel "
            "is taken with its own clusters"
        )
    return positions


def _check_outlines(clusters: Segmentation) -> None:
    if not clusters.has_outlines:
        raise InputError(
            "clusters need outlines: call caml.outline(localizations, segmentation) first"
        )
