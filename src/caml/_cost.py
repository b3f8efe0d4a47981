"""What is refused before anything is computed: numbers that are none, and what would never end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from caml._machine import memory_bytes, n_processes
from caml.errors import InputError

__all__ = ["check_cost", "check_count", "check_length", "estimated_pairs"]

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

# Localizations whose neighbours are counted to foresee how many pairs there are.
N_SAMPLED = 1_000
# What would take longer is refused: nobody waits for it, and nothing tells how far it is.
MOST_SECONDS = 3_600.0


def check_length(**lengths_nm: float) -> None:
    """Refuse lengths that are none.

    Parameters
    ----------
    **lengths_nm : float
        Each by the name of its parameter, nm.

    Raises
    ------
    InputError
        If one is not a finite number above 0.
    """
    for name, value in lengths_nm.items():
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not (is_number and np.isfinite(value) and value > 0):
            got = f"{value:g}" if is_number else repr(value)
            raise InputError(f"{name} must be a number of nm above 0, got {got}")


def check_count(least: int = 1, **counts: int) -> None:
    """Refuse counts that are none.

    Parameters
    ----------
    least : int, default 1
        The smallest that makes sense.
    **counts : int
        Each by the name of its parameter.

    Raises
    ------
    InputError
        If one is no whole number, or smaller.
    """
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")


def estimated_pairs(tree: cKDTree, reach_nm: float) -> float:
    """Estimate how many pairs are within reach, from some localizations spread over all rows.

    Parameters
    ----------
    tree : scipy.spatial.cKDTree
        Of the localizations.
    reach_nm : float
        How far apart the two of a pair may be, nm.

    Returns
    -------
    float
        How many; each pair twice, and each localization with itself.

    Examples
    --------
    >>> from scipy.spatial import cKDTree
    >>> estimated_pairs(cKDTree([[0, 0], [0, 3], [9, 9]]), reach_nm=5)
    5.0
    """
    sampled = tree.data[:: max(1, -(-tree.n // N_SAMPLED))]
    if not len(sampled):
        return 0.0
    return float(tree.n * tree.query_ball_point(sampled, reach_nm, return_length=True).mean())


def check_cost(
    method: str,
    n_localizations: int,
    *,
    n_bytes: float,
    seconds: float,
    remedy: str = "analyse regions of it, or choose a method that grows more slowly",
) -> None:
    """Refuse what would not fit in memory, or never end, and say how much it would take.

    Parameters
    ----------
    method : str
        Who asks.
    n_localizations : int
        Of how many.
    n_bytes : float
        What it would take of memory, about.
    seconds : float
        How long it would take, about.
    remedy : str, optional
        What to do instead.

    Raises
    ------
    InputError
        If that is more memory than the machine has for each process at work, or more than an hour.
    """
    n_sharing = n_processes()
    if n_bytes <= memory_bytes() / n_sharing and seconds <= MOST_SECONDS:
        return
    if seconds <= MOST_SECONDS and n_bytes <= memory_bytes():
        remedy = f"{n_sharing} files at once share the memory: take fewer (--jobs), or {remedy}"
    raise InputError(
        f"{method} would take about {_gigabytes(n_bytes)} of memory and {_duration(seconds)} for "
        f"{n_localizations:,} localizations: {remedy}"
    )


def _gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:,.0f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.0f} MB"


def _duration(seconds: float) -> str:
    for size, name in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {name}"
    return f"{seconds:,.0f} seconds"
