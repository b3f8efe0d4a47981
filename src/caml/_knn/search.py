"""Asking the tree, the sixteen queries of a leaf at a time, compiled."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from caml._compile import compiled
from caml._knn.build import LEAF

__all__ = ["capacity_for", "nearest", "sorting_network"]


def capacity_for(k: int) -> int:
    """How many values are sorted to find k: room for a guess that was too high.

    The smaller, the less there is to sort, and the more often a list has to be cut down first.
    """
    return k + max(8, min(k // 3, 24 + k // 10))


@lru_cache(maxsize=16)
def sorting_network(n: int) -> npt.NDArray[np.int32]:
    """List the exchanges that sort n values.

    Parameters
    ----------
    n : int
        How many values.

    Returns
    -------
    ndarray of shape (n_exchanges, 2), int32
        Places whose values are put in order, one pair after the other.

    Notes
    -----
    Odd-even merge sort (K. E. Batcher, Sorting networks and their applications, 1968), without the
    exchanges beyond the last of n values.
    """
    pairs: list[npt.NDArray[np.int64]] = [np.empty((0, 2), dtype=np.int64)]
    width = 1
    while width < n:
        step = width
        while step >= 1:
            low = np.arange(n - step)
            low = low[low >= step % width]
            low = low[(low - step % width) % (2 * step) < step]
            low = low[low // (2 * width) == (low + step) // (2 * width)]
            pairs.append(np.column_stack((low, low + step)))
            step //= 2
        width *= 2
    return np.concatenate(pairs).astype(np.int32)


def _write_exchange(_context: Any, rows: Any, first: Any, second: Any) -> Any:
    """Put the values of two rows of sixteen in order, column by column.

    Written as vector instructions: LLVM does not make them of a loop, and that takes four times as
    long.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        element = context.get_data_type(signature.args[0].dtype)
        vector = ir.VectorType(element, LEAF)
        places = []
        for argument, kind in zip(arguments[1:], signature.args[1:], strict=True):
            index = context.cast(builder, argument, kind, types.int64)
            start = builder.mul(index, ir.Constant(ir.IntType(64), LEAF))
            place = builder.gep(array.data, [start])
            places.append(builder.bitcast(place, vector.as_pointer()))
        one, other = (builder.load(place) for place in places)
        one.align = other.align = signature.args[0].dtype.bitwidth // 8
        is_float = isinstance(element, ir.FloatType)
        less = (builder.fcmp_ordered if is_float else builder.icmp_signed)("<", one, other)
        for place, pick in zip(places, ((one, other), (other, one)), strict=True):
            stored = builder.store(builder.select(less, *pick), place)
            stored.align = one.align
        return context.get_dummy_value()

    return types.void(rows, first, second), generate


_exchange: Any = intrinsic(_write_exchange)


@compiled
def _sort_columns(rows: Any, network: Any) -> None:
    """Sort every column."""
    for i in range(network.shape[0]):
        _exchange(rows, network[i, 0], network[i, 1])


@compiled
def _find_node(boxes: Any, n: int, leaf: int, k: int) -> tuple[int, int]:
    """Return the node of a leaf, and the smallest one around it that has more than k positions."""
    node, first, end = 0, 0, (boxes.shape[0] + 1) // 2
    around = 0
    while end - first > 1:
        middle = (first + end) >> 1
        if leaf < middle:
            node, end = node + 1, middle
        else:
            node, first = node + 2 * (middle - first), middle
        if min(end * LEAF, n) - first * LEAF > k:
            around = node
    return node, around


@compiled
def _reach(boxes: Any, node: int, around: int) -> float:
    """Measure how far from a position in one node any position of a node around it may be."""
    squared = 0.0
    for i in range(0, boxes.shape[1], 2):
        furthest = max(boxes[node, i + 1] - boxes[around, i], boxes[around, i + 1] - boxes[node, i])
        squared += furthest * furthest
    return float(np.sqrt(squared))


