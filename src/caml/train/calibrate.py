"""Scores that mean what they say: among localizations scored 0.8, four in five are clustered."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit

__all__ = ["calibrate", "platt"]

Floats = npt.NDArray[np.floating[Any]]

# Beyond this a score is 0 or 1 to the last digit.
FURTHEST = 1e-7


def platt(score: Floats, truth: npt.NDArray[np.integer[Any]]) -> tuple[float, float]:
    """Find the line of log odds that makes scores agree best with the truth.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Of being clustered, 0 to 1.
    truth : ndarray of shape (n,)
        0 not clustered, 1 clustered.

    Returns
    -------
    slope, intercept : float
        ``log odds → slope · log odds + intercept`` has the smallest cross entropy.

    Notes
    -----
    Platt, Probabilistic outputs for support vector machines, 1999.

    Examples
    --------
    >>> slope, intercept = platt(np.array([0.5] * 4), np.array([0, 1, 1, 1]))
    >>> round(float(1 / (1 + np.exp(-intercept))), 3)
    0.75
    """
    clipped = np.clip(score.astype(np.float64), FURTHEST, 1 - FURTHEST)
    odds = np.log(clipped) - np.log1p(-clipped)
    sign = np.where(truth == 1, 1.0, -1.0)

    def loss(line: Floats) -> tuple[float, Floats]:
        inside = sign * (line[0] * odds + line[1])
        pull = -sign * expit(-inside)
        return -float(log_expit(inside).mean()), np.array([(pull * odds).mean(), pull.mean()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS")
    return float(found.x[0]), float(found.x[1])


def calibrate(
    network: keras.Sequential,
    score: Floats,
    truth: npt.NDArray[np.integer[Any]],
    shares: tuple[float, ...] = (0.5, 0.5),
) -> tuple[float, float]:
    """Calibrate a network of two labels, by the weights of its last layer.

    Parameters
    ----------
    network : keras.Sequential
        Changed in place; ends with one unit under a sigmoid.
    score : ndarray of shape (n,)
        What it says of localizations that it did not learn from.
    truth : ndarray of shape (n,)
        Their labels.
    shares : tuple of float, default (0.5, 0.5)
        Of the labels among these and those that it learnt from. Whatever they are, the scores are
        then right for images half of which is clustered.

    Returns
    -------
    slope, intercept : float
        By which the log odds were changed; 1 and 0 where the network ends otherwise and is left.
    """
    last = network.layers[-1]
    if not isinstance(last, keras.layers.Dense) or last.activation is not keras.activations.sigmoid:
        return 1.0, 0.0
    slope, intercept = platt(score, truth)
    intercept -= float(np.log(shares[1] / shares[0]))
    if not (np.isfinite([slope, intercept]).all() and slope > 0):
        return 1.0, 0.0
    kernel, *bias = last.get_weights()
    if not bias:
        return 1.0, 0.0
    last.set_weights([kernel * slope, bias[0] * slope + intercept])
    return slope, intercept
