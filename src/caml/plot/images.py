"""Figures of images: localizations, how dense they are, outlines, and scale bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import shapely
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from caml.errors import InputError
from caml.localizations import Localizations, as_positions
from caml.plot.colours import CLUSTERS, KINDS, NOT_CLUSTERED, OUTSIDE
from caml.plot.extent import square
from caml.plot.pixels import (
    Box,
    density_rgba,
    kinds_rgba,
    pixel_counts,
    pixel_means,
    values_rgba,
)
from caml.plot.style import ink, score_colours

__all__ = [
    "MANY",
    "PIXELS",
    "By",
    "backdrop",
    "coloured",
    "density",
    "fitting_dot",
    "image_axes",
    "localizations",
    "outlines",
    "scale_bar",
    "show",
]

By = Literal["label", "score", "cluster"]

# More localizations than this are drawn as pixels, as many as a large panel has.
MANY = 200_000
PIXELS = 1_000

# Of a localization that is drawn as a blurred spot: what is usual of STORM's uncertainty.
BLUR_NM = 10.0


def image_axes(ax: Axes, box: Box) -> Axes:
    """Make axes show a part of an image: to scale, y downwards, without numbers.

    Parameters
    ----------
    ax : Axes
        Which.
    box : tuple of float
        x_min, y_min, x_max, y_max of the part, nm.

    Returns
    -------
    Axes
        The same. y grows downwards, as in the images of localization software and in ImageJ.
    """
    ax.set_xlim(box[0], box[2])
    ax.set_ylim(box[3], box[1])
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(True)
    return ax


def localizations(
    ax: Axes,
    positions: Localizations | npt.ArrayLike,
    values: npt.NDArray[Any],
    *,
    by: By = "label",
    size: float | None = None,
) -> Axes:
    """Draw localizations in the colour of their label, score or cluster.

    Parameters
    ----------
    ax : Axes
        Where.
    positions : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        x and y are drawn.
    values : ndarray of shape (n_localizations,)
        Labels: 0 or below not clustered, 1… kinds of clusters; scores, from 0 to 1; or ids of
        clusters, below 0 in none.
    by : {"label", "score", "cluster"}, default "label"
        What values are. Neighbouring clusters mostly differ in colour, which is all it says.
    size : float, optional
        Diameter of a dot, points; by default as large as so many leave room for. More than 200,000
        localizations are drawn as pixels, clustered ones on top, or the mean of their scores.

    Returns
    -------
    Axes
        The same.

    Raises
    ------
    InputError
        If there is not a value for each localization.
    """
    positions, values = as_positions(positions), np.asarray(values)
    if values.shape != (len(positions),):
        raise InputError(f"{len(positions)} localizations and values of shape {values.shape}")
    there = np.isfinite(positions).all(axis=1)
    positions, values = positions[there], values[there]
    if not len(positions):
        return ax
    colours, kind = coloured(values, by)
    if len(positions) > MANY:
        box = _around(positions)
        shape = _shape(box)
        if by == "score":
            means = pixel_means(positions, box, shape, values)
            rgba = values_rgba(means, colours=score_colours(), low=0.0, high=1.0)
        else:
            counts = pixel_counts(positions, box, shape, kind=kind, n_kinds=len(colours))
            rgba = kinds_rgba(counts, colours)
        return show(ax, rgba, box)
    figure = ax.figure.get_figure(root=True)
    width_in = ax.get_position().width * (figure.get_figwidth() if figure else 6.4)
    dot = fitting_dot(len(positions), width_in) if size is None else size
    for one in range(len(colours)):
        rows = kind == one
        ax.plot(
            positions[rows, 0], positions[rows, 1], linestyle="none", marker=".", markersize=dot,
            markeredgewidth=0, color=colours[one], rasterized=True, zorder=1 + (one > 0),
        )  # fmt: skip
    return ax


def backdrop(ax: Axes, positions: npt.NDArray[np.floating[Any]]) -> Axes:
    """Draw localizations that were not looked at: faint pixels, however many there are.

    Parameters
    ----------
    ax : Axes
        Where; it shows a part of an image already.
    positions : ndarray of shape (n_localizations, 2 or 3), nm
        x and y are drawn.

    Returns
    -------
    Axes
        The same.
    """
    (x_min, x_max), (y_max, y_min) = ax.get_xlim(), ax.get_ylim()
    box = (x_min, y_min, x_max, y_max)
    # As large as dots are; faint ones of a pixel would not be seen.
    shape = _shape(box, (x_max - x_min) / (PIXELS / 2))
    return show(ax, kinds_rgba(pixel_counts(positions, box, shape), [OUTSIDE]), box)


def fitting_dot(n: int, width_in: float = 6.4) -> float:
    """Tell how large so many dots can be: a third of a panel covered, and still to be seen.

    Parameters
    ----------
    n : int
        How many.
    width_in : float, default 6.4
        Of the panel, inches.

    Returns
    -------
    float
        The diameter, points.
    """
    diameter = width_in * 72 * np.sqrt(0.35 / max(n, 1))
    return float(np.clip(diameter, max(0.14 * width_in, 0.5), max(0.62 * width_in, 2.5)))


def density(
    ax: Axes,
    positions: Localizations | npt.ArrayLike,
    *,
    box: Box | None = None,
    pixel_nm: float | None = None,
    blur_nm: float | None = None,
    gamma: float = 0.5,
    colours: str = "inferno",
) -> Axes:
    """Draw an image as the field shows it: how many localizations there are, bright on dark.

    Parameters
    ----------
    ax : Axes
        Where.
    positions : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        x and y are drawn.
    box : tuple of float, optional
        x_min, y_min, x_max, y_max of the part that is drawn, nm; by default all.
    pixel_nm : float, optional
        The side of a pixel, nm; by default a thousandth of the part's longer side.
    blur_nm : float, optional
        The standard deviation of the Gaussian that each localization is drawn as, nm; 0 is a
        histogram. By default 10 nm, and at least half a pixel.
    gamma : float, default 0.5
        The power of the density: below 1 sparse parts are brighter.
    colours : str, default "inferno"
        A colour map of Matplotlib; one that is perceptually uniform does not invent edges.

    Returns
    -------
    Axes
        The same, with a scale bar.

    Raises
    ------
    InputError
        If the pixel, the blur or gamma is out of range, or there would be too many pixels.
    """
    positions = as_positions(positions)
    drawn = square(positions[np.isfinite(positions).all(axis=1)], ()) if box is None else box
    longest = max(drawn[2] - drawn[0], drawn[3] - drawn[1])
    pixel = longest / PIXELS if pixel_nm is None else pixel_nm
    if not pixel > 0 or longest / pixel > 20 * PIXELS:
        raise InputError(
            f"pixel_nm must be above 0, and an image at most {20 * PIXELS:,} pixels wide: got "
            f"{pixel:g} nm for {longest:,.0f} nm"
        )
    blur = max(BLUR_NM, pixel / 2) if blur_nm is None else blur_nm
    shape = _shape(drawn, pixel)
    # Whole pixels: the last ones may reach beyond the part.
    held = (*drawn[:2], drawn[0] + shape[1] * pixel, drawn[1] + shape[0] * pixel)
    counts = pixel_counts(positions, held, shape)[0]
    show(ax, density_rgba(counts, blur_px=blur / pixel, gamma=gamma, colours=colours), held)
    image_axes(ax, drawn)
    ax.set_facecolor(colormaps[colours](0.0))
    return scale_bar(ax, inside="white")


def outlines(
    ax: Axes, polygons: npt.NDArray[np.object_], *, width: float = 0.8, color: str | None = None
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
    color : str, optional
        Of the lines; by default that of text.

    Returns
    -------
    Axes
        The same.
    """
    rings = shapely.get_rings(shapely.get_parts(polygons))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    lines = np.split(points, np.flatnonzero(np.diff(ring)) + 1) if len(points) else []
    ax.add_collection(LineCollection(lines, colors=color or ink(), linewidths=width, zorder=3))
    return ax


