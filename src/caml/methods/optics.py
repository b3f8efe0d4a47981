"""OPTICS: the order in which DBSCAN would reach localizations, and the valleys in it."""

from __future__ import annotations

import math
import warnings

import numpy as np
import numpy.typing as npt

from caml._cost import check_cost, check_count
from caml.errors import InputError
from caml.localizations import Localizations
from caml.methods._points import points_of
from caml.segment import Segmentation

__all__ = ["optics"]

# Of scikit-learn, which looks at every pair where max_eps_nm does not end the search.
SECONDS_PER_PAIR = 6e-8
BYTES_PER_LOCALIZATION = 500


def optics(
    localizations: Localizations | npt.ArrayLike,
    *,
    min_samples: int = 10,
    max_eps_nm: float = math.inf,
    xi: float = 0.05,
    min_cluster_size: int | None = None,
) -> Segmentation:
    """Find clusters by OPTICS.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look.
    min_samples : int, default 10
        How many localizations, itself among them, make a neighbourhood; Ankerst et al. 1999 find 10
        to 20 to be good (section 3.2).
    max_eps_nm : float, default infinity
        How far neighbourhoods are looked for, nm.
    xi : float, default 0.05
        How steep, as a share, the reachability falls where a cluster begins and rises where it
        ends; above 0 and below 1.
    min_cluster_size : int, optional
        Fewer localizations are no cluster; `min_samples` by default.

    Returns
    -------
    Segmentation
        The clusters that contain no smaller ones, without outlines.

    Raises
    ------
    InputError
        If a parameter is out of its range, or it would take more than an hour.

    Notes
    -----
    Ankerst et al. 1999, by scikit-learn, whose time grows with the square of the number of
    localizations.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> blobs = [rng.normal(centre, 5, (30, 2)) for centre in (0, 500)]
    >>> optics(np.vstack(blobs)).n_clusters
    2
    """
    points = points_of(localizations, "OPTICS")
    check_count(least=2, min_samples=min_samples)
    min_cluster_size = min_samples if min_cluster_size is None else min_cluster_size
    check_count(least=2, min_cluster_size=min_cluster_size)
    if not 0 < xi < 1:
        raise InputError(f"xi must be a number above 0 and below 1, got {xi:g}")
    if not max_eps_nm > 0:
        raise InputError(f"max_eps_nm must be a number of nm above 0, got {max_eps_nm:g}")
    made_by = f"optics, min_samples {min_samples}, max_eps {max_eps_nm:.4g} nm, xi {xi:g}"
    n = len(points)
    least = max(min_samples, min_cluster_size)
    if n < least:
        return points.nothing(made_by, f"it takes {least} localizations or more, got {n}")
    check_cost("OPTICS", n, n_bytes=BYTES_PER_LOCALIZATION * n, seconds=SECONDS_PER_PAIR * n**2)
    from sklearn.cluster import OPTICS

    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        # Of duplicates, which are 0 nm apart; and of images in which nothing is within max_eps_nm.
        warnings.filterwarnings("ignore", "All reachability values are inf", UserWarning)
        found = OPTICS(
            min_samples=min_samples, max_eps=max_eps_nm, xi=xi, min_cluster_size=min_cluster_size
        ).fit(points.positions)
    return points.segmentation(found.labels_, made_by)
