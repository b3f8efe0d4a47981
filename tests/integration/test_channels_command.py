"""``caml channels`` as a user runs it, and the function behind it."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caml
from caml.analyse import analyse_channels
from caml.channels import coordinate_based_colocalization
from caml.cli import main
from caml.errors import InputError, NothingFoundWarning
from caml.io import write_table
from caml.localizations import Localizations, Region
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=30, crop_um=4)


def run(*args: object) -> int:
    """Run the command in this process and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


def frame(n_channels: int = 2) -> pd.DataFrame:
    positions = simulate(SCENARIO, seed=1).localizations.positions
    table = pd.DataFrame(positions, columns=["x [nm]", "y [nm]"])
    return table.assign(channel=np.arange(len(table)) % n_channels, photons=100.5)


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    path = tmp_path / "cell.csv"
    write_table(path, frame())
    return path


OPTIONS = ("--simulations", 19, "--radius", 300, "--seed", 3)


def test_a_folder_of_both_channels(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("channels", cell, "--out", out, *OPTIONS) == 0
    folder = out / "cell"
    assert sorted(path.name for path in folder.iterdir()) == [
        "channels.csv", "channels.png", "clusters.csv", "correlation.csv", "localizations.csv",
        "outlines.geojson", "record.json",
    ]  # fmt: skip
    given, rows = pd.read_csv(cell), pd.read_csv(folder / "localizations.csv")
    assert list(rows) == [
        *given, "score", "label", "cluster", "colocalization", "other_outline_nm"
    ]  # fmt: skip
    pd.testing.assert_frame_equal(rows[list(given)], given)
    clusters = pd.read_csv(folder / "clusters.csv")
    for channel in (0, 1):
        own = given.loc[given["channel"] == channel, ["x [nm]", "y [nm]"]].to_numpy()
        other = given.loc[given["channel"] != channel, ["x [nm]", "y [nm]"]].to_numpy()
        expected = caml.analyse(own)
        mine = rows[rows["channel"] == channel]
        np.testing.assert_array_equal(mine["cluster"], expected.segmentation.cluster)
        assert (clusters["channel"] == channel).sum() == expected.segmentation.n_clusters
        colocalization = coordinate_based_colocalization(own, other, max_radius_nm=300)
        np.testing.assert_allclose(mine["colocalization"], colocalization, atol=1e-6)
    features = json.loads((folder / "outlines.geojson").read_text())["features"]
    assert len(features) == len(clusters)
    summary = pd.read_csv(folder / "channels.csv")
    assert (summary["percent_of_clusters_overlapping"] > 80).all()
    assert (summary["p_clusters"] == 0.05).all()
    assert (summary["p_correlation"] == 0.05).all()
    assert "channel 0:" in capsys.readouterr().out
    arguments = json.loads((folder / "record.json").read_text())["arguments"]
    assert arguments["seed"] == 3
    assert arguments["region"]["name"] == "convex hull"


def test_every_column_of_the_summary_is_explained() -> None:
    text = (Path(__file__).parents[2] / "docs" / "spatial.md").read_text(encoding="utf-8")
    table = frame()
    both = Localizations(
        table[["x [nm]", "y [nm]"]].to_numpy(), channel=table["channel"].to_numpy()
    )
    found = analyse_channels(both, seed=1, n_simulations=3, max_radius_nm=200)
    columns = {*found.summary(), *found.first.relations}
    assert {name for name in columns if f"`{name}`" not in text} == set()


def test_a_region_is_summed_up(cell: Path, tmp_path: Path) -> None:
    region = Region.rectangle(*frame().iloc[:, :2].min(), *frame().iloc[:, :2].mean())
    text = ",".join(f"{value:.0f}" for value in region.polygon.bounds)
    assert run("channels", cell, "--out", tmp_path / "out", "--region", text, *OPTIONS) == 0
    summary = pd.read_csv(tmp_path / "out" / "cell" / "channels.csv")
    x, y = frame().iloc[:, :2].to_numpy().T
    x_min, y_min, x_max, y_max = (float(value) for value in text.split(","))
    inside = (x >= x_min) & (x <= x_max) & (y >= y_min) & (y <= y_max)
    assert summary["n_localizations"].sum() == inside.sum()
    assert summary["region"].tolist() == [text, text]
    assert run("channels", cell, "--out", tmp_path / "o2", "--region", text, "--region", text) == 2


def test_of_three_channels_two_are_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "three.csv"
    write_table(path, frame(3))
    out = tmp_path / "out"
    assert run("channels", path, "--out", out, *OPTIONS) == 1
    assert "choose two with --channels A,B" in capsys.readouterr().err
    assert not (out / "three").exists()
    assert run("channels", path, "--out", out, "--channels", "2,0", *OPTIONS) == 0
    rows = pd.read_csv(out / "three" / "localizations.csv")
    assert (rows.loc[rows["channel"] == 1, ["label", "cluster"]] == -1).all(axis=None)
    assert pd.read_csv(out / "three" / "channels.csv")["channel"].tolist() == [2, 0]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("1,1", "channel 1 is given twice: a channel is held against another one"),
        ("0,1,2", "two channels are held against each other, A,B; got 0, 1, 2"),
        ("1", "got 1: give the names of two"),
        ("", "got nothing: give the names of two"),
    ],
)
def test_names_that_are_not_two_are_refused_before_anything_is_done(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], names: str, text: str
) -> None:
    assert run("channels", cell, "--out", tmp_path / "out", "--channels", names) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_channel_that_is_not_there_is_told_with_those_that_are(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("channels", cell, "--out", tmp_path / "out", "--channels", "0,7") == 1
    assert f"{cell}: no channel is called '7'; there are 0, 1" in capsys.readouterr().err


@pytest.mark.parametrize(("x", "y"), [(5.0, 7.0), (None, 7.0), (None, None)])
def test_what_has_no_extent_needs_a_region(x: float | None, y: float | None) -> None:
    # At one place, on a line along x, and on one at an angle, of rounded coordinates.
    along = np.arange(40.0)
    positions = np.column_stack(
        [
            along if x is None else along * 0 + x,
            (along / 3).round(3) if y is None else along * 0 + y,
        ]
    )
    both = Localizations(positions, channel=np.arange(40) % 2)
    with pytest.raises(InputError, match=r"lie on a line, or at one place, .* with --region"):
        analyse_channels(both, seed=1)


def test_a_channel_without_any_position_is_told() -> None:
    positions = np.random.default_rng(1).uniform(0, 1000, (40, 2))
    positions[::2, 0] = np.nan
    with pytest.raises(InputError, match="no localization of channel 0 has a usable position"):
        analyse_channels(Localizations(positions, channel=np.arange(40) % 2), seed=1)


def test_a_region_with_nothing_in_it_is_told(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    region = ("--region", "90000,90000,91000,91000")
    assert run("channels", cell, "--out", tmp_path / "out", *region, *OPTIONS) == 1
    assert "no localization of channel 0 or 1 lies in the region" in capsys.readouterr().err


def test_one_channel_is_refused() -> None:
    table = frame()
    with pytest.raises(InputError, match="this table has one, 7"):
        analyse_channels(
            Localizations(table.iloc[:, :2].to_numpy(), channel=np.full(len(table), 7)), seed=1
        )


def test_a_channel_without_clusters_is_an_empty_result_with_a_warning(tmp_path: Path) -> None:
    positions = frame().iloc[:, :2].to_numpy()
    low, high = positions.min(axis=0), positions.max(axis=0)
    sparse = np.random.default_rng(1).uniform(low, high, (30, 2))
    both = Localizations(
        np.vstack([positions, sparse]), channel=np.repeat(["a", "b"], [len(positions), 30])
    )
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        found = analyse_channels(both, seed=1, n_simulations=3, max_radius_nm=200)
    empty = [str(one.message) for one in notes if one.category is NothingFoundWarning]
    assert empty == ["channel b: no clusters were found in the image"]
    summary = found.summary().set_index("channel")
    assert summary.loc["b", "n_clusters"] == 0
    assert summary.loc["a", "percent_of_clusters_overlapping"] == 0
    assert np.isnan(found.first.relations["nearest_outline_nm"]).all()
    found.save(tmp_path / "out")
    assert len(pd.read_csv(tmp_path / "out" / "channels.csv")) == 2


def test_columns_of_an_earlier_run_are_kept_under_another_name(tmp_path: Path) -> None:
    table = frame().assign(colocalization=0.25)
    path = tmp_path / "again.csv"
    write_table(path, table)
    assert run("channels", path, "--out", tmp_path / "out", *OPTIONS) == 0
    rows = pd.read_csv(tmp_path / "out" / "again" / "localizations.csv")
    assert (rows["colocalization_input"] == 0.25).all()
    assert list(rows)[-2:] == ["colocalization", "other_outline_nm"]
