"""Every statistic as a function of positions, so that simulations are measured as data are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from caml._arrays import FloatArray
from caml._cost import check_length
from caml._geometry import unit_ball
from caml._window import Window
from caml.errors import InputError
from caml.spatial._pairs import count_pairs
from caml.spatial._window import window_covariance

__all__ = ["Estimator", "PairCorrection", "cross_estimator", "estimator_of"]

PairCorrection = Literal["rigid", "border", "none"]

# Distances are binned this finely, for each bin has one weight; so finely to a kernel's half width.
N_BINS, BINS_PER_KERNEL, MOST_BINS = 1_024, 24, 1 << 14
# Stoyan's rule: half the kernel's width in mean spacings of localizations.
STOYAN = {2: 0.15, 3: 0.26}
# How many distances to the border G needs the eroded region at.
N_EROSIONS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Estimator:
    """A statistic that is ready to be measured, again and again in the same window.

    Parameters
    ----------
    name : str
        Which.
    theory : ndarray of shape (n_radii,)
        What is expected without structure.
    measure : callable
        Takes two sets of positions, which are the same for statistics of one set.
    reach_nm : float
        How far it looks.
    """

    name: str
    theory: FloatArray
    measure: Callable[[FloatArray, FloatArray], FloatArray]
    reach_nm: float


def estimator_of(
    statistic: str,
    window: Window,
    n: int,
    radii: FloatArray,
    correction: str,
    bandwidth_nm: float | None = None,
) -> Estimator:
    """Prepare the measurement of a statistic of one set of localizations."""
    if statistic in ("K", "L", "L-r"):
        if correction == "border":
            k = _minus_sampled_k(window, radii)
        else:
            k = _weighted_k(window, radii, correction)
        return _transformed(statistic, k, radii, window.n_dimensions)
    if statistic == "g":
        return _weighted_g(window, n, radii, correction, bandwidth_nm)
    if statistic == "G":
        return _nearest(window, n, radii, correction)
    raise InputError(f"no statistic is called {statistic!r}; there are: K, L, L-r, g, G")


def cross_estimator(
    statistic: str,
    window: Window,
    n: int,
    radii: FloatArray,
    correction: str,
    bandwidth_nm: float | None = None,
) -> Estimator:
    """Prepare the measurement of a statistic of two sets."""
    if statistic == "K":
        found = _weighted_k(window, radii, correction)
    else:
        found = _weighted_g(window, n, radii, correction, bandwidth_nm)
    return Estimator(f"{found.name}_AB", found.theory, found.measure, found.reach_nm)


def _check_correction(name: str, correction: str, known: tuple[str, ...]) -> None:
    if correction not in known:
        raise InputError(f"the corrections of {name} are {', '.join(known)}; got {correction!r}")


def _ball(radius: FloatArray, n_dimensions: int) -> FloatArray:
    """Return the area of discs, or the volume of balls."""
    return np.asarray(unit_ball(n_dimensions) * radius**n_dimensions)


def _pair_weights(window: Window, ends: FloatArray, correction: str) -> FloatArray:
    """Weigh a pair in each bin by the window's size over how much of it could hold the pair."""
    _check_correction("K and g", correction, ("rigid", "none"))
    if correction == "none":
        return np.ones(len(ends))
    middles = ends - np.diff(ends, prepend=0) / 2
    # A bin beyond the reach of any pair holds none.
    return window.size / np.maximum(window_covariance(window, middles), 1e-9 * window.size)


def _n_pairs(positions: FloatArray, others: FloatArray) -> int:
    """Count ordered pairs of different localizations."""
    same = others is positions
    return len(positions) * (len(others) - same)


def _counted(positions: FloatArray, others: FloatArray, ends: FloatArray) -> FloatArray:
    """Count pairs of different localizations in bins."""
    counts = count_pairs(positions, others, ends).astype(np.float64)
    if others is positions:
        counts[0] -= len(positions)
    return counts


