"""Exact k nearest neighbours, all at once or streamed in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from caml._arrays import FloatArray, IntArray
from caml.errors import InputError
from caml.localizations import Localizations, as_positions

__all__ = ["NeighbourSearch", "Neighbours", "nearest_neighbours"]


# Queries per chunk: their distances and indices for k = 100 take 16,384·100·16 bytes, 26 MB.
CHUNK = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The k nearest neighbours of each localization, itself left out.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        From each localization to its neighbours, nearest first.
    indices : ndarray of shape (n_localizations, k)
        Which localizations those are.
    """

    distances: FloatArray
    indices: IntArray


class NeighbourSearch:
    """Neighbours among distinct positions, found a chunk at a time.

    Exact duplicates and positions that are not finite are left out, as the method does before it
    measures; `expand` gives each duplicate what its twin got. Memory does not depend on k times
    the number of localizations.

    Parameters
    ----------
    positions : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where the localizations are.

    Attributes
    ----------
    positions : ndarray of shape (n_distinct, 2 or 3), nm
        The distinct positions, in the order of their first rows.
    rows : ndarray of shape (n_distinct,)
        The first row that has each of them.
    twin : ndarray of shape (n_localizations,)
        Which distinct position each row has; −1 where it is not finite.
    """

    def __init__(self, positions: Localizations | npt.ArrayLike) -> None:
        every = as_positions(positions)
        self.rows, self.twin = _distinct(every)
        self.positions: npt.NDArray[np.float64] = np.ascontiguousarray(
            every[self.rows], dtype=np.float64
        )
        self._tree = cKDTree(self.positions)
        self._place = np.empty(len(self.positions), dtype=np.int64)
        self._place[self._tree.indices] = np.arange(len(self.positions))

    def __len__(self) -> int:
        """Count the distinct positions."""
        return len(self.positions)

    def query(self, subset: IntArray, k: int) -> Neighbours:
        """Find the neighbours of some of the distinct positions.

        Parameters
        ----------
        subset : ndarray of shape (m,)
            Which of the distinct positions.
        k : int
            How many neighbours, at most ``len(self) - 1``.

        Returns
        -------
        Neighbours
            Of shape (m, k); indices count distinct positions.
        """
        # As in `chunks`; a subset by score is all over the image.
        order = np.argsort(self._place[subset], kind="stable")
        found = _query(self._tree, subset[order], k)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return Neighbours(found.distances[back], found.indices[back])

    def chunks(self, k: int, size: int = CHUNK) -> Iterator[tuple[IntArray, Neighbours]]:
        """Go through all distinct positions, those near each other together.

        Parameters
        ----------
        k : int
            How many neighbours, at most ``len(self) - 1``.
        size : int, default 16384
            How many positions at once.

        Yields
        ------
        subset : ndarray of shape (m,)
            Which of the distinct positions.
        neighbours : Neighbours
            Of shape (m, k); indices count distinct positions.
        """
        # In the tree's own order consecutive queries visit the same nodes, which pays the more the
        # larger the table: benchmarks/bench_neighbours.py.
        order = self._tree.indices
        for start in range(0, len(order), size):
            subset = order[start : start + size]
            yield subset, _query(self._tree, subset, k)

    def expand(self, values: npt.NDArray[Any], missing: float) -> npt.NDArray[Any]:
        """Give every row the value of its distinct position.

        Parameters
        ----------
        values : ndarray of shape (n_distinct, ...)
            A value per distinct position.
        missing : float
            The value of rows whose position is not finite.

        Returns
        -------
        ndarray of shape (n_localizations, ...)
            A value per row.
        """
        expanded = np.full((len(self.twin), *values.shape[1:]), missing, dtype=values.dtype)
        known = self.twin >= 0
        expanded[known] = values[self.twin[known]]
        return expanded


def nearest_neighbours(positions: Localizations | npt.ArrayLike, k: int = 100) -> Neighbours:
    """Find the k nearest neighbours of every localization, exactly.

    Parameters
    ----------
    positions : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where the localizations are. Localizations at the same position are neighbours at distance
        0; those without a finite position are nobody's neighbours.
    k : int, default 100
        How many neighbours.

    Returns
    -------
    Neighbours
        Distances in nm and indices, both (n_localizations, k), the localization itself left out;
        NaN and −1 for localizations without a finite position.

    Raises
    ------
    InputError
        If there are fewer than k + 1 localizations with a finite position, or k is below 1.

    Examples
    --------
    >>> neighbours = nearest_neighbours([[0, 0], [3, 4], [0, 20]], k=1)
    >>> neighbours.distances[:, 0].tolist(), neighbours.indices[:, 0].tolist()
    ([5.0, 5.0, 16.278820596099706], [1, 0, 1])
    """
    every = as_positions(positions)
    rows = np.flatnonzero(np.isfinite(every).all(axis=1))
    if k < 1 or len(rows) < k + 1:
        raise InputError(
            f"k = {k} neighbours need k of at least 1 and k + 1 localizations with a finite "
            f"position; got {len(rows)}"
        )
    tree = cKDTree(every[rows])
    distances = np.full((len(every), k), np.nan)
    indices = np.full((len(every), k), -1, dtype=np.int64)
    for start in range(0, len(rows), CHUNK):
        subset = tree.indices[start : start + CHUNK]
        found = _query(tree, subset, k)
        distances[rows[subset]] = found.distances
        indices[rows[subset]] = rows[found.indices]
    return Neighbours(distances, indices)


def _query(tree: cKDTree, own: IntArray, k: int) -> Neighbours:
    """Find the k nearest of some of a tree's positions, and take each position itself out.

    Among duplicates a query need not come first, and among more than k of them need not come at
    all: then the last, as near as itself, goes.
    """
    found = tree.query(tree.data[own], k + 1, workers=-1)
    distances, indices = np.asarray(found[0]), np.asarray(found[1])
    is_self = indices == own[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    shape = (len(own), k)
    return Neighbours(distances[~is_self].reshape(shape), indices[~is_self].reshape(shape))


def _distinct(positions: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the first row of each distinct finite position, and each row's position number."""
    finite = np.flatnonzero(np.isfinite(positions).all(axis=1))
    order = finite[np.lexsort(positions[finite].T[::-1])]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (positions[order[1:]] != positions[order[:-1]]).any(axis=1)
    # lexsort is stable, so the first of equal positions is the first row.
    firsts = order[new]
    rank = np.empty(len(firsts), dtype=np.int64)
    rank[np.argsort(firsts, kind="stable")] = np.arange(len(firsts))
    twin = np.full(len(positions), -1, dtype=np.int64)
    twin[order] = rank[np.cumsum(new) - 1]
    return np.sort(firsts), twin
