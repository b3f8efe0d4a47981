"""The part of an image that was looked at, and how much of a disc or a ball lies inside it."""

from __future__ import annotations

import numpy as np
import shapely

from caml import _window
from caml._arrays import FloatArray, IntArray
from caml.errors import InputError
from caml.localizations import Region
from caml.methods._points import Points

__all__ = ["Window", "disc_areas", "inside"]

# Pairs of a disc and an edge that are looked at together: a few arrays of 8 MB.
PAIRS = 1_000_000
# Of Gauss and Legendre, over the heights of a ball whose discs a border cuts. With 24 nodes the
# share of a ball at a rectangle's corner is right to 1e-4.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)


class Window(_window.Window):
    """The region around some localizations, and how much of discs and balls lies in it.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Of the localizations, all inside the region.
    region : Region, optional
        Where they were looked for; by default the box around them. In 3D it is as deep as they are.

    Raises
    ------
    InputError
        If it has no size.
    """

    def __init__(self, positions: FloatArray, region: Region | None = None) -> None:
        around = _window.Window.around(positions, region)
        super().__init__(around.region, around.z_range_nm)
        self._positions = positions
        self._edges = _window.edges(self.region.polygon)
        border = shapely.boundary(self.region.polygon)
        shapely.prepare(border)
        self._to_border = np.asarray(shapely.distance(border, shapely.points(positions[:, :2])))

    def check_radius(self, name: str, radius_nm: float) -> None:
        """Refuse a radius whose discs lie more outside the region than inside.

        Parameters
        ----------
        name : str
            Of the parameter.
        radius_nm : float
            Its value.

        Raises
        ------
        InputError
            If it is more than half of the region's shorter side, in x and y.
        """
        largest = self.shorter_side_nm / 2
        if radius_nm > largest:
            raise InputError(
                f"{name} is {radius_nm:g} nm, and the region's shorter side only {2 * largest:g} "
                f"nm: choose at most half of that, {largest:g} nm, or a larger region"
            )

    def shares(self, radius_nm: float, *, every: int = 1) -> FloatArray:
        """Tell how much of the disc or ball around localizations lies in the region.

        Parameters
        ----------
        radius_nm : float
            Its radius.
        every : int, default 1
            1 for all localizations, 2 for every second, …

        Returns
        -------
        ndarray of shape (⌈n / every⌉,)
            Above 0, to 1.
        """
        at = self._positions[::every]
        near = np.flatnonzero(self._to_border[::every] < radius_nm)
        if at.shape[1] == 2:
            share: FloatArray = np.ones(len(at))
            radii = np.full(len(near), radius_nm)
            share[near] = disc_areas(at[near], radii, self._edges) / (np.pi * radius_nm**2)
        else:
            share = self._ball_shares(at, radius_nm, near)
        # At the tip of a spike hardly anything does; nothing is divided by 0.
        return np.asarray(np.clip(share, 1e-9, 1.0))

    def _ball_shares(self, at: FloatArray, radius: float, near: IntArray) -> FloatArray:
        """Do so for balls: their discs, from the lowest to the highest inside the region."""
        below = np.maximum(self.low[2] - at[:, 2], -radius)
        above = np.minimum(self.high[2] - at[:, 2], radius)
        volume = np.pi * (radius**2 * (above - below) - (above**3 - below**3) / 3)
        if len(near):
            half = (above - below)[near] / 2
            heights = (above + below)[near, None] / 2 + half[:, None] * NODES
            radii = np.sqrt(np.maximum(radius**2 - heights**2, 0))
            centres = np.repeat(at[near, :2], len(NODES), axis=0)
            areas = disc_areas(centres, radii.ravel(), self._edges).reshape(radii.shape)
            volume[near] = half * (areas @ WEIGHTS)
        return np.asarray(volume / (4 / 3 * np.pi * radius**3))


def inside(points: Points) -> Points:
    """Keep the localizations that lie in the region, where one is known.

    Parameters
    ----------
    points : Points
        What a method was given.

    Returns
    -------
    Points
        Those inside or on the outline.
    """
    if points.region is None:
        return points
    kept = points.region.contains(points.positions)
    return Points(points.positions[kept], points.rows[kept], points.n_localizations, points.region)


def disc_areas(
    centres: FloatArray, radii: FloatArray, edges: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Measure how much of each disc lies in a polygon, exactly.

    Parameters
    ----------
    centres : ndarray of shape (n, 2), nm
        Of the discs.
    radii : ndarray of shape (n,), nm
        Theirs.
    edges : tuple of two ndarray of shape (n_edges, 2), nm
        Where the polygon's edges begin and end, the polygon on their left.

    Returns
    -------
    ndarray of shape (n,), nm²
        The areas.

    Notes
    -----
    As a polygon's area is the sum of the triangles between a point and its edges, that of its
    intersection with a disc around the point is the sum of triangles where an edge runs inside the
    disc, and of sectors where it runs outside.
    """
    areas = np.empty(len(centres))
    step = max(1, PAIRS // len(edges[0]))
    for first in range(0, len(centres), step):
        part = slice(first, first + step)
        areas[part] = _disc_areas(centres[part, None], radii[part, None], *edges)
    return areas


def _disc_areas(
    centre: FloatArray, radius: FloatArray, start: FloatArray, end: FloatArray
) -> FloatArray:
    a, b = start - centre, end - centre
    along = b - a
    # Where the edge a + t · along is as far from the centre as the circle: t from 0 to 1.
    square = (along**2).sum(axis=-1)
    middle = -(a * along).sum(axis=-1) / square
    reach = middle**2 - ((a**2).sum(axis=-1) - radius**2) / square
    half = np.sqrt(np.maximum(reach, 0))
    enters = a + np.clip(middle - half, 0, 1)[..., None] * along
    leaves = a + np.clip(middle + half, 0, 1)[..., None] * along
    sectors = radius**2 * (_angle(a, enters) + _angle(leaves, b))
    return np.asarray((sectors + _cross(enters, leaves)).sum(axis=-1) / 2)


def _cross(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray(one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0])


def _angle(one: FloatArray, other: FloatArray) -> FloatArray:
    return np.asarray(np.arctan2(_cross(one, other), (one * other).sum(axis=-1)))
