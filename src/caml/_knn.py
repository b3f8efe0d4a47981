"""The compiled search for nearest neighbours: a balanced k-d tree, asked a leaf at a time.

The positions are kept in the order of the tree's leaves, sixteen to a leaf. The queries of a leaf
share one list of the leaves near them. Each query appends the squared distances below a guess of
its last neighbour's to a column of its own; the guess comes from the query before it, and is mended
where it was too low. What was appended, a little more than k values, is sorted for all sixteen
queries at once by a sorting network (Batcher 1968): its exchanges do not depend on the values, so
that each is one vector operation on a row of sixteen.

Squared distances are computed in double precision and compared in single precision; equal ones are
ordered by index. So the answer does not depend on the tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from caml._arrays import BoolArray, FloatArray
from caml._compile import compiled
from caml._machine import in_threads, n_threads

__all__ = ["LEAF", "Tree"]

LEAF = 16
# Subtrees of fewer leaves than these are not worth a thread.
LEAVES_PER_THREAD = 2_000

Single = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A balanced k-d tree of distinct or repeated positions.

    Parameters
    ----------
    x, y : ndarray of shape (n_leaves · 16,), nm
        The positions in the tree's order; infinite beyond the last.
    z : ndarray of shape (n_leaves · 16,), nm, or None
        The same, in 3D.
    order : ndarray of shape (n,), int32
        The row of each.
    boxes : ndarray of shape (2 · n_leaves − 1, 4 or 6), nm
        Of each node: the lowest and the highest x, y (and z). The left child of a node follows it,
        the right one follows all nodes below the left.
    n : int
        How many positions there are.
    """

    x: FloatArray
    y: FloatArray
    z: FloatArray | None
    order: npt.NDArray[np.int32]
    boxes: FloatArray
    n: int

    @classmethod
    def build(cls, positions: FloatArray) -> Tree:
        """Sort positions into leaves.

        Parameters
        ----------
        positions : ndarray of shape (n, 2 or 3), nm
            All finite.

        Returns
        -------
        Tree
            Of these positions.
        """
        n, n_dimensions = positions.shape
        n_leaves = -(-n // LEAF)
        columns = []
        for axis in range(n_dimensions):
            column = np.full(n_leaves * LEAF, np.inf)
            column[:n] = positions[:, axis]
            columns.append(column)
        x, y = columns[:2]
        z = columns[2] if n_dimensions == 3 else None
        order = np.arange(n, dtype=np.int32)
        boxes = np.empty((2 * n_leaves - 1, 2 * n_dimensions))
        tree = cls(x, y, z, order, boxes, n)
        # Nodes as (number, first leaf, end), split until every thread has one.
        nodes = [(0, 0, n_leaves)]
        while len(nodes) < n_threads() and n_leaves > LEAVES_PER_THREAD * len(nodes) * 2:
            list(in_threads(lambda node: _split(x, y, z, order, boxes, n, *node), nodes))
            nodes = [child for node in nodes for child in _children(*node)]
        list(in_threads(lambda node: _build(x, y, z, order, boxes, n, *node), nodes))
        return tree

    def distances(self, start: int, stop: int, k: int, wanted: BoolArray | None = None) -> Single:
        """Measure the distances to the nearest neighbours of some positions.

        Parameters
        ----------
        start, stop : int
            Which positions, in the order of the tree: whole leaves, the last of all excepted.
        k : int
            How many neighbours, below `n`.
        wanted : ndarray of shape (stop − start,), bool, optional
            Which of these to ask for; all by default.

        Returns
        -------
        ndarray of shape (n_wanted, k), float32, nm
            Nearest first, the position itself left out.
        """
        if wanted is None:
            wanted = np.ones(stop - start, dtype=np.bool_)
        found = np.empty((int(wanted.sum()), k), dtype=np.float32)
        self._search(start, wanted, None, found, None)
        return found

    def neighbours(
        self, start: int, stop: int, k: int, wanted: BoolArray | None = None
    ) -> tuple[Single, npt.NDArray[np.int32]]:
        """Find the nearest neighbours of some positions.

        Parameters
        ----------
        start, stop : int
            Which positions, in the order of the tree: whole leaves, the last of all excepted.
        k : int
            How many neighbours, below `n`.
        wanted : ndarray of shape (stop − start,), bool, optional
            Which of these to ask for; all by default.

        Returns
        -------
        distances : ndarray of shape (n_wanted, k), float32, nm
            Nearest first, the position itself left out.
        indices : ndarray of shape (n_wanted, k), int32
            The neighbours' rows; of those as far away, the lowest first.
        """
        if wanted is None:
            wanted = np.ones(stop - start, dtype=np.bool_)
        shape = (int(wanted.sum()), k)
        distances, indices = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.int32)
        self._search(start, wanted, self.order, distances, indices)
        return distances, indices

    def _search(
        self,
        start: int,
        wanted: BoolArray,
        ids: npt.NDArray[np.int32] | None,
        distances: Single,
        indices: npt.NDArray[np.int32] | None,
    ) -> None:
        k = distances.shape[1]
        capacity = _capacity(k)
        rows: npt.NDArray[Any]
        beyond: np.float32 | np.int64
        if ids is None:
            rows = np.empty((4 * capacity + LEAF, LEAF), dtype=np.float32)
            beyond = np.float32(np.inf)
        else:
            rows = np.empty((4 * capacity + LEAF, LEAF), dtype=np.int64)
            beyond = np.int64(np.iinfo(np.int64).max)
        _nearest(
            self.x, self.y, self.z, self.boxes, self.n, start // LEAF, wanted, ids, k,
            sorting_network(capacity), capacity, rows, beyond, distances, indices,
        )  # fmt: skip


