"""Discs and balls, wherever they are measured."""

from __future__ import annotations

import math

__all__ = ["unit_ball"]


def unit_ball(n_dimensions: int) -> float:
    """Return the area of the unit disc, or the volume of the unit ball.

    Parameters
    ----------
    n_dimensions : int
        2 or 3.

    Returns
    -------
    float
        π or 4π/3.
    """
    return math.pi if n_dimensions == 2 else 4 / 3 * math.pi
