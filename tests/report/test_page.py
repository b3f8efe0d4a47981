"""The page of an image: what is packed, what is said, and that nothing can break out of it."""

import base64
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

import caml
from caml.analyse import Provenance, Settings, analyse_files
from caml.analyse.found import Found
from caml.errors import InputError, NothingFoundWarning
from caml.io import write_table
from caml.report import report, save_report
from caml.report.payload import STEPS, payload
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=3, field_um=20)


@pytest.fixture(scope="module")
def analysis() -> caml.Analysis:
    return caml.analyse(simulate(SCENARIO, seed=1, name="cell").localizations)


class Elements(HTMLParser):
    """Collects elements and the text within them, and whether all are closed."""

    VOID = ("meta", "input", "img", "br", "link", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text[self.open[-1]] = self.text.get(self.open[-1], "") + data


def data_of(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    found: dict[str, Any] = json.loads(text)
    return found


def unpacked(text: str, kind: str = "<u2") -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def test_a_page_is_whole_and_needs_nothing_else(analysis: caml.Analysis) -> None:
    page = report(analysis, Provenance(path=Path("cell.csv")))
    elements = Elements(page)
    assert elements.open == []
    for tag, attributes in elements.found:
        assert tag not in ("link", "iframe", "object")
        for name in ("src", "href", "action"):
            assert (attributes.get(name) or "data:").startswith("data:")
    assert "http" not in page.replace("http-equiv", "")
    policy = next(a["content"] for t, a in elements.found if a.get("http-equiv"))
    assert "default-src 'none'" in str(policy)


def test_positions_and_outlines_are_where_they_were(analysis: caml.Analysis) -> None:
    packed = payload(Found.of(analysis))
    x_min, y_min, x_max, _ = packed["box"]
    step = (x_max - x_min) / STEPS
    placed = np.column_stack([unpacked(packed["dots"][axis]) for axis in "xy"]) * step
    assert np.abs(placed + np.array([x_min, y_min]) - analysis.localizations.positions).max() < step
    clustered = analysis.segmentation.cluster >= 0
    assert np.array_equal(unpacked(packed["dots"]["kind"], "u1") > 0, clustered)

    rings = packed["outlines"]
    corners = np.column_stack([unpacked(rings[axis]) for axis in "xy"]) * step + [x_min, y_min]
    ends = np.cumsum(rings["length"])
    areas = np.zeros(len(analysis.description.clusters))
    for begin, end, of in zip(ends - rings["length"], ends, rings["of"], strict=True):
        ring = shapely.Polygon(corners[begin:end])
        # Holes take away: rings of a polygon turn the other way.
        areas[of] += ring.area * (1 if shapely.is_ccw(ring.exterior) else -1)
    expected = np.array([one.area for one in analysis.segmentation.outlines])
    assert np.abs(areas) == pytest.approx(expected, rel=0.02)


def test_the_image_holds_every_localization(analysis: caml.Analysis) -> None:
    uri = payload(Found.of(analysis))["density"]
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        grey = np.asarray(image.convert("L")).astype(int)
    x_min, y_min, x_max, _ = payload(Found.of(analysis))["box"]
    at = (analysis.localizations.positions - [x_min, y_min]) / (x_max - x_min) * len(grey)
    column, row = at.astype(int).T
    assert (grey[row, column] > grey[0, 0]).all()


def test_rows_are_the_clusters_rounded(analysis: caml.Analysis) -> None:
    packed = payload(Found.of(analysis))
    rows = pd.DataFrame(packed["rows"], columns=packed["columns"])
    clusters = analysis.description.clusters
    assert rows["cluster"].tolist() == clusters["cluster"].tolist()
    assert rows["area_nm2"].to_numpy() == pytest.approx(clusters["area_nm2"], rel=1e-3)
    assert rows["x_nm"].to_numpy() == pytest.approx(clusters["x_nm"], abs=0.06)


def test_kinds_of_clusters_are_named() -> None:
    scenario = replace(SCENARIO, density=300, n_per_cluster=60)
    found = caml.analyse(simulate(scenario, seed=3).localizations, model="3TXKFS")
    clusters = found.description.clusters.assign(label=lambda one: 1 + one["cluster"] % 2)
    found = replace(found, description=replace(found.description, clusters=clusters))
    packed = payload(Found.of(found))
    at = packed["columns"].index("label")
    assert [row[at] for row in packed["rows"][:2]] == ["round", "fibre"]


def test_too_many_localizations_and_clusters_are_an_image_and_the_largest(
    analysis: caml.Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caml.report.payload.MOST_DOTS", 100)
    monkeypatch.setattr("caml.report.payload.MOST_CLUSTERS", 5)
    monkeypatch.setattr("caml.report.payload.MOST_CORNERS", 60)
    monkeypatch.setattr("caml.report.payload.MOST_LETTERS", 9_000)
    page = report(analysis)
    packed = data_of(page)
    assert "dots" not in packed
    for name in ("density", "clustered"):
        assert packed[name].startswith("data:image/png")
        assert len(packed[name]) <= 9_000
    largest = analysis.description.clusters.nlargest(5, "n_localizations")["cluster"]
    assert {row[0] for row in packed["rows"]} == set(largest)
    assert sum(packed["outlines"]["length"]) <= 60
    assert f"The largest 5 of {len(analysis.description.clusters)} clusters" in page
    assert "too many localizations" in page


def test_what_is_found_is_said(analysis: caml.Analysis) -> None:
    page = report(analysis)
    clusters = analysis.description.clusters
    assert f"{len(clusters)} clusters hold" in page
    assert f"has {clusters['n_localizations'].median():g} localizations" in page
    assert "LOGNM1" in page
    assert "In a shell" not in page, "nobody knows what was asked for"


def test_warnings_come_before_everything_else(analysis: caml.Analysis) -> None:
    warned = Provenance(path=Path("cell.csv"), warnings=("3 rows have no position",))
    page = report(analysis, warned)
    assert 0 < page.index("3 rows have no position") < page.index("clusters hold")
    assert "What to know" not in report(analysis)
    assert "not looked at" not in report(analysis)


HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"


def test_names_and_texts_cannot_break_out() -> None:
    localizations = simulate(SCENARIO, seed=1, name=HOSTILE).localizations
    corners = shapely.box(8_600, 8_600, 11_000, 11_000)
    regions = [caml.Region(corners, HOSTILE), caml.Region.rectangle(9_000, 9_000, 9_900, 9_900)]
    found = caml.analyse(localizations, regions=regions)
    settings = Settings(regions=tuple(regions), columns={"x": HOSTILE})
    page = report(found, Provenance(path=Path(HOSTILE), settings=settings, warnings=(HOSTILE,)))
    elements = Elements(page)
    assert elements.open == []
    assert not [one for one in elements.found if one[0] == "img"]
    assert HOSTILE in elements.text["h1"]
    assert page.count("</script>") == page.count("<script")
    packed = data_of(page)
    # What lies outside the regions is drawn as such, and explained.
    kind = np.frombuffer(base64.b64decode(packed["dots"]["kind"]), np.int8)
    assert (kind == -1).sum() == (~found.in_regions).sum() > 0
    assert "not looked at" in page
    assert HOSTILE in {row[packed["columns"].index("region")] for row in packed["rows"]}


def test_the_sentences_say_where(analysis: caml.Analysis) -> None:
    low = np.floor(analysis.localizations.positions.min(axis=0)).astype(int).tolist()
    high = [low[0] + 1_500, low[1] + 2_000]
    name = ",".join(map(str, (*low, *high)))
    regions = [
        caml.Region.rectangle(*low, *high, name=name),
        caml.Region.rectangle(*low, *high, name="nucleus"),
    ]
    for asked, where, among in (
        (regions[:1], f"in a rectangle of 1.5 × 2 µm ({name} nm).", "the region. "),
        (regions[1:], "in the region nucleus.", "the region. "),
        (regions, f"µm ({name} nm); the region nucleus).", "the regions. "),
    ):  # fmt: skip
        page = report(caml.analyse(analysis.localizations, regions=asked, prior="balanced"))
        assert where in page
        assert f"% of the localizations in {among}" in page
    assert "% of the localizations. The median" in report(analysis)


def test_an_image_without_clusters_has_a_page(tmp_path: Path) -> None:
    positions = np.random.default_rng(0).uniform(0, 5_000, (300, 2))
    with pytest.warns(NothingFoundWarning):
        found = caml.analyse(positions, method="dbscan", parameters={"eps_nm": 5.0})
    save_report(found, tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "No clusters were found." in page
    assert data_of(page)["rows"] == []
    assert "<table" not in page


def test_a_localization_far_off_does_not_shrink_the_rest(analysis: caml.Analysis) -> None:
    positions = np.vstack([analysis.localizations.positions, [[1e11, -1e11]]])
    packed = payload(Found.of(caml.analyse(positions)))
    assert packed["n_left_out"] == 1
    assert packed["box"][2] - packed["box"][0] < 5_000
    assert len(unpacked(packed["dots"]["x"])) == len(positions) - 1
    assert "1 localization far off is not shown" in report(caml.analyse(positions))


def test_one_cluster_has_a_page() -> None:
    rng = np.random.default_rng(0)
    positions = np.vstack([rng.normal(2_500, 15, (80, 2)), rng.uniform(0, 5_000, (250, 2))])
    segmentation = caml.outline(positions, np.repeat([0, -1], [80, 250]))
    whole = caml.analyse(positions)
    one = caml.analyse(positions, method="dbscan", parameters={"eps_nm": 20.0, "min_samples": 9})
    assert segmentation.n_clusters == 1
    assert len(one.description.clusters) == 1
    page = report(one)
    assert "One cluster was found:" in page
    assert "Distributions" not in page
    assert report(whole)


def test_three_dimensions_have_volumes() -> None:
    scenario = Scenario(
        density=400, n_per_cluster=60, radius_nm=60, crop_um=4, field_um=20, n_dimensions=3
    )
    found = caml.analyse(simulate(scenario, seed=1).localizations, model="GAXJPR")
    page = report(found)
    assert "volume of a cluster, median" in page
    assert re.search(r"on [\d,]+ nm³, as a ball of [\d.]+ nm radius", page)
    assert "volume_nm3" in data_of(page)["columns"]


def test_a_report_is_a_page_or_goes_into_a_folder(analysis: caml.Analysis, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ends in \.html"):
        save_report(analysis, tmp_path / "report.pdf")
    save_report(analysis, tmp_path / "mine.html")
    assert (tmp_path / "mine.html").stat().st_size < 5e6


def break_down(*_: object) -> None:
    raise ValueError("a fault")


def test_a_fault_of_the_page_does_not_cost_the_results(tmp_path: Path) -> None:
    write_table(tmp_path / "cell.csv", simulate(SCENARIO, seed=1).localizations.table)
    (outcome,) = analyse_files(
        [tmp_path / "cell.csv"], tmp_path / "out", report=break_down
    ).outcomes
    assert outcome.error == ""
    assert (outcome.folder / "clusters.csv").exists()
    assert "no page was written: ValueError: a fault" in outcome.warnings[0]


def test_what_was_warned_of_while_reading_is_on_the_page(tmp_path: Path) -> None:
    table = simulate(SCENARIO, seed=1).localizations.table
    table.loc[3, "x_nm"] = np.nan
    write_table(tmp_path / "cell.csv", table)
    (outcome,) = analyse_files(
        [tmp_path / "cell.csv"], tmp_path / "out", report=save_report
    ).outcomes
    (text,) = outcome.warnings
    page = Elements((outcome.folder / "report.html").read_text("utf-8"))
    assert text in page.text["li"]
    assert outcome.sha256 in page.text["dd"]


def test_the_page_of_tiles_shows_what_one_pass_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = simulate(replace(SCENARIO, crop_um=8), seed=1).localizations.table
    table.loc[7, "y_nm"] = np.nan
    path = tmp_path / "cell.parquet"
    write_table(path, table, file_format="parquet")
    pages = {}
    for name, most in (("dots", 150_000), ("image", 100)):
        monkeypatch.setattr("caml.report.payload.MOST_DOTS", most)
        whole, tiled = tmp_path / f"whole_{name}", tmp_path / f"tiled_{name}"
        analyse_files([path], whole, report=save_report)
        found = analyse_files([path], tiled, tile_size=1_000, report=save_report).outcomes[0]
        assert found.error == ""
        pages[name] = [
            data_of((folder / "cell" / "report.html").read_text("utf-8"))
            for folder in (whole, tiled)
        ]
    assert (tmp_path / "tiled_dots" / "cell" / "localizations.parquet").is_dir()
    for one_pass, in_tiles in pages.values():
        assert one_pass.keys() == in_tiles.keys()
        for key in one_pass.keys() - {"dots", "rows"}:
            assert one_pass[key] == in_tiles[key], key
        # Of six digits in clusters.csv four are shown: the last one may differ by rounding twice.
        assert np.allclose(one_pass["rows"], in_tiles["rows"], rtol=1.01e-3, atol=0.11)
    # The parts are in another order, and each localization is in one of them.
    dots = [
        sorted(zip(*(unpacked(one["dots"][axis]) for axis in "xy"), strict=True))
        for one in pages["dots"]
    ]
    assert dots[0] == dots[1]
    page = (tmp_path / "tiled_dots" / "cell" / "report.html").read_text("utf-8")
    assert "analysed in tiles with LOGNM1" in page
    assert "left out of all that needs one" in page
    assert "--tile 1000" in page
