"""Scenarios and the paper's lists of them."""

import math
from itertools import product

import pytest

from caml.errors import ScenarioError
from caml.simulate import (
    Scenario,
    evaluation_scenarios,
    random_scenarios,
    training_scenarios,
)


def test_the_paper_trained_on_711_scenarios() -> None:
    scenarios = training_scenarios()
    assert len(scenarios) == len(set(scenarios)) == 711
    assert all(scenario.is_viable for scenario in scenarios)


def test_the_711_are_those_of_the_formula_as_written() -> None:
    expected = []
    for density, per_cluster, percent, radius in product(
        (5, 10, 50, 100, 300, 500),
        (5, 10, 20, 30, 40, 50, 60, 70, 80, 90),
        (100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5),
        (100, 75, 50, 40, 25, 15, 10, 5),
    ):
        c = density * (0.01 * percent) / per_cluster
        a = math.pi * radius**2 * c * 1e-6
        if not (1 <= c <= 5 and a < 1):
            continue
        outside = density * (1 - 0.01 * percent) / (1 - a)
        if percent < 100 and not 1.5 < density * 0.01 * percent / a / outside < 100:
            continue
        expected.append((density, per_cluster, percent, radius))
    found = [
        (s.density, s.n_per_cluster, s.percent_clustered, s.radius_nm) for s in training_scenarios()
    ]
    assert found == expected


def test_the_evaluation_lists() -> None:
    assert len(evaluation_scenarios()) == 4 * 11 * 11
    assert {s.percent_clustered for s in random_scenarios()} == {0}


@pytest.mark.parametrize(
    ("scenario", "viable"),
    [
        (Scenario(density=100, n_per_cluster=20, percent_clustered=100, radius_nm=50), True),
        (Scenario(density=100, n_per_cluster=19, percent_clustered=100, radius_nm=50), False),
        (Scenario(density=5, n_per_cluster=5, percent_clustered=50, radius_nm=50), False),
        (Scenario(density=300, n_per_cluster=5, percent_clustered=5, radius_nm=100), False),
    ],
)
def test_viability_by_hand(scenario: Scenario, viable: bool) -> None:
    # 5 clusters per µm²; 5.3; 0.5; 3 with density ratio (15/0.0942)/(285/0.9058) = 0.506.
    assert scenario.is_viable is viable


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(
        ScenarioError,
        match=r"density must be above 0, got -1; percent_clustered must be from 0 to 100, got 101",
    ):
        Scenario(density=-1, percent_clustered=101)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"shape": "square"}, "shape must be one of disc, gaussian, ring, fibre"),
        ({"inner_radius_nm": 60}, "inner_radius_nm must be from 0 to below radius_nm"),
        ({"soft_edge": 1.5}, "soft_edge must be from 0 to 1"),
        ({"detections_per_molecule": 0.5}, r"at least 1 \(geometric\)"),
        ({"n_dimensions": 4}, "n_dimensions must be 2 or 3"),
        ({"n_dimensions": 3, "radius_nm": 300}, r"axial_range_nm must be at least 2 \* radius_nm"),
        ({"crop_um": 50}, "crop_um must be from 0 to field_um"),
        ({"density": math.nan}, "density must be above 0, got nan"),
    ],
)
def test_values_out_of_range_are_refused(options: dict[str, object], text: str) -> None:
    with pytest.raises(ScenarioError, match=text):
        Scenario(**({"density": 100} | options))  # type: ignore[arg-type]
