"""Getis and Franklin's L(r) against its formula, its border against chance, and its clusters."""

import numpy as np
import pytest
import shapely
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from caml.errors import InputError, NothingFoundWarning
from caml.localizations import Localizations, Region
from caml.methods import getis_franklin, local_l, suggest_radius
from caml.methods._window import Window
from caml.simulate import Scenario, simulate

SQUARE = Region.rectangle(0, 0, 1000, 1000)
ODD = shapely.Polygon(
    [(0, 0), (1000, 0), (1200, 600), (500, 400), (0, 900)], [[(300, 100), (500, 100), (400, 300)]]
)


def by_formula(positions: np.ndarray, radius: float, region: Region) -> np.ndarray:
    """Count neighbours one by one, and cut discs of 8,000 corners."""
    n = len(positions)
    found = np.empty(n)
    for i in range(n):
        others = sum(np.hypot(*(positions[i] - positions[j])) <= radius for j in range(n) if j != i)
        disc = shapely.Point(*positions[i]).buffer(radius, quad_segs=2_000)
        share = disc.intersection(region.polygon).area / disc.area
        found[i] = np.sqrt(region.polygon.area * others / (np.pi * (n - 1) * share))
    return found


@pytest.mark.parametrize("polygon", [SQUARE.polygon, ODD])
@pytest.mark.parametrize("radius", [15.0, 90.0, 240.0])
def test_l_is_that_of_the_formula(polygon: shapely.Polygon, radius: float) -> None:
    region = Region(polygon)
    positions = np.random.default_rng(0).uniform(0, 1_200, (150, 2))
    positions = positions[region.contains(positions)]
    found = local_l(positions, radius_nm=radius, region=region)
    np.testing.assert_allclose(found, by_formula(positions, radius, region), rtol=1e-6)


def test_l_by_hand() -> None:
    # One with two others 10 nm away, which are 14 nm apart; two at a side, one alone in a corner.
    positions = np.array([[500, 500], [510, 500], [500, 510], [0, 500], [0, 0.0], [0, 490.0]])
    found = local_l(positions, radius_nm=12, region=SQUARE)
    two, one, half_a_disc = (np.sqrt(1e6 * n / (np.pi * 5)) for n in (2, 1, 1 / 0.5))
    np.testing.assert_allclose(found, [two, one, one, half_a_disc, 0, half_a_disc])
    at_10_nm = local_l(positions, radius_nm=10, region=SQUARE)
    np.testing.assert_allclose(at_10_nm, found)


def test_shares_at_sides_and_corners_are_exact() -> None:
    positions = np.array([[0, 0], [1000, 1000], [0, 500], [500, 500], [30.0, 500]])
    shares = Window(positions, SQUARE).shares(60)
    # A chord at half the radius cuts off 1/3 − √3/(4π) of a disc.
    chord = 1 - (1 / 3 - np.sqrt(3) / (4 * np.pi))
    np.testing.assert_allclose(shares, [0.25, 0.25, 0.5, 1, chord], rtol=1e-12)


def test_shares_of_balls_are_those_of_chance() -> None:
    positions = np.array(
        [[0, 0, 0], [1000, 500, 400], [500, 0, 200], [500, 250, 0], [40, 30, 80], [500, 250, 200.0]]
    )
    shares = Window(positions, Region.rectangle(0, 0, 1000, 500)).shares(150)
    np.testing.assert_allclose(shares[[0, 1, 2, 3, 5]], [0.125, 0.125, 0.5, 0.5, 1], rtol=2e-4)
    within = np.random.default_rng(1).uniform(-150, 150, (2_000_000, 3))
    within = within[(within**2).sum(axis=1) <= 150**2] + positions[4]
    inside = ((within >= 0) & (within <= [1000, 500, 400])).all(axis=1)
    assert shares[4] == pytest.approx(inside.mean(), abs=2e-3)