def scale_bar(ax: Axes, *, inside: str | None = None) -> Axes:
    """Draw a bar of a round length, at most a fifth of the width, below the lower left corner.

    Parameters
    ----------
    ax : Axes
        Where; its limits are in nm.
    inside : str, optional
        A colour: the bar is then drawn in it, within the image.

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
    colour = ink() if inside is None else inside
    # Points below or above the lower edge, so that narrow panels have the same bar.
    start, rise = (0.0, -9.0) if inside is None else (0.03, 14.0)
    moved = ax.transAxes + ScaledTranslation(0, rise / 72, ax.figure.dpi_scale_trans)
    bar = Line2D(
        [start, start + share], [0, 0], transform=moved, color=colour, linewidth=4,
        solid_capstyle="butt", clip_on=False, zorder=6,
    )  # fmt: skip
    ax.add_artist(bar)
    ax.text(
        start + share + 0.01, 0, text, transform=moved, ha="left", va="center", color=colour,
        zorder=6,
    )  # fmt: skip
    return ax


def coloured(values: npt.NDArray[Any], by: By) -> tuple[Sequence[str], npt.NDArray[np.int64]]:
    """Tell which colour each localization has.

    Parameters
    ----------
    values : ndarray of shape (n_localizations,)
        Labels, scores or ids of clusters.
    by : {"label", "score", "cluster"}
        What values are.

    Returns
    -------
    colours : sequence of str
        All colours; the last is drawn on top.
    kind : ndarray of shape (n_localizations,)
        Which of them each has; −1 of a score that is not known.

    Raises
    ------
    InputError
        If `by` is something else.
    """
    if by == "label":
        n = max(int(values.max(initial=0)), 1)
        colours = [NOT_CLUSTERED, *(KINDS[i % len(KINDS)] for i in range(n))]
        return colours, np.maximum(values, 0).astype(np.int64)
    if by == "cluster":
        kind = np.where(values < 0, 0, 1 + values.astype(np.int64) % len(CLUSTERS))
        return [NOT_CLUSTERED, *CLUSTERS], kind
    if by == "score":
        steps = 16
        colours = [to_hex(one) for one in score_colours()(np.linspace(0, 1, steps))]
        known = np.isfinite(values)
        share = np.clip(np.where(known, values, 0.0), 0.0, 1.0)
        return colours, np.where(known, np.minimum(share * steps, steps - 1).astype(np.int64), -1)
    raise InputError(f"localizations are drawn by label, score or cluster: got {by!r}")


def _around(positions: npt.NDArray[np.floating[Any]]) -> Box:
    """Return the box of positions, which has an area."""
    low, high = positions[:, :2].min(axis=0), positions[:, :2].max(axis=0)
    high = np.maximum(high, low + 1.0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _shape(box: Box, pixel_nm: float | None = None) -> tuple[int, int]:
    """Return how many rows and columns of square pixels cover a part."""
    width, height = box[2] - box[0], box[3] - box[1]
    pixel = max(width, height) / PIXELS if pixel_nm is None else pixel_nm
    # A last row for what rounding leaves is none.
    return max(int(np.ceil(height / pixel - 1e-9)), 1), max(int(np.ceil(width / pixel - 1e-9)), 1)


def show(ax: Axes, rgba: npt.NDArray[np.uint8], box: Box) -> Axes:
    """Draw pixels where they are, and leave the limits of the axes alone.

    Parameters
    ----------
    ax : Axes
        Where.
    rgba : ndarray of uint8 of shape (n_rows, n_columns, 4)
        Their colours; row 0 is that of y_min.
    box : tuple of float
        x_min, y_min, x_max, y_max, nm.

    Returns
    -------
    Axes
        The same.
    """
    limits = ax.get_xlim(), ax.get_ylim()
    had_limits = not (ax.get_autoscalex_on() and ax.get_autoscaley_on())
    extent = (box[0], box[2], box[3], box[1])
    ax.imshow(rgba, extent=extent, origin="upper", interpolation="none", zorder=1)
    if had_limits:
        ax.set_xlim(*limits[0])
        ax.set_ylim(*limits[1])
    return ax
