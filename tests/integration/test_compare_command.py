"""``caml compare`` as a user runs it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caml
from caml.cli import main
from caml.compare import read_cells
from caml.errors import DataWarning
from caml.io import write_table
from caml.simulate import Scenario, simulate

Write = Callable[..., Path]


def run(*args: object) -> int:
    """Run the command in this process and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


def images(scale: float, n: int = 5) -> dict[str, list[float]]:
    return {f"day{k % 2}_c{k}": [scale * (k + j) for j in range(1, k + 4)] for k in range(n)}


@pytest.fixture
def ctrl(tmp_path: Path, write_run: Write) -> Path:
    return write_run(tmp_path / "ctrl", images(100))


@pytest.fixture
def drug(tmp_path: Path, write_run: Write) -> Path:
    return write_run(tmp_path / "drug", images(1000))


def test_two_folders_are_compared(
    ctrl: Path, drug: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("compare", ctrl, f"treated={drug}", "--out", out, "--seed", 3, "--mixed") == 0
    assert {path.name for path in out.iterdir()} == {
        "cells.csv", "tests.csv", "pairs.csv", "mixed.csv", "prism", "figures", "compare.json",
    }  # fmt: skip
    with pytest.warns(DataWarning, match="all values are the same|do not differ"):
        expected = caml.compare(read_cells({"ctrl": ctrl, "treated": drug}), seed=3, mixed=True)
    pairs = pd.read_csv(out / "pairs.csv", keep_default_na=False)
    assert pairs["descriptor"].tolist() == expected.pairs["descriptor"].tolist()
    row, other = pairs.iloc[1], expected.pairs.iloc[1]
    assert row["descriptor"] == "area_nm2"
    for name in ("z", "p", "p_adjusted", "difference", "ci_low", "ci_high"):
        assert float(row[name]) == pytest.approx(other[name], rel=1e-5)
    figures = {path.stem for path in (out / "figures").glob("*.png")}
    assert figures == set(expected.descriptors)
    record = json.loads((out / "compare.json").read_text())
    assert record["conditions"] == ["ctrl", "treated"]
    assert (record["arguments"]["seed"], len(record["cells"]), len(record["runs"])) == (3, 10, 2)
    said = capsys.readouterr()
    assert "ctrl: 5 cells, treated: 5 cells" in said.out
    tested = expected.tests[expected.tests["p"].notna()]
    assert "area_nm2: P 0.009 **, adjusted 0.0" in said.out
    adjusted = int((tested["p_fdr"] < 0.05).sum())
    below = int((tested["p"] < 0.05).sum())
    assert (
        f"P < 0.05 for {below} of {len(tested)} descriptors, and for {adjusted} when adjusted"
    ) in said.out
    written = pd.read_csv(out / "tests.csv")
    np.testing.assert_allclose(written["p_fdr"], expected.tests["p_fdr"], rtol=1e-5)
    assert record["warnings"] == [
        line.removeprefix("caml: warning: ") for line in said.err.splitlines()
    ]


def test_earlier_results_are_not_replaced(
    ctrl: Path, drug: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("compare", ctrl, drug, "--out", out) == 0
    # Told before anything is read: what is to be compared is not looked at.
    assert run("compare", "nowhere", "--out", out) == 2
    assert "is there already" in capsys.readouterr().err
    assert run("compare", ctrl, drug, "--out", out, "--overwrite") == 0
    assert run("compare", "nowhere", "--out", ctrl, "--overwrite") == 2
    assert "holds what is not of such results" in capsys.readouterr().err
    assert (ctrl / "run.json").exists()


def test_replicates_by_pattern_and_clusters_as_samples(
    ctrl: Path, drug: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pattern = r"day(?P<replicate>\d)"
    args = ("compare", ctrl, drug, "--pattern", pattern)
    assert run(*args, "--unit", "replicate", "--out", tmp_path / "r") == 0
    tests = pd.read_csv(tmp_path / "r" / "tests.csv")
    assert tests["n_ctrl"].tolist() == [2] * len(tests)
    assert "P is rough: fewer than 5 replicates" in capsys.readouterr().err
    assert run(*args, "--unit", "cluster", "--out", tmp_path / "c") == 0
    assert "pseudoreplication" in capsys.readouterr().err


@pytest.mark.usefixtures("ctrl", "drug")
def test_a_sample_sheet_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("folder,condition\nctrl,none\ndrug,some\n")
    assert run("compare", "--samples", sheet, "--out", tmp_path / "out") == 0
    assert "none: 5 cells, some: 5 cells" in capsys.readouterr().out


def test_where_nothing_can_be_tested_that_is_said(
    ctrl: Path, tmp_path: Path, write_run: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    lone = write_run(tmp_path / "lone", images(100, n=1))
    assert run("compare", ctrl, lone, "--out", tmp_path / "out", "--bootstrap", 9) == 0
    said = capsys.readouterr().out
    assert "ctrl: 5 cells, lone: 1 cell" in said
    assert "descriptors could be tested; tests.csv has why" in said


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["x=", "{ctrl}"], "a condition is given as DIR or NAME=DIR; got 'x='"),
        (["={drug}", "{ctrl}"], "a condition is given as DIR or NAME=DIR; got '=/"),
        (["{ctrl}"], "at least two conditions; got 1: ctrl"),
        ([], "no folders of results were given"),
        (["x={ctrl}", "x={drug}"], "the condition 'x' is there twice"),
        (["{ctrl}", "{ctrl}/day0_c0"], "holds no results"),
        (["{ctrl}", "{drug}", "--pattern", "(?P<day>x)"], "got day"),
        (["{ctrl}", "{drug}", "--unit", "replicate"], "replicates cannot be compared"),
    ],
)
def test_bad_arguments_leave_nothing(
    ctrl: Path,
    drug: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    text: str,
) -> None:
    filled = [one.format(ctrl=ctrl, drug=drug) for one in args]
    assert run("compare", *filled, "--out", tmp_path / "out") == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_from_tables_of_localizations_on(tmp_path: Path) -> None:
    for place, radius in enumerate((20, 60)):
        scenario = Scenario(density=100, n_per_cluster=20, radius_nm=radius, crop_um=3, field_um=20)
        paths = []
        for seed in range(5):
            path = tmp_path / f"{['small', 'large'][place]}_{seed}.csv"
            write_table(path, simulate(scenario, seed=10 * place + seed).localizations.table)
            paths.append(path)
        out = tmp_path / ["small", "large"][place]
        assert run("analyse", *paths, "--out", out) == 0
    assert run("compare", tmp_path / "small", tmp_path / "large", "--out", tmp_path / "out") == 0
    pairs = pd.read_csv(tmp_path / "out" / "pairs.csv").set_index("descriptor")
    assert pairs.loc["radius_of_gyration_nm", "cliffs_delta"] == 1
    assert pairs.loc["radius_of_gyration_nm", "stars"] == "**"
    cells = pd.read_csv(tmp_path / "out" / "cells.csv")
    summary = pd.read_csv(tmp_path / "small" / "summary.csv").set_index("image")
    for name in ("area_nm2", "nearest_cluster_nm"):
        rows = cells[(cells["cell"] == "small_0") & (cells["descriptor"] == name)]
        for part in ("median", "q1", "q3"):
            given = summary[f"{name}_{part}"]["small_0"]
            assert rows[part].item() == pytest.approx(given, rel=1e-4)
