"""Outlines that cross themselves, repaired where that does not take too much."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from caml._arrays import FloatArray, IntArray
from caml.errors import RegionError

__all__ = ["repaired"]

# Every crossing becomes a corner of what is repaired: random corners make millions of them.
MOST_CROSSINGS = 1_000
# Edges at a time, and pairs of edges that are near each other, after which it is given up.
N_EDGES = 64
MOST_PAIRS = 10_000_000


def repaired(polygon: BaseGeometry, name: str) -> BaseGeometry:
    """Make an outline one that does not cross itself.

    Parameters
    ----------
    polygon : shapely geometry
        Of any outline.
    name : str
        What it is called, in the message.

    Returns
    -------
    shapely geometry
        The same area, possibly in several parts.

    Raises
    ------
    RegionError
        If it crosses itself so often that this would take all memory.

    Examples
    --------
    >>> repaired(shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), "bow tie").area
    0.5
    """
    if polygon.is_valid:
        return polygon
    if _is_tangled(polygon):
        raise RegionError(
            f"region {name!r} crosses itself more than {MOST_CROSSINGS:,} times: draw an outline "
            "that does not"
        )
    valid: BaseGeometry = shapely.make_valid(polygon)
    return valid


def _is_tangled(polygon: BaseGeometry) -> bool:
    """Tell whether an outline crosses itself too often, without looking for all places."""
    rings = [
        np.stack([xy[:-1], xy[1:]], axis=1)
        for ring in shapely.get_rings(shapely.get_parts(polygon))
        if len(xy := shapely.get_coordinates(ring)) > 1
    ]
    if not rings:
        return False
    edges = np.concatenate(rings)
    boxes = shapely.box(*edges.min(axis=1).T, *edges.max(axis=1).T)
    tree = shapely.STRtree(boxes)
    n_pairs = n_crossings = 0
    for start in range(0, len(edges), N_EDGES):
        first, second = tree.query(boxes[start : start + N_EDGES])
        first += start
        n_pairs += len(first)
        once = first < second
        n_crossings += _n_crossings(edges, first[once], second[once])
        if n_crossings > MOST_CROSSINGS or n_pairs > MOST_PAIRS:
            return True
    return False


def _n_crossings(edges: FloatArray, first: IntArray, second: IntArray) -> int:
    """Count the pairs of edges that cross, not those that only touch."""
    (a, b), (c, d) = edges[first].swapaxes(0, 1), edges[second].swapaxes(0, 1)
    apart = _side(a, b, c) * _side(a, b, d) < 0
    return int((apart & (_side(c, d, a) * _side(c, d, b) < 0)).sum())


def _side(a: FloatArray, b: FloatArray, at: FloatArray) -> FloatArray:
    """Tell on which side of the line from a to b something lies, by the sign."""
    with np.errstate(over="ignore", invalid="ignore"):  # no positions, which is told later
        along, there = b - a, at - a
        side: FloatArray = np.sign(along[:, 0] * there[:, 1] - along[:, 1] * there[:, 0])
    return side
