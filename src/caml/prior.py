"""How large a share of an image is clustered, and what that means for labels.

Networks learn from as many clustered as unclustered localizations. Where fewer are clustered, the
same score means less: among a million localizations spread by chance, the scores of tens of
thousands are above one half.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from caml._arrays import IntArray
from caml.errors import InputError

__all__ = [
    "Prior",
    "check_prior",
    "choose_prior",
    "clustered_share",
    "score_histogram",
    "threshold_under",
]

Named = Literal["auto", "image", "balanced"]
Prior = Named | float

# Scores are counted by their log odds: a sum of counts is the same however an image is divided.
N_BINS = 4_096
FURTHEST = 16.0
N_ITERATIONS = 2_000
CLOSE = 1e-7
# Scores counted at once, so that memory does not grow with them.
CHUNK = 1 << 18
# No share is estimated to be less.
SMALLEST = 1e-6


def check_prior(prior: Prior) -> None:
    """Refuse what is no share.

    Parameters
    ----------
    prior : {"auto", "image", "balanced"} or float
        What was asked for.

    Raises
    ------
    InputError
        If it is neither one of the names nor a number between 0 and 1.
    """
    if isinstance(prior, str):
        if prior not in get_args(Named):
            raise InputError(
                f"prior must be {', '.join(get_args(Named))} or a number between 0 and 1, got "
                f"{prior!r}"
            )
    elif not 0 < prior < 1:
        raise InputError(f"prior must be above 0 and below 1, got {prior:g}")


def score_histogram(score: npt.NDArray[np.floating[Any]]) -> IntArray:
    """Count scores by their log odds.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Of being clustered, from 0 to 1; NaN is not counted.

    Returns
    -------
    ndarray of shape (4096,), int
        How many lie in each bin from −16 to 16; what lies beyond is in the first and last.
    """
    counts = np.zeros(N_BINS, dtype=np.int64)
    for start in range(0, len(score), CHUNK):
        part = score[start : start + CHUNK]
        known = part[~np.isnan(part)].astype(np.float64)
        with np.errstate(divide="ignore"):
            odds = np.log(known) - np.log1p(-known)
        which = np.clip((odds + FURTHEST) * (N_BINS / (2 * FURTHEST)), 0, N_BINS - 1)
        counts += np.bincount(which.astype(np.int64), minlength=N_BINS)
    return counts


def clustered_share(histogram: IntArray) -> float:
    """Estimate from its scores how large a share of an image is clustered.

    Parameters
    ----------
    histogram : ndarray of shape (4096,), int
        As `score_histogram` returns it.

    Returns
    -------
    float
        From 1e-6 to 1 − 1e-6; 0.5 where nothing was scored.

    Notes
    -----
    Scores of a calibrated network of balanced training are odds s/(1 − s) of the two kinds. The
    share π that makes an image's scores likeliest is found by ``π ← mean π·s/(π·s + (1 − π)(1 −
    s))`` (Saerens, Latinne & Decaestecker, Neural Computation 2002, eq. 2.9).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> odds = np.concatenate((rng.normal(2, 2, 3_000), rng.normal(-2, 2, 7_000)))
    >>> round(clustered_share(score_histogram(1 / (1 + np.exp(-odds)))), 1)
    0.3
    """
    held = np.flatnonzero(histogram)
    if not len(held):
        return 0.5
    counts = histogram[held] / histogram.sum()
    middle = (held + 0.5) * (2 * FURTHEST / N_BINS) - FURTHEST
    ratio = np.exp(middle)
    share = 0.5
    for _ in range(N_ITERATIONS):
        weighted = share * ratio
        found = float((counts * (weighted / (weighted + (1 - share)))).sum())
        found = min(max(found, SMALLEST), 1 - SMALLEST)
        if abs(found - share) < CLOSE * share:
            break
        share = found
    return share


def choose_prior(prior: Prior, histogram: IntArray, by_chance: float) -> float:
    """Turn what was asked for into the share that labels assume.

    Parameters
    ----------
    prior : {"auto", "image", "balanced"} or float
        A share; or ``"balanced"``, one half, as networks are trained; ``"image"``, what
        `clustered_share` estimates; ``"auto"``, balanced unless that estimate is such as chance
        gives in images without clusters, and then the estimate.
    histogram : ndarray of shape (4096,), int
        Of the image's scores.
    by_chance : float
        Below which share the network's scores are such as chance gives.

    Returns
    -------
    float
        The share of the clustered.

    Notes
    -----
    With one half both kinds of localization are found equally well, whatever their number; with
    the image's own share the fewest labels are wrong, and clusters that are hard to see go first.
    ``"auto"`` has the former where there are clusters, and invents none where there are none.
    """
    if not isinstance(prior, str):
        return float(prior)
    if prior == "balanced":
        return 0.5
    share = clustered_share(histogram)
    if prior == "image":
        return share
    # Never more than balanced: chance is no reason to call more clustered.
    return min(share, 0.5) if share < by_chance else 0.5


def threshold_under(threshold: float, prior: float) -> float:
    """Return which score of balanced training stands for a threshold under another share.

    Parameters
    ----------
    threshold : float
        For the probability of being clustered, given the share.
    prior : float
        The share of the clustered.

    Returns
    -------
    float
        For the network's score.

    Examples
    --------
    >>> threshold_under(0.5, 0.5), threshold_under(0.5, 0.25)
    (0.5, 0.75)
    """
    unclustered = threshold * (1 - prior)
    clustered = (1 - threshold) * prior
    return unclustered / (unclustered + clustered)
