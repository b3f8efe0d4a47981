"""Unions of discs as polygons, for many clusters at once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from caml._arrays import BoolArray, FloatArray, IntArray

__all__ = ["QUAD_SEGS", "erode", "union_of_discs"]

Shapes = npt.NDArray[np.object_]

# Straight pieces in a quarter of a circle. The area that is lost, against 64 pieces, is 1.6 % of a
# lone disc, 0.3 % of 17 localizations and 0.1 % of 1000 (benchmarks/bench_outline.py).
QUAD_SEGS = 8

# Overlapping pairs looked at together, so that memory does not grow with the number of clusters.
PAIRS = 2_000_000

FULL = 2 * np.pi


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
) -> tuple[Shapes, IntArray]:
    """Unite the discs of each group.

    Parameters
    ----------
    centres : ndarray of shape (n, 2), nm
        Where the discs are; distinct within a group.
    group : ndarray of shape (n,)
        Which group each is of, in ascending order.
    radius : ndarray of shape (n_groups,), nm
        The radius of each group's discs.

    Returns
    -------
    polygons : ndarray of shape (n_polygons,) of shapely.Polygon, nm
        The connected parts of all unions, in the order of their groups.
    owner : ndarray of shape (n_polygons,)
        Which group each is of.

    Notes
    -----
    The boundary of a union of equal discs is made of arcs: of each circle, what no overlapping disc
    covers. An arc ends where another disc's cover begins, and the boundary goes on along that
    disc's circle, so arcs are linked by who covers whom and no lines are intersected.
    `shapely.buffer` of a multipoint intersects lines: with the erosion it takes 7 times as long for
    clusters of 17 localizations, 10 for 100 and 24 for 1000 (benchmarks/bench_outline.py). It is
    left the groups in which rounding leaves an arc without a follower, as where three circles meet
    in a point.
    """
    n = len(centres)
    if not n:
        return np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    first = np.searchsorted(group, np.arange(len(radius)))
    unit = (centres - centres[first[group]]) / (2 * radius[group])[:, None]
    # Two equal discs overlap below a distance of 1 in these units; a third coordinate keeps the
    # groups apart.
    tree = cKDTree(np.column_stack((unit, 2.0 * group)), balanced_tree=False)
    n_pairs = np.cumsum(tree.query_ball_point(tree.data, 1.0, return_length=True, workers=-1))
    cuts = np.searchsorted(n_pairs, np.arange(PAIRS, n_pairs[-1], PAIRS))
    blocks = np.unique(np.concatenate(([0], cuts, [n]))).astype(np.int64)
    found: list[_Arcs] = []
    component: IntArray = np.arange(n)
    for start, stop in pairwise(blocks):
        arcs, component = _exposed(tree, int(start), int(stop), component)
        found.append(arcs)
    arcs = _Arcs(
        *(np.concatenate([getattr(a, field.name) for a in found]) for field in fields(_Arcs))
    )
    failed = np.zeros(len(radius), dtype=bool)
    failed[group[arcs.disc[_followers(arcs, n) < 0]]] = True
    arcs = arcs.take(~failed[group[arcs.disc]])
    polygons, of_component = _polygons(arcs, centres, radius[group], component)
    owner = group[of_component]
    failed[owner[~shapely.is_valid(polygons)]] = True
    if failed.any():
        sound = ~failed[owner]
        others, whose = _buffered(centres, group, radius, failed)
        polygons = np.concatenate((polygons[sound], others))
        owner = np.concatenate((owner[sound], whose))
    order = np.argsort(owner, kind="stable")
    return polygons[order], owner[order]


def erode(
    polygons: Shapes, owner: IntArray, distance: FloatArray, smallest_hole: FloatArray
) -> tuple[Shapes, IntArray]:
    """Erode polygons, take them apart and close their small holes.

    Parameters
    ----------
    polygons : ndarray of shape (n_polygons,) of shapely.Polygon, nm
        What to erode.
    owner : ndarray of shape (n_polygons,)
        Which group each is of.
    distance : ndarray of shape (n_groups,), nm
        How far, for each group.
    smallest_hole : ndarray of shape (n_groups,), nm²
        Holes of less area are closed, for each group.

    Returns
    -------
    parts : ndarray of shape (n_parts,) of shapely.Polygon, nm
        What is left, each part on its own, in the order of the polygons.
    owner : ndarray of shape (n_parts,)
        Which group each is of.
    """
    eroded = shapely.buffer(polygons, -distance[owner], quad_segs=QUAD_SEGS)
    parts, whole = shapely.get_parts(eroded, return_index=True)
    owner = owner[whole]
    holed = np.flatnonzero(shapely.get_num_interior_rings(parts) > 0)
    rings, which = shapely.get_rings(parts[holed], return_index=True)
    outer = np.ones(len(which), dtype=bool)
    outer[1:] = which[1:] != which[:-1]
    kept = outer | (shapely.area(shapely.polygons(rings)) >= smallest_hole[owner[holed[which]]])
    parts[holed] = shapely.polygons(rings[kept], indices=which[kept])
    return parts, owner


def _exposed(tree: cKDTree, start: int, stop: int, component: IntArray) -> tuple[_Arcs, IntArray]:
    """Find the exposed arcs of the discs from start to stop, and join what overlaps."""
    near = cKDTree(tree.data[start:stop]).sparse_distance_matrix(tree, 1.0, output_type="ndarray")
    near = near[(near["i"] + start != near["j"]) & (near["v"] < 1)]
    own, other = near["i"], near["j"]
    graph = coo_matrix(
        (np.ones(len(own), dtype=np.int8), (component[own + start], component[other])),
        shape=(len(component), len(component)),
    )
    joined = connected_components(graph, directed=False)[1]
    apart = tree.data[other] - tree.data[own + start]
    half = np.arccos(near["v"])
    begin = np.mod(np.arctan2(apart[:, 1], apart[:, 0]) - half, FULL)
    # One sort by disc, then angle: a turn and a half at most is used of every 16.
    order = np.argsort(16.0 * own + begin)
    own, other, begin, half = own[order], other[order], begin[order], half[order]
    end = begin + 2 * half
    reach = 16.0 * own + end
    furthest = np.maximum.accumulate(reach)
    leader = np.maximum.accumulate(np.where(reach >= furthest, np.arange(len(own)), 0))
    is_first = np.ones(len(own), dtype=bool)
    is_first[1:] = own[1:] != own[:-1]
    # What is covered past a full turn is covered at its beginning too.
    last = np.append(np.flatnonzero(is_first)[1:] - 1, len(own) - 1)[: is_first.sum()]
    wrapped = leader[last][np.cumsum(is_first) - 1]
    previous = np.where(is_first, wrapped, np.roll(leader, 1))
    covered = np.where(is_first, -np.inf, end[previous])
    from_wrapped = end[wrapped] - FULL >= covered
    previous = np.where(from_wrapped, wrapped, previous)
    covered = np.maximum(covered, end[wrapped] - FULL)
    gap = np.flatnonzero(begin > covered)
    alone = np.setdiff1d(np.arange(stop - start), own) + start
    zero = np.zeros(len(alone))
    arcs = _Arcs(
        np.concatenate((own[gap] + start, alone)),
        np.concatenate((covered[gap], zero)),
        np.concatenate((begin[gap], zero + FULL)),
        np.concatenate((other[previous[gap]], alone)),
        np.concatenate((other[gap], alone)),
    )
    return arcs, joined[component]


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
    ring = connected_components(graph, directed=False)[1]
    head = np.unique(ring, return_index=True)[1]
    # Each ring is cut before its first arc, and the steps from every arc to the cut are counted by
    # doubling jumps: as many rounds as the longest ring has binary digits.
    jump = following.copy()
    cut = np.isin(following, head)
    jump[cut] = np.flatnonzero(cut)
    steps = np.where(cut, 0, 1)
    while True:
        further = jump[jump]
        if (further == jump).all():
            break
        steps = steps + steps[jump]
        jump = further
    order = np.lexsort((-steps, ring))
    return order, ring[order]


def _polygons(
    arcs: _Arcs, centres: FloatArray, radius: FloatArray, component: IntArray
) -> tuple[Shapes, IntArray]:
    """Make the polygon of each connected union; return them and a disc of each."""
    if not len(arcs.disc):
        return np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    order, ring = _rings(_followers(arcs, len(centres)))
    arcs = arcs.take(order)
    span = arcs.end - arcs.begin
    n_pieces = np.ceil(span / (np.pi / 2 / QUAD_SEGS)).astype(np.int64)
    n_pieces = np.maximum(n_pieces, 1)
    arc = np.repeat(np.arange(len(span)), n_pieces)
    step = np.arange(len(arc)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    angle = arcs.begin[arc] + span[arc] * step / n_pieces[arc]
    disc = arcs.disc[arc]
    direction = np.column_stack((np.cos(angle), np.sin(angle)))
    corners = centres[disc] + radius[disc, None] * direction
    # A ring of two corners encloses nothing; it can only be a hole too small for rounding.
    solid = np.bincount(ring, n_pieces)[ring[arc]] >= 3
    old, ring_of = np.unique(ring[arc][solid], return_inverse=True)
    rings = shapely.linearrings(corners[solid], indices=ring_of)
    member = arcs.disc[np.searchsorted(ring, old)]
    # Discs that hang together have one outer ring, the largest; all others are its holes.
    whole = component[member]
    order = np.lexsort((-shapely.area(shapely.polygons(rings)), whole))
    _, index, dense = np.unique(whole[order], return_index=True, return_inverse=True)
    return shapely.polygons(rings[order], indices=dense), member[order][index]


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
