"""Simulated images obey their scenario."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist

from caml.errors import DataWarning, ScenarioError
from caml.simulate import Scenario, Simulation, simulate
from caml.simulate.scenario import Depletion, DetectionLaw

BASE = Scenario(density=100, n_per_cluster=20, percent_clustered=50, radius_nm=50, field_um=15)


def clustered(simulation: Simulation) -> list[npt.NDArray[np.float64]]:
    """Return the positions of each cluster."""
    inside = simulation.true_cluster >= 0
    ids = simulation.true_cluster[inside]
    positions = simulation.localizations.positions[inside]
    return [positions[ids == one] for one in range(ids.max() + 1)]


def extent(positions: npt.NDArray[np.float64]) -> float:
    """Return the largest distance between two localizations."""
    return float(pdist(positions).max())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_numbers_are_those_of_the_scenario(seed: int) -> None:
    simulation = simulate(BASE, seed=seed)
    clusters = clustered(simulation)
    area = simulation.outline.area * 1e-6
    assert len(clusters) == round(2.5 * area)
    assert {len(one) for one in clusters} == {20}
    assert (simulation.true_label == 0).sum() == 20 * len(clusters)
    assert len(simulation.true_label) / area == pytest.approx(100, rel=0.01)
    np.testing.assert_array_equal(simulation.true_label > 0, simulation.true_cluster >= 0)


def test_the_unclustered_are_rounded_up() -> None:
    simulation = simulate(dataclasses.replace(BASE, percent_clustered=30), seed=1)
    n = int((simulation.true_label > 0).sum())
    assert (simulation.true_label == 0).sum() == int(np.ceil(n / 0.3)) - n


def nearest(
    positions: npt.NDArray[np.float64], others: npt.NDArray[np.float64], rank: int = 1
) -> npt.NDArray[np.float64]:
    """Return the distance to the nearest (of a rank) of others."""
    return np.asarray(cKDTree(others).query(positions, [rank])[0])[:, 0]


def test_everything_lies_in_the_cell_and_nothing_unclustered_in_a_disc() -> None:
    # 2,000 localizations reach a disc's rim on every side: its centre is known within 2 nm.
    scenario = dataclasses.replace(BASE, n_per_cluster=2000, density=3000, percent_clustered=30)
    simulation = simulate(scenario, seed=4)
    positions = np.asarray(simulation.localizations.positions)
    assert shapely.contains_xy(simulation.outline, positions[:, 0], positions[:, 1]).all()
    centres = np.array([(c.min(axis=0) + c.max(axis=0)) / 2 for c in clustered(simulation)])
    outside = positions[simulation.true_label == 0]
    assert len(outside) > 1000
    assert 48 < nearest(outside, centres).min() < 60


def test_clusters_keep_their_distance_and_radius() -> None:
    clusters = clustered(simulate(BASE, seed=5))
    assert max(extent(one) for one in clusters) <= 100
    tree = cKDTree(np.concatenate(clusters))
    owner = np.repeat(np.arange(len(clusters)), 20)
    # Centres 110 nm apart leave 10 nm between the rims.
    pairs = tree.query_pairs(9.99, output_type="ndarray")
    assert (owner[pairs[:, 0]] == owner[pairs[:, 1]]).all()


def test_a_full_cell_gives_clusters_up_rather_than_crowd_them() -> None:
    crowded = dataclasses.replace(BASE, density=1000, percent_clustered=100, radius_nm=100)
    with pytest.warns(DataWarning, match=r"only \d+ of \d+ clusters found room"):
        simulation = simulate(crowded, seed=1)
    clusters = clustered(simulation)
    assert 0 < len(clusters) < round(50 * simulation.outline.area * 1e-6)
    centres = np.array([one.mean(axis=0) for one in clusters])
    assert nearest(centres, centres, 2).min() > 220 - 2 * 70


def test_discs_are_filled_evenly() -> None:
    many = dataclasses.replace(BASE, n_per_cluster=2000, density=2000, percent_clustered=100)
    one = clustered(simulate(many, seed=6))[0]
    distance = np.linalg.norm(one - (one.min(axis=0) + one.max(axis=0)) / 2, axis=1)
    # Half of an even disc lies within radius/sqrt(2) of its centre; 4 standard errors are 0.045.
    assert (distance < 50 / np.sqrt(2)).mean() == pytest.approx(0.5, abs=0.05)


def test_gaussian_clusters_have_half_the_radius_as_deviation() -> None:
    scenario = dataclasses.replace(BASE, shape="gaussian", n_per_cluster=1000, density=2000)
    deviations = [one.std(axis=0) for one in clustered(simulate(scenario, seed=7))]
    np.testing.assert_allclose(np.mean(deviations, axis=0), 25, rtol=0.02)


def test_rings_are_empty_inside() -> None:
    scenario = dataclasses.replace(
        BASE, shape="ring", radius_nm=100, inner_radius_nm=80, n_per_cluster=500, density=1000
    )
    for one in clustered(simulate(scenario, seed=8)):
        distance = np.linalg.norm(one - (one.min(axis=0) + one.max(axis=0)) / 2, axis=1)
        assert distance.min() > 75
        assert distance.max() < 105


def test_a_soft_edge_thins_out_and_keeps_the_radius() -> None:
    hard = dataclasses.replace(BASE, n_per_cluster=2000, density=2000, percent_clustered=100)
    soft = dataclasses.replace(hard, soft_edge=1.0)
    for scenario, expected in ((hard, 2 / 3), (soft, 1 / 2)):
        one = clustered(simulate(scenario, seed=9))[0]
        distance = np.linalg.norm(one - one.mean(axis=0), axis=1) / 50
        # Mean distance from the centre: 2/3 of the radius for a disc, 1/2 for a cone.
        assert distance.mean() == pytest.approx(expected, abs=0.02)
        assert distance.max() < 1.05


def test_fibres_are_as_long_and_wide_as_asked() -> None:
    scenario = dataclasses.replace(
        BASE, shape="fibre", radius_nm=20, fibre_length_nm=1500, n_per_cluster=400, density=200
    )
    simulation = simulate(scenario, seed=10)
    assert set(simulation.true_label.tolist()) == {0, 2}
    for one in clustered(simulation):
        assert 500 < extent(one) <= 1500 + 2 * 20
        # Evenly along 1500 nm and 40 nm wide, 400 localizations are within 20 nm of each other.
        assert nearest(one, one, 2).max() < 40


def test_several_kinds_share_a_cell() -> None:
    fibre = dataclasses.replace(
        BASE, shape="fibre", radius_nm=15, fibre_length_nm=1000, n_per_cluster=100
    )
    simulation = simulate(BASE, fibre, seed=11)
    assert set(simulation.true_label.tolist()) == {0, 1, 2}
    sizes = {len(one) for one in clustered(simulation)}
    assert sizes == {20, 100}


def test_kinds_that_disagree_about_the_cell_are_refused() -> None:
    with pytest.raises(ScenarioError, match="must agree on field_um"):
        simulate(BASE, dataclasses.replace(BASE, field_um=20), seed=1)


@pytest.mark.parametrize(("depleted", "label"), [("clusters", 1), ("unclustered", 0)])
def test_the_centre_can_be_depleted(depleted: Depletion, label: int) -> None:
    simulation = simulate(dataclasses.replace(BASE, depleted_centre=depleted), seed=12)
    distance = np.linalg.norm(simulation.localizations.positions - 7500, axis=1)
    # Radius field/8 ± half of it: nothing within field/16 less the spline's swing.
    inside = distance < 700
    assert not (simulation.true_label[inside] == label).any()
    assert (simulation.true_label[inside] == 1 - label).any()


@pytest.mark.parametrize("uneven", [0.0, 0.5, 1.0])
def test_the_background_is_as_uneven_as_asked(uneven: float) -> None:
    scenario = dataclasses.replace(
        BASE, density=2000, percent_clustered=10, uneven_background=uneven, field_um=20
    )
    simulation = simulate(scenario, seed=19)
    outside = simulation.localizations.positions[simulation.true_label == 0]
    middle = outside[(np.abs(outside - 10_000) < 3_000).all(axis=1)]
    counts = np.histogram2d(middle[:, 0], middle[:, 1], bins=12, range=[[7_000, 13_000]] * 2)[0]
    # 450 on average in a square of 500 nm: Poisson alone varies by 5 %.
    spread = counts.std() / counts.mean()
    low, high = counts.min() / counts.mean(), counts.max() / counts.mean()
    if uneven == 0:
        assert spread < 0.1
    else:
        assert spread > 0.3 * uneven
        assert 1 - uneven - 0.15 < low < 1 - uneven / 2
        assert high < (1 + uneven) * 1.5
    n_clustered = int((simulation.true_label > 0).sum())
    assert len(outside) == int(np.ceil(n_clustered / 0.1)) - n_clustered


def test_uncertainty_displaces_by_its_width() -> None:
    blurred = dataclasses.replace(
        BASE, radius_nm=1, uncertainty_fwhm_nm=23.548, percent_clustered=90
    )
    simulation = simulate(blurred, seed=13)
    spread = np.concatenate([one - one.mean(axis=0) for one in clustered(simulation)])
    # Standard deviation 10 nm, times sqrt(19/20) for the mean taken out; the disc adds 0.5 nm.
    assert spread.std() == pytest.approx(10 * np.sqrt(19 / 20), rel=0.03)
    np.testing.assert_allclose(np.asarray(simulation.localizations.uncertainty_nm), 10, rtol=1e-4)


@pytest.mark.parametrize("law", ["geometric", "poisson"])
def test_molecules_blink_as_often_as_asked(law: DetectionLaw) -> None:
    scenario = dataclasses.replace(BASE, detections_per_molecule=4, detection_law=law)
    simulation = simulate(scenario, seed=14)
    times = np.bincount(simulation.localizations.table["molecule"])
    assert times.mean() == pytest.approx(4, rel=0.05)
    # Variance of the law: m(m − 1) from 1 on (geometric), m (Poisson).
    assert times.var() == pytest.approx(12 if law == "geometric" else 4, rel=0.15)
    assert (times.min() == 0) == (law == "poisson")


def test_detections_of_a_molecule_come_one_after_the_other() -> None:
    simulation = simulate(dataclasses.replace(BASE, detections_per_molecule=3), seed=15)
    frame = np.asarray(simulation.localizations.frame)
    molecule = simulation.localizations.table["molecule"].to_numpy()
    assert (np.diff(frame) >= 0).all()
    order = np.lexsort((frame, molecule))
    same = molecule[order][1:] == molecule[order][:-1]
    gaps = np.diff(frame[order])[same]
    assert gaps.min() >= 1
    assert gaps.mean() == pytest.approx(50, rel=0.1)


def test_a_crop_is_centred_and_keeps_the_truth() -> None:
    simulation = simulate(dataclasses.replace(BASE, crop_um=3), seed=16)
    positions = simulation.localizations.positions
    assert positions.min() >= 6000
    assert positions.max() <= 9000
    assert len(positions) == len(simulation.true_label) == len(simulation.localizations.table)
    region = simulation.localizations.region
    assert region is not None
    assert region.area_um2 == pytest.approx(9)


def test_randomness_has_no_clusters() -> None:
    simulation = simulate(dataclasses.replace(BASE, percent_clustered=0), seed=17)
    assert not simulation.true_label.any()
    assert len(simulation.true_label) == round(100 * simulation.outline.area * 1e-6)


def test_three_dimensions() -> None:
    scenario = dataclasses.replace(BASE, n_dimensions=3, n_per_cluster=50)
    simulation = simulate(scenario, seed=18)
    z = simulation.localizations.positions[:, 2]
    assert z.min() >= 0
    assert z.max() <= 500
    volume = simulation.outline.area * 1e-6 * 0.5
    assert len(z) / volume == pytest.approx(100, rel=0.02)
    for one in clustered(simulation):
        assert extent(one) <= 100
    assert simulation.localizations.n_dimensions == 3


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    tables = [simulate(BASE, seed=seed).localizations.table for seed in (3, 3, 4)]
    assert tables[0].to_csv() == tables[1].to_csv()
    assert tables[0].to_csv() != tables[2].to_csv()


def test_the_first_values_of_a_seed_are_pinned() -> None:
    # A change here changes every simulated image and so the training pool: say so in the changelog.
    simulation = simulate(BASE, seed=0)
    assert len(simulation.true_label) == 6480
    np.testing.assert_allclose(
        simulation.localizations.positions[0], (5386.931456, 6446.014089), atol=1e-6
    )


def test_clusters_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ScenarioError, match="radius_nm 3000 do not fit"):
        simulate(dataclasses.replace(BASE, radius_nm=3000), seed=1)
