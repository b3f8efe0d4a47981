"""``caml report``: the pages of results that are there already."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
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
    deep = pixels.assign(**{"z [px]": np.random.default_rng(0).normal(0, 1, len(pixels))})
    write_table(home / "deep.csv", deep)
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
    "tiles, z in pixels": ("deep.csv", "--pixel-size", "130", "--tile", "1000"),
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


@pytest.fixture(scope="module")
def tiles(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tiles") / "out"
    table = pd.read_csv(home / "cell.csv")
    # In two parts.
    pq.write_table(pa.Table.from_pandas(table, preserve_index=False), home / "cell.parquet",
                   row_group_size=len(table) // 2 + 1)  # fmt: skip
    assert run("analyse", home / "cell.parquet", "--tile", 1000, "--out", out, "--no-report") == 0
    assert len(list((out / "cell" / "localizations.parquet").iterdir())) == 2
    return out


def largest(folder: Path) -> Path:
    return max(folder.iterdir(), key=lambda part: part.stat().st_size)


def damaged(part: Path) -> None:
    # Pages of values, behind what says that it is parquet.
    content = bytearray(part.read_bytes())
    n = len(content) // 2
    content[8:n] = b"x" * (n - 8)
    part.write_bytes(content)


def emptied(part: Path) -> None:
    pq.write_table(pq.read_table(part).slice(0, 0), part)


def others(part: Path) -> None:
    found = pq.read_table(part)
    ids = pc.add(found["cluster"], 1_000_000)
    pq.write_table(found.set_column(0, "cluster", ids), part)


def shorter(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def with_one_more(path: Path) -> None:
    clusters = pd.read_csv(path)
    clusters["n_localizations"] += 1
    clusters.to_csv(path, index=False)


ROWS, DRAWN, CLUSTERS = "localizations.parquet", "outlines.parquet", "clusters.csv"
DAMAGE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "no outlines": (DRAWN, shutil.rmtree, "outlines.parquet is not there; analyse the table again"),
    "an outline part gone": (DRAWN, lambda at: largest(at).unlink(), "has the outlines of"),
    "an outline part damaged": (DRAWN, lambda at: damaged(largest(at)), "no outlines of caml"),
    "an outline part cut off": (
        DRAWN,
        lambda at: largest(at).write_bytes(b"PAR1"),
        "a damaged parquet file",
    ),
    "outlines of others": (DRAWN, lambda at: others(largest(at)), "are of other clusters"),
    "no clusters": (CLUSTERS, Path.unlink, "clusters.csv is not there; analyse the image again"),
    "clusters cut short": (CLUSTERS, shorter, "its clusters are not the"),
    "a cluster too large": (CLUSTERS, with_one_more, "cluster 0 has"),
    "no localizations": (ROWS, shutil.rmtree, "holds no results of an image"),
    "a part gone": (ROWS, lambda at: largest(at).unlink(), "summary.csv says"),
    "a part damaged": (ROWS, lambda at: damaged(largest(at)), "a damaged parquet file"),
    "a part emptied": (ROWS, lambda at: emptied(largest(at)), "summary.csv says"),
}


@pytest.mark.parametrize("name", list(DAMAGE))
@pytest.mark.parametrize("with_picture", [True, False])
def test_tiles_that_are_not_whole_have_no_page(
    tiles: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    with_picture: bool,
) -> None:
    file, damage, text = DAMAGE[name]
    out = tmp_path / "out"
    shutil.copytree(tiles, out)
    if not with_picture:
        (out / "cell" / "overview.png").unlink()
    damage(out / "cell" / file)
    assert run("report", out / "cell") == 2
    told = capsys.readouterr().err
    assert text in told
    assert "again" in told or "give a folder" in told
    assert not (out / "cell" / "report.html").exists()
    assert (out / "cell" / "overview.png").exists() == with_picture


@pytest.mark.filterwarnings("ignore:.*have no usable position")
def test_of_a_folder_without_a_record_network_and_regions_are_told(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corners = (8_500, 8_500, 10_500, 10_500)
    region = caml.Region.rectangle(*corners, name="8500,8500,10500,10500")
    analysis = caml.analyse(home / "cell.csv", model="3TXKFS", regions=[region])
    analysis.save(tmp_path / "cell")
    assert run("report", tmp_path / "cell") == 2
    assert "name it with --model LOGNM1" in capsys.readouterr().err
    assert run("report", tmp_path / "cell", "--model", "3TXKFS") == 2
    assert "give them with --region" in capsys.readouterr().err
    asked = ("--model", "3TXKFS", "--region", "8500,8500,10500,10500")
    assert run("report", tmp_path / "cell", *asked) == 0
    page = (tmp_path / "cell" / "report.html").read_text(encoding="utf-8")
    assert "3TXKFS" in page


def test_what_a_record_tells_is_not_told_again(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in (results, results / "cell"):
        for option in (("--model", "XPILJZ"), ("--region", "0,0,9,9")):
            assert run("report", folder, *option) == 2
            assert "without run.json, which tells of them" in capsys.readouterr().err
