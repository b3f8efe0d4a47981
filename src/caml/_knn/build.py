"""Sorting positions into the leaves of a balanced k-d tree, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from caml._compile import compiled

__all__ = ["LEAF", "build", "children", "split"]

LEAF = 16


def children(node: int, first: int, end: int) -> tuple[tuple[int, int, int], ...]:
    """Return the two nodes below one."""
    middle = (first + end) >> 1
    return (node + 1, first, middle), (node + 2 * (middle - first), middle, end)


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
def split(
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
def build(
    x: Any, y: Any, z: Any, order: Any, boxes: Any, n: int, node: int, first: int, end: int
) -> None:
    """Split a node and all below it."""
    todo = np.empty((64, 3), dtype=np.int64)
    todo[0, 0], todo[0, 1], todo[0, 2] = node, first, end
    n_todo = 1
    while n_todo > 0:
        n_todo -= 1
        node, first, end = todo[n_todo, 0], todo[n_todo, 1], todo[n_todo, 2]
        split(x, y, z, order, boxes, n, node, first, end)
        if end - first > 1:
            middle = (first + end) >> 1
            todo[n_todo, 0] = node + 2 * (middle - first)
            todo[n_todo, 1], todo[n_todo, 2] = middle, end
            todo[n_todo + 1, 0] = node + 1
            todo[n_todo + 1, 1], todo[n_todo + 1, 2] = first, middle
            n_todo += 2
