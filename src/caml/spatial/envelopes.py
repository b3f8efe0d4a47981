"""What chance gives: a statistic of simulations without structure, and a test against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from caml._arrays import FloatArray
from caml._cost import check_count
from caml.errors import InputError
from caml.localizations import Localizations, Region
from caml.spatial._estimators import estimator_of
from caml.spatial._measured import measured
from caml.spatial._pairs import check_pairs
from caml.spatial._window import sample_of
from caml.spatial.radial import RadialFunction

__all__ = ["STATISTICS", "envelope"]

Statistic = Literal["K", "L", "L-r", "g", "G"]
STATISTICS: tuple[Statistic, ...] = ("K", "L", "L-r", "g", "G")


def envelope(
    localizations: Localizations | npt.ArrayLike,
    statistic: Statistic = "L-r",
    *,
    seed: int | np.random.Generator,
    n_simulations: int = 99,
    rank: int = 1,
    region: Region | None = None,
    radii_nm: npt.ArrayLike | None = None,
    correction: str | None = None,
    bandwidth_nm: float | None = None,
    z_range_nm: tuple[float, float] | None = None,
    progress: Callable[[float], None] | None = None,
) -> RadialFunction:
    """Measure a statistic, and what it is of as many localizations spread evenly at random.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where they are.
    statistic : {"K", "L", "L-r", "g", "G"}, default "L-r"
        Which.
    seed : int or numpy.random.Generator
        Of the simulations.
    n_simulations : int, default 99
        How many.
    rank : int, default 1
        The envelope is from the rank-th smallest to the rank-th largest value at each radius.
    region : Region, optional
        Where they could have been: by default that of the localizations, else their convex hull.
    radii_nm : array-like of shape (n_radii,), nm, optional
        As for the statistic.
    correction : str, optional
        As for the statistic.
    bandwidth_nm : float, optional
        Of g, nm; see `caml.spatial.pair_correlation`.
    z_range_nm : tuple of float, optional
        In 3D, where the window begins and ends in z, nm; by default with the localizations.
    progress : callable, optional
        Called with the share of the simulations that is done.

    Returns
    -------
    RadialFunction
        The statistic with its envelope and the P of the global test.

    Raises
    ------
    InputError
        If there is no such statistic, a number is out of its range, or what the statistic refuses.

    Warns
    -----
    DataWarning
        If localizations lie outside the region.

    Notes
    -----
    At any one radius the value lies outside the envelope in 2·rank of n_simulations + 1 cases
    without structure; over all radii far more often. What may be tested is the maximum absolute
    deviation from theory, over all radii: P = (1 + the number of simulations that deviate at least
    as much)/(n_simulations + 1) (Baddeley et al. 2014; Ripley 1977). L has about the same spread at
    every radius, K has not: test L.

    Examples
    --------
    >>> near = [[x, y] for x in (40, 42, 44) for y in (40, 42, 44)]
    >>> square = Region.rectangle(0, 0, 100, 100)
    >>> envelope(near, region=square, n_simulations=19, seed=1).p_value
    0.05
    """
    check_count(n_simulations=n_simulations, rank=rank)
    if 2 * rank > n_simulations:
        raise InputError(
            f"an envelope of rank {rank} takes at least {2 * rank} simulations (--simulations, or "
            f"n_simulations), got {n_simulations}"
        )
    sample = sample_of(localizations, region=region, z_range_nm=z_range_nm)
    correction = correction or ("kaplan-meier" if statistic == "G" else "rigid")
    found, estimator = measured(
        estimator_of, statistic, sample, sample, radii_nm, correction, bandwidth_nm
    )
    generator = np.random.default_rng(seed)
    curves = np.empty((n_simulations, len(found.radius_nm)))
    for number in range(n_simulations):
        drawn = sample.window.draw(len(sample), generator)
        if number == 0 and statistic != "G":
            what = f"{statistic} of {n_simulations} simulations"
            check_pairs(what, [(drawn, drawn)], estimator.reach_nm, repeats=n_simulations)
        curves[number] = estimator.measure(drawn, drawn)
        if progress is not None:
            progress((number + 1) / n_simulations)
    return with_envelope(found, curves, rank)


def with_envelope(measured: RadialFunction, curves: FloatArray, rank: int = 1) -> RadialFunction:
    """Add the envelope of simulated curves and the P of the global test.

    Parameters
    ----------
    measured : RadialFunction
        What was measured.
    curves : ndarray of shape (n_simulations, n_radii)
        The same of each simulation.
    rank : int, default 1
        The envelope is from the rank-th smallest to the rank-th largest value at each radius.

    Returns
    -------
    RadialFunction
        With both.
    """
    ordered = np.sort(curves, axis=0)
    # Where a simulation has no value, minus sampling had nothing left to look at.
    off = np.nan_to_num(np.abs(np.vstack([measured.value, curves]) - measured.theory))
    furthest = off.max(axis=1)
    n_as_far = int((furthest[1:] >= furthest[0]).sum())
    return replace(
        measured,
        low=ordered[rank - 1],
        high=ordered[-rank],
        n_simulations=len(curves),
        p_value=(1 + n_as_far) / (len(curves) + 1),
    )
