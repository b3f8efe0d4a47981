"""Work on parts of arrays at a time, in threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from caml._machine import in_threads

__all__ = ["in_parts"]

S = TypeVar("S", bound=np.generic)


def in_parts(
    function: Callable[[npt.NDArray[Any]], npt.NDArray[S]], values: npt.NDArray[Any], size: int
) -> npt.NDArray[S]:
    """Call a function of shapely, which leaves the interpreter's lock, for parts of an array.

    Parameters
    ----------
    function : callable
        Gives rows for rows.
    values : ndarray of shape (n, …)
        What to call it with.
    size : int
        How many rows are a part that is worth a thread.

    Returns
    -------
    ndarray of shape (n, …)
        What the function gives for all of them.
    """
    n_parts = len(values) // size
    if n_parts < 2:
        return function(values)
    return np.concatenate(list(in_threads(function, np.array_split(values, n_parts))))
