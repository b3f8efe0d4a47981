"""Figures of images: localizations, outlines, scale bars, and the overview of an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from caml.analyse import Analysis
from caml.localizations import Region
from caml.plot.colours import KINDS, NOT_CLUSTERED, REGION

__all__ = [
    "MANY",
    "ZOOM_FROM",
    "ZOOM_NM",
    "localizations",
    "one_per_pixel",
    "outlines",
    "overview",
    "save_overview",
    "scale_bar",
    "square",
]

# Of more localizations than this in a panel, one is drawn per pixel and label; it is this many
# pixels wide.
MANY = 500_000
PIXELS = 1_000
# Of more clusters than this in a whole image, outlines are not drawn in it.
MANY_OUTLINES = 20_000

# A part of the image is shown enlarged where the whole is at least so many times as wide.
ZOOM_NM = 3_000
ZOOM_FROM = 2


def localizations(
    ax: Axes,
    positions: npt.NDArray[np.floating[Any]],
    label: npt.NDArray[np.integer[Any]],
    *,
    size: float,
) -> Axes:
    """Draw localizations in the colour of their label.

    Parameters
    ----------
    ax : Axes
        Where.
    positions : ndarray of shape (n_localizations, 2 or 3), nm
        x and y are drawn.
    label : ndarray of shape (n_localizations,)
        0 or below not clustered, 1… kinds of clusters.
    size : float
        Diameter of a dot, points.

    Returns
    -------
    Axes
        The same.
    """
    for kind in (0, *range(1, int(label.max(initial=0)) + 1)):
        rows = label <= 0 if kind == 0 else label == kind
        ax.plot(
            positions[rows, 0],
            positions[rows, 1],
            linestyle="none",
            marker=".",
            markersize=size,
            markeredgewidth=0,
            color=NOT_CLUSTERED if kind == 0 else KINDS[(kind - 1) % len(KINDS)],
            rasterized=True,
            zorder=1 + (kind > 0),
        )
    return ax


def outlines(
    ax: Axes, polygons: npt.NDArray[np.object_], *, width: float = 0.8, color: str = "#1a1a1a"
) -> Axes:
    """Draw the outlines of clusters.

    Parameters
    ----------
    ax : Axes
        Where.
    polygons : ndarray of shape (n_clusters,) of shapely geometries, nm
        The outlines.
    width : float, default 0.8
        Of the lines, points.
    color : str, default "#1a1a1a"
        Of the lines.

    Returns
    -------
    Axes
        The same.
    """
    rings = shapely.get_rings(shapely.get_parts(polygons))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    lines = np.split(points, np.flatnonzero(np.diff(ring)) + 1) if len(points) else []
    ax.add_collection(LineCollection(lines, colors=color, linewidths=width, zorder=3))
    return ax


def scale_bar(ax: Axes) -> Axes:
    """Draw a bar of a round length, at most a fifth of the width, below the lower left corner.

    Parameters
    ----------
    ax : Axes
        Where; its limits are in nm.

    Returns
    -------
    Axes
        The same.
    """
    x_min, x_max = ax.get_xlim()
    width = x_max - x_min
    decade = 10.0 ** np.floor(np.log10(width / 5))
    length = decade * max(step for step in (1, 2, 5) if step * decade <= width / 5)
    text = f"{length / 1000:g} µm" if length >= 1000 else f"{length:g} nm"
    share = length / width
    bar = Rectangle(
        (0, -0.025), share, 0.01, transform=ax.transAxes, color="black", linewidth=0, clip_on=False
    )
    ax.add_patch(bar)
    ax.text(share + 0.01, -0.02, text, transform=ax.transAxes, ha="left", va="center")
    return ax


def overview(analysis: Analysis) -> Figure:
    """Draw an image: localizations by label, outlines, scale bar, and a part of it enlarged.

    Parameters
    ----------
    analysis : Analysis
        What was found.

    Returns
    -------
    Figure
        Of one panel, or two where the image is large.
    """
    positions = analysis.localizations.positions
    finite = analysis.localizations.finite
    clustered = analysis.segmentation.cluster[finite] >= 0
    label = np.where(clustered, np.maximum(analysis.classification.label[finite], 1), 0)
    positions = positions[finite]
    box = square(positions, analysis.regions)
    zoom = _densest_square(positions[clustered] if clustered.any() else positions, box)
    with mpl.rc_context({"font.size": 9}):
        n_panels = 2 if zoom is not None else 1
        figure = Figure(figsize=(1.2 + 6.4 * n_panels, 7.2), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, n_panels, squeeze=False)[0]
        for ax, part in zip(axes, (box, zoom), strict=False):
            if part is not None:
                _panel(ax, part, analysis, positions, label)
        if zoom is not None:
            axes[0].add_patch(
                Rectangle(
                    (zoom[0], zoom[1]),
                    zoom[2] - zoom[0],
                    zoom[3] - zoom[1],
                    fill=False,
                    edgecolor="black",
                    linewidth=1.2,
                    zorder=5,
                )
            )
            axes[1].set_title("enlarged: the square on the left", loc="left", fontsize=9)
        axes[0].set_title(_headline(analysis), loc="left", fontsize=9)
        _legend(figure, label, analysis)
    return figure


def _panel(
    ax: Axes,
    box: tuple[float, float, float, float],
    analysis: Analysis,
    positions: npt.NDArray[np.floating[Any]],
    label: npt.NDArray[np.integer[Any]],
) -> None:
    """Draw a part of the image."""
    ax.set_xlim(box[0], box[2])
    # y grows downwards, as in the rendered images of localization software and in ImageJ.
    ax.set_ylim(box[3], box[1])
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    inside = (
        (positions[:, 0] >= box[0])
        & (positions[:, 0] <= box[2])
        & (positions[:, 1] >= box[1])
        & (positions[:, 1] <= box[3])
    )
    # Dots that cover about a third of the panel together, between a hair's and a legible size.
    size = float(np.clip(6.4 * 72 * np.sqrt(0.35 / max(int(inside.sum()), 1)), 0.9, 4.0))
    shown_positions, shown_label = positions[inside], label[inside]
    if len(shown_label) > MANY:
        shown_positions, shown_label = one_per_pixel(shown_positions, shown_label, box)
    localizations(ax, shown_positions, shown_label, size=size)
    shown = analysis.segmentation.outlines[analysis.description.clusters["cluster"].to_numpy()]
    boxes = shapely.bounds(shown)
    in_sight = (
        (boxes[:, 0] < box[2])
        & (boxes[:, 2] > box[0])
        & (boxes[:, 1] < box[3])
        & (boxes[:, 3] > box[1])
    )
    wide = (box[2] - box[0]) > ZOOM_FROM * ZOOM_NM
    if wide and in_sight.sum() > MANY_OUTLINES:
        pass  # of less than a pixel each; the dots' colour tells where they are
    elif wide:
        # Outlines are as small as dots here: black ones would hide what they enclose.
        kind = np.maximum(analysis.description.clusters["label"].to_numpy(), 1)
        for one in np.unique(kind[in_sight]):
            color = KINDS[(one - 1) % len(KINDS)]
            outlines(ax, shown[in_sight & (kind == one)], width=0.5, color=color)
    else:
        outlines(ax, shown[in_sight])
    for region in analysis.regions:
        rings = shapely.get_rings(shapely.get_parts(region.polygon))
        lines = [shapely.get_coordinates(ring) for ring in rings]
        ax.add_collection(LineCollection(lines, colors=REGION, linewidths=1.2, zorder=4))
    scale_bar(ax)


def one_per_pixel(
    positions: npt.NDArray[np.floating[Any]],
    label: npt.NDArray[np.integer[Any]],
    box: tuple[float, float, float, float],
) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.integer[Any]]]:
    """Keep one localization per label and pixel: more would be drawn over each other.

    Parameters
    ----------
    positions : ndarray of shape (n_localizations, 2 or 3), nm
        Where they are.
    label : ndarray of shape (n_localizations,)
        What kind each is.
    box : tuple of float
        x_min, y_min, x_max, y_max of the panel, nm.

    Returns
    -------
    positions : ndarray of shape (n_kept, 2), nm
        The centres of those pixels.
    label : ndarray of shape (n_kept,)
        Their labels.
    """
    n = PIXELS
    step = (box[2] - box[0]) / n
    column = np.clip(((positions[:, 0] - box[0]) / step).astype(np.int64), 0, n - 1)
    row = np.clip(((positions[:, 1] - box[1]) / step).astype(np.int64), 0, n - 1)
    kinds = int(label.max(initial=0)) + 1
    held = np.zeros(kinds * n * n, dtype=bool)
    held[(np.maximum(label, 0).astype(np.int64) * n + row) * n + column] = True
    kind, place = np.divmod(np.flatnonzero(held), n * n)
    centres = np.column_stack((place % n, place // n)) + 0.5
    return centres * step + np.array(box[:2]), kind


def _legend(figure: Figure, label: npt.NDArray[np.integer[Any]], analysis: Analysis) -> None:
    """Explain the colours below the panels."""
    names = ["not clustered", *analysis.labels[1:]]
    present = [kind for kind in range(len(names)) if kind < 2 or (label == kind).any()]
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker="o",
            markersize=5,
            color=NOT_CLUSTERED if kind == 0 else KINDS[(kind - 1) % len(KINDS)],
            label=names[kind],
        )
        for kind in present
    ]
    handles.append(Line2D([], [], color="#1a1a1a", linewidth=1, label="outline of a cluster"))
    if analysis.regions:
        handles.append(Line2D([], [], color=REGION, linewidth=1.2, label="region"))
    figure.legend(handles=handles, loc="outside lower right", ncols=len(handles), frameon=False)


def _headline(analysis: Analysis) -> str:
    """Say in a line what was found."""
    summary = analysis.description.summary
    found = f"{int(summary['n_clusters'].sum()):,} clusters"
    if len(summary) == 1:
        row = summary.iloc[0]
        found += f", {row['percent_clustered']:.0f} % of {int(row['n_localizations']):,}"
        found += " localizations clustered"
    else:
        found += f" in {len(summary)} regions"
    # Of other methods only the name: their parameters would not fit.
    by = analysis.found_by.rpartition(": ")[2].partition(",")[0]
    return f"{analysis.localizations.name}   {found}   ({by})"


def square(
    positions: npt.NDArray[np.floating[Any]], regions: Sequence[Region]
) -> tuple[float, float, float, float]:
    """Return the smallest square, with a margin, around all that is drawn.

    Parameters
    ----------
    positions : ndarray of shape (n_localizations, 2 or 3), nm
        Where localizations are.
    regions : sequence of Region
        What else is drawn.

    Returns
    -------
    tuple of float
        x_min, y_min, x_max, y_max, nm.
    """
    corners = [positions[:, :2]] if len(positions) else [np.zeros((1, 2))]
    corners += [np.reshape(region.polygon.bounds, (2, 2)) for region in regions]
    everything = np.concatenate(corners)
    low, high = everything.min(axis=0), everything.max(axis=0)
    half = max(float((high - low).max()) / 2, 50.0) * 1.03
    x, y = (low + high) / 2
    return (x - half, y - half, x + half, y + half)


def _densest_square(
    positions: npt.NDArray[np.floating[Any]], box: tuple[float, float, float, float]
) -> tuple[float, float, float, float] | None:
    """Return the square of `ZOOM_NM` with the most localizations; None where the image is small."""
    width = box[2] - box[0]
    if width < ZOOM_FROM * ZOOM_NM or len(positions) == 0:
        return None
    # Squares that hold something, and no others: one far-off localization makes millions of them.
    column, row = np.floor((positions[:, :2] - box[:2]) / ZOOM_NM).astype(np.int64).T
    held, counts = np.unique(column << 32 | row, return_counts=True)
    fullest = int(held[counts.argmax()])
    x, y = np.array(box[:2]) + ZOOM_NM * np.array([fullest >> 32, fullest & 0xFFFFFFFF])
    return (float(x), float(y), float(x + ZOOM_NM), float(y + ZOOM_NM))


def save_overview(analysis: Analysis, folder: Path) -> None:
    """Write ``overview.png`` into a folder.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    folder : Path
        Where.
    """
    overview(analysis).savefig(folder / "overview.png")
