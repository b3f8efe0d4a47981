"""The comparison as a whole: units, what cannot be tested, and what is written."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import caml
from caml.compare import Cell, cells_table, cliffs_delta
from caml.errors import DataWarning, InputError, OutputError

AREAS = {"a": (1.0, 2, 3, 4, 5), "b": (3.5, 6, 7, 8, 9), "c": (2.5, 5.5, 6.5, 7.5, 10)}


def cell(condition: str, name: str, *areas: float, replicate: str = "") -> Cell:
    clusters = pd.DataFrame({"area_nm2": np.array(areas, dtype=float)})
    return Cell(condition, name, clusters, replicate=replicate)


def some(condition: str, replicate: str = "") -> list[Cell]:
    """Make cells whose medians are the areas of a condition; every other has two clusters more."""
    cells = []
    for number, area in enumerate(AREAS[condition]):
        factors = (0.5, 1, 3) if number % 2 else (0.5, 1, 3, 0.2, 9)
        areas = (area * one for one in factors)
        cells.append(cell(condition, f"{number}", *areas, replicate=replicate))
    return cells


def test_medians_of_cells_are_compared() -> None:
    found = caml.compare([*some("a"), *some("b"), *some("c")])
    assert found.conditions == ("a", "b", "c")
    assert found.descriptors == ("area_nm2", "n_clusters")
    test = found.tests.iloc[0]
    expected = stats.kruskal(*AREAS.values())
    assert test["h"] == pytest.approx(float(expected.statistic))
    assert test["p"] == pytest.approx(float(expected.pvalue))
    assert (test["df"], test["n_a"], test["median_c"], test["note"]) == (2, 5, 6.5, "")
    pairs = found.pairs[found.pairs["descriptor"] == "area_nm2"]
    assert pairs[["condition_1", "condition_2"]].values.tolist() == [
        ["a", "b"], ["a", "c"], ["b", "c"]
    ]  # fmt: skip
    assert pairs["difference"].tolist() == [4, 3.5, -0.5]
    assert pairs["cliffs_delta"].iloc[0] == cliffs_delta(*map(np.array, (AREAS["a"], AREAS["b"])))
    assert (pairs["ci_low"] <= pairs["difference"]).all()
    assert (pairs["ci_high"] >= pairs["difference"]).all()
    assert (pairs["p_adjusted"] >= pairs["p"]).all()


def test_all_ways_to_give_cells_are_one() -> None:
    cells = [*some("a"), *some("b")]
    found = caml.compare(cells)
    tables = {one: [x.clusters for x in cells if x.condition == one] for one in "ab"}
    pd.testing.assert_frame_equal(caml.compare(tables).pairs, found.pairs)
    descriptions = {
        one: [caml.Description(x.clusters, x.summary) for x in cells if x.condition == one]
        for one in "ab"
    }
    pd.testing.assert_frame_equal(caml.compare(descriptions).pairs, found.pairs)
    pd.testing.assert_frame_equal(caml.compare(cells_table(cells)).pairs, found.pairs)
    again = caml.compare(cells, seed=np.random.default_rng(0))
    pd.testing.assert_frame_equal(again.pairs, found.pairs)
    other = caml.compare(cells, seed=1).pairs
    pd.testing.assert_frame_equal(other.drop(columns=["ci_low", "ci_high"]),
                                  found.pairs.drop(columns=["ci_low", "ci_high"]))  # fmt: skip


def test_clusters_as_samples_are_warned_of() -> None:
    with pytest.warns(DataWarning, match="pseudoreplication: every cluster"):
        found = caml.compare([*some("a"), *some("b")], unit="cluster")
    tests = found.tests.set_index("descriptor")
    assert (tests["unit"]["area_nm2"], tests["n_a"]["area_nm2"]) == ("cluster", 21)
    assert (tests["unit"]["n_clusters"], tests["n_a"]["n_clusters"]) == ("cell", 5)


def test_replicates_are_medians_of_their_cells() -> None:
    cells = [
        cell(condition, f"{place}", area + place, replicate=f"day {day}")
        for condition in "ab"
        for day, area in enumerate(AREAS[condition])
        for place in (-1, 0, 2)
    ]
    with pytest.warns(DataWarning, match="n_clusters: all values are the same: not tested"):
        found = caml.compare(cells, unit="replicate")
    test = found.tests.iloc[0]
    assert (test["unit"], test["n_a"], test["median_b"]) == ("replicate", 5, 7)
    assert test["p"] == pytest.approx(float(stats.kruskal(AREAS["a"], AREAS["b"]).pvalue))
    with (
        pytest.warns(DataWarning, match="all values are the same"),
        pytest.warns(DataWarning, match="cells of one replicate are taken for independent"),
    ):
        assert caml.compare(cells).tests["n_a"].iloc[0] == 15


def test_cells_without_clusters_count_where_clusters_are_counted() -> None:
    cells = [*some("a"), *some("b"), cell("b", "empty 1"), cell("b", "empty 2")]
    with pytest.warns(DataWarning, match=r"2 of 12 cells have no clusters \(b/empty 1,"):
        found = caml.compare(cells)
    tests = found.tests.set_index("descriptor")
    assert (tests.loc["area_nm2", "n_b"], tests.loc["n_clusters", "n_b"]) == (5, 7)
    rows = found.cells[found.cells["cell"] == "empty 1"].set_index("descriptor")
    assert rows.loc["n_clusters", "median"] == 0
    assert np.isnan(rows.loc["area_nm2", ["median", "q1", "q3"]].astype(float)).all()


def test_nothing_but_empty_cells() -> None:
    empty = pd.DataFrame({"area_nm2": []})
    with (
        pytest.warns(DataWarning, match="no cell has clusters|area_nm2: .* not tested"),
        pytest.warns(DataWarning, match="all values are the same"),
    ):
        found = caml.compare({"a": [empty, empty], "b": [empty, empty]})
    assert np.isnan(found.tests["p"]).all()


def test_a_condition_with_one_cell_is_left_out() -> None:
    cells = [*some("a"), *some("b"), *some("c")[:1]]
    with pytest.warns(DataWarning, match="c has 1 cell and is left out"):
        found = caml.compare(cells)
    test = found.tests.iloc[0]
    assert (test["df"], test["n_c"], test["median_c"]) == (1, 1, 2.5)
    pairs = found.pairs.iloc[:3].set_index(["condition_1", "condition_2"])
    assert pairs["p"].notna().tolist() == [True, False, False]
    assert pairs["difference"].notna().tolist() == [True, False, False]
    with pytest.warns(DataWarning, match="1 cell and is left out; fewer than two conditions"):
        found = caml.compare([*some("a"), *some("b")[:1]])
    assert np.isnan(found.tests["p"]).all()
    assert (found.pairs["stars"] == "").all()


def test_p_is_adjusted_for_the_descriptors_that_were_tested() -> None:
    # Of each cell the area differs, the solidity less so, and all are as round.
    cells = {
        name: [
            pd.DataFrame({"area_nm2": [area], "solidity": [one], "circularity": [0.5]})
            for area, one in zip(AREAS[name], values, strict=True)
        ]
        for name, values in (("a", (0.1, 0.2, 0.3, 0.4, 0.5)), ("b", (0.15, 0.25, 0.6, 0.7, 0.8)))
    }
    with pytest.warns(DataWarning, match="circularity, n_clusters: all values are the same"):
        tests = caml.compare(cells).tests.set_index("descriptor")
    p, p_fdr = tests["p"], tests["p_fdr"]
    assert p["area_nm2"] < p["solidity"]
    assert p_fdr["area_nm2"] == pytest.approx(2 * p["area_nm2"])
    assert p_fdr["solidity"] == p["solidity"]
    assert p_fdr[["circularity", "n_clusters"]].isna().all()


def test_few_cells_are_said_to_be_few() -> None:
    with pytest.warns(DataWarning, match="P is rough: fewer than 5 cells in a"):
        caml.compare([*some("a")[:4], *some("b")])


def test_nan_and_infinite_values_are_left_out() -> None:
    cells = [*some("a"), *some("b")]
    odd = [*cells[:-1], cell("b", "odd", 9, np.nan, np.inf, 9)]
    table = cells_table(odd)
    row = table[(table["cell"] == "odd") & (table["descriptor"] == "area_nm2")]
    assert (row["n_clusters"].item(), row["median"].item()) == (4, 9)


def test_a_descriptor_that_some_cells_lack_is_told() -> None:
    cells = [*some("a"), *some("b")]
    deep = Cell("b", "deep", pd.DataFrame({"area_nm2": [1.0], "volume_nm3": [2.0]}))
    with (
        pytest.warns(DataWarning, match="volume_nm3 is not in the tables of 10 of 11 cells"),
        pytest.warns(DataWarning, match="volume_nm3: a has 0 cells and is left out"),
    ):
        caml.compare([*cells, deep])


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"unit": "image"}, "a sample is a cell, replicate or cluster; got 'image'"),
        ({"adjust": "fdr"}, "holm or bonferroni; got 'fdr'"),
        ({"n_bootstrap": 0}, "n_bootstrap must be at least 1; got 0"),
        ({"unit": "replicate"}, "replicates cannot be compared, because they are not known"),
    ],
)
def test_options_out_of_range(options: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        caml.compare([*some("a"), *some("b")], **options)  # type: ignore[arg-type]


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="at least two conditions; got 1: a"):
        caml.compare(some("a"))
    with pytest.raises(InputError, match="at least two conditions; got 0"):
        caml.compare([])
    with pytest.raises(InputError, match="a cell is there twice: a / 0;"):
        caml.compare([*some("a"), *some("a")])
    with pytest.raises(InputError, match=r"5 of 10 cells have no replicate \(a/0,"):
        caml.compare([*some("a"), *some("b", "day 1")])
    with pytest.raises(InputError, match="got int"):
        caml.compare([1, 2])  # type: ignore[list-item]
    with pytest.raises(InputError, match=r"a cell of 'a' must be a description .* got float"):
        caml.compare({"a": [1.0], "b": []})  # type: ignore[list-item]
    with pytest.raises(InputError, match="a cell needs a name and a condition"):
        Cell(" ", "x", pd.DataFrame())
    with pytest.raises(InputError, match=r"it has no condition, replicate"):
        caml.compare(pd.DataFrame({"area_nm2": [1.0]}))
    table = cells_table([*some("a"), *some("b")])
    with pytest.raises(InputError, match="one row per cell and descriptor; some are twice"):
        caml.compare(pd.concat([table, table]))
    with pytest.raises(InputError, match="only a table of cells was given"):
        caml.compare(table, mixed=True)


def test_tables_are_written_whole(tmp_path: Path) -> None:
    found = caml.compare([*some("a"), *some("b")], mixed=True)
    found.save(tmp_path / "out")
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.csv")}
    assert names == {
        "cells.csv", "tests.csv", "pairs.csv", "mixed.csv", "prism/area_nm2.csv",
        "prism/area_nm2_of_clusters.csv", "prism/n_clusters.csv",
    }  # fmt: skip
    prism = pd.read_csv(tmp_path / "out" / "prism" / "area_nm2.csv")
    assert {name: prism[name].tolist() for name in prism} == {
        name: list(AREAS[name]) for name in "ab"
    }
    assert len(pd.read_csv(tmp_path / "out" / "prism" / "area_nm2_of_clusters.csv")) == 21
    with pytest.raises(OutputError, match="is there already"):
        found.save(tmp_path / "out")
    found.save(tmp_path / "out", overwrite=True)
    (tmp_path / "out" / "notes.txt").touch()
    with pytest.raises(OutputError, match=r"it holds what is not of such results: 'notes\.txt'"):
        found.save(tmp_path / "out", overwrite=True)