def _capacity(k: int) -> int:
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


def _children(node: int, first: int, end: int) -> tuple[tuple[int, int, int], ...]:
    """Return the two nodes below one."""
    middle = (first + end) >> 1
    return (node + 1, first, middle), (node + 2 * (middle - first), middle, end)


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
def _select(key: Any, other: Any, third: Any, order: Any, low: int, high: int, place: int) -> None:
    """Put the value that belongs at a place there, lower ones before and higher ones after it.

    By the algorithm of R. W. Floyd and R. L. Rivest (Communications of the ACM, 1975): of many
    values, the one to part them by is sought in a sample around the place.
    """
    high -= 1
    while high > low:
        n = high - low + 1
        if n > 600:
            share = (place - low + 1) / n
            size = 0.5 * np.exp(2 * np.log(n) / 3)
            spread = 0.5 * np.sqrt(np.log(n) * size * (n - size) / n) * (1 if share > 0.5 else -1)
            first = max(low, int(place - share * size + spread))
            last = min(high, int(place + (1 - share) * size + spread))
            _select(key, other, third, order, first, last + 1, place)
            pivot = key[place]
        else:
            a, b, c = key[low], key[(low + high) >> 1], key[high]
            pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while key[i] < pivot:
                i += 1
            while key[j] > pivot:
                j -= 1
            if i <= j:
                key[i], key[j] = key[j], key[i]
                other[i], other[j] = other[j], other[i]
                if third is not None:
                    third[i], third[j] = third[j], third[i]
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            return


@compiled
def _split(
    x: Any, y: Any, z: Any, order: Any, boxes: Any, n: int, node: int, first: int, end: int
) -> None:
    """Measure a node's box and sort its positions into its two halves."""
    low, high = first * LEAF, min(end * LEAF, n)
    box = boxes[node]
    # One loop for all: their comparisons wait for each other less.
    low_x = high_x = x[low]
    low_y = high_y = y[low]
    for i in range(low + 1, high):
        low_x, high_x = min(low_x, x[i]), max(high_x, x[i])
        low_y, high_y = min(low_y, y[i]), max(high_y, y[i])
    box[0], box[1], box[2], box[3] = low_x, high_x, low_y, high_y
    widest = 1 if high_y - low_y > high_x - low_x else 0
    if z is not None:
        low_z = high_z = z[low]
        for i in range(low + 1, high):
            low_z, high_z = min(low_z, z[i]), max(high_z, z[i])
        box[4], box[5] = low_z, high_z
        if high_z - low_z > box[2 * widest + 1] - box[2 * widest]:
            widest = 2
    if end - first == 1:
        return
    middle = ((first + end) >> 1) * LEAF
    if widest == 0:
        _select(x, y, z, order, low, high, middle)
    elif widest == 1:
        _select(y, x, z, order, low, high, middle)
    elif z is not None:
        _select(z, x, y, order, low, high, middle)


@compiled
def _build(
    x: Any, y: Any, z: Any, order: Any, boxes: Any, n: int, node: int, first: int, end: int
) -> None:
    """Split a node and all below it."""
    todo = np.empty((64, 3), dtype=np.int64)
    todo[0, 0], todo[0, 1], todo[0, 2] = node, first, end
    n_todo = 1
    while n_todo > 0:
        n_todo -= 1
        node, first, end = todo[n_todo, 0], todo[n_todo, 1], todo[n_todo, 2]
        _split(x, y, z, order, boxes, n, node, first, end)
        if end - first > 1:
            middle = (first + end) >> 1
            todo[n_todo, 0] = node + 2 * (middle - first)
            todo[n_todo, 1], todo[n_todo, 2] = middle, end
            todo[n_todo + 1, 0] = node + 1
            todo[n_todo + 1, 1], todo[n_todo + 1, 2] = first, middle
            n_todo += 2


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
def _nearest(
    x: Any, y: Any, z: Any, boxes: Any, n: int, first: int, wanted: Any, ids: Any, k: int,
    network: Any, capacity: int, rows: Any, beyond: Any, distances: Any, indices: Any,
) -> None:  # fmt: skip
    """Find the k nearest of the wanted positions of some leaves; see the module.

    `rows` is room to work in, of single precision, or of 64 bits where `ids` are given.
    """
    room = rows.shape[0]
    squares = np.empty(LEAF, dtype=np.float32)
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
            own_x, own_y = x[start + i], y[start + i]
            if z is not None:
                own_z = z[start + i]
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
                reach = limit * 1.0000003
                count = 0
                # In a loop of its own, several boxes are measured at once.
                for j in range(n_near):
                    apart = max(0.0, max(box[0, j] - own_x, own_x - box[1, j]))
                    squared = apart * apart
                    apart = max(0.0, max(box[2, j] - own_y, own_y - box[3, j]))
                    squared += apart * apart
                    if z is not None:
                        apart = max(0.0, max(box[4, j] - own_z, own_z - box[5, j]))
                        squared += apart * apart
                    gap[j] = squared
                for j in range(n_near):
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
                    if there == start:
                        squares[i] = np.inf
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
