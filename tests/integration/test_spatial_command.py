"""``caml spatial`` as a user runs it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caml.cli import main
from caml.io import write_table
from caml.localizations import Region
from caml.spatial import survey

REGION = "0,0,2000,1500"


def run(*args: object) -> int:
    """Run the command in this process and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    generator = np.random.default_rng(1)
    centres = generator.uniform(50, 1_400, (20, 2)).repeat(10, axis=0)
    positions = np.vstack(
        [centres + generator.normal(0, 12, centres.shape), [[1_900, 100], [3_000, 100]]]
    )
    path = tmp_path / "cell.csv"
    write_table(path, pd.DataFrame(positions, columns=["x [nm]", "y [nm]"]))
    return path


def test_a_folder_of_curves_numbers_a_picture_and_a_record(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    options = ("--region", REGION, "--radius", 200, "--simulations", 19, "--seed", 5)
    assert run("spatial", cell, "--out", out, *options) == 0
    folder = out / "cell"
    assert sorted(path.name for path in folder.iterdir()) == [
        "record.json", "spatial.csv", "spatial.png", "summary.csv"
    ]  # fmt: skip
    told = capsys.readouterr()
    assert "201 localizations, L − r up to" in told.out
    assert "1 of 202 localizations lie outside the region" in told.err
    table = pd.read_csv(folder / "spatial.csv")
    assert list(table) == ["region", "statistic", "radius_nm", "value", "theory", "low", "high"]
    assert table["statistic"].unique().tolist() == ["L-r", "g", "G"]
    assert table.loc[table["statistic"] == "L-r", "radius_nm"].max() == 200
    positions = pd.read_csv(cell).to_numpy()[:-1]
    region = Region.rectangle(0, 0, 2_000, 1_500)
    expected = survey(positions, region=region, max_radius_nm=200, n_simulations=19, seed=5)
    np.testing.assert_allclose(table["value"], expected.table()["value"], rtol=1e-5)
    summary = pd.read_csv(folder / "summary.csv")
    assert summary["p_l_minus_r"].tolist() == [0.05]
    assert summary["hopkins"][0] > 0.9
    assert summary["area_um2"].tolist() == [3]
    record = json.loads((folder / "record.json").read_text())
    assert record["arguments"]["seed"] == 5
    assert len(record["input"]["sha256"]) == 64


def test_several_regions_and_no_simulations(cell: Path, tmp_path: Path) -> None:
    options = ("--region", REGION, "--region", "0,0,1000,1500", "--simulations", 0)
    assert run("spatial", cell, "--out", tmp_path / "out", *options) == 0
    table = pd.read_csv(tmp_path / "out" / "cell" / "spatial.csv")
    assert table["region"].unique().tolist() == [REGION, "0,0,1000,1500"]
    assert list(table) == ["region", "statistic", "radius_nm", "value", "theory"]


def test_a_file_that_fails_costs_only_itself_and_leaves_nothing(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("x [nm],y [nm]\n1,2\n")
    out = tmp_path / "out"
    assert run("spatial", bad, cell, "--out", out, "--simulations", 0) == 1
    told = capsys.readouterr()
    assert "bad.csv: at least 2 localizations" in told.err
    assert "convex hull: 202 localizations" in told.out
    assert sorted(path.name for path in out.iterdir()) == ["cell"]
    assert run("spatial", cell, "--out", out, "--simulations", 0) == 2
    assert run("spatial", cell, "--out", out, "--simulations", 0, "--overwrite") == 0


def test_of_several_regions_the_one_is_named(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--region", REGION, "--region", "0,0,1,1", "--simulations", 0)
    assert run("spatial", cell, "--out", tmp_path / "out", *options) == 1
    told = capsys.readouterr().err
    assert f"1 of 202 localizations lie outside the region '{REGION}'" in told
    assert "needed in the region '0,0,1,1', got 0 of 202: leave it out" in told


def test_too_large_a_radius_is_refused(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--region", REGION, "--radius", 5_000)
    assert run("spatial", cell, "--out", tmp_path / "out", *options) == 1
    told = capsys.readouterr().err
    assert "5000 nm (--radius, or radii_nm) leaves less than a tenth of the region" in told
    assert "the largest usable is" in told


def test_in_3d(tmp_path: Path) -> None:
    positions = np.random.default_rng(1).uniform(0, 1_000, (300, 3))
    path = tmp_path / "deep.csv"
    write_table(path, pd.DataFrame(positions, columns=["x [nm]", "y [nm]", "z [nm]"]))
    assert run("spatial", path, "--out", tmp_path / "out", "--simulations", 9) == 0
    summary = pd.read_csv(tmp_path / "out" / "deep" / "summary.csv")
    assert summary["depth_nm"][0] == pytest.approx(1_000, rel=0.02)
    assert summary["density_per_um3"][0] == pytest.approx(300, rel=0.15)
    assert summary["p_l_minus_r"][0] > 0.1


def test_five_localizations_have_a_default_radius(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("x [nm],y [nm]\n0,0\n10,60\n700,300\n350,190\n420,160\n")
    assert run("spatial", path, "--out", tmp_path / "out", "--simulations", 9) == 0
    table = pd.read_csv(tmp_path / "out" / "few" / "spatial.csv")
    assert table["value"].notna().all()


def test_a_warning_names_its_file_once_and_comes_before_an_error_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("x [nm],y [nm]\n0,0\nnan,5\n90,10\n40,80\n")
    bad.write_text("x [nm],y [nm]\n0,0\nnan,5\n90,90\n")
    out = tmp_path / "out"
    assert run("spatial", good, bad, "--out", out, "--simulations", 0) == 1
    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if line.startswith("caml: ")]
    assert [line.count(str(tmp_path)) for line in told] == [1, 1, 1]
    assert [line.split(":")[1] for line in told] == [" warning", " warning", " error"]
    assert "(--region, or Localizations" in told[2]


def test_nothing_above_chance_is_said_in_words_and_one_simulation_is_too_few(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "far.csv"
    path.write_text("x [nm],y [nm]\n0,0\n900,0\n0,900\n900,900\n")
    assert run("spatial", path, "--out", tmp_path / "out", "--simulations", 2) == 0
    assert "4 localizations, L − r nowhere above 0, Hopkins" in capsys.readouterr().out
    assert run("spatial", path, "--out", tmp_path / "one", "--simulations", 1) == 1
    assert "takes at least 2 simulations (--simulations, or" in capsys.readouterr().err


def test_channels_that_are_taken_together_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corners = "0,0,{}\n90,0,{}\n0,90,{}\n50,60,{}\n"
    for name, channels in (("two", "ABAB"), ("one", "AAAA")):
        path = tmp_path / f"{name}.csv"
        path.write_text("x [nm],y [nm],channel\n" + corners.format(*channels))
        assert run("spatial", path, "--out", tmp_path / "out", "--simulations", 0) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(told) == 1
    assert "two.csv: channels A, B are taken together" in told[0]
