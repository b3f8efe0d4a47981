"""Who is near whom within each of many groups: nearest neighbours and pairs within a reach."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from caml._arrays import BoolArray, FloatArray, IntArray

__all__ = ["Pairs", "near_pairs", "nearest_distances"]

# Up to so many members all pairs of a group are looked at. Most clusters have 10 to 100, where half
# of all pairs are near ones: the nearest neighbours in 21,000 clusters of 25 take 0.11 s so, and
# 0.33 s by a tree.
ALL_PAIRS = 128

# Pairs looked at together, which bounds memory; eight times as many take no less time.
PAIRS = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of different positions of one group, those of one position together.

    `rows` are the positions looked at, `n_near` how many pairs each has; `other` is the row of the
    second position of each pair, and `dx`, `dy` lead there from the first.
    """

    rows: IntArray
    n_near: IntArray
    other: IntArray
    dx: FloatArray
    dy: FloatArray
    distance: FloatArray


def nearest_distances(positions: FloatArray, group: IntArray) -> FloatArray:
    """Measure the distance to the nearest position of the same group.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are.
    group : ndarray of shape (n,)
        Which group each is of, from 0, in ascending order.

    Returns
    -------
    ndarray of shape (n,), nm
        0 for a position alone in its group.
    """
    nearest = np.zeros(len(positions))
    size = np.bincount(group)
    for rows, real in _stacks(size):
        squared = np.square(_apart(positions[:, 0], rows, real))
        for axis in positions.T[1:]:
            squared += np.square(_apart(axis, rows, real))
        _diagonal(squared)[:] = np.inf
        nearest[rows[real]] = np.sqrt(squared.min(axis=1)[real])
    many = np.flatnonzero((size > ALL_PAIRS)[group])
    if len(many):
        first = np.diff(group[many], prepend=-1) > 0
        # From each group's own first position, so that it does not matter which others there are.
        spots = positions[many] - positions[many][first][np.cumsum(first) - 1]
        # One coordinate more sets groups so far apart that the nearest is of the same group.
        apart = np.cumsum(first) * (2 * np.linalg.norm(np.abs(spots).max(axis=0)) + 1)
        tree = cKDTree(np.column_stack((spots, apart)), balanced_tree=False)
        nearest[many] = np.asarray(tree.query(tree.data, 2)[0])[:, 1]
    nearest[(size == 1)[group]] = 0
    return nearest


def near_pairs(unit: FloatArray, group: IntArray) -> Iterator[Pairs]:
    """Find all pairs of different positions of one group less than 1 apart, block by block.

    Parameters
    ----------
    unit : ndarray of shape (n, 2)
        Where they are, each group in units of its reach.
    group : ndarray of shape (n,)
        Which group each is of, from 0, in ascending order.

    Yields
    ------
    Pairs
        All pairs of some positions, in both directions. Each position is in one block.
    """
    size = np.bincount(group)
    for rows, real in _stacks(size):
        yield _pairs_of_stack(unit, rows, real)
    many = np.flatnonzero((size > ALL_PAIRS)[group])
    if len(many):
        # A third coordinate keeps the groups apart.
        tree = cKDTree(np.column_stack((unit[many], 2.0 * group[many])), balanced_tree=False)
        n_near = np.asarray(tree.query_ball_point(tree.data, 1.0, return_length=True))
        for start, stop in pairwise(_cuts(n_near)):
            yield _pairs_of_tree(tree, start, stop, many)


def _pairs_of_stack(unit: FloatArray, rows: IntArray, real: BoolArray) -> Pairs:
    """Look at all pairs of the groups in a stack."""
    width = rows.shape[1]
    dx, dy = _apart(unit[:, 0], rows, real), _apart(unit[:, 1], rows, real)
    distance = dx * dx
    distance += dy * dy
    np.sqrt(distance, out=distance)
    near = distance < 1
    _diagonal(near)[:] = False
    # Being near is mutual, so that columns, which take less time, can be counted for rows.
    n_near = near.view(np.uint8).sum(axis=1, dtype=np.uint8)[real].astype(np.int64)
    place = np.flatnonzero(near)
    # The place in the stack is (group × width + first) × width + second.
    first = place // width
    to_other = (rows - np.arange(width)).ravel() - width * np.arange(rows.size)
    other = to_other[first] + place
    return Pairs(
        rows[real], n_near, other, dx.ravel()[place], dy.ravel()[place], distance.ravel()[place]
    )


def _pairs_of_tree(tree: cKDTree, start: int, stop: int, row: IntArray) -> Pairs:
    """Look at the pairs of the positions from start to stop in a tree."""
    found = cKDTree(tree.data[start:stop]).sparse_distance_matrix(tree, 1.0, output_type="ndarray")
    found = found[(found["v"] < 1) & (found["i"] + start != found["j"])]
    found = found[np.argsort(found["i"], kind="stable")]
    dx, dy, _ = (tree.data[found["j"]] - tree.data[found["i"] + start]).T
    n_near = np.bincount(found["i"], minlength=stop - start)
    return Pairs(row[start:stop], n_near, row[found["j"]], dx, dy, found["v"])


def _apart(axis: FloatArray, rows: IntArray, real: BoolArray) -> FloatArray:
    """Subtract coordinates in a stack, the first of each pair from the second."""
    stacked = axis[rows]
    stacked[~real] = np.inf
    with np.errstate(invalid="ignore"):  # Between two that are not real.
        apart: FloatArray = stacked[:, None, :] - stacked[:, :, None]
    return apart


def _diagonal(stack: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """View each position's pair with itself."""
    n_groups, width, _ = stack.shape
    return stack.reshape(n_groups, width * width)[:, :: width + 1]


def _stacks(size: IntArray) -> Iterator[tuple[IntArray, BoolArray]]:
    """Stack small groups of about one size, as rows of tables of their members' rows.

    Where a group is smaller than its table is wide, `real` is false and its last member stands in.
    """
    first = np.cumsum(size) - size
    groups = np.argsort(size, kind="stable")
    groups = groups[(size[groups] > 0) & (size[groups] <= ALL_PAIRS)]
    start = 0
    while start < len(groups):
        # A tenth wider at most: a fifth of all pairs, then, are of none.
        width = int(1.1 * size[groups[start]])
        stop = int(np.searchsorted(size[groups], width, side="right"))
        stop = min(stop, start + max(PAIRS // width**2, 1))
        own = groups[start:stop]
        place = np.arange(size[own[-1]])
        real = place < size[own, None]
        yield first[own, None] + np.minimum(place, size[own, None] - 1), real
        start = stop


def _cuts(n_pairs: IntArray) -> IntArray:
    """Cut positions into blocks of about `PAIRS` pairs; return where the blocks begin and end."""
    so_far = np.cumsum(n_pairs)
    cuts = np.searchsorted(so_far, np.arange(PAIRS, so_far[-1], PAIRS))
    blocks: IntArray = np.unique(np.concatenate(([0], cuts, [len(n_pairs)])))
    return blocks
