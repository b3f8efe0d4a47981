"""``caml classify`` as a user runs it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caml
from caml.cli import main
from caml.io import write_table
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=3, field_um=20)


def run(*args: object) -> int:
    """Run the command in this process and return its exit status."""
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    path = tmp_path / "cell.csv"
    frame = simulate(SCENARIO, seed=1).localizations.table
    write_table(path, frame.rename(columns={"x_nm": "x [nm]", "y_nm": "y [nm]"}))
    return path


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_table_gets_scores_and_labels(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file_format: str
) -> None:
    out = tmp_path / "out"
    assert run("classify", cell, "--out", out, "--format", file_format) == 0
    path = out / f"cell.{file_format}"
    found = pd.read_csv(path) if file_format == "csv" else pd.read_parquet(path)
    expected = caml.classify(caml.read(cell))
    given = pd.read_csv(cell)
    assert list(found) == [*given, "score", "label"]
    pd.testing.assert_frame_equal(found[list(given)], given)
    np.testing.assert_array_equal(found["label"], expected.label)
    np.testing.assert_allclose(found["score"], expected.score, atol=1e-6)
    assert f"{len(given):,} localizations" in capsys.readouterr().out


def test_earlier_tables_and_inputs_are_not_replaced(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = cell.read_bytes()
    assert run("classify", cell, "--out", tmp_path) == 2
    assert run("classify", cell, "--out", tmp_path, "--overwrite") == 2
    assert "is an input and lies in results" in capsys.readouterr().err
    assert cell.read_bytes() == before


def test_a_file_that_fails_costs_only_itself(
    cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    assert run("classify", bad, cell, "--out", tmp_path / "out") == 1
    assert "bad.csv" in capsys.readouterr().err
    assert (tmp_path / "out" / "cell.csv").exists()
