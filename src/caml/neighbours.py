"""Exact k nearest neighbours, all at once or streamed in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from caml._arrays import BoolArray, FloatArray, IntArray
from caml._machine import in_threads, pays_to_compile
from caml.errors import InputError
from caml.localizations import Localizations, as_positions

__all__ = ["NeighbourSearch", "Neighbours", "nearest_neighbours"]

Found = TypeVar("Found")

# Queries per chunk, a multiple of the sixteen of a leaf of the compiled tree. For k = 100 their
# distances take 400 kB and stay in a core's cache until a network has looked at them. Of more
# neighbours there are fewer to a chunk, so that memory does not grow with k, but so many as share
# most of what they find: at k = 1000 a chunk of 256 takes 13 % longer than one of 1,024, and one
# of 128 takes 21 % (benchmarks/bench_neighbours.py --chunks).
CHUNK = 1_024
FEWEST = 256


# Distances up to this are right to 0.001 nm in single precision.
FURTHEST_SINGLE_NM = 8_192.0


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The k nearest neighbours of each localization, itself left out.

    Parameters
    ----------
    distances : ndarray of shape (n_localizations, k), nm
        From each localization to its neighbours, nearest first.
    indices : ndarray of shape (n_localizations, k)
        Which localizations those are; of shape (n_localizations, 0) where that was not asked for.
    """

    distances: npt.NDArray[np.floating[Any]]
    indices: npt.NDArray[np.integer[Any]]


class _Tree(Protocol):
    """What both searches have: positions in an order of their own, asked for from there."""

    @property
    def order(self) -> npt.NDArray[np.int32]: ...

    def distances(
        self, start: int, stop: int, k: int, wanted: BoolArray | None = None
    ) -> npt.NDArray[np.float32]: ...

    def neighbours(
        self, start: int, stop: int, k: int, wanted: BoolArray | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]: ...


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
        self.positions: FloatArray = every
        if len(self.rows) < len(every):
            self.positions = every[self.rows]
        self._tree: _Tree | None = None

    def __len__(self) -> int:
        """Count the distinct positions."""
        return len(self.positions)

    def chunks(
        self,
        k: int,
        function: Callable[[IntArray, Neighbours], Found],
        *,
        indices: bool = False,
        wanted: BoolArray | None = None,
    ) -> Iterator[Found]:
        """Go through the distinct positions in chunks, those near each other together, in threads.

        Parameters
        ----------
        k : int
            How many neighbours, at most ``len(self) - 1``.
        function : callable
            Takes which of the distinct positions a chunk has, an ndarray of shape (m,), and their
            `Neighbours` of shape (m, k), whose distances are single and whose indices count
            distinct positions. Called from several threads at once.
        indices : bool, default False
            Whether the indices are wanted too.
        wanted : ndarray of shape (n_distinct,), bool, optional
            Which of the positions to ask for; all by default.

        Yields
        ------
        object
            What the function returned, chunk by chunk, in the order of the tree.
        """
        # A tree once built is used on: both give the same.
        if len(self) == 0:
            return
        if self._tree is None:
            self._tree = _tree(self.positions, k)
        yield from _chunks(self._tree, k, function, indices=indices, wanted=wanted)

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
        if len(self.rows) == len(self.twin):
            return values
        expanded = np.full((len(self.twin), *values.shape[1:]), missing, dtype=values.dtype)
        known = self.twin >= 0
        expanded[known] = values[self.twin[known]]
        return expanded


def nearest_neighbours(
    positions: Localizations | npt.ArrayLike, k: int = 100, *, indices: bool = False
) -> Neighbours:
    """Find the k nearest neighbours of every localization, exactly.

    Parameters
    ----------
    positions : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where the localizations are. Localizations at the same position are neighbours at distance
        0; those without a finite position are nobody's neighbours.
    k : int, default 100
        How many neighbours.
    indices : bool, default False
        Whether to tell which localizations the neighbours are; it takes half as long again.

    Returns
    -------
    Neighbours
        Distances in nm, (n_localizations, k), the localization itself left out: in single
        precision, which is right to 0.001 nm, and in double precision where a neighbour is more
        than 8.192 µm away. Indices, where asked for, (n_localizations, k). NaN and −1 for
        localizations without a finite position.

    Raises
    ------
    InputError
        If there are fewer than k + 1 localizations with a finite position, or k is below 1.

    Notes
    -----
    Neighbours are ordered by their squared distance in single precision, equal ones by their index:
    the answer does not depend on how it was found.

    Examples
    --------
    >>> neighbours = nearest_neighbours([[0, 0], [3, 4], [0, 20]], k=1, indices=True)
    >>> neighbours.distances[:2, 0].tolist(), neighbours.indices[:, 0].tolist()
    ([5.0, 5.0], [1, 0, 1])
    """
    every = as_positions(positions)
    rows = np.flatnonzero(np.isfinite(every).all(axis=1))
    if k < 1 or len(rows) < k + 1:
        raise InputError(
            f"k = {k} neighbours need k of at least 1 and k + 1 localizations with a finite "
            f"position; got {len(rows)}"
        )
    finite = every[rows]
    tree = _tree(finite, k)
    found = Neighbours(
        np.full((len(every), k), np.nan, dtype=np.float32),
        np.full((len(every), k if indices else 0), -1, dtype=np.int64),
    )

    def put(subset: IntArray, near: Neighbours) -> float:
        found.distances[rows[subset]] = near.distances
        if indices:
            found.indices[rows[subset]] = rows[near.indices]
        return float(near.distances[:, -1].max())

    if max(_chunks(tree, k, put, indices=indices)) <= FURTHEST_SINGLE_NM:
        return found
    distances = np.full((len(every), k), np.nan)

    def measure(subset: IntArray, near: Neighbours) -> None:
        apart = np.zeros(near.indices.shape)
        for axis in finite.T:
            apart += (axis[near.indices] - axis[subset, None]) ** 2
        distances[rows[subset]] = np.sqrt(apart)

    for _ in _chunks(tree, k, measure, indices=True):
        pass
    return Neighbours(np.sort(distances, axis=1), found.indices)


