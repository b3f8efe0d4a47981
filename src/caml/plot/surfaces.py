"""Figures of surfaces: how dense it is in an image, and how probable ways to cluster it are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes

from caml._arrays import FloatArray
from caml._words import counted
from caml.errors import InputError
from caml.localizations import Localizations, as_positions
from caml.methods import Proposals
from caml.plot.colours import KINDS
from caml.plot.images import scale_bar

__all__ = ["plot_l_surface", "plot_score_surface"]

# Of an image of L(r): as many as a large panel has.
PIXELS = 600


def plot_l_surface(
    ax: Axes,
    localizations: Localizations | npt.ArrayLike,
    local_l: FloatArray,
    *,
    threshold_nm: float | None = None,
    largest_nm: float | None = None,
) -> Axes:
    """Draw L(r) as a smooth surface between localizations, with a bar of its colours.

    Parameters
    ----------
    ax : Axes
        Where.
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where L(r) was measured; x and y are drawn.
    local_l : ndarray of shape (n_localizations,), nm
        Of each localization; those without are left out (`caml.methods.local_l`).
    threshold_nm : float, optional
        Where to draw a contour, nm.
    largest_nm : float, optional
        The value of the last colour, nm; by default 99 % of all L(r) are below it.

    Returns
    -------
    Axes
        The same.

    Raises
    ------
    InputError
        If lengths do not agree.

    Notes
    -----
    Cubic in each triangle between localizations and smooth where they meet (Clough and Tocher), and
    nowhere beyond the values at its corners; the cluster maps of Owen et al. 2010 are splines
    through all localizations, which look alike.
    """
    positions, values = as_positions(localizations)[:, :2], np.asarray(local_l, dtype=np.float64)
    if values.shape != (len(positions),):
        raise InputError(f"{len(positions)} localizations and L(r) of shape {values.shape}")
    known = np.isfinite(values) & np.isfinite(positions).all(axis=1)
    positions, first = np.unique(positions[known], axis=0, return_index=True)
    values = values[known][first]
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.set_yticks([])
    if len(values) < 3 or np.linalg.matrix_rank(positions - positions[0]) < 2:
        return ax
    low, high = positions.min(axis=0), positions.max(axis=0)
    ax.set_xlim(low[0], high[0])
    # y grows downwards, as in all pictures of images.
    ax.set_ylim(high[1], low[1])
    step = (high - low).max() / PIXELS
    x, y = (np.arange(low[axis] + step / 2, high[axis], step) for axis in (0, 1))
    surface = _surface(positions, values, np.stack(np.meshgrid(x, y), axis=-1))
    largest = np.quantile(values, 0.99) if largest_nm is None else largest_nm
    image = ax.imshow(
        surface,
        extent=(low[0], high[0], high[1], low[1]),
        cmap="magma",
        vmin=0,
        vmax=max(float(largest), 1e-9),
        interpolation="bilinear",
    )
    if threshold_nm is not None and surface.min() < threshold_nm < surface.max():
        ax.contour(x, y, surface, levels=[threshold_nm], colors="white", linewidths=0.6)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.8, pad=0.02, extend="max")
    bar.set_label("L(r), nm")
    bar.outline.set_linewidth(0.5)
    return scale_bar(ax)


def plot_score_surface(ax: Axes, proposals: Proposals) -> Axes:
    """Draw how probable each radius and threshold is, and mark the most probable.

    Parameters
    ----------
    ax : Axes
        Where.
    proposals : Proposals
        What `caml.methods.score_surface` found.

    Returns
    -------
    Axes
        The same.

    Notes
    -----
    Scores are relative to that of no clusters at all, natural logarithms of how many times as
    probable; grey is less probable than that.
    """
    score = proposals.score - proposals.score_unclustered
    largest = float(score.max())
    colours = colormaps["viridis"].with_extremes(under="#dddddd")
    mesh = ax.pcolormesh(
        proposals.radius_nm,
        proposals.threshold_nm,
        score.T,
        cmap=colours,
        vmin=0,
        vmax=largest if largest > 0 else 1.0,
        shading="nearest",
        rasterized=True,
    )
    radius, threshold = proposals.best_radius_nm, proposals.best_threshold_nm
    if largest > 0:
        ax.plot(
            radius,
            threshold,
            marker="o",
            markersize=11,
            markerfacecolor="none",
            markeredgewidth=2,
            color=KINDS[0],
        )
    ax.set_xlabel("radius r, nm")
    ax.set_ylabel("threshold of L(r), nm")
    n_clusters = int(proposals.n_clusters[proposals.best])
    title = f"best: {counted(n_clusters, 'cluster')} at {radius:g} nm, L(r) ≥ {threshold:g} nm"
    ax.set_title(title if largest > 0 else "no clusters", loc="left", fontsize=10)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02, extend="min")
    bar.set_label("log probability above no clusters")
    bar.outline.set_linewidth(0.5)
    return ax


def _surface(positions: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """Interpolate values between positions."""
    from scipy.interpolate import CloughTocher2DInterpolator, NearestNDInterpolator
    from scipy.spatial import Delaunay

    triangles = Delaunay(positions)
    surface = CloughTocher2DInterpolator(triangles, values)(at)
    # Long thin triangles at a border would overshoot far.
    corners = values[triangles.simplices]
    which = triangles.find_simplex(at)
    surface = np.clip(surface, corners.min(axis=1)[which], corners.max(axis=1)[which])
    # In corners of the image, outside all triangles.
    outside = which < 0
    surface[outside] = NearestNDInterpolator(positions, values)(at[outside])
    return np.asarray(surface)
