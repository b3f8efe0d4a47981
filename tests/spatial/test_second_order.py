"""K, L and g by hand, against sums over all pairs, and on processes whose K and g are known."""

import tracemalloc

import numpy as np
import pytest
import shapely
from scipy.spatial.distance import cdist, pdist
from shapely.affinity import translate

from caml import _cost
from caml._window import Window
from caml.errors import DataWarning, InputError
from caml.localizations import Localizations, Region
from caml.spatial import (
    cross_k,
    cross_pair_correlation,
    default_radii,
    nearest_neighbour_distribution,
    pair_correlation,
    ripley_k,
    ripley_l,
)

SQUARE = Region.rectangle(0, 0, 100, 100)
# A cell with a bay and a hole.
CELL = Region(
    shapely.Polygon(
        [(0, 0), (3_000, 0), (3_000, 1_200), (1_400, 1_500), (1_200, 3_000), (0, 3_000)],
        [[(200, 200), (600, 200), (400, 700)]],
    )
)


def thomas(
    generator: np.random.Generator, side: float, kappa: float, mean: float, sigma: float
) -> np.ndarray:
    """Draw a Thomas process: Poisson many around Poisson parents, those outside too."""
    wide = side + 12 * sigma
    parents = generator.uniform(
        -6 * sigma, side + 6 * sigma, (generator.poisson(kappa * wide**2), 2)
    )
    children = np.repeat(parents, generator.poisson(mean, len(parents)), axis=0)
    children = children + generator.normal(0, sigma, children.shape)
    return children[((children >= 0) & (children <= side)).all(axis=1)]


def test_three_localizations_in_a_square_by_hand() -> None:
    # Distances 30, 40 and 50; in a square of side a γ̄ is a² − 4ar/π + r²/π.
    positions = np.array([[20.0, 20.0], [50.0, 20.0], [20.0, 60.0]])
    gamma = {r: 1e4 - 400 * r / np.pi + r**2 / np.pi for r in (30, 40, 50)}
    radii = [29.9, 30, 39.9, 40, 50]
    expected = 1e8 / 6 * 2 * np.cumsum([0, 1 / gamma[30], 0, 1 / gamma[40], 1 / gamma[50]])
    k = ripley_k(positions, region=SQUARE, radii_nm=radii)
    np.testing.assert_allclose(k.value, expected, rtol=3e-4)
    uncorrected = ripley_k(positions, region=SQUARE, radii_nm=radii, correction="none")
    np.testing.assert_allclose(uncorrected.value, 1e4 / 6 * 2 * np.array([0, 1, 1, 2, 3]))
    # All three are 20 nm or more from the border: at 30 none is, at 20 all are.
    border = ripley_k(positions, region=SQUARE, radii_nm=[19.0, 20.0], correction="border")
    assert border.value.tolist() == [0, 0]
    l_minus_r = ripley_l(positions, minus_r=True, region=SQUARE, radii_nm=radii)
    np.testing.assert_allclose(l_minus_r.value, np.sqrt(k.value / np.pi) - radii)
    assert not l_minus_r.theory.any()
    assert ripley_l(positions, region=SQUARE, radii_nm=radii).theory.tolist() == radii


def test_minus_sampling_by_hand() -> None:
    # The first three are 25 nm from the border, and have 2, 1 and 1 others within that.
    positions = np.array([[50.0, 50.0], [30.0, 50.0], [50.0, 74.0], [76.0, 50.0], [90.0, 90.0]])
    k = ripley_k(positions, region=SQUARE, radii_nm=[10.0, 25.0], correction="border")
    assert k.value.tolist() == pytest.approx([0, 1e4 / 4 * 4 / 3])


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_those_of_every_pair(seed: int) -> None:
    generator = np.random.default_rng(seed)
    positions = Window(CELL).draw(25, generator)
    radii = np.array([150.0, 300.0, 500.0])
    apart = pdist(positions)
    angles = (np.arange(180) + 0.5) * np.pi / 180
    total = np.zeros(3)
    for d in apart[apart <= 500]:
        moved = [translate(CELL.polygon, d * np.cos(a), d * np.sin(a)) for a in angles]
        mean = shapely.area(shapely.intersection(CELL.polygon, np.array(moved))).mean()
        total += 2 * (d <= radii) / mean
    expected = CELL.polygon.area**2 / (25 * 24) * total
    found = ripley_k(positions, region=CELL, radii_nm=radii).value
    np.testing.assert_allclose(found, expected, rtol=5e-4)


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_pairs_are_all_counted(n_dimensions: int) -> None:
    generator = np.random.default_rng(5)
    positions = generator.uniform(0, 100, (400, n_dimensions))
    positions[50:60] = positions[0]
    radii = np.array([2.0, 7.0, 30.0])
    found = ripley_k(positions, region=SQUARE, radii_nm=radii, correction="none",
                     z_range_nm=(0, 100) if n_dimensions == 3 else None)  # fmt: skip
    counts = [(cdist(positions, positions) <= r).sum() - 400 for r in radii]
    np.testing.assert_allclose(found.value, 100.0**n_dimensions / (400 * 399) * np.array(counts))
    ball = np.pi * radii**2 if n_dimensions == 2 else 4 / 3 * np.pi * radii**3
    np.testing.assert_allclose(found.theory, ball)


