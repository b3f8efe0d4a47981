"""Scenarios from a TOML file, and the lists for other networks than the paper's."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from caml.errors import MissingFileError, ScenarioError
from caml.simulate import (
    Scenario,
    fibre_scenarios,
    listing,
    read_scenarios,
    simulate,
    training_scenarios,
)

Read = Callable[[str], tuple[tuple[Scenario, ...], ...]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a file and read it."""

    def write_and_read(text: str) -> tuple[tuple[Scenario, ...], ...]:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return read_scenarios(path)

    return write_and_read


GRID = """
[[cell]]
density = [5, 10, 50, 100, 300, 500]
n_per_cluster = [5, 10, 20, 30, 40, 50, 60, 70, 80, 90]
percent_clustered = [100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5]
radius_nm = [100, 75, 50, 40, 25, 15, 10, 5]
"""


def test_a_value_stands_for_itself_and_a_list_for_each_of_its_values(read: Read) -> None:
    cells = read(
        "# Rings.\n[[cell]]\ndensity = [50, 100.5]\nshape = 'ring'\n"
        "radius_nm = [60, 80]\ninner_radius_nm = 40\n[[cell]]\ndensity = 10\n"
    )
    ring = Scenario(density=50, shape="ring", radius_nm=60, inner_radius_nm=40)
    assert cells == (
        (ring,),
        (replace(ring, radius_nm=80),),
        (replace(ring, density=100.5),),
        (replace(ring, density=100.5, radius_nm=80),),
        (Scenario(density=10),),
    )


def test_the_papers_grid_where_viable_is_what_the_paper_trained_on(read: Read) -> None:
    assert len(read(GRID)) == 6 * 10 * 11 * 8
    assert tuple(one for (one,) in read(GRID + "viable = true\n")) == training_scenarios()
    assert len(read(GRID + "viable = true\n")) == 711


def test_clusters_beside_others_in_the_same_cell(read: Read) -> None:
    cells = read(
        "[[cell]]\ndensity = [50, 100]\n"
        "[[cell.beside]]\ndensity = 20\nshape = 'fibre'\nradius_nm = [10, 25]\n"
        "[[cell.beside]]\ndensity = 5\npercent_clustered = 0\n"
        "[[cell]]\ndensity = 30\n"
    )
    discs = [Scenario(density=50), Scenario(density=100)]
    fibres = [Scenario(density=20, shape="fibre", radius_nm=r) for r in (10, 25)]
    alone = Scenario(density=5, percent_clustered=0)
    assert cells == (*product(discs, fibres, [alone]), (Scenario(density=30),))


def test_what_is_viable_says_nothing_of_what_lies_beside(read: Read) -> None:
    # 5, 2.5 and 5 clusters per µm²; the fourth would have 10. Beside them is half a one.
    text = "[[cell]]\ndensity = [100, 50]\nn_per_cluster = [10, 5]\nviable = true\n"
    cells = read(text + "[[cell.beside]]\ndensity = 20\n")
    assert [(one.density, one.n_per_cluster) for one, _ in cells] == [(100, 10), (50, 10), (50, 5)]
    assert not any(beside.is_viable for _, beside in cells)


