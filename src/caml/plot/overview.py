"""The overview of an analysis: the picture that is in every folder of results."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from caml._words import counted
from caml.analyse import Analysis
from caml.plot.colours import CLUSTERS, KINDS, NOT_CLUSTERED, OUTSIDE, REGION
from caml.plot.extent import left_out, square
from caml.plot.images import (
    backdrop,
    density,
    image_axes,
    localizations,
    outlines,
    scale_bar,
)
from caml.plot.pixels import Box
from caml.plot.style import Theme, ink, score_colours, style

__all__ = ["ZOOM_FROM", "ZOOM_NM", "Drawn", "analysed", "overview", "save_overview"]

Drawn = Literal["label", "score", "cluster", "density"]

# Of more clusters than this in a whole image, outlines are not drawn in it.
MANY_OUTLINES = 20_000

# A part of the image is shown enlarged where the whole is at least so many times as wide.
ZOOM_NM = 3_000
ZOOM_FROM = 2


def overview(
    analysis: Analysis,
    *,
    by: Drawn = "label",
    theme: Theme = "light",
    width_mm: float | None = None,
) -> Figure:
    """Draw an image: localizations, outlines, scale bar, and a part of it enlarged.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    by : {"label", "score", "cluster", "density"}, default "label"
        What the colour of localizations is. Density is how many there are, and has outlines only
        where a part is enlarged.
    theme : {"light", "dark"}, default "light"
        Of the page.
    width_mm : float, optional
        Of the figure as it will be printed, such as 89 or 183 for one and two columns of a journal;
        text then has 7 points. By default large, for a screen.

    Returns
    -------
    Figure
        Of one panel, or two where the image is large. In PDF and SVG outlines are lines, text is
        text, and localizations are pixels.
    """
    everywhere = analysis.localizations.positions[analysis.localizations.finite]
    box = square(everywhere, analysis.regions)
    found = analysis.in_regions & (analysis.segmentation.cluster >= 0)
    found = found[analysis.localizations.finite]
    zoom = _densest_square(everywhere[found] if found.any() else everywhere, box)
    with style(theme, font_pt=9.0 if width_mm is None else 7.0):
        n_panels = 2 if zoom is not None else 1
        width = 1.2 + 6.4 * n_panels if width_mm is None else width_mm / 25.4
        height = 7.2 if width_mm is None else width / n_panels + 0.5
        # Of what is printed a pixel is to be seen nowhere.
        dpi = 150 if width_mm is None else 600
        figure = Figure(
            figsize=(width, height), dpi=dpi, layout=ConstrainedLayoutEngine(h_pad=0.08)
        )
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, n_panels, squeeze=False)[0]
        analysed(axes[0], analysis, box=box, by=by)
        far_off = left_out(everywhere, box)
        note = f"\n{counted(far_off, 'localization')} far off: not shown" if far_off else ""
        axes[0].set_title(_headline(analysis) + note, loc="left", fontsize="medium")
        if zoom is not None:
            analysed(axes[1], analysis, box=zoom, by=by)
            axes[1].set_title("enlarged: the square on the left", loc="left", fontsize="medium")
            side = zoom[2] - zoom[0]
            edge = "white" if by == "density" else ink()
            axes[0].add_patch(
                Rectangle(zoom[:2], side, side, fill=False, edgecolor=edge, linewidth=1.2, zorder=5)
            )
        _legend(figure, analysis, by)
    return figure


def analysed(ax: Axes, analysis: Analysis, *, box: Box | None = None, by: Drawn = "label") -> Axes:
    """Draw a part of an analysed image: localizations, outlines, regions and scale bar.

    Parameters
    ----------
    ax : Axes
        Where.
    analysis : Analysis
        What was found.
    box : tuple of float, optional
        x_min, y_min, x_max, y_max of the part, nm; by default all.
    by : {"label", "score", "cluster", "density"}, default "label"
        What the colour of localizations is.

    Returns
    -------
    Axes
        The same.
    """
    positions = analysis.localizations.positions
    if box is None:
        box = square(positions[analysis.localizations.finite], analysis.regions)
    # What is not finite is nowhere.
    inside = (
        (positions[:, 0] >= box[0])
        & (positions[:, 0] <= box[2])
        & (positions[:, 1] >= box[1])
        & (positions[:, 1] <= box[3])
    )
    if by == "density":
        density(ax, positions[inside], box=box)
    else:
        image_axes(ax, box)
        spoken_of = analysis.in_regions
        backdrop(ax, positions[inside & ~spoken_of])
        shown = inside & spoken_of
        localizations(ax, positions[shown], _values(analysis, by)[shown], by=by)
        scale_bar(ax)
    _clusters(ax, analysis, box, by)
    for region in analysis.regions:
        rings = shapely.get_rings(shapely.get_parts(region.polygon))
        lines = [shapely.get_coordinates(ring) for ring in rings]
        colour = "#56b4e9" if by == "density" else REGION
        ax.add_collection(LineCollection(lines, colors=colour, linewidths=1.2, zorder=4))
    return ax


def _values(analysis: Analysis, by: Drawn) -> npt.NDArray[Any]:
    """Return what localizations are coloured by: only those in a cluster count as clustered."""
    if by == "cluster":
        return analysis.segmentation.cluster
    if by == "label":
        return analysis.kind
    score = analysis.classification.score
    # Of several kinds: that it is any of them.
    return score if score.ndim == 1 else 1.0 - score[:, 0]


def _clusters(ax: Axes, analysis: Analysis, box: Box, by: Drawn) -> None:
    """Draw the outlines that are in sight."""
    clusters = analysis.description.clusters
    shown = analysis.segmentation.outlines[clusters["cluster"].to_numpy()]
    bounds = shapely.bounds(shown).reshape(-1, 4)
    in_sight = (bounds[:, :2] < box[2:]).all(axis=1) & (bounds[:, 2:] > box[:2]).all(axis=1)
    wide = (box[2] - box[0]) > ZOOM_FROM * ZOOM_NM
    if wide and (by == "density" or in_sight.sum() > MANY_OUTLINES):
        return  # of a pixel each, and they would hide what they enclose
    if by == "density":
        outlines(ax, shown[in_sight], color="white")
    elif wide and by == "label":
        # Outlines are as small as dots here: black ones would hide what they enclose.
        kind = np.maximum(clusters["label"].to_numpy(), 1)
        for one in np.unique(kind[in_sight]):
            colour = KINDS[(one - 1) % len(KINDS)]
            outlines(ax, shown[in_sight & (kind == one)], width=0.5, color=colour)
    else:
        outlines(ax, shown[in_sight], width=0.4 if wide else 0.8)


def _legend(figure: Figure, analysis: Analysis, by: Drawn) -> None:
    """Explain the colours below the panels."""
    handles: list[Line2D] = []
    if by == "label":
        label = _values(analysis, by)
        for kind, name in enumerate(["not clustered", *analysis.labels[1:]]):
            if kind < 2 or (label == kind).any():
                handles.append(
                    _dot(NOT_CLUSTERED if kind == 0 else KINDS[(kind - 1) % len(KINDS)], name)
                )
    elif by == "cluster":
        handles = [_dot(NOT_CLUSTERED, "in no cluster"), _dot(CLUSTERS[0], "a colour a cluster")]
    elif by == "score":
        shades = score_colours()([0.0, 0.5, 1.0])
        handles = [
            _dot(shade, f"score {at:g}") for shade, at in zip(shades, (0, 0.5, 1), strict=True)
        ]
    if by != "density":  # whose outlines are white, and plain to see
        handles.append(Line2D([], [], color=ink(), linewidth=1, label="outline of a cluster"))
    if analysis.regions:
        if by != "density":
            handles.append(_dot(OUTSIDE, "not looked at"))
        handles.append(Line2D([], [], color=REGION, linewidth=1.2, label="region"))
    if handles:
        figure.legend(handles=handles, loc="outside lower right", ncols=len(handles))


def _dot(colour: Any, text: str) -> Line2D:
    return Line2D([], [], linestyle="none", marker="o", markersize=5, color=colour, label=text)


def _headline(analysis: Analysis) -> str:
    """Say in a line what was found."""
    summary = analysis.description.summary
    found = counted(int(summary["n_clusters"].sum()), "cluster")
    if len(summary) == 1:
        row = summary.iloc[0]
        n = counted(int(row["n_localizations"]), "localization")
        share = f"{row['percent_clustered']:.0f} % of " if row["n_localizations"] else ""
        found += f", {share}{n}" + (" clustered" if share else "")
    else:
        found += f" in {counted(len(summary), 'region')}"
    # Of other methods only the name: their parameters would not fit.
    by = analysis.found_by.rpartition(": ")[2].partition(",")[0]
    return f"{analysis.localizations.name}   {found}   ({by})"


def _densest_square(positions: npt.NDArray[np.floating[Any]], box: Box) -> Box | None:
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
