"""The neighbours of a few localizations, however far beyond their tile's margin these are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from caml._arrays import BoolArray, FloatArray, IntArray
from caml.analyse.tiled.hood import Extra, Hood, Tiles
from caml.analyse.tiled.store import Store
from caml.neighbours import NeighbourSearch

__all__ = ["beyond"]

# So many distances are kept at a time, 8 bytes each.
N_DISTANCES = 1 << 23
# What is compared in single precision may be a little further.
SLACK = 1 + 1e-6


def beyond(
    store: Store, tiles: Tiles, hood: Hood, known: FloatArray, positions: FloatArray, k: int
) -> Extra:
    """Find what lies outside a hood and may be among the k nearest neighbours of some positions.

    Parameters
    ----------
    store : Store
        Where the tiles are.
    tiles : Tiles
        Their boxes.
    hood : Hood
        What was looked at already.
    known : ndarray of shape (n_known, 2 or 3), nm
        Its distinct positions.
    positions : ndarray of shape (n, 2 or 3), nm
        Some of these.
    k : int
        How many neighbours.

    Returns
    -------
    tile, place : ndarray of shape (n_found,)
        The tiles of what was found, and where in its tile each is: with the hood, all that is as
        near as the k-th neighbour of any of the positions.

    Notes
    -----
    Tiles are read one at a time, the nearest first, and only those that are nearer than the k-th
    neighbour known so far; so it does not matter how much lies between.
    """
    tile, place = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for some in np.array_split(positions, -(-len(positions) * k // N_DISTANCES)):
        nearest = _nearest(known, some, k + 1)
        for _, _, there, asked in _near_tiles(store, tiles, hood, some, nearest):
            found = np.concatenate((nearest[asked], _nearest(there, some[asked], k)), axis=1)
            nearest[asked] = np.partition(found, k, axis=1)[:, : k + 1]
        # Again with the distances that are right now: all that are so near, equally far ones too.
        for other, outside, there, asked in _near_tiles(store, tiles, hood, some, nearest):
            reach = nearest[asked].max(axis=1) * SLACK
            near = cKDTree(there).query_ball_point(some[asked], reach, return_sorted=False)
            rows = np.unique(np.concatenate([np.asarray(one, dtype=np.int64) for one in near]))
            tile.append(np.full(len(rows), other))
            place.append(outside[rows])
    return np.concatenate(tile), np.concatenate(place)


def _nearest(there: FloatArray, positions: FloatArray, k: int) -> FloatArray:
    """Measure to the k nearest distinct positions; infinite where there are fewer."""
    there = NeighbourSearch(there).positions
    if not len(there):
        return np.full((len(positions), k), np.inf)
    # Asked for lists, it gives a column for each even where k is 1.
    distances, _ = cKDTree(there).query(positions, list(range(1, k + 1)))
    return np.asarray(distances)


def _near_tiles(
    store: Store, tiles: Tiles, hood: Hood, positions: FloatArray, nearest: FloatArray
) -> Iterator[tuple[int, IntArray, FloatArray, BoolArray]]:
    """Go through the tiles that may hold something nearer than what is known.

    Gives the tile, which of its localizations are outside the hood and near enough, where these
    are, and whose neighbours they may be. `nearest` is looked at as it is by then.
    """
    apart = _distance(tiles.low, tiles.high, positions.min(axis=0), positions.max(axis=0))
    for other in np.argsort(apart, kind="stable").tolist():
        low, high = tiles.low[other], tiles.high[other]
        reach = nearest.max(axis=1) * SLACK
        asked = _distance(low, high, positions, positions) <= reach
        if not asked.any():
            continue
        there = np.array(store.load("tile", other, "positions"))
        widest = reach[asked].max()
        near = (there >= positions[asked].min(axis=0) - widest) & (
            there <= positions[asked].max(axis=0) + widest
        )
        known = (there >= hood.low) & (there <= hood.high)
        outside = np.flatnonzero(near.all(axis=1) & ~known.all(axis=1))
        if len(outside):
            yield other, outside, there[outside], asked


def _distance(low: FloatArray, high: FloatArray, start: FloatArray, stop: FloatArray) -> FloatArray:
    """Measure between boxes."""
    gap = np.maximum(0, np.maximum(low - stop, start - high))
    return np.asarray(np.sqrt(np.square(gap).sum(axis=-1)))
