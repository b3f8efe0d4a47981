"""What an overview shows, wherever the results are: in memory, or in a folder part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from matplotlib.axes import Axes

from caml._words import counted
from caml.analyse import Found
from caml.plot.colours import KINDS
from caml.plot.extent import left_out, square_of
from caml.plot.images import PIXELS, coloured, image_axes, localizations, outlines, scale_bar, show
from caml.plot.pixels import Box, kinds_rgba, pixel_counts

__all__ = [
    "ZOOM_FROM",
    "ZOOM_NM",
    "Drawn",
    "Scene",
    "Squares",
    "cluster_outlines",
    "scene_in_parts",
]

Drawn = Literal["label", "score", "cluster", "density"]
Positions = npt.NDArray[np.floating[Any]]
Kinds = npt.NDArray[np.integer[Any]]

# A part of the image is shown enlarged where the whole is at least so many times as wide.
ZOOM_NM = 3_000
ZOOM_FROM = 2
# Of more clusters than this in a whole image, outlines are not drawn in it.
MANY_OUTLINES = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What is drawn of results.

    Parameters
    ----------
    name : str
        Of the image.
    found_by : str
        The network, or the method with its parameters.
    summary : DataFrame
        A row for the image, or one per region.
    n_clusters : int
        Of all together.
    labels : tuple of str
        What labels mean, from 0.
    kinds : frozenset of int
        Which of them there are.
    has_regions : bool
        Whether regions were asked for.
    box : tuple of float
        x_min, y_min, x_max, y_max of all of it, nm.
    zoom : tuple of float or None
        The part that is enlarged; None of a small image.
    n_left_out : int
        Localizations outside of the box.
    draw : callable
        Takes axes and a part, the box or the zoom.
    """

    name: str
    found_by: str
    summary: pd.DataFrame
    n_clusters: int
    labels: Sequence[str]
    kinds: frozenset[int]
    has_regions: bool
    box: Box
    zoom: Box | None
    n_left_out: int
    draw: Callable[[Axes, Box], Axes]

    @property
    def headline(self) -> str:
        """What was found, in a line."""
        found = counted(self.n_clusters, "cluster")
        if len(self.summary) == 1:
            row = self.summary.iloc[0]
            n = counted(int(row["n_localizations"]), "localization")
            share = f"{row['percent_clustered']:.0f} % of " if row["n_localizations"] else ""
            found += f", {share}{n}" + (" clustered" if share else "")
        else:
            found += f" in {counted(len(self.summary), 'region')}"
        # Of other methods only the name: their parameters would not fit.
        by = self.found_by.rpartition(": ")[2].partition(",")[0]
        return "   ".join(filter(None, (self.name, found, f"({by})")))


class Squares:
    """Localizations counted in the squares of `ZOOM_NM` that an image is made of.

    Parameters
    ----------
    box : tuple of float
        x_min, y_min, x_max, y_max of the image, nm.
    """

    def __init__(self, box: Box) -> None:
        self._box = box
        # Squares that hold something, and no others: one far-off localization makes millions.
        self._held = np.empty(0, dtype=np.int64)
        self._counts = np.empty(0, dtype=np.int64)

    def add(self, positions: Positions) -> None:
        """Count some localizations.

        Parameters
        ----------
        positions : ndarray of shape (n_localizations, 2 or 3), nm
            Where they are, all finite; what is left out of the image is not counted.
        """
        low, high = self._box[:2], self._box[2:]
        shown = ((positions[:, :2] >= low) & (positions[:, :2] <= high)).all(axis=1)
        column, row = np.floor((positions[shown, :2] - low) / ZOOM_NM).astype(np.int64).T
        held, counts = np.unique(column << 32 | row, return_counts=True)
        self._held, place = np.unique(np.append(self._held, held), return_inverse=True)
        self._counts = np.bincount(place, np.append(self._counts, counts)).astype(np.int64)

    @property
    def fullest(self) -> Box | None:
        """The square with the most, x_min, y_min, x_max, y_max, nm; None in a small image."""
        if self._box[2] - self._box[0] < ZOOM_FROM * ZOOM_NM or not len(self._held):
            return None
        fullest = int(self._held[self._counts.argmax()])
        x, y = np.array(self._box[:2]) + ZOOM_NM * np.array([fullest >> 32, fullest & 0xFFFFFFFF])
        return (float(x), float(y), float(x + ZOOM_NM), float(y + ZOOM_NM))


