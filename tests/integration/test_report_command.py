"""``caml report``: the pages of results that are there already."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caml
from caml.analyse import Provenance, analyse_files
from caml.cli import main
from caml.io import write_table
from caml.report import report, save_report_of_results
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=3, field_um=20)


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("report")
    for seed, name in enumerate(("cell", "other")):
        table = simulate(SCENARIO, seed=seed).localizations.table[["x_nm", "y_nm"]]
        table.loc[3, "x_nm"] = np.nan
        write_table(home / f"{name}.csv", table)
    solid = table.assign(z_nm=np.random.default_rng(0).normal(0, 100, len(table)))
    write_table(home / "solid.csv", solid)
    pixels = pd.DataFrame({"x [px]": table["x_nm"] / 130, "y [px]": table["y_nm"] / 130})
    write_table(home / "pixels.csv", pixels)
    (home / "round.geojson").write_text(
        '{"type": "Polygon", "coordinates": [[[8600, 8600], [11000, 9000], [9000, 11000], '
        "[8600, 8600]]]}"
    )
    (home / "no.csv").write_text("nothing\n1\n")
    return home


DBSCAN = ("--method", "dbscan", "--set", "eps_nm=25", "--set", "min_samples=5")
ASKED: dict[str, tuple[object, ...]] = {
    "network": ("cell.csv",),
    "regions": ("cell.csv", "--region", "round.geojson", "--region", "9000,9000,10000,10000"),
    "parquet, a threshold": ("cell.csv", "--format", "parquet", "--threshold", "0.6"),
    "another method": ("cell.csv", *DBSCAN),
    "3D": ("solid.csv", *DBSCAN),
    "pixels, three labels": ("pixels.csv", "--pixel-size", "130", "--model", "3TXKFS"),
    "tiles": ("cell.csv", "--tile", "1000"),
    "several, one of which fails": ("cell.csv", "no.csv", "other.csv"),
}


def pages(out: Path) -> dict[str, bytes]:
    return {one.relative_to(out).as_posix(): one.read_bytes() for one in out.rglob("report.html")}


@pytest.mark.parametrize("name", list(ASKED))
def test_pages_are_those_of_the_analysis_byte_for_byte(
    home: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    out = tmp_path / "out"
    status = 1 if "fails" in name else 0
    assert run("analyse", *ASKED[name], "--out", out) == status
    written = pages(out)
    for one in written:
        (out / one).unlink()
    pictures = sorted(out.rglob("overview.png"))
    assert run("report", out) == 0
    assert pages(out) == written
    assert sorted(out.rglob("overview.png")) == pictures


def test_what_was_left_out_is_written_and_the_first_page_named(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("analyse", home / "cell.csv", home / "other.csv", "--out", out, "--no-report") == 0
    (out / "cell" / "overview.png").unlink()
    capsys.readouterr()
    assert run("report", out) == 0
    assert set(pages(out)) == {"report.html", "cell/report.html", "other/report.html"}
    assert (out / "cell" / "overview.png").stat().st_size > 10_000
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{out / 'cell'} -> {out / 'cell' / 'report.html'}"
    assert told[-1] == f"report: {out / 'report.html'}"


@pytest.fixture(scope="module")
def results(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "out"
    assert run("analyse", home / "cell.csv", home / "other.csv", "--out", out) == 0
    return out


def test_the_page_of_one_image_goes_where_it_is_asked_for(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "new" / "cell.html"
    assert run("report", results / "cell", "--out", page) == 0
    assert capsys.readouterr().out == f"report: {page}\n"
    assert page.read_bytes() == (results / "cell" / "report.html").read_bytes()
    assert run("report", results / "cell", "--out", page) == 2
    assert "there already" in capsys.readouterr().err
    assert run("report", results / "cell", "--out", page, "--overwrite") == 0
    assert run("report", results / "cell", "--out", tmp_path / "cell.pdf") == 2
    assert "ends in .html" in capsys.readouterr().err
    assert run("report", results, "--out", page) == 2
    assert f"give its folder, such as {results / 'cell'}" in capsys.readouterr().err


def damage_record(out: Path) -> None:
    (out / "run.json").write_text("{}")


def cut_off(out: Path) -> None:
    path = out / "cell" / "localizations.csv"
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        (lambda out: shutil.rmtree(out), 2, "holds no results of an image"),
        (damage_record, 2, "run.json: it is no record of a run"),
        (lambda out: (out / "run.json").unlink(), 2, "holds no results of an image"),
        (cut_off, 1, "localizations.csv"),
        (lambda out: shutil.rmtree(out / "cell"), 1, "holds no results of an image"),
    ],
    ids=["nothing", "record damaged", "no record", "one cut off", "one away"],
)
def test_what_cannot_be_read_is_told(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Path], object],
    status: int,
    text: str,
) -> None:
    out = tmp_path / "out"
    shutil.copytree(results, out)
    for page in out.rglob("report.html"):
        page.unlink()
    change(out)
    assert run("report", out) == status
    assert text in capsys.readouterr().err
    # One that fails costs only itself.
    assert ("other/report.html" in pages(out)) == (status == 1)


@pytest.mark.filterwarnings("ignore:.*have no usable position")
def test_without_a_record_the_page_does_not_tell_how_to_repeat_it(
    home: Path, tmp_path: Path
) -> None:
    analysis = caml.analyse(home / "cell.csv", method="dbscan", parameters={"eps_nm": 25.0})
    analysis.save(tmp_path / "cell")
    page = save_report_of_results(tmp_path / "cell").read_text(encoding="utf-8")
    assert "caml analyse" not in page
    assert "caml analyse" in report(analysis, Provenance(path=Path("cell.csv")))


def test_images_that_were_finished_before_a_run_was_interrupted_have_pages(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        analyse_files([home / "pixels.csv", home / "cell.csv"], out, pixel_size_nm=130.0,
                      on_outcome=stop)  # fmt: skip
    assert run("report", out / "pixels") == 0
    assert set(pages(out)) == {"pixels/report.html"}
    # That of all is not whole.
    capsys.readouterr()
    assert run("report", out) == 2
    assert "--resume" in capsys.readouterr().err
