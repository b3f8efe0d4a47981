"""Bayesian cluster analysis against its model, integrated and added up from scratch."""

import importlib
import time

import numpy as np
import pytest
from scipy.integrate import dblquad, tplquad
from scipy.special import gammaln, logsumexp
from scipy.stats import norm
from sklearn.metrics import adjusted_rand_score

from caml.errors import DataWarning, InputError, NothingFoundWarning
from caml.localizations import Localizations, Region
from caml.methods import Proposals, bayesian, local_l, score_surface
from caml.methods._bayesian_scan import begin_sums, evidence
from caml.simulate import Scenario, simulate

module = importlib.import_module("caml.methods.bayesian")

SQUARE = Region.rectangle(0, 0, 1000, 1000)
SIGMA = np.arange(100) + 0.5
FEW = {
    "radius_step_nm": 40.0,
    "radius_max_nm": 200.0,
    "threshold_step_nm": 30.0,
    "threshold_max_nm": 300.0,
}


def three_discs(seed: int, n_dimensions: int = 2) -> Localizations:
    """Make a region with three clusters, one in a corner, and uncertainties of its own."""
    rng = np.random.default_rng(seed)
    centres = np.array([[20.0, 30, 50], [500, 600, 200], [640, 600, 200]])[:, :n_dimensions]
    near = np.abs(centres[:, None] + rng.normal(0, 25, (3, 8, n_dimensions)))
    even = rng.uniform(0, [1000, 1000, 400][:n_dimensions], (18, n_dimensions))
    positions = np.vstack([near.reshape(-1, n_dimensions), even])
    uncertainty = rng.uniform(5, 25, len(positions))
    return Localizations(positions, uncertainty_nm=uncertainty, region=SQUARE)


def clusters_of(positions: np.ndarray, dense: np.ndarray, reach: float) -> list[list[int]]:
    """Grow clusters of at least two one by one."""
    left, found = set(np.flatnonzero(dense)), []
    while left:
        cluster, edge = [], [left.pop()]
        while edge:
            one = edge.pop()
            cluster.append(int(one))
            near = {i for i in left if np.linalg.norm(positions[i] - positions[one]) < reach}
            left -= near
            edge += near
        found += [cluster] if len(cluster) > 1 else []
    return found


def log_evidence(
    positions: np.ndarray, s: np.ndarray, low: np.ndarray, high: np.ndarray, sigma: np.ndarray
) -> float:
    """Add up a cluster's likelihood over σ; over its centre by the formula, axis by axis."""
    values = np.full(len(sigma), -np.log(len(sigma)))
    for axis, x in enumerate(positions.T):
        v = sigma[:, None] ** 2 + (s * (2 if axis == 2 else 1)) ** 2
        total = (1 / v).sum(axis=1)
        mean, root = (x / v).sum(axis=1) / total, np.sqrt(total)
        values += norm.logpdf(x, mean[:, None], np.sqrt(v)).sum(axis=1)
        values += 0.5 * np.log(2 * np.pi / total)
        values += np.log(norm.cdf(root * (high[axis] - mean)) - norm.cdf(root * (low[axis] - mean)))
    return float(logsumexp(values))


def from_scratch(localizations: Localizations, p_b: float = 0.5, alpha: float = 20.0) -> Proposals:
    """Score each proposal of `FEW` by itself."""
    positions, s = localizations.positions, localizations.uncertainty_nm
    assert s is not None
    n = len(positions)
    low, high = positions.min(axis=0), positions.max(axis=0)
    low[:2], high[:2] = 0, 1000
    log_a = np.log((high - low).prod())
    radii, thresholds = np.arange(40.0, 201, 40), np.arange(30.0, 301, 30)
    score, n_clusters = np.empty((5, 10)), np.empty((5, 10), dtype=np.int64)
    for i, radius in enumerate(radii):
        values = local_l(localizations, radius_nm=radius)
        for j, threshold in enumerate(thresholds):
            found = clusters_of(positions, values >= threshold, 2 * radius)
            sizes = np.array([len(one) for one in found])
            n_in = int(sizes.sum())
            score[i, j] = (
                (n - n_in) * (np.log(p_b) - log_a)
                + n_in * np.log(1 - p_b)
                + len(found) * (np.log(alpha) - log_a)
                + gammaln(alpha)
                - gammaln(alpha + n_in)
                + gammaln(sizes).sum()
                + sum(log_evidence(positions[one], s[one], low, high, SIGMA) for one in found)
            )
            n_clusters[i, j] = len(found)
    return Proposals(radii, thresholds, score, n_clusters, n * (np.log(p_b) - log_a))