@pytest.mark.parametrize("correction", ["rigid", "border"])
def test_k_of_chance_is_the_disc_in_a_cell_with_a_bay_and_a_hole(correction: str) -> None:
    radii = np.array([100.0, 250.0, 400.0] if correction == "rigid" else [60.0, 120.0, 200.0])
    generator = np.random.default_rng(11)
    window = Window(CELL)
    found = np.array(
        [
            ripley_k(window.draw(80, generator), region=CELL, radii_nm=radii,
                     correction=correction).value  # type: ignore[arg-type]
            for _ in range(150)
        ]
    )  # fmt: skip
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - np.pi * radii**2) < 4 * error).all()
    # The test could tell: without correction K is too small by more than that.
    assert (error < 0.06 * np.pi * radii**2).all()


def test_k_of_chance_is_the_ball_in_a_slab() -> None:
    radii = np.array([100.0, 200.0, 400.0])
    window = Window(CELL, (0.0, 500.0))
    generator = np.random.default_rng(3)
    found = np.array(
        [
            ripley_k(window.draw(150, generator), region=CELL, radii_nm=radii,
                     z_range_nm=(0, 500)).value
            for _ in range(100)
        ]
    )  # fmt: skip
    error = found.std(axis=0, ddof=1) / 10
    assert (np.abs(found.mean(axis=0) - 4 / 3 * np.pi * radii**3) < 4 * error).all()


def test_a_thomas_process_has_its_k_and_g() -> None:
    kappa, mean, sigma, side = 2e-5, 10.0, 30.0, 3_000.0
    region = Region.rectangle(0, 0, side, side)
    radii = np.array([30.0, 60.0, 90.0, 150.0])
    generator = np.random.default_rng(7)
    sets = [thomas(generator, side, kappa, mean, sigma) for _ in range(60)]
    k = np.array([ripley_k(one, region=region, radii_nm=radii).value for one in sets])
    g = np.array(
        [pair_correlation(one, region=region, radii_nm=radii, bandwidth_nm=5).value for one in sets]
    )
    expected_k = np.pi * radii**2 + (1 - np.exp(-(radii**2) / (4 * sigma**2))) / kappa
    bump = np.exp(-(radii**2) / (4 * sigma**2)) / (4 * np.pi * sigma**2 * kappa)
    # 1/λ̂² is a little biased where the number of parents varies: by its variance, 1.1/(κ·A).
    slack = 1.5 / (kappa * side**2)
    for found, expected in ((k, expected_k), (g, 1 + bump)):
        error = found.std(axis=0, ddof=1) / np.sqrt(len(sets))
        assert (np.abs(found.mean(axis=0) - expected) < 4 * error + slack * expected).all()


def test_g_of_chance_is_one_from_the_first_radius_on() -> None:
    generator = np.random.default_rng(2)
    radii = np.array([3.0, 10.0, 50.0, 200.0])
    for window, z_range in ((Window(CELL), None), (Window(CELL, (0.0, 400.0)), (0.0, 400.0))):
        found = np.array(
            [
                pair_correlation(window.draw(1_500, generator), region=CELL, radii_nm=radii,
                                 z_range_nm=z_range, bandwidth_nm=20).value
                for _ in range(40)
            ]
        )  # fmt: skip
        error = found.std(axis=0, ddof=1) / np.sqrt(40)
        assert (np.abs(found.mean(axis=0) - 1) < 4 * error).all()


@pytest.mark.parametrize("correction", ["rigid", "border", "none"])
def test_k_moves_turns_and_grows_with_the_localizations(correction: str) -> None:
    positions = Window(CELL).draw(300, np.random.default_rng(4))
    radii = np.array([50.0, 111.0, 200.0])
    first = ripley_k(positions, region=CELL, radii_nm=radii, correction=correction)  # type: ignore[arg-type]
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = shapely.transform(CELL.polygon, lambda x: 3 * (x @ turn.T) + [4e4, -1e3])
    found = ripley_k(
        3 * (positions @ turn.T) + [4e4, -1e3],
        region=Region(moved),
        radii_nm=3 * radii,
        correction=correction,  # type: ignore[arg-type]
    )
    np.testing.assert_allclose(found.value, 9 * first.value, rtol=1e-5)


