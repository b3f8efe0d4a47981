"""Envelopes and the global test: by hand, exact under chance, and of clusters."""

import numpy as np
import pytest

from caml.errors import InputError
from caml.localizations import Region
from caml.spatial import RadialFunction, envelope, hopkins, ripley_l, survey, with_envelope

SQUARE = Region.rectangle(0, 0, 1_000, 1_000)


def test_envelope_and_p_by_hand() -> None:
    measured = RadialFunction("g", np.arange(1.0, 4), np.array([1.0, 1.5, 1.0]), np.ones(3))
    curves = 1 + np.array([[0.1, 0, 0], [0, -0.5, 0.2], [0.3, 0.1, -0.4]])
    found = with_envelope(measured, curves)
    assert found.low.tolist() == [1, 0.5, 0.6]
    assert found.high.tolist() == [1.3, 1.1, 1.2]
    # Deviations of 0.5; 0.1, 0.5 and 0.4: one simulation is as far off.
    assert found.p_value == 2 / 4
    assert found.n_simulations == 3
    second = with_envelope(measured, curves[[0, 1, 2, 0, 1]], rank=2)
    assert second.low.tolist() == [1, 0.5, 1]


def test_p_is_evenly_spread_under_chance() -> None:
    generator = np.random.default_rng(3)
    p = [
        envelope(
            generator.uniform(0, 1_000, (60, 2)),
            region=SQUARE,
            n_simulations=19,
            seed=generator,
            radii_nm=[40.0, 80.0, 160.0],
        ).p_value
        for _ in range(200)
    ]
    # 20 values are equally likely; their mean has a standard error of 0.02.
    assert np.mean(p) == pytest.approx(0.525, abs=0.08)
    assert np.mean(np.array(p) <= 0.05) < 0.12


@pytest.mark.parametrize("statistic", ["K", "L", "L-r", "g", "G"])
def test_clusters_leave_the_envelope(statistic: str) -> None:
    generator = np.random.default_rng(1)
    centres = generator.uniform(50, 950, (15, 2)).repeat(12, axis=0)
    positions = centres + generator.normal(0, 10, centres.shape)
    steps: list[float] = []
    found = envelope(
        positions,
        statistic,  # type: ignore[arg-type]
        region=SQUARE,
        seed=2,
        n_simulations=39,
        progress=steps.append,
    )
    assert found.name == statistic
    assert found.p_value == 1 / 40
    # Within a cluster; g says nothing of what lies further away.
    near = (found.radius_nm > 8) & (found.radius_nm < 18)
    assert near.sum() > 2
    assert (found.value[near] > found.high[near]).all()
    assert (found.low <= found.high).all()
    assert steps[-1] == 1
    assert len(steps) == 39
    table = found.table()
    assert list(table) == ["statistic", "radius_nm", "value", "theory", "low", "high"]
    assert len(table) == 100


def test_the_same_seed_gives_the_same_and_the_value_is_the_statistics() -> None:
    positions = np.random.default_rng(1).uniform(0, 1_000, (80, 2))
    one, two = (envelope(positions, region=SQUARE, seed=6, n_simulations=9) for _ in range(2))
    np.testing.assert_array_equal(one.low, two.low)
    assert one.p_value == two.p_value
    plain = ripley_l(positions, minus_r=True, region=SQUARE)
    np.testing.assert_array_equal(one.value, plain.value)
    assert list(plain.table()) == ["statistic", "radius_nm", "value", "theory"]
    assert not plain.has_envelope


@pytest.mark.parametrize("correction", ["border", "none"])
def test_other_corrections_are_simulated_as_they_are_measured(correction: str) -> None:
    positions = np.random.default_rng(1).uniform(0, 1_000, (300, 2))
    found = envelope(positions, "L", region=SQUARE, seed=6, n_simulations=39, correction=correction)
    inside = (found.value >= found.low) & (found.value <= found.high)
    assert inside.mean() > 0.7


def test_in_3d() -> None:
    positions = np.random.default_rng(1).uniform(0, 1_000, (200, 3))
    found = envelope(positions, region=SQUARE, seed=6, n_simulations=9, z_range_nm=(0, 1_000))
    assert found.p_value >= 0.1
    assert found.radius_nm[-1] == 250


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_simulations": 0}, "n_simulations must be a whole number of at least 1"),
        ({"n_simulations": 9, "rank": 5}, r"rank 5 takes at least 10 simulations .*, got 9"),
        ({"statistic": "F"}, "no statistic is called 'F'; there are: K, L, L-r, g, G"),
        ({"statistic": "g", "correction": "border"}, "K and g are rigid, none; got 'border'"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        envelope([[1, 1], [2, 2]], **{"region": SQUARE, "seed": 1, **options})  # type: ignore[arg-type]


def test_lengths_that_do_not_agree_are_refused() -> None:
    with pytest.raises(InputError, match="one value per radius is needed, 2 here; theory has 3"):
        RadialFunction("K", np.ones(2), np.ones(2), np.ones(3))


def test_hopkins_of_a_survey_is_that_of_the_seed_whatever_is_simulated() -> None:
    positions = np.random.default_rng(1).uniform(0, 1_000, (200, 2))
    found = [
        survey(positions, region=SQUARE, seed=6, n_simulations=n, max_radius_nm=radius).hopkins
        for n, radius in ((0, 50), (3, 50), (5, 90))
    ]
    assert found == [hopkins(positions, region=SQUARE, seed=6)] * 3
    assert survey(positions, region=SQUARE, seed=7, n_simulations=0).hopkins != found[0]
