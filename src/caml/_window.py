"""Where localizations could have been: the region, with a depth in 3D."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.polygon import orient

from caml._arrays import BoolArray, FloatArray
from caml._remedies import FLAT_Z, NAME_REGION
from caml.errors import InputError
from caml.localizations import Region

__all__ = ["Window", "edges", "is_flat", "why_no_size"]

# Localizations that are no further than this from a line, or in 3D a plane, enclose nothing. Those
# on a sloped line whose coordinates are written to 0.1 nm are up to 0.07 nm away on either side.
FLAT_NM = 0.2
# Distances to the border that are measured at once: a geometry for each takes 100 bytes.
CHUNK = 1 << 16


# Without slots: of a frozen class that has them, Python lets no subclass set attributes of its own.
@dataclass(frozen=True, eq=False)
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

    @classmethod
    def around(
        cls,
        positions: FloatArray,
        region: Region | None = None,
        *,
        z_range_nm: tuple[float, float] | None = None,
        hull: bool = False,
    ) -> Window:
        """Make that of some localizations.

        Parameters
        ----------
        positions : ndarray of shape (n, 2 or 3), nm
            Where they are, all finite.
        region : Region, optional
            Where they were looked for.
        z_range_nm : tuple of float, optional
            Where it begins and ends in z, nm; by default with them.
        hull : bool, default False
            Whether it is their convex hull where there is no region, or the box around them.

        Returns
        -------
        Window
            What is known of it, and the rest from the localizations.

        Raises
        ------
        InputError
            If it has no size; `why_no_size` tells why.
        """
        known = positions if z_range_nm is None else positions[:, :2]
        if reason := why_no_size(known, region):
            raise InputError(reason)
        if region is None and hull:
            polygon = shapely.MultiPoint(positions[:, :2]).convex_hull
            # A little wider, for corners that are rounded inwards.
            wider = polygon.buffer(1e-9 * np.sqrt(polygon.area), join_style="mitre")
            region = Region(wider, "convex hull")
        elif region is None:
            low, high = positions[:, :2].min(axis=0), positions[:, :2].max(axis=0)
            region = Region.rectangle(*low, *high)
        if positions.shape[1] == 3 and z_range_nm is None:
            z_range_nm = float(positions[:, 2].min()), float(positions[:, 2].max())
        return cls(region, z_range_nm)

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
    def low(self) -> FloatArray:
        """The lowest corner of the box around it, shape (2 or 3,), nm."""
        z = () if self.z_range_nm is None else self.z_range_nm[:1]
        return np.array([*self.region.polygon.bounds[:2], *z])

    @property
    def high(self) -> FloatArray:
        """The highest corner of the box around it, shape (2 or 3,), nm."""
        z = () if self.z_range_nm is None else self.z_range_nm[1:]
        return np.array([*self.region.polygon.bounds[2:], *z])

    @property
    def shorter_side_nm(self) -> float:
        """The shorter side of the box around it in x and y, nm."""
        return float((self.high - self.low)[:2].min())

    def contains(self, positions: FloatArray) -> BoolArray:
        """Tell which positions lie in it."""
        shapely.prepare(self.region.polygon)
        inside = self.region.contains(positions)
        if self.z_range_nm is not None:
            low, high = self.z_range_nm
            inside = inside & (positions[:, 2] >= low) & (positions[:, 2] <= high)
        return inside

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
        low, high = self.low[:2], self.high[:2]
        shapely.prepare(self.region.polygon)
        drawn = np.empty((n, 2))
        share = self.region.polygon.area / (high - low).prod()
        n_drawn = 0
        while n_drawn < n:
            n_tried = int((n - n_drawn) / share * 1.05) + 16
            tried = generator.uniform(low, high, (n_tried, 2))
            kept = tried[self.region.contains(tried)][: n - n_drawn]
            drawn[n_drawn : n_drawn + len(kept)] = kept
            n_drawn += len(kept)
        if self.z_range_nm is None:
            return drawn
        return np.column_stack((drawn, generator.uniform(*self.z_range_nm, n)))


def edges(polygon: shapely.Polygon | shapely.MultiPolygon) -> tuple[FloatArray, FloatArray]:
    """List the ends of all edges, around holes the other way than around the outside.

    Parameters
    ----------
    polygon : shapely.Polygon or shapely.MultiPolygon
        The outline, nm.

    Returns
    -------
    tuple of two ndarray of shape (n_edges, 2), nm
        Where they begin and end, with the polygon on their left.
    """
    rings = [
        shapely.get_coordinates(ring)
        for part in shapely.get_parts(polygon)
        for ring in shapely.get_rings(orient(part))
    ]
    start = np.concatenate([ring[:-1] for ring in rings])
    end = np.concatenate([ring[1:] for ring in rings])
    long = (start != end).any(axis=1)
    return start[long], end[long]


def is_flat(positions: FloatArray) -> bool:
    """Tell whether localizations lie on a line, however it slopes, or in 3D in a plane.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are, all finite.

    Returns
    -------
    bool
        True too of none, of one, and of all at one place.
    """
    if len(positions) <= positions.shape[1]:
        return True
    centred = positions - positions.mean(axis=0)
    # The direction in which they vary least comes first.
    least = np.linalg.eigh(centred.T @ centred)[1][:, 0]
    return bool(np.ptp(centred @ least) <= FLAT_NM)


def why_no_size(positions: FloatArray, region: Region | None) -> str:
    """Tell why localizations do not say how large a region they were looked for in.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are, all finite.
    region : Region, optional
        Where they were looked for in x and y, where that is known. In z it is where they are.

    Returns
    -------
    str
        The reason and the remedy; empty where there is none.
    """
    n = f"{len(positions):,} localizations"
    if positions.shape[1] == 3 and (len(positions) == 0 or np.ptp(positions[:, 2]) <= FLAT_NM):
        return (
            f"{n} have the same z, and nothing says how deep a volume they were looked for in: "
            f"{FLAT_Z}"
        )
    if region is None and is_flat(positions):
        shape, size = ("on a line", "area") if positions.shape[1] == 2 else ("in a plane", "volume")
        return (
            f"{n} lie {shape} or at one place and enclose no {size}, and nothing says how large "
            f"a region they were looked for in: {NAME_REGION}"
        )
    return ""
