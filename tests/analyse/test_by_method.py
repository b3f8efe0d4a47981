"""The chain with other methods in the place of the network."""

import operator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import caml
from caml import _cost
from caml._machine import n_processes
from caml.analyse import analyse, analyse_files
from caml.analyse.by_method import find_by_method
from caml.analyse.workers import in_processes
from caml.errors import CamlWarning, DataWarning, InputError, NothingFoundWarning
from caml.localizations import Localizations, Region
from caml.methods import dbscan
from caml.plot import overview
from caml.simulate import Scenario, simulate

CELL = simulate(Scenario(density=200, n_per_cluster=30, radius_nm=25, crop_um=3), seed=4)
DBSCAN: dict[str, Any] = {"eps_nm": 25.0, "min_samples": 6}


def test_clusters_are_the_methods_with_outlines_and_measures() -> None:
    analysis = analyse(CELL.localizations, method="dbscan", parameters=DBSCAN)
    expected = caml.outline(CELL.localizations, dbscan(CELL.localizations, **DBSCAN))
    assert np.array_equal(analysis.segmentation.cluster, expected.cluster)
    assert len(analysis.description.clusters) == expected.n_clusters > 5
    assert (analysis.description.clusters["area_nm2"] > 0).all()
    assert analysis.card is None
    assert analysis.labels == ("not clustered", "clustered")
    assert analysis.found_by == "dbscan, eps 25 nm, min_samples 6"
    assert analysis.localizations.history[-1] == f"analysed with {analysis.found_by}"
    assert np.isnan(analysis.classification.score).all()
    assert overview(analysis).axes


def test_each_region_is_looked_at_by_itself() -> None:
    positions = CELL.localizations.positions
    x, y = positions.min(axis=0)
    regions = [
        Region.rectangle(x, y, x + 1_500, y + 3_000),
        Region.rectangle(x + 1_000, y, x + 2_500, y + 3_000),
    ]
    analysis = analyse(CELL.localizations, method="dbscan", parameters=DBSCAN, regions=regions)
    left = regions[0].contains(positions)
    right = regions[1].contains(positions) & ~left
    for inside in (left, right):
        alone = caml.outline(positions[inside], dbscan(positions[inside], **DBSCAN))
        ids = analysis.segmentation.cluster[inside]
        assert np.array_equal(caml.renumber(ids)[0], alone.cluster)
    assert (analysis.classification.label[~left & ~right] == -1).all()
    assert set(analysis.classification.label[left | right]) == {0, 1}
    assert "region 1: dbscan" in analysis.found_by
    assert len(analysis.description.summary) == 2


def test_nothing_found_is_an_empty_result() -> None:
    with pytest.warns(NothingFoundWarning, match="no clusters were found in the image"):
        analysis = analyse(np.arange(20.0).reshape(10, 2) * 1e3, method="focal")
    assert len(analysis.description.clusters) == 0
    assert overview(analysis).axes


def test_files_are_analysed_and_the_record_tells_what_was_chosen(tmp_path: Path) -> None:
    cell = tmp_path / "cell.csv"
    CELL.localizations.table.to_csv(cell, index=False)
    batch = analyse_files([cell], tmp_path / "out", method="dbscan", parameters={"min_samples": 6})
    assert batch.outcomes[0].error == ""
    record = pd.read_json(tmp_path / "out" / "run.json", typ="series")
    assert record["arguments"]["method"] == "dbscan"
    assert record["arguments"]["parameters"] == {"eps_nm": None, "min_samples": 6}
    assert "model" not in record["arguments"]
    assert record["model"] is None
    # The distance that it chose by itself is known, so that the run can be repeated.
    assert record["inputs"][0]["found_by"].startswith("dbscan, eps ")
    table = pd.read_csv(tmp_path / "out" / "cell" / "localizations.csv")
    assert "score" not in table.columns
    assert set(table["label"]) == {0, 1}
    assert (tmp_path / "out" / "cell" / "clusters.csv").exists()


def test_a_method_that_refuses_costs_its_file_only(tmp_path: Path) -> None:
    for name, wide in (("near", 1.0), ("far", 1e6)):
        x, y = CELL.localizations.positions.T
        table = pd.DataFrame({"x": x * wide, "y": y * wide})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    batch = analyse_files(
        [tmp_path / "near.csv", tmp_path / "far.csv"],
        tmp_path / "out",
        method="kde",
        parameters={"bandwidth_nm": 10.0},
        pixel_size_nm=1.0,
    )
    assert [bool(one.error) for one in batch.outcomes] == [False, True]
    assert "far.csv: kernel density estimation with this bandwidth would" in batch.outcomes[1].error


