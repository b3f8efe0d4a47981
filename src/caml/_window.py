"""Where localizations could have been: what of it is known from the localizations themselves."""

from __future__ import annotations

import numpy as np

from caml._arrays import FloatArray
from caml.localizations import Region

__all__ = ["is_flat", "why_no_size"]

# Localizations that are no further than this from a line, or in 3D a plane, enclose nothing. Those
# on a sloped line whose coordinates are written to 0.1 nm are up to 0.07 nm away on either side.
FLAT_NM = 0.2


def is_flat(positions: FloatArray) -> bool:
    """Tell whether localizations lie on a line, however it slopes, or in 3D in a plane.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are, all finite.

    Returns
    -------
    bool
        True too of none, of one, and of all at one place.
    """
    if len(positions) <= positions.shape[1]:
        return True
    centred = positions - positions.mean(axis=0)
    # The direction in which they vary least comes first.
    least = np.linalg.eigh(centred.T @ centred)[1][:, 0]
    return bool(np.ptp(centred @ least) <= FLAT_NM)


def why_no_size(positions: FloatArray, region: Region | None, *, depth: str = "") -> str:
    """Tell why localizations do not say how large a region they were looked for in.

    Parameters
    ----------
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are, all finite.
    region : Region, optional
        Where they were looked for in x and y, where that is known. In z it is where they are.
    depth : str, default ""
        The parameter that gives the depth, where there is one.

    Returns
    -------
    str
        The reason and the remedy; empty where there is none.
    """
    n = f"{len(positions):,} localizations"
    if positions.shape[1] == 3 and (len(positions) == 0 or np.ptp(positions[:, 2]) <= FLAT_NM):
        remedy = f"give it ({depth}), or " if depth else ""
        return (
            f"{n} have the same z, and nothing says how deep a volume they were looked for in: "
            f"{remedy}leave z out (a table without it, or localizations.projected())"
        )
    if region is None and is_flat(positions):
        shape, size = ("on a line", "area") if positions.shape[1] == 2 else ("in a plane", "volume")
        return (
            f"{n} lie {shape} or at one place and enclose no {size}, and nothing says how large "
            "a region they were looked for in: give it (--region, or Localizations(…, region=…))"
        )
    return ""
