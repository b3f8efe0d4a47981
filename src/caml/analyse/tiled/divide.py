"""The table into tiles: look at every part, plan, sort each part by tile, collect each tile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from caml._arrays import FloatArray, IntArray
from caml.analyse.tiled.plan import Plan
from caml.analyse.tiled.store import Store
from caml.io import ParquetTable, is_in_nm

__all__ = ["Image", "collect_tile", "image", "look_at_part", "plan_tiles", "split_part"]

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
    )


def plan_tiles(store: Store, table: ParquetTable, n_dimensions: int, tile_size: int) -> None:
    """Divide the plane into tiles.

    Parameters
    ----------
    store : Store
        Where all parts were looked at.
    table : ParquetTable
        What is analysed.
    n_dimensions : int
        How many the network looks at.
    tile_size : int
        How many localizations a tile should have.
    """
    parts = range(table.n_parts)
    low, high = np.stack([store.load("look", i, "z_range") for i in parts]).T
    is_3d = bool(low.min() < high.max())
    looked = [store.load("look", i, "known").tolist() for i in parts]
    known = np.array([all(one) for one in zip(*looked, strict=True)])
    sample = np.concatenate([np.array(store.load("look", i, "sample")) for i in parts])
    sample = flat(sample, is_3d=is_3d, n_dimensions=n_dimensions)
    sample = sample[np.isfinite(sample).all(axis=1)]
    n_tiles = min(-(-table.n_rows // tile_size), max(len(sample), 1))
    Plan.of_sample(sample, n_tiles).save(store)
    store.save("known", 0, is_3d=np.array(is_3d), kept=known)


def flat(positions: FloatArray, *, is_3d: bool, n_dimensions: int) -> FloatArray:
    """Return positions in the dimensions that are looked at, as `Localizations.projected` does."""
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
    for name, is_known in zip(KEPT, store.load("known", 0, "kept"), strict=True):
        if is_known:
            arrays[name] = _plain(np.asarray(getattr(part, name)))[order]
    store.save("split", number, **arrays)


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
    box = np.stack([positions.min(axis=0), positions.max(axis=0)])
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
    return Image(
        hull if isinstance(hull, shapely.Polygon) else shapely.Polygon(),
        int(sum(own[-1] - own[0] for own in ends)),
        depth,
    )


def _starts(lengths: list[int]) -> IntArray:
    return np.concatenate(([0], np.cumsum(lengths)))


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return channels as numbers or texts, the empty one for none."""
    if values.dtype.kind in "biufU":
        return values
    return np.array(["" if one is None or one != one else str(one) for one in values.tolist()])
