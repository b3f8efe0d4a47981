"""Figures of images in 3D: from three sides, and as a space that can be turned."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D

from caml.errors import InputError
from caml.localizations import Localizations, as_positions
from caml.plot.images import By, coloured, image_axes, localizations, scale_bar
from caml.plot.style import Theme, style

__all__ = ["localizations_3d", "three_sides"]

# More dots than this cannot be turned smoothly.
MOST = 50_000


def three_sides(
    positions: Localizations | npt.ArrayLike,
    values: npt.NDArray[Any],
    *,
    by: By = "label",
    theme: Theme = "light",
) -> Figure:
    """Draw localizations in 3D from above, from the front and from the side, to one scale.

    Parameters
    ----------
    positions : Localizations or array-like of shape (n_localizations, 3), nm
        Where they are.
    values : ndarray of shape (n_localizations,)
        Their labels, scores or clusters; see `caml.plot.localizations`.
    by : {"label", "score", "cluster"}, default "label"
        What values are.
    theme : {"light", "dark"}, default "light"
        Of the page.

    Returns
    -------
    Figure
        Of x and y, below it x and z, beside it z and y.

    Raises
    ------
    InputError
        If there is no z, or no localization with a position.
    """
    placed = _in_3d(positions)
    known = np.isfinite(placed).all(axis=1)
    if not known.any():
        raise InputError("there is no localization with a finite position to draw")
    placed, values = placed[known], np.asarray(values)[known]
    low, high = placed.min(axis=0), placed.max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 25.0) * 1.03
    width, height = half[0] + half[2], half[1] + half[2]
    with style(theme):
        size = (7.2, max(7.2 * height / width, 2.0))
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(2, 2, width_ratios=half[[0, 2]], height_ratios=half[[1, 2]])
        for ax, (across, down) in (
            (axes[0, 0], (0, 1)),
            (axes[0, 1], (2, 1)),
            (axes[1, 0], (0, 2)),
        ):
            box = (
                middle[across] - half[across], middle[down] - half[down],
                middle[across] + half[across], middle[down] + half[down],
            )  # fmt: skip
            image_axes(ax, box)
            localizations(ax, placed[:, [across, down]], values, by=by)
            ax.set_xlabel("xyz"[across])
            ax.set_ylabel("xyz"[down], rotation=0)
        scale_bar(axes[1, 0])
        axes[1, 1].set_axis_off()
    return figure


def localizations_3d(
    ax: Axes3D,
    positions: Localizations | npt.ArrayLike,
    values: npt.NDArray[Any],
    *,
    by: By = "label",
    size: float = 3.0,
) -> Axes3D:
    """Draw localizations in a space that can be turned.

    Parameters
    ----------
    ax : Axes3D
        Where: ``figure.add_subplot(projection="3d")``.
    positions : Localizations or array-like of shape (n_localizations, 3), nm
        Where they are.
    values : ndarray of shape (n_localizations,)
        Their labels, scores or clusters; see `caml.plot.localizations`.
    by : {"label", "score", "cluster"}, default "label"
        What values are.
    size : float, default 3
        Diameter of a dot, points.

    Returns
    -------
    Axes3D
        The same, to scale, axes in nm. Of more than 50,000 localizations so many are drawn, chosen
        at random but the same each time.

    Raises
    ------
    InputError
        If there is no z, or not a value for each localization.
    """
    placed, values = _in_3d(positions), np.asarray(values)
    if values.shape != (len(placed),):
        raise InputError(f"{len(placed)} localizations and values of shape {values.shape}")
    rows = np.flatnonzero(np.isfinite(placed).all(axis=1))
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
    colours, kind = coloured(values[rows], by)
    for one, colour in enumerate(colours):
        of = rows[kind == one]
        if len(of):
            ax.plot(*placed[of].T, linestyle="none", marker=".", markersize=size,
                    markeredgewidth=0, color=colour, rasterized=True)  # fmt: skip
    if len(rows):
        extent = np.ptp(placed[rows], axis=0)
        # Smaller than it could be: labels of axes are outside.
        ax.set_box_aspect(np.maximum(extent, 0.05 * max(extent.max(), 1.0)), zoom=0.85)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0.5, 0.5, 0.5, 0.08))
    ax.locator_params(nbins=5)
    ax.zaxis.set_major_locator(MaxNLocator(2))
    ax.invert_yaxis()
    ax.set_xlabel("x (nm)")
    ax.set_ylabel("y (nm)")
    ax.set_zlabel("z (nm)")
    return ax


def _in_3d(positions: Localizations | npt.ArrayLike) -> npt.NDArray[np.floating[Any]]:
    placed = as_positions(positions)
    if placed.shape[1] != 3:
        raise InputError("localizations in 3D are needed, x, y and z: these have x and y only")
    return placed
