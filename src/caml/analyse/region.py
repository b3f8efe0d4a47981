"""Regions of tables in parquet: no more is read and classified than they need."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np

from caml._arrays import BoolArray, FloatArray, IntArray
from caml.classify import (
    Classification,
    check_dimensions,
    check_threshold,
    classified,
    classify,
)
from caml.io import read
from caml.localizations import FURTHEST_NM, Localizations, Region
from caml.models import Model
from caml.neighbours import Neighbours, NeighbourSearch
from caml.prior import Prior, check_prior

__all__ = ["classify_regions", "in_any"]

# How far around the regions, and how far where that is too little to be certain. At least so far,
# because clusters on their border reach out of them.
MARGINS_NM = (2_000.0, 4_000.0, 8_000.0, 16_000.0, 32_000.0, 64_000.0)


def classify_regions(
    path: str | os.PathLike[str],
    regions: Sequence[Region],
    network: Model,
    *,
    threshold: float = 0.5,
    prior: Prior = "auto",
    pixel_size_nm: float | None = None,
    columns: Mapping[str, str] | None = None,
) -> tuple[Localizations, Classification]:
    """Read what some regions need of a table, and classify it as if all had been read.

    Parameters
    ----------
    path : str or path-like
        The table; of one in parquet only the groups of rows around the regions are read.
    regions : sequence of Region
        The regions.
    network : Model
        The network.
    threshold : float, default 0.5
        A probability of at least this is clustered.
    prior : {"auto", "image", "balanced"} or float, default "auto"
        The share of the clustered that labels assume, estimated from the regions.
    pixel_size_nm : float, optional
        Camera pixel size, for tables in pixels.
    columns : mapping of str to str, optional
        Which column is x, y, ….

    Returns
    -------
    localizations : Localizations
        Those in a box around the regions; the index of their table says which rows they are.
    classification : Classification
        Of each localization in the regions and near them, what it would be in the whole table;
        label −1 and score NaN for those so far out that this is not certain.

    Notes
    -----
    The margin is widened until, for every localization in the regions' box and within half the
    margin of it, the k-th neighbour is nearer than what was not read.
    """
    check_threshold(threshold)
    check_prior(prior)
    bounds = np.array([region.polygon.bounds for region in regions])
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    for margin in (*MARGINS_NM, FURTHEST_NM):
        box = (*(low - margin).tolist(), *(high + margin).tolist())
        localizations = read(path, pixel_size_nm=pixel_size_nm, columns=columns, box=box)
        flat = localizations
        if flat.n_dimensions > network.card.n_dimensions:
            flat = flat.projected()
        check_dimensions(network.card, flat.n_dimensions)
        search = NeighbourSearch(flat)
        xy = search.positions[:, :2]
        reach = np.minimum(xy - (low - margin), (high + margin) - xy).min(axis=1)
        needed = reach >= margin / 2
        if not (reach >= margin).any():
            # Nothing lies in the regions.
            score = np.full(len(search), np.nan, dtype=np.float32)
            break
        found = _certain_scores(search, network, needed, reach)
        if found is not None:
            score = found
            break
    else:
        score = classify(flat, network, prior="balanced", search=search).score
        return localizations, classified(
            score, network.card, threshold=threshold, prior=prior, among=in_any(regions, flat)
        )
    every = search.expand(score, np.nan)
    return localizations, classified(
        every, network.card, threshold=threshold, prior=prior, among=in_any(regions, flat)
    )


def in_any(regions: Sequence[Region], localizations: Localizations) -> BoolArray:
    """Tell which localizations lie in any of some regions.

    Parameters
    ----------
    regions : sequence of Region
        The regions.
    localizations : Localizations
        The localizations.

    Returns
    -------
    ndarray of shape (n_localizations,), bool
        Whether each does.
    """
    inside = np.zeros(len(localizations), dtype=bool)
    for region in regions:
        inside |= region.contains(localizations.positions)
    return inside


def _certain_scores(
    search: NeighbourSearch, network: Model, needed: BoolArray, reach: FloatArray
) -> FloatArray | None:
    """Score the localizations that are needed; None if a neighbour of one may not be known."""
    card = network.card
    if len(search) <= card.k:
        return None
    shape = (len(search),) if len(card.labels) == 2 else (len(search), len(card.labels))
    score = np.full(shape, np.nan, dtype=np.float32)
    # What rounds to a distance in single precision may be a little further.
    certain = reach * (1 - 1e-6)

    def predict(subset: IntArray, near: Neighbours) -> bool:
        score[subset] = network.score(near, search.positions, subset)
        return bool((near.distances[:, -1] < certain[subset]).all())

    indices = network.input.of_coordinates
    is_certain = all(list(search.chunks(card.k, predict, indices=indices, wanted=needed)))
    return score if is_certain else None
