"""Bayesian cluster analysis: of many ways to cluster a region, the most probable one."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caml._arrays import BoolArray, FloatArray, IntArray
from caml._cost import check_cost, estimated_pairs
from caml._machine import in_threads, n_threads
from caml.errors import DataWarning
from caml.localizations import Localizations
from caml.methods._bayesian_model import N_SIGMA, Model
from caml.methods._bayesian_pairs import Pairs
from caml.methods._points import CannotTellError, Points, points_of
from caml.methods._window import Window
from caml.methods.getis_franklin import FEWEST, window_for
from caml.segment import Segmentation

__all__ = ["Proposals", "bayesian", "score_surface"]

NAME = "Bayesian cluster analysis"

# Where nothing else is chosen.
RADIUS_MAX_NM = 300.0
# Localizations times radii from which on the scan is compiled, which takes two seconds once; fewer
# take a second as it is.
COMPILED_FROM = 1_000
# Of each ordered pair of localizations within twice the largest radius: its record in SciPy's list,
# the list's order, and what is kept. Seconds on a core of 2.5 GHz: to find pairs and sort them, to
# link them at each radius, and to score a localization at each radius.
BYTES_PER_PAIR = 60
SECONDS_PER_PAIR = 3e-7
SECONDS_PER_LINK = 3e-9
SECONDS_PER_LOCALIZATION = 6e-6


@dataclass(frozen=True, slots=True, eq=False)
class Proposals:
    """Ways to cluster a region, one for each radius and threshold, and how probable each is.

    Parameters
    ----------
    radius_nm : ndarray of shape (n_radii,), nm
        The radii r.
    threshold_nm : ndarray of shape (n_thresholds,), nm
        The thresholds T of L(r).
    score : ndarray of shape (n_radii, n_thresholds)
        The logarithm of each one's posterior probability, up to a constant.
    n_clusters : ndarray of shape (n_radii, n_thresholds)
        How many clusters each has.
    score_unclustered : float
        The score of no clusters at all, which the grid need not hold.
    """

    radius_nm: FloatArray
    threshold_nm: FloatArray
    score: FloatArray
    n_clusters: IntArray
    score_unclustered: float

    @property
    def best(self) -> tuple[int, int]:
        """Which radius and threshold have the highest score; the smallest of several."""
        i, j = np.unravel_index(self.score.argmax(), self.score.shape)
        return int(i), int(j)

    @property
    def best_radius_nm(self) -> float:
        """The radius of the most probable one, nm."""
        return float(self.radius_nm[self.best[0]])

    @property
    def best_threshold_nm(self) -> float:
        """The threshold of the most probable one, nm."""
        return float(self.threshold_nm[self.best[1]])


def bayesian(
    localizations: Localizations | npt.ArrayLike,
    *,
    radius_step_nm: float = 5.0,
    radius_max_nm: float = RADIUS_MAX_NM,
    threshold_step_nm: float = 5.0,
    threshold_max_nm: float = 500.0,
    p_background: float = 0.5,
    alpha: float = 20.0,
    sigma_max_nm: float = 100.0,
    uncertainty_nm: float = 10.0,
    axial_factor: float = 2.0,
) -> Segmentation:
    """Find the most probable clusters among those of many radii and thresholds.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look: a region of some thousands. What lies outside their region is in no cluster.
    radius_step_nm, radius_max_nm : float, default 5 and 300
        The radii r: from one step to the largest, nm.
    threshold_step_nm, threshold_max_nm : float, default 5 and 500
        The thresholds T of L(r), likewise.
    p_background : float, default 0.5
        The prior probability that a localization is in no cluster.
    alpha : float, default 20
        The concentration of the Dirichlet process: the larger, the more clusters.
    sigma_max_nm : float, default 100
        The largest standard deviation of a cluster, nm; all up to it are equally probable.
    uncertainty_nm : float, default 10
        The localization uncertainty where localizations have none of their own, nm.
    axial_factor : float, default 2
        How many times as large it is along z.

    Returns
    -------
    Segmentation
        The clusters of the proposal with the highest score, none if no clusters at all are more
        probable; numbered by their first localization, without outlines.

    Raises
    ------
    InputError
        If a parameter is out of its range, the region is too small for the largest radius, or there
        are too many localizations.

    Warns
    -----
    DataWarning
        If uncertainties are not finite or not above 0; such take the median of the others.

    Notes
    -----
    Rubin-Delanchy et al. 2015, Griffié et al. 2016 and, in 3D, Griffié et al. 2017; see
    `score_surface`. Proposals may have clusters of two localizations. The defaults expect half of
    all localizations in clusters, and the best of many proposals takes chance for clusters where
    there are none: of complete spatial randomness, 450 to 1,800 localizations in 3 × 3 µm, 12 to
    19 % come out clustered; with a `p_background` of 0.9 it is 1 to 3 %.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> discs = [[500, 500], [1500, 1500]] + rng.normal(0, 20, (25, 2, 2))
    >>> positions = [*discs.reshape(-1, 2), *rng.uniform(0, 2000, (50, 2))]
    >>> bayesian(positions, radius_step_nm=20, radius_max_nm=100).n_clusters
    2
    """
    model = Model(
        radius_step_nm=radius_step_nm,
        radius_max_nm=radius_max_nm,
        threshold_step_nm=threshold_step_nm,
        threshold_max_nm=threshold_max_nm,
        p_background=p_background,
        alpha=alpha,
        sigma_max_nm=sigma_max_nm,
        uncertainty_nm=uncertainty_nm,
        axial_factor=axial_factor,
    )
    points = points_of(localizations, NAME)
    try:
        window = window_for(points, "radius_max_nm", model.radii[-1], RADIUS_MAX_NM)
    except CannotTellError as why:
        return points.nothing("bayesian", why)
    proposals, pairs = _score(points, window, _uncertainties(localizations, points, model), model)
    i, j = proposals.best
    radius, threshold = model.radii[i], model.thresholds[j]
    made_by = (
        f"bayesian, radius {radius:.4g} nm, threshold {threshold:.4g} nm, p_background "
        f"{p_background:.4g}, alpha {alpha:.4g}, sigma up to {sigma_max_nm:.4g} nm"
    )
    if proposals.score[i, j] <= proposals.score_unclustered:
        return points.segmentation(np.full(len(points), -1), made_by)
    return points.segmentation(pairs.clusters(i, threshold), made_by)


def score_surface(localizations: Localizations | npt.ArrayLike, **parameters: float) -> Proposals:
    """Score the clusters of many radii and thresholds.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        A region of some thousands.
    **parameters : float
        As for `bayesian`, with the same defaults.

    Returns
    -------
    Proposals
        Their scores; of fewer than 3 localizations all are 0.

    Raises
    ------
    InputError
        As of `bayesian`.

    Warns
    -----
    DataWarning
        As of `bayesian`.

    Notes
    -----
    The proposal (r, T) clusters the localizations of which L(r), as `caml.methods.local_l` has it,
    is at least T; those closer than 2 r to each other are in the same cluster, and one that is
    alone is not clustered. Its score is the logarithm of (Rubin-Delanchy et al. 2015, Methods) ::

        p(clusters) · (1 / A)^n_background · Π over clusters p(positions | cluster)

        p(clusters) = p_b^n_background · (1 − p_b)^n_clustered
                      · α^m · Γ(α) / Γ(α + n_clustered) · Π over the m clusters Γ(n_k)

        p(positions | cluster) = Σ_σ p(σ) ∫ dμ / A · Π over its n_k localizations
                                 N(x_i; μ, σ² + s_i²)

    with the region's area A (in 3D, volume), localization uncertainties s_i and a cluster's centre
    μ evenly in the box around the region. Per axis, with ``w_i = 1 / (σ² + s_i²)``, ``W = Σ w_i``
    and ``m = Σ w_i x_i / W``, the integral from a to b is ::

        (2π)^(−(n_k − 1) / 2) · √(Π w_i / W) · exp(−(Σ w_i x_i² − W m²) / 2)
        · (Φ(√W (b − m)) − Φ(√W (a − m)))

    The defaults of p_b and α, 100 values of σ up to 100 nm, and the thresholds are those of the
    authors' code, whose radii are 10 to 200 nm; it takes the prior of σ from its user, here it is
    flat. It has positions at opposite borders as neighbours, where L(r) is corrected for the border
    here. Uncertainties are below 10 nm in many cases (Williamson et al. 2020, Discussion), and σ
    takes up what they lack. Along z they are about twice as large (Huang et al. 2008); clusters are
    round.

    Examples
    --------
    >>> import numpy as np
    >>> positions = np.random.default_rng(1).normal(1000, 30, (40, 2))
    >>> from caml.localizations import Region
    >>> region = Region.rectangle(0, 0, 2000, 2000)
    >>> proposals = score_surface(Localizations(positions, region=region), radius_step_nm=50)
    >>> proposals.score.shape, int(proposals.n_clusters[proposals.best])
    ((6, 100), 1)
    """
    model = Model(**{**(bayesian.__kwdefaults__ or {}), **parameters})
    points = points_of(localizations, NAME)
    if len(points) < FEWEST:
        shape = (len(model.radii), len(model.thresholds))
        none = np.zeros(shape, dtype=np.int64)
        return Proposals(model.radii, model.thresholds, np.zeros(shape), none, 0.0)
    window = window_for(points, "radius_max_nm", model.radii[-1], RADIUS_MAX_NM)
    return _score(points, window, _uncertainties(localizations, points, model), model)[0]


def _score(
    points: Points, window: Window, uncertainty: FloatArray, model: Model
) -> tuple[Proposals, Pairs]:
    """Score all proposals."""
    radii, thresholds = model.radii, model.thresholds
    _check_cost(points, model)
    pairs = Pairs(points, window, radii)
    # Sums of squares of small numbers lose nothing.
    centre = (window.low + window.high) / 2
    positions, low, high = points.positions - centre, window.low - centre, window.high - centre
    beliefs = np.array(
        [
            math.log(window.size),
            model.alpha,
            math.log(model.p_background),
            math.log1p(-model.p_background),
        ]
    )
    log_prior = np.full(N_SIGMA, -math.log(N_SIGMA))
    room = (len(points), 2 * points.n_dimensions + 1, N_SIGMA)
    if len(points) * len(radii) >= COMPILED_FROM:
        from caml.methods._bayesian_compiled import scan
    else:
        from caml.methods._bayesian_scan import scan

    def at_radius(i: int) -> tuple[FloatArray, IntArray]:
        level = np.searchsorted(thresholds, pairs.local_l[i], side="right") - 1
        order = np.argsort(-level, kind="stable")[: int((level >= 0).sum())]
        score, n_clusters = np.empty(len(thresholds)), np.empty(len(thresholds), dtype=np.int64)
        linked = np.ascontiguousarray(pairs.n_linked[:, i])
        scan(
            order,
            level,
            pairs.begin,
            linked,
            pairs.member,
            positions,
            uncertainty,
            model.variances,
            log_prior,
            low,
            high,
            beliefs,
            np.empty(room),
            score,
            n_clusters,
        )
        return score, n_clusters

    found = list(in_threads(at_radius, range(len(radii))))
    score, n_clusters = (np.stack(each) for each in zip(*found, strict=True))
    score_unclustered = len(points) * (beliefs[2] - beliefs[0])
    return Proposals(radii, thresholds, score, n_clusters, float(score_unclustered)), pairs


def _check_cost(points: Points, model: Model) -> None:
    """Refuse what does not fit in memory, or never ends, told from some localizations."""
    from scipy.spatial import cKDTree

    n, n_radii = len(points), len(model.radii)
    n_pairs = estimated_pairs(cKDTree(points.positions), 2 * model.radii[-1])
    room = (2 * points.n_dimensions + 1) * N_SIGMA * 8 * n_threads() + 32 * n_radii
    check_cost(
        NAME,
        n,
        n_bytes=n_pairs * BYTES_PER_PAIR + n * room,
        seconds=n_pairs * (SECONDS_PER_PAIR + n_radii * SECONDS_PER_LINK)
        + n * n_radii * SECONDS_PER_LOCALIZATION,
    )


def _uncertainties(
    localizations: Localizations | npt.ArrayLike, points: Points, model: Model
) -> FloatArray:
    """Return the uncertainty of each localization in the plane and along z, nm."""
    lateral = np.full(len(points), float(model.uncertainty_nm))
    given = localizations.uncertainty_nm if isinstance(localizations, Localizations) else None
    if given is not None:
        lateral = given[points.rows].astype(np.float64)
        usable: BoolArray = np.isfinite(lateral) & (lateral > 0)
        if not usable.all():
            instead = float(np.median(lateral[usable])) if usable.any() else model.uncertainty_nm
            warnings.warn(
                f"{int((~usable).sum()):,} of {len(lateral):,} localizations have an uncertainty "
                f"that is not a number of nm above 0: {instead:.4g} nm is taken for them",
                DataWarning,
                stacklevel=3,
            )
            lateral[~usable] = instead
    return np.column_stack((lateral, lateral * model.axial_factor))
