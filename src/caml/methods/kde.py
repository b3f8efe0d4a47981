"""Kernel density estimation: what is denser than chance, and connected, is a cluster."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from caml._arrays import FloatArray, IntArray
from caml._cost import check_cost, check_count, check_length
from caml._window import why_no_size
from caml.errors import InputError
from caml.localizations import Localizations
from caml.methods._chance import chance_count
from caml.methods._points import CannotTellError, Points, points_of
from caml.neighbours import NeighbourSearch
from caml.segment import Segmentation

__all__ = ["kde", "suggest_bandwidth"]

# The kernel's standard deviation has so many pixels.
PIXELS_PER_BANDWIDTH = 2
# Three grids: counts, densities, components.
BYTES_PER_PIXEL = 20
SECONDS_PER_PIXEL = 2e-7
# Bandwidths that are compared, in units of the median distance to the nearest neighbour.
CANDIDATES = np.geomspace(0.25, 10, 50)
N_BINS = 1_000
# Localizations whose distances to all others tell the bandwidth: enough for an error of a few per
# cent, and the time does not grow with the square of their number.
N_SAMPLED = 2_000
# Beyond so many standard deviations a Gaussian is nothing.
REACH = 5.0


def kde(
    localizations: Localizations | npt.ArrayLike,
    *,
    bandwidth_nm: float | None = None,
    density_factor: float | None = None,
    min_localizations: int = 3,
) -> Segmentation:
    """Find clusters by kernel density estimation on a grid.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look.
    bandwidth_nm : float, optional
        Standard deviation of the Gaussian kernel, nm; `suggest_bandwidth` by default.
    density_factor : float, optional
        How many times the average density is dense; by default more than chance gives.
    min_localizations : int, default 3
        Clusters of fewer are none.

    Returns
    -------
    Segmentation
        Clusters, without outlines.

    Raises
    ------
    InputError
        If a parameter is out of its range, or the grid does not fit in memory.

    Notes
    -----
    Rosenblatt 1956, Parzen 1962; as in the comparison of Nieves et al. 2023, the density is
    rendered (pixels of half the bandwidth), compared with a threshold, and its connected parts
    (also across corners) are the clusters. The default threshold is the density that 4πh² (in 3D:
    (4π)^1.5 h³), whose counts vary as the estimate does, would exceed anywhere in an image of
    complete spatial randomness with a chance of 1 %.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> blobs = [rng.normal(centre, 5, (30, 2)) for centre in (0, 500)]
    >>> kde(np.vstack([*blobs, rng.uniform(-100, 600, (60, 2))]), bandwidth_nm=10).n_clusters
    2
    """
    points = points_of(localizations, "kernel density estimation")
    check_count(min_localizations=min_localizations)
    if density_factor is not None and not (np.isfinite(density_factor) and density_factor > 0):
        raise InputError(f"density_factor must be a number above 0, got {density_factor:g}")
    if bandwidth_nm is not None:
        check_length(bandwidth_nm=bandwidth_nm)
    try:
        bandwidth_nm = bandwidth_nm or suggest_bandwidth(points.positions)
    except CannotTellError as why:
        return points.nothing("kde", why)
    if points.size == 0:
        why_not = why_no_size(points.positions, points.region)
        return points.nothing(f"kde, bandwidth {bandwidth_nm:.4g} nm", why_not)
    average = len(points) / points.size
    if density_factor is None:
        window = (4 * math.pi) ** (points.n_dimensions / 2) * bandwidth_nm**points.n_dimensions
        density_factor = max(chance_count(points, window), 1) / (window * average)
    made_by = f"kde, bandwidth {bandwidth_nm:.4g} nm, density_factor {density_factor:.4g}"
    ids = _components(points, bandwidth_nm, density_factor * average)
    count = np.bincount(ids + 1)
    small = count < min_localizations
    return points.segmentation(np.where(small[ids + 1], -1, ids), made_by)


def suggest_bandwidth(localizations: Localizations | npt.ArrayLike) -> float:
    """Suggest a bandwidth: that of the least integrated squared error, cross-validated.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Whose density is to be estimated.

    Returns
    -------
    float
        The standard deviation of a Gaussian kernel, nm.

    Raises
    ------
    InputError
        If there are fewer than three different positions.

    Notes
    -----
    Rudemo 1982, Bowman 1984: least-squares cross-validation, which for Gaussian kernels needs no
    more than how many pairs are how far apart.

    Examples
    --------
    >>> import numpy as np
    >>> disc = np.random.default_rng(0).normal(0, 100, (2000, 2))
    >>> 20 < suggest_bandwidth(disc) < 60
    True
    """
    from scipy.spatial import cKDTree

    points = points_of(localizations, "kernel density estimation")
    search = NeighbourSearch(points.positions)
    if len(search) < 3:
        raise CannotTellError(
            f"a bandwidth is told from at least three different positions, got {len(search)}: give "
            "bandwidth_nm"
        )
    # Twins say nothing of the density: with them no bandwidth would be the best one.
    tree = cKDTree(search.positions)
    sampled = search.positions[:: -(-len(search) // N_SAMPLED)]
    nearest = np.asarray(tree.query(sampled, k=2)[0])[:, 1]
    bandwidths = CANDIDATES * float(np.median(nearest))
    edges = np.linspace(0, math.sqrt(2) * REACH * bandwidths[-1], N_BINS + 1)
    # Bins grow with the distance: small bandwidths need small ones.
    edges = edges**2 / edges[-1]
    # Itself, at no distance, lies below the first bin.
    n_pairs = np.diff(cKDTree(sampled).count_neighbors(tree, edges).astype(np.float64))
    n_pairs *= len(search) / len(sampled)
    distance = (edges[1:] + edges[:-1]) / 2
    scores = [_cross_validated(h, distance, n_pairs, search) for h in bandwidths]
    return float(bandwidths[int(np.argmin(scores))])


def _cross_validated(
    bandwidth: float, distance: FloatArray, n_pairs: FloatArray, search: NeighbourSearch
) -> float:
    """Estimate the integrated squared error, but for what does not depend on the bandwidth."""
    n, d = search.positions.shape

    def kernel(deviation: float, at: FloatArray | float) -> FloatArray:
        height = (2 * math.pi * deviation**2) ** (-d / 2)
        return np.asarray(height * np.exp(-0.5 * np.square(at / deviation)))

    wide = math.sqrt(2) * bandwidth
    square = (n * kernel(wide, 0.0) + (n_pairs * kernel(wide, distance)).sum()) / n**2
    cross = (n_pairs * kernel(bandwidth, distance)).sum() / (n * (n - 1))
    return float(square - 2 * cross)


def _components(points: Points, bandwidth_nm: float, threshold: float) -> IntArray:
    """Return the connected dense part that each localization lies in, −1 for none."""
    from scipy import ndimage

    pixel = bandwidth_nm / PIXELS_PER_BANDWIDTH
    low = points.positions.min(axis=0)
    shape = (np.ptp(points.positions, axis=0) // pixel).astype(np.int64) + 1
    n_pixels = float(np.prod(shape.astype(np.float64)))
    check_cost(
        "kernel density estimation with this bandwidth",
        len(points),
        n_bytes=n_pixels * BYTES_PER_PIXEL,
        seconds=n_pixels * SECONDS_PER_PIXEL,
    )
    at = tuple(((points.positions - low) // pixel).astype(np.int64).T)
    counts = np.zeros(shape)
    np.add.at(counts, at, 1)
    density = ndimage.gaussian_filter(counts, PIXELS_PER_BANDWIDTH, mode="constant")
    dense = density >= threshold * pixel**points.n_dimensions
    parts, _ = ndimage.label(dense, structure=np.ones((3,) * points.n_dimensions))
    return np.asarray(parts[at], dtype=np.int64) - 1
