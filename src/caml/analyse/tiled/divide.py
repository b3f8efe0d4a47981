"""The table into tiles: look at every part, plan, sort each part by tile, collect each tile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from caml._arrays import FloatArray, IntArray
from caml.analyse.tiled.plan import Plan
from caml.analyse.tiled.store import Store
from caml.io import ParquetTable, is_in_nm

__all__ = [
    "Image",
    "collect_tile",
    "flat",
    "image",
    "look_at_part",
    "plan_tiles",
    "split_part",
    "sum_up_looks",
    "sum_up_splits",
]

# So many positions of all are looked at to plan tiles.
SAMPLE = 400_000
# What a tile keeps of its localizations beside their positions and rows, where it is known.
KEPT = ("frame", "channel")


@dataclass(frozen=True, slots=True)
class Image:
    """What is imaged.

    Parameters
    ----------
    polygon : shapely.Polygon, nm
        Its outline.
    n_localizations : int
        How many have a finite position.
    depth_nm : float
        The range of z; 0 in 2D.
    """

    polygon: shapely.Polygon
    n_localizations: int
    depth_nm: float


def look_at_part(store: Store, table: ParquetTable, number: int) -> None:
    """See what a part holds.

    Parameters
    ----------
    store : Store
        Where to write it down.
    table : ParquetTable
        What is analysed.
    number : int
        Which part of it.
    """
    part = table.read(number, whole=False)
    z = part.positions[:, 2:][np.isfinite(part.positions[:, 2:])]
    step = max(1, table.n_rows // SAMPLE)
    first = -int(table.starts[number]) % step
    store.save(
        "look",
        number,
        sample=part.positions[first::step],
        z_range=np.array([z.min(initial=np.inf), z.max(initial=-np.inf)]),
        known=np.array([getattr(part, name) is not None for name in KEPT]),
        channels=_channels(part.channel),
    )


def sum_up_looks(store: Store, table: ParquetTable) -> None:
    """Put together what was seen of all parts.

    Parameters
    ----------
    store : Store
        Where all parts were looked at.
    table : ParquetTable
        What is analysed.
    """
    parts = range(table.n_parts)
    low, high = np.stack([store.load("look", i, "z_range") for i in parts]).T
    looked = [store.load("look", i, "known") for i in parts]
    channels = [store.load("look", i, "channels") for i in parts]
    store.save(
        "known",
        is_3d=np.array(low.min() < high.max()),
        kept=np.logical_and.reduce(looked),
        channels=_channels(np.concatenate([one for one in channels if len(one)] or channels)),
    )


def plan_tiles(store: Store, table: ParquetTable, n_dimensions: int, tile_size: int) -> None:
    """Divide the plane into tiles.

    Parameters
    ----------
    store : Store
        Where all parts were looked at, and that was summed up.
    table : ParquetTable
        What is analysed.
    n_dimensions : int
        How many the network looks at.
    tile_size : int
        How many localizations a tile should have.
    """
    looks = [np.array(store.load("look", i, "sample")) for i in range(table.n_parts)]
    is_3d = bool(store.load("known", 0, "is_3d"))
    sample = flat(np.concatenate(looks), is_3d=is_3d, n_dimensions=n_dimensions)
    sample = sample[np.isfinite(sample).all(axis=1)]
    n_tiles = min(-(-table.n_rows // tile_size), max(len(sample), 1))
    Plan.of_sample(sample, n_tiles).save(store)


def flat(positions: FloatArray, *, is_3d: bool, n_dimensions: int) -> FloatArray:
    """Return positions in the dimensions that are looked at, as `Localizations.projected` does.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are.
    is_3d : bool
        Whether z is a coordinate: not the same everywhere in the whole table.
    n_dimensions : int
        How many the network looks at.

    Returns
    -------
    ndarray of shape (n, 2 or 3), nm
        NaN where one that is not looked at is missing.
    """
    if n_dimensions == 3:
        return positions
    if is_3d:
        lost = np.asarray(~np.isfinite(positions).all(axis=1))
        return np.where(lost[:, None], np.nan, positions[:, :2])
    return positions[:, :2]


def split_part(store: Store, table: ParquetTable, n_dimensions: int, number: int) -> None:
    """Sort a part by tile.

    Parameters
    ----------
    store : Store
        Where the plan is.
    table : ParquetTable
        What is analysed.
    n_dimensions : int
        How many the network looks at.
    number : int
        Which part of it.
    """
    plan = Plan.load(store)
    part = table.read(number, whole=False)
    is_3d = bool(store.load("known", 0, "is_3d"))
    positions = flat(part.positions, is_3d=is_3d, n_dimensions=n_dimensions)
    tile = plan.tile(positions)
    order = np.argsort(tile, kind="stable").astype(np.int32)
    ends = np.searchsorted(tile[order], np.arange(plan.n_tiles + 1))
    finite = positions[order[ends[0] :], :2]
    # A line through all positions has the same hull and is one object, where points are many.
    several = len(finite) > 1
    hull = shapely.convex_hull(shapely.linestrings(finite) if several else shapely.points(finite))
    arrays: dict[str, npt.NDArray[Any]] = {
        "positions": positions[order],
        "order": order,
        "ends": ends,
        "hull": shapely.get_coordinates(hull),
        "in_nm": np.array(is_in_nm(replace(part, positions=positions), table.schema.names)),
    }
    frame_is_known, channel_is_known = store.load("known", 0, "kept").tolist()
    if frame_is_known:
        arrays["frame"] = np.asarray(part.frame)[order]
    if channel_is_known:
        channels = store.load("known", 0, "channels")
        arrays["channel"] = _codes(np.asarray(part.channel), channels)[order]
    store.save("split", number, **arrays)


def sum_up_splits(store: Store, table: ParquetTable) -> None:
    """Tell whether all parts have their positions in nm, under names that say so.

    Parameters
    ----------
    store : Store
        Where all parts are sorted by tile.
    table : ParquetTable
        What is analysed.
    """
    in_nm = all(bool(store.load("split", i, "in_nm")) for i in range(table.n_parts))
    store.save("in_nm", value=np.array(in_nm))


def collect_tile(store: Store, table: ParquetTable, number: int) -> None:
    """Put together what the parts hold of a tile, in the table's order.

    Parameters
    ----------
    store : Store
        Where all parts are sorted by tile.
    table : ParquetTable
        What is analysed.
    number : int
        Which tile.
    """
    pieces: dict[str, list[npt.NDArray[Any]]] = {"positions": [], "row": []}
    pieces |= {name: [] for name in KEPT if store.holds("split", 0, name)}
    lengths = []
    for part in range(table.n_parts):
        start, stop = store.load("split", part, "ends")[number : number + 2].tolist()
        lengths.append(stop - start)
        for name, found in pieces.items():
            if name == "row":
                own = store.load("split", part, "order")[start:stop]
                found.append(own.astype(np.int64) + table.starts[part])
            else:
                found.append(np.array(store.load("split", part, name)[start:stop]))
    arrays = {name: np.concatenate(found) for name, found in pieces.items()}
    positions = arrays["positions"]
    # Where no position is finite, there is one tile and nothing in it.
    box = np.stack([positions.min(axis=0, initial=np.inf), positions.max(axis=0, initial=-np.inf)])
    store.save("tile", number, box=box, part_start=_starts(lengths), **arrays)


def image(store: Store, table: ParquetTable) -> Image:
    """Outline the image.

    Parameters
    ----------
    store : Store
        Where all parts are sorted by tile.
    table : ParquetTable
        What is analysed.

    Returns
    -------
    Image
        The convex hull of all localizations, and their number.
    """
    parts = range(table.n_parts)
    corners = np.concatenate([np.array(store.load("split", i, "hull")) for i in parts])
    hull = shapely.convex_hull(shapely.multipoints(corners))
    ends = [store.load("split", i, "ends") for i in parts]
    n_tiles = len(ends[0]) - 1
    boxes = np.stack([np.array(store.load("tile", i, "box")) for i in range(n_tiles)])
    depth = float(boxes[:, 1, 2].max() - boxes[:, 0, 2].min()) if boxes.shape[2] == 3 else 0.0
    depth = max(depth, 0.0)
    return Image(
        hull if isinstance(hull, shapely.Polygon) else shapely.Polygon(),
        int(sum(own[-1] - own[0] for own in ends)),
        depth,
    )


def _starts(lengths: list[int]) -> IntArray:
    return np.concatenate(([0], np.cumsum(lengths)))


def _channels(values: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """List the channels that there are, in their order, whole numbers as such."""
    if values is None:
        return np.empty(0)
    known = _plain(values[~np.asarray(pd.isna(values), dtype=bool)])
    if known.dtype.kind == "f" and (np.mod(known, 1) == 0).all():
        known = known.astype(np.int64)
    return np.unique(known)


def _codes(values: npt.NDArray[Any], channels: npt.NDArray[Any]) -> IntArray:
    """Return the number of the channel of each localization, −1 for none."""
    known = ~np.asarray(pd.isna(values), dtype=bool)
    codes = np.full(len(values), -1, dtype=np.int32)
    codes[known] = np.searchsorted(channels, _plain(values[known]).astype(channels.dtype))
    return codes


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return channels that are there as numbers or texts."""
    return values if values.dtype.kind in "biufU" else np.asarray(values.tolist())
