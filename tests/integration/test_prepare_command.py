"""``caml prepare`` as a user runs it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caml
from caml.cli import main
from caml.io import write_table
from caml.prepare import (
    correct_drift,
    estimate_drift,
    filter_localizations,
    merge_reappearing,
)
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(
    density=100, field_um=12, detections_per_molecule=3, uncertainty_fwhm_nm=30, radius_nm=50
)


def run(*args: object) -> int:
    """Run the command in this process and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """A cell that drifts by 100 nm, as ThunderSTORM would write it."""
    path = tmp_path / "cell.csv"
    table = simulate(SCENARIO, seed=1).localizations.table
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "id": np.arange(1.0, len(table) + 1),
            "frame": table["frame"].astype(float),
            "x [nm]": table["x_nm"] + table["frame"] * 0.005,
            "y [nm]": table["y_nm"],
            "sigma [nm]": rng.uniform(100, 300, len(table)),
            "intensity [photon]": rng.integers(300, 6_000, len(table)).astype(float),
            "bkgstd [photon]": 5.0,
            "uncertainty [nm]": rng.uniform(3, 30, len(table)),
        }
    )
    write_table(path, frame)
    return path


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_all_steps_in_the_papers_order(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file_format: str
) -> None:
    out = tmp_path / "out"
    assert (
        run("prepare", cell, "--out", out, "--format", file_format, "--drift", "--merge",
            "--keep", "photons=500:5000", "--keep", "sigma=50:250", "--keep", "uncertainty=:25")
        == 0
    )  # fmt: skip
    given = caml.read(cell)
    kept = filter_localizations(
        given, ranges={"photons": (500, 5000), "sigma": (50, 250), "uncertainty": (None, 25)}
    )
    drift = estimate_drift(kept)
    expected = merge_reappearing(correct_drift(kept, drift))

    found = caml.read(out / f"cell.{file_format}")
    np.testing.assert_array_equal(found.positions, expected.positions)
    np.testing.assert_array_equal(found.frame, expected.frame)
    np.testing.assert_array_equal(found.uncertainty_nm, expected.uncertainty_nm)
    assert list(found.table) == [*given.table, "detections"]
    assert found.table["detections"].sum() == len(kept)
    assert "(ThunderSTORM)" in found.history[0]

    path = pd.read_csv(out / "drift" / "cell.csv")
    pd.testing.assert_frame_equal(path, drift.table.round(3))
    assert (out / "drift" / "cell.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((out / "prepare.json").read_text())
    assert record["arguments"]["keep"]["uncertainty"] == [None, 25]
    assert record["arguments"]["merge"] == {"distance_nm": 50, "frames_off": 25}
    (one,) = record["inputs"]
    assert one["history"][1:] == list(expected.history[1:])
    assert one["n_read"] == len(given)
    assert one["n_prepared"] == len(expected)
    assert one["drift_precision_nm"] == drift.precision_nm
    said = capsys.readouterr().out
    assert all(f"  {line}" in said for line in expected.history[1:])


def test_only_what_is_asked_for_is_done(cell: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("prepare", cell, "--out", out, "--keep", "frame=100:") == 0
    given = pd.read_csv(cell)
    expected = given[given["frame"] >= 100].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(out / "cell.csv"), expected)
    assert sorted(path.name for path in out.iterdir()) == ["cell.csv", "prepare.json"]
    assert set(json.loads((out / "prepare.json").read_text())["arguments"]) == {
        "keep", "pixel_size_nm", "columns", "format",
    }  # fmt: skip


def test_tables_in_pixels_are_read_again_where_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "pixels.csv"
    path.write_text("x [px],y [px],frame\n1,1,1\n1.2,1,2\n9,9,2\n")
    out = tmp_path / "out"
    assert run("prepare", path, "--out", out, "--merge", "--pixel-size", 100) == 0
    found = caml.read(out / "pixels.csv")
    assert found.positions.tolist() == [[110.0, 100.0], [900.0, 900.0]]
    assert found.table["x [px]"].tolist() == pytest.approx([1.1, 9.0])


@pytest.mark.parametrize("factor", [1.0, 0.01])
def test_columns_that_the_user_named_are_prepared_too(tmp_path: Path, factor: float) -> None:
    # Else who names them again reads what was there before.
    path = tmp_path / "mine.csv"
    places = [(100, 100, 1), (120, 100, 2), (900, 900, 2), (500, 300, 3)]
    rows = "".join(f"{x * factor},{y * factor},{t}\n" for x, y, t in places)
    path.write_text("a,b,t\n" + rows)
    unit = "nm" if factor == 1 else "px"
    named = ("--columns", f"x=a [{unit}],y=b [{unit}],frame=t")
    size = ("--pixel-size", 100) if factor < 1 else ()
    assert run("prepare", path, "--out", tmp_path / "out", "--merge", *named, *size) == 0
    columns = {"x": f"a [{unit}]", "y": f"b [{unit}]", "frame": "t"}
    found = caml.read(
        tmp_path / "out" / "mine.csv",
        columns=columns,
        pixel_size_nm=100 if factor < 1 else None,
    )
    np.testing.assert_allclose(found.positions, [[110, 100], [900, 900], [500, 300]])
    np.testing.assert_array_equal(found.table["t"], [1, 2, 3])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "nothing to do: ask for --keep NAME=LOW:HIGH, --drift, --merge"),
        (("--keep", "sigma"), "is not NAME=LOW:HIGH"),
        (("--keep", "sigma=:"), "is not NAME=LOW:HIGH"),
        (("--keep", "sigma=1:2:3"), "is not NAME=LOW:HIGH"),
        (("--keep", "sigma=nan:3"), "is not NAME=LOW:HIGH"),
        (("--keep", "sigma=250:50"), "ends below where it begins"),
        (("--keep", "sigma=50:", "--keep", "sigma=:250"), "each column once"),
        (("--merge", "--merge-distance", "0"), "--merge-distance"),
    ],
)
def test_arguments_that_cannot_be_used(
    cell: Path,
    tmp_path: Path,
    args: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("prepare", cell, "--out", tmp_path / "out", *args) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_a_file_that_fails_costs_only_itself(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    still = tmp_path / "still.csv"
    still.write_text("x,y\n1,2\n")
    torn = tmp_path / "torn.csv"
    torn.write_text("x,y,frame\n1,2,1.5\n3,4,2\n")
    few = tmp_path / "few.csv"
    few.write_text("x,y,frame\n1,2,1\n3,4,2\n")
    out = tmp_path / "out"
    assert run("prepare", still, torn, few, cell, "--out", out, "--drift", "--merge") == 1
    said = capsys.readouterr().err
    assert "still.csv: drift correction needs the frame" in said
    assert "torn.csv: drift correction needs the frame" in said
    assert "few.csv: drift correction in 5 bins needs at least 500" in said
    assert sorted(path.name for path in out.rglob("*.*")) == [
        "cell.csv", "cell.csv", "cell.png", "prepare.json",
    ]  # fmt: skip
    inputs = json.loads((out / "prepare.json").read_text())["inputs"]
    assert [bool(one["error"]) for one in inputs] == [True, True, True, False]


def test_a_column_that_is_not_there_is_named_with_those_that_are(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("prepare", cell, "--out", tmp_path / "out", "--keep", "chi2=0:1") == 1
    assert "cell.csv: no column 'chi2' to filter by: the columns are" in capsys.readouterr().err


def test_nothing_left_is_written_and_told(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("prepare", cell, "--out", out, "--keep", "sigma=1:2", "--merge") == 0
    assert "cell.csv: the filter leaves no localization" in capsys.readouterr().err
    assert len(pd.read_csv(out / "cell.csv")) == 0


def test_earlier_tables_and_inputs_are_not_replaced(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = cell.read_bytes()
    assert run("prepare", cell, "--out", tmp_path, "--merge") == 2
    assert run("prepare", cell, "--out", tmp_path, "--merge", "--overwrite") == 2
    assert "is an input and lies in results" in capsys.readouterr().err
    assert cell.read_bytes() == before
    out = tmp_path / "out"
    assert run("prepare", cell, "--out", out, "--merge") == 0
    assert run("prepare", cell, "--out", out, "--keep", "sigma=:200") == 2
    assert "detections" in pd.read_csv(out / "cell.csv")
    assert run("prepare", cell, "--out", out, "--keep", "sigma=:200", "--overwrite") == 0
    assert "detections" not in pd.read_csv(out / "cell.csv")


def test_what_cannot_be_written_leaves_nothing_of_the_file(
    cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from caml import io
    from caml.errors import OutputError

    whole = io.write_table

    def full(path: Path, *args: object, **options: object) -> None:
        if Path(path).name == "cell.csv":
            raise OutputError(f"{path} cannot be written: the disk is full")
        whole(path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(io, "write_table", full)
    out = tmp_path / "out"
    assert run("prepare", cell, "--out", out, "--drift") == 1
    assert "the disk is full" in capsys.readouterr().err
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["prepare.json"]


def test_prepared_tables_can_be_analysed(cell: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("prepare", cell, "--out", out, "--drift", "--merge") == 0
    assert run("analyse", *out.glob("*.csv"), "--out", tmp_path / "results") == 0
    assert (tmp_path / "results" / "cell" / "clusters.csv").exists()
