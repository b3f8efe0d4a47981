"""Where localizations could have been: the region, with a depth in 3D, and those inside."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from caml._arrays import BoolArray, FloatArray
from caml._window import why_no_size
from caml.errors import DataWarning, InputError
from caml.localizations import Localizations, Region, as_positions
from caml.spatial.covariance import set_covariance

__all__ = ["Sample", "Window", "sample_of", "samples_of"]

# A radius is refused where less than this share of the region is left to measure it in.
LEAST_LEFT = 0.1
# Distances to the border that are measured at once: a geometry for each takes 100 bytes.
CHUNK = 1 << 16
# Gauss's rule over the inclination of a direction in 3D.
N_INCLINATIONS = 48


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A region, with a depth in 3D.

    Parameters
    ----------
    region : Region
        Its part in x and y.
    z_range_nm : tuple of float, optional
        Where it begins and ends in z, nm; None in 2D.
    """

    region: Region
    z_range_nm: tuple[float, float] | None = None

    @property
    def n_dimensions(self) -> int:
        """How many coordinates a position in it has."""
        return 2 if self.z_range_nm is None else 3

    @property
    def depth_nm(self) -> float:
        """How deep it is; 1 in 2D, so that its area is its size."""
        return 1.0 if self.z_range_nm is None else self.z_range_nm[1] - self.z_range_nm[0]

    @property
    def size(self) -> float:
        """Its area, nm², or its volume, nm³."""
        return float(self.region.polygon.area) * self.depth_nm

    @property
    def shortest_side_nm(self) -> float:
        """The shortest side of the box around it, in x and y, nm."""
        x_min, y_min, x_max, y_max = self.region.polygon.bounds
        return float(min(x_max - x_min, y_max - y_min))

    def contains(self, positions: FloatArray) -> BoolArray:
        """Tell which positions lie in it."""
        shapely.prepare(self.region.polygon)
        inside = self.region.contains(positions)
        if self.z_range_nm is not None:
            low, high = self.z_range_nm
            inside = inside & (positions[:, 2] >= low) & (positions[:, 2] <= high)
        return inside

    def covariance(self, radii: FloatArray) -> FloatArray:
        """Measure its set covariance, nm² or nm³; the mean over all directions."""
        if self.z_range_nm is None:
            return set_covariance(self.region, radii)
        # The mean over the sphere of the region's, moved r·sin φ, times what is left of the depth,
        # D − r·cos φ. Beyond cos φ = D/r nothing is.
        nodes, weights = np.polynomial.legendre.leggauss(N_INCLINATIONS)
        steepest = np.arccos(np.minimum(1.0, self.depth_nm / np.maximum(radii, 1e-300)))[:, None]
        angle = steepest + (np.pi / 2 - steepest) * (nodes + 1) / 2
        weight = (np.pi / 2 - steepest) / 2 * weights * np.sin(angle)
        flat = radii[:, None] * np.sin(angle)
        left = np.maximum(self.depth_nm - radii[:, None] * np.cos(angle), 0)
        area = set_covariance(self.region, flat.ravel()).reshape(flat.shape)
        return np.asarray((area * left * weight).sum(axis=1))

    def eroded(self, radii: FloatArray) -> FloatArray:
        """Measure what lies at least so far from its border, nm² or nm³."""
        polygon = self.region.polygon
        area = np.array([polygon.buffer(-radius, quad_segs=16).area for radius in radii])
        if self.z_range_nm is None:
            return area
        return np.asarray(area * np.maximum(self.depth_nm - 2 * radii, 0))

    def border_distance(self, positions: FloatArray) -> FloatArray:
        """Measure how far positions in it are from its border, nm."""
        distance = np.empty(len(positions))
        border = self.region.polygon.boundary
        shapely.prepare(border)
        for start in range(0, len(positions), CHUNK):
            part = slice(start, start + CHUNK)
            distance[part] = shapely.distance(border, shapely.points(positions[part, :2]))
        if self.z_range_nm is not None:
            low, high = self.z_range_nm
            z = positions[:, 2]
            distance = np.minimum(distance, np.minimum(z - low, high - z))
        return distance

    def draw(self, n: int, generator: np.random.Generator) -> FloatArray:
        """Draw n positions that are evenly and independently spread over it."""
        x_min, y_min, x_max, y_max = self.region.polygon.bounds
        shapely.prepare(self.region.polygon)
        drawn = np.empty((n, 2))
        share = self.region.polygon.area / ((x_max - x_min) * (y_max - y_min))
        n_drawn = 0
        while n_drawn < n:
            n_tried = int((n - n_drawn) / share * 1.05) + 16
            tried = generator.uniform((x_min, y_min), (x_max, y_max), (n_tried, 2))
            kept = tried[self.region.contains(tried)][: n - n_drawn]
            drawn[n_drawn : n_drawn + len(kept)] = kept
            n_drawn += len(kept)
        if self.z_range_nm is None:
            return drawn
        return np.column_stack((drawn, generator.uniform(*self.z_range_nm, n)))

    def largest_radius(self, radius: float, correction: str) -> float:
        """Return the radius or, where it leaves too little of the region, the largest usable."""
        if correction == "none":
            return radius
        left = self.covariance if correction == "rigid" else self.eroded

        def usable(r: float) -> bool:
            return bool(left(np.array([r]))[0] >= LEAST_LEFT * self.size)

        if usable(radius):
            return radius
        # Moved by more than the diagonal of the box around it, a region no longer meets itself.
        x_min, y_min, x_max, y_max = self.region.polygon.bounds
        diagonal = np.hypot(np.hypot(x_max - x_min, y_max - y_min), self.depth_nm)
        low, high = 0.0, min(radius, float(diagonal))
        for _ in range(24):
            middle = (low + high) / 2
            low, high = (middle, high) if usable(middle) else (low, middle)
        # Rounded down to three digits, so that what is named can be used.
        step = 10 ** (np.floor(np.log10(low)) - 2)
        return float(np.floor(low / step) * step)

    def check_radius(self, radius: float, correction: str) -> None:
        """Refuse a radius that leaves too little of the region to measure it in."""
        largest = self.largest_radius(radius, correction)
        if largest < radius:
            raise InputError(
                f"a radius of {radius:g} nm (--radius, or radii_nm) leaves less than a tenth of "
                f"{_named(self.region)} to measure it in: the largest usable is {largest:g} nm"
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
    # Of a volume whose depth is given, the part in x and y must have a size.
    known = finite if z_range_nm is None else finite[:, :2]
    if reason := why_no_size(known, region, depth="z_range_nm"):
        raise InputError(reason)
    if region is None:
        hull = shapely.MultiPoint(finite[:, :2]).convex_hull
        # A little wider, for corners that are rounded inwards.
        region = Region(hull.buffer(1e-9 * np.sqrt(hull.area), join_style="mitre"), "convex hull")
    return Window(region, _z_range(finite, z_range_nm))


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


def _z_range(
    finite: FloatArray, z_range_nm: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Return the window's range of z, or refuse one that is none."""
    if finite.shape[1] == 2:
        if z_range_nm is not None:
            raise InputError("z_range_nm is of localizations in 3D, and these are in 2D")
        return None
    low, high = (finite[:, 2].min(), finite[:, 2].max()) if z_range_nm is None else z_range_nm
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(
            f"z_range_nm is where the window begins and ends in z, got {low:g} and {high:g} nm"
        )
    return float(low), float(high)