@compiled
def _leaves_near(boxes: Any, node: int, radius: float, near: Any, box: Any) -> int:
    """List the leaves that are within a radius of a node, with their boxes; return their number.

    Where there are more than fit, only their number is right.
    """
    todo = np.empty((64, 3), dtype=np.int64)
    todo[0, 0], todo[0, 1], todo[0, 2] = 0, 0, (boxes.shape[0] + 1) // 2
    n_todo = 1
    n_near = 0
    while n_todo > 0:
        n_todo -= 1
        i, first, end = todo[n_todo, 0], todo[n_todo, 1], todo[n_todo, 2]
        while True:
            squared = 0.0
            for axis in range(0, boxes.shape[1], 2):
                apart = max(
                    0.0,
                    max(
                        boxes[i, axis] - boxes[node, axis + 1],
                        boxes[node, axis] - boxes[i, axis + 1],
                    ),
                )
                squared += apart * apart
            if squared > radius * radius:
                break
            if end - first == 1:
                if n_near < near.shape[0]:
                    near[n_near] = first
                    for axis in range(boxes.shape[1]):
                        box[axis, n_near] = boxes[i, axis]
                n_near += 1
                break
            middle = (first + end) >> 1
            todo[n_todo, 0] = i + 2 * (middle - first)
            todo[n_todo, 1], todo[n_todo, 2] = middle, end
            n_todo += 1
            i, end = i + 1, middle
    return n_near


@compiled
def _key(squared: Any, index: Any) -> Any:
    """Return a number that is ordered by squared distance, then by index."""
    return (np.int64(np.float32(squared).view(np.int32)) << 32) | np.int64(index)


@compiled
def _squared(key: Any) -> Any:
    """Return the squared distance in a key of squared distance and index."""
    return np.int32(key >> 32).view(np.float32)


@compiled
def _keep_smallest(rows: Any, column: int, n: int, k: int) -> Any:
    """Bring the k smallest values of a column to its front; return the largest of them."""
    low, high = 0, n - 1
    while high > low:
        a, b, c = rows[low, column], rows[(low + high) >> 1, column], rows[high, column]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while rows[i, column] < pivot:
                i += 1
            while rows[j, column] > pivot:
                j -= 1
            if i <= j:
                rows[i, column], rows[j, column] = rows[j, column], rows[i, column]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            break
    largest = rows[0, column]
    for i in range(1, k):
        largest = max(largest, rows[i, column])
    return largest


@compiled
def _cut_down(rows: Any, column: int, n: int, k: int, capacity: int, limit: Any, ids: Any) -> Any:
    """Cut a column of n values down to no more than fit, the smallest k among them.

    Returns how many are left, and a limit that holds them.
    """
    low, high = np.float32(0), np.float32(limit)
    for attempt in range(4):
        # At about constant density, the count grows with the square of the distance.
        share = (k + 0.5 * (capacity - k)) / n if attempt == 0 else 0.5
        guess = np.float32(low + (high - low) * share)
        n_below = 0
        for i in range(n):
            squared = rows[i, column] if ids is None else _squared(rows[i, column])
            n_below += 1 if squared <= guess else 0
        if n_below < k:
            low = guess
            continue
        high = guess
        kept = 0
        for i in range(n):
            value = rows[i, column]
            squared = value if ids is None else _squared(value)
            rows[kept, column] = value
            kept += 1 if squared <= guess else 0
        n = kept
        if n <= capacity:
            return n, high
    largest = _keep_smallest(rows, column, n, k)
    return k, largest if ids is None else _squared(largest)


@compiled
def _append_near(
    x: Any, y: Any, z: Any, n: int, own: int, near: Any, box: Any, gap: Any, ids: Any, k: int,
    rows: Any, lane: int, limit: Any,
) -> Any:  # fmt: skip
    """Append what lies within the squared distance `limit` of a position to its column.

    Returns how many there are; where there were more than fit, the k nearest are kept, and the
    limit that holds them is returned with their number.
    """
    room = rows.shape[0]
    squares = np.empty(LEAF, dtype=np.float32)
    own_x, own_y = x[own], y[own]
    if z is not None:
        own_z = z[own]
    reach = limit * 1.0000003
    # In a loop of its own, several boxes are measured at once.
    for j in range(near.shape[0]):
        apart = max(0.0, max(box[0, j] - own_x, own_x - box[1, j]))
        squared = apart * apart
        apart = max(0.0, max(box[2, j] - own_y, own_y - box[3, j]))
        squared += apart * apart
        if z is not None:
            apart = max(0.0, max(box[4, j] - own_z, own_z - box[5, j]))
            squared += apart * apart
        gap[j] = squared
    count = 0
    for j in range(near.shape[0]):
        if gap[j] > reach:
            continue
        there = near[j] * LEAF
        for other in range(LEAF):
            apart = x[there + other] - own_x
            squared = apart * apart
            apart = y[there + other] - own_y
            squared += apart * apart
            if z is not None:
                apart = z[there + other] - own_z
                squared += apart * apart
            squares[other] = squared
        if there <= own < there + LEAF:
            squares[own - there] = np.inf
        for other in range(LEAF):
            if ids is None:
                rows[count, lane] = squares[other]
            else:
                rows[count, lane] = _key(squares[other], ids[min(there + other, n - 1)])
            count += 1 if squares[other] <= limit else 0
        if count > room - LEAF:
            largest = _keep_smallest(rows, lane, count, k)
            limit = np.float32(largest if ids is None else _squared(largest))
            reach = limit * 1.0000003
            count = k
    return count, limit


