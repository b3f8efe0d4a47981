"""Localizations in a window, and how far around them it can be looked."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from caml._arrays import FloatArray
from caml._window import Window
from caml.errors import DataWarning, InputError
from caml.localizations import Localizations, Region, as_positions
from caml.spatial.covariance import set_covariance

__all__ = [
    "Sample",
    "check_radius",
    "largest_radius",
    "sample_of",
    "samples_of",
    "window_covariance",
]

# A radius is refused where less than this share of the region is left to measure it in.
LEAST_LEFT = 0.1
# Gauss's rule over the inclination of a direction in 3D.
N_INCLINATIONS = 48


def window_covariance(window: Window, radii: FloatArray) -> FloatArray:
    """Measure its set covariance, nm² or nm³; the mean over all directions."""
    if window.z_range_nm is None:
        return set_covariance(window.region, radii)
    # The mean over the sphere of the region's, moved r·sin φ, times what is left of the depth,
    # D − r·cos φ. Beyond cos φ = D/r nothing is.
    nodes, weights = np.polynomial.legendre.leggauss(N_INCLINATIONS)
    steepest = np.arccos(np.minimum(1.0, window.depth_nm / np.maximum(radii, 1e-300)))[:, None]
    angle = steepest + (np.pi / 2 - steepest) * (nodes + 1) / 2
    weight = (np.pi / 2 - steepest) / 2 * weights * np.sin(angle)
    flat = radii[:, None] * np.sin(angle)
    left = np.maximum(window.depth_nm - radii[:, None] * np.cos(angle), 0)
    area = set_covariance(window.region, flat.ravel()).reshape(flat.shape)
    return np.asarray((area * left * weight).sum(axis=1))


def largest_radius(window: Window, radius: float, correction: str) -> float:
    """Return the radius or, where it leaves too little of the region, the largest usable."""
    if correction == "none":
        return radius
    left = partial(window_covariance, window) if correction == "rigid" else window.eroded

    def usable(r: float) -> bool:
        return bool(left(np.array([r]))[0] >= LEAST_LEFT * window.size)

    if usable(radius):
        return radius
    # Moved by more than the diagonal of the box around it, a region no longer meets itself.
    low, high = 0.0, min(radius, float(np.linalg.norm(window.high - window.low)))
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if usable(middle) else (low, middle)
    # Rounded down to three digits, so that what is named can be used.
    step = 10 ** (np.floor(np.log10(low)) - 2)
    return float(np.floor(low / step) * step)


def check_radius(window: Window, radius: float, correction: str) -> None:
    """Refuse a radius that leaves too little of the region to measure it in."""
    largest = largest_radius(window, radius, correction)
    if largest < radius:
        raise InputError(
            f"a radius of {radius:g} nm (--radius, or radii_nm) leaves less than a tenth of "
            f"{_named(window.region)} to measure it in: the largest usable is {largest:g} nm"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Localizations in a window.

    Parameters
    ----------
    positions : ndarray of shape (n_inside, 2 or 3), nm
        Where they are.
    window : Window
        Where they could have been.
    """

    positions: FloatArray
    window: Window

    def __len__(self) -> int:
        """Count them."""
        return len(self.positions)


def sample_of(
    localizations: Localizations | npt.ArrayLike,
    *,
    region: Region | None,
    z_range_nm: tuple[float, float] | None = None,
    least: int = 2,
) -> Sample:
    """Take the localizations inside a region.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where they are.
    region : Region, optional
        Where they could have been: by default that of the localizations, else their convex hull.
    z_range_nm : tuple of float, optional
        In 3D, where the window begins and ends in z, nm; by default with the localizations.
    least : int, default 2
        How many are needed.

    Returns
    -------
    Sample
        Those inside.

    Raises
    ------
    InputError
        If they are too few, or lie on a line.

    Warns
    -----
    DataWarning
        If some lie outside.
    """
    finite = _finite(localizations)
    if region is None and isinstance(localizations, Localizations):
        region = localizations.region
    if len(finite) < least:
        raise InputError(
            f"at least {least} localizations with a finite position are needed, got {len(finite)}"
        )
    return _inside(finite, _window(finite, region, z_range_nm), least)


def samples_of(
    first: Localizations | npt.ArrayLike,
    second: Localizations | npt.ArrayLike,
    *,
    region: Region | None,
    z_range_nm: tuple[float, float] | None = None,
) -> tuple[Sample, Sample]:
    """Take the localizations of two sets inside one region.

    Parameters
    ----------
    first, second : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        The sets.
    region : Region, optional
        Where they could have been: by default that of the first, else the convex hull of both.
    z_range_nm : tuple of float, optional
        In 3D, where the window begins and ends in z, nm; by default with the localizations.

    Returns
    -------
    tuple of Sample
        Those of each inside.

    Raises
    ------
    InputError
        If a set has none inside, or one is in 2D and the other in 3D.
    """
    a, b = _finite(first), _finite(second)
    if a.shape[1] != b.shape[1]:
        raise InputError(
            f"one set is in {a.shape[1]}D and the other in {b.shape[1]}D: project one with "
            "localizations.projected()"
        )
    if len(a) == 0 or len(b) == 0:
        raise InputError(
            "at least one localization with a finite position is needed in each set, got "
            f"{len(a)} and {len(b)}"
        )
    if region is None and isinstance(first, Localizations):
        region = first.region
    window = _window(np.concatenate((a, b)), region, z_range_nm)
    return _inside(a, window, 1), _inside(b, window, 1)


def _named(region: Region) -> str:
    """Call a region by its name, for there may be several."""
    return f"the region {region.name!r}" if region.name else "the region"


def _finite(localizations: Localizations | npt.ArrayLike) -> FloatArray:
    """Return the positions that are finite."""
    every = as_positions(localizations)
    return every[np.isfinite(every).all(axis=1)]


def _window(
    finite: FloatArray, region: Region | None, z_range_nm: tuple[float, float] | None
) -> Window:
    """Return the region with its depth; without one, the convex hull."""
    if z_range_nm is not None:
        low, high = z_range_nm
        if finite.shape[1] == 2:
            raise InputError("z_range_nm is of localizations in 3D, and these are in 2D")
        if not (np.isfinite([low, high]).all() and low < high):
            raise InputError(
                f"z_range_nm is where the window begins and ends in z, got {low:g} and {high:g} nm"
            )
        z_range_nm = float(low), float(high)
    return Window.around(finite, region, z_range_nm=z_range_nm, hull=True)


def _inside(finite: FloatArray, window: Window, least: int) -> Sample:
    """Keep the localizations inside."""
    inside = window.contains(finite)
    n_inside = int(inside.sum())
    if n_inside < len(finite):
        warnings.warn(
            DataWarning(
                f"{len(finite) - n_inside:,} of {len(finite):,} localizations lie outside "
                f"{_named(window.region)} and were not used"
            ),
            stacklevel=4,
        )
    if n_inside < least:
        raise InputError(
            f"at least {least} localizations are needed in {_named(window.region)}, got {n_inside} "
            f"of {len(finite):,}: leave it out, or draw it larger"
        )
    return Sample(finite[inside], window)