def test_duplicates_are_pairs_at_no_distance() -> None:
    twice = np.repeat([[20.0, 20.0], [70.0, 70.0]], 2, axis=0)
    k = ripley_k(twice, region=SQUARE, radii_nm=[0.5, 10.0])
    assert k.value == pytest.approx([1e4 * 4 / 12] * 2, rel=1e-2)
    same = ripley_k(np.full((5, 2), 50.0), region=SQUARE, radii_nm=[1.0], correction="none")
    assert same.value[0] == pytest.approx(1e4)


def test_cross_k_by_hand_and_over_all_pairs() -> None:
    a, b = np.array([[20.0, 20.0], [50.0, 20.0]]), np.array([[20.0, 60.0], [20.0, 20.0]])
    # Distances 40, 0; 50, 30.
    gamma = [1e4 - 400 * r / np.pi + r**2 / np.pi for r in (0, 30, 40, 50)]
    expected = 1e8 / 4 * np.cumsum(1 / np.array(gamma))
    k = cross_k(a, b, region=SQUARE, radii_nm=[0.1, 30, 40, 50])
    np.testing.assert_allclose(k.value, expected, rtol=1e-3)
    assert k.name == "K_AB"
    generator = np.random.default_rng(1)
    a, b = generator.uniform(0, 100, (130, 2)), generator.uniform(0, 100, (70, 2))
    found = cross_k(a, b, region=SQUARE, radii_nm=[5, 20], correction="none").value
    counts = [(cdist(a, b) <= r).sum() for r in (5, 20)]
    np.testing.assert_allclose(found, 1e4 / (130 * 70) * np.array(counts))
    other = cross_k(b, a, region=SQUARE, radii_nm=[5, 20], correction="none").value
    np.testing.assert_allclose(found, other)


def test_cross_g_sees_what_the_sets_share() -> None:
    generator = np.random.default_rng(3)
    side = 4_000.0
    region = Region.rectangle(0, 0, side, side)
    parents = generator.uniform(100, side - 100, (150, 2))
    a, b = (parents.repeat(10, axis=0) + generator.normal(0, 20, (1_500, 2)) for _ in range(2))
    c = generator.uniform(0, side, (1_500, 2))
    radii = [20.0, 500.0]
    together = cross_pair_correlation(a, b, region=region, radii_nm=radii, bandwidth_nm=8).value
    apart = cross_pair_correlation(a, c, region=region, radii_nm=radii, bandwidth_nm=8).value
    # 1 + exp(−r²/4σ²)/(4πσ²κ) at 20 nm.
    expected = 1 + np.exp(-0.25) / (4 * np.pi * 400 * 150 / side**2)
    assert together[0] == pytest.approx(expected, rel=0.1)
    assert together[1] == pytest.approx(1, abs=0.25)
    assert apart == pytest.approx([1, 1], abs=0.25)


def test_memory_does_not_grow_with_the_pairs() -> None:
    positions = np.random.default_rng(1).uniform(0, 20_000, (20_000, 2))
    region = Region.rectangle(0, 0, 20_000, 20_000)
    tracemalloc.start()
    try:
        for correction in ("rigid", "border"):
            ripley_k(positions, region=region, correction=correction)
        pair_correlation(positions, region=region)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Of all pairs a byte each would take 400 MB.
    assert peak < 40e6


def test_the_region_is_given_known_or_the_hull() -> None:
    positions = np.random.default_rng(1).uniform(0, 100, (200, 2))
    radii = [5.0, 10.0]
    given = ripley_k(positions, region=SQUARE, radii_nm=radii)
    known = ripley_k(Localizations(positions, region=SQUARE), radii_nm=radii)
    np.testing.assert_array_equal(known.value, given.value)
    hull = ripley_k(positions, radii_nm=radii)
    assert (hull.value < given.value).all()
    holed = np.vstack([positions, [[np.nan, 5.0]]])
    np.testing.assert_array_equal(ripley_k(holed, region=SQUARE, radii_nm=radii).value, given.value)


def test_those_outside_are_left_out_with_a_warning() -> None:
    positions = np.array([[20.0, 20.0], [50.0, 20.0], [120.0, 20.0]])
    with pytest.warns(DataWarning, match="1 of 3 localizations lie outside the region"):
        k = ripley_k(positions, region=SQUARE, radii_nm=[40.0])
    assert k.n_localizations == 2