def test_l_in_3d_is_that_of_the_formula() -> None:
    rng = np.random.default_rng(2)
    positions = rng.uniform(0, [1000, 800, 500], (300, 3))
    radius = 90.0
    found = local_l(positions, radius_nm=radius)
    low, high = positions.min(axis=0), positions.max(axis=0)
    free = ((positions - low > radius) & (high - positions > radius)).all(axis=1)
    others = (cdist(positions, positions) <= radius).sum(axis=1) - 1
    volume = (high - low).prod()
    expected = np.cbrt(3 * volume * others / (4 * np.pi * 299))
    np.testing.assert_allclose(found[free], expected[free])
    assert (found[~free] >= expected[~free]).all()


@pytest.mark.parametrize("region", [SQUARE, Region(ODD)])
def test_of_complete_spatial_randomness_l_is_r_at_borders_too(region: Region) -> None:
    # n_i / s_i over all localizations: an estimate of Ripley's K, which is π r².
    rng = np.random.default_rng(3)
    positions = rng.uniform(0, 1_200, (12_000, 2))
    positions = positions[region.contains(positions)]
    squares = local_l(positions, radius_nm=80, region=region) ** 2
    edge = shapely.distance(shapely.boundary(region.polygon), shapely.points(positions)) < 40
    assert np.sqrt(squares[edge].mean()) == pytest.approx(80, rel=0.02)
    assert np.sqrt(squares[~edge].mean()) == pytest.approx(80, rel=0.02)


def test_neither_place_nor_turn_nor_order_nor_scale_matter() -> None:
    rng = np.random.default_rng(4)
    positions = rng.uniform(0, 1000, (400, 2))
    found = local_l(positions, radius_nm=60, region=SQUARE)
    turned = np.column_stack((1000 - positions[:, 1], positions[:, 0]))
    np.testing.assert_allclose(local_l(turned, radius_nm=60, region=SQUARE), found)
    away = Region.rectangle(5e4, -7e3, 5e4 + 1000, -6e3)
    moved = local_l(positions + np.array([5e4, -7e3]), radius_nm=60, region=away)
    np.testing.assert_allclose(moved, found, rtol=1e-9)
    order = rng.permutation(400)
    np.testing.assert_allclose(local_l(positions[order], radius_nm=60, region=SQUARE), found[order])
    large = Region.rectangle(0, 0, 7000, 7000)
    scaled = local_l(positions * 7, radius_nm=420, region=large)
    np.testing.assert_allclose(scaled, 7 * found)


def by_definition(positions: np.ndarray, dense: np.ndarray, link: float) -> np.ndarray:
    """Give linked localizations the smallest index among them, again and again."""
    component = np.where(dense, np.arange(len(positions)), len(positions))
    near = (cdist(positions, positions) <= link) & dense[:, None] & dense[None]
    while True:
        joined = np.where(near, component[None], len(positions)).min(axis=1)
        if (joined == component).all():
            return component
        component = joined


