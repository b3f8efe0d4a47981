"""The outline of a cell, and positions drawn evenly inside a polygon."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from scipy.interpolate import CubicSpline

from caml.errors import ScenarioError

__all__ = ["Waves", "blob", "cell_outline", "uniform_in"]

N_VERTICES = 50
POINTS_PER_VERTEX = 20
N_WAVES = 6


def cell_outline(field_nm: float, generator: np.random.Generator) -> shapely.Polygon:
    """Draw the outline of a cell in the middle of its field of view.

    Parameters
    ----------
    field_nm : float
        Side of the square field, nm.
    generator : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    shapely.Polygon
        The outline, nm.

    Notes
    -----
    50 vertices at equal angles, at ``field/4 + U(0, 1)·field/10`` from the centre, joined by a
    periodic interpolating spline of 20 points per vertex.
    """
    radii = field_nm / 4 + generator.random(N_VERTICES) * field_nm / 10
    return blob(radii, field_nm / 2)


def blob(radii: npt.NDArray[np.float64], centre_nm: float) -> shapely.Polygon:
    """Return the smooth closed outline through vertices at equal angles around a centre.

    Parameters
    ----------
    radii : ndarray of shape (n_vertices,), nm
        Distance of each vertex from the centre.
    centre_nm : float
        x and y of the centre, nm.

    Returns
    -------
    shapely.Polygon
        The outline, repaired where the spline crosses itself.
    """
    turn = np.linspace(0, 2 * np.pi, len(radii) + 1)
    knots = centre_nm + np.append(radii, radii[0])[:, None] * np.column_stack(
        (np.cos(turn), np.sin(turn))
    )
    knots[-1] = knots[0]
    spline = CubicSpline(turn, knots, bc_type="periodic")
    steps = np.linspace(0, 2 * np.pi, len(radii) * POINTS_PER_VERTEX, endpoint=False)
    polygon = shapely.Polygon(spline(steps))
    return polygon if polygon.is_valid else _largest(shapely.make_valid(polygon))


def uniform_in(
    polygon: shapely.geometry.base.BaseGeometry, n: int, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw positions evenly inside a polygon.

    Parameters
    ----------
    polygon : shapely.Polygon or shapely.MultiPolygon
        Where, nm.
    n : int
        How many.
    generator : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    ndarray of shape (n, 2), nm
        The positions.

    Raises
    ------
    ScenarioError
        If the polygon has no area.
    """
    if n == 0:
        return np.empty((0, 2))
    if not polygon.area > 0:
        raise ScenarioError(
            "there is no room in the cell for what was asked: use a larger field_um or smaller "
            "clusters"
        )
    shapely.prepare(polygon)
    x_min, y_min, x_max, y_max = polygon.bounds
    share = polygon.area / ((x_max - x_min) * (y_max - y_min))
    found: list[npt.NDArray[Any]] = []
    missing = n
    while missing > 0:
        draw = generator.random((int(1.1 * missing / share) + 16, 2))
        draw *= (x_max - x_min, y_max - y_min)
        draw += (x_min, y_min)
        inside = draw[shapely.contains_xy(polygon, draw[:, 0], draw[:, 1])][:missing]
        found.append(inside)
        missing -= len(inside)
    return np.concatenate(found)


class Waves:
    """A smooth pattern over the field: plane waves of random direction, length and phase.

    Parameters
    ----------
    field_nm : float
        Side of the square field, nm; the waves are a tenth to a third of it long.
    generator : numpy.random.Generator
        Where chance comes from.
    """

    def __init__(self, field_nm: float, generator: np.random.Generator) -> None:
        turn = generator.uniform(0, 2 * np.pi, N_WAVES)
        length = generator.uniform(field_nm / 10, field_nm / 3, N_WAVES)
        self._vectors = 2 * np.pi / length * np.stack((np.cos(turn), np.sin(turn)))
        self._phases = generator.uniform(0, 2 * np.pi, N_WAVES)

    def height(self, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the pattern at some positions.

        Parameters
        ----------
        positions : ndarray of shape (n, 2 or 3), nm
            Where; z is not looked at.

        Returns
        -------
        ndarray of shape (n,)
            From −1 to 1, as often below 0 as above.
        """
        waves = np.cos(positions[:, :2] @ self._vectors + self._phases).mean(axis=1)
        # The mean of so many waves hardly reaches ±1: raised until high and low ground are common.
        height: npt.NDArray[np.float64] = np.tanh(4 * waves)
        return height


def _largest(geometry: shapely.geometry.base.BaseGeometry) -> shapely.Polygon:
    parts = shapely.get_parts(geometry)
    part: shapely.Polygon = parts[np.argmax(shapely.area(parts))]
    return part