def test_a_cell_that_was_read_can_be_simulated(read: Read) -> None:
    (cell,) = read(
        "[[cell]]\ndensity = 20\nfield_um = 10\n"
        "[[cell.beside]]\ndensity = 10\nfield_um = 10\nshape = 'fibre'\nfibre_length_nm = 300\n"
    )
    assert set(simulate(*cell, seed=1).true_label.tolist()) == {0, 1, 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[cell]\n", r"mine\.toml: not TOML: .*at line 1, column 7"),
        ("[[cell]]\ndensity = 5,0\n", r"mine\.toml: not TOML: .*at line 2, column 12"),
        ("\0\1", r"mine\.toml: not TOML: .*at line 1, column 1"),
        ("", r"mine\.toml: expected at least one table \[\[cell\]\] with a density"),
        ("cell = []", r"expected at least one table \[\[cell\]\] with a density"),
        ("[cell]\ndensity = 5\n", r"expected at least one table \[\[cell\]\] with a density"),
        (
            "density = 5\nshape = 'disc'\n",
            r"expected tables \[\[cell\]\], found density, shape out",
        ),
        ("cell = [1, 2]", r"\[\[cell\]\]"),
        ("cell = [[1]]", r"\[\[cell\]\]"),
        ("[[cell]]\nradius_nm = 5\n", r"\[\[cell\]\] 1: density is missing, localizations per µm²"),
        (
            "[[cell]]\ndensity = 5\n[[cell]]\ndensity = 5\ncolour = 1\nsize = 2\n",
            r"mine\.toml: \[\[cell\]\] 2: no scenario has colour, size; known: density, n_per_clus",
        ),
        ("[[cell]]\ndensity = '5'\n", r"\[\[cell\]\] 1: density must be numbers, got '5'"),
        ("[[cell]]\ndensity = true\n", "density must be numbers, got True"),
        ("[[cell]]\ndensity = [5, [6]]\n", r"density must be numbers, got \[6\]"),
        ("[[cell]]\ndensity = 1979-05-27\n", "density must be numbers, got datetime"),
        ("[[cell]]\ndensity = 5\nshape = 3\n", "shape must be text, got 3"),
        ("[[cell]]\ndensity = 5\nshape = ['disc', true]\n", "shape must be text, got True"),
        ("[[cell]]\ndensity = 5\nshape = 'square'\n", "1: shape must be one of disc, .*'square'"),
        (
            "[[cell]]\ndensity = [5, -1]\nradius_nm = 0\n",
            r"mine\.toml: \[\[cell\]\] 1: radius_nm must be above 0, got 0",
        ),
        ("[[cell]]\ndensity = [5, -1]\n", r"\[\[cell\]\] 1: density must be above 0, got -1"),
        ("[[cell]]\ndensity = nan\n", "density must be above 0, got nan"),
        ("[[cell]]\ndensity = inf\n", "density must be above 0, got inf"),
        ("[[cell]]\ndensity = 5\nn_per_cluster = 2.5\n", r"\[\[cell\]\] 1: n_per_cluster must be"),
        ("[[cell]]\ndensity = 5\nn_dimensions = 2.5\n", "must be whole numbers, got 2.5"),
        ("[[cell]]\ndensity = 5\nviable = 1\n", r"1: viable must be true or false, got 1"),
        ("[[cell]]\ndensity = 1\nviable = true\n", "none of the scenarios is viable as the paper"),
        ("[[cell]]\ndensity = 5\nbeside = 1\n", r"1: beside must be tables \[\[cell\.beside\]\]"),
        ("[[cell]]\ndensity = 5\n[cell.beside]\ndensity = 5\n", "1: beside must be tables"),
        ("[[cell]]\ndensity = 5\nbeside = [1]\n", r"\[\[cell\]\] 1.*beside"),
        (
            "[[cell]]\ndensity = 5\n[[cell.beside]]\ndensity = 5\n[[cell.beside]]\nradius_nm = 5\n",
            r"mine\.toml: \[\[cell\]\] 1, \[\[cell\.beside\]\] 2: density is missing",
        ),
        (
            "[[cell]]\ndensity = 5\n[[cell.beside]]\ndensity = 5\nviable = true\n",
            r"\[\[cell\.beside\]\] 1: no scenario has viable; known: density",
        ),
    ],
)
def test_what_no_scenario_can_be_made_of(text: str, message: str, read: Read) -> None:
    with pytest.raises(ScenarioError, match=message):
        read(text)


