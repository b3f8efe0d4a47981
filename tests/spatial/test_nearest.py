"""G and Hopkins's statistic by hand, by definition, and of chance."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from caml._window import Window
from caml.errors import DataWarning, InputError
from caml.localizations import Region
from caml.spatial import hopkins, nearest_neighbour_distribution

SQUARE = Region.rectangle(0, 0, 100, 100)


def kaplan_meier(nearest: np.ndarray, border: np.ndarray, radius: float) -> float:
    """Multiply the shares that survive each distance, as it is defined."""
    survival = 1.0
    for time in np.unique(nearest[(nearest <= border) & (nearest <= radius)]):
        died = ((nearest == time) & (nearest <= border)).sum()
        survival *= 1 - died / (np.minimum(nearest, border) >= time).sum()
    return 1 - survival


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_kaplan_meier_is_its_definition(n_dimensions: int) -> None:
    positions = np.random.default_rng(1).uniform(0, 100, (60, n_dimensions))
    apart = cdist(positions, positions)
    np.fill_diagonal(apart, np.inf)
    border = np.minimum(positions, 100 - positions).min(axis=1)
    radii = np.array([2.0, 5.0, 9.0, 14.0])
    z_range = (0.0, 100.0) if n_dimensions == 3 else None
    found = nearest_neighbour_distribution(
        positions, region=SQUARE, radii_nm=radii, z_range_nm=z_range
    )
    expected = [kaplan_meier(apart.min(axis=1), border, radius) for radius in radii]
    np.testing.assert_allclose(found.value, expected)
    uncorrected = nearest_neighbour_distribution(
        positions, region=SQUARE, radii_nm=radii, z_range_nm=z_range, correction="none"
    )
    np.testing.assert_allclose(
        uncorrected.value, [(apart.min(axis=1) <= radius).mean() for radius in radii]
    )


def test_hanischs_by_hand() -> None:
    # Nearest 10, 10, 20; 40, 40, 20 from the border: all three count, with 80², 80² and 60².
    positions = np.array([[40.0, 40.0], [50.0, 40.0], [50.0, 20.0]])
    g = nearest_neighbour_distribution(
        positions, region=SQUARE, radii_nm=[9.0, 10.0, 20.0], correction="hanisch"
    )
    first = 2 / 80**2
    assert g.value == pytest.approx([0, first / (first + 1 / 60**2), 1], rel=1e-4)


@pytest.mark.parametrize("correction", ["kaplan-meier", "hanisch"])
def test_g_of_chance_is_that_of_poisson(correction: str) -> None:
    generator = np.random.default_rng(8)
    window = Window(SQUARE)
    radii = np.array([2.0, 5.0, 8.0])
    values = []
    for _ in range(200):
        positions = window.draw(max(generator.poisson(60), 2), generator)
        found = nearest_neighbour_distribution(
            positions,
            region=SQUARE,
            radii_nm=radii,
            correction=correction,  # type: ignore[arg-type]
        )
        values.append(found.value)
    found_mean, error = np.mean(values, axis=0), np.std(values, axis=0) / np.sqrt(200)
    expected = 1 - np.exp(-60e-4 * np.pi * radii**2)
    # Both are ratios, with a bias of a hundredth or so of 60 localizations.
    assert (np.abs(found_mean - expected) < 4 * error + 0.01).all()


def test_duplicates_have_a_neighbour_at_no_distance() -> None:
    twice = np.repeat([[30.0, 30.0], [70.0, 70.0]], 2, axis=0)
    g = nearest_neighbour_distribution(twice, region=SQUARE, radii_nm=[0.1, 10])
    assert g.value.tolist() == [1, 1]
    assert g.theory[0] == pytest.approx(1 - np.exp(-4e-4 * np.pi * 0.01))
    assert hopkins(twice, region=SQUARE, seed=1, n_sampled=4).value == 1


def test_a_correction_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="of G are kaplan-meier, hanisch, none; got 'rigid'"):
        nearest_neighbour_distribution([[1, 1], [2, 2]], region=SQUARE, correction="rigid")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="largest usable is"):
        nearest_neighbour_distribution([[1, 1], [2, 2]], region=SQUARE, radii_nm=[60])


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_hopkins_of_chance_is_one_half_and_of_clusters_near_one(n_dimensions: int) -> None:
    generator = np.random.default_rng(2)
    z_range = (0.0, 100.0) if n_dimensions == 3 else None
    found = [
        hopkins(
            generator.uniform(0, 100, (800, n_dimensions)),
            region=SQUARE,
            seed=generator,
            z_range_nm=z_range,
        )
        for _ in range(60)
    ]
    values = [one.value for one in found]
    # Beta(80, 80) has a standard deviation of 0.039; places near the border add a hundredth or two.
    assert np.mean(values) == pytest.approx(0.5, abs=0.005 + 0.015 * (n_dimensions - 1))
    assert np.std(values) == pytest.approx(0.039, rel=0.35)
    assert np.mean([one.p_value < 0.05 for one in found]) < 0.2
    centres = generator.uniform(10, 90, (8, n_dimensions)).repeat(100, axis=0)
    near = centres + generator.normal(0, 1, centres.shape)
    clustered = hopkins(near, region=SQUARE, seed=1, z_range_nm=z_range)
    assert clustered.value > 0.95
    assert clustered.p_value < 1e-6
    assert clustered.n_sampled == 80


def test_hopkins_of_a_grid_is_near_nought() -> None:
    grid = np.stack(np.meshgrid(np.arange(5, 100, 10.0), np.arange(5, 100, 10.0)), -1)
    found = hopkins(grid.reshape(-1, 2), region=SQUARE, seed=1)
    assert found.value < 0.25
    assert found.p_value < 0.01


def test_hopkins_is_the_same_of_the_same_seed_and_scale() -> None:
    positions = np.random.default_rng(5).uniform(0, 100, (200, 2))
    first = hopkins(positions, region=SQUARE, seed=4)
    assert hopkins(positions, region=SQUARE, seed=4) == first
    assert hopkins(positions, region=SQUARE, seed=5) != first
    large = Region.rectangle(0, 0, 7_000, 7_000)
    assert hopkins(70 * positions, region=large, seed=4).value == pytest.approx(first.value)


def test_hopkins_refuses_more_than_there_are() -> None:
    with (
        pytest.warns(DataWarning, match="1 of 3"),
        pytest.raises(InputError, match="n_sampled is 3, and 2 localizations are inside"),
    ):
        hopkins([[1, 1], [2, 2], [200, 2]], region=SQUARE, seed=1, n_sampled=3)
    with pytest.raises(InputError, match="n_sampled must be a whole number of at least 1"):
        hopkins([[1, 1], [2, 2]], region=SQUARE, seed=1, n_sampled=0)