def cluster_outlines(
    ax: Axes,
    polygons: npt.NDArray[np.object_],
    label: npt.NDArray[np.integer[Any]],
    *,
    box: Box,
    by: Drawn,
) -> Axes:
    """Draw the outlines that are in sight, so that they do not hide what they enclose.

    Parameters
    ----------
    ax : Axes
        Where.
    polygons : ndarray of shape (n_clusters,) of shapely geometries, nm
        The outlines.
    label : ndarray of int of shape (n_clusters,)
        The label of each cluster.
    box : tuple of float
        x_min, y_min, x_max, y_max of the part that is drawn, nm.
    by : {"label", "score", "cluster", "density"}
        What the colour of localizations is.

    Returns
    -------
    Axes
        The same.
    """
    bounds = shapely.bounds(polygons).reshape(-1, 4)
    in_sight = (bounds[:, :2] < box[2:]).all(axis=1) & (bounds[:, 2:] > box[:2]).all(axis=1)
    wide = (box[2] - box[0]) > ZOOM_FROM * ZOOM_NM
    if wide and (by == "density" or in_sight.sum() > MANY_OUTLINES):
        return ax  # of a pixel each
    if by == "density":
        return outlines(ax, polygons[in_sight], color="white")
    if wide and by == "label":
        # As small as dots here: in black nothing else would be seen.
        kind = np.maximum(label, 1)
        for one in np.unique(kind[in_sight]):
            colour = KINDS[(one - 1) % len(KINDS)]
            outlines(ax, polygons[in_sight & (kind == one)], width=0.5, color=colour)
        return ax
    return outlines(ax, polygons[in_sight], width=0.4 if wide else 0.8)


def scene_in_parts(found: Found) -> Scene:
    """Tell what is drawn of results that are read part by part, three times.

    Parameters
    ----------
    found : Found
        The results, of a whole image.

    Returns
    -------
    Scene
        By label: the whole as pixels, and the localizations of the part that is enlarged.
    """
    box = square_of((positions for positions, _ in found.pieces()), found.regions)
    n_kinds = max(len(found.labels), 2)
    counts = np.zeros((n_kinds, PIXELS, PIXELS), dtype=np.int32)
    clustered, everything, n_left_out = Squares(box), Squares(box), 0
    for positions, kind in found.pieces():
        counts += pixel_counts(positions, box, (PIXELS, PIXELS), kind=kind, n_kinds=n_kinds)
        clustered.add(positions[kind > 0])
        everything.add(positions)
        n_left_out += left_out(positions, box)
    kinds = frozenset(np.flatnonzero(counts.any(axis=(1, 2))).tolist())
    zoom = clustered.fullest or everything.fullest
    near = _near(found, zoom)

    def draw(ax: Axes, part: Box) -> Axes:
        image_axes(ax, part)
        centroid = found.clusters[["x_nm", "y_nm"]].to_numpy()
        rows = np.arange(len(found.clusters))
        if part is zoom:
            localizations(ax, *near)
            # Whatever reaches into it.
            around = (part[0] - ZOOM_NM, part[1] - ZOOM_NM), (part[2] + ZOOM_NM, part[3] + ZOOM_NM)
            rows = rows[((centroid > around[0]) & (centroid < around[1])).all(axis=1)]
        else:
            show(ax, kinds_rgba(counts, coloured(np.array([n_kinds - 1]), "label")[0]), box)
        scale_bar(ax)
        if len(rows) <= MANY_OUTLINES:
            ids = found.clusters["cluster"].to_numpy()[rows]
            label = found.clusters["label"].to_numpy()[rows]
            cluster_outlines(ax, found.outlines(ids), label, box=part, by="label")
        return ax

    return Scene(
        name=found.name,
        found_by=found.found_by,
        summary=found.summary,
        n_clusters=len(found.clusters),
        labels=found.labels,
        kinds=kinds,
        has_regions=bool(found.regions),
        box=box,
        zoom=zoom,
        n_left_out=n_left_out,
        draw=draw,
    )


def _near(found: Found, zoom: Box | None) -> tuple[Positions, Kinds]:
    """Gather the localizations of a part, with their kinds."""
    positions: list[Positions] = [np.zeros((0, 2))]
    kinds: list[Kinds] = [np.zeros(0, dtype=np.int64)]
    if zoom is None:
        return positions[0], kinds[0]
    for some, kind in found.pieces():
        inside = ((some >= zoom[:2]) & (some <= zoom[2:])).all(axis=1)
        positions.append(some[inside])
        kinds.append(kind[inside])
    return np.concatenate(positions), np.concatenate(kinds)
