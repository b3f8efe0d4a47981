"""What a page sees of an image: pixels of any part of it, outlines and the clusters' table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from caml._arrays import BoolArray, FloatArray, IntArray
from caml.analyse import Analysis
from caml.errors import InputError
from caml.localizations import Localizations
from caml.plot.colours import CLUSTERS, KINDS, NOT_CLUSTERED, OUTSIDE
from caml.plot.pixels import Box, density_rgba, kinds_rgba, pixel_counts, pixel_means, values_rgba

__all__ = [
    "CHANNELS",
    "LAYERS",
    "Look",
    "channel_codes",
    "draw",
    "kinds_of",
    "pack",
    "packed_clusters",
    "shown_by",
]

LAYERS = ("density", "channels", "labels", "scores", "clusters")

# Told apart by colour-blind readers too; white where both are.
CHANNELS = ("#e040c8", "#30d060", "#4090ff", "#ffb000")

# No screen has more.
MOST_PIXELS = 4096 * 4096
# How wide dots are, by how many nm a pixel is wide, and by how many pixels hold any at all: dots
# grow as one comes closer, and where there are few.
BY_SCALE = ((20.0, 0), (6.0, 1), (2.0, 2), (0.0, 3))
BY_NUMBER = ((6_000, 0), (800, 1), (0, 2))
LEAST_BLUR_PX = 0.8
LOWEST_SCORE = -0.35
# Outlines are shown to the nanometre: rounded corners have a hundred vertices each.
TOLERANCE_NM = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """How an image is drawn.

    Parameters
    ----------
    layer : str
        One of `LAYERS`.
    gamma : float
        The power of the density.
    blur_nm : float
        The standard deviation that localizations are drawn with, nm.
    colours : str
        The colour map of the density.
    """

    layer: str = "density"
    gamma: float = 0.4
    blur_nm: float = 0.0
    colours: str = "inferno"

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.layer not in LAYERS:
            raise InputError(f"a layer is one of {', '.join(LAYERS)}, got {self.layer!r}")
        if self.colours not in ("inferno", "gray", "gray_r", "viridis"):
            raise InputError(f"no colours are called {self.colours!r}")


def channel_codes(localizations: Localizations) -> tuple[IntArray, tuple[str, ...]]:
    """Give each channel of an image a number.

    Parameters
    ----------
    localizations : Localizations
        With channels or without.

    Returns
    -------
    codes : ndarray of int of shape (n_localizations,)
        0…; empty where there are no channels.
    names : tuple of str
        What they are called; empty where there are fewer than two or more than four.
    """
    if localizations.channel is None:
        return np.empty(0, dtype=np.int32), ()
    values = localizations.channel
    names, codes = np.unique(values.astype(str) if values.dtype.kind == "O" else values,
                             return_inverse=True)  # fmt: skip
    if not 2 <= len(names) <= len(CHANNELS):
        return np.empty(0, dtype=np.int32), ()
    return codes.astype(np.int32), tuple(map(str, names))


def kinds_of(analysis: Analysis, *, by_cluster: bool, shown: BoolArray | None = None) -> IntArray:
    """Tell in which colour each localization is drawn.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    by_cluster : bool
        By cluster, instead of by label.
    shown : ndarray of bool of shape (n_clusters,), optional
        Clusters that are drawn as such, as they are numbered in `Segmentation.cluster`.

    Returns
    -------
    ndarray of int of shape (n_localizations,)
        0 outside the regions, 1 for those in no cluster that is shown, 2… for the colours.
    """
    cluster = analysis.segmentation.cluster
    inside = cluster >= 0
    if shown is not None:
        inside = inside & np.append(shown, False)[cluster]
    colour = cluster % len(CLUSTERS) if by_cluster else (analysis.kind - 1) % len(KINDS)
    kind = np.where(inside, 2 + colour, 1)
    return np.where(analysis.in_regions, kind, 0).astype(np.int32)


def draw(
    localizations: Localizations,
    box: Box,
    shape: tuple[int, int],
    look: Look,
    *,
    kind: IntArray | None = None,
    score: FloatArray | None = None,
) -> npt.NDArray[np.uint8]:
    """Draw a part of an image.

    Parameters
    ----------
    localizations : Localizations
        The image.
    box : tuple of float
        x_min, y_min, x_max, y_max of the part, nm.
    shape : tuple of int
        How many rows and columns of pixels.
    look : Look
        How.
    kind : ndarray of int of shape (n_localizations,), optional
        The channel (from 0), or what `kinds_of` tells.
    score : ndarray of shape (n_localizations,), optional
        Of the network.

    Returns
    -------
    ndarray of uint8 of shape (n_rows, n_columns, 4)
        The colours; transparent where a layer has nothing.

    Raises
    ------
    InputError
        If the layer needs what the image has not, or there are too many pixels or none.
    """
    if not 0 < shape[0] * shape[1] <= MOST_PIXELS or min(shape) < 1:
        raise InputError(f"no picture has {shape[0]} × {shape[1]} pixels")
    positions = localizations.positions
    nm_per_px = (box[2] - box[0]) / shape[1]
    blur_px = min(look.blur_nm / nm_per_px, 40.0) if nm_per_px > 0 else 0.0
    # A single pixel among dark ones is hard to see.
    blur_px = max(blur_px, LEAST_BLUR_PX if nm_per_px >= BY_SCALE[0][0] else 0.0)
    if look.layer == "density":
        counts = pixel_counts(positions, box, shape)[0]
        if blur_px < 1:
            counts = _dots(counts[None], nm_per_px)[0]
        return density_rgba(counts, blur_px=blur_px, gamma=look.gamma, colours=look.colours)
    if look.layer == "scores":
        if score is None:
            raise InputError("there are no scores: choose a network")
        return _scores(pixel_means(positions, box, shape, score), nm_per_px)
    if kind is None:
        raise InputError(f"there are no {look.layer} in this image")
    if look.layer == "channels":
        counts = pixel_counts(positions, box, shape, kind=kind, n_kinds=len(CHANNELS))
        return _mixed(counts if blur_px >= 1 else _dots(counts, nm_per_px), look, blur_px)
    colours = [OUTSIDE, NOT_CLUSTERED, *(KINDS if look.layer == "labels" else CLUSTERS)]
    counts = pixel_counts(positions, box, shape, kind=kind, n_kinds=len(colours))
    return kinds_rgba(_dots(counts, nm_per_px), colours)


def _mixed(counts: IntArray, look: Look, blur_px: float) -> npt.NDArray[np.uint8]:
    """Add up the colours of channels, each as bright as its own density."""
    total = np.zeros((*counts.shape[1:], 3), dtype=np.float32)
    for count, colour in zip(counts, CHANNELS, strict=True):
        if count.any():
            grey = density_rgba(count, blur_px=blur_px,
                                gamma=look.gamma, colours="gray")  # fmt: skip
            parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
            total += grey[..., :1].astype(np.float32) * np.array(parts, dtype=np.float32)
    rgba = np.full((*total.shape[:2], 4), 255, dtype=np.uint8)
    rgba[..., :3] = np.minimum(total, 255).astype(np.uint8)
    return rgba


def _scores(means: FloatArray, nm_per_px: float) -> npt.NDArray[np.uint8]:
    """Colour scores from 0 to 1, as dots where there are few."""
    held = np.isfinite(means)
    for row, column in _disc(_radius(int(held.sum()), nm_per_px)):
        moved, there = _shifted(means, row, column), _shifted(held, row, column)
        means = np.where(~np.isfinite(means) & there, moved, means)
    # From a blue that is seen on black, too, instead of the map's first, nearly black one.
    return values_rgba(means, low=LOWEST_SCORE, high=1.0)


def _dots(counts: IntArray, nm_per_px: float) -> IntArray:
    """Make every localization a dot."""
    offsets = _disc(_radius(int((counts > 0).any(axis=0).sum()), nm_per_px))
    if not offsets:
        return counts
    n_rows, n_columns = counts.shape[1:]
    grown = counts.copy()
    for layer, count in zip(grown, counts, strict=True):
        rows, columns = np.nonzero(count)
        values = count[rows, columns]
        for row, column in offsets:
            y, x = rows + row, columns + column
            inside = (y >= 0) & (y < n_rows) & (x >= 0) & (x < n_columns)
            np.maximum.at(layer, (y[inside], x[inside]), values[inside])
    return grown


def _radius(n_held: int, nm_per_px: float) -> int:
    """Choose how far a dot reaches beyond its own pixel."""
    by_scale = next(radius for least, radius in BY_SCALE if nm_per_px >= least)
    return max(by_scale, next(radius for least, radius in BY_NUMBER if n_held >= least))


def _disc(radius: int) -> list[tuple[int, int]]:
    """List the pixels around one, itself left out."""
    reach = range(-radius, radius + 1)
    inside = [(y, x) for y in reach for x in reach if y * y + x * x <= radius * radius]
    return [place for place in inside if place != (0, 0)]


def _shifted(values: npt.NDArray[Any], rows: int, columns: int) -> npt.NDArray[Any]:
    """Move an image by some pixels; what comes in from outside is empty."""
    moved = np.full_like(values, np.nan if values.dtype.kind == "f" else 0)
    n, m = values.shape
    moved[max(rows, 0) : n + min(rows, 0), max(columns, 0) : m + min(columns, 0)] = values[
        max(-rows, 0) : n + min(-rows, 0), max(-columns, 0) : m + min(-columns, 0)
    ]
    return moved


def packed_clusters(analysis: Analysis) -> bytes:
    """Put the clusters' table and outlines into one message.

    Parameters
    ----------
    analysis : Analysis
        What was found.

    Returns
    -------
    bytes
        See `pack`: the measures of the table as they are called, and of the outlines, simplified
        to the nanometre, the corners of all rings (``corners``, from ``origin``), where each ring
        starts (``ring_start``) and the row of its cluster (``ring_row``); and the rings of the
        regions that were analysed.
    """
    table = analysis.description.clusters
    outlines = analysis.segmentation.outlines[table["cluster"].to_numpy()]
    # Seventeen times as fast as with topology, which nobody sees at a nanometre.
    simple = shapely.simplify(outlines, TOLERANCE_NM, preserve_topology=False)
    parts, part_row = shapely.get_parts(simple, return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    origin = corners.min(axis=0) if len(corners) else np.zeros(2)
    # The name of the region is text.
    measures = table.select_dtypes(["number", "bool"])
    arrays: dict[str, npt.NDArray[Any]] = {
        str(name): measures[name].to_numpy(dtype=np.float64) for name in measures
    }
    arrays["corners"] = (corners - origin).astype(np.float32).ravel()
    arrays["ring_start"] = np.searchsorted(ring, np.arange(len(rings) + 1)).astype(np.int32)
    arrays["ring_row"] = part_row[ring_part].astype(np.int32)
    columns = [str(name) for name in measures]
    facts = {"columns": columns, "n_clusters": len(table), "origin": list(origin)}
    return pack(arrays, facts | {"regions": _rings_of(analysis)})


def _rings_of(analysis: Analysis) -> list[list[list[float]]]:
    """Give the corners of the regions of an analysis, ring by ring."""
    parts = shapely.get_parts([one.polygon for one in analysis.regions])
    rings = shapely.get_rings(parts)
    return [shapely.get_coordinates(ring)[:-1].tolist() for ring in rings]


def pack(arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> bytes:
    """Put arrays and what is known of them into one message.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Of float64, float32 or int32, in one dimension.
    facts : mapping
        Of what JSON holds.

    Returns
    -------
    bytes
        The length of the header (uint32), the header (JSON: the facts, and of each array its name,
        type, length and place), and the arrays, each from a multiple of eight bytes on.
    """
    listed: list[dict[str, Any]] = []
    place, bodies = 0, list[bytes]()
    for name, array in arrays.items():
        body = np.ascontiguousarray(array).tobytes()
        body += b"\0" * (-len(body) % 8)
        listed.append({"name": name, "type": str(array.dtype), "n": len(array), "at": place})
        place += len(body)
        bodies.append(body)
    header = json.dumps({**facts, "arrays": listed}).encode()
    header += b" " * (-(len(header) + 4) % 8)
    return b"".join([len(header).to_bytes(4, "little"), header, *bodies])


def shown_by(analysis: Analysis, ranges: Mapping[str, tuple[float, float]]) -> BoolArray:
    """Tell which clusters lie in ranges of measures.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    ranges : mapping of str to tuple of float
        The lowest and the highest value that is shown, by the column of the clusters' table.

    Returns
    -------
    ndarray of bool of shape (n_clusters,)
        As clusters are numbered in `Segmentation.cluster`; those that are not described are not
        shown.

    Raises
    ------
    InputError
        If the table has no such column.
    """
    table = analysis.description.clusters
    inside = np.ones(len(table), dtype=bool)
    for name, (low, high) in ranges.items():
        if name not in table.select_dtypes("number"):
            raise InputError(f"clusters have no measure {name!r}")
        values = table[name].to_numpy(dtype=np.float64)
        # What is not known is in no range, and hides no cluster.
        inside &= ~((values < low) | (values > high))
    shown = np.zeros(analysis.segmentation.n_clusters, dtype=bool)
    shown[table["cluster"].to_numpy()[inside]] = True
    return shown