@pytest.mark.parametrize("seed", range(3))
def test_clusters_are_dense_localizations_that_are_linked(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positions = np.vstack(
        [
            (rng.uniform(0, 2000, (8, 1, 2)) + rng.normal(0, 15, (8, 20, 2))).reshape(-1, 2),
            rng.uniform(0, 2000, (200, 2)),
        ]
    )
    found = getis_franklin(positions, radius_nm=30, threshold_nm=70, link_nm=35)
    dense = local_l(positions, radius_nm=30) >= 70
    component = by_definition(positions, dense, 35)
    large = dense & (np.bincount(component, minlength=len(positions) + 1)[component] >= 3)
    np.testing.assert_array_equal(found.cluster >= 0, large)
    assert adjusted_rand_score(component[large], found.cluster[large]) == 1
    assert found.made_by == (
        "getis-franklin, radius 30 nm, threshold 70 nm, link 35 nm, min_localizations 3"
    )


@pytest.mark.parametrize(("radius_nm", "n"), [(50.0, 50), (30.0, 20)])
def test_simulated_clusters_are_recovered(radius_nm: float, n: int) -> None:
    scenario = Scenario(density=200, n_per_cluster=n, radius_nm=radius_nm, field_um=15, crop_um=3)
    simulation = simulate(scenario, seed=1)
    found = getis_franklin(simulation.localizations)
    assert adjusted_rand_score(simulation.true_cluster, found.cluster) > 0.95


def test_complete_spatial_randomness_has_no_clusters() -> None:
    positions = np.random.default_rng(5).uniform(0, 3000, (1_800, 2))
    assert getis_franklin(positions).n_clusters == 0


def test_the_suggested_radius_is_that_of_the_discs() -> None:
    scenario = Scenario(density=200, n_per_cluster=50, radius_nm=60, field_um=15, crop_um=6)
    suggested = suggest_radius(simulate(scenario, seed=1).localizations)
    assert 60 <= suggested <= 120


def test_what_is_outside_or_not_finite_is_in_no_cluster_and_keeps_its_row() -> None:
    near = [[100, 100], [110, 100], [100, 110], [110, 110]]
    positions = np.array([[np.nan, 5], [-20, 100], *near, [900, 900], [905, 900]])
    localizations = Localizations(positions, region=SQUARE)
    assert getis_franklin(localizations).cluster.tolist() == [-1, -1, 0, 0, 0, 0, -1, -1]
    values = local_l(localizations, radius_nm=30)
    assert np.isnan(values).tolist() == [True, True] + [False] * 6
    # The one outside is no neighbour, and not one of n.
    np.testing.assert_allclose(values[2:], local_l(positions[2:], radius_nm=30, region=SQUARE))


def test_few_localizations_are_no_cluster() -> None:
    for n in range(3):
        with pytest.warns(NothingFoundWarning, match=f"takes 3 localizations or more, got {n}"):
            assert getis_franklin(np.zeros((n, 2))).cluster.tolist() == [-1] * n
    assert local_l(np.zeros((1, 2)), radius_nm=5).tolist() == [0.0]


def test_duplicates_are_neighbours() -> None:
    localizations = Localizations(np.zeros((5, 2)) + 500, region=SQUARE)
    assert getis_franklin(localizations).cluster.tolist() == [-1] * 5
    np.testing.assert_allclose(local_l(localizations, radius_nm=30), np.sqrt(1e6 / np.pi))
    with pytest.warns(NothingFoundWarning, match="5 localizations lie on a line or at one place"):
        assert getis_franklin(np.zeros((5, 2))).n_clusters == 0
    flat = np.column_stack((np.random.default_rng(0).uniform(0, 1000, (9, 2)), np.zeros(9)))
    with pytest.warns(NothingFoundWarning, match=r"same z, .*localizations.projected\(\)"):
        assert getis_franklin(flat).n_clusters == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"radius_nm": 0.0}, "radius_nm must be a number of nm above 0, got 0"),
        ({"threshold_nm": float("nan")}, "threshold_nm must be a number of nm above 0, got nan"),
        ({"link_nm": -5.0}, "link_nm must be a number of nm above 0, got -5"),
        ({"min_localizations": 0}, "min_localizations must be a whole number of at least 1"),
        (
            {"radius_nm": 501.0},
            "radius_nm is 501 nm, .* shorter side only 1000 nm: choose at most half of that, 500",
        ),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, float], message: str) -> None:
    positions = np.random.default_rng(0).uniform(0, 1000, (50, 2))
    with pytest.raises(InputError, match=message):
        getis_franklin(Localizations(positions, region=SQUARE), **parameters)  # type: ignore[arg-type]


def test_no_radius_is_suggested_where_there_is_none() -> None:
    with pytest.raises(InputError, match="for 3 localizations or more, got 2"):
        suggest_radius([[0, 0], [50, 50]])
    # All in one corner of a large region: L(r) − r rises and rises.
    corner = np.random.default_rng(0).uniform(0, 3000, (500, 2))
    with pytest.raises(InputError, match="has no maximum above 0 below 500 nm"):
        suggest_radius(corner, region=Region.rectangle(0, 0, 90_000, 90_000))


def test_links_that_do_not_fit_in_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from caml import _cost

    monkeypatch.setattr(_cost, "memory_bytes", lambda: 100_000)
    positions = np.random.default_rng(0).normal(500, 20, (400, 2))
    with pytest.raises(InputError, match=r"Linking at this distance would take about \d+ MB"):
        getis_franklin(positions, radius_nm=20, threshold_nm=1, link_nm=1e4)
