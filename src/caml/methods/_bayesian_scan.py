"""The scores of all thresholds at one radius, in one pass over the localizations.

As the threshold falls, localizations only join clusters and clusters only grow together. All that a
cluster's evidence takes are sums over its localizations, one for each σ, which add up when two
become one. Written for NumPy's arrays, and compiled by `caml.methods._bayesian_compiled` where
there are many localizations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["begin_sums", "evidence", "root_of", "scan"]

# A normal distribution's share beyond so many standard deviations is 0 in double precision.
FAR = 9.0
HALF = math.sqrt(0.5)


def scan(
    order: Any,
    level: Any,
    begin: Any,
    n_linked: Any,
    member: Any,
    positions: Any,
    uncertainty: Any,
    variance: Any,
    log_prior: Any,
    low: Any,
    high: Any,
    model: Any,
    sums: Any,
    score: Any,
    n_clusters: Any,
) -> None:
    """Score each threshold's clusters at one radius.

    Parameters
    ----------
    order : ndarray of shape (n_above,)
        The localizations that any threshold lets in, by descending level.
    level : ndarray of shape (n,)
        The highest threshold that lets each of them in.
    begin, n_linked : ndarray of shape (n,)
        Where the neighbours of each begin in `member`, and how many are near enough to link.
    member : ndarray of shape (n_pairs,)
        The neighbours of all, nearest first.
    positions : ndarray of shape (n, d), nm
        Where they are.
    uncertainty : ndarray of shape (n, 2), nm
        The lateral and the axial one of each.
    variance : ndarray of shape (n_sigma,), nm²
        σ² of clusters, on a grid.
    log_prior : ndarray of shape (n_sigma,)
        The logarithm of the prior probability of each.
    low, high : ndarray of shape (d,), nm
        Between which centres lie.
    model : ndarray of shape (4,)
        log A, α, and the logarithms of the prior probabilities of background and of clusters.
    sums : ndarray of shape (n, 1 + (1 or 2) + d + 1, n_sigma)
        Room: of each cluster Σ log w of all axes, Σ w lateral and, in 3D, axial, Σ w x for each
        axis, and Σ w x² of all axes.
    score : ndarray of shape (n_thresholds,)
        Room for the scores.
    n_clusters : ndarray of shape (n_thresholds,)
        Room for how many clusters there are.
    """
    n = len(level)
    n_dimensions = positions.shape[1]
    log_area, alpha, log_background, log_clustered = model[0], model[1], model[2], model[3]
    parent, size = np.full(n, -1), np.zeros(n, dtype=np.int64)
    changed, own = np.zeros(n, dtype=np.int64), np.zeros(n)
    total = 0.0
    n_found = 0
    n_clustered = 0
    next_one = 0
    for t in range(len(score) - 1, -1, -1):
        n_changed = 0
        while next_one < len(order) and level[order[next_one]] == t:
            one = order[next_one]
            next_one += 1
            parent[one] = one
            size[one] = 1
            own[one] = 0.0
            begin_sums(sums[one], positions[one], uncertainty[one], variance)
            for k in range(begin[one], begin[one] + n_linked[one]):
                if parent[member[k]] < 0:
                    continue
                first, second = root_of(parent, one), root_of(parent, member[k])
                if first == second:
                    continue
                if size[first] < size[second]:
                    first, second = second, first
                parent[second] = first
                # An addition of whole arrays takes four times as long to compile.
                for row in range(sums.shape[1]):
                    for g in range(sums.shape[2]):
                        sums[first, row, g] += sums[second, row, g]
                for root in (first, second):
                    total -= own[root]
                    own[root] = 0.0
                    if size[root] == 1:
                        n_clustered += 1
                    else:
                        n_found -= 1
                n_found += 1
                size[first] += size[second]
                changed[n_changed] = first
                n_changed += 1
        for k in range(n_changed):
            root = changed[k]
            # It may have grown several times, or have become part of another.
            if parent[root] == root and own[root] == 0.0:
                own[root] = math.lgamma(size[root]) - log_area
                own[root] += evidence(sums[root], size[root], log_prior, low, high, n_dimensions)
                total += own[root]
        score[t] = (
            total
            + n_found * math.log(alpha)
            + math.lgamma(alpha)
            - math.lgamma(alpha + n_clustered)
            + n_clustered * log_clustered
            + (n - n_clustered) * (log_background - log_area)
        )
        n_clusters[t] = n_found


def root_of(parent: Any, one: Any) -> Any:
    """Follow parents to the localization that stands for the cluster."""
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    return one


def begin_sums(sums: Any, position: Any, uncertainty: Any, variance: Any) -> None:
    """Write the sums of one localization, w = 1 / (σ² + s²)."""
    n_dimensions = len(position)
    n_kinds = n_dimensions - 1
    for g in range(len(variance)):
        sums[0, g] = 0.0
        square = 0.0
        for axis in range(n_dimensions):
            kind = axis // 2
            if axis != 1:
                weight = 1.0 / (variance[g] + uncertainty[kind] ** 2)
                log_weight = math.log(weight)
                sums[1 + kind, g] = weight
            sums[0, g] += log_weight
            sums[1 + n_kinds + axis, g] = weight * position[axis]
            square += weight * position[axis] ** 2
        sums[1 + n_kinds + n_dimensions, g] = square


def evidence(sums: Any, n: Any, log_prior: Any, low: Any, high: Any, n_dimensions: Any) -> Any:
    """Integrate a cluster's likelihood over its centre, and add it up over σ.

    Returns the logarithm, without the density of centres, 1 / A.
    """
    n_kinds = n_dimensions - 1
    squares = 1 + n_kinds + n_dimensions
    largest, added = -math.inf, 0.0
    for g in range(len(log_prior)):
        value = log_prior[g] + 0.5 * (sums[0, g] - sums[squares, g])
        value -= math.log(sums[1, g])
        if n_kinds == 2:
            value -= 0.5 * math.log(sums[2, g])
        within = 1.0
        for axis in range(n_dimensions):
            weight = sums[1 + axis // 2, g]
            mean = sums[1 + n_kinds + axis, g] / weight
            value += 0.5 * weight * mean * mean
            root = math.sqrt(weight)
            below, above = root * (mean - low[axis]), root * (high[axis] - mean)
            if below < FAR or above < FAR:
                within *= 0.5 * (math.erfc(-below * HALF) - math.erfc(above * HALF))
        if within < 1.0:
            value += math.log(within)
        if value > largest:
            added = added * math.exp(largest - value) + 1.0
            largest = value
        else:
            added += math.exp(value - largest)
    return largest + math.log(added) - 0.5 * (n - 1) * n_dimensions * math.log(2 * math.pi)
