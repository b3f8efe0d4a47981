"""``caml methods``, and ``caml analyse --method``, as a person uses them."""

from pathlib import Path

import pytest

from caml.cli import main
from caml.methods import METHODS
from caml.simulate import Scenario, simulate


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([*map(str, arguments)])
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cells") / "cell.csv"
    scenario = Scenario(density=200, n_per_cluster=30, radius_nm=25, crop_um=2)
    simulate(scenario, seed=2).localizations.table.to_csv(path, index=False)
    return path


def test_methods_are_listed_with_their_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("methods") == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in METHODS)
    assert "eps_nm, min_samples" in printed


@pytest.mark.parametrize("name", METHODS)
def test_each_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("methods", name) == 0
    printed = capsys.readouterr().out
    assert f"--method {name}" in printed
    assert "\nlocalizations :" not in printed
    assert "Returns" not in printed


def test_an_unknown_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("methods", "nothing") == 2
    assert "no method is called 'nothing'; there are: dbscan" in capsys.readouterr().err


@pytest.mark.parametrize("name", METHODS)
def test_every_method_analyses_a_cell(
    name: str, cell: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("analyse", cell, "--out", tmp_path / "out", "--method", name) == 0
    written = {path.name for path in (tmp_path / "out" / "cell").iterdir()}
    tables = {"localizations.csv", "clusters.csv", "outlines.geojson"}
    assert written == tables | {"overview.png", "report.html"}
    assert "clusters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "eps_nm=3"], "--set is of other methods: choose one with --method"),
        (["--method", "dbscan", "--model", "XPILJZ"], "--model: of networks, not of dbscan"),
        (["--method", "dbscan", "--prior", "0.2"], "--prior: of networks, not of dbscan"),
        (["--method", "dbscan", "--tile", "5000"], "--tile: dbscan looks at whole images"),
        (["--method", "dbscan", "--set", "eps_nm"], "a parameter is written NAME=VALUE"),
        (["--method", "dbscan", "--set", "eps_nm=-3"], "eps_nm must be a number of nm above 0"),
        (["--method", "dbscam"], "no method is called 'dbscam'"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    options: list[str],
    message: str,
    cell: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("analyse", cell, "--out", tmp_path / "out", *options) in (1, 2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out" / "cell").exists()
