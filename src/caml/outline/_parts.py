"""What some clusters fall into: their parts, with an outline, and in 3D a volume, of each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely

from caml._arrays import BoolArray, FloatArray, IntArray
from caml._chain import SMALLEST
from caml.outline._discs import containing, erode, union_of_discs
from caml.outline._near import nearest_distances
from caml.outline._solids import solid_parts

__all__ = ["EPSILON", "Parts", "parts_of"]

Shapes = npt.NDArray[np.object_]

EPSILON = 1.2  # times the mean nearest-neighbour distance


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What clusters fell into.

    `of_member` tells which part each member lies in, −1 none, and `owner` which cluster each part
    was of. `coarsening` is how many times as wide as wanted each cluster's voxels were.
    """

    of_member: IntArray
    owner: IntArray
    outlines: Shapes
    volumes_nm3: FloatArray
    coarsening: FloatArray

    def take(self, kept: IntArray) -> Parts:
        """Keep these parts, in this order; members of others have none, −1."""
        # One more, for members that had none.
        new = np.full(len(self.owner) + 1, -1, dtype=np.int64)
        new[kept] = np.arange(len(kept))
        volumes = self.volumes_nm3[kept] if len(self.volumes_nm3) else self.volumes_nm3
        return Parts(
            new[self.of_member], self.owner[kept], self.outlines[kept], volumes, self.coarsening
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Members:
    """The distinct positions of the members of all clusters, cluster by cluster.

    `row` is the first localization at each.
    """

    positions: FloatArray
    cluster: IntArray
    row: IntArray


def parts_of(positions: FloatArray, cluster: IntArray) -> Parts:
    """Outline clusters and take apart what is not connected.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where the members are.
    cluster : ndarray of shape (n,)
        Which cluster each is in: from 0 without a gap, in ascending order.

    Returns
    -------
    Parts
        Those of each cluster together, the one of most members first; demoted ones left out.
    """
    members, distinct = _members(positions, cluster)
    n_distinct = np.bincount(members.cluster)
    nearest = nearest_distances(members.positions, members.cluster)
    epsilon: FloatArray = EPSILON * np.bincount(members.cluster, nearest) / n_distinct
    measured = n_distinct >= SMALLEST
    parts = (_parts_2d if positions.shape[1] == 2 else _parts_3d)(members, epsilon, measured)
    parts = _in_order(parts, members)
    if positions.shape[1] == 3:
        parts = _projected(parts, members, epsilon)
    of_member = parts.of_member[distinct]
    return Parts(of_member, parts.owner, parts.outlines, parts.volumes_nm3, parts.coarsening)


def _members(positions: FloatArray, cluster: IntArray) -> tuple[_Members, IntArray]:
    """Take each position of a cluster once; return which of them each member has, too."""
    # lexsort is stable, so the first of equal positions is the first row.
    order = np.lexsort((*positions.T[::-1], cluster))
    ordered, own = positions[order], cluster[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = own[1:] != own[:-1]
    for axis in ordered.T:
        new[1:] |= axis[1:] != axis[:-1]
    distinct = np.empty(len(order), dtype=np.int64)
    distinct[order] = np.cumsum(new) - 1
    return _Members(ordered[new], own[new], order[new]), distinct


def _eroded_discs(
    positions: FloatArray, group: IntArray, epsilon: FloatArray
) -> tuple[Shapes, IntArray, IntArray]:
    """Outline groups of distinct positions in x and y.

    Returns the parts, the group of each, and the part each position lies in, −1 none.
    """
    # The group's number, from 0: the kernel wants no group without a disc.
    present = np.bincount(group, minlength=len(epsilon)) > 0
    chosen, dense = np.flatnonzero(present), (np.cumsum(present) - 1)[group]
    radius = epsilon[chosen]
    polygons, owner, of_disc = union_of_discs(positions[:, :2], dense, 2 * radius)
    hole = np.pi * (2 * radius) ** 2
    parts, whole = erode(polygons, radius[owner], hole[owner])
    # A disc's middle stays, so it lies in the part its polygon shrank to, if that is in one piece.
    n_parts = np.bincount(whole, minlength=len(polygons))
    part = np.where(n_parts == 1, np.cumsum(n_parts) - 1, -1)[of_disc]
    among = np.flatnonzero(n_parts[of_disc] > 1)
    pieces = np.flatnonzero(n_parts[whole] > 1)
    found = containing(positions[among, :2], of_disc[among], parts[pieces], whole[pieces])
    inside = found >= 0
    part[among[inside]] = pieces[found[inside]]
    return parts, chosen[owner[whole]], part


def _parts_2d(members: _Members, epsilon: FloatArray, measured: BoolArray) -> Parts:
    """Outline clusters in the plane; an unmeasured one is a part with an empty outline."""
    in_measured = measured[members.cluster]
    polygons, owner, part = _eroded_discs(
        members.positions[in_measured], members.cluster[in_measured], epsilon
    )
    rest = np.flatnonzero(~measured)
    of_member = np.empty(len(members.cluster), dtype=np.int64)
    of_member[in_measured] = part
    of_member[~in_measured] = (len(polygons) + np.cumsum(~measured) - 1)[
        members.cluster[~in_measured]
    ]
    empty = np.full(len(rest), shapely.Polygon(), dtype=object)
    return Parts(
        of_member,
        np.concatenate((owner, rest)),
        np.concatenate((polygons, empty)),
        np.empty(0),
        np.ones(len(measured)),
    )


def _parts_3d(members: _Members, epsilon: FloatArray, measured: BoolArray) -> Parts:
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
    of_member += (np.cumsum(n_parts) - n_parts)[members.cluster]
    owner = np.repeat(np.arange(len(measured)), n_parts)
    outlines = np.full(len(owner), shapely.Polygon(), dtype=object)
    return Parts(of_member, owner, outlines, np.concatenate(volumes), coarsening)


def _in_order(parts: Parts, members: _Members) -> Parts:
    """Demote the small parts of split clusters and put the others in order."""
    n_parts = len(parts.owner)
    placed = np.flatnonzero(parts.of_member >= 0)
    part = parts.of_member[placed]
    n_positions = np.bincount(part, minlength=n_parts)
    first = np.full(n_parts, np.iinfo(np.int64).max)
    np.minimum.at(first, part, members.row[placed])
    whole = np.bincount(parts.owner)[parts.owner] == 1
    # Not by the table's rows, whose order must not matter, unless nothing else tells two apart.
    extent = parts.volumes_nm3 if len(parts.volumes_nm3) else shapely.area(parts.outlines)
    order = np.lexsort((first, -extent, -n_positions, parts.owner))
    return parts.take(order[(whole | (n_positions >= SMALLEST))[order]])


def _projected(parts: Parts, members: _Members, epsilon: FloatArray) -> Parts:
    """Draw the outlines of the parts of 3D clusters in x and y."""
    drawn = np.flatnonzero(parts.of_member >= 0)
    n_positions = np.bincount(parts.of_member[drawn], minlength=len(parts.owner))
    drawn = drawn[n_positions[parts.of_member[drawn]] >= SMALLEST]
    part, flat = parts.of_member[drawn], members.positions[drawn, :2]
    order = np.lexsort((flat[:, 1], flat[:, 0], part))
    part, flat = part[order], flat[order]
    new = np.ones(len(part), dtype=bool)
    new[1:] = (part[1:] != part[:-1]) | (flat[1:] != flat[:-1]).any(axis=1)
    polygons, owner, _ = _eroded_discs(flat[new], part[new], epsilon[parts.owner])
    several, dense = np.unique(owner, return_inverse=True)
    outlines = parts.outlines.copy()
    outlines[several] = shapely.multipolygons(polygons, indices=dense)
    single = np.flatnonzero(shapely.get_num_geometries(outlines) == 1)
    outlines[single] = shapely.get_geometry(outlines[single], 0)
    return Parts(parts.of_member, parts.owner, outlines, parts.volumes_nm3, parts.coarsening)
