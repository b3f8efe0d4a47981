"""Which part of an image is drawn: all of it, but for what lies far off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from caml.localizations import Region
from caml.plot.pixels import Box

__all__ = ["left_out", "square", "square_of"]

# Of localizations, those further out than all but this share on each side are left out of a picture
# that would be so many times as wide with them.
FAR_OFF, EMPTY = 0.002, 20
# Localizations of a piece that tell where most are.
ENOUGH = 200_000


def square(positions: npt.NDArray[np.floating[Any]], regions: Sequence[Region]) -> Box:
    """Return the square, with a margin, that is drawn of an image.

    Parameters
    ----------
    positions : ndarray of shape (n_localizations, 2 or 3), nm
        Where localizations are.
    regions : sequence of Region
        What else is drawn.

    Returns
    -------
    tuple of float
        x_min, y_min, x_max, y_max, nm: the smallest around all, but for a few localizations so far
        off that nothing else could be seen; `left_out` counts them.
    """
    corners = [_spread(positions[:, :2])] if len(positions) else [np.zeros((1, 2))]
    corners += [np.reshape(region.polygon.bounds, (2, 2)) for region in regions]
    everything = np.concatenate(corners)
    low, high = everything.min(axis=0), everything.max(axis=0)
    half = max(float((high - low).max()) / 2, 50.0) * 1.03
    x, y = (low + high) / 2
    return (float(x - half), float(y - half), float(x + half), float(y + half))


def square_of(pieces: Iterable[npt.NDArray[np.floating[Any]]], regions: Sequence[Region]) -> Box:
    """Return what is drawn of an image that is read part by part.

    Parameters
    ----------
    pieces : iterable of ndarray of shape (n_localizations, 2), nm
        Where localizations are, all finite, some at a time; of a large piece every so manieth and
        the furthest are looked at.
    regions : sequence of Region
        What else is drawn.

    Returns
    -------
    tuple of float
        As `square` gives it.
    """
    some: list[npt.NDArray[np.floating[Any]]] = [np.zeros((0, 2))]
    for positions in pieces:
        if len(positions):
            step = max(len(positions) // ENOUGH, 1)
            some.append(positions[::step])
            if step > 1:
                some.append(np.stack([positions.min(axis=0), positions.max(axis=0)]))
    return square(np.concatenate(some), regions)


def left_out(positions: npt.NDArray[np.floating[Any]], box: Box) -> int:
    """Count the localizations outside of what is drawn.

    Parameters
    ----------
    positions : ndarray of shape (n_localizations, 2 or 3), nm
        Where they are, all finite.
    box : tuple of float
        x_min, y_min, x_max, y_max of what is drawn, nm.

    Returns
    -------
    int
        How many.
    """
    shown = (positions[:, :2] >= box[:2]).all(axis=1) & (positions[:, :2] <= box[2:]).all(axis=1)
    return int(len(positions) - shown.sum())


def _spread(positions: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """Return the lower and the upper corner of positions, without those that are far off."""
    whole = np.stack([positions.min(axis=0), positions.max(axis=0)])
    most = np.quantile(positions, [FAR_OFF, 1 - FAR_OFF], axis=0)
    room = 0.1 * np.ptp(most, axis=0).max()
    if np.ptp(whole, axis=0).max() <= EMPTY * np.ptp(most, axis=0).max():
        return whole
    return np.stack([most[0] - room, most[1] + room])
