"""Drift of the sample in the course of a recording: estimated from the image, and taken away."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml._arrays import FloatArray, IntArray
from caml.errors import InputError
from caml.localizations import Localizations
from caml.prepare._columns import channels_of, frames_of, position_columns, with_positions

__all__ = ["Drift", "correct_drift", "estimate_drift"]

FEWEST_PER_BIN = 100
# The pixels of the images that are correlated, nm, and how many there may be along a side.
PIXEL_NM = 20.0
MOST_PIXELS = 2_048
# What varies over less than so many pixels is noise, over more it is the cell and the camera's
# field, whose edges do not drift.
FINEST, COARSEST = 1.0, 15.0
# How often the two halves of the localizations take turns in a bin.
N_TURNS = 10
# A drift that is known no better would blur what it is to sharpen: single localizations are known
# so well.
WORST_NM = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """How far the sample has moved, frame by frame.

    Parameters
    ----------
    frame : ndarray of shape (n_frames,)
        The frames that have localizations, in order.
    shift_nm : ndarray of shape (n_frames, 2), nm
        How far it has moved since the first of them, in x and y.
    precision_nm : float
        The standard deviation of a coordinate of `bin_shift_nm`, estimated from two halves of the
        localizations, nm.
    bin_frame : ndarray of shape (n_bins,)
        The mean frame of the localizations of each bin.
    bin_shift_nm : ndarray of shape (n_bins, 2), nm
        What was measured for it; `shift_nm` runs through these.
    """

    frame: IntArray
    shift_nm: FloatArray
    precision_nm: float
    bin_frame: FloatArray
    bin_shift_nm: FloatArray

    @property
    def table(self) -> pd.DataFrame:
        """A row per frame: frame, drift_x_nm, drift_y_nm."""
        x, y = self.shift_nm.T
        return pd.DataFrame({"frame": self.frame, "drift_x_nm": x, "drift_y_nm": y})


def estimate_drift(
    localizations: Localizations,
    *,
    n_bins: int = 5,
    pixel_nm: float | None = None,
    furthest_nm: float = 500.0,
) -> Drift:
    """Estimate the drift in x and y by the redundant cross-correlation of images.

    Parameters
    ----------
    localizations : Localizations
        With frames. Only localizations of the same channel are compared with each other; channels
        that were recorded one after the other, not in turns, are refused: each needs a drift.
    n_bins : int, default 5
        Into how many images the recording is divided, of as many localizations each. More follow
        a quicker drift and are each less precise.
    pixel_nm : float, optional
        The pixel size of these images, nm; by default 20, or 1/2048 of the field if that is more.
    furthest_nm : float, default 500
        How far two of these images may be shifted from each other along x or y. The nearer, the
        fewer localizations can tell the drift.

    Returns
    -------
    Drift
        How far the sample has moved since the first frame.

    Raises
    ------
    InputError
        If there are no frames, too few of them or too few localizations; if a channel is missing
        in a part of the recording; if the drift is as large as was looked for; or if the halves of
        the localizations leave more than 25 nm of doubt: then nothing in the image tells the drift.

    Notes
    -----
    Redundant cross-correlation: Wang et al. 2014, Optics Express 22:15982. Of every pair of bins
    the cross-correlation's highest point within reach is sought, between pixels on a cubic spline;
    the shifts s_ij are explained by ``d_j − d_i`` in least squares with a Cauchy loss, which passes
    over wrong peaks. Between the bins' mean frames runs a natural cubic spline, before and behind
    them its tangent. The images tell which pixels hold any localization, and are band-passed
    (Gaussians of 1 and 15 pixels), so that the cell and the edges of the field, which do not drift,
    count for little.

    The precision: localizations are divided by turns of a tenth of a bin, for a molecule that
    blinks must not be in both halves; each half gives a drift, and the standard deviation of the
    whole is half of that of their difference. It tells how well the bins' shifts repeat. Drift
    within a bin it does not see, nor the way before the first and behind the last, nor a wrong peak
    that both halves share: see whether other bins give the same path.

    Williamson et al. 2020 used ThunderSTORM's cross-correlation with five bins.

    Examples
    --------
    >>> from caml.simulate import Scenario, simulate
    >>> cell = simulate(Scenario(density=300, field_um=15), seed=1).localizations
    >>> moved = cell.positions + np.column_stack((cell.frame * 0.01, cell.frame * 0))
    >>> drift = estimate_drift(replace(cell, positions=moved))
    >>> bool(abs(drift.shift_nm[-1, 0] - 200) < 20)
    True
    """
    frame = frames_of(localizations, "drift correction")
    usable = np.flatnonzero(localizations.finite)
    _check(n_bins, pixel_nm, furthest_nm, len(usable))
    frame, positions = frame[usable], localizations.positions[usable, :2]
    channel = channels_of(localizations)[usable]
    bins = _bins(frame, n_bins)
    _check_channels(channel, bins, frame)
    extent = float(np.ptp(positions, axis=0).max())
    size = pixel_nm or max(PIXEL_NM, extent / MOST_PIXELS)
    if extent / size > 4 * MOST_PIXELS:
        raise InputError(
            f"pixels of {size:g} nm are too many for a field of {extent:g} nm: give a pixel_nm of "
            f"at least {extent / (4 * MOST_PIXELS):.3g}"
        )
    half = _halves(frame, bins)
    whole, *parts = (
        _bin_shifts(positions[rows], bins[rows], channel[rows], size, furthest_nm)
        for rows in (half | True, half, ~half)
    )
    apart = parts[0] - parts[1]
    apart -= apart.mean(axis=0)
    # The mean is not known: one bin is lost to it.
    precision = 0.5 * math.sqrt(float((apart**2).sum()) / (2 * (n_bins - 1)))
    if precision > WORST_NM:
        raise InputError(
            f"the drift cannot be told: two halves of the localizations give drifts that leave "
            f"{precision:.0f} nm of doubt, more than {WORST_NM:g}; take fewer bins, let them be "
            f"further than {furthest_nm:g} nm apart if the drift is, or leave it as it is"
        )
    if np.ptp(whole, axis=0).max() > furthest_nm - size:
        raise InputError(
            f"the drift is as large as was looked for, {furthest_nm:g} nm: look further, with "
            f"--drift-furthest {2 * furthest_nm:g} (Python: furthest_nm={2 * furthest_nm:g})"
        )
    centres = np.bincount(bins, weights=frame) / np.bincount(bins)
    frames = np.unique(frame)
    shift = _through(centres, whole, frames.astype(np.float64))
    return Drift(frames, shift - shift[0], precision, centres, whole - shift[0])


def correct_drift(localizations: Localizations, drift: Drift) -> Localizations:
    """Put every localization where it would have been in the first frame.

    Parameters
    ----------
    localizations : Localizations
        With frames.
    drift : Drift
        Of `estimate_drift`. Frames that it does not have take what lies between their neighbours'.

    Returns
    -------
    Localizations
        With other x and y, in the table too, and a line of history; z is as it was.

    Raises
    ------
    InputError
        If there are no frames.

    Examples
    --------
    >>> none = np.empty((0, 2))
    >>> drift = Drift(np.array([1, 3]), np.array([[0.0, 0.0], [8.0, 2.0]]), 1.0, none[:, 0], none)
    >>> localizations = Localizations([[10.0, 10.0], [10.0, 10.0]], frame=[1, 2])
    >>> correct_drift(localizations, drift).positions.tolist()
    [[10.0, 10.0], [6.0, 9.0]]
    """
    frame = frames_of(localizations, "drift correction")
    positions = np.array(localizations.positions, dtype=np.float64)
    for axis, shift in enumerate(drift.shift_nm.T):
        positions[:, axis] -= np.interp(frame, drift.frame, shift)
    furthest = float(np.hypot(*(drift.shift_nm - drift.shift_nm[:1]).T).max(initial=0.0))
    flat = "" if localizations.n_dimensions == 2 else "; z as it was"
    line = (
        f"corrected x and y for a drift of at most {furthest:.1f} nm since the first frame; "
        f"the shifts of {len(drift.bin_frame)} bins repeat to {drift.precision_nm:.1f} nm{flat}"
    )
    return replace(
        localizations,
        positions=positions,
        table=with_positions(localizations.table, positions, position_columns(localizations)),
        history=(*localizations.history, line),
    )


def _check(n_bins: int, pixel_nm: float | None, furthest_nm: float, n: int) -> None:
    """Refuse parameters that are out of range, and too few localizations."""
    if n_bins < 2 or n_bins != int(n_bins):
        raise InputError(f"n_bins must be a whole number of at least 2, got {n_bins}")
    for name, length in (("pixel_nm", pixel_nm), ("furthest_nm", furthest_nm)):
        if length is not None and not 0 < length < math.inf:
            raise InputError(f"{name} must be a number of nm above 0, got {length}")
    if n < FEWEST_PER_BIN * n_bins:
        raise InputError(
            f"drift correction in {n_bins} bins needs at least {FEWEST_PER_BIN * n_bins} "
            f"localizations with a finite position; got {n}: "
            + ("take fewer bins, or " if n >= 2 * FEWEST_PER_BIN else "")
            + "leave the drift as it is"
        )


def _bins(frame: npt.NDArray[np.int64], n_bins: int) -> npt.NDArray[np.int64]:
    """Divide whole frames into bins of about as many localizations."""
    in_order = np.sort(frame)
    last = in_order[np.arange(1, n_bins) * len(frame) // n_bins]
    bins = np.searchsorted(last, frame, side="right")
    if len(np.unique(bins)) < n_bins or np.bincount(bins).min() < FEWEST_PER_BIN // 2:
        raise InputError(
            f"drift correction in {n_bins} bins needs localizations in many frames; these lie in "
            f"{len(np.unique(frame))}, most of them in few: take fewer bins, or leave the drift as "
            "it is"
        )
    return bins


def _check_channels(
    channel: npt.NDArray[np.int64],
    bins: npt.NDArray[np.int64],
    frame: npt.NDArray[np.int64],
) -> None:
    """Refuse channels that were recorded one after the other: nothing links their drifts."""
    for one in np.unique(channel):
        rows = channel == one
        n_in_bin = np.bincount(bins[rows], minlength=int(bins.max()) + 1)
        # A few strays of another channel neither help nor harm.
        if rows.mean() > 0.05 and n_in_bin.min() < 0.01 * rows.sum():
            raise InputError(
                f"a channel has its localizations in frames {frame[rows].min()} to "
                f"{frame[rows].max()} of {frame.min()} to {frame.max()}, and (nearly) none in a "
                "part of the recording: channels that were recorded one after the other need a "
                "drift each; give them one by one, with --keep channel=0:0 or what it is called"
            )


def _halves(frame: npt.NDArray[np.int64], bins: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell which localizations are in the first half, which takes turns with the other."""
    order = np.argsort(frame, kind="stable")
    counts = np.bincount(bins)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    turn = (np.arange(len(frame)) - before) * N_TURNS // np.repeat(counts, counts)
    first = np.empty(len(frame), dtype=bool)
    first[order] = turn % 2 == 0
    return first


