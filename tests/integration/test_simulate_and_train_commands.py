"""``caml simulate`` as a user runs it, and what all commands share."""

import json
from pathlib import Path

import pandas as pd
import pytest

import caml
from caml.cli import main

SMALL = ("--field", "12", "--density", "60")


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_same_seed_writes_the_same_bytes(file_format: str, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        options = ("--seed", seed, "--replicates", 2, "--format", file_format)
        assert run("simulate", "--out", tmp_path / name, *SMALL, *options) == 0
    for number in (1, 2):
        a, b, c = (
            (tmp_path / name / f"simulated_00{number}.{file_format}").read_bytes() for name in "abc"
        )
        assert a == b
        assert a != c
    first, second = (tmp_path / "a" / f"simulated_00{n}.{file_format}" for n in (1, 2))
    assert first.read_bytes() != second.read_bytes()


def test_simulated_tables_hold_the_truth_and_can_be_read(tmp_path: Path) -> None:
    options = ("--shape", "ring", "--radius", 80, "--inner-radius", 60, "--uncertainty", 10)
    assert run("simulate", "--out", tmp_path, *SMALL, *options, "--detections", 2) == 0
    path = tmp_path / "simulated_001.csv"
    table = pd.read_csv(path)
    assert {"x_nm", "y_nm", "frame", "uncertainty_nm", "true_label", "true_cluster"} <= set(table)
    assert (table["true_label"] > 0).equals(table["true_cluster"] >= 0)
    localizations = caml.read(path)
    assert len(localizations) == len(table)
    assert localizations.uncertainty_nm is not None
    assert localizations.frame is not None


def test_three_dimensions_and_fibres(tmp_path: Path) -> None:
    assert run("simulate", "--out", tmp_path / "deep", *SMALL, "--dimensions", 3) == 0
    assert caml.read(tmp_path / "deep" / "simulated_001.csv").n_dimensions == 3
    options = ("--shape", "fibre", "--radius", 15, "--per-cluster", 60)
    assert run("simulate", "--out", tmp_path / "fibre", *SMALL, *options) == 0
    assert set(pd.read_csv(tmp_path / "fibre" / "simulated_001.csv")["true_label"]) == {0, 2}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--percent", "101"), "percent_clustered must be from 0 to 100"),
        (("--radius", "5000"), "do not fit into the cell"),
        (("--shape", "square"), "square"),
    ],
)
def test_what_cannot_be_simulated_is_told(
    options: tuple[str, str], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("simulate", "--out", tmp_path / "out", *SMALL, *options) == 2
    assert text in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.csv"))


def test_simulated_tables_are_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("simulate", "--out", tmp_path, *SMALL) == 0
    assert run("simulate", "--out", tmp_path, *SMALL, "--seed", 5) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run("simulate", "--out", tmp_path, *SMALL, "--seed", 5, "--overwrite") == 0


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("analyse", "classify", "cross-validate", "models", "simulate", "train"):
        assert run(command, "--help") == 0
        assert "Usage: caml" in capsys.readouterr().out
    assert run("--version") == 0
    assert caml.__version__ in capsys.readouterr().out
    assert run("analyze") == 2
    assert "No such command 'analyze'" in capsys.readouterr().err


def test_a_crop_counts_the_clusters_it_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("simulate", "--out", tmp_path, *SMALL, "--crop", 2) == 0
    table = pd.read_csv(tmp_path / "simulated_001.csv")
    n_clusters = table["true_cluster"][table["true_cluster"] >= 0].nunique()
    assert f", {n_clusters} clusters" in capsys.readouterr().out
    made = json.loads((tmp_path / "simulation.json").read_text())
    assert made["seed"] == 0
    assert made["scenario"]["crop_um"] == 2
    assert made["tables"] == ["simulated_001.csv"]


@pytest.mark.parametrize(
    "options", [("--density", "inf"), ("--radius", "inf"), ("--uncertainty", "nan")]
)
def test_simulated_numbers_are_numbers(
    options: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("simulate", "--out", tmp_path / "out", *SMALL, *options) == 2
    assert f"got {options[1]}" in capsys.readouterr().err


def test_out_that_is_a_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("")
    assert run("simulate", "--out", tmp_path / "out", *SMALL) in (1, 2)
    assert "out" in capsys.readouterr().err
