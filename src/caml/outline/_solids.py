"""Unions of balls as voxels, one cluster at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["solid_parts"]

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]

# Voxels along ε. Volumes are then right to 1 % for lone balls and dense clusters, and 3 to 7 % too
# large for 17 localizations, against 16 voxels along ε.
VOXELS_PER_EPSILON = 4

# 2 million voxels take about 100 MB and a second.
MAX_VOXELS = 2_000_000


def solid_parts(positions: FloatArray, epsilon: float) -> tuple[IntArray, FloatArray]:
    """Unite the balls of one cluster, erode them, and take them apart.

    Parameters
    ----------
    positions : ndarray of shape (n, 3), nm
        The cluster's members.
    epsilon : float
        Radius 2ε of the balls, depth ε of the erosion, nm.

    Returns
    -------
    part : ndarray of shape (n,)
        Which part each member lies in, from 0.
    volumes_nm3 : ndarray of shape (n_parts,)
        The volume of each part, nm³.

    Notes
    -----
    Balls are drawn around the voxels that hold members, by Euclidean distance transform. A voxel
    stays if the surface of their union is further than ε: as far as its nearest voxel outside, less
    what that one's own distance to the members exceeds 2ε by. Parts are connected through faces,
    edges or corners; cavities smaller than one ball of radius 2ε are filled.
    """
    low = positions.min(axis=0)
    extent = positions.max(axis=0) - low
    voxel = _voxel(extent, epsilon)
    reach = epsilon / voxel
    margin = _margin(epsilon, voxel)
    index = tuple((np.rint((positions - low) / voxel).astype(np.int64) + margin).T)
    empty = np.ones(_shape(extent, epsilon, voxel), dtype=bool)
    empty[index] = False
    distance = ndimage.distance_transform_edt(empty)
    inside, outer = ndimage.distance_transform_edt(distance <= 2 * reach, return_indices=True)
    # Without taking the excess off, the voxels' corners make volumes 3 to 13 % too large.
    solid = inside - (distance[tuple(outer)] - 2 * reach) > reach
    _fill_cavities(solid, 4 / 3 * np.pi * (2 * reach) ** 3)
    labels, _ = ndimage.label(solid, structure=np.ones((3, 3, 3)))
    n_voxels = np.bincount(labels.ravel())
    # A part without a member, which only rounding could make, is left out here.
    kept, part = np.unique(labels[index], return_inverse=True)
    return part, n_voxels[kept] * voxel**3


def _margin(epsilon: float, voxel: float) -> int:
    """Count the voxels around the members: room for the balls, and one that stays empty."""
    return int(np.ceil(2 * epsilon / voxel)) + 2


def _shape(extent: FloatArray, epsilon: float, voxel: float) -> tuple[int, ...]:
    """Size the grid."""
    n = np.ceil(extent / voxel).astype(np.int64) + 1 + 2 * _margin(epsilon, voxel)
    return tuple(int(side) for side in n)


def _voxel(extent: FloatArray, epsilon: float) -> float:
    """Choose the voxel's side: a part of ε, or as fine as the limit on voxels lets it be."""
    voxel = epsilon / VOXELS_PER_EPSILON
    # In floating point: a wide and sparse cluster could have more voxels than an integer counts.
    while (n := float(np.prod(np.asarray(extent / voxel + 8 + 4 * epsilon / voxel)))) > MAX_VOXELS:
        voxel *= max((n / MAX_VOXELS) ** (1 / 3), 1.01)
    return voxel


def _fill_cavities(solid: npt.NDArray[np.bool_], smallest: float) -> None:
    """Fill, in place, what is enclosed and has fewer voxels than the smallest cavity."""
    holes, n_holes = ndimage.label(~solid)
    if n_holes > 1:
        small = np.bincount(holes.ravel()) < smallest
        # 0 is the solid; the corner of the grid is outside.
        small[[0, holes[0, 0, 0]]] = False
        solid |= small[holes]
