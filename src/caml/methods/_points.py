"""What every method begins and ends with: the localizations it looks at, and its clusters."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caml._arrays import FloatArray, IntArray
from caml._machine import memory_bytes
from caml.errors import InputError
from caml.localizations import Localizations, Region, as_positions
from caml.segment import Segmentation, renumber

__all__ = ["Points", "check_cost", "check_count", "check_length", "points_of"]

# A method that would take longer is refused: nobody waits for it, and nothing tells how far it is.
MOST_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The localizations that a method looks at: those with a finite position.

    Parameters
    ----------
    positions : ndarray of shape (n_finite, 2 or 3), nm
        Where they are.
    rows : ndarray of shape (n_finite,)
        Which of all localizations they are.
    n_localizations : int
        How many there are in all.
    region : Region, optional
        The part of the image that they were taken from, where it is known.
    """

    positions: FloatArray
    rows: IntArray
    n_localizations: int
    region: Region | None

    def __len__(self) -> int:
        """Count them."""
        return len(self.positions)

    @property
    def n_dimensions(self) -> int:
        """How many coordinates a position has: 2 or 3."""
        return int(self.positions.shape[1])

    @property
    def size(self) -> float:
        """The area of what was imaged, nm², in 3D the volume, nm³; of the bounding box if unknown.

        In 3D the region's depth is that of the localizations.
        """
        if len(self) == 0:
            return 0.0
        extent = np.ptp(self.positions, axis=0)
        if self.region is None:
            return float(extent.prod())
        return float(self.region.polygon.area * extent[2:].prod())

    def segmentation(self, ids: npt.ArrayLike, made_by: str) -> Segmentation:
        """Return clusters for all localizations.

        Parameters
        ----------
        ids : array-like of shape (n_finite,)
            The cluster of each of these, negative for none; with gaps or without.
        made_by : str
            The method and the parameters it used, those it chose by itself too.

        Returns
        -------
        Segmentation
            Of all localizations; without a finite position they are in no cluster.
        """
        cluster = np.full(self.n_localizations, -1, dtype=np.int64)
        cluster[self.rows] = renumber(ids)[0]
        return Segmentation(cluster, made_by=made_by)


def points_of(
    localizations: Localizations | npt.ArrayLike,
    method: str,
    *,
    dimensions: Collection[int] = (2, 3),
) -> Points:
    """Take the localizations that have a finite position.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        What to look for clusters in.
    method : str
        Who asks, for errors.
    dimensions : collection of int, default (2, 3)
        How many coordinates the method can work with.

    Returns
    -------
    Points
        Those localizations; duplicates are kept.

    Raises
    ------
    InputError
        If the method does not know these dimensions.
    """
    positions = as_positions(localizations)
    if positions.shape[1] not in dimensions:
        raise InputError(
            f"{method} is a method for {min(dimensions)}D and these localizations are "
            f"{positions.shape[1]}D: choose another method, or give it localizations.projected()"
        )
    region = localizations.region if isinstance(localizations, Localizations) else None
    rows = np.flatnonzero(np.isfinite(positions).all(axis=1))
    return Points(positions[rows], rows, len(positions), region)


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
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{name} must be a number of nm above 0, got {value:g}")


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
        if not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{name} must be a whole number of at least {least}, got {value!r}")


def check_cost(method: str, n_localizations: int, *, n_bytes: float, seconds: float) -> None:
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

    Raises
    ------
    InputError
        If that is more memory than the machine has, or more than an hour.
    """
    if n_bytes <= memory_bytes() and seconds <= MOST_SECONDS:
        return
    raise InputError(
        f"{method} would take about {_gigabytes(n_bytes)} of memory and {_duration(seconds)} for "
        f"{n_localizations:,} localizations: analyse regions of it, or choose a method that grows "
        "more slowly"
    )


def _gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:,.0f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:,.0f} MB"


def _duration(seconds: float) -> str:
    for size, name in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {name}"
    return f"{seconds:,.0f} seconds"
