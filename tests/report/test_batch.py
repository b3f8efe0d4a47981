"""The page of a batch: every image, what failed, and links that lead somewhere."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

import caml
from caml.analyse import Batch, analyse_files
from caml.io import write_table
from caml.plot import save_overview
from caml.plot.descriptors import in_short
from caml.report import save_batch_report, save_report
from caml.report.batch import batch_report
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=3, field_um=20)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("batch")
    paths = [folder / name for name in ("a #1.csv", "b & <b>.csv", "bad.csv")]
    for seed, path in enumerate(paths[:2]):
        table = simulate(SCENARIO, seed=seed).localizations.table
        table.loc[3, "x_nm"] = np.nan
        write_table(path, table)
    paths[2].write_text("first,second\n1,2\n")
    found = analyse_files(paths, folder / "out", picture=save_overview, report=save_report)
    save_batch_report(found, folder / "out" / "report.html")
    return found


def test_every_image_has_a_row_and_links_lead_to_its_page(batch: Batch) -> None:
    out = batch.outcomes[0].folder.parent
    page = (out / "report.html").read_text("utf-8")
    links = set(re.findall(r'href="([^"]+)"', page))
    assert {unquote(one) for one in links} == {"a #1/report.html", "b & <b>/report.html"}
    assert all((out / unquote(one)).is_file() for one in links)
    assert page.count('<td class="text">') == 2
    assert page.count("data:image/jpeg") == 2
    assert "b &amp; &lt;b&gt;" in page
    assert "<b>" not in page


def test_failures_and_warnings_come_first(batch: Batch) -> None:
    page = batch_report(batch)
    clusters = int(batch.summary["n_clusters"].sum())
    found = page.index(f"{clusters} clusters in 2 of 2 images that could be analysed.")
    assert 0 < page.index("1 failed") < found
    assert 0 < page.index("bad.csv") < found
    assert 0 < page.index("1 of") < found


def test_the_same_warning_of_many_images_is_there_once(batch: Batch) -> None:
    warned = [replace(one, warnings=(f"{one.path}: z was not used",)) for one in batch.outcomes[:2]]
    page = batch_report(replace(batch, outcomes=tuple(warned)))
    assert page.count("z was not used") == 1
    assert "(2 images)" in page


def test_where_nothing_succeeded_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    found = analyse_files([tmp_path / "bad.csv"], tmp_path / "out")
    page = batch_report(found)
    assert "It could not be analysed." in page
    assert "<table" not in page


def test_what_is_the_same_in_all_images_is_one_number(tmp_path: Path) -> None:
    table = simulate(SCENARIO, seed=1).localizations.table
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        write_table(path, table)
    batch = analyse_files(paths, tmp_path / "out", picture=save_overview)
    share = in_short(batch.summary["percent_clustered"].iloc[0])
    page = batch_report(batch)
    assert f" {share} % of the localizations are in clusters, in all images." in page
    # The small picture is the frame of the whole image, with its scale bar.
    (first, _) = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    small = Image.open(io.BytesIO(base64.b64decode(first))).convert("L")
    dark = np.asarray(small) < 220
    for side in (dark[:, :3], dark[:, -3:], dark[:3].T):
        assert side.any(axis=1).mean() > 0.8
    assert small.width < small.height < 1.1 * small.width
    assert dark[-12:, : small.width // 3].any()


def test_regions_have_rows_of_their_own(tmp_path: Path) -> None:
    write_table(tmp_path / "cell.csv", simulate(SCENARIO, seed=1).localizations.table)
    regions = [
        caml.Region.rectangle(8_600, 8_600, 10_000, 11_000, name="left"),
        caml.Region.rectangle(10_000, 8_600, 11_400, 11_000, name="right"),
    ]
    page = batch_report(analyse_files([tmp_path / "cell.csv"], tmp_path / "out", regions=regions))
    assert page.count('<td class="text">left</td>') == 1
    assert page.count('<td class="text">right</td>') == 1
