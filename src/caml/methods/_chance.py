"""How many localizations lie near each other by chance: what thresholds are suggested from."""

from __future__ import annotations

from caml.methods._points import Points

__all__ = ["chance_count"]

# The chance that anything in an image without clusters exceeds the count.
SIGNIFICANCE = 0.01


def chance_count(points: Points, window: float) -> int:
    """Tell how many localizations a window has by chance, at most.

    Parameters
    ----------
    points : Points
        The localizations.
    window : float
        The area (nm²) or volume (nm³) of a window.

    Returns
    -------
    int
        Where as many localizations lie with complete spatial randomness, the chance that any of so
        many independent windows as there are localizations has more is 1 %.
    """
    from scipy.stats import poisson

    if not points.size:
        return len(points)
    mean = len(points) / points.size * window
    return int(poisson.isf(SIGNIFICANCE / max(len(points), 1), mean))
