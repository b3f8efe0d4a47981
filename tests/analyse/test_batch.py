"""Many files: names, earlier results, and processes that die."""

import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import shapely

import caml
from caml.analyse import analyse_files
from caml.errors import OutputError
from caml.io import write_table
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=3, field_um=20)


def table(seed: int = 1) -> pd.DataFrame:
    return simulate(SCENARIO, seed=seed).localizations.table


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    path = tmp_path / "cell.csv"
    write_table(path, table())
    return path


@pytest.mark.parametrize("name", ["summary.csv", "cell/localizations.csv"])
def test_an_input_among_the_results_to_be_replaced_is_refused(
    name: str, cell: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    analyse_files([cell], out)
    own = out / name
    write_table(own, table(), overwrite=True)
    before = own.read_bytes()
    # Its results would take the folder in which it lies, or its very name.
    inputs = [own, tmp_path / "cell.csv"]
    with pytest.raises(OutputError, match="is an input and lies in results"):
        analyse_files(inputs, out, overwrite=True)
    assert own.read_bytes() == before


def test_a_users_file_among_results_is_not_replaced(cell: Path, tmp_path: Path) -> None:
    analyse_files([cell], tmp_path / "out")
    (tmp_path / "out" / "cell" / "notes.txt").write_text("the good one")
    batch = analyse_files([cell], tmp_path / "out", overwrite=True)
    assert "notes.txt" in batch.outcomes[0].error
    assert (tmp_path / "out" / "cell" / "notes.txt").read_text() == "the good one"


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_name_that_is_no_text_costs_nobody(cell: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xffname.csv"))
    odd.write_bytes(cell.read_bytes())
    batch = analyse_files([odd, cell], tmp_path / "out")
    assert [one.error for one in batch.outcomes] == ["", ""]
    assert (tmp_path / "out" / "bad_name" / "clusters.csv").exists()
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [Path(one["path"]).name for one in record["inputs"]] == ["bad_name.csv", "cell.csv"]


@pytest.mark.parametrize("name", ["..csv", "...csv", "run.json.csv", " .csv"])
def test_odd_names_get_folders_of_their_own(name: str, cell: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(cell.read_bytes())
    (outcome,) = analyse_files([path], tmp_path / "out").outcomes
    assert outcome.error == ""
    assert outcome.folder.parent == tmp_path / "out"
    assert (outcome.folder / "clusters.csv").exists()


def test_a_file_given_twice_is_analysed_once(cell: Path, tmp_path: Path) -> None:
    again = tmp_path / "x" / ".." / "cell.csv"
    (tmp_path / "x").mkdir()
    assert len(analyse_files([cell, again], tmp_path / "out").outcomes) == 1


def test_picassos_yaml_is_no_table(cell: Path, tmp_path: Path) -> None:
    (tmp_path / "locs.hdf5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (tmp_path / "locs.yaml").write_text("Pixelsize: 130")
    paths = [tmp_path / "locs.hdf5", tmp_path / "locs.yaml", cell]
    outcomes = analyse_files(paths, tmp_path / "out").outcomes
    assert [one.path.name for one in outcomes] == ["locs.hdf5", "cell.csv"]


def test_regions_of_one_name_are_told_apart(cell: Path, tmp_path: Path) -> None:
    corners = ((8_500, 8_500, 9_500, 9_500), (9_500, 9_500, 11_500, 11_500))
    for name in ("", "nucleus"):
        regions = [caml.Region.rectangle(*one, name=name) for one in corners]
        (outcome,) = analyse_files([cell], tmp_path / f"out{name}", regions=regions).outcomes
        assert outcome.summary["region"].nunique() == 2
        clusters = pd.read_csv(outcome.folder / "clusters.csv")
        rows = pd.read_csv(outcome.folder / "localizations.csv")
        assert set(clusters["region"]) <= set(outcome.summary["region"])
        assert set(rows["region"].dropna()) == set(outcome.summary["region"])


def test_polygons_that_were_asked_for_lie_with_the_results(cell: Path, tmp_path: Path) -> None:
    triangle = shapely.Polygon([(8_500, 8_500), (11_500, 8_500), (10_000, 11_500)])
    regions = [caml.Region(triangle, "nucleus"), caml.Region.rectangle(8_000, 8_000, 9_000, 9_000)]
    out = tmp_path / "out"
    analyse_files([cell], out, regions=regions)
    again = caml.read_regions(out / "regions.geojson")
    assert [one.name for one in again] == ["nucleus", "region 2"]
    assert all(one.polygon.equals(two.polygon) for one, two in zip(again, regions, strict=True))
    # Of a run that takes its place they are gone with the rest.
    analyse_files([cell], out, regions=regions[1:], overwrite=True)
    assert not (out / "regions.geojson").exists()


DIE = """
import os
import sys


def die_at_cell_2(analysis, folder):
    if analysis.localizations.name == "cell_2":
        os._exit(9)


def die_once_with_cell_2_written(analysis, folder):
    if analysis.localizations.name == "cell_2" and not os.path.exists(folder.parent / "died"):
        open(folder.parent / "died", "w").close()
        sys.modules["caml.analyse.one_file"].Outcome = lambda **_: os._exit(9)
"""


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Pictures that end their process, in a module that the other processes can import."""
    (tmp_path / "deadly.py").write_text(DIE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("deadly")
    del sys.modules["deadly"]


def test_a_process_that_dies_costs_only_its_file(tmp_path: Path, deadly: ModuleType) -> None:
    paths = [tmp_path / f"cell_{number}.csv" for number in range(5)]
    for number, path in enumerate(paths):
        write_table(path, table(number))
    batch = analyse_files(paths, tmp_path / "out", n_jobs=2, picture=deadly.die_at_cell_2)
    failed = [one.path.name for one in batch.outcomes if one.error]
    assert failed == ["cell_2.csv"]
    assert "its process ended without a result" in batch.outcomes[2].error
    assert batch.summary["image"].tolist() == ["cell_0", "cell_1", "cell_3", "cell_4"]


def test_a_process_that_dies_after_writing_has_its_file_done_again(
    tmp_path: Path, deadly: ModuleType
) -> None:
    picture = deadly.die_once_with_cell_2_written
    paths = [tmp_path / f"cell_{number}.csv" for number in range(3)]
    for number, path in enumerate(paths):
        write_table(path, table(number))
    batch = analyse_files(paths, tmp_path / "out", n_jobs=2, picture=picture)
    assert (tmp_path / "out" / "died").exists()
    assert [one.error for one in batch.outcomes] == ["", "", ""]
    assert batch.summary["image"].tolist() == ["cell_0", "cell_1", "cell_2"]


def test_nothing_is_left_where_nothing_succeeded(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    batch = analyse_files([tmp_path / "bad.csv"], tmp_path / "out")
    assert "--columns" in batch.outcomes[0].error
    assert not (tmp_path / "out").exists()
