"""HDBSCAN: the most persistent clusters over all of DBSCAN's distances."""

from __future__ import annotations

from typing import Literal

import numpy.typing as npt

from caml._cost import check_cost, check_count
from caml.localizations import Localizations
from caml.methods._points import points_of
from caml.segment import Segmentation

__all__ = ["hdbscan"]

# Of scikit-learn's spanning tree, which looks at every pair.
SECONDS_PER_PAIR = 4e-9
BYTES_PER_LOCALIZATION = 500


def hdbscan(
    localizations: Localizations | npt.ArrayLike,
    *,
    min_cluster_size: int = 5,
    min_samples: int | None = None,
    cluster_selection_method: Literal["eom", "leaf"] = "eom",
) -> Segmentation:
    """Find clusters by HDBSCAN.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look.
    min_cluster_size : int, default 5
        Fewer localizations are no cluster; 5 is the default of its authors' program.
    min_samples : int, optional
        How many neighbours tell the density around a localization; `min_cluster_size` by default.
    cluster_selection_method : {"eom", "leaf"}, default "eom"
        Which clusters of the hierarchy are taken: those of most excess of mass, or its leaves.

    Returns
    -------
    Segmentation
        Clusters, without outlines.

    Raises
    ------
    InputError
        If a parameter is out of its range, or it would take more than an hour.

    Notes
    -----
    Campello, Moulavi and Sander 2013; McInnes, Healy and Astels 2017; by scikit-learn, whose time
    grows with the square of the number of localizations.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> blobs = [rng.normal(centre, 5, (30, 2)) for centre in (0, 500)]
    >>> hdbscan(np.vstack(blobs)).n_clusters
    2
    """
    points = points_of(localizations, "HDBSCAN")
    check_count(least=2, min_cluster_size=min_cluster_size)
    min_samples = min_cluster_size if min_samples is None else min_samples
    check_count(min_samples=min_samples)
    made_by = (
        f"hdbscan, min_cluster_size {min_cluster_size}, min_samples {min_samples}, "
        f"{cluster_selection_method}"
    )
    n = len(points)
    if n <= max(min_cluster_size, min_samples):
        least = max(min_cluster_size, min_samples) + 1
        return points.nothing(made_by, f"it takes {least} localizations or more, got {n}")
    check_cost("HDBSCAN", n, n_bytes=BYTES_PER_LOCALIZATION * n, seconds=SECONDS_PER_PAIR * n**2)
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(
        min_cluster_size=min_cluster_size,
        min_samples=min_samples,
        cluster_selection_method=cluster_selection_method,
        copy=True,
    ).fit(points.positions)
    return points.segmentation(found.labels_, made_by)