def kernel_evidence(
    positions: np.ndarray, s: np.ndarray, low: np.ndarray, high: np.ndarray
) -> float:
    """Let the kernel integrate a cluster."""
    n, d = positions.shape
    sums = np.zeros((2 * d + 1, len(SIGMA)))
    for position, one in zip(positions, s, strict=True):
        own = np.empty_like(sums)
        begin_sums(own, position, np.array([one, 2 * one]), SIGMA**2)
        sums += own
    log_prior = np.full(len(SIGMA), -np.log(len(SIGMA)))
    return float(evidence(sums, n, log_prior, low, high, d))


@pytest.mark.parametrize("centre", [500.0, 15.0])
def test_a_clusters_evidence_is_the_integral_over_its_centre_and_sigma(centre: float) -> None:
    rng = np.random.default_rng(0)
    positions = np.abs(rng.normal(centre, 30, (5, 2)))
    s = rng.uniform(5, 30, 5)
    total = 0.0
    # Every tenth σ: each takes an integral over what of the square is near.
    x, y = positions.T
    near = max(0.0, centre - 250), centre + 250
    for sigma in SIGMA[::10]:
        v = sigma**2 + s**2

        def likelihood(at_y: float, at_x: float, v: np.ndarray = v) -> float:
            exponents = ((x - at_x) ** 2 + (y - at_y) ** 2) / (2 * v) + np.log(2 * np.pi * v)
            return float(np.exp(40 - np.add.reduce(exponents)))

        total += dblquad(likelihood, *near, *near, epsrel=1e-7)[0]
    expected = np.log(total / 10) - 40
    low, high = np.zeros(2), np.full(2, 1000.0)
    found = log_evidence(positions, s, low, high, SIGMA[::10])
    assert found == pytest.approx(expected, abs=1e-5)
    whole = log_evidence(positions, s, low, high, SIGMA)
    assert kernel_evidence(positions, s, low, high) == pytest.approx(whole, abs=1e-9)
    # A grid a hundred times as fine is the integral over σ.
    fine = log_evidence(positions, s, low, high, (np.arange(10_000) + 0.5) / 100)
    assert whole == pytest.approx(fine, abs=1e-3)


def test_in_3d_its_evidence_is_that_of_a_box_too() -> None:
    positions = np.array([[10.0, 50, 20], [30, 60, 5], [25, 40, 30]])
    s, sigma = np.array([10.0, 15, 20]), 40.0
    v = sigma**2 + np.column_stack((s, s, 2 * s)) ** 2

    def likelihood(z: float, y: float, x: float) -> float:
        exponents = (positions - [x, y, z]) ** 2 / (2 * v) + np.log(2 * np.pi * v) / 2
        return float(np.exp(40 - exponents.sum()))

    volume = tplquad(likelihood, 0, 300, 0, 300, 0, 100, epsrel=1e-6)[0]
    low, high = np.zeros(3), np.array([300.0, 300, 100])
    found = log_evidence(positions, s, low, high, np.array([sigma]))
    assert found == pytest.approx(np.log(volume) - 40, abs=1e-4)
    whole = log_evidence(positions, s, low, high, SIGMA)
    assert kernel_evidence(positions, s, low, high) == pytest.approx(whole, abs=1e-9)


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_every_score_is_that_from_scratch(
    seed: int, n_dimensions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    localizations = three_discs(seed, n_dimensions)
    expected = from_scratch(localizations)
    for compiled_from in (0, 10**9):
        monkeypatch.setattr(module, "COMPILED_FROM", compiled_from)
        found = score_surface(localizations, **FEW)
        np.testing.assert_array_equal(found.n_clusters, expected.n_clusters)
        np.testing.assert_allclose(found.score, expected.score, atol=1e-8)
        assert found.score_unclustered == pytest.approx(expected.score_unclustered)
        assert found.best == expected.best
        assert len(np.unique(found.n_clusters)) > 3


def test_priors_are_where_they_belong() -> None:
    localizations = three_discs(3)
    found = score_surface(localizations, **FEW, p_background=0.8, alpha=3.0)
    expected = from_scratch(localizations, 0.8, 3.0)
    np.testing.assert_allclose(found.score, expected.score, atol=1e-8)


def test_ties_and_duplicates_everywhere_score_the_same() -> None:
    # Distances are exactly 2 r here, which does not link, and L(r) of many are equal.
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(4)), axis=-1).reshape(-1, 2) * 80.0 + 200
    positions = np.vstack([grid, grid[:8], grid[:3]])
    uncertainty = np.full(len(positions), 10.0)
    localizations = Localizations(positions, uncertainty_nm=uncertainty, region=SQUARE)
    found, expected = score_surface(localizations, **FEW), from_scratch(localizations)
    np.testing.assert_array_equal(found.n_clusters, expected.n_clusters)
    np.testing.assert_allclose(found.score, expected.score, atol=1e-8)
    assert found.n_clusters[0, 0] == 8


