"""Unions of discs as polygons, for many clusters at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from caml._arrays import BoolArray, FloatArray, IntArray
from caml.outline._near import Pairs, near_pairs

__all__ = ["QUAD_SEGS", "containing", "erode", "union_of_discs"]

Shapes = npt.NDArray[np.object_]

# Straight pieces in a quarter of a circle. The area that is lost, against 64 pieces, is 1.6 % of a
# lone disc, 0.3 % of 17 localizations and 0.1 % of 1000 (benchmarks/bench_outline.py).
QUAD_SEGS = 8

FULL = 2 * np.pi

# Gaps between covers are looked for by angles that share a number with the disc's place; that
# rounds them by less than this, and gaps are then decided by the angles themselves.
NEARLY = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class _Arcs:
    """The parts of circles that no other disc of the group covers, counterclockwise.

    `before` is the disc whose cover ends where the arc begins, `after` the one whose cover begins
    where it ends; both are the disc itself where nothing covers any of it.
    """

    disc: IntArray
    begin: FloatArray
    end: FloatArray
    before: IntArray
    after: IntArray

    def take(self, which: IntArray | BoolArray) -> _Arcs:
        return _Arcs(*(getattr(self, field.name)[which] for field in fields(self)))


def union_of_discs(
    centres: FloatArray, group: IntArray, radius: FloatArray
) -> tuple[Shapes, IntArray, IntArray]:
    """Unite the discs of each group.

    Parameters
    ----------
    centres : ndarray of shape (n, 2), nm
        Where the discs are; distinct within a group.
    group : ndarray of shape (n,)
        Which group each is of, from 0 without a gap, in ascending order.
    radius : ndarray of shape (n_groups,), nm
        The radius of each group's discs.

    Returns
    -------
    polygons : ndarray of shape (n_polygons,) of shapely.Polygon, nm
        The connected parts of all unions, in the order of their groups.
    owner : ndarray of shape (n_polygons,)
        Which group each is of.
    of_disc : ndarray of shape (n,)
        Which polygon each disc is in.

    Notes
    -----
    The boundary of a union of equal discs is made of arcs: of each circle, what no overlapping disc
    covers. An arc ends where another disc's cover begins, and the boundary goes on along that
    disc's circle, so arcs are linked by who covers whom and no lines are intersected.
    `shapely.buffer` of a multipoint intersects lines: with the erosion it takes 11 times as long
    for clusters of 17 localizations and 25 for 100 or more (benchmarks/bench_outline.py). It is
    left the groups in which rounding leaves an arc without a follower, as where three circles meet
    in a point.
    """
    n, none = len(centres), np.empty(0, dtype=np.int64)
    if not n:
        return np.empty(0, dtype=object), none, none
    first = np.searchsorted(group, np.arange(len(radius)))
    # Two equal discs overlap below a distance of 1 in these units.
    unit = (centres - centres[first[group]]) / (2 * radius[group])[:, None]
    found: list[_Arcs] = []
    parent: IntArray = np.arange(n)
    for pairs in near_pairs(unit, group):
        found.append(_exposed(pairs))
        _join(pairs, parent)
    component = _roots(parent, np.arange(n))
    arcs = _Arcs(
        *(np.concatenate([getattr(a, field.name) for a in found]) for field in fields(_Arcs))
    )
    following = _followers(arcs, n)
    failed = np.zeros(len(radius), dtype=bool)
    failed[group[arcs.disc[following < 0]]] = True
    if failed.any():
        arcs = arcs.take(~failed[group[arcs.disc]])
        following = _followers(arcs, n)
    polygons, member = _polygons(arcs, following, centres, radius[group], component)
    of_component = np.full(n, -1, dtype=np.int64)
    of_component[component[member]] = np.arange(len(polygons))
    of_disc, owner = of_component[component], group[member]
    failed[owner[~shapely.is_valid(polygons)]] = True
    if failed.any():
        sound = ~failed[owner]
        others, whose = _buffered(centres, group, radius, failed)
        left = np.flatnonzero(failed[group])
        of_disc = (np.cumsum(sound) - 1)[of_disc] if len(sound) else of_disc
        of_disc[left] = sound.sum() + containing(centres[left], group[left], others, whose)
        polygons = np.concatenate((polygons[sound], others))
        owner = np.concatenate((owner[sound], whose))
    order = np.argsort(owner, kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return polygons[order], owner[order], place[of_disc]


def erode(
    polygons: Shapes, distance: FloatArray, smallest_hole: FloatArray
) -> tuple[Shapes, IntArray]:
    """Erode polygons, take them apart and close their small holes.

    Parameters
    ----------
    polygons : ndarray of shape (n_polygons,) of shapely.Polygon, nm
        What to erode.
    distance : ndarray of shape (n_polygons,), nm
        How far.
    smallest_hole : ndarray of shape (n_polygons,), nm²
        Holes of less area are closed.

    Returns
    -------
    parts : ndarray of shape (n_parts,) of shapely.Polygon, nm
        What is left, each part on its own, in the order of the polygons.
    whole : ndarray of shape (n_parts,)
        Which polygon each was of.
    """
    eroded = shapely.buffer(polygons, -distance, quad_segs=QUAD_SEGS)
    parts, whole = shapely.get_parts(eroded, return_index=True)
    holed = np.flatnonzero(shapely.get_num_interior_rings(parts) > 0)
    if len(holed):
        rings, which = shapely.get_rings(parts[holed], return_index=True)
        outer = np.ones(len(which), dtype=bool)
        outer[1:] = which[1:] != which[:-1]
        large = shapely.area(shapely.polygons(rings)) >= smallest_hole[whole[holed[which]]]
        kept = outer | large
        parts[holed] = shapely.polygons(rings[kept], indices=which[kept])
    return parts, whole


def containing(
    positions: FloatArray, group: IntArray, polygons: Shapes, owner: IntArray
) -> IntArray:
    """Tell which polygon of its own group contains each position; −1 where none does.

    The groups are set side by side along x first: those that lie over each other, as a tool's
    clusters may, would otherwise be tried against each other, position by polygon.
    """
    found = np.full(len(positions), -1, dtype=np.int64)
    if not len(polygons) or not len(positions):
        return found
    corners, of_polygon = shapely.get_coordinates(polygons, return_index=True)
    low = corners.min(axis=0)
    _, lane = np.unique(np.concatenate((group, owner)), return_inverse=True)
    step = 1.1 * np.ptp(corners[:, 0])
    shift = np.column_stack((lane * step, np.zeros(len(lane)))) - low
    spots = shapely.points(positions + shift[: len(positions)])
    moved = shapely.set_coordinates(polygons.copy(), corners + shift[len(positions) :][of_polygon])
    # The tree prepares what it is asked for: asking for one polygon of 100,000 members takes 0.2 s,
    # asking for its members 6 s.
    which, inside = shapely.STRtree(spots).query(moved, predicate="intersects")
    found[inside] = which
    return found


def _exposed(pairs: Pairs) -> _Arcs:
    """Find the arcs of some discs that none of those that overlap them covers."""
    rows, n_covers, other = pairs.rows, pairs.n_near, pairs.other
    half = np.arccos(pairs.distance)
    begin = np.arctan2(pairs.dy, pairs.dx) - half
    begin += FULL * (begin < 0)
    # One sort by disc, then angle: a turn and a half at most is used of every 16. The covers come
    # disc by disc and so remain.
    key = np.repeat(16.0 * np.arange(len(rows)), n_covers) + begin
    order = np.argsort(key)
    reach = (key + 2 * half)[order]
    key = key[order]
    furthest = np.maximum.accumulate(reach)
    # More is to be known only where covers leave a gap and at the first of each disc, which the 16
    # make look like one: at one pair of eight.
    is_open = np.ones(len(reach), dtype=bool)
    is_open[1:] = key[1:] > furthest[:-1] - NEARLY
    gap = np.flatnonzero(is_open)
    disc = (key[gap] / 16).astype(np.int64)
    # The cover that reaches furthest, of those up to any.
    leads = reach >= furthest
    leader, place = order[np.flatnonzero(leads)], np.cumsum(leads) - 1
    last = np.cumsum(n_covers) - 1
    # What is covered past a full turn is covered at its beginning too.
    wrapped = leader[place[last[disc]]]
    past = begin[wrapped] + 2 * half[wrapped] - FULL
    is_first = gap == (last - n_covers + 1)[disc]
    before = np.where(is_first, wrapped, leader[place[gap - 1]])
    covered = np.where(is_first, -np.inf, begin[before] + 2 * half[before])
    before = np.where(past >= covered, wrapped, before)
    covered = np.maximum(covered, past)
    after = order[gap]
    free = begin[after] > covered
    after = after[free]
    alone = rows[n_covers == 0]
    zero = np.zeros(len(alone))
    return _Arcs(
        np.concatenate((rows[disc[free]], alone)),
        np.concatenate((covered[free], zero)),
        np.concatenate((begin[after], zero + FULL)),
        np.concatenate((other[before[free]], alone)),
        np.concatenate((other[after], alone)),
    )


def _join(pairs: Pairs, parent: IntArray) -> None:
    """Join, in place, the trees of discs that overlap; roots are the lowest discs of their trees.

    Of each disc, to begin with, only the first pair: one in 30 of the others is left to look at.
    """
    some = np.flatnonzero(pairs.n_near)
    first = (np.cumsum(pairs.n_near) - pairs.n_near)[some]
    _hook(parent, _roots(parent, pairs.rows[some]), _roots(parent, pairs.other[first]))
    parent[pairs.rows] = _roots(parent, pairs.rows)
    own = np.repeat(parent[pairs.rows], pairs.n_near)
    apart = np.flatnonzero(own != parent[pairs.other])
    own, other = own[apart], pairs.other[apart]
    while len(own):
        own, other = _roots(parent, own), _roots(parent, other)
        apart = np.flatnonzero(own != other)
        own, other = own[apart], other[apart]
        _hook(parent, own, other)


def _hook(parent: IntArray, one: IntArray, other: IntArray) -> None:
    """Hang each root below the lowest of those it is paired with, if that is lower."""
    np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))


def _roots(parent: IntArray, discs: IntArray) -> IntArray:
    """Follow trees to their roots."""
    root = parent[discs]
    while ((further := parent[root]) != root).any():
        root = further
    return root


def _followers(arcs: _Arcs, n: int) -> IntArray:
    """Find the arc that goes on where each ends, −1 where there is none."""
    key = arcs.disc * np.int64(n) + arcs.before
    wanted = arcs.after * np.int64(n) + arcs.disc
    order = np.argsort(key)
    place = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    following = order[place]
    following[key[following] != wanted] = -1
    return following


def _rings(following: IntArray) -> tuple[IntArray, IntArray]:
    """Put arcs in the order of their rings; return the order and the ring of each, from 0."""
    n = len(following)
    graph = coo_matrix((np.ones(n, dtype=np.int8), (np.arange(n), following)), shape=(n, n))
    n_rings, ring = connected_components(graph, directed=False)
    head = np.empty(n_rings, dtype=np.int64)
    head[ring[::-1]] = np.arange(n)[::-1]
    # Each ring is cut before its first arc, and the steps from every arc to the cut are counted by
    # doubling jumps: as many rounds as the longest ring has binary digits.
    jump = following.copy()
    cut = np.flatnonzero(head[ring[following]] == following)
    jump[cut] = cut
    steps = np.ones(n, dtype=np.int64)
    steps[cut] = 0
    while True:
        further = jump[jump]
        if (further == jump).all():
            break
        steps = steps + steps[jump]
        jump = further
    order = np.lexsort((-steps, ring))
    return order, ring[order]


def _polygons(
    arcs: _Arcs,
    following: IntArray,
    centres: FloatArray,
    radius: FloatArray,
    component: IntArray,
) -> tuple[Shapes, IntArray]:
    """Make the polygon of each connected union; return them and a disc of each."""
    if not len(arcs.disc):
        return np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    order, ring = _rings(following)
    arcs = arcs.take(order)
    n_pieces = np.ceil((arcs.end - arcs.begin) / (np.pi / 2 / QUAD_SEGS)).astype(np.int64)
    n_pieces = np.maximum(n_pieces, 1)
    # A ring of two corners encloses nothing; it can only be a hole too small for rounding.
    solid = (np.bincount(ring, n_pieces) >= 3)[ring]
    arcs, n_pieces, ring = arcs.take(solid), n_pieces[solid], ring[solid]
    is_first = np.ones(len(ring), dtype=bool)
    is_first[1:] = ring[1:] != ring[:-1]
    ring_of = np.repeat(np.cumsum(is_first) - 1, n_pieces)
    corners = _corners(arcs, n_pieces, centres, radius)
    rings = np.asarray(shapely.linearrings(corners, indices=ring_of))
    member = arcs.disc[is_first]
    # Discs that hang together have one outer ring, the largest; all others are its holes.
    whole = component[member]
    several = np.flatnonzero(np.bincount(whole)[whole] > 1)
    area = np.zeros(len(rings))
    area[several] = shapely.area(shapely.polygons(rings[several]))
    order = np.lexsort((-area, whole))
    _, index, dense = np.unique(whole[order], return_index=True, return_inverse=True)
    polygons = np.asarray(shapely.polygons(rings[order], indices=dense))
    return polygons, member[order][index]


def _corners(
    arcs: _Arcs, n_pieces: IntArray, centres: FloatArray, radius: FloatArray
) -> FloatArray:
    """Draw arcs in straight pieces; the end of each is the beginning of the next."""
    step = np.arange(n_pieces.sum()) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    angle = step * np.repeat(arcs.end - arcs.begin, n_pieces) / np.repeat(n_pieces, n_pieces)
    angle += np.repeat(arcs.begin, n_pieces)
    around = np.repeat(radius[arcs.disc], n_pieces)
    corners = np.empty((len(step), 2))
    for axis, direction in enumerate((np.cos(angle), np.sin(angle))):
        direction *= around
        corners[:, axis] = np.repeat(centres[arcs.disc, axis], n_pieces) + direction
    return corners


def _buffered(
    centres: FloatArray, group: IntArray, radius: FloatArray, which: BoolArray
) -> tuple[Shapes, IntArray]:
    """Unite the discs of some groups by intersecting their circles."""
    chosen = np.flatnonzero(which)
    rows = which[group]
    dense = np.searchsorted(chosen, group[rows])
    points = np.asarray(shapely.points(centres[rows]))
    spots = shapely.multipoints(points, indices=dense)
    united = shapely.buffer(spots, radius[chosen], quad_segs=QUAD_SEGS)
    polygons, whole = shapely.get_parts(united, return_index=True)
    return polygons, chosen[whole]
