"""Outline clusters in batches, and make the parts of each clusters of their own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from caml._arrays import FloatArray, IntArray
from caml._machine import in_threads, n_threads
from caml.errors import DataWarning, InputError
from caml.localizations import Localizations, as_positions
from caml.outline._parts import Parts, parts_of
from caml.outline._solids import MAX_VOXELS
from caml.segment import Segmentation

__all__ = ["outline"]

# Members of the clusters that are outlined together. Many, and threads seldom wait for one another
# to call NumPy: the clusters of a million localizations take 1.5 s in batches of 32,768 or more,
# 1.7 s in batches of 16,384. Few, and memory stays small and a small cell is shared out, too.
MOST = 32_768
FEWEST = 8_192


def outline(
    localizations: Localizations | npt.ArrayLike, segmentation: Segmentation | npt.ArrayLike
) -> Segmentation:
    """Outline every cluster, and split those that fall apart.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where the localizations are.
    segmentation : Segmentation or array-like of shape (n_localizations,)
        The cluster id of each localization: 0 to n_clusters − 1 without a gap, −1 for none.

    Returns
    -------
    Segmentation
        The clusters with their outlines, nm, and in 3D their volumes, nm³. Clusters keep their
        order and their labels; the parts of one that was split follow each other, the one of most
        localizations first. Outlines in 2D are polygons; in 3D they are drawn for the eye,
        as the union of the members' discs in x and y, and may have several parts.

    Raises
    ------
    InputError
        If there is not one id per localization, ids have gaps, or a localization in a cluster has
        no finite position.

    Warns
    -----
    DataWarning
        If clusters in 3D needed coarser voxels than others: their volumes are too large.

    Notes
    -----
    ε = 1.2 × the mean distance from a member to its nearest neighbour in the cluster; members at
    the same position count once. The outline is the union of discs of radius 2ε around the members,
    eroded by ε (Williamson et al. 2020, Methods). A hole smaller than one of those discs, 4πε², is
    closed. Erosion widens every hole to πε² or more; such as chance leaves between evenly spread
    localizations say nothing of the cluster.

    What is not connected becomes a cluster of its own; parts with members at fewer than three
    positions are demoted, and their localizations are in no cluster. A cluster that comes with
    fewer than three positions has no extent to outline: it keeps its id and gets an empty polygon.

    In 3D balls take the place of discs. Those that touch, with centres within 4ε, are drawn
    together on voxels of ε/4, coarser where they would need more than two million of them; cavities
    smaller than a ball of radius 2ε are filled.

    Examples
    --------
    >>> corners = [[0, 0], [10, 0], [10, 10], [0, 10], [500, 0]]
    >>> segmentation = outline(corners, [0, 0, 0, 0, -1])
    >>> round(segmentation.outlines[0].area)
    1015
    """
    positions = as_positions(localizations)
    given = segmentation
    if not isinstance(given, Segmentation):
        given = Segmentation(np.asarray(given))
    _check(positions, given.cluster)
    if not given.n_clusters:
        return Segmentation(given.cluster, given.label, made_by=given.made_by)
    cluster = np.full(len(positions), -1, dtype=np.int64)
    label: list[IntArray] = []
    outlines: list[npt.NDArray[np.object_]] = []
    volumes: list[FloatArray] = []
    coarsening: list[FloatArray] = []
    n_parts = n_clusters = 0
    for rows, parts in _outlined(positions, given.cluster):
        cluster[rows] = np.where(parts.of_member >= 0, parts.of_member + n_parts, -1)
        label.append(given.label[parts.owner + n_clusters])
        outlines.append(parts.outlines)
        volumes.append(parts.volumes_nm3)
        coarsening.append(parts.coarsening)
        n_parts += len(parts.owner)
        n_clusters += len(parts.coarsening)
    _warn_of_coarse(np.concatenate(coarsening))
    return Segmentation(
        cluster,
        np.concatenate(label),
        np.concatenate(outlines),
        np.concatenate(volumes),
        made_by=given.made_by,
    )


def _check(positions: FloatArray, cluster: IntArray) -> None:
    """Refuse ids that do not belong to these localizations."""
    if len(cluster) != len(positions):
        raise InputError(
            f"one cluster id per localization is needed, {len(positions)} here; got {len(cluster)}"
        )
    lost = np.flatnonzero((cluster >= 0) & ~np.isfinite(positions).all(axis=1))
    if len(lost):
        raise InputError(
            "localizations without a finite position can be in no cluster: give them the id −1; "
            f"{len(lost)} are in one, the first at index {lost[0]}"
        )


def _outlined(positions: FloatArray, cluster: IntArray) -> Iterator[tuple[IntArray, Parts]]:
    """Outline clusters in batches, several at once; yield the rows and the parts of each in turn.

    Nothing in a batch depends on another, so that neither their size nor the number of threads
    changes a result. NumPy and GEOS let other threads run for nearly all of the time.
    """
    rows = _by_cluster(cluster)
    n_members = np.bincount(cluster[rows])
    ends = np.concatenate(([0], np.cumsum(n_members)))
    most = int(np.clip(len(rows) // (4 * n_threads()), FEWEST, MOST))
    cuts = np.searchsorted(ends, np.append(np.arange(0, ends[-1], most), ends[-1]))
    batches = list(pairwise(np.unique(cuts)))

    def outlined(batch: tuple[int, int]) -> tuple[IntArray, Parts]:
        start, stop = batch
        own = rows[ends[start] : ends[stop]]
        return own, parts_of(positions[own], cluster[own] - start)

    yield from in_threads(outlined, batches)


def _by_cluster(cluster: IntArray) -> IntArray:
    """Return the rows of all members, cluster by cluster and in their order."""
    rows = np.flatnonzero(cluster >= 0)
    # One number made of both sorts faster than rows by their clusters, and never swaps rows.
    n_bits = len(cluster).bit_length()
    both = (cluster[rows] << n_bits) | rows
    both.sort()
    members: IntArray = both & ((1 << n_bits) - 1)
    return members


def _warn_of_coarse(coarsening: FloatArray) -> None:
    """Say how many clusters were drawn on coarser voxels than the others."""
    n_coarse = int((coarsening > 1).sum())
    if n_coarse:
        warnings.warn(
            DataWarning(
                f"the volumes of {n_coarse} of {len(coarsening)} clusters are overestimated: too "
                f"wide or too dense for {MAX_VOXELS:,} voxels of ε/4, they have voxels up to "
                f"{coarsening.max():.2g} times as wide; see if these are several clusters in one"
            ),
            stacklevel=3,
        )