def test_the_clusters_are_those_of_the_best_proposal() -> None:
    localizations = three_discs(1)
    found, proposals = bayesian(localizations, **FEW), score_surface(localizations, **FEW)
    radius, threshold = proposals.best_radius_nm, proposals.best_threshold_nm
    dense = local_l(localizations, radius_nm=radius) >= threshold
    expected = np.full(len(dense), -1)
    for number, one in enumerate(clusters_of(localizations.positions, dense, 2 * radius)):
        expected[one] = number
    np.testing.assert_array_equal(found.cluster >= 0, expected >= 0)
    assert adjusted_rand_score(expected, found.cluster) == 1
    assert found.n_clusters == proposals.n_clusters[proposals.best]
    assert found.made_by == (
        f"bayesian, radius {radius:g} nm, threshold {threshold:g} nm, p_background 0.5, alpha 20, "
        "sigma up to 100 nm"
    )


def test_neither_place_nor_turn_nor_order_matter() -> None:
    original = three_discs(2)
    positions, uncertainty = original.positions, original.uncertainty_nm
    assert uncertainty is not None
    expected = score_surface(original, **FEW).score
    order = np.random.default_rng(0).permutation(len(positions))
    turned = np.column_stack((1000 - positions[:, 1], positions[:, 0]))
    away = Region.rectangle(9e4, -4e4, 9e4 + 1000, -4e4 + 1000)
    for changed, s, region in (
        (positions[order], uncertainty[order], SQUARE),
        (turned, uncertainty, SQUARE),
        (positions + np.array([9e4, -4e4]), uncertainty, away),
    ):
        localizations = Localizations(changed, uncertainty_nm=s, region=region)
        np.testing.assert_allclose(score_surface(localizations, **FEW).score, expected, atol=1e-6)
    shuffled = Localizations(positions[order], uncertainty_nm=uncertainty[order], region=SQUARE)
    clusters = bayesian(original, **FEW).cluster[order]
    assert adjusted_rand_score(clusters, bayesian(shuffled, **FEW).cluster) == 1


@pytest.mark.parametrize(
    ("scenario", "at_least"),
    [
        (Scenario(density=200, n_per_cluster=50, radius_nm=50), 0.94),
        (Scenario(density=200, n_per_cluster=20, radius_nm=30), 0.94),
        (Scenario(density=200, n_per_cluster=100, radius_nm=80, shape="gaussian"), 0.93),
    ],
)
def test_simulated_clusters_are_recovered_with_all_defaults(
    scenario: Scenario, at_least: float
) -> None:
    from dataclasses import replace

    simulation = simulate(replace(scenario, field_um=15, crop_um=3), seed=1)
    found = bayesian(simulation.localizations)
    assert adjusted_rand_score(simulation.true_cluster, found.cluster) > at_least


def test_complete_spatial_randomness_is_clustered_as_the_prior_expects() -> None:
    positions = np.random.default_rng(0).uniform(0, 3000, (900, 2))
    localizations = Localizations(positions, region=Region.rectangle(0, 0, 3000, 3000))
    half = (bayesian(localizations).cluster >= 0).mean()
    tenth = (bayesian(localizations, p_background=0.9).cluster >= 0).mean()
    hundredth = bayesian(localizations, p_background=0.99)
    assert 0.1 < half < 0.25
    assert tenth < 0.04
    assert hundredth.n_clusters == 0


def test_where_no_clusters_are_more_probable_there_are_none() -> None:
    # The grid has no threshold that leaves all out: the least bad proposal is not taken.
    apart = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2) * 200.0 + 100
    localizations = Localizations(apart, region=SQUARE)
    grid = {"radius_step_nm": 250.0, "radius_max_nm": 250.0}
    proposals = score_surface(
        localizations, **grid, threshold_step_nm=5.0, threshold_max_nm=10.0, p_background=0.9
    )
    assert (proposals.n_clusters == 1).all()
    assert proposals.score.max() < proposals.score_unclustered
    found = bayesian(
        localizations, **grid, threshold_step_nm=5.0, threshold_max_nm=10.0, p_background=0.9
    )
    assert found.n_clusters == 0


