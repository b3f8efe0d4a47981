"""What commands say of one, and of nothing."""

from pathlib import Path

import numpy as np
import pytest

from caml.cli import main


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """Write a table of one dense spot, around which there is little."""
    rng = np.random.default_rng(1)
    xy = np.vstack([rng.normal(1000, 15, (60, 2)), rng.uniform(0, 2000, (30, 2))])
    path = tmp_path / "one.csv"
    np.savetxt(path, xy, delimiter=",", header="x [nm],y [nm]", comments="")
    return path


@pytest.fixture
def lost(tmp_path: Path) -> Path:
    """Write a table without a usable position."""
    path = tmp_path / "lost.csv"
    path.write_text("x [nm],y [nm],channel\n" + "nan,1,a\n" * 3 + "nan,1,b\n" * 3)
    return path


def test_one_is_no_plural(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    method = ("--method", "dbscan", "--set", "eps_nm=40", "--set", "min_samples=10")
    assert run("analyse", one, "--out", tmp_path / "out", *method) == 0
    assert "90 localizations, 1 cluster, 6" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["analyse", "classify", "channels"])
def test_nothing_has_no_share(
    lost: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    run(command, lost, "--out", tmp_path / "out")
    said = capsys.readouterr()
    assert "nan" not in said.out
    assert "6 of 6 localizations have no usable position" in said.err
