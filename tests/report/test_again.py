"""The lines that give the same: run, they do."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely

import caml
from caml.analyse import Settings, analyse_files
from caml.analyse.record import regions_geojson
from caml.cli import main
from caml.io import write_table
from caml.methods import checked_parameters
from caml.report.again import python_lines, shell_line
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=3, field_um=20)
TRIANGLE = caml.Region(
    shapely.Polygon([(8_600, 8_600), (11_000, 8_600), (9_000, 11_000)]), "cell 1"
)


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    path = tmp_path / "a cell's.csv"
    table = simulate(SCENARIO, seed=1).localizations.table
    write_table(path, table.rename(columns={"x_nm": "first", "y_nm": "second"}))
    return path


ASKED = [
    Settings(columns={"x": "first", "y": "second"}),
    Settings(
        columns={"x": "first", "y": "second"}, model="XPILJZ", threshold=0.6, prior=0.3,
        pixel_size_nm=1.0123456789, file_format="parquet",
    ),
    Settings(
        columns={"x": "first", "y": "second"}, method="dbscan",
        # As a batch keeps them: those that were not chosen, too.
        parameters={"eps_nm": 30.0, "min_samples": 6},
        regions=(TRIANGLE, caml.Region.rectangle(9_000.5, 9_000, 10_500, 10_000)),
    ),
]  # fmt: skip


@pytest.mark.parametrize("settings", ASKED, ids=["defaults", "network", "method and regions"])
def test_both_give_what_was_found(cell: Path, settings: Settings, tmp_path: Path) -> None:
    (expected,) = analyse_files(
        [cell], tmp_path / "expected",
        **{
            name: getattr(settings, name)
            for name in ("columns", "model", "threshold", "prior", "pixel_size_nm", "file_format",
                         "method", "parameters", "regions")
        },
    ).outcomes  # fmt: skip
    assert expected.error == ""

    if settings.method != "caml":
        settings = replace(
            settings, parameters=checked_parameters(settings.method, settings.parameters)
        )
    words = shlex.split(shell_line([cell], settings))
    assert not any(word.endswith("=None") for word in words)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        Path("regions.geojson").write_text(regions_geojson(settings))
        with pytest.raises(SystemExit, match=r"^0$"):
            main(words[1:])
        by_shell = pd.read_csv(f"results/{cell.stem}/clusters.csv")
        Path(f"results/{cell.stem}").rename("by_shell")
        exec(python_lines(cell, settings), {})  # what the page shows is what is run
        by_python = pd.read_csv(f"results/{cell.stem}/clusters.csv")

    kept = pd.read_csv(expected.folder / "clusters.csv")
    for found in (by_shell, by_python):
        columns = [name for name in kept if name != "region"]
        assert np.array_equal(found[columns].astype(float), kept[columns].astype(float), True)


def test_what_a_shell_would_take_apart_is_quoted() -> None:
    line = shell_line([Path("a cell's $(rm).csv")], Settings(method="dbscan", parameters={}))
    assert shlex.split(line)[2] == "a cell's $(rm).csv"


def test_a_name_that_begins_with_a_dash_is_no_option() -> None:
    assert shlex.split(shell_line([Path("-odd.csv")], Settings()))[2] == "./-odd.csv"


def test_only_regions_that_are_no_rectangles_need_a_file() -> None:
    rectangle = caml.Region.rectangle(0, 0, 1_000, 500.25)
    # As the command names it.
    other = caml.Region.rectangle(0, 0, 1e3, 5e2, name="0,0,1e3,500")
    settings = Settings(regions=(rectangle, other))
    line = shell_line([Path("cell.csv")], settings)
    assert line.endswith("--region 0,0,1000,500.25 --region 0,0,1e3,500")
    assert regions_geojson(settings) == ""

    settings = Settings(regions=(rectangle, TRIANGLE))
    assert shell_line([Path("cell.csv")], settings).endswith("--region regions.geojson")
    features = json.loads(regions_geojson(settings))["features"]
    assert [one["properties"]["name"] for one in features] == ["", "cell 1"]


def test_what_a_method_tells_from_the_image_is_not_given() -> None:
    settings = Settings(method="dbscan", parameters={"eps_nm": None, "min_samples": 5})
    line = shell_line([Path("cell.csv")], settings, out=Path("kept"))
    assert line == "caml analyse cell.csv --out kept --method dbscan --set min_samples=5"
    assert "'eps_nm'" not in python_lines(Path("cell.csv"), settings)
