"""Getis and Franklin's local point pattern analysis: how dense it is around each localization."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from caml._arrays import FloatArray, IntArray
from caml._cost import check_cost, check_count, check_length, estimated_pairs
from caml._geometry import unit_ball
from caml.errors import InputError
from caml.localizations import Localizations, Region, as_positions
from caml.methods._points import CannotTellError, Points, points_of
from caml.methods._window import Window, inside
from caml.segment import Segmentation

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

__all__ = [
    "from_counts",
    "getis_franklin",
    "link",
    "local_l",
    "suggest_radius",
    "window_for",
]

NAME = "Getis and Franklin's analysis"

# Where nothing else is chosen.
RADIUS_NM = 30.0
# The fewest among which it can be told where it is dense.
FEWEST = 3
# Of SciPy's lists of pairs: two indices of 8 bytes, and as much again for the graph.
BYTES_PER_PAIR = 40
SECONDS_PER_PAIR = 1e-7
# Of SciPy, which takes those of whole leaves of its tree together where there are many.
SECONDS_PER_COUNT = 1e-8
# Localizations whose neighbours are counted to suggest a radius.
N_SAMPLED = 1_000
# Radii at which L(r) − r is looked at, nm apart.
STEP_NM = 5.0


def getis_franklin(
    localizations: Localizations | npt.ArrayLike,
    *,
    radius_nm: float = RADIUS_NM,
    threshold_nm: float = 80.0,
    link_nm: float = 50.0,
    min_localizations: int = 3,
) -> Segmentation:
    """Find clusters where it is dense around localizations.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look. What lies outside their region is in no cluster.
    radius_nm : float, default 30
        How far around each localization others are counted, nm; `suggest_radius` has a suggestion.
    threshold_nm : float, default 80
        The least L(r) of a clustered localization, nm. Of complete spatial randomness it is
        `radius_nm`; twice that is four times the density in 2D, and eight times in 3D.
    link_nm : float, default 50
        How far apart two neighbours in a cluster may be, nm.
    min_localizations : int, default 3
        The fewest of a cluster.

    Returns
    -------
    Segmentation
        Clusters, numbered by their first localization; without outlines.

    Raises
    ------
    InputError
        If a parameter is out of its range, the region is too small for the radius, or its pairs do
        not fit in memory.

    Notes
    -----
    Localizations of which `local_l` is at least the threshold are clustered (Getis & Franklin 1987;
    Owen et al. 2010). Discs of diameter `link_nm` around them that overlap make a cluster. Radius,
    threshold and discs are those that ClusterFields, by the first author of Williamson et al. 2020,
    has as examples (SamplingRadius, BinaryChangeHIGH, RenderBlobsDiskSize); thresholds in the
    literature are chosen for each experiment.

    Examples
    --------
    >>> near = [[0, 0], [10, 0], [0, 10], [10, 10]]
    >>> getis_franklin([*near, [900, 900], [400, 700]]).cluster.tolist()
    [0, 0, 0, 0, -1, -1]
    """
    check_length(radius_nm=radius_nm, threshold_nm=threshold_nm, link_nm=link_nm)
    check_count(min_localizations=min_localizations)
    points = points_of(localizations, NAME)
    made_by = (
        f"getis-franklin, radius {radius_nm:.4g} nm, threshold {threshold_nm:.4g} nm, link "
        f"{link_nm:.4g} nm, min_localizations {min_localizations}"
    )
    try:
        window = window_for(points, "radius_nm", radius_nm, RADIUS_NM)
    except CannotTellError as why:
        return points.nothing(made_by, why)
    dense = _local_l(points, window, radius_nm) >= threshold_nm
    ids = np.full(len(points), -1)
    ids[dense] = link(points.positions[dense], link_nm, min_localizations)
    return points.segmentation(ids, made_by)


def local_l(
    localizations: Localizations | npt.ArrayLike,
    *,
    radius_nm: float,
    region: Region | None = None,
) -> FloatArray:
    """Measure how dense it is around each localization, as a length: L(r).

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        The localizations.
    radius_nm : float
        How far around each others are counted, nm.
    region : Region, optional
        Where they were looked for; by default theirs or, without, the box around them.

    Returns
    -------
    ndarray of shape (n_localizations,), nm
        L(r) of each; NaN where a position is not finite or not in the region.

    Raises
    ------
    InputError
        If the radius is none, or more than half of the region's shorter side.

    Notes
    -----
    Of n localizations in an area A, with n_i others within r of localization i, in 2D ::

        L_i(r) = √(A · n_i / (π · (n − 1) · s_i))

    and in 3D, in a volume V, ``∛(3 V · n_i / (4 π · (n − 1) · s_i))`` (Getis & Franklin 1987;
    Williamson et al. 2020 leave out s_i). s_i is the share of the disc or ball of radius r around
    the localization that lies in the region, so that L_i(r) is r on average wherever localizations
    are spread evenly, at a border and in a corner too. In 3D the region is as deep as they are.

    Examples
    --------
    >>> region = Region.rectangle(0, 0, 1000, 1000)
    >>> local_l([[500, 500], [510, 500], [100, 900]], radius_nm=50, region=region).round(1).tolist()
    [398.9, 398.9, 0.0]
    """
    check_length(radius_nm=radius_nm)
    points = points_of(localizations, NAME)
    points = inside(
        Points(points.positions, points.rows, points.n_localizations, region or points.region)
    )
    values = np.full(len(as_positions(localizations)), np.nan)
    values[points.rows] = 0.0
    if len(points) >= 2:
        window = Window(points.positions, points.region)
        window.check_radius("radius_nm", radius_nm)
        values[points.rows] = _local_l(points, window, radius_nm)
    return values


def suggest_radius(
    localizations: Localizations | npt.ArrayLike,
    *,
    radius_max_nm: float = 500.0,
    region: Region | None = None,
) -> float:
    """Suggest how far around localizations to count: where L(r) − r is largest.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where clusters are to be found.
    radius_max_nm : float, default 500
        The largest radius to look at, nm; at most a quarter of the region's shorter side is.
    region : Region, optional
        As for `local_l`.

    Returns
    -------
    float
        The radius, nm, to 5 nm.

    Raises
    ------
    InputError
        If there are fewer than 3 localizations, or L(r) − r has no maximum above 0 below that
        radius.

    Notes
    -----
    L(r) is the root of the mean of L_i(r)². Of discs of radius R its difference from r is largest
    between R and 2 R (Kiskowski, Hancock & Kenworthy 2009). Of complete spatial randomness it is
    largest where chance has it.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> discs = rng.uniform(0, 5000, (50, 1, 2)) + rng.normal(0, 20, (50, 30, 2))
    >>> suggest_radius(discs.reshape(-1, 2))
    70.0
    """
    check_length(radius_max_nm=radius_max_nm)
    points = points_of(localizations, NAME)
    points = inside(
        Points(points.positions, points.rows, points.n_localizations, region or points.region)
    )
    if len(points) < 3:
        raise InputError(
            f"a radius is suggested for 3 localizations or more, got {len(points)}: give radius_nm"
        )
    from scipy.spatial import cKDTree

    window = Window(points.positions, points.region)
    every = math.ceil(len(points) / N_SAMPLED)
    largest = min(radius_max_nm, window.shorter_side_nm / 4)
    tree = cKDTree(points.positions)
    radii = np.arange(STEP_NM, largest + STEP_NM / 2, STEP_NM)
    above = np.empty(len(radii))
    for i, radius in enumerate(radii):
        others = _count_others(tree, points.positions[::every], radius)
        shares = window.shares(radius, every=every)
        d = points.n_dimensions
        each = from_counts(others, shares, window.size, len(points), d)
        above[i] = (each**d).mean() ** (1 / d) - radius
    best = int(above.argmax()) if len(above) else 0
    if len(above) < 3 or best == len(above) - 1 or above[best] <= 0:
        raise InputError(
            f"L(r) − r has no maximum above 0 below {largest:g} nm: nothing is clustered at these "
            "distances, or the region is much larger than where localizations are; give radius_nm, "
            "or a region"
        )
    return float(radii[best])


def window_for(points: Points, name: str, radius_nm: float, default_nm: float) -> Window:
    """Return the region around localizations, if it is large enough for a radius.

    Parameters
    ----------
    points : Points
        The localizations.
    name : str
        Of the radius.
    radius_nm : float
        Its value, nm.
    default_nm : float
        What it is where nothing else is chosen, nm: a user did not choose it, and is not refused.

    Returns
    -------
    Window
        The region.

    Raises
    ------
    CannotTellError
        If there are fewer than 3 localizations, they have no region, or it is too small for the
        default radius.
    InputError
        If it is too small for the radius.
    """
    if len(points) < FEWEST:
        raise CannotTellError(f"it takes {FEWEST} localizations or more, got {len(points)}")
    try:
        window = Window(points.positions, points.region)
    except InputError as why:
        raise CannotTellError(str(why)) from why
    try:
        window.check_radius(name, radius_nm)
    except InputError as why:
        if radius_nm == default_nm:
            raise CannotTellError(str(why)) from why
        raise
    return window


def _local_l(points: Points, window: Window, radius_nm: float) -> FloatArray:
    from scipy.spatial import cKDTree

    tree = cKDTree(points.positions)
    seconds = estimated_pairs(tree, radius_nm) * SECONDS_PER_COUNT
    check_cost("Counting within this radius", len(points), n_bytes=0.0, seconds=seconds)
    others = _count_others(tree, points.positions, radius_nm)
    return from_counts(
        others, window.shares(radius_nm), window.size, len(points), points.n_dimensions
    )


def from_counts(
    counts: IntArray, shares: FloatArray, size: float, n_localizations: int, n_dimensions: int
) -> FloatArray:
    """Return L(r) from how many others are within r.

    Parameters
    ----------
    counts : ndarray of shape (n,)
        Of each localization.
    shares : ndarray of shape (n,)
        How much of the disc or ball around each lies in the region.
    size : float
        The region's area, nm², or volume, nm³.
    n_localizations : int
        How many are in the region in all.
    n_dimensions : int
        2 or 3.

    Returns
    -------
    ndarray of shape (n,), nm
        L(r) of each.
    """
    unit = unit_ball(n_dimensions)
    density = counts / shares / max(n_localizations - 1, 1)
    return np.asarray((size * density / unit) ** (1 / n_dimensions))


def link(positions: FloatArray, distance_nm: float, smallest: int) -> IntArray:
    """Join localizations that are near each other into clusters.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are.
    distance_nm : float
        How far apart two that are joined may be, nm.
    smallest : int
        The fewest of a cluster.

    Returns
    -------
    ndarray of shape (n,)
        Cluster ids, −1 for none, with gaps.
    """
    if len(positions) == 0:
        return np.empty(0, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    tree = cKDTree(positions)
    n_pairs = estimated_pairs(tree, distance_nm) / 2
    check_cost(
        "Linking at this distance",
        len(positions),
        n_bytes=n_pairs * BYTES_PER_PAIR,
        seconds=n_pairs * SECONDS_PER_PAIR,
    )
    one, other = tree.query_pairs(distance_nm, output_type="ndarray").T
    shape = (len(positions), len(positions))
    graph = coo_array((np.ones(len(one), dtype=bool), (one, other)), shape=shape)
    ids = connected_components(graph, directed=False)[1]
    return np.where(np.bincount(ids)[ids] >= smallest, ids, -1)


def _count_others(tree: cKDTree, positions: FloatArray, radius_nm: float) -> IntArray:
    """Count how many others of a tree are within a radius of some of its positions."""
    return np.asarray(tree.query_ball_point(positions, radius_nm, return_length=True)) - 1