def _weighted_k(window: Window, radii: FloatArray, correction: str) -> Estimator:
    n_each = -(-N_BINS // len(radii))
    starts = np.concatenate(([0.0], radii[:-1]))
    steps = np.arange(1, n_each + 1) / n_each
    ends = (starts[:, None] + (radii - starts)[:, None] * steps).ravel()
    # A radius that was asked for ends its bin exactly.
    ends[n_each - 1 :: n_each] = radii
    weights = _pair_weights(window, ends, correction)

    def measure(positions: FloatArray, others: FloatArray) -> FloatArray:
        weighted = np.cumsum(_counted(positions, others, ends) * weights)[n_each - 1 :: n_each]
        return np.asarray(window.size * weighted / _n_pairs(positions, others))

    return Estimator("K", _ball(radii, window.n_dimensions), measure, float(radii[-1]))


def _minus_sampled_k(window: Window, radii: FloatArray) -> Estimator:
    def measure(positions: FloatArray, _others: FloatArray) -> FloatArray:
        # How many of the radii stay inside the region, around each localization.
        n_inside = np.searchsorted(radii, window.border_distance(positions), side="right")
        counts = np.zeros(len(radii))
        n_cores = np.array([(n_inside > k).sum() for k in range(len(radii))])
        for n in np.unique(n_inside[n_inside > 0]):
            core = positions[n_inside == n]
            counts[:n] += np.cumsum(count_pairs(core, positions, radii[:n])) - len(core)
        with np.errstate(invalid="ignore"):
            return np.asarray(counts / n_cores * window.size / (len(positions) - 1))

    return Estimator("K", _ball(radii, window.n_dimensions), measure, float(radii[-1]))


def _transformed(statistic: str, k: Estimator, radii: FloatArray, n_dimensions: int) -> Estimator:
    """Make L, or L − r, of K."""
    if statistic == "K":
        return k
    off = radii if statistic == "L-r" else np.zeros(len(radii))
    unit = float(_ball(np.ones(1), n_dimensions)[0])

    def measure(positions: FloatArray, others: FloatArray) -> FloatArray:
        return np.asarray((k.measure(positions, others) / unit) ** (1 / n_dimensions) - off)

    return Estimator(statistic, radii - off, measure, k.reach_nm)


def _weighted_g(
    window: Window, n: int, radii: FloatArray, correction: str, bandwidth_nm: float | None
) -> Estimator:
    n_dimensions = window.n_dimensions
    if bandwidth_nm is None:
        bandwidth_nm = STOYAN[n_dimensions] * (window.size / n) ** (1 / n_dimensions)
    check_length(bandwidth_nm=bandwidth_nm)
    reach = float(radii[-1]) + bandwidth_nm
    n_bins = int(np.clip(reach / bandwidth_nm * BINS_PER_KERNEL, N_BINS, MOST_BINS))
    ends = np.linspace(0, reach, n_bins + 1)[1:]
    weights = _pair_weights(window, ends, correction)
    middles = ends - reach / n_bins / 2
    # What a bin would hold without structure: its ring, or shell.
    expected = np.diff(_ball(ends, n_dimensions), prepend=0)

    def smoothed(values: FloatArray) -> FloatArray:
        total = np.empty(len(radii))
        for k, radius in enumerate(radii):
            low, high = np.searchsorted(middles, (radius - bandwidth_nm, radius + bandwidth_nm))
            part = slice(low, high)
            total[k] = values[part] @ (1 - ((middles[part] - radius) / bandwidth_nm) ** 2)
        return total

    if reach / n_bins > bandwidth_nm / 2:
        raise InputError(
            f"a bandwidth of {bandwidth_nm:g} nm is too small for radii up to {radii[-1]:g} nm: "
            "choose smaller radii (--radius), or in Python a larger bandwidth_nm"
        )
    by_chance = smoothed(expected)

    def measure(positions: FloatArray, others: FloatArray) -> FloatArray:
        pairs = smoothed(_counted(positions, others, ends) * weights)
        return np.asarray(window.size * pairs / _n_pairs(positions, others) / by_chance)

    return Estimator("g", np.ones(len(radii)), measure, reach)


def _nearest(window: Window, n: int, radii: FloatArray, correction: str) -> Estimator:
    _check_correction("G", correction, ("kaplan-meier", "hanisch", "none"))
    erosions = np.linspace(0, radii[-1], N_EROSIONS)
    left = window.eroded(erosions) if correction == "hanisch" else np.empty(0)

    def measure(positions: FloatArray, _others: FloatArray) -> FloatArray:
        from scipy.spatial import cKDTree

        nearest = np.asarray(cKDTree(positions).query(positions, 2)[0])[:, 1]
        if correction == "none":
            return np.searchsorted(np.sort(nearest), radii, side="right") / len(nearest)
        border = window.border_distance(positions)
        if correction == "kaplan-meier":
            return _kaplan_meier(nearest, border, radii)
        seen = np.sort(nearest[(nearest <= border) & (nearest <= radii[-1])])
        weight = 1 / np.maximum(np.interp(seen, erosions, left), 1e-9 * window.size)
        cumulated = np.concatenate(([0.0], np.cumsum(weight)))
        # λ̂ of the same weights takes those that were seen beyond the largest radius, too.
        beyond = nearest[(nearest <= border) & (nearest > radii[-1])]
        total = cumulated[-1] + (1 / np.maximum(window.eroded(beyond), 1e-9 * window.size)).sum()
        at = np.searchsorted(seen, radii, side="right")
        return np.asarray(cumulated[at] / total) if total > 0 else np.full(len(radii), np.nan)

    unit = _ball(radii, window.n_dimensions)
    return Estimator("G", 1 - np.exp(-n / window.size * unit), measure, float(radii[-1]))


def _kaplan_meier(nearest: FloatArray, border: FloatArray, radii: FloatArray) -> FloatArray:
    """Estimate the distribution of distances, of which some are only known to be larger."""
    known = nearest <= border
    # Distances that are known count among those at risk at the same distance, so they come first.
    at_risk = np.sort(np.minimum(nearest, border))
    times, n_died = np.unique(nearest[known], return_counts=True)
    n_left = len(at_risk) - np.searchsorted(at_risk, times, side="left")
    survival = np.concatenate(([1.0], np.cumprod(1 - n_died / n_left)))
    return np.asarray(1 - survival[np.searchsorted(times, radii, side="right")])
