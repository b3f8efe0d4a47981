"""The other methods in the place of network and chain: clusters first, labels from them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from caml.classify import Classification
from caml.errors import DataWarning, InputError
from caml.localizations import Localizations, Region
from caml.neighbours import NeighbourSearch
from caml.segment import Segmentation, renumber

__all__ = ["OURS", "find_by_method"]

# What is no other method: a network, and clusters of what it labels.
OURS = "caml"


def find_by_method(
    localizations: Localizations,
    method: str,
    parameters: Mapping[str, Any],
    regions: Sequence[Region] = (),
) -> tuple[Classification, Segmentation]:
    """Find clusters by one of the other methods.

    Parameters
    ----------
    localizations : Localizations
        What to analyse.
    method : str
        One of `caml.methods.METHODS`.
    parameters : mapping of str to object
        What was chosen of it.
    regions : sequence of Region, optional
        Each is looked at by itself, as these methods were made for: what is average is so within
        it. By default the whole image.

    Returns
    -------
    classification : Classification
        Labels: 1 in a cluster, 0 not, −1 outside of the regions or without a finite position. No
        scores, NaN: these methods have none.
    segmentation : Segmentation
        The clusters, without outlines. What lies in several regions belongs to the first.

    Raises
    ------
    InputError
        If the method refuses.

    Warns
    -----
    DataWarning
        If there are exact duplicates, with how many.
    """
    # Not all analyses load what the methods need.
    from caml.methods import run_method

    n = len(localizations)
    finite = localizations.finite
    n_twins = int(finite.sum()) - len(NeighbourSearch(localizations))
    if n_twins:
        message = (
            f"{n_twins:,} of {int(finite.sum()):,} localizations have exactly the position of an "
            f"earlier one: {method} counts each of them (networks look at a position once)"
        )
        warnings.warn(DataWarning(message), stacklevel=3)
    cluster, label = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int8)
    made_by: list[str] = []
    n_clusters = 0
    for region in regions or (localizations.region,):
        inside = finite if region is None else finite & region.contains(localizations.positions)
        rows = np.flatnonzero(inside)
        where = f"{region.name}: " if region and regions else ""
        try:
            part = replace(localizations.taken(rows), region=region)
            with warnings.catch_warnings(record=True) as noted:
                warnings.simplefilter("always")
                found = run_method(method, part, parameters)
        except InputError as error:
            raise InputError(where + str(error)) from error
        for one in noted:
            warnings.warn(where + str(one.message), one.category, stacklevel=3)
        # With its neighbours in earlier regions, whose answer for those stands.
        new = label[rows] < 0
        clustered = new & (found.cluster >= 0)
        cluster[rows[clustered]] = found.cluster[clustered] + n_clusters
        label[rows[new]] = clustered[new]
        n_clusters += found.n_clusters
        made_by.append(where + found.made_by)
    classification = Classification(np.full(n, np.nan, dtype=np.float32), label)
    return classification, Segmentation(renumber(cluster)[0], made_by="; ".join(made_by))
