"""What every method begins and ends with: the localizations it looks at, and its clusters."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caml._arrays import FloatArray, IntArray
from caml._remedies import LEAVE_Z_OUT
from caml._window import Window, why_no_size
from caml.errors import InputError, NothingFoundWarning
from caml.localizations import Localizations, Region, as_positions
from caml.neighbours import NeighbourSearch
from caml.segment import Segmentation, renumber

__all__ = ["CannotTellError", "Points", "points_of"]


class CannotTellError(InputError):
    """Nothing can be told from these localizations, or not with what a parameter is by default.

    Helpers raise it; a method that meets it has no clusters, and says why.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The localizations that a method looks at: those with a finite position, in the region.

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
    def n_distinct(self) -> int:
        """Count the different positions."""
        return len(NeighbourSearch(self.positions))

    @property
    def size(self) -> float:
        """The area of what was imaged, nm², in 3D the volume, nm³; of the bounding box if unknown.

        In 3D the region's depth is that of the localizations. Without a region, 0 of those on a
        line, however it slopes, or in 3D in a plane.
        """
        if len(self) == 0 or why_no_size(self.positions, self.region):
            return 0.0
        return Window.around(self.positions, self.region).size

    def segmentation(self, ids: npt.ArrayLike, made_by: str) -> Segmentation:
        """Return clusters for all localizations.

        Parameters
        ----------
        ids : array-like of shape (n_finite,)
            The cluster of each of these, negative for none; with gaps or without. Localizations
            at one position share a cluster, and those of a single position are none.
        made_by : str
            The method and the parameters it used, those it chose by itself too.

        Returns
        -------
        Segmentation
            Of all localizations; those that were not looked at are in no cluster.
        """
        cluster = np.full(self.n_localizations, -1, dtype=np.int64)
        cluster[self.rows] = renumber(self._with_twins(np.asarray(ids)))[0]
        return Segmentation(cluster, made_by=made_by)

    def _with_twins(self, ids: IntArray) -> IntArray:
        """Give localizations at one position one cluster, and leave out what is no more than that.

        Whatever the method: where the order of rows tells twins apart, as in HDBSCAN and OPTICS,
        they go to the first cluster that one of them is in.
        """
        search = NeighbourSearch(self.positions)
        if len(search) == len(self):
            return ids
        none = np.iinfo(np.int64).max
        own = np.full(len(search), none)
        np.minimum.at(own, search.twin, np.where(ids < 0, none, ids))
        own[own == none] = -1
        n_positions = np.bincount(own + 1)
        return np.where(n_positions[own + 1] < 2, -1, own)[search.twin]

    def nothing(self, made_by: str, why: object) -> Segmentation:
        """Return no clusters, with a warning.

        Parameters
        ----------
        made_by : str
            As for `segmentation`.
        why : object
            Why none could be looked for, in words.

        Returns
        -------
        Segmentation
            Of all localizations.
        """
        name = made_by.partition(",")[0]
        message = f"{name} could not look for clusters: {why}"
        # Whoever called the method is who should know.
        warnings.warn(NothingFoundWarning(message), stacklevel=3)
        return self.segmentation(np.full(len(self), -1), made_by)


def points_of(
    localizations: Localizations | npt.ArrayLike,
    method: str,
    *,
    dimensions: Collection[int] = (2, 3),
) -> Points:
    """Take the localizations that have a finite position, in their region if they have one.

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
            f"{positions.shape[1]}D: choose another method, or {LEAVE_Z_OUT}"
        )
    region = localizations.region if isinstance(localizations, Localizations) else None
    wanted = np.isfinite(positions).all(axis=1)
    if region is not None:
        wanted &= region.contains(positions)
    rows = np.flatnonzero(wanted)
    return Points(positions[rows], rows, len(positions), region)