def test_what_is_outside_or_not_finite_is_in_no_cluster_and_keeps_its_row() -> None:
    whole = three_discs(0)
    assert whole.uncertainty_nm is not None
    positions = np.insert(whole.positions, [0, 5], np.array([[np.nan, 3], [1005, 20]]), axis=0)
    uncertainty = np.insert(whole.uncertainty_nm, [0, 5], [np.nan, 0])
    holed = Localizations(positions, uncertainty_nm=uncertainty, region=SQUARE)
    found = bayesian(holed, **FEW).cluster
    assert found[[0, 6]].tolist() == [-1, -1]
    assert np.delete(found, [0, 6]).tolist() == bayesian(whole, **FEW).cluster.tolist()


def test_few_localizations_are_no_cluster() -> None:
    for n in range(3):
        with pytest.warns(NothingFoundWarning, match=f"takes 3 localizations or more, got {n}"):
            assert bayesian(np.zeros((n, 2))).cluster.tolist() == [-1] * n
        proposals = score_surface(np.zeros((n, 2)))
        assert proposals.score.shape == (60, 100)
        assert not proposals.n_clusters.any()
    together = Localizations(np.full((4, 2), 500.0), region=SQUARE)
    assert bayesian(together).cluster.tolist() == [-1] * 4
    with pytest.warns(NothingFoundWarning, match="4 localizations lie on a line or at one place"):
        assert bayesian(np.zeros((4, 2))).n_clusters == 0
    with pytest.raises(InputError, match="4 localizations lie on a line or at one place"):
        score_surface(np.zeros((4, 2)))


def test_uncertainties_that_are_none_take_the_median_of_the_others() -> None:
    whole = three_discs(0)
    assert whole.uncertainty_nm is not None
    holed, filled = whole.uncertainty_nm.copy(), whole.uncertainty_nm.copy()
    holed[:3] = [np.nan, 0, -4]
    filled[:3] = np.median(filled[3:])
    with pytest.warns(DataWarning, match="3 of 42 localizations have an uncertainty that is not"):
        found = score_surface(
            Localizations(whole.positions, uncertainty_nm=holed, region=SQUARE), **FEW
        )
    expected = Localizations(whole.positions, uncertainty_nm=filled, region=SQUARE)
    np.testing.assert_array_equal(found.score, score_surface(expected, **FEW).score)
    with pytest.warns(DataWarning, match="42 of 42 .*: 12 nm is taken for them"):
        none = score_surface(
            Localizations(whole.positions, uncertainty_nm=np.zeros(42), region=SQUARE),
            **FEW,
            uncertainty_nm=12.0,
        )
    plain = Localizations(whole.positions, region=SQUARE)
    same = score_surface(plain, **FEW, uncertainty_nm=12.0)
    np.testing.assert_array_equal(none.score, same.score)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"radius_step_nm": 0.0}, "radius_step_nm must be a number of nm above 0, got 0"),
        ({"threshold_max_nm": float("inf")}, "threshold_max_nm must be a number of nm above 0"),
        ({"radius_step_nm": 301.0}, "radius_max_nm must be 1 to 10,000 times radius_step_nm"),
        ({"threshold_step_nm": 1e-3}, "threshold_max_nm must be 1 to 10,000 times threshold_step"),
        ({"p_background": 1.0}, "p_background must be a number between 0 and 1, got 1"),
        ({"p_background": float("nan")}, "p_background must be a number between 0 and 1, got nan"),
        ({"alpha": 0.0}, "alpha must be a number above 0, got 0"),
        ({"axial_factor": -1.0}, "axial_factor must be a number above 0, got -1"),
        ({"sigma_max_nm": 0.0}, "sigma_max_nm must be a number of nm above 0, got 0"),
        ({"uncertainty_nm": -3.0}, "uncertainty_nm must be a number of nm above 0, got -3"),
        (
            {"radius_max_nm": 505.0},
            "radius_max_nm is 505 nm, .* only 1000 nm: choose at most half of that, 500 nm",
        ),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        bayesian(three_discs(0), **parameters)


def test_a_million_localizations_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from caml import _cost

    monkeypatch.setattr(_cost, "memory_bytes", lambda: 16 << 30)
    positions = np.random.default_rng(0).uniform(0, 40_000, (1_000_000, 2))
    began = time.perf_counter()
    with pytest.raises(InputError, match=r"would take about \d+ GB of memory and \d+ minutes for"):
        bayesian(positions)
    # Of 3 seconds, most are a tree's.
    assert time.perf_counter() - began < 30
