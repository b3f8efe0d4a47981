"""The nearest-neighbour chain's one pass over localizations, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import register_jitable

from caml import _chain
from caml._arrays import IntArray
from caml._compile import compiled

__all__ = ["components", "join_arrays"]

# So that it is compiled into the function that calls it.
register_jitable(_chain.cut_short)

# Takes arrays where `join` takes lists.
join_arrays: Callable[..., int] = compiled(_chain.join)


def components(begin: IntArray, n_members: IntArray, member: IntArray) -> tuple[int, IntArray]:
    """Find what hangs together because runs share members.

    Parameters
    ----------
    begin, n_members : ndarray of shape (n,)
        Where the run of each localization begins in `member`, and how many it has.
    member : ndarray of shape (n_members_of_all,)
        The members of all runs.

    Returns
    -------
    n_components : int
        How many there are.
    component : ndarray of shape (n,), int32
        Which each localization is in.
    """
    component = np.arange(len(begin), dtype=np.int32)
    return _components(begin, n_members, member, component), component


@compiled
def _components(begin: Any, n_members: Any, member: Any, parent: Any) -> Any:
    """Join trees of parents, the root of each the lowest in it; then number the roots."""
    for i in range(parent.shape[0]):
        for j in range(begin[i], begin[i] + n_members[i]):
            one, other = np.int64(i), np.int64(member[j])
            while parent[one] != one:
                parent[one] = parent[parent[one]]
                one = np.int64(parent[one])
            while parent[other] != other:
                parent[other] = parent[parent[other]]
                other = np.int64(parent[other])
            if one < other:
                parent[other] = one
            elif other < one:
                parent[one] = other
    n = 0
    for i in range(parent.shape[0]):
        # The root comes first, and has its number already.
        if parent[i] == i:
            parent[i] = n
            n += 1
        else:
            parent[i] = parent[parent[i]]
    return n
