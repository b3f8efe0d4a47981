"""FOCAL: clusters of pixels around which many localizations lie."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from caml._arrays import BoolArray, IntArray
from caml._cost import check_cost, check_count, check_length
from caml.errors import InputError
from caml.localizations import Localizations
from caml.methods._chance import chance_count
from caml.methods._points import points_of
from caml.segment import Segmentation

__all__ = ["focal"]

# Where uncertainties are not known.
USUAL_UNCERTAINTY_NM = 20.0
# Two localizations are a pair, wherever they lie.
FEWEST = 3
# Keys of pixels are whole numbers of 64 bits.
MOST_PIXELS = 2.0**62
# Of each pixel with localizations, for each of those around it with each of theirs.
BYTES = 33
SECONDS = 2.5e-7


def focal(
    localizations: Localizations | npt.ArrayLike,
    *,
    grid_nm: float | None = None,
    min_l: int | None = None,
    min_pixels: int | None = None,
) -> Segmentation:
    """Find clusters by FOCAL, the fast optimized cluster algorithm for localizations.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look.
    grid_nm : float, optional
        Side of a pixel, nm; by default the median uncertainty of the localizations, 20 nm where
        that is not known.
    min_l : int, optional
        How many localizations in the 3 × 3 pixels (3D: 27 voxels) around it make a pixel the core
        of a cluster; by default more than chance gives.
    min_pixels : int, optional
        Clusters of fewer pixels are none; by default as many as one window has, 9 or 27.

    Returns
    -------
    Segmentation
        Clusters, without outlines.

    Raises
    ------
    InputError
        If a parameter is out of its range, the pixels are too small to be counted, or they do
        not fit in memory.

    Notes
    -----
    Mazouchi and Milstein 2016; in 3D Nino et al. 2020. Pixels that are no cores but hold
    localizations and touch one belong to the cluster of the densest core that they touch. Its
    authors look for the min_l from which on the localization uncertainty, told from localizations
    in consecutive frames (Endesfelder et al. 2014), no longer falls (their program: an exponential
    with settings that are adjusted by eye); that takes the frames of every blink, which
    many tables no longer have. Here the default is the count that any window of an image of
    complete spatial randomness exceeds with a chance of 1 %. Their program, of 2015, has
    `grid_nm` 10, `min_pixels` 10, and joins pixels along their sides only; here it is across
    corners, too. Only pixels near localizations are kept, so that memory grows with their number.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> blobs = [rng.normal(centre, 15, (60, 2)) for centre in (0, 500)]
    >>> focal(np.vstack(blobs), grid_nm=10, min_l=4).n_clusters
    2
    """
    points = points_of(localizations, "FOCAL")
    grid_nm = _usual(localizations) if grid_nm is None else grid_nm
    check_length(grid_nm=grid_nm)
    window = 3**points.n_dimensions
    if min_l is None:
        by_chance = chance_count(points, window * grid_nm**points.n_dimensions)
        min_l = max(by_chance + 1, FEWEST)
    min_pixels = window if min_pixels is None else min_pixels
    check_count(min_l=min_l, min_pixels=min_pixels)
    made_by = f"focal, grid {grid_nm:.4g} nm, min_l {min_l}, min_pixels {min_pixels}"
    if len(points) == 0:
        return points.nothing(made_by, "there are no localizations")
    index = np.floor((points.positions - points.positions.min(axis=0)) / grid_nm)
    # Two empty pixels around all, so that neighbours never wrap around.
    shape = index.max(axis=0) + 5
    if shape.prod() > MOST_PIXELS:
        raise InputError(f"grid_nm {grid_nm:g} makes more pixels than can be counted: take more")
    strides = np.array([int(np.prod(shape[axis + 1 :])) for axis in range(points.n_dimensions)])
    keys = (index.astype(np.int64) + 2) @ strides
    around = np.array(list(product((-1, 0, 1), repeat=points.n_dimensions))) @ strides
    occupied = len(np.unique(keys))
    check_cost(
        "FOCAL",
        len(points),
        n_bytes=occupied * window**2 * BYTES,
        seconds=occupied * window**2 * SECONDS,
        remedy="choose larger pixels, or analyse regions of it",
    )
    pixels, ids = _clusters(keys, around, min_l)
    count = np.bincount(ids + 1)
    ids = np.where(count[ids + 1] < min_pixels, -1, ids)
    return points.segmentation(ids[np.searchsorted(pixels, keys)], made_by)


def _usual(localizations: Localizations | npt.ArrayLike) -> float:
    """Return the median uncertainty, or what is usual."""
    if isinstance(localizations, Localizations) and localizations.uncertainty_nm is not None:
        known = localizations.uncertainty_nm[localizations.uncertainty_nm > 0]
        known = known[np.isfinite(known)]
        if len(known):
            return float(np.median(known))
    return USUAL_UNCERTAINTY_NM


def _clusters(keys: IntArray, around: IntArray, min_l: int) -> tuple[IntArray, IntArray]:
    """Return the pixels near localizations, ascending, and the cluster of each, −1 for none."""
    occupied, n_in = np.unique(keys, return_counts=True)
    pixels = np.unique(np.concatenate([occupied + step for step in around]))
    own = np.zeros(len(pixels), dtype=np.int64)
    own[np.searchsorted(pixels, occupied)] = n_in
    density = np.zeros(len(pixels), dtype=np.int64)
    for step in around:
        found, at = _look_up(pixels, pixels + step)
        density[found] += own[at]
    core = density >= min_l
    links = []
    border = np.full(len(pixels), -1)
    best = np.zeros(len(pixels), dtype=np.int64)
    for step in around:
        found, at = _look_up(pixels, pixels + step)
        linked = core[found] & core[at]
        links.append((found[linked], at[linked]))
        touches = ~core[found] & (own[found] > 0) & core[at] & (density[at] > best[found])
        border[found[touches]], best[found[touches]] = at[touches], density[at[touches]]
    first, second = (np.concatenate(ends) for ends in zip(*links, strict=True))
    graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(len(pixels),) * 2)
    component = connected_components(graph, directed=False)[1]
    ids = np.where(core, component, np.where(border >= 0, component[border], -1))
    return pixels, ids.astype(np.int64)


def _look_up(pixels: IntArray, wanted: IntArray) -> tuple[IntArray, IntArray]:
    """Return which of the wanted pixels there are, and where."""
    at = np.minimum(np.searchsorted(pixels, wanted), len(pixels) - 1)
    there: BoolArray = pixels[at] == wanted
    return np.flatnonzero(there), at[there]
