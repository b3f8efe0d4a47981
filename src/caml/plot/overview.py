"""The overview of an analysis: the picture that is in every folder of results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
from caml.analyse import Analysis, Found
from caml.errors import InputError
from caml.io import whole_file
from caml.plot.colours import CLUSTERS, KINDS, NOT_CLUSTERED, OUTSIDE, REGION
from caml.plot.extent import left_out, square
from caml.plot.images import backdrop, density, image_axes, localizations, scale_bar
from caml.plot.pixels import Box
from caml.plot.scene import Drawn, Scene, Squares, cluster_outlines, scene_in_parts
from caml.plot.style import Theme, ink, score_colours, style

__all__ = ["PANEL", "Drawn", "analysed", "overview", "save_overview"]

# What the picture says of itself: left, top, right and bottom of the whole image and its scale bar.
PANEL = "caml panel"


def overview(
    analysis: Analysis | Found,
    *,
    by: Drawn = "label",
    theme: Theme = "light",
    width_mm: float | None = None,
) -> Figure:
    """Draw an image: localizations, outlines, scale bar, and a part of it enlarged.

    Parameters
    ----------
    analysis : Analysis or Found
        What was found.
    by : {"label", "score", "cluster", "density"}, default "label"
        What the colour of localizations is. Density is how many there are, and has outlines only
        where a part is enlarged. Results in parts are drawn by label.
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
    if isinstance(analysis, Found):
        if by != "label":
            raise InputError(f"results in parts are drawn by label, not by {by}: load them whole")
        scene = scene_in_parts(analysis)
    else:
        scene = _scene(analysis, by)
    zoom = scene.zoom
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
        scene.draw(axes[0], scene.box)
        far_off = scene.n_left_out
        note = f"\n{counted(far_off, 'localization')} far off: not shown" if far_off else ""
        axes[0].set_title(scene.headline + note, loc="left", fontsize="medium")
        if zoom is not None:
            scene.draw(axes[1], zoom)
            axes[1].set_title("enlarged: the square on the left", loc="left", fontsize="medium")
            side = zoom[2] - zoom[0]
            edge = "white" if by == "density" else ink()
            axes[0].add_patch(
                Rectangle(zoom[:2], side, side, fill=False, edgecolor=edge, linewidth=1.2, zorder=5)
            )
        if handles := _legend(scene, by):
            figure.legend(handles=handles, loc="outside lower right", ncols=len(handles))
    return figure


def _scene(analysis: Analysis, by: Drawn) -> Scene:
    """Tell what is drawn of an analysis in memory."""
    everywhere = analysis.localizations.positions[analysis.localizations.finite]
    box = square(everywhere, analysis.regions)
    found = analysis.in_regions & (analysis.segmentation.cluster >= 0)
    found = found[analysis.localizations.finite]

    def fullest(positions: npt.NDArray[np.floating[Any]]) -> Box | None:
        squares = Squares(box)
        squares.add(positions)
        return squares.fullest

    def draw(ax: Axes, part: Box) -> Axes:
        return analysed(ax, analysis, box=part, by=by)

    return Scene(
        name=analysis.localizations.name,
        found_by=analysis.found_by,
        summary=analysis.description.summary,
        n_clusters=len(analysis.description.clusters),
        labels=analysis.labels,
        kinds=frozenset(np.unique(analysis.kind).tolist()),
        has_regions=bool(analysis.regions),
        box=box,
        zoom=fullest(everywhere[found]) or fullest(everywhere),
        n_left_out=left_out(everywhere, box),
        draw=draw,
    )


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
    clusters = analysis.description.clusters
    drawn = analysis.segmentation.outlines[clusters["cluster"].to_numpy()]
    cluster_outlines(ax, drawn, clusters["label"].to_numpy(), box=box, by=by)
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


def _legend(scene: Scene, by: Drawn) -> list[Line2D]:
    """Explain the colours."""
    handles: list[Line2D] = []
    if by == "label":
        colours = [NOT_CLUSTERED, *(KINDS[i % len(KINDS)] for i in range(len(scene.labels) - 1))]
        names = ["not clustered", *scene.labels[1:]]
        handles = [
            _dot(colour, name)
            for kind, (colour, name) in enumerate(zip(colours, names, strict=True))
            if kind < 2 or kind in scene.kinds
        ]
    elif by == "cluster":
        handles = [_dot(NOT_CLUSTERED, "in no cluster"), _dot(CLUSTERS[0], "a colour a cluster")]
    elif by == "score":
        shades = score_colours()([0.0, 0.5, 1.0])
        handles = [
            _dot(shade, f"score {at:g}") for shade, at in zip(shades, (0, 0.5, 1), strict=True)
        ]
    if by != "density":  # whose outlines are white, and plain to see
        handles.append(Line2D([], [], color=ink(), linewidth=1, label="outline of a cluster"))
    if scene.has_regions:
        if by != "density":
            handles.append(_dot(OUTSIDE, "not looked at"))
        handles.append(Line2D([], [], color=REGION, linewidth=1.2, label="region"))
    return handles


def _dot(colour: Any, text: str) -> Line2D:
    return Line2D([], [], linestyle="none", marker="o", markersize=5, color=colour, label=text)


def save_overview(analysis: Analysis | Found, folder: Path) -> None:
    """Write ``overview.png`` into a folder.

    Parameters
    ----------
    analysis : Analysis or Found
        What was found.
    folder : Path
        Where; an earlier picture is replaced.
    """
    figure = overview(analysis)
    figure.canvas.draw()
    panel = figure.axes[0].get_tightbbox(for_layout_only=True)
    frame = figure.axes[0].get_window_extent()
    assert panel is not None
    high, edge = figure.bbox.height, figure.dpi / 72
    # The headline is above the frame.
    box = (frame.x0 - edge, high - frame.y1 - edge, frame.x1 + edge, high - panel.y0 + edge)
    told = {PANEL: json.dumps([round(one) for one in box])}
    with whole_file(folder / "overview.png", overwrite=True) as partial:
        figure.savefig(partial, format="png", metadata=told)
