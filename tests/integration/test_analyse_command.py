"""``caml analyse`` as a user runs it: results, failures, interruptions."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caml.analyse import one_file
from caml.cli import main
from caml.io import write_table
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(
    density=100, n_per_cluster=20, percent_clustered=50, radius_nm=40, crop_um=3, field_um=20
)


def run(*args: object) -> int:
    """Run the command in this process and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


def table(seed: int = 1) -> pd.DataFrame:
    frame = simulate(SCENARIO, seed=seed).localizations.table
    return frame.rename(columns={"x_nm": "x [nm]", "y_nm": "y [nm]"})


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    path = tmp_path / "cell.csv"
    write_table(path, table())
    return path


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


RESULTS = (
    "localizations.csv", "clusters.csv", "outlines.geojson", "overview.png", "report.html",
)  # fmt: skip


def test_pages_can_be_left_out_and_of_several_files_there_is_one_for_all(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.csv"
    write_table(other, table(2))
    assert run("analyse", cell, other, "--out", tmp_path / "with") == 0
    page = tmp_path / "with" / "report.html"
    assert f"report: {page}" in capsys.readouterr().out
    assert 'href="other/report.html"' in page.read_text("utf-8")
    assert run("analyse", cell, other, "--out", tmp_path / "without", "--no-report") == 0
    assert "report" not in capsys.readouterr().out
    assert not [name for name in names(tmp_path / "without") if name.endswith(".html")]


def test_a_folder_per_file_a_summary_and_a_record(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    assert run("analyse", cell, "--out", out) == 0
    assert names(out) == {"summary.csv", "run.json", *(f"cell/{name}" for name in RESULTS)}
    printed = capsys.readouterr()
    summary = pd.read_csv(out / "summary.csv")
    assert summary["image"].tolist() == ["cell"]
    n_clusters = int(summary["n_clusters"].iloc[0])
    assert f"{n_clusters} clusters" in printed.out
    assert printed.err == ""
    record = json.loads((out / "run.json").read_text())
    assert record["model"]["name"] == "LOGNM1"
    assert record["interrupted"] is False
    assert record["inputs"][0]["warnings"] == []
    assert record["inputs"][0]["sha256"] == hashlib.sha256(cell.read_bytes()).hexdigest()
    assert record["arguments"]["out"] == str(out)
    assert set(record["inputs"][0]["seconds"]) >= {"read", "classify", "segment", "write"}


def test_every_column_and_row_is_kept_in_order(cell: Path, tmp_path: Path) -> None:
    assert run("analyse", cell, "--out", tmp_path / "out") == 0
    before, after = pd.read_csv(cell), pd.read_csv(tmp_path / "out" / "cell" / "localizations.csv")
    assert after.columns.tolist() == [*before.columns, "score", "label", "cluster"]
    pd.testing.assert_frame_equal(after[before.columns.tolist()], before)
    np.testing.assert_array_equal(after["label"], after["score"] >= 0.5)
    clusters = pd.read_csv(tmp_path / "out" / "cell" / "clusters.csv")
    sizes = after["cluster"][after["cluster"] >= 0].value_counts().sort_index()
    np.testing.assert_array_equal(clusters["n_localizations"], sizes)


def test_results_can_be_read_again(cell: Path, tmp_path: Path) -> None:
    assert run("analyse", cell, "--out", tmp_path / "first") == 0
    again = tmp_path / "first" / "cell" / "localizations.csv"
    assert run("analyse", again, "--out", tmp_path / "second") == 0
    first = pd.read_csv(again)
    second = pd.read_csv(tmp_path / "second" / "localizations" / "localizations.csv")
    np.testing.assert_array_equal(first["cluster"], second["cluster"])
    np.testing.assert_array_equal(first["cluster"], second["cluster_input"])


def test_files_of_the_same_name_do_not_overwrite_each_other(cell: Path, tmp_path: Path) -> None:
    other = tmp_path / "drug"
    other.mkdir()
    write_table(other / "Cell.csv", table(2))
    shutil.copy(cell, tmp_path / "cell.txt")
    out = tmp_path / "out"
    assert run("analyse", cell, other / "Cell.csv", tmp_path / "cell.txt", "--out", out) == 0
    images = pd.read_csv(out / "summary.csv")["image"].tolist()
    assert len({image.casefold() for image in images}) == 3
    assert images[1] == "drug_Cell"
    assert all((out / image / "clusters.csv").exists() for image in images)


def test_one_failure_costs_only_itself(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("x,y\n1,2\n3,four\n")
    out = tmp_path / "out"
    assert run("analyse", bad, tmp_path / "none.csv", cell, "--out", out) == 1
    errors = capsys.readouterr().err
    assert "bad.csv, line 3" in errors
    assert "none.csv" in errors
    assert "2 of 3 files failed" in errors
    assert pd.read_csv(out / "summary.csv")["image"].tolist() == ["cell"]
    inputs = json.loads((out / "run.json").read_text())["inputs"]
    assert [bool(one["error"]) for one in inputs] == [True, True, False]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "empty"),
        ("x [nm],y [nm]\n", "no localizations"),
        ("a,b\n1,2\n", "--columns"),
        ("x [px],y [px]\n1,2\n", "--pixel-size"),
        ("x,y\n1,2\n3\n4,5\n", "line 3"),
    ],
)
def test_bad_tables_get_a_message_and_leave_nothing(
    content: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    assert run("analyse", path, "--out", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "bad.csv" in error
    assert text in error
    assert "Traceback" not in error
    assert names(tmp_path / "out") == set()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--model", "NOSUCH"), "there are: 07VEJJ"),
        (("--threshold", "1.5"), "--threshold"),
        (("--region", "5,5,1,9"), "x_min < x_max"),
        (("--region", "nowhere.geojson"), "nowhere.geojson"),
        (("--columns", "x"), "x=NAME,y=NAME"),
        (("--jobs", "0"), "--jobs"),
        (("--format", "xlsx"), "xlsx"),
        (("--pixel-size", "-1"), "--pixel-size"),
    ],
)
def test_arguments_that_cannot_be_used_end_with_2_before_anything_is_done(
    options: tuple[str, str],
    text: str,
    cell: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("analyse", cell, "--out", tmp_path / "out", *options) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_earlier_results_are_safe_without_overwrite(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("analyse", cell, "--out", out) == 0
    before = {name: (out / name).read_bytes() for name in names(out)}
    assert run("analyse", cell, "--out", out, "--threshold", "0.9") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert {name: (out / name).read_bytes() for name in names(out)} == before
    assert run("analyse", cell, "--out", out, "--threshold", "0.9", "--overwrite") == 0
    assert (out / "cell" / "clusters.csv").read_bytes() != before["cell/clusters.csv"]
    assert names(out) == set(before)


def test_overwrite_never_replaces_what_is_no_result(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "out" / "cell"
    data.mkdir(parents=True)
    (data / "raw.tif").write_text("irreplaceable")
    assert run("analyse", cell, "--out", tmp_path / "out", "--overwrite") == 1
    assert (data / "raw.tif").read_text() == "irreplaceable"
    assert "cell" in capsys.readouterr().err


def test_out_must_be_a_folder(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file")
    assert run("analyse", cell, "--out", tmp_path / "out") == 2
    assert "is a file" in capsys.readouterr().err


def test_several_processes_give_the_same_bytes(tmp_path: Path) -> None:
    paths = []
    for seed in (1, 2, 3):
        paths.append(tmp_path / f"cell_{seed}.csv")
        write_table(paths[-1], table(seed))
    assert run("analyse", *paths, "--out", tmp_path / "one") == 0
    assert run("analyse", *paths, "--out", tmp_path / "two", "--jobs", 2) == 0
    found = names(tmp_path / "one")
    assert found == names(tmp_path / "two")
    for name in found - {"run.json"}:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_rows_without_a_position_are_counted_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = table()
    frame.loc[3, "x [nm]"] = np.nan
    frame.loc[7, "y [nm]"] = np.inf
    write_table(tmp_path / "cell.csv", frame)
    assert run("analyse", tmp_path / "cell.csv", "--out", tmp_path / "out") == 0
    assert "warning" in capsys.readouterr().err
    after = pd.read_csv(tmp_path / "out" / "cell" / "localizations.csv")
    assert len(after) == len(frame)
    assert after.loc[[3, 7], "label"].tolist() == [-1, -1]
    assert after.loc[[3, 7], "cluster"].tolist() == [-1, -1]
    assert after["score"].isna().sum() == 2
    warned = json.loads((tmp_path / "out" / "run.json").read_text())["inputs"][0]["warnings"]
    assert len(warned) == 1
    assert "2" in warned[0]


@pytest.mark.parametrize("shape", ["few", "identical", "collinear", "far away", "negative"])
def test_odd_positions_never_crash(shape: str, tmp_path: Path) -> None:
    frame = table()
    if shape == "few":
        frame = frame.iloc[:40]
    elif shape == "identical":
        frame[["x [nm]", "y [nm]"]] = 5.0
    elif shape == "collinear":
        frame["y [nm]"] = 5.0
    elif shape == "far away":
        frame[["x [nm]", "y [nm]"]] += 1e7
    else:
        frame[["x [nm]", "y [nm]"]] -= 20_000
    write_table(tmp_path / "cell.csv", frame)
    assert run("analyse", tmp_path / "cell.csv", "--out", tmp_path / "out") == 0
    after = pd.read_csv(tmp_path / "out" / "cell" / "localizations.csv")
    unlabelled = (after["label"] == -1).all()
    assert unlabelled == (shape in ("few", "identical"))
    assert {f"cell/{name}" for name in RESULTS} < names(tmp_path / "out")


def test_regions_from_the_command_line_and_from_a_file(cell: Path, tmp_path: Path) -> None:
    polygon = {
        "type": "Feature",
        "properties": {"name": "nucleus"},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[9000, 9000], [11000, 9000], [10000, 11000], [9000, 9000]]],
        },
    }
    (tmp_path / "roi.geojson").write_text(json.dumps(polygon))
    regions = ("--region", tmp_path / "roi.geojson", "--region", "8500,10500,9500,11500")
    assert run("analyse", cell, "--out", tmp_path / "out", *regions) == 0
    summary = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert summary["region"].tolist() == ["nucleus", "8500,10500,9500,11500"]
    assert summary["area_um2"].tolist() == [2.0, 1.0]
    clusters = pd.read_csv(tmp_path / "out" / "cell" / "clusters.csv")
    assert set(clusters["region"]) == set(summary["region"])


def test_a_full_disk_is_told_and_leaves_nothing(
    cell: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys.modules["caml.io.write"], "write_csv", full)
    assert run("analyse", cell, "--out", tmp_path / "out") == 1
    assert "disk is full" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_full_from_the_start_is_told_and_leaves_nothing(
    cell: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert run("analyse", cell, "--out", tmp_path / "out") == 1
    assert "disk is full" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_fault_of_ours_is_no_traceback_and_costs_only_its_file(
    cell: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_table(tmp_path / "other.csv", table(2))
    genuine = vars(one_file)["analyse"]

    def faulty(localizations: object, **options: object) -> object:
        if getattr(localizations, "name", "") == "cell":
            raise ZeroDivisionError("oops")
        return genuine(localizations, **options)

    monkeypatch.setattr(one_file, "analyse", faulty)
    assert run("analyse", cell, tmp_path / "other.csv", "--out", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "unexpected ZeroDivisionError: oops" in error
    assert "Traceback" not in error
    inputs = json.loads((tmp_path / "out" / "run.json").read_text())["inputs"]
    assert "ZeroDivisionError" in inputs[0]["details"]
    assert (tmp_path / "out" / "other" / "clusters.csv").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_is_finished_and_leaves_no_halves(jobs: str, tmp_path: Path) -> None:
    paths = []
    for number in range(12):
        paths.append(tmp_path / f"cell_{number}.csv")
        write_table(paths[-1], table(number))
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", "from caml.cli import main; main()", "analyse",
         *map(str, paths), "--out", str(out), "--jobs", jobs],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    # Not a race: the first line comes when a file is done, and eleven remain.
    assert process.stdout is not None
    assert "clusters" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    record = json.loads((out / "run.json").read_text())
    done = [one["folder"] for one in record["inputs"] if not one["error"]]
    assert record["interrupted"] is True
    assert 1 <= len(done) < 12
    assert len(done) + len(record["not_analysed"]) == 12
    for folder in done:
        assert names(out / folder) == set(RESULTS)
    hidden = [path.name for path in out.iterdir() if path.name.startswith(".")]
    assert hidden == [".unfinished"]