def _tree(positions: FloatArray, k: int) -> _Tree:
    """Choose the search for so many queries."""
    if not pays_to_compile(len(positions) * k):
        return _SciPyTree(positions)
    from caml._knn import Tree

    return Tree.build(positions)


def _chunks(
    tree: _Tree,
    k: int,
    function: Callable[[IntArray, Neighbours], Found],
    *,
    indices: bool,
    wanted: BoolArray | None = None,
) -> Iterator[Found]:
    """Call a function with each chunk of a tree's positions and their neighbours."""
    size = CHUNK if k <= 100 else max(FEWEST, CHUNK * 100 // k // 16 * 16)

    def search(start: int) -> Found | None:
        subset = tree.order[start : start + size]
        asked = None if wanted is None else wanted[subset]
        stop = start + len(subset)
        if asked is not None:
            subset = subset[asked]
        if len(subset) == 0:
            return None
        if indices:
            found = Neighbours(*tree.neighbours(start, stop, k, asked))
        else:
            distances = tree.distances(start, stop, k, asked)
            found = Neighbours(distances, np.empty((len(subset), 0), dtype=np.int32))
        return function(subset.astype(np.int64), found)

    for result in in_threads(search, range(0, len(tree.order), size)):
        if result is not None:
            yield result


class _SciPyTree:
    """SciPy's k-d tree, with the same answers as the compiled one."""

    def __init__(self, positions: FloatArray) -> None:
        self._tree = cKDTree(positions)
        # Consecutive queries in the tree's own order visit the same nodes.
        self.order: npt.NDArray[np.int32] = self._tree.indices.astype(np.int32)

    def distances(
        self, start: int, stop: int, k: int, wanted: BoolArray | None = None
    ) -> npt.NDArray[np.float32]:
        return self.neighbours(start, stop, k, wanted)[0]

    def neighbours(
        self, start: int, stop: int, k: int, wanted: BoolArray | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
        own = self.order[start:stop] if wanted is None else self.order[start:stop][wanted]
        keys = self._keys(own, min(k + 2, len(self.order)))
        # The last of equally distant ones may be any of them, until the next is further away.
        torn = np.flatnonzero(keys[:, k] >> 32 >= keys[:, -1] >> 32)
        n_asked = keys.shape[1]
        while len(torn) and n_asked < len(self.order):
            n_asked = min(2 * n_asked, len(self.order))
            wider = self._keys(own[torn], n_asked)
            keys[torn, : k + 1] = wider[:, : k + 1]
            torn = torn[wider[:, k] >> 32 >= wider[:, -1] >> 32]
        squared = (keys[:, 1 : k + 1] >> 32).astype(np.int32).view(np.float32)
        return np.sqrt(squared), (keys[:, 1 : k + 1] & 0x7FFFFFFF).astype(np.int32)

    def _keys(self, own: npt.NDArray[np.int32], n_asked: int) -> IntArray:
        """Return numbers ordered by squared distance, then by row; each position itself first."""
        positions = self._tree.data
        _, near = self._tree.query(positions[own], n_asked)
        near = np.asarray(near, dtype=np.int64).reshape(len(own), n_asked)
        squared = np.zeros(near.shape)
        for axis in positions.T:
            squared += (axis[near] - axis[own, None]) ** 2
        keys = squared.astype(np.float32).view(np.int32).astype(np.int64) << 32 | near
        keys[near == own[:, None]] = -1
        keys.sort(axis=1)
        return keys


def _distinct(positions: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the first row of each distinct finite position, and each row's position number."""
    # Column by column: along rows of two it takes ten times as long.
    known = np.logical_and.reduce([np.isfinite(axis) for axis in positions.T])
    is_whole = bool(known.all())
    may_repeat = _may_repeat(positions if is_whole else positions[known])
    if is_whole and not may_repeat.any():
        every = np.arange(len(positions))
        return every, every
    finite = np.flatnonzero(known)
    again = finite[may_repeat]
    # lexsort is stable, so the first of equal positions is the first row.
    order = again[np.lexsort(positions[again].T[::-1])]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (positions[order[1:]] != positions[order[:-1]]).any(axis=1)
    first = np.full(len(positions), -1, dtype=np.int64)
    first[finite] = finite
    first[order] = order[new][np.cumsum(new) - 1]
    is_first = first == np.arange(len(positions))
    rank = np.cumsum(is_first) - 1
    return np.flatnonzero(is_first), np.where(first >= 0, rank[first], -1)


def _may_repeat(positions: FloatArray) -> BoolArray:
    """Tell which positions have the hash of another: all duplicates, and hardly any other.

    A sort of one number each; sorting all positions by all coordinates takes ten times as long.
    """
    code = np.zeros(len(positions), dtype=np.uint64)
    for axis in positions.T:
        # −0 and 0 are the same place.
        bits = (axis + 0.0).view(np.uint64)
        code = (code ^ (bits ^ (bits >> np.uint64(32)))) * np.uint64(0x9E3779B97F4A7C15)
        code ^= code >> np.uint64(29)
    in_order = np.sort(code)
    repeated = in_order[1:][in_order[1:] == in_order[:-1]]
    return np.isin(code, repeated) if len(repeated) else np.zeros(len(code), dtype=bool)
