"""PointNet: a network that looks at the neighbours' coordinates, each by itself."""

from __future__ import annotations

from typing import Literal

import numpy.typing as npt

from caml.classify import check_threshold, classify, too_few
from caml.localizations import Localizations
from caml.methods._points import points_of
from caml.models import load_model
from caml.segment import Segmentation, segment

__all__ = ["pointnet"]

NETWORK = "PTNET1"


def pointnet(
    localizations: Localizations | npt.ArrayLike,
    *,
    threshold: float = 0.5,
    prior: Literal["auto", "image", "balanced"] = "auto",
) -> Segmentation:
    """Find clusters by a network in the style of PointNet.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2), nm
        Where to look.
    threshold : float, default 0.5
        Probabilities of at least this are clustered.
    prior : {"auto", "image", "balanced"}, default "auto"
        The share of the clustered that probabilities assume; see `caml.classify`.

    Returns
    -------
    Segmentation
        Clusters, joined from what is clustered as those of the other networks are.

    Raises
    ------
    InputError
        If the threshold is not between 0 and 1, or localizations are in 3D.

    Notes
    -----
    Qi et al. 2017; PTNET1 sees the relative coordinates of 100 neighbours and was trained on the
    scenarios of Williamson et al. 2020, whose Discussion names PointNet. Without more than 100
    localizations at different positions there are no clusters. The same from `caml.analyse` with
    ``model="PTNET1"``, which gives scores, too.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> blobs = [rng.normal(centre, 15, (60, 2)) for centre in (0, 500)]
    >>> pointnet(np.vstack([*blobs, rng.uniform(-200, 700, (60, 2))])).n_clusters
    2
    """
    check_threshold(threshold)
    network = load_model(NETWORK)
    points = points_of(localizations, "PointNet", dimensions=(2,))
    weights = network.card.sha256[:8]
    made_by = f"pointnet, {NETWORK} {weights}, threshold {threshold:g}, prior {prior}"
    if points.n_distinct <= network.card.k:
        return points.nothing(made_by, too_few(network.card, points.n_distinct))
    found = classify(points.positions, network, threshold=threshold, prior=prior)
    return points.segmentation(segment(points.positions, found, k=network.card.k).cluster, made_by)
