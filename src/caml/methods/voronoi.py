"""Voronoi tessellation, as SR-Tesseler does it: dense cells that touch are objects."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from caml._arrays import BoolArray, FloatArray, IntArray
from caml._cost import check_count
from caml.errors import InputError
from caml.localizations import Localizations, as_positions
from caml.methods._cells import Cells, cells_of
from caml.methods._points import Points, points_of
from caml.neighbours import NeighbourSearch
from caml.segment import Segmentation

__all__ = ["Objects", "voronoi", "voronoi_density", "voronoi_objects"]


class Objects(NamedTuple):
    """The objects of a tessellation and the clusters within them.

    Parameters
    ----------
    objects : Segmentation
        Of the first level.
    clusters : Segmentation
        Of the second level: what is denser than the object it lies in.
    parent : ndarray of shape (n_clusters,)
        The object that each cluster lies in.
    """

    objects: Segmentation
    clusters: Segmentation
    parent: IntArray


def voronoi(
    localizations: Localizations | npt.ArrayLike,
    *,
    density_factor: float = 2.0,
    min_localizations: int = 5,
    min_area_nm2: float = 0.0,
    level: int = 1,
) -> Segmentation:
    """Find clusters by Voronoi tessellation.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look. Cells are clipped to their region, in 2D, or else to the bounding box.
    density_factor : float, default 2
        How many times the average density is dense (Levet et al. 2015).
    min_localizations : int, default 5
        Objects of fewer are none.
    min_area_nm2 : float, default 0
        Objects whose cells have a smaller area together are none, nm²; in 3D it is not looked at.
    level : int, default 1
        1 for objects; 2 for the clusters in objects, dense compared with the object.

    Returns
    -------
    Segmentation
        The objects, or the clusters in them, without outlines.

    Raises
    ------
    InputError
        If a parameter is out of its range.

    Notes
    -----
    Levet et al. 2015 (SR-Tesseler): the first-rank density of a localization is the number of
    localizations in its cell and those that touch it, over their area. Where that is at least
    `density_factor` times the average, a cell is selected; selected cells that touch are an
    object. In the second level the average is that of the object, and its cells alone are looked
    at. In 3D, cells at the hull of all localizations are not bounded and never selected.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> blobs = [rng.normal(centre, 5, (30, 2)) for centre in (0, 500)]
    >>> voronoi(np.vstack([*blobs, rng.uniform(-100, 600, (60, 2))])).n_clusters
    2
    """
    if isinstance(level, bool) or not isinstance(level, int) or level not in (1, 2):
        raise InputError(f"level is 1 (objects) or 2 (clusters in objects), got {level!r}")
    found = voronoi_objects(
        localizations,
        density_factor=density_factor,
        min_localizations=min_localizations,
        min_area_nm2=min_area_nm2,
    )
    return found.objects if level == 1 else found.clusters


def voronoi_density(localizations: Localizations | npt.ArrayLike) -> FloatArray:
    """Measure the first-rank density of each localization.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where the localizations are.

    Returns
    -------
    ndarray of shape (n_localizations,), nm⁻² or nm⁻³
        Localizations per area (2D) or volume (3D) of the cell and those that touch it; 0 where one
        of them is not bounded, NaN without a finite position, and all NaN where all lie on a line.

    Notes
    -----
    Levet et al. 2015: δ¹ = n¹ / A¹, both of the first-rank polygon. Duplicates count in the cell
    that they share.

    Examples
    --------
    >>> lattice = [[x, y] for x in range(0, 50, 10) for y in range(0, 50, 10)]
    >>> round(float(voronoi_density(lattice)[12]), 3)
    0.01
    """
    points = points_of(localizations, "Voronoi tessellation")
    density = np.full(points.n_localizations, np.nan)
    tessellation = _tessellation(points)
    if tessellation is not None:
        search, cells, count = tessellation
        density[points.rows] = search.expand(_first_rank(cells, count), np.nan)
    return density


def voronoi_objects(
    localizations: Localizations | npt.ArrayLike,
    *,
    density_factor: float = 2.0,
    cluster_factor: float | None = None,
    min_localizations: int = 5,
    min_area_nm2: float = 0.0,
) -> Objects:
    """Find objects by Voronoi tessellation, and the clusters within them.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look.
    density_factor : float, default 2
        How many times the average density of the image is dense.
    cluster_factor : float, optional
        How many times the average density of an object is dense; `density_factor` by default.
    min_localizations : int, default 5
        Objects and clusters of fewer are none.
    min_area_nm2 : float, default 0
        Objects and clusters of a smaller area are none, nm²; in 3D it is not looked at.

    Returns
    -------
    Objects
        Both levels; see `voronoi`.

    Raises
    ------
    InputError
        If a parameter is out of its range.
    """
    cluster_factor = density_factor if cluster_factor is None else cluster_factor
    for name, factor in (("density_factor", density_factor), ("cluster_factor", cluster_factor)):
        if not (np.isfinite(factor) and factor > 0):
            raise InputError(f"{name} must be a number above 0, got {factor:g}")
    if not (np.isfinite(min_area_nm2) and min_area_nm2 >= 0):
        raise InputError(f"min_area_nm2 must be an area of at least 0 nm², got {min_area_nm2:g}")
    check_count(min_localizations=min_localizations)
    points = points_of(localizations, "Voronoi tessellation")
    made_by = f"voronoi, density_factor {density_factor:g}, min_localizations {min_localizations}"
    tessellation = _tessellation(points)
    if tessellation is None:
        nothing = points.nothing(
            made_by, f"{len(points):,} localizations on a line or in a plane have no cells"
        )
        return Objects(nothing, nothing, np.empty(0, dtype=np.int64))
    search, cells, count = tessellation
    least = (min_localizations, min_area_nm2 if points.n_dimensions == 2 else 0.0)
    dense = _first_rank(cells, count) >= density_factor * len(points) / points.size
    objects = _join(cells, count, dense, least)
    inside = _within(cells, objects)
    own = _first_rank(inside, count)
    member = objects >= 0
    n_of, size_of = (np.bincount(objects[member], one[member]) for one in (count, cells.size))
    average = np.zeros(len(objects))
    average[member] = (n_of / size_of)[objects[member]]
    clusters = _join(inside, count, member & (own >= cluster_factor * average), least)
    first = np.unique(clusters, return_index=True)
    parent = objects[first[1][first[0] >= 0]]
    deeper = f"{made_by}, level 2, cluster_factor {cluster_factor:g}"
    return Objects(
        points.segmentation(search.expand(objects, -1), made_by),
        points.segmentation(search.expand(clusters, -1), deeper),
        parent,
    )


def _tessellation(points: Points) -> tuple[NeighbourSearch, Cells, FloatArray] | None:
    """Return distinct positions, their cells, and how many localizations each has."""
    search = NeighbourSearch(points.positions)
    window: shapely.Geometry | None = None
    if points.n_dimensions == 2 and len(points):
        low, high = points.positions.min(axis=0), points.positions.max(axis=0)
        window = points.region.polygon if points.region else shapely.box(*low, *high)
    cells = cells_of(as_positions(search.positions), window)
    if cells is None:
        return None
    return search, cells, np.bincount(search.twin, minlength=len(search)).astype(np.float64)


def _first_rank(cells: Cells, count: FloatArray) -> FloatArray:
    """Return localizations per size of each cell and those that touch it; 0 if not bounded."""
    n = count + cells.sum_over_neighbours(count)
    size = cells.size + cells.sum_over_neighbours(cells.size)
    density: FloatArray = np.divide(n, size, out=np.full(len(n), np.inf), where=size > 0)
    return density


def _within(cells: Cells, objects: IntArray) -> Cells:
    """Keep those borders of cells that lie within objects."""
    first, second = objects[cells.pairs].T
    return Cells(cells.size, cells.pairs[(first >= 0) & (first == second)])


def _join(
    cells: Cells, count: FloatArray, selected: BoolArray, least: tuple[int, float]
) -> IntArray:
    """Join selected cells that touch; drop what is too small. Returns ids without gaps, or −1."""
    first, second = cells.pairs[selected[cells.pairs].all(axis=1)].T
    links = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(len(count),) * 2)
    component = connected_components(links, directed=False)[1]
    component = np.where(selected, component, -1)
    inside = component >= 0
    n_of = np.bincount(component[inside], count[inside], minlength=1)
    size_of = np.bincount(component[inside], cells.size[inside], minlength=1)
    kept = (n_of >= least[0]) & (size_of >= least[1])
    inside &= kept[np.maximum(component, 0)]
    ids = np.full(len(count), -1, dtype=np.int64)
    ids[inside] = np.unique(component[inside], return_inverse=True)[1]
    return ids
