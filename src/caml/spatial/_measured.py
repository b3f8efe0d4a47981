"""What every statistic does: its arguments checked, its estimator made, and measured."""

from __future__ import annotations

from collections.abc import Callable

import numpy.typing as npt

from caml.spatial._estimators import Estimator
from caml.spatial._pairs import check_pairs
from caml.spatial._window import Sample, check_radius
from caml.spatial.radial import RadialFunction, as_radii, default_radii

__all__ = ["measured"]


def measured(
    make: Callable[..., Estimator],
    statistic: str,
    first: Sample,
    second: Sample,
    radii_nm: npt.ArrayLike | None,
    correction: str,
    bandwidth_nm: float | None = None,
) -> tuple[RadialFunction, Estimator]:
    """Measure a statistic, if its arguments can be used and it takes no hours.

    Parameters
    ----------
    make : callable
        Makes its estimator.
    statistic : str
        Which.
    first, second : Sample
        Of which localizations; the same for statistics of one set.
    radii_nm : array-like of shape (n_radii,), nm, optional
        At which radii.
    correction : str
        For the border.
    bandwidth_nm : float, optional
        Of g, nm.

    Returns
    -------
    function : RadialFunction
        What was measured.
    estimator : Estimator
        What measured it.
    """
    window, n = first.window, min(len(first), len(second))
    nearest = statistic == "G"
    by = "border" if nearest and correction != "none" else correction
    if radii_nm is None:
        radii = default_radii(window, n, of="nearest" if nearest else "pairs", correction=by)
    else:
        radii = as_radii(radii_nm)
    estimator = make(statistic, window, n, radii, correction, bandwidth_nm)
    check_radius(window, float(radii[-1]), by)
    sets = first.positions, second.positions
    if not nearest:
        check_pairs(estimator.name, [sets], estimator.reach_nm)
    value = estimator.measure(*sets)
    found = RadialFunction(
        estimator.name,
        radii,
        value,
        estimator.theory,
        correction=correction,
        n_localizations=len(first),
    )
    return found, estimator
