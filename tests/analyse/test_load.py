"""Results that were saved, and read back."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

import caml
from caml.analyse import analyse_files, load_results, read_recorded
from caml.analyse.chain import rounded
from caml.analyse.one_file import analysis_of
from caml.analyse.record import Settings
from caml.errors import CamlError, DataWarning, InputError, MissingFileError, TableError
from caml.io import write_table
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=3, field_um=20)
REGIONS = (
    caml.Region.rectangle(8_500, 8_500, 10_500, 10_500, name="middle"),
    caml.Region(shapely.Point(10_000, 10_000).buffer(600)),
)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return simulate(SCENARIO, seed=1, name="cell").localizations.table


def in_pixels(table: pd.DataFrame) -> pd.DataFrame:
    new = pd.DataFrame({"x [px]": table["x_nm"] / 130, "y [px]": table["y_nm"] / 130})
    new["uncertainty [px]"] = 0.1
    return new.assign(note="one, two", cluster=7, score=0.5)


def with_faults(table: pd.DataFrame) -> pd.DataFrame:
    new = table[["x_nm", "y_nm"]].copy()
    new.loc[[0, 5, len(new) - 1], "x_nm"] = np.nan
    return new.assign(frame=np.arange(len(new)))


def of_two_channels(table: pd.DataFrame) -> pd.DataFrame:
    return table[["x_nm", "y_nm"]].assign(channel=np.where(np.arange(len(table)) % 3, "red", "far"))


def in_3d(table: pd.DataFrame) -> pd.DataFrame:
    z = 300 + 20 * np.random.default_rng(0).standard_normal(len(table))
    z[3] = np.nan
    return table[["x_nm", "y_nm"]].assign(z_nm=z)


def without_clusters(_: pd.DataFrame) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    return pd.DataFrame({"x_nm": generator.uniform(0, 3e4, 500), "y_nm": generator.random(500)})


DBSCAN: dict[str, Any] = {"method": "dbscan", "parameters": {"eps_nm": 20.0, "min_samples": 5}}
# What is analysed, and how.
CASES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], dict[str, Any]]] = {
    "network": (lambda t: t[["x_nm", "y_nm"]], {}),
    "network, prior of the image": (lambda t: t[["x_nm", "y_nm"]], {"prior": "image"}),
    "three labels": (lambda t: t[["x_nm", "y_nm"]], {"model": "3TXKFS"}),
    "parquet": (lambda t: t[["x_nm", "y_nm"]], {"file_format": "parquet"}),
    "regions": (lambda t: t[["x_nm", "y_nm"]], {"regions": REGIONS}),
    "method": (lambda t: t[["x_nm", "y_nm"]], DBSCAN),
    "method with regions": (lambda t: t[["x_nm", "y_nm"]], DBSCAN | {"regions": REGIONS}),
    "pixels": (in_pixels, DBSCAN | {"pixel_size_nm": 130.0}),
    "pixels of a nanometre": (
        lambda t: t[["x_nm", "y_nm"]].set_axis(["x [px]", "y [px]"], axis=1),
        DBSCAN | {"pixel_size_nm": 1.0},
    ),
    "columns without a unit that are in nanometres": (
        lambda t: t[["x_nm", "y_nm"]].set_axis(["x", "y"], axis=1),
        DBSCAN | {"pixel_size_nm": 1.0},
    ),
    "columns": (
        lambda t: t[["x_nm", "y_nm"]].rename(columns={"x_nm": "a", "y_nm": "score"}),
        DBSCAN | {"columns": {"x": "a", "y": "score"}},
    ),
    "faulty rows": (with_faults, DBSCAN),
    "faulty rows, network": (with_faults, {"file_format": "parquet"}),
    "channels": (of_two_channels, DBSCAN),
    "3D": (in_3d, DBSCAN),
    "3D seen from above": (in_3d, {}),
    "no clusters": (without_clusters, DBSCAN),
    "no clusters, 3D": (lambda t: in_3d(without_clusters(t)), DBSCAN),
    "too few": (lambda t: t[["x_nm", "y_nm"]].head(50), {}),
}


def saved(table: pd.DataFrame, home: Path, name: str) -> tuple[caml.Analysis, Path]:
    make, asked = CASES[name]
    path = home / "cell.csv"
    write_table(path, make(table))
    settings = Settings(**asked)
    analysis = analysis_of(path, "cell", settings, lambda _stage, _share: None)
    batch = analyse_files([path], home / "out", **asked)
    assert not batch.outcomes[0].error
    return analysis, home / "out" / "cell"


@pytest.mark.filterwarnings("ignore::caml.errors.CamlWarning")
@pytest.mark.parametrize("name", list(CASES))
def test_what_is_loaded_is_what_was_saved(table: pd.DataFrame, tmp_path: Path, name: str) -> None:
    analysis, folder = saved(table, tmp_path, name)
    again = load_results(folder)
    same_localizations(again.localizations, analysis.localizations)
    one, two = again.classification, analysis.classification
    np.testing.assert_array_equal(one.label, two.label)
    assert (one.label.dtype, one.score.dtype) == (two.label.dtype, two.score.dtype)
    np.testing.assert_allclose(one.score, two.score, atol=6e-7)
    assert one.prior == pytest.approx(two.prior, rel=1e-3)
    same_segmentation(again, analysis)
    was, now = analysis.description, again.description
    pd.testing.assert_frame_equal(now.clusters, rounded(was.clusters), rtol=1e-15)
    pd.testing.assert_frame_equal(now.summary, rounded(was.summary), rtol=1e-15)
    assert (again.card is None) == (analysis.card is None)
    if analysis.card is not None and again.card is not None:
        assert json.dumps(asdict(again.card)) == json.dumps(asdict(analysis.card))
    assert [one.name for one in again.regions] == [one.name for one in analysis.regions]
    for one_region, two_region in zip(again.regions, analysis.regions, strict=True):
        assert one_region.polygon.equals_exact(two_region.polygon, 0)
    assert again.found_by == analysis.found_by
    assert again.labels == analysis.labels
    assert list(again.seconds) == list(analysis.seconds)
    np.testing.assert_array_equal(again.kind, analysis.kind)


def same_localizations(one: caml.Localizations, two: caml.Localizations) -> None:
    np.testing.assert_array_equal(one.positions, two.positions)
    pd.testing.assert_frame_equal(one.table, two.table)
    for name in ("frame", "channel", "uncertainty_nm"):
        first, second = getattr(one, name), getattr(two, name)
        assert (first is None) == (second is None)
        if second is not None:
            np.testing.assert_array_equal(first, second)
    assert (one.name, one.history) == (two.name, two.history)


def same_segmentation(again: caml.Analysis, analysis: caml.Analysis) -> None:
    one, two = again.segmentation, analysis.segmentation
    np.testing.assert_array_equal(one.cluster, two.cluster)
    np.testing.assert_array_equal(one.label, two.label)
    assert one.made_by == two.made_by
    known = analysis.description.clusters["cluster"].to_numpy()
    assert len(one.outlines) == len(two.outlines)
    assert shapely.equals_exact(one.outlines[known], two.outlines[known], tolerance=1e-3).all()
    others = np.delete(one.outlines, known)
    assert shapely.is_empty(others).all()
    if len(two.volumes_nm3):
        np.testing.assert_allclose(one.volumes_nm3[known], two.volumes_nm3[known], rtol=1e-5)


@pytest.mark.filterwarnings("ignore::caml.errors.CamlWarning")
@pytest.mark.parametrize("name", list(CASES))
def test_what_is_saved_again_is_the_same_byte_for_byte(
    table: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    _, folder = saved(table, tmp_path, name)
    file_format = CASES[name][1].get("file_format", "csv")
    load_results(folder).save(tmp_path / "again", file_format=file_format)
    for path in folder.iterdir():
        again = tmp_path / "again" / path.name
        assert again.read_bytes() == path.read_bytes(), path.name


def test_a_part_of_a_table_keeps_the_numbers_of_its_rows(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "cell.parquet"
    write_table(path, table[["x_nm", "y_nm"]], file_format="parquet")
    analyse_files([path], tmp_path / "out", regions=REGIONS[:1])
    again = load_results(tmp_path / "out" / "cell")
    rows = again.localizations.table.index
    assert rows.name == "row"
    np.testing.assert_array_equal(
        again.localizations.positions, table[["x_nm", "y_nm"]].to_numpy()[rows]
    )


def test_tiles_that_fit_in_memory_are_loaded_whole(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cell.csv"
    write_table(path, table[["x_nm", "y_nm"]])
    analyse_files([path], tmp_path / "whole")
    analyse_files([path], tmp_path / "tiles", tile_size=1_000)
    whole, tiles = (load_results(tmp_path / name / "cell") for name in ("whole", "tiles"))
    np.testing.assert_array_equal(tiles.segmentation.cluster, whole.segmentation.cluster)
    assert shapely.equals_exact(
        tiles.segmentation.outlines, whole.segmentation.outlines, tolerance=1e-3
    ).all()
    monkeypatch.setattr(import_module("caml.analyse.load"), "memory_bytes", lambda: 1_000)
    with pytest.raises(InputError, match="too large for memory"):
        load_results(tmp_path / "tiles" / "cell")


@pytest.mark.filterwarnings("ignore::caml.errors.CamlWarning")
def test_a_folder_saved_from_python_needs_its_network_and_regions(
    table: pd.DataFrame, tmp_path: Path
) -> None:
    analysis = caml.analyse(table[["x_nm", "y_nm"]].to_numpy(), regions=REGIONS)
    analysis.save(tmp_path / "cell")
    with pytest.raises(InputError, match=r'of which network: name it .*model="LOGNM1"'):
        load_results(tmp_path / "cell")
    with pytest.raises(InputError, match=r"of regions, and no run.json .*regions="):
        load_results(tmp_path / "cell", model="LOGNM1")
    again = load_results(tmp_path / "cell", model="LOGNM1", regions=REGIONS)
    same_segmentation(again, analysis)
    assert again.card == analysis.card
    assert again.seconds == {}
    assert again.localizations.history[-1] == "analysed with LOGNM1"
    counts = ["region", "n_localizations", "n_clusters", "n_clustered"]
    pd.testing.assert_frame_equal(
        again.description.summary[counts], analysis.description.summary[counts]
    )


@pytest.fixture(scope="module")
def whole(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("load")
    write_table(home / "cell.csv", table[["x_nm", "y_nm"]])
    analyse_files([home / "cell.csv"], home / "out")
    return home / "out"


Change = Callable[[str], str]
TABLE, OUTLINES, RUN = "cell/localizations.csv", "cell/outlines.geojson", "run.json"
NO_RECORD = "run.json: it is no record of a run"


def cut(n: int) -> Change:
    return lambda text: text[:-n]


def without(line: int) -> Change:
    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        del lines[line]
        return "".join(lines)

    return change


def instead(old: str, new: str) -> Change:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


def with_row(row: str) -> Change:
    return instead("\n", f"\n{row}\n")


def saved_anew(text: str) -> str:
    return json.dumps(json.loads(text))


def edited(path: Path, change: Change) -> None:
    path.write_text(change(path.read_text()))


FAULTS: list[tuple[str, Change | None, str]] = [
    (TABLE, None, "no localizations.csv or localizations.parquet"),
    ("cell/clusters.csv", None, "clusters.csv is not there"),
    (OUTLINES, None, "outlines.geojson is not there"),
    ("summary.csv", None, "summary.csv is not there"),
    (TABLE, cut(20), "localizations.csv"),
    (TABLE, cut(2), "localizations.csv"),
    (TABLE, without(1), "summary.csv says|localizations here"),
    (TABLE, instead("label,cluster", "label,group"), "expected label and cluster as the last"),
    (TABLE, with_row("1,1,2,0,-1"), "a score is a number from 0 to 1"),
    (TABLE, with_row("1,1,0.1,9,-1"), "more labels than the 2 known"),
    (TABLE, with_row("1,1,0.1,0,-2"), "line 2: cluster must be a whole number from −1 on, got -2"),
    (TABLE, with_row("1,1,0.1,0,"), "line 2: cluster must be a whole number"),
    (TABLE, with_row("1,1,0.1,0,99999999999"), "no localization in some of its clusters"),
    ("cell/clusters.csv", cut(20), "clusters.csv, line .* cut off"),
    ("cell/clusters.csv", without(3), "clusters.csv: its clusters are not"),
    ("cell/clusters.csv", instead("\n0,1,", "\n0,1,1"), "cluster 0 has .* localizations here"),
    ("cell/clusters.csv", instead("\n0,1,", "\n0,one,"), "label must be a number"),
    ("cell/clusters.csv", instead("\n0,1,", "\n0.5,1,"), "cluster holds something else"),
    (OUTLINES, cut(200), "outlines.geojson, line .* cut off"),
    (OUTLINES, without(3), "expected the outline of cluster 2, got that of 3"),
    (OUTLINES, without(-2), "it ends after"),
    (OUTLINES, instead("\n]}", "\n{}\n]}"), "outlines.geojson, line"),
    (OUTLINES, instead("[[[", "[[[" + " " * 20_000_001), "outlines.geojson, line 2"),
    (OUTLINES, instead("[[[", '[[["'), "an outline is damaged"),
    (OUTLINES, saved_anew, "outlines.geojson, line 1: .*another program"),
    (RUN, cut(200), NO_RECORD),
    (RUN, instead('"threshold"', '"thr"'), NO_RECORD),
    (RUN, instead('"threshold": 0.5', '"threshold": 5'), NO_RECORD),
    (RUN, instead('"labels"', '"lab"'), NO_RECORD),
    (RUN, instead('"folder": "cell"', '"folder": "../cell"'), "is no name of a folder"),
]


@pytest.mark.parametrize(("name", "change", "text"), FAULTS)
def test_what_is_not_whole_is_refused(
    whole: Path, tmp_path: Path, name: str, change: Change | None, text: str
) -> None:
    path = tmp_path / "out" / name
    shutil.copytree(whole, tmp_path / "out")
    if change is None:
        path.unlink()
    else:
        edited(path, change)
    with pytest.raises(CamlError, match=text):
        load_results(tmp_path / "out" / "cell")


@pytest.fixture(scope="module")
def in_regions(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("regions")
    write_table(home / "cell.csv", table[["x_nm", "y_nm"]])
    analyse_files([home / "cell.csv"], home / "out", regions=REGIONS)
    return home / "out"


def test_rows_that_are_missing_in_a_region_are_noticed(in_regions: Path, tmp_path: Path) -> None:
    shutil.copytree(in_regions, tmp_path / "out")
    path = tmp_path / "out" / "cell" / "localizations.csv"
    rows = pd.read_csv(path)
    alone = rows.index[(rows["region"] == "region 2") & (rows["cluster"] < 0)]
    assert len(alone)
    write_table(path, rows.drop(alone), overwrite=True)
    with pytest.raises(
        TableError, match=r"localizations.csv: it has .* with a position in region "
    ):
        load_results(tmp_path / "out" / "cell")


def test_regions_that_the_summary_does_not_tell_of_are_noticed(
    in_regions: Path, tmp_path: Path
) -> None:
    shutil.copytree(in_regions, tmp_path / "out")
    edited(tmp_path / "out" / "summary.csv", without(2))
    with pytest.raises(TableError, match=r"summary.csv: its rows for the image are not those"):
        load_results(tmp_path / "out" / "cell")


def test_two_tables_are_one_too_many(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    (tmp_path / "out" / "cell" / "localizations.parquet").touch()
    with pytest.raises(InputError, match="move one of them away"):
        load_results(tmp_path / "out" / "cell")


def test_a_run_of_several_images_is_no_image(whole: Path) -> None:
    with pytest.raises(MissingFileError, match="give the folder of one image in it"):
        load_results(whole)


def test_a_link_to_the_folder_is_the_folder(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(whole / "cell")
    assert load_results(tmp_path / "link").card is not None


def test_results_of_an_older_version_have_less_history(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    del record["inputs"][0]["history"]
    (tmp_path / "out" / "run.json").write_text(json.dumps(record))
    history = load_results(tmp_path / "out" / "cell").localizations.history
    assert history[-1] == "analysed with LOGNM1"


def test_warnings_are_not_told_twice(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.warns(DataWarning):
        _, folder = saved(table, tmp_path, "faulty rows")
    load_results(folder)


@pytest.fixture(scope="module")
def interrupted(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was interrupted when the first of two images was done."""
    home = tmp_path_factory.mktemp("interrupted")
    for name in ("cell", "other"):
        write_table(home / f"{name}.csv", table[["x_nm", "y_nm"]])

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse_files([home / "cell.csv", home / "other.csv"], home / "out", on_outcome=stop)
    return home / "out"


def test_what_was_finished_before_a_run_was_interrupted_is_loaded(
    interrupted: Path, whole: Path
) -> None:
    with pytest.raises(InputError, match=r"interrupted; go on .* --resume"):
        read_recorded(interrupted)
    again, expected = load_results(interrupted / "cell"), load_results(whole / "cell")
    same_segmentation(again, expected)
    assert again.card == expected.card


def test_what_a_run_that_was_interrupted_does_not_tell_of_is_refused(
    interrupted: Path, tmp_path: Path
) -> None:
    shutil.copytree(interrupted, tmp_path / "out")
    (tmp_path / "out" / "cell").rename(tmp_path / "out" / "other")
    with pytest.raises(InputError, match=r"interrupted; go on .* --resume"):
        load_results(tmp_path / "out" / "other")


def test_what_could_not_be_analysed_is_no_results(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "out")
    edited(tmp_path / "out" / "run.json", instead('"error": ""', '"error": "it had no columns"'))
    with pytest.raises(InputError, match=r"could not be analysed \(it had no columns\)"):
        load_results(tmp_path / "out" / "cell")
