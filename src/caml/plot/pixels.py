"""Localizations as pixels: counts, means and colours of any part of an image, at any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.colors import Colormap, to_rgb, to_rgba
from scipy.ndimage import gaussian_filter

from caml._arrays import FloatArray, IntArray
from caml.errors import InputError

__all__ = ["Box", "density_rgba", "kinds_rgba", "pixel_counts", "pixel_means", "values_rgba"]

# x_min, y_min, x_max, y_max, nm.
Box = tuple[float, float, float, float]
Rgba = npt.NDArray[np.uint8]

# Of pixels that hold anything, this share is not yet of the brightest colour.
BRIGHTEST = 0.998


def pixel_counts(
    positions: npt.NDArray[np.floating[Any]],
    box: Box,
    shape: tuple[int, int],
    *,
    kind: npt.NDArray[np.integer[Any]] | None = None,
    n_kinds: int = 1,
) -> IntArray:
    """Count the localizations in each pixel of a part of an image.

    Parameters
    ----------
    positions : ndarray of shape (n_localizations, 2 or 3), nm
        x and y are looked at; those without are in no pixel.
    box : tuple of float
        x_min, y_min, x_max, y_max of the part, nm; its edges belong to it.
    shape : tuple of int
        How many rows and columns of pixels.
    kind : ndarray of int of shape (n_localizations,), optional
        What is counted apart: 0…; others are left out.
    n_kinds : int, default 1
        How many kinds there are.

    Returns
    -------
    ndarray of int32 of shape (n_kinds, n_rows, n_columns)
        Row 0 is that of y_min.

    Raises
    ------
    InputError
        If the box is empty or there are no pixels.
    """
    from caml.plot._pixels import counted

    edges = _checked(box, shape)
    kinds = np.zeros(0, dtype=np.int32) if kind is None else np.asarray(kind, dtype=np.int32)
    return counted(positions[:, 0], positions[:, 1], kinds, n_kinds, edges, *shape)


def pixel_means(
    positions: npt.NDArray[np.floating[Any]],
    box: Box,
    shape: tuple[int, int],
    values: npt.NDArray[np.floating[Any]],
) -> FloatArray:
    """Average a quantity of the localizations in each pixel of a part of an image.

    Parameters
    ----------
    positions : ndarray of shape (n_localizations, 2 or 3), nm
        x and y are looked at.
    box : tuple of float
        x_min, y_min, x_max, y_max of the part, nm.
    shape : tuple of int
        How many rows and columns of pixels.
    values : ndarray of shape (n_localizations,)
        Such as scores; NaN is left out.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)
        NaN where there is nothing.

    Raises
    ------
    InputError
        If the box is empty or there are no pixels.
    """
    from caml.plot._pixels import summed

    edges = _checked(box, shape)
    given = np.asarray(values, dtype=np.float64)
    total, count = summed(positions[:, 0], positions[:, 1], given, edges, *shape)
    with np.errstate(invalid="ignore"):
        return total / count


def density_rgba(
    counts: npt.NDArray[np.integer[Any]],
    *,
    blur_px: float = 0.0,
    gamma: float = 0.5,
    colours: str = "inferno",
    brightest: float | None = None,
) -> Rgba:
    """Colour an image by how many localizations are in each pixel.

    Parameters
    ----------
    counts : ndarray of int of shape (n_rows, n_columns)
        Localizations in each pixel.
    blur_px : float, default 0
        The standard deviation of a Gaussian that each localization is drawn as, pixels.
    gamma : float, default 0.5
        The power of the density: below 1 sparse parts are brighter.
    colours : str, default "inferno"
        A colour map of Matplotlib.
    brightest : float, optional
        The density of the last colour, localizations a pixel; by default 0.998 of the pixels that
        hold anything are below it.

    Returns
    -------
    ndarray of uint8 of shape (n_rows, n_columns, 4)
        The colours, opaque.

    Raises
    ------
    InputError
        If `gamma` is not above 0 or `blur_px` below 0.
    """
    if not gamma > 0 or not blur_px >= 0:
        raise InputError(
            f"gamma must be above 0 and blur_px at least 0: got {gamma:g} and {blur_px:g}"
        )
    density = counts.astype(np.float32)
    if blur_px > 0:
        density = gaussian_filter(density, blur_px, mode="constant", truncate=3.0)
    held = density[density > 1e-3 * density.max(initial=0.0)]
    top = float(np.quantile(held, BRIGHTEST)) if len(held) else 1.0
    share = np.clip(density / (top if brightest is None else brightest), 0.0, 1.0) ** gamma
    return np.asarray(colormaps[colours](share, bytes=True), dtype=np.uint8)


def values_rgba(
    values: npt.NDArray[np.floating[Any]],
    *,
    colours: str | Colormap = "viridis",
    low: float,
    high: float,
) -> Rgba:
    """Colour an image by a quantity, transparent where there is none.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        The quantity; NaN is transparent.
    colours : str or Colormap, default "viridis"
        A colour map of Matplotlib.
    low, high : float
        The values of the first and the last colour.

    Returns
    -------
    ndarray of uint8 of shape (n_rows, n_columns, 4)
        The colours.
    """
    there = np.isfinite(values)
    share = np.where(there, (values - low) / (high - low), 0.0)
    shades = colormaps[colours] if isinstance(colours, str) else colours
    rgba = np.asarray(shades(share, bytes=True), dtype=np.uint8)
    rgba[~there, 3] = 0
    return rgba


def kinds_rgba(
    counts: npt.NDArray[np.integer[Any]],
    colours: Sequence[str],
    *,
    spread: bool = False,
    mixed: bool = False,
) -> Rgba:
    """Colour an image by the last kind that each pixel holds, transparent where there is none.

    Parameters
    ----------
    counts : ndarray of int of shape (n_kinds, n_rows, n_columns)
        Localizations of each kind in each pixel.
    colours : sequence of str
        Of each kind; they may let through what is behind the image, but not mixed.
    spread : bool, default False
        Whether each localization covers the four pixels beside its own, too.
    mixed : bool, default False
        Whether colours are mixed, by how many there are of each kind, so that none hides another.

    Returns
    -------
    ndarray of uint8 of shape (n_rows, n_columns, 4)
        The colours.
    """
    rgba = np.zeros((*counts.shape[1:], 4), dtype=np.uint8)
    if mixed:
        total = counts.sum(axis=0)
        share = counts / np.maximum(total, 1)
        own = np.array([to_rgb(colour) for colour in colours])
        rgba[..., :3] = np.rint(255 * np.einsum("kij,kc->ijc", share, own))
        rgba[total > 0, 3] = 255
        return rgba
    for count, colour in zip(counts, colours, strict=True):
        held = count > 0
        if spread:
            own = held.copy()
            held[1:] |= own[:-1]
            held[:-1] |= own[1:]
            held[:, 1:] |= own[:, :-1]
            held[:, :-1] |= own[:, 1:]
        rgba[held] = [round(255 * part) for part in to_rgba(colour)]
    return rgba


def _checked(box: Box, shape: tuple[int, int]) -> FloatArray:
    edges = np.array(box, dtype=np.float64)
    if not (np.isfinite(edges).all() and edges[0] < edges[2] and edges[1] < edges[3]):
        raise InputError(f"expected x_min, y_min, x_max, y_max of a part, in nm: got {box}")
    if min(shape) < 1:
        raise InputError(f"expected at least one row and column of pixels: got {shape}")
    return edges
