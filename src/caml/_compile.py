"""Compile a function with Numba, and keep what was compiled for the next process.

Numba takes its time to load and to compile, so that only modules which are imported where the
input is large import this one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

_F = TypeVar("_F", bound=Callable[..., Any])


def compiled(function: _F) -> _F:
    """Compile a function when it is first called with arguments of some types.

    Parameters
    ----------
    function : callable
        Of arrays and numbers. It runs without the interpreter's lock, so that threads run side by
        side.

    Returns
    -------
    callable
        The same, compiled.
    """
    # No fast mathematics: the same input gives the same bits on every machine.
    compile_ = partial(numba.njit, nogil=True, error_model="numpy")
    try:
        return cast(_F, compile_(cache=True)(function))
    except RuntimeError:  # there is no folder at all to keep it in
        return cast(_F, compile_()(function))