def _bin_shifts(
    positions: FloatArray,
    bins: npt.NDArray[np.int64],
    channel: npt.NDArray[np.int64],
    pixel_nm: float,
    furthest_nm: float,
) -> npt.NDArray[np.float64]:
    """Measure how far each bin is shifted from their mean, (n_bins, 2), nm."""
    from scipy.optimize import least_squares

    _, channel = np.unique(channel, return_inverse=True)
    spectra = _spectra(positions, (bins, channel), pixel_nm, furthest_nm)
    n = len(spectra)
    i, j = np.array(list(combinations(range(n), 2))).T
    reach = math.ceil(furthest_nm / pixel_nm)
    measured = np.array([_peak(spectra[a], spectra[b], reach) for a, b in zip(i, j, strict=True)])

    def residuals(path: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        whole = path.reshape(n, 2)
        # The last row keeps the mean at 0, which the pairs leave open.
        return np.vstack((whole[j] - whole[i] - measured, whole.sum(axis=0))).ravel()

    # The median of all ways from one bin to each is near enough to begin with.
    way = np.zeros((n, n, 2))
    way[i, j], way[j, i] = measured, -measured
    start = np.median(way, axis=0)
    found = least_squares(residuals, start.ravel(), loss="cauchy", f_scale=1.0)
    return np.asarray(found.x.reshape(n, 2) * pixel_nm)


def _spectra(
    positions: FloatArray,
    groups: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    pixel_nm: float,
    furthest_nm: float,
) -> list[npt.NDArray[np.complex64]]:
    """Draw each bin, a plane per channel, and return the band-passed Fourier transforms."""
    from scipy import fft

    low = positions.min(axis=0)
    shape = [
        # Not smaller than what is looked at of the correlation.
        fft.next_fast_len(math.floor(side) + 2 * math.ceil(furthest_nm / pixel_nm) + 1, real=True)
        for side in (positions.max(axis=0) - low) / pixel_nm
    ]
    x, y = ((positions - low) / pixel_nm).astype(np.int64).T
    frequencies = fft.fftfreq(shape[0]), fft.rfftfreq(shape[1])
    exponent = -2 * np.pi**2 * np.add.outer(*map(np.square, frequencies))
    band = np.exp(FINEST**2 * exponent) - np.exp(COARSEST**2 * exponent)
    bins, channel = groups
    spectra = []
    for one in range(int(bins.max()) + 1):
        rows = bins == one
        # A pixel counts once: a molecule that blinks a hundred times would decide all by itself.
        image = np.zeros((int(channel.max()) + 1, *shape), dtype=np.float32)
        image[channel[rows], x[rows], y[rows]] = 1
        spectra.append((fft.rfft2(image) * band).astype(np.complex64))
    return spectra


def _peak(
    first: npt.NDArray[np.complex64], second: npt.NDArray[np.complex64], reach: int
) -> npt.NDArray[np.float64]:
    """Tell how far the second image is shifted from the first, at most so far, in pixels."""
    from scipy import fft
    from scipy.interpolate import RectBivariateSpline
    from scipy.optimize import minimize

    correlation = fft.irfft2((np.conj(first) * second).sum(axis=0))
    # From the second corner of the plane around to the first: shifts of −reach to reach.
    steps = np.arange(-reach, reach + 1)
    near = correlation[np.ix_(steps, steps)].astype(np.float64)
    near /= max(float(near.max()), np.finfo(float).tiny)
    x, y = np.unravel_index(int(near.argmax()), near.shape)
    surface = RectBivariateSpline(steps, steps, -near)

    def depth(place: FloatArray) -> float:
        return float(surface.ev(place[0], place[1]))

    def slope(place: FloatArray) -> FloatArray:
        return np.array([surface.ev(place[0], place[1], dx, 1 - dx) for dx in (1, 0)])

    top = np.array([steps[x], steps[y]], dtype=np.float64)
    bounds = [(max(-reach, one - 1), min(reach, one + 1)) for one in top]
    return np.asarray(minimize(depth, top, jac=slope, bounds=bounds).x)


def _through(
    centres: FloatArray, shifts: FloatArray, frames: FloatArray
) -> npt.NDArray[np.float64]:
    """Run a natural spline through the bins, and its tangents before and behind them."""
    from scipy.interpolate import CubicSpline

    curve = CubicSpline(centres, shifts, bc_type="natural")
    inside = np.clip(frames, centres[0], centres[-1])
    beyond = (frames - inside)[:, None]
    return np.asarray(curve(inside) + beyond * curve(inside, 1))
