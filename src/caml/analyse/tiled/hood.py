"""A tile with what lies around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caml._arrays import BoolArray, FloatArray, IntArray
from caml.analyse.tiled.store import Store

__all__ = ["Extra", "Hood", "Tiles"]

# Localizations beyond a margin: their tiles, and where in its tile each is.
Extra = tuple[IntArray, IntArray]


@dataclass(frozen=True, slots=True, eq=False)
class Tiles:
    """Where the localizations of all tiles lie.

    Parameters
    ----------
    low, high : ndarray of shape (n_tiles, 2 or 3), nm
        The corners of the smallest boxes around them.
    """

    low: FloatArray
    high: FloatArray

    @classmethod
    def load(cls, store: Store, n_tiles: int) -> Tiles:
        """Read the boxes of all tiles."""
        boxes = np.stack([np.array(store.load("tile", i, "box")) for i in range(n_tiles)])
        return cls(boxes[:, 0], boxes[:, 1])


@dataclass(frozen=True, slots=True, eq=False)
class Hood:
    """The localizations of a tile and those around it, in the table's order.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are.
    row : ndarray of shape (n,)
        Their rows in the table.
    own : ndarray of shape (n,), bool
        Which are the tile's.
    low, high : ndarray of shape (2 or 3,), nm
        The corners of the box of which all are there; infinite where nothing lies beyond it.
    store : Store
        Where the tiles are.
    sources : tuple of (int, ndarray)
        The tiles that they are of, and which of each tile's.
    order : ndarray of shape (n,)
        Puts those of all tiles, one tile after the other, into the table's order.
    """

    positions: FloatArray
    row: IntArray
    own: BoolArray
    low: FloatArray
    high: FloatArray
    store: Store
    sources: tuple[tuple[int, IntArray], ...]
    order: IntArray

    @classmethod
    def around(
        cls, store: Store, tiles: Tiles, number: int, margin: float, extra: Extra | None = None
    ) -> Hood:
        """Read a tile and its surroundings.

        Parameters
        ----------
        store : Store
            Where the tiles are.
        tiles : Tiles
            Their boxes.
        number : int
            Which tile.
        margin : float
            How far around its box, nm.
        extra : tuple of ndarray, optional
            Some that lie further out: their tiles, and where in its tile each is.

        Returns
        -------
        Hood
            All localizations that lie in the widened box, and the extra ones.
        """
        extra_tile, extra_place = (np.empty(0), np.empty(0)) if extra is None else extra
        low, high = tiles.low[number] - margin, tiles.high[number] + margin
        touching = ((tiles.low <= high) & (tiles.high >= low)).all(axis=1)
        touching[number] = True
        touching[np.unique(extra_tile).astype(np.int64)] = True
        positions, rows, own, sources = [], [], [], []
        for other in np.flatnonzero(touching).tolist():
            there = np.array(store.load("tile", other, "positions"))
            within = ((there >= low) & (there <= high)).all(axis=1)
            within[extra_place[extra_tile == other].astype(np.int64)] = True
            inside = np.flatnonzero(within)
            sources.append((other, inside))
            positions.append(there[inside])
            rows.append(np.array(store.load("tile", other, "row"))[inside])
            own.append(np.full(len(inside), other == number))
        row = np.concatenate(rows)
        order = np.argsort(row, kind="stable")
        return cls(
            np.concatenate(positions)[order],
            row[order],
            np.concatenate(own)[order],
            np.where(low <= tiles.low.min(axis=0), -np.inf, low),
            np.where(high >= tiles.high.max(axis=0), np.inf, high),
            store,
            tuple(sources),
            order,
        )

    @property
    def is_everything(self) -> bool:
        """Whether there is nothing beyond it."""
        return bool(np.isinf(self.low).all() and np.isinf(self.high).all())

    def certain(self) -> FloatArray:
        """Measure how far from each localization everything is known, shape (n,), nm."""
        below, above = self.positions - self.low, self.high - self.positions
        return np.asarray(np.minimum(below, above).min(axis=1))

    def take(self, kind: str, name: str) -> npt.NDArray[Any]:
        """Collect what was found for each localization from the items of its tile."""
        values = [np.array(self.store.load(kind, i, name))[rows] for i, rows in self.sources]
        return np.asarray(np.concatenate(values)[self.order])
