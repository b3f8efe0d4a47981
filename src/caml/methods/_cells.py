"""Voronoi cells by way of the Delaunay triangulation: their sizes, and which touch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import permutations

import numpy as np
import numpy.typing as npt
import shapely
import shapely.affinity
from scipy.spatial import Delaunay, QhullError

from caml._arrays import FloatArray, IntArray
from caml._window import is_flat

__all__ = ["Cells", "cells_of"]

# Triangles or tetrahedra that are measured at once: memory does not grow with them.
CHUNK = 1 << 17


class Cells:
    """The Voronoi cells of distinct positions.

    Parameters
    ----------
    size : ndarray of shape (n,), nm² or nm³
        The area or volume of each; infinite where it is not bounded.
    pairs : ndarray of shape (n_pairs, 2)
        Which cells touch, each pair once.
    """

    def __init__(self, size: FloatArray, pairs: IntArray) -> None:
        self.size, self.pairs = size, pairs

    def sum_over_neighbours(self, values: FloatArray) -> FloatArray:
        """Add the values of the cells that touch each cell.

        Parameters
        ----------
        values : ndarray of shape (n,)
            One per cell.

        Returns
        -------
        ndarray of shape (n,)
            The sums.
        """
        n = len(self.size)
        first, second = self.pairs.T
        ahead, back = np.bincount(first, values[second], n), np.bincount(second, values[first], n)
        return np.asarray(ahead + back, dtype=np.float64)


def cells_of(positions: FloatArray, window: shapely.Geometry | None = None) -> Cells | None:
    """Measure the Voronoi cells of distinct positions.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are.
    window : shapely geometry, optional
        In 2D, what cells are clipped to.

    Returns
    -------
    Cells or None
        None where all lie on a line (in 3D: a plane).

    Notes
    -----
    A cell is made of simplices with corners at its position, the middle of an edge, (in 3D the
    circumcentre of a face) and the circumcentre of a simplex of the triangulation, which count
    negatively where they lie on the other side. Their sum is exact, whatever the angles.
    """
    n, d = positions.shape
    if is_flat(positions):
        return None
    centred = positions - positions.mean(axis=0)
    try:
        triangulation = Delaunay(centred)
    except QhullError:
        return None
    pairs = _edges(triangulation.simplices, n)
    size = np.zeros(n)
    reach = np.zeros(n)
    bounds = window
    if bounds is not None:
        bounds = shapely.affinity.translate(bounds, *-positions.mean(axis=0))
    for simplices in _chunks(triangulation.simplices):
        corners = centred[simplices]
        centre = _circumcentres(corners)
        for order in permutations(range(d + 1)):
            np.add.at(size, simplices[:, order[0]], _orthoschemes(corners[:, list(order)], centre))
        radius = np.hypot(*(centre - corners[:, 0]).T) if d == 2 else np.zeros(len(centre))
        np.maximum.at(reach, simplices.ravel(), np.repeat(np.nan_to_num(radius, nan=np.inf), d + 1))
    reach[triangulation.convex_hull.ravel()] = math.inf
    size[triangulation.convex_hull.ravel()] = math.inf
    # Slivers that Qhull's precision leaves cancel each other, but for the last digits.
    size = np.maximum(size, 0)
    if bounds is not None:
        # A cell lies within the circle through its furthest corner.
        edge = shapely.boundary(bounds)
        shapely.prepare(edge)
        border = np.flatnonzero(reach >= shapely.distance(edge, shapely.points(centred)))
        size[border] = _clipped(centred, pairs, border, bounds)
    return Cells(size, pairs)


def _chunks(simplices: IntArray) -> Iterator[IntArray]:
    for start in range(0, len(simplices), CHUNK):
        yield simplices[start : start + CHUNK]


def _edges(simplices: IntArray, n: int) -> IntArray:
    """Return each edge of a triangulation once."""
    d = simplices.shape[1]
    keys = [
        np.unique(np.minimum(a, b) * np.int64(n) + np.maximum(a, b))
        for i in range(d)
        for j in range(i)
        for a, b in [(simplices[:, i].astype(np.int64), simplices[:, j].astype(np.int64))]
    ]
    both = np.unique(np.concatenate(keys))
    return np.stack([both // n, both % n], axis=1)


def _circumcentres(corners: FloatArray) -> FloatArray:
    """Return the circumcentre of each simplex of shape (m, d + 1, d)."""
    edges = corners[:, 1:] - corners[:, :1]
    half = 0.5 * np.square(edges).sum(axis=2)
    flat = np.abs(np.linalg.det(edges)) < 1e-12 * np.square(edges).sum(axis=(1, 2)) ** (
        corners.shape[2] / 2
    )
    edges = np.where(flat[:, None, None], np.eye(corners.shape[2]), edges)
    centre = corners[:, 0] + np.linalg.solve(edges, half[..., None])[..., 0]
    return np.where(flat[:, None], np.nan, centre)


def _orthoschemes(corners: FloatArray, centre: FloatArray) -> FloatArray:
    """Return what each simplex adds to the cell of its first corner, in this order of corners."""
    d = corners.shape[2]
    start = corners[:, 0]
    steps = [0.5 * (corners[:, 1] - start)]
    if d == 3:
        steps.append(_face_circumcentres(corners[:, :3]) - start)
    steps.append(centre - start)
    volume = np.linalg.det(np.stack(steps, axis=1)) / math.factorial(d)
    turned = np.sign(np.linalg.det(corners[:, 1:] - start[:, None]))
    added: FloatArray = np.nan_to_num(volume * turned)
    return added


def _face_circumcentres(corners: FloatArray) -> FloatArray:
    """Return the circumcentres of triangles in space, of shape (m, 3, 3)."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(a, b)
    square = np.square(normal).sum(axis=1, keepdims=True)
    a2, b2 = (np.square(one).sum(axis=1, keepdims=True) for one in (a, b))
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = np.cross(a2 * b - b2 * a, normal) / (2 * square)
    centre: FloatArray = corners[:, 0] + offset
    return centre


def _clipped(
    positions: FloatArray, pairs: IntArray, wanted: IntArray, window: shapely.Geometry
) -> FloatArray:
    """Return the areas of some cells within a window, cut by one bisector after the other."""
    is_wanted = np.zeros(len(positions), dtype=bool)
    is_wanted[wanted] = True
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[is_wanted[both[:, 0]]]
    both = both[np.argsort(both[:, 0], kind="stable")]
    count = np.bincount(both[:, 0], minlength=len(positions))[wanted]
    start = np.cumsum(count) - count
    cell = np.full(len(wanted), window, dtype=object)
    bounds = shapely.bounds(window)
    reach = 4 * float(np.hypot(*np.subtract(bounds[2:], bounds[:2])))
    reach += 4 * float(np.abs(positions).max())
    for turn in range(int(count.max(initial=0))):
        of = np.flatnonzero(count > turn)
        here, there = positions[both[start[of] + turn]].transpose(1, 0, 2)
        cell[of] = shapely.intersection(cell[of], _half_planes(here, there, reach))
    return shapely.area(cell)


def _half_planes(here: FloatArray, there: FloatArray, reach: float) -> npt.NDArray[np.object_]:
    """Return, as large squares, what is nearer to one position than to another."""
    middle = (here + there) / 2
    along = there - here
    along /= np.hypot(*along.T)[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    low, high = middle - reach * across, middle + reach * across
    corners = np.stack([low, high, high - reach * along, low - reach * along, low], axis=1)
    return np.asarray(shapely.polygons(corners))
