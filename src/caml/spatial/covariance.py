"""The set covariance of a region: how much of it is left where it is laid over itself, moved."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely

from caml._arrays import FloatArray
from caml._window import edges
from caml.errors import InputError
from caml.localizations import Region

__all__ = ["set_covariance"]

# Radii at which a polygon's is computed; a cubic spline between them is right to 1e-6 of the area.
N_NODES = 129
# The border is cut into at least so many pieces, of six nodes each; three where edges are as many
# as pieces, and shorter than what changes along them.
N_PIECES = 128
# Regions that were traced along pixels have thousands of corners, one per step. Beyond this many
# they are simplified, by a thousandth of their size, and scaled to the area that they had.
MOST_CORNERS = 1_000
SIMPLER_BY = 1e-3
# Values that are held at once: 16 MB each.
CHUNK = 1 << 21


def set_covariance(region: Region, radius_nm: npt.ArrayLike) -> FloatArray:
    """Measure how much of a region overlaps itself, moved so far; the mean over all directions.

    Parameters
    ----------
    region : Region
        The region.
    radius_nm : array-like of shape (n_radii,), nm
        How far it is moved.

    Returns
    -------
    ndarray of shape (n_radii,), nm²
        The mean area of the overlap.

    Raises
    ------
    InputError
        If a distance is negative or not finite.

    Notes
    -----
    γ̄(r) = 1/2π ∫ |W ∩ (W + r·u(θ))| dθ, the isotropized set covariance (Ohser & Stoyan 1981;
    Illian et al. 2008, section 4.2 and appendix B). For a rectangle of sides a and b that is, with
    α = arccos(min(1, a/r)) and β = arcsin(min(1, b/r)),

    2/π · [ab·θ + a·r·cos θ − b·r·sin θ + r²/2·sin² θ] from α to β, or 0 where α ≥ β.

    For any polygon, by Green's theorem twice, A − 1/2π ∬ n·n′ log⁺(r/|x − x′|) ds ds′ over its
    border with the normals n: in closed form along one edge, and by Gauss's rule along the other.

    Examples
    --------
    >>> square = Region.rectangle(0, 0, 100, 100)
    >>> set_covariance(square, [0, 50]).round().tolist()  # 100² − 4·100·50/π + 50²/π
    [10000.0, 4430.0]
    """
    radii = np.asarray(radius_nm, dtype=np.float64)
    if not (np.isfinite(radii) & (radii >= 0)).all():
        raise InputError("distances must be finite numbers of nm, 0 or above")
    sides = _rectangle(region.polygon)
    if sides is not None:
        return _of_rectangle(*sides, radii)
    if radii.size <= N_NODES:
        return _of_polygon(region.polygon, radii.ravel()).reshape(radii.shape)
    from scipy.interpolate import CubicSpline

    nodes = np.linspace(0, radii.max(), N_NODES)
    found = CubicSpline(nodes, _of_polygon(region.polygon, nodes))(radii)
    return np.maximum(np.asarray(found), 0.0)


def _rectangle(polygon: shapely.Polygon | shapely.MultiPolygon) -> tuple[float, float] | None:
    """Return the sides of a rectangle, however it is turned; None of any other polygon."""
    around = polygon.minimum_rotated_rectangle
    # Corners far from nought are rounded.
    if around.geom_type != "Polygon" or polygon.area < around.area * (1 - 1e-9):
        return None
    corners = shapely.get_coordinates(around)
    a, b = (float(np.linalg.norm(corners[i + 1] - corners[i])) for i in (0, 1))
    return a, b


def _of_rectangle(a: float, b: float, radii: FloatArray) -> FloatArray:
    """Measure that of a rectangle."""
    r = np.maximum(radii, 1e-12 * min(a, b))
    low, high = np.arccos(np.minimum(1, a / r)), np.arcsin(np.minimum(1, b / r))

    def integral(angle: FloatArray) -> FloatArray:
        sine, cosine = np.sin(angle), np.cos(angle)
        return np.asarray(
            a * b * angle + a * r * cosine - b * r * sine + r**2 / 2 * sine**2, dtype=np.float64
        )

    return np.where(low < high, 2 / np.pi * (integral(high) - integral(low)), 0.0)


def _of_polygon(polygon: shapely.Polygon | shapely.MultiPolygon, radii: FloatArray) -> FloatArray:
    """Measure that of any polygon, at every radius."""
    area = polygon.area
    scale = 1.0
    if shapely.get_num_coordinates(polygon) > MOST_CORNERS:
        polygon = Region(shapely.simplify(polygon, SIMPLER_BY * np.sqrt(area))).polygon
        scale = area / polygon.area
        area = polygon.area
    start, end = edges(polygon)
    # Near nought, so that a region far from it loses no digits.
    centre = start.mean(axis=0)
    start, end = start - centre, end - centre
    node, along, weight = _nodes(start, end)
    length = np.linalg.norm(end - start, axis=1)
    tangent = (end - start) / length[:, None]
    total = np.zeros(len(radii))
    furthest = float(radii.max(initial=0.0))
    size = max(1, CHUNK // len(start))
    for first in range(0, len(node), size):
        part = slice(first, first + size)
        away = node[part, None] - start[None]
        foot = (away * tangent).sum(axis=2)
        distance = np.abs(away[..., 0] * tangent[:, 1] - away[..., 1] * tangent[:, 0])
        beyond = np.maximum(np.maximum(-foot, foot - length), 0)
        # Of pairs further apart than any radius there is nothing to add, and most are.
        i, j = np.nonzero(np.hypot(beyond, distance) < furthest)
        cosine = (along[part][i] * tangent[j]).sum(axis=1) * weight[part][i]
        low, high = -foot[i, j], length[j] - foot[i, j]
        for k, radius in enumerate(radii):
            if radius > 0:
                total[k] += cosine @ _log_potential(radius, distance[i, j], low, high)
    return np.asarray(np.maximum(area - total / (2 * np.pi), 0.0) * scale)


def _log_potential(
    radius: float, distance: FloatArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Integrate log⁺(radius/√(distance² + t²)) over t from low to high."""
    reach = np.sqrt(np.maximum(radius**2 - distance**2, 0))
    from_, to = np.clip(low, -reach, reach), np.clip(high, -reach, reach)

    def integral(t: FloatArray) -> FloatArray:
        squared = t**2 + distance**2
        logarithm = np.log(np.where(squared > 0, squared, 1.0))
        angle = distance * np.arctan2(t, distance)
        return np.asarray(t * (np.log(radius) + 1 - logarithm / 2) - angle)

    return integral(to) - integral(from_)


def _nodes(start: FloatArray, end: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Place the nodes of Gauss's rule on a border: where, in which direction, with which weight."""
    length = np.linalg.norm(end - start, axis=1)
    n_pieces = np.ceil(length / (length.sum() / N_PIECES)).astype(np.int64)
    inner, shares = np.polynomial.legendre.leggauss(3 if len(start) > N_PIECES else 6)
    where, along, weight = [], [], []
    for a, b, n in zip(start, end, n_pieces, strict=True):
        # Closer at the corners, where what is integrated is steepest.
        cuts = (1 - np.cos(np.linspace(0, np.pi, n + 1))) / 2
        for low, high in pairwise(cuts):
            at = (low + high) / 2 + (high - low) / 2 * inner
            where.append(a + at[:, None] * (b - a))
            weight.append(shares * (high - low) / 2 * np.linalg.norm(b - a))
            along.append(np.broadcast_to((b - a) / np.linalg.norm(b - a), (len(at), 2)))
    return np.concatenate(where), np.concatenate(along), np.concatenate(weight)
