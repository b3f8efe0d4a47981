"""The tree: built in threads, asked for some of its positions at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caml._arrays import BoolArray, FloatArray
from caml._knn.build import LEAF, build, children, split
from caml._knn.search import capacity_for, nearest, sorting_network
from caml._machine import in_threads, n_threads

__all__ = ["Tree"]

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
            list(in_threads(lambda node: split(x, y, z, order, boxes, n, *node), nodes))
            nodes = [child for node in nodes for child in children(*node)]
        list(in_threads(lambda node: build(x, y, z, order, boxes, n, *node), nodes))
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
        capacity = capacity_for(k)
        rows: npt.NDArray[Any]
        beyond: np.float32 | np.int64
        if ids is None:
            rows = np.empty((4 * capacity + LEAF, LEAF), dtype=np.float32)
            beyond = np.float32(np.inf)
        else:
            rows = np.empty((4 * capacity + LEAF, LEAF), dtype=np.int64)
            beyond = np.int64(np.iinfo(np.int64).max)
        nearest(
            self.x, self.y, self.z, self.boxes, self.n, start // LEAF, wanted, ids, k,
            sorting_network(capacity), capacity, rows, beyond, distances, indices,
        )  # fmt: skip