@compiled
def nearest(
    x: Any, y: Any, z: Any, boxes: Any, n: int, first: int, wanted: Any, ids: Any, k: int,
    network: Any, capacity: int, rows: Any, beyond: Any, distances: Any, indices: Any,
) -> None:  # fmt: skip
    """Find the k nearest of the wanted positions of some leaves; see the module.

    `rows` is room to work in, of single precision, or of 64 bits where `ids` are given.
    """
    near = np.empty(256, dtype=np.int64)
    box = np.empty((boxes.shape[1], 256))
    gap = np.empty(256)
    written = 0
    last_distance = -1.0
    limit = np.float32(-1)
    for leaf in range(first, first + (wanted.shape[0] + LEAF - 1) // LEAF):
        start = leaf * LEAF
        n_queries = min(LEAF, wanted.shape[0] - (start - first * LEAF))
        n_wanted = 0
        for i in range(n_queries):
            n_wanted += 1 if wanted[start - first * LEAF + i] else 0
        if n_wanted == 0:
            continue
        node, around = _find_node(boxes, n, leaf, k)
        # There are k others within this, however the positions lie.
        furthest = 1.000001 * _reach(boxes, node, around)
        radius = furthest if last_distance <= 0 else min(furthest, 1.25 * last_distance)
        n_near = -1
        last_distance = 0.0
        lane = 0
        for i in range(n_queries):
            if not wanted[start - first * LEAF + i]:
                continue
            if limit <= 0:
                limit = np.float32(radius * radius)
            while True:
                if n_near < 0:
                    n_near = _leaves_near(boxes, node, radius, near, box)
                    if n_near > near.shape[0]:
                        near = np.empty(2 * n_near, dtype=np.int64)
                        box = np.empty((boxes.shape[1], 2 * n_near))
                        gap = np.empty(2 * n_near)
                        n_near = _leaves_near(boxes, node, radius, near, box)
                # What rounds to the limit in single precision may lie a little further.
                if limit * 1.0000003 > radius * radius:
                    limit = np.float32(radius * radius * 0.9999996)
                count, limit = _append_near(
                    x, y, z, n, start + i, near[:n_near], box, gap, ids, k, rows, lane, limit
                )
                if count >= k:
                    break
                grown = limit * max(1.2, min(16.0, 1.1 * k / max(count, 1)))
                if grown * 1.0000003 > radius * radius and radius < furthest:
                    radius = min(furthest, max(1.3 * radius, min(2 * radius, np.sqrt(grown))))
                    n_near = -1
                limit = np.float32(grown)
                if limit <= 0:
                    limit = np.float32(radius * radius)
            if count > capacity:
                count, limit = _cut_down(rows, lane, count, k, capacity, limit, ids)
            for j in range(count, capacity):
                rows[j, lane] = beyond
            # The guess for the next query: what would have let in a few more than k here.
            limit = np.float32(limit * (k + 0.5 * (capacity - k)) / count)
            lane += 1
        for i in range(lane, LEAF):
            for j in range(capacity):
                rows[j, i] = beyond
        _sort_columns(rows[:capacity], network)
        for i in range(lane):
            for j in range(k):
                key = rows[j, i]
                distances[written, j] = key if ids is None else _squared(key)
                if indices is not None:
                    indices[written, j] = np.int32(key & 0x7FFFFFFF)
            # By itself, so that eight roots are taken at once.
            for j in range(k):
                distances[written, j] = np.sqrt(distances[written, j])
            last_distance = max(last_distance, distances[written, k - 1])
            written += 1
