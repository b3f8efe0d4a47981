"""ToMATo: basins of attraction of the density's peaks, merged unless their peaks stand out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from caml._cost import check_cost, check_count, check_length, estimated_pairs
from caml._geometry import unit_ball
from caml.errors import MissingExtraError
from caml.localizations import Localizations
from caml.methods._chance import chance_count
from caml.methods._points import CannotTellError, points_of
from caml.methods.dbscan import suggest_eps
from caml.segment import Segmentation

__all__ = ["tomato"]

# Of gudhi's lists of neighbours, Python's whole numbers.
BYTES_PER_PAIR = 40
SECONDS_PER_PAIR = 2e-7


def tomato(
    localizations: Localizations | npt.ArrayLike,
    *,
    radius_nm: float | None = None,
    persistence: int | None = None,
) -> Segmentation:
    """Find clusters by ToMATo, the topological mode analysis tool.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look.
    radius_nm : float, optional
        How far localizations are neighbours, nm, both for the density and for the graph; by default
        where the k-distance curve differs most from chance (`caml.methods.suggest_eps`).
    persistence : int, optional
        How many more neighbours the peak of a cluster has than the pass to a higher one, and than
        nothing; by default what a neighbourhood has by chance, at most.

    Returns
    -------
    Segmentation
        Clusters, without outlines. Basins whose peak is lower than `persistence` are none.

    Raises
    ------
    InputError
        If a parameter is out of its range, or the neighbourhoods do not fit in memory.
    MissingExtraError
        If gudhi is not installed.

    Notes
    -----
    Chazal et al. 2013, by gudhi; for localizations Pike et al. 2020, where the density is the
    number of others within the radius. The default threshold is the number of neighbours that is
    exceeded anywhere in an image of complete spatial randomness with a chance of 1 %.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> blobs = [rng.normal(centre, 5, (30, 2)) for centre in (0, 500)]
    >>> tomato(np.vstack(blobs), radius_nm=15, persistence=4).n_clusters
    2
    """
    points = points_of(localizations, "ToMATo")
    if radius_nm is not None:
        check_length(radius_nm=radius_nm)
    if persistence is not None:
        check_count(persistence=persistence)
    try:
        from gudhi.clustering.tomato import Tomato
    except ImportError as error:
        raise MissingExtraError(
            f"ToMATo needs the extra 'tomato' ({error}): pip install 'caml-smlm[tomato]'"
        ) from error
    from scipy.spatial import cKDTree

    try:
        radius_nm = radius_nm or suggest_eps(localizations, criterion="chance")
    except CannotTellError as why:
        return points.nothing("tomato", str(why).replace("eps_nm", "radius_nm"))
    if len(points) == 0:
        return points.nothing("tomato", "there are no localizations")
    if persistence is None:
        window = unit_ball(points.n_dimensions) * radius_nm**points.n_dimensions
        persistence = max(chance_count(points, window), 1)
    made_by = f"tomato, radius {radius_nm:.4g} nm, persistence {persistence}"
    tree = cKDTree(points.positions)
    n_pairs = estimated_pairs(tree, radius_nm)
    check_cost(
        "ToMATo with this radius",
        len(points),
        n_bytes=n_pairs * BYTES_PER_PAIR,
        seconds=n_pairs * SECONDS_PER_PAIR,
    )
    # Itself left out: as many neighbours as others.
    density = tree.query_ball_point(points.positions, radius_nm, return_length=True) - 1
    found = Tomato(
        graph_type="manual", density_type="manual", merge_threshold=float(persistence)
    ).fit(tree.query_ball_point(points.positions, radius_nm), weights=density.astype(np.float64))
    ids = found.labels_
    peak = np.zeros(ids.max(initial=0) + 1)
    np.maximum.at(peak, ids, density)
    return points.segmentation(np.where(peak[ids] >= persistence, ids, -1), made_by)
