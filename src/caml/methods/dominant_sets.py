"""Dominant sets: groups that are more alike within than with anything outside."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from caml._arrays import FloatArray, IntArray
from caml._cost import check_cost, check_count, check_length, estimated_pairs
from caml.errors import InputError
from caml.localizations import Localizations
from caml.methods._points import CannotTellError, points_of
from caml.methods.dbscan import suggest_eps
from caml.segment import Segmentation

__all__ = ["dominant_sets"]

# Similarities are nothing beyond so many scales.
REACH = 3.0
# What one localization may still gain when a group is done, and steps after which it is anyhow.
TOLERANCE = 1e-7
MOST_STEPS = 2_000
# Weights below this share of the largest are of localizations outside the group.
SUPPORT = 1e-4
BYTES_PER_PAIR = 60
SECONDS_PER_PAIR = 4e-7
# Whole numbers up to here are exact.
MOST_PIXELS = 2.0**52
# Of a connected part, for each pair of it and each localization: groups are taken out one by one.
SECONDS = 5e-8


def dominant_sets(
    localizations: Localizations | npt.ArrayLike,
    *,
    scale_nm: float | None = None,
    min_cohesiveness: float = 0.5,
    min_localizations: int = 5,
) -> Segmentation:
    """Find clusters as dominant sets.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look.
    scale_nm : float, optional
        The distance σ, nm, at which similarity exp(−d²/2σ²) has fallen to 0.61; by default half
        of where the k-distance curve differs most from chance (`caml.methods.suggest_eps`).
    min_cohesiveness : float, default 0.5
        The mean similarity within a group, from 0 to 1, below which it is no cluster.
    min_localizations : int, default 5
        Groups of fewer are no cluster.

    Returns
    -------
    Segmentation
        Clusters, without outlines.

    Raises
    ------
    InputError
        If a parameter is out of its range, or it would take more than an hour.

    Notes
    -----
    Pavan and Pelillo 2007: weights x of localizations follow replicator dynamics
    x_i ← x_i (Wx)_i / xᵀWx until they rest; those with weight are a group, xᵀWx is its
    cohesiveness. It is taken out, and the rest looked at again. Clusters much wider than σ come
    apart, because similarity is what counts and not connection.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> blobs = [rng.normal(centre, 5, (30, 2)) for centre in (0, 500)]
    >>> dominant_sets(np.vstack(blobs), scale_nm=50).n_clusters
    2
    """
    from scipy.spatial import cKDTree

    points = points_of(localizations, "dominant sets")
    check_count(least=2, min_localizations=min_localizations)
    if not 0 <= min_cohesiveness < 1:
        raise InputError(f"min_cohesiveness must be from 0 to below 1, got {min_cohesiveness:g}")
    if scale_nm is not None:
        check_length(scale_nm=scale_nm)
    try:
        scale_nm = scale_nm or suggest_eps(localizations, criterion="chance") / 2
    except CannotTellError as why:
        return points.nothing("dominant-sets", str(why).replace("eps_nm", "scale_nm"))
    if len(points) == 0:
        return points.nothing("dominant-sets", "there are no localizations")
    tree = cKDTree(points.positions)
    n_pairs = estimated_pairs(tree, REACH * scale_nm)
    _check_cost(
        len(points),
        n_bytes=n_pairs * BYTES_PER_PAIR,
        seconds=max(n_pairs * SECONDS_PER_PAIR, _least_seconds(points.positions, REACH * scale_nm)),
    )
    distance = tree.sparse_distance_matrix(tree, REACH * scale_nm, output_type="coo_matrix").tocsr()
    similarity = csr_array(
        (np.exp(-0.5 * np.square(distance.data / scale_nm)), distance.indices, distance.indptr),
        shape=distance.shape,
    )
    similarity.setdiag(0)
    component = connected_components(similarity, directed=False)[1]
    size = np.bincount(component)
    pairs = np.bincount(component, np.diff(similarity.indptr))
    _check_cost(len(points), seconds=float((pairs * size).sum()) * SECONDS)
    ids = np.full(len(points), -1)
    for number, members in enumerate(_groups(similarity, min_localizations, min_cohesiveness)):
        ids[members] = number
    made_by = f"dominant-sets, scale {scale_nm:.4g} nm, min_cohesiveness {min_cohesiveness:g}"
    return points.segmentation(ids, made_by)


def _least_seconds(positions: FloatArray, reach: float) -> float:
    """Tell how long the groups take at least, before pairs are looked for.

    All in one pixel and in the one beside it are within reach: what hangs together by pixels does
    so by pairs.
    """
    n_dimensions = positions.shape[1]
    index = np.floor((positions - positions.min(axis=0)) / (reach / math.sqrt(n_dimensions + 3)))
    shape = index.max(axis=0) + 2
    strides = np.concatenate((np.cumprod(shape[:0:-1])[::-1], [1.0]))
    # Keys beyond what is exact would only join pixels by mistake; so many are nothing to do.
    if shape.prod() > MOST_PIXELS:
        return 0.0
    keys, n_in = np.unique(index @ strides, return_counts=True)
    at, beside = [], []
    for stride in strides:
        place = np.minimum(np.searchsorted(keys, keys + stride), len(keys) - 1)
        there = np.flatnonzero(keys[place] == keys + stride)
        at.append(there)
        beside.append(place[there])
    one, other = np.concatenate(at), np.concatenate(beside)
    graph = csr_array((np.ones(len(one), dtype=bool), (one, other)), shape=(len(keys),) * 2)
    component = connected_components(graph, directed=False)[1]
    n_of = n_in.astype(np.float64)
    size = np.bincount(component, n_of)
    pairs = np.bincount(component, n_of * (n_of - 1))
    pairs += np.bincount(component[one], 2 * n_of[one] * n_of[other], minlength=len(pairs))
    return float((pairs * size).sum()) * SECONDS


def _check_cost(n: int, *, n_bytes: float = 0.0, seconds: float = 0.0) -> None:
    """Refuse a scale with which there would be too much to do."""
    check_cost("dominant sets with this scale", n, n_bytes=n_bytes, seconds=seconds)


def _groups(similarity: csr_array, least: int, cohesiveness: float) -> list[IntArray]:
    """Take out group after group of each part that is connected."""
    found = []
    todo = list(_parts(similarity, np.arange(similarity.shape[0]), least))
    while todo:
        rows, part = todo.pop()
        weight = _at_rest(part)
        inside = weight > SUPPORT * weight.max()
        # What is not alike enough is put aside, too: others may be.
        if weight @ (part @ weight) >= cohesiveness and inside.sum() >= least:
            found.append(rows[inside])
        rest = np.flatnonzero(~inside)
        todo += _parts(part[rest][:, rest], rows[rest], least)
    return found


def _parts(
    similarity: csr_array, rows: IntArray, least: int
) -> Iterator[tuple[IntArray, csr_array]]:
    """Take apart what is not connected: which rows each part has, and their similarities.

    Sorted once and then cut, for to pick a part's rows takes as long as there are rows in all.
    """
    component = connected_components(similarity, directed=False)[1]
    order = np.argsort(component, kind="stable")
    ordered = similarity[order][:, order]
    ends = np.cumsum(np.bincount(component, minlength=1))
    for begin, end in pairwise([0, *ends.tolist()]):
        if end - begin >= least:
            first, last = ordered.indptr[begin], ordered.indptr[end]
            part = (
                ordered.data[first:last],
                ordered.indices[first:last] - begin,
                ordered.indptr[begin : end + 1] - first,
            )
            yield rows[order[begin:end]], csr_array(part, shape=(end - begin, end - begin))


def _at_rest(similarity: csr_array) -> FloatArray:
    """Follow replicator dynamics from equal weights until they rest."""
    weight: FloatArray = np.full(similarity.shape[0], 1 / similarity.shape[0])
    for _ in range(MOST_STEPS):
        payoff = similarity @ weight
        mean = float(weight @ payoff)
        if mean <= 0:
            break
        new: FloatArray = weight * payoff / mean
        if np.abs(new - weight).sum() < TOLERANCE:
            return new
        weight = new
    return weight