def test_files_that_are_no_text_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(MissingFileError, match=r"mine\.toml: no such file"):
        read_scenarios(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(ScenarioError, match=r"mine\.toml: cannot be read as text \('utf-8' codec"):
        read_scenarios(path)
    with pytest.raises(ScenarioError, match=r"cannot be read as text \(.*directory"):
        read_scenarios(tmp_path)


def test_more_combinations_than_anyone_wants(read: Read) -> None:
    hundred = list(range(1, 101))
    text = f"[[cell]]\ndensity = {hundred}\nradius_nm = {hundred}\nn_per_cluster = [10, 20]\n"
    assert len(read(text)) == 20_000
    with pytest.raises(ScenarioError, match=r"\[\[cell\]\] 2: more than 20,000 combinations"):
        read(text + "[[cell]]\ndensity = 1\n")
    # 150 · 150, of either kind few.
    values = list(range(1, 151))
    text = f"[[cell]]\ndensity = {values}\n[[cell.beside]]\ndensity = {values}\n"
    with pytest.raises(ScenarioError, match=r"\[\[cell\]\] 1: more than 20,000 combinations"):
        read(text)


def test_ten_thousand_million_combinations_are_not_tried_first(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def make(**values: Any) -> Scenario:
        made.append(values)
        assert len(made) <= 20_001, "it makes all combinations before it counts them"
        return Scenario(**values)

    monkeypatch.setattr(listing, "Scenario", make)
    names = ("density", "n_per_cluster", "percent_clustered", "radius_nm", "field_um")
    text = "[[cell]]\n" + "".join(f"{name} = {list(range(1, 101))}\n" for name in names)
    with pytest.raises(ScenarioError, match="more than 20,000 combinations"):
        read(text)


def test_the_grid_in_3d_has_the_same_numbers_per_volume() -> None:
    flat, thick = training_scenarios(), training_scenarios(n_dimensions=3)
    assert len(thick) == len(set(thick)) == 711
    for one, other in zip(flat, thick, strict=True):
        assert other == replace(one, n_dimensions=3)
        # Per µm³ what was per µm².
        assert other.clusters_per_area == one.clusters_per_area
        assert other.axial_range_nm == 500 >= 2 * other.radius_nm


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize(
    ("most", "sizes"),
    [
        (50, {5, 10, 20, 30, 40, 50}),
        (100, {5, *range(10, 101, 10)}),
        (200, {5, *range(10, 101, 10), *range(120, 201, 20)}),
    ],
)
def test_the_grid_for_other_sizes_of_clusters(
    most: int, sizes: set[int], n_dimensions: int
) -> None:
    paper = training_scenarios(n_dimensions=n_dimensions)
    scenarios = training_scenarios(n_dimensions=n_dimensions, most_per_cluster=most)
    assert {one.n_per_cluster for one in scenarios} == sizes
    assert len(set(scenarios)) == len(scenarios)
    common = min(most, 90)
    assert [one for one in scenarios if one.n_per_cluster <= common] == [
        one for one in paper if one.n_per_cluster <= common
    ]
    assert all(one.is_viable for one in scenarios)


def test_cells_with_fibres() -> None:
    cells = fibre_scenarios()
    assert len(set(cells)) == len(cells) > 50
    for discs, fibres in cells:
        assert (discs.shape, fibres.shape) == ("disc", "fibre")
        # Half of the localizations belong to either kind.
        assert discs.density == fibres.density
        assert discs.percent_clustered == fibres.percent_clustered
        assert fibres.fibre_length_nm == 2000
        assert 20 <= 2 * fibres.radius_nm <= 100
        assert 0.5 <= discs.clusters_per_area <= 5
        density = discs.density + fibres.density
        areas = (math.pi * discs.radius_nm**2 * 1e-6, 2 * 2 * fibres.radius_nm * 1e-3)
        per_area = [one.density * one.percent_clustered / 100 / one.n_per_cluster for one in
                    (discs, fibres)]  # fmt: skip
        covered = sum(n * area for n, area in zip(per_area, areas, strict=True))
        assert covered < 0.5
        around = density * (1 - discs.percent_clustered / 100) / (1 - covered)
        for one, area in zip((discs, fibres), areas, strict=True):
            assert 4 < one.n_per_cluster / area / around < 100
    # Nothing of the grid is lost: every density, share and size of either kind.
    assert {2 * discs.density for discs, _ in cells} == {100, 300}
    assert {discs.percent_clustered for discs, _ in cells} == {20, 40, 60, 80}
    assert {discs.n_per_cluster for discs, _ in cells} == {10, 20, 40}
    assert {fibres.n_per_cluster for _, fibres in cells} == {200, 400, 800}


def test_viable_in_three_dimensions_is_what_the_numbers_are_in_the_plane(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        "[[cell]]\nviable = true\nn_dimensions = 3\ndensity = [5, 10, 50, 100, 300, 500]\n"
        "n_per_cluster = [5, 10, 20, 30, 40, 50, 60, 70, 80, 90]\n"
        "percent_clustered = [100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5]\n"
        "radius_nm = [100, 75, 50, 40, 25, 15, 10, 5]\n",
        encoding="utf-8-sig",
    )
    found = {one for (one,) in read_scenarios(path)}
    assert found == set(training_scenarios(n_dimensions=3))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[cell]]\ndensity = []\n", "density has no value"),
        ("[[cell]]\ndensity = " + "9" * 5_000, "no list of scenarios"),
        ("[[cell]]\ndensity = 5\nradius_nm = " + "9" * 400, "radius_nm"),
        ("a = " + "[" * 100_000, "no list of scenarios"),
        ("[[cell]]\ndensity = 5\nviable = true\nradius_nm = 1e-200\n", "none of the scenarios"),
    ],
)
def test_numbers_and_nesting_beyond_all_bounds(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=reason):
        read_scenarios(path)
