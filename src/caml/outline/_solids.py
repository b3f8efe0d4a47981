"""Unions of balls as voxels, one cluster at a time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from caml._arrays import FloatArray, IntArray
from caml._chain import SMALLEST

__all__ = ["MAX_VOXELS", "solid_parts"]


# Voxels along ε: finer ones change volumes little and take time with the third power.
VOXELS_PER_EPSILON = 4

# What bounds the memory and the time that one cluster takes.
MAX_VOXELS = 2_000_000

# Touching pairs looked at together: a dense core in a sparse cluster has nearly all of its own.
PAIRS = 2_000_000


def solid_parts(positions: FloatArray, epsilon: float) -> tuple[IntArray, FloatArray, float]:
    """Unite the balls of one cluster, erode them, and take them apart.

    Parameters
    ----------
    positions : ndarray of shape (n, 3), nm
        The cluster's members; distinct.
    epsilon : float
        Radius 2ε of the balls, depth ε of the erosion, nm.

    Returns
    -------
    part : ndarray of shape (n,)
        Which part each member lies in, from 0.
    volumes_nm3 : ndarray of shape (n_parts,)
        The volume of each part, nm³. Unmeasured, 0, where fewer than three balls touch one another
        and no others: that part is no cluster.
    coarsening : float
        How many times as wide as wanted the widest voxels were; 1 where none had to be wider.

    Notes
    -----
    Balls that touch, with centres within 4ε, are drawn together, apart from all others: the voxels
    of a common grid would have to be wide in a sparse cluster, and make its volume too large.
    """
    together = _touching(positions, 4 * epsilon)
    part = np.empty(len(positions), dtype=np.int64)
    volumes: list[FloatArray] = []
    n_parts, coarsening = 0, 1.0
    order = np.argsort(together, kind="stable")
    ends = np.cumsum(np.bincount(together))
    for members in np.split(order, ends[:-1]):
        own: IntArray = np.zeros(len(members), dtype=np.int64)
        volume: FloatArray = np.zeros(1)
        if len(members) >= SMALLEST:
            own, volume, voxel = _voxelised(positions[members], epsilon)
            coarsening = max(coarsening, voxel * VOXELS_PER_EPSILON / epsilon)
        part[members] = n_parts + own
        volumes.append(volume)
        n_parts += len(volume)
    return part, np.concatenate(volumes), coarsening


def _touching(positions: FloatArray, reach: float) -> IntArray:
    """Give positions that hang together by steps of at most this reach the same number."""
    n = len(positions)
    tree = cKDTree(positions)
    n_pairs = np.cumsum(tree.query_ball_point(positions, reach, return_length=True))
    cuts = np.searchsorted(n_pairs, np.arange(PAIRS, n_pairs[-1], PAIRS))
    blocks = np.unique(np.concatenate(([0], cuts, [n]))).astype(np.int64)
    together: IntArray = np.arange(n)
    for start, stop in pairwise(blocks):
        near = cKDTree(positions[start:stop]).sparse_distance_matrix(
            tree, reach, output_type="ndarray"
        )
        graph = coo_matrix(
            (np.ones(len(near), dtype=np.int8), (together[near["i"] + start], together[near["j"]])),
            shape=(n, n),
        )
        together = connected_components(graph, directed=False)[1][together]
    # Numbers from 0 without a gap: joined ones leave theirs free.
    numbered: IntArray = np.unique(together, return_inverse=True)[1]
    return numbered


def _voxelised(positions: FloatArray, epsilon: float) -> tuple[IntArray, FloatArray, float]:
    """Unite, erode and take apart what hangs together; return the voxel's side, nm, too.

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
    # Without taking the excess off, the voxels' corners make volumes too large.
    solid = inside - (distance[tuple(outer)] - 2 * reach) > reach
    _fill_cavities(solid, 4 / 3 * np.pi * (2 * reach) ** 3)
    labels, _ = ndimage.label(solid, structure=np.ones((3, 3, 3)))
    n_voxels = np.bincount(labels.ravel())
    # A part without a member, which only rounding could make, is left out here.
    kept, part = np.unique(labels[index], return_inverse=True)
    return part, n_voxels[kept] * voxel**3, voxel


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
