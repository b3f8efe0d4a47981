"""Figures of two channels: both in one image, and what ties them together."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from caml._arrays import FloatArray, IntArray
from caml._words import counted
from caml.analyse.two_channels import ChannelAnalysis
from caml.plot.colours import KINDS, NOT_CLUSTERED
from caml.plot.extent import square
from caml.plot.images import (
    MANY,
    PIXELS,
    fitting_dot,
    image_axes,
    outlines,
    scale_bar,
)
from caml.plot.pixels import Box, kinds_rgba, pixel_counts
from caml.plot.scene import ZOOM_FROM, ZOOM_NM
from caml.plot.spatial import radial_function
from caml.plot.style import style

__all__ = ["channel_overview", "colocalization_histogram", "save_channels", "two_channels"]

COLOURS = (KINDS[0], KINDS[1])


def two_channels(ax: Axes, found: ChannelAnalysis, box: Box) -> Axes:
    """Draw the localizations and clusters of both channels in a part of the image.

    Parameters
    ----------
    ax : Axes
        Where.
    found : ChannelAnalysis
        What was found.
    box : tuple of float
        x_min, y_min, x_max, y_max of the part, nm.

    Returns
    -------
    Axes
        The same.
    """
    image_axes(ax, box)
    positions, channel = _both(found)
    low, high = np.reshape(box, (2, 2))
    inside = ((positions >= low) & (positions <= high)).all(axis=1)
    positions, channel = positions[inside], channel[inside]
    if len(positions) > MANY:
        counts = pixel_counts(positions, box, (PIXELS, PIXELS), kind=channel, n_kinds=2)
        rgba = kinds_rgba(counts, COLOURS, mixed=True)
        ax.imshow(rgba, extent=(box[0], box[2], box[3], box[1]), interpolation="none")
    else:
        _dots(ax, positions, channel)
    for one, color in zip((found.first, found.second), COLOURS, strict=True):
        drawn = one.analysis.segmentation.outlines
        bounds = shapely.bounds(drawn).reshape(-1, 4)
        in_sight = (bounds[:, :2] < high).all(axis=1) & (bounds[:, 2:] > low).all(axis=1)
        outlines(ax, drawn[in_sight], width=0.5 if box[2] - box[0] > 6_000 else 1.1, color=color)
    rings = shapely.get_rings(shapely.get_parts(found.region.polygon))
    lines = [shapely.get_coordinates(ring) for ring in rings]
    ax.add_collection(
        LineCollection(lines, colors=NOT_CLUSTERED, linewidths=1.0, linestyles="--", zorder=4)
    )
    return scale_bar(ax)


def _dots(ax: Axes, positions: FloatArray, channel: IntArray) -> None:
    """Draw a dot for each localization."""
    # In no order, or the second channel would hide the first.
    order = np.random.default_rng(0).permutation(len(positions))
    # Dots that cover about a third of the panel together; of the rarer channel larger ones, or
    # nobody would see it.
    size = np.array([fitting_dot(n) for n in np.bincount(channel, minlength=2)])
    size = np.minimum(size, min(2 * size.min(), 3.0))
    ax.scatter(
        positions[order, 0],
        positions[order, 1],
        s=size[channel[order]] ** 2 / 3,
        c=np.array([mpl.colors.to_rgb(one) for one in COLOURS])[channel[order]],
        linewidths=0,
        rasterized=True,
    )


def colocalization_histogram(ax: Axes, found: ChannelAnalysis) -> Axes:
    """Draw how colocalized the localizations of both channels are.

    Parameters
    ----------
    ax : Axes
        Where.
    found : ChannelAnalysis
        What was found.

    Returns
    -------
    Axes
        The same.
    """
    ends = np.linspace(-1, 1, 41)
    for one, color in zip((found.first, found.second), COLOURS, strict=True):
        inside = found.region.contains(one.channel.localizations.positions)
        known = one.colocalization[np.isfinite(one.colocalization) & inside]
        share = 100 * np.histogram(known, ends)[0] / max(len(known), 1)
        ax.stairs(share, ends, color=color, linewidth=1.4)
    ax.axvline(0, color=NOT_CLUSTERED, linewidth=0.8)
    ax.set_xlim(-1, 1)
    ax.set_ylim(bottom=0)
    ax.set_xlabel("coordinate-based colocalization")
    ax.set_ylabel("% of localizations")
    return ax


def channel_overview(found: ChannelAnalysis) -> Figure:
    """Draw two channels: the image, a part of it enlarged, correlation and colocalization.

    Parameters
    ----------
    found : ChannelAnalysis
        What was found.

    Returns
    -------
    Figure
        Of three panels, or four where the image is large.
    """
    positions, _ = _both(found)
    box = square(positions, (found.region,))
    zoom = _fullest_square(found, box)
    n = 1 if zoom is None else 2
    with style():
        figure = Figure(figsize=(6.4 * n + 5.0, 7.2), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(2, n + 1, width_ratios=[6.4] * n + [4.4])
        whole = two_channels(figure.add_subplot(grid[:, 0]), found, box)
        if zoom is not None:
            two_channels(figure.add_subplot(grid[:, 1]), found, zoom).set_title(
                "enlarged: the square on the left", loc="left", fontsize=9
            )
            whole.add_patch(
                Rectangle(zoom[:2], zoom[2] - zoom[0], zoom[3] - zoom[1], fill=False,
                          edgecolor="black", linewidth=1.2, zorder=5)
            )  # fmt: skip
        names = [one.channel.name for one in (found.first, found.second)]
        whole.set_title(
            f"{found.localizations.name}   channels {names[0]} and {names[1]}",
            loc="left",
            fontsize=9,
        )
        curve = figure.add_subplot(grid[0, n])
        radial_function(curve, found.correlation, color="#1a1a1a")
        curve.set_title(_overlap_text(found), loc="left", fontsize=9)
        curve.legend(
            *_legend_of_curve(curve, found.correlation.n_simulations), frameon=False, fontsize=8
        )
        colocalization_histogram(figure.add_subplot(grid[1, n]), found)
        handles: list[Artist] = [
            Line2D([], [], linestyle="none", marker="o", markersize=5, color=color, label=name)
            for name, color in zip(_names(found), COLOURS, strict=True)
        ]
        label = found.region.name or "region"
        handles.append(
            Line2D([], [], color=NOT_CLUSTERED, linewidth=1.0, linestyle="--", label=label)
        )
        figure.legend(handles=handles, loc="outside lower left", ncols=3, frameon=False)
    return figure


def save_channels(found: ChannelAnalysis, folder: Path) -> None:
    """Write ``channels.png`` into a folder.

    Parameters
    ----------
    found : ChannelAnalysis
        What was found.
    folder : Path
        Where.
    """
    channel_overview(found).savefig(folder / "channels.png")


def _both(
    found: ChannelAnalysis,
) -> tuple[FloatArray, IntArray]:
    """Return the positions of both channels, and which channel each is of."""
    own = [one.channel.localizations for one in (found.first, found.second)]
    xy = [one.positions[one.finite, :2] for one in own]
    return np.concatenate(xy), np.repeat([0, 1], [len(one) for one in xy])


def _fullest_square(found: ChannelAnalysis, box: Box) -> Box | None:
    """Return the square of `ZOOM_NM` where the rarer channel is most; None in a small image."""
    width = box[2] - box[0]
    positions, channel = _both(found)
    inside = found.region.contains(positions)
    positions, channel = positions[inside], channel[inside]
    if width < ZOOM_FROM * ZOOM_NM or len(positions) == 0:
        return None
    n = int(np.ceil(width / ZOOM_NM))
    column, row = np.floor((positions - box[:2]) / ZOOM_NM).astype(np.int64).T
    held, at = np.unique(row * n + column, return_inverse=True)
    counts = [np.bincount(at[channel == one], minlength=len(held)) for one in (0, 1)]
    # Of equally many of the rarer, where there are most in all.
    fullest = int(held[np.lexsort((np.sum(counts, axis=0), np.minimum(*counts)))[-1]])
    x, y = box[0] + fullest % n * ZOOM_NM, box[1] + fullest // n * ZOOM_NM
    return (x, y, x + ZOOM_NM, y + ZOOM_NM)


def _names(found: ChannelAnalysis) -> list[str]:
    """Say what each channel has in the region, as the numbers above the curve count."""
    return [
        f"channel {row['channel']}: "
        f"{counted(row['n_localizations'], 'localization')}, "
        f"{counted(row['n_clusters'], 'cluster')}"
        for row in found.summary().to_dict("records")
    ]


def _overlap_text(found: ChannelAnalysis) -> str:
    """Say which share of each channel's clusters overlaps, and which is expected."""
    texts = []
    for one in (found.first, found.second):
        test = one.overlap
        texts.append(
            f"{100 * test.fraction:.1f} % of {one.channel.name}'s clusters overlap "
            f"(expected {100 * test.fraction_expected:.1f} %, P = {test.fraction_p:.2g})"
            if np.isfinite(test.fraction)
            else f"{one.channel.name} has no clusters"
        )
    return "\n".join(texts) + "\n"


def _legend_of_curve(ax: Axes, n_simulations: int) -> tuple[list[Artist], list[str]]:
    """Explain the lines of a correlation whose simulations are shifts."""
    handles, labels = ax.get_legend_handles_labels()
    words = {f"{n_simulations} simulations": f"{n_simulations} shifts", "expected": "their mean"}
    return handles, [words.get(one, one) for one in labels]
