"""Coordinate-based colocalization against its definition, one localization at a time."""

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

from caml import _cost
from caml.channels import colocalization as module
from caml.channels import coordinate_based_colocalization
from caml.errors import InputError


def by_definition(a: np.ndarray, b: np.ndarray, radius: float, n_steps: int) -> np.ndarray:
    """Malkusch et al. 2012, equations 1 to 4."""
    radii = radius * np.arange(1, n_steps + 1) / n_steps
    d = a.shape[1]
    found = np.full(len(a), np.nan)
    for i in range(len(a)):
        own = cdist(a[i : i + 1], np.delete(a, i, axis=0))[0]
        other = cdist(a[i : i + 1], b)[0]
        n_own = (own[:, None] <= radii).sum(axis=0)
        n_other = (other[:, None] <= radii).sum(axis=0)
        if n_own[-1] and n_other[-1]:
            one = np.round(n_own / n_own[-1] * (radii[-1] / radii) ** d, 9)
            two = np.round(n_other / n_other[-1] * (radii[-1] / radii) ** d, 9)
            found[i] = spearmanr(one, two).statistic * np.exp(-other.min() / radius)
    return found


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_definition(
    seed: int, n_dimensions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 500)
    generator = np.random.default_rng(seed)
    a = generator.uniform(0, 1_000, (90, n_dimensions))
    b = np.vstack([generator.uniform(0, 1_000, (50, n_dimensions)), a[:20] + 3, a[20:22]])
    found = coordinate_based_colocalization(a, b, max_radius_nm=400, n_steps=12)
    expected = by_definition(a, b, 400, 12)
    assert np.isfinite(expected).sum() > 20
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_one_localization_by_hand() -> None:
    # Of the first: N_A at 10, 20, 30 is 0, 1, 2 and N_B 1, 1, 2. D_A is 0, 9/8, 1 and D_B 9/2, 9/8,
    # 1: ranks 1, 3, 2 and 3, 2, 1, which correlate by −1/2. The nearest of B is 5 nm away.
    a = [[0.0, 0.0], [15.0, 0.0], [0.0, 25.0]]
    b = [[5.0, 0.0], [28.0, 0.0]]
    found = coordinate_based_colocalization(a, b, max_radius_nm=30, n_steps=3)
    assert found[0] == pytest.approx(-0.5 * np.exp(-5 / 30))


def test_shared_clusters_colocalize_and_lone_ones_do_not() -> None:
    generator = np.random.default_rng(1)
    centres = generator.uniform(500, 9_500, (40, 2)).repeat(25, axis=0)
    a = centres + generator.normal(0, 25, centres.shape)
    b = centres + generator.normal(0, 25, centres.shape)
    c = generator.uniform(0, 10_000, (1_000, 2))
    together = coordinate_based_colocalization(a, b)
    apart = coordinate_based_colocalization(a, c)
    assert np.nanmedian(together) > 0.8
    assert np.nanmedian(apart) < 0.3


def test_it_moves_turns_and_grows_with_the_image() -> None:
    generator = np.random.default_rng(2)
    a, b = generator.uniform(0, 1_000, (2, 150, 2))
    first = coordinate_based_colocalization(a, b, max_radius_nm=300, n_steps=20)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    c, d = (5 * x @ turn.T + [3e4, 1e4] for x in (a, b))
    second = coordinate_based_colocalization(c, d, max_radius_nm=1_500, n_steps=20)
    np.testing.assert_allclose(second, first, atol=1e-6)
    order = generator.permutation(150)
    np.testing.assert_allclose(
        coordinate_based_colocalization(a[order], b, max_radius_nm=300, n_steps=20), first[order]
    )


def test_what_is_not_defined_is_nan() -> None:
    a = [[0.0, 0.0], [10.0, 0.0], [np.nan, 1.0], [9_000.0, 0.0], [5_000.0, 0.0], [5_010.0, 0.0]]
    b = [[5.0, 0.0], [9_010.0, 0.0], [np.nan, np.nan]]
    found = coordinate_based_colocalization(a, b, max_radius_nm=100, n_steps=10)
    assert np.isfinite(found).tolist() == [True, True, False, False, False, False]
    assert np.isnan(coordinate_based_colocalization(a, np.empty((0, 2)))).all()
    assert coordinate_based_colocalization(np.empty((0, 2)), b).shape == (0,)


def test_duplicates_are_neighbours_at_no_distance() -> None:
    twice = np.repeat([[0.0, 0.0], [300.0, 0.0]], 2, axis=0)
    found = coordinate_based_colocalization(twice, [[0.0, 0.0]], max_radius_nm=100, n_steps=10)
    assert found.tolist()[:2] == pytest.approx([1, 1])
    assert np.isnan(found[2:]).all()


def test_memory_does_not_grow_with_the_pairs() -> None:
    a, b = np.random.default_rng(1).normal(0, 100, (2, 6_000, 2))
    tracemalloc.start()
    try:
        coordinate_based_colocalization(a, b, max_radius_nm=400, n_steps=10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Nearly all of 72 million pairs are within reach: 24 bytes each would take 1.7 GB.
    assert peak < 200e6


def test_what_cannot_be_measured_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    a = np.random.default_rng(1).uniform(0, 100, (50, 2))
    with pytest.raises(InputError, match="one set is in 2D and the other in 3D"):
        coordinate_based_colocalization(a, np.zeros((3, 3)))
    with pytest.raises(InputError, match="max_radius_nm must be a number of nm above 0"):
        coordinate_based_colocalization(a, a, max_radius_nm=0)
    with pytest.raises(InputError, match="n_steps must be a whole number of at least 2"):
        coordinate_based_colocalization(a, a, n_steps=1)
    monkeypatch.setattr(_cost, "MOST_SECONDS", 1e-9)
    with pytest.raises(InputError, match="choose a smaller radius, or a smaller region"):
        coordinate_based_colocalization(a, a)
