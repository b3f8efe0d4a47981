"""The nearest-neighbour chain's one pass over localizations, compiled."""

from __future__ import annotations

from collections.abc import Callable

from numba.extending import register_jitable

from caml import _chain
from caml._compile import compiled

__all__ = ["join_arrays"]

# So that it is compiled into the function that calls it.
register_jitable(_chain.cut_short)

# Takes arrays where `join` takes lists.
join_arrays: Callable[..., int] = compiled(_chain.join)
