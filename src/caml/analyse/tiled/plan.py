"""The division of the plane into tiles of about as many localizations each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from caml._arrays import FloatArray, IntArray
from caml.analyse.tiled.store import Store

__all__ = ["Plan"]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Which tile each position belongs to: a tree of cuts across x and y.

    Parameters
    ----------
    axis : ndarray of shape (n_nodes,)
        Which coordinate each node cuts; −1 for a tile.
    value : ndarray of shape (n_nodes,), nm
        Where; positions below it are in the left half.
    child : ndarray of shape (n_nodes, 2)
        The nodes of the left and the right half; of a tile, its number twice.
    """

    axis: IntArray
    value: FloatArray
    child: IntArray

    @classmethod
    def of_sample(cls, sample: FloatArray, n_tiles: int) -> Plan:
        """Divide the plane so that a sample is divided evenly.

        Parameters
        ----------
        sample : ndarray of shape (n_sample, 2 or 3), nm
            Some of the positions.
        n_tiles : int
            How many tiles; fewer where many positions share their coordinates.

        Returns
        -------
        Plan
            Of these tiles.
        """
        axis: list[int] = []
        value: list[float] = []
        child: list[list[int]] = []
        n_made = 0

        def divide(own: FloatArray, n: int) -> int:
            nonlocal n_made
            node = len(axis)
            axis.append(-1)
            value.append(0.0)
            child.append([n_made, n_made])
            extent = np.ptp(own, axis=0) if len(own) else np.zeros(2)
            if n > 1 and extent.max() > 0:
                widest = int(extent.argmax())
                along = own[:, widest]
                cut = float(np.quantile(along, n // 2 / n, method="higher"))
                if cut == along.min():
                    # Many are at one place; what is beyond it gets its share of the tiles.
                    cut = float(along[along > cut].min())
                below = along < cut
                n_below = min(max(round(n * float(below.mean())), 1), n - 1)
                axis[node], value[node] = widest, cut
                left = divide(own[below], n_below)
                child[node] = [left, divide(own[~below], n - n_below)]
                return node
            n_made += 1
            return node

        divide(sample[:, :2], n_tiles)
        return cls(np.array(axis), np.array(value), np.array(child))

    @classmethod
    def load(cls, store: Store) -> Plan:
        """Read the plan that was saved."""
        return cls(*(np.array(store.load("plan", 0, name)) for name in ("axis", "value", "child")))

    def save(self, store: Store) -> None:
        """Write the plan."""
        store.save("plan", 0, axis=self.axis, value=self.value, child=self.child)

    @property
    def n_tiles(self) -> int:
        """How many tiles there are."""
        return int((self.axis < 0).sum())

    def tile(self, positions: FloatArray) -> IntArray:
        """Tell which tile positions belong to.

        Parameters
        ----------
        positions : ndarray of shape (n, 2 or 3), nm
            Where; those that are not finite belong to none.

        Returns
        -------
        ndarray of shape (n,), int32
            The numbers of the tiles, −1 for none.
        """
        tile = np.full(len(positions), -1, dtype=np.int32)
        todo = [(0, np.flatnonzero(np.isfinite(positions).all(axis=1)))]
        while todo:
            node, rows = todo.pop()
            if self.axis[node] < 0:
                tile[rows] = self.child[node, 0]
                continue
            below = positions[rows, self.axis[node]] < self.value[node]
            todo += [(self.child[node, 0], rows[below]), (self.child[node, 1], rows[~below])]
        return tile