def test_what_is_no_method_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no method is called 'nothing'"):
        analyse_files([tmp_path / "a.csv"], tmp_path / "out", method="nothing")
    with pytest.raises(InputError, match="dbscan has no parameter 'eps'"):
        analyse_files(
            [tmp_path / "a.csv"], tmp_path / "out", method="dbscan", parameters={"eps": 1}
        )
    with pytest.raises(InputError, match="dbscan looks at whole images: leave out the size of"):
        analyse_files([tmp_path / "a.csv"], tmp_path / "out", method="dbscan", tile_size=5_000)
    assert not (tmp_path / "out").exists()


def test_localizations_taken_keep_what_belongs_to_them() -> None:
    every = Localizations(
        np.arange(8.0).reshape(4, 2),
        frame=np.arange(4),
        channel=np.array(["a", "b", "a", "b"]),
        uncertainty_nm=np.arange(4.0),
    )
    some = every.taken([2, 0])
    assert some.positions.tolist() == [[4, 5], [0, 1]]
    assert some.frame is not None
    assert some.frame.tolist() == [2, 0]
    assert some.channel is not None
    assert some.channel.tolist() == ["a", "a"]
    assert some.table["x_nm"].tolist() == [4, 0]
    assert every.taken(np.array([False, True, False, True])).positions.tolist() == [[2, 3], [6, 7]]


def test_duplicates_are_told_once_with_how_many() -> None:
    positions = np.random.default_rng(0).uniform(0, 1000, (200, 2))
    twice = np.vstack([positions, positions[:7], [[np.nan, 3]] * 2])
    halves = [Region.rectangle(0, 0, 500, 1000), Region.rectangle(500, 0, 1000, 1000)]
    with pytest.warns(CamlWarning) as noted:
        find_by_method(Localizations(twice), "dbscan", {"eps_nm": 40.0}, halves)
    (one,) = noted
    assert one.category is DataWarning
    assert str(one.message).startswith("7 of 207 localizations have exactly the position of an")


def test_a_region_that_cannot_be_looked_at_is_told_by_its_name() -> None:
    positions = np.random.default_rng(0).uniform(0, 1000, (200, 2))
    regions = [
        Region.rectangle(0, 0, 1000, 1000, name="whole"),
        Region.rectangle(100, 100, 101, 101, name="speck"),
    ]
    with pytest.warns(NothingFoundWarning) as noted:
        find_by_method(Localizations(positions), "hdbscan", {}, regions)
    assert [str(one.message) for one in noted] == [
        "speck: hdbscan could not look for clusters: it takes 6 localizations or more, got 0"
    ]


def test_parameters_out_of_range_are_refused_before_a_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="eps_nm must be a number of nm above 0, got -3"):
        analyse(tmp_path / "none.csv", method="dbscan", parameters={"eps_nm": -3.0})
    with pytest.raises(InputError, match="min_samples must be a whole number of at least 1, got 0"):
        analyse_files(
            [tmp_path / "none.csv"],
            tmp_path / "out",
            method="dbscan",
            parameters={"min_samples": 0},
        )
    assert not (tmp_path / "out").exists()


def test_files_that_are_analysed_at_once_share_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(_job: object, error: BaseException) -> int:
        raise error

    assert list(in_processes(operator.call, [n_processes] * 2, 16, failed)) == [2, 2]
    monkeypatch.setattr(_cost, "memory_bytes", lambda: 1_000_000_000)
    _cost.check_cost("one", 9, n_bytes=6e8, seconds=1)
    monkeypatch.setattr(_cost, "n_processes", lambda: 2)
    _cost.check_cost("one", 9, n_bytes=5e8, seconds=1)
    with pytest.raises(InputError, match=r"600 MB .* 2 files at once share the memory: take fewer"):
        _cost.check_cost("one", 9, n_bytes=6e8, seconds=1)
    with pytest.raises(InputError, match=r"2 GB .*localizations: analyse regions of it, or choose"):
        _cost.check_cost("one", 9, n_bytes=2e9, seconds=1)