@pytest.mark.parametrize(
    ("positions", "options", "message"),
    [
        ([[1, 1]], {}, "at least 2 localizations with a finite position are needed, got 1"),
        ([[0, 0], [1, 1], [2, 2]], {}, "3 localizations lie on a line or at one place"),
        ([[1, 1], [2, 2]], {"radii_nm": [2, 1]}, "radii_nm must be increasing, finite"),
        ([[1, 1], [2, 2]], {"radii_nm": []}, "radii_nm must be increasing, finite"),
        ([[1, 1], [2, 2]], {"radii_nm": [0, 1]}, "all above 0"),
        ([[1, 1], [2, 2]], {"correction": "ripley"}, "are rigid, none; got 'ripley'"),
        ([[1, 1, 1], [2, 2, 1]], {}, "same z, .* caml.spatial takes z_range_nm"),
        ([[1, 1, 1], [2, 2, 1]], {"z_range_nm": (2, 1)}, "and ends in z, got 2 and 1 nm"),
        ([[1, 1], [2, 2]], {"z_range_nm": (0, 1)}, "z_range_nm is of localizations in 3D"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    positions: list[list[float]], options: dict[str, object], message: str
) -> None:
    region = None if "line" in message else SQUARE
    with pytest.raises(InputError, match=message):
        ripley_k(positions, **{"region": region, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize(("correction", "largest"), [("rigid", 91.7), ("border", 34.1)])
def test_too_large_a_radius_is_refused_with_the_largest(correction: str, largest: float) -> None:
    positions = np.random.default_rng(1).uniform(0, 100, (50, 2))
    message = rf"a radius of 120 nm .* leaves less than a tenth .* usable is {largest} nm"
    with pytest.raises(InputError, match=message):
        ripley_k(positions, region=SQUARE, radii_nm=[120.0], correction=correction)  # type: ignore[arg-type]
    ripley_k(positions, region=SQUARE, radii_nm=[largest], correction=correction)  # type: ignore[arg-type]


def test_what_nobody_waits_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_cost, "MOST_SECONDS", 1e-6)
    with pytest.raises(InputError, match=r"a smaller radius \(--radius\), fewer simulations"):
        ripley_k(np.random.default_rng(1).uniform(0, 100, (500, 2)), region=SQUARE)


def test_a_bandwidth_narrower_than_its_bins_is_refused() -> None:
    positions = np.random.default_rng(1).uniform(0, 100, (50, 2))
    message = r"bandwidth of 1e-05 nm .* 50 nm: choose smaller radii \(--radius\)"
    with pytest.raises(InputError, match=message):
        pair_correlation(positions, region=SQUARE, radii_nm=[50.0], bandwidth_nm=1e-5)
    with pytest.raises(InputError, match="bandwidth_nm must be a number of nm above 0"):
        pair_correlation(positions, region=SQUARE, radii_nm=[50.0], bandwidth_nm=-1)


def test_sets_of_different_dimensions_are_refused() -> None:
    with pytest.raises(InputError, match="one set is in 2D and the other in 3D"):
        cross_k([[1, 1]], [[1, 1, 1]], region=SQUARE)
    with pytest.raises(InputError, match=r"at least one localization .* got 0 and 1"):
        cross_k(np.empty((0, 2)), [[1, 1]], region=SQUARE)


def test_default_radii_end_where_there_is_something_to_see() -> None:
    window = Window(SQUARE)
    assert default_radii(window, 10, of="pairs")[-1] == 25
    assert default_radii(window, 10_000, of="pairs")[-1] == pytest.approx(np.sqrt(100 / np.pi))
    assert len(default_radii(window, 10, of="nearest")) == 100


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("n", [4, 5, 20])
def test_defaults_are_never_refused(n: int, n_dimensions: int) -> None:
    # A sloped strip, and in 3D a thin slab: the box around it is far wider than its hull.
    generator = np.random.default_rng(n)
    positions = generator.uniform(0, 1, (n, n_dimensions)) * [3_000, 100, 60][:n_dimensions]
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    positions[:, :2] @= turn
    for function, corrections in (
        (ripley_k, ("rigid", "border", "none")),
        (pair_correlation, ("rigid",)),
        (nearest_neighbour_distribution, ("kaplan-meier", "hanisch", "none")),
    ):
        for correction in corrections:
            found = function(positions, correction=correction)  # type: ignore[arg-type]
            assert len(found.value) == 100
    assert len(cross_k(positions[:2], positions[2:]).value) == 100


def test_a_radius_beyond_all_measure_is_refused_with_the_largest() -> None:
    positions = np.random.default_rng(1).uniform(0, 100, (50, 2))
    with pytest.raises(InputError, match=r"a radius of 1e\+15 nm .* usable is 91.7 nm"):
        ripley_k(positions, region=SQUARE, radii_nm=[1e15])
