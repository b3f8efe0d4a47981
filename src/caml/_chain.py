"""The nearest-neighbour chain's one pass over localizations.

Written for lists, which take a moment where there are few localizations, and compiled for arrays by
`caml._chain_compiled` where there are many.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

import numpy as np

__all__ = ["SMALLEST", "cut_short", "join"]

# Fewer localizations than this are no cluster (method: "fewer than 3 in that run").
SMALLEST = 3
OUTLYING = 5


def join(
    order: Sequence[int],
    begin: Sequence[int],
    n_members: Sequence[int],
    member: Sequence[int],
    distance: Sequence[float],
    cluster: MutableSequence[int],
    founder: MutableSequence[int],
) -> int:
    """Take localizations one after the other and give them and their runs cluster ids.

    Parameters
    ----------
    order : sequence of int
        The clustered localizations, by descending score.
    begin, n_members : sequence of int
        Of each localization: where its run begins in `member`, and how many it has.
    member : sequence of int
        The neighbours in all runs, one run after the other, nearest first.
    distance : sequence of float
        The distance of each member, where runs are cut at outlying steps; empty where they are not.
    cluster : mutable sequence of int
        The id of each localization, −1 at first; ids are given from 0 on.
    founder : mutable sequence of int
        Room for the localization that each id was first given to, as many as in `order`.

    Returns
    -------
    int
        How many ids were given; some of them may have no localization left.
    """
    demoted = -2
    n_ids = 0
    for own in order:
        first = begin[own]
        n = 0
        while n < n_members[own] and cluster[member[first + n]] != demoted:
            n += 1
        if len(distance) > 0 and n > 1:
            n = cut_short(distance[first : first + n])
        if n < SMALLEST:
            cluster[own] = demoted
            continue
        lowest = cluster[own]
        for i in range(first, first + n):
            one = cluster[member[i]]
            if one >= 0 and (lowest < 0 or one < lowest):
                lowest = one
        if lowest < 0:
            lowest = n_ids
            founder[n_ids] = own
            n_ids += 1
        cluster[own] = lowest
        for i in range(first, first + n):
            cluster[member[i]] = lowest
    for i in range(len(cluster)):
        if cluster[i] == demoted:
            cluster[i] = -1
    return n_ids


def cut_short(distance: Sequence[float]) -> int:
    """Count the members of a run before its first outlying step.

    Parameters
    ----------
    distance : sequence of float
        From a localization to the members of its run, nearest first; at least two.

    Returns
    -------
    int
        At least 1.
    """
    steps = np.diff(np.asarray(distance).astype(np.float64))
    deviation = np.abs(steps - np.median(steps))
    limit = OUTLYING * np.median(deviation)
    for i in range(len(steps)):
        if deviation[i] > limit:
            return i + 1
    return len(steps) + 1
