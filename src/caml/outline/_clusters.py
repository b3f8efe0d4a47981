"""Measure ε of every cluster, outline it, and make its parts clusters of their own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from caml._arrays import FloatArray, IntArray
from caml.errors import DataWarning, InputError
from caml.localizations import Localizations, as_positions
from caml.outline._discs import erode, union_of_discs
from caml.outline._solids import MAX_VOXELS, solid_parts
from caml.segment import SMALLEST, Segmentation

__all__ = ["outline"]

Shapes = npt.NDArray[np.object_]

EPSILON = 1.2  # times the mean nearest-neighbour distance


@dataclass(frozen=True, slots=True, eq=False)
class _Members:
    """The distinct positions of the members of all clusters, cluster by cluster.

    `row` is the first localization at each; `every` are all members' rows and `twin` tells which
    distinct position each of them has.
    """

    positions: FloatArray
    cluster: IntArray
    row: IntArray
    every: IntArray
    twin: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """What the clusters fell into.

    `of_member` tells which part each distinct position lies in, `owner` which cluster each part
    was of.
    """

    of_member: IntArray
    owner: IntArray
    outlines: Shapes
    volumes_nm3: FloatArray

    def take(self, kept: IntArray) -> _Parts:
        """Keep these parts, in this order; members of others have none, −1."""
        new = np.full(len(self.owner), -1, dtype=np.int64)
        new[kept] = np.arange(len(kept))
        volumes = self.volumes_nm3[kept] if len(self.volumes_nm3) else self.volumes_nm3
        return _Parts(new[self.of_member], self.owner[kept], self.outlines[kept], volumes)


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
        return Segmentation(given.cluster, given.label)
    members = _members(positions, given.cluster)
    n_distinct = np.bincount(members.cluster, minlength=given.n_clusters)
    epsilon = _epsilon(members, n_distinct)
    measured = n_distinct >= SMALLEST
    parts = (_parts_2d if positions.shape[1] == 2 else _parts_3d)(members, epsilon, measured)
    parts = _in_order(parts, members, given.n_clusters)
    if positions.shape[1] == 3:
        parts = _projected(parts, members, epsilon)
    cluster = np.full(len(positions), -1, dtype=np.int64)
    cluster[members.every] = parts.of_member[members.twin]
    return Segmentation(cluster, given.label[parts.owner], parts.outlines, parts.volumes_nm3)


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


def _members(positions: FloatArray, cluster: IntArray) -> _Members:
    """Collect the members of all clusters, each position of a cluster once."""
    rows = np.flatnonzero(cluster >= 0)
    # lexsort is stable, so the first of equal positions is the first row.
    order = rows[np.lexsort((*positions[rows].T[::-1], cluster[rows]))]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (cluster[order[1:]] != cluster[order[:-1]]) | (
        positions[order[1:]] != positions[order[:-1]]
    ).any(axis=1)
    row = order[new]
    return _Members(positions[row], cluster[row], row, order, np.cumsum(new) - 1)


def _epsilon(members: _Members, n_distinct: IntArray) -> FloatArray:
    """Measure ε of each cluster; 0 where a cluster has a single position."""
    spots = members.positions - members.positions.min(axis=0)
    # One coordinate more sets clusters so far apart that the nearest is of the same cluster.
    apart = members.cluster * (2 * np.linalg.norm(spots.max(axis=0)) + 1)
    tree = cKDTree(np.column_stack((spots, apart)), balanced_tree=False)
    nearest = np.zeros(len(spots))
    paired = np.flatnonzero(n_distinct[members.cluster] > 1)
    if len(paired):
        distances, _ = tree.query(tree.data[paired], 2, workers=-1)
        nearest[paired] = np.asarray(distances)[:, 1]
    epsilon: FloatArray = EPSILON * np.bincount(members.cluster, nearest) / n_distinct
    return epsilon


def _eroded_discs(
    positions: FloatArray, group: IntArray, epsilon: FloatArray
) -> tuple[Shapes, IntArray]:
    """Outline groups of distinct positions in x and y; return the parts and the group of each."""
    # The group's number, from 0: the kernel wants no group without a disc.
    chosen, dense = np.unique(group, return_inverse=True)
    radius = epsilon[chosen]
    polygons, owner = union_of_discs(positions[:, :2], dense, 2 * radius)
    polygons, owner = erode(polygons, owner, radius, np.pi * (2 * radius) ** 2)
    return polygons, chosen[owner]


def _parts_2d(members: _Members, epsilon: FloatArray, measured: npt.NDArray[np.bool_]) -> _Parts:
    """Outline clusters in the plane; an unmeasured one is a part with an empty outline."""
    in_measured = measured[members.cluster]
    polygons, owner = _eroded_discs(
        members.positions[in_measured], members.cluster[in_measured], epsilon
    )
    rest = np.flatnonzero(~measured)
    owner = np.concatenate((owner, rest))
    polygons = np.concatenate((polygons, np.full(len(rest), shapely.Polygon(), dtype=object)))
    order = np.argsort(owner, kind="stable")
    owner, polygons = owner[order], polygons[order]
    first = np.searchsorted(owner, np.arange(len(measured)))
    of_member = first[members.cluster]
    split = np.bincount(owner, minlength=len(measured)) > 1
    among = np.flatnonzero(split[members.cluster])
    pieces = np.flatnonzero(split[owner])
    of_member[among] = -1
    inside, piece = _containing(
        members.positions[among], members.cluster[among], polygons[pieces], owner[pieces]
    )
    of_member[among[inside]] = pieces[piece]
    return _Parts(of_member, owner, polygons, np.empty(0))


def _containing(
    positions: FloatArray, cluster: IntArray, polygons: Shapes, owner: IntArray
) -> tuple[IntArray, IntArray]:
    """Pair positions with the polygons of their own cluster that contain them.

    The clusters are set side by side along x first: clusters that lie over each other, as a tool's
    may, would otherwise be tried against each other, position by polygon.
    """
    if not len(polygons):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    corners, of_polygon = shapely.get_coordinates(polygons, return_index=True)
    low = corners.min(axis=0)
    _, lane = np.unique(np.concatenate((cluster, owner)), return_inverse=True)
    step = 1.1 * np.ptp(corners[:, 0])
    shift = np.column_stack((lane * step, np.zeros(len(lane)))) - low
    spots = shapely.points(positions + shift[: len(positions)])
    moved = shapely.set_coordinates(polygons.copy(), corners + shift[len(positions) :][of_polygon])
    pairs: IntArray = shapely.STRtree(moved).query(spots, predicate="intersects")
    return pairs[0], pairs[1]


def _parts_3d(members: _Members, epsilon: FloatArray, measured: npt.NDArray[np.bool_]) -> _Parts:
    """Take clusters apart in space; their outlines are drawn later."""
    ends = np.searchsorted(members.cluster, np.arange(len(measured) + 1))
    of_member = np.empty(len(members.cluster), dtype=np.int64)
    volumes: list[FloatArray] = []
    n_parts = np.ones(len(measured), dtype=np.int64)
    coarsening = np.ones(len(measured))
    for cluster, (start, stop) in enumerate(pairwise(ends)):
        part: IntArray = np.zeros(stop - start, dtype=np.int64)
        volume: FloatArray = np.zeros(1)
        if measured[cluster]:
            part, volume, coarsening[cluster] = solid_parts(
                members.positions[start:stop], float(epsilon[cluster])
            )
        n_parts[cluster] = len(volume)
        of_member[start:stop] = part
        volumes.append(volume)
    _warn_of_coarse(coarsening)
    of_member += (np.cumsum(n_parts) - n_parts)[members.cluster]
    owner = np.repeat(np.arange(len(measured)), n_parts)
    outlines = np.full(len(owner), shapely.Polygon(), dtype=object)
    return _Parts(of_member, owner, outlines, np.concatenate(volumes))


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
            stacklevel=4,
        )


def _in_order(parts: _Parts, members: _Members, n_clusters: int) -> _Parts:
    """Demote the small parts of split clusters and put the others in order."""
    n_parts = len(parts.owner)
    placed = parts.of_member >= 0
    n_positions = np.bincount(parts.of_member[placed], minlength=n_parts)
    first = np.full(n_parts, np.iinfo(np.int64).max)
    np.minimum.at(first, parts.of_member[placed], members.row[placed])
    whole = np.bincount(parts.owner, minlength=n_clusters)[parts.owner] == 1
    # Not by the table's rows, whose order must not matter, unless nothing else tells two apart.
    extent = parts.volumes_nm3 if len(parts.volumes_nm3) else shapely.area(parts.outlines)
    order = np.lexsort((first, -extent, -n_positions, parts.owner))
    return parts.take(order[(whole | (n_positions >= SMALLEST))[order]])


def _projected(parts: _Parts, members: _Members, epsilon: FloatArray) -> _Parts:
    """Draw the outlines of the parts of 3D clusters in x and y."""
    drawn = np.flatnonzero(parts.of_member >= 0)
    n_positions = np.bincount(parts.of_member[drawn], minlength=len(parts.owner))
    drawn = drawn[n_positions[parts.of_member[drawn]] >= SMALLEST]
    part, flat = parts.of_member[drawn], members.positions[drawn, :2]
    order = np.lexsort((flat[:, 1], flat[:, 0], part))
    part, flat = part[order], flat[order]
    new = np.ones(len(part), dtype=bool)
    new[1:] = (part[1:] != part[:-1]) | (flat[1:] != flat[:-1]).any(axis=1)
    polygons, owner = _eroded_discs(flat[new], part[new], epsilon[parts.owner])
    several, dense = np.unique(owner, return_inverse=True)
    outlines = parts.outlines.copy()
    outlines[several] = shapely.multipolygons(polygons, indices=dense)
    single = np.flatnonzero(shapely.get_num_geometries(outlines) == 1)
    outlines[single] = shapely.get_geometry(outlines[single], 0)
    return _Parts(parts.of_member, parts.owner, outlines, parts.volumes_nm3)
