"""The page of an image in a real Chromium: what a person does with it, offline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import caml
from browsing import ARGUMENTS, CHROMIUM, needs_chromium
from caml.report import save_report
from caml.simulate import Scenario, simulate

pytestmark = needs_chromium

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=6, field_um=20)


@pytest.fixture(scope="module")
def analysis() -> caml.Analysis:
    return caml.analyse(simulate(SCENARIO, seed=1, name="cell").localizations)


@pytest.fixture
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


def opened(browser: Any, path: Path) -> tuple[Any, list[str]]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []

    def asked(request: Any) -> None:
        if not request.url.startswith(("file:", "data:")):
            wrong.append(request.url)

    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", asked)
    page.goto(path.as_uri())
    page.wait_for_selector("#canvas[data-sized=yes]")
    return page, wrong


def centre_of(page: Any) -> tuple[float, float]:
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_what_a_person_does_with_it(browser: Any, analysis: caml.Analysis, tmp_path: Path) -> None:
    save_report(analysis, tmp_path / "cell.html")
    page, wrong = opened(browser, tmp_path / "cell.html")
    # The colours are explained where there are any.
    assert not page.locator("#key").is_visible()
    page.check("input[value=label]")
    assert page.inner_text("#key").split("\n") == ["not clustered", "clustered"]
    # A row of the table leads to its cluster, which tells its measures where it is pointed at.
    clusters = analysis.description.clusters
    smallest = int(clusters["n_localizations"].min())
    page.click("#clusters th >> text=localizations per cluster")
    assert int(page.inner_text("#clusters tbody td:nth-child(2) >> nth=0")) == smallest
    page.click("#clusters tbody tr >> nth=0")
    number = page.inner_text("#clusters tbody tr.chosen td >> nth=0")
    page.mouse.move(*centre_of(page))
    hovered = page.inner_text("#hover").split("\n")
    assert hovered[0] == f"cluster: {number}"
    assert hovered[1] == f"localizations per cluster: {smallest}"
    # Every row is copied, with names that a program reads.
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.click("#table-copy")
    lines = page.evaluate("window.copied").split("\n")
    assert lines[0].split("\t")[0] == "cluster"
    assert len(lines) == 1 + len(clusters)
    assert wrong == []


def test_regions_are_what_is_seen_first(
    browser: Any, analysis: caml.Analysis, tmp_path: Path
) -> None:
    # One cluster in the middle of a region at the border of the image.
    low = analysis.localizations.positions.min(axis=0)
    clusters = analysis.description.clusters
    x, y = min(clusters[["x_nm", "y_nm"]].to_numpy(dtype=float).tolist(), key=sum)
    assert x < low[0] + 3_000
    assert y < low[1] + 3_000
    region = caml.Region.rectangle(x - 60, y - 60, x + 60, y + 60, name="corner")
    part = caml.analyse(analysis.localizations, regions=[region], prior="balanced")
    save_report(part, tmp_path / "part.html")
    page, wrong = opened(browser, tmp_path / "part.html")
    page.mouse.move(*centre_of(page))
    (row,) = part.description.clusters["cluster"]
    assert page.inner_text("#hover").split("\n")[0] == f"cluster: {row}"
    page.click("#zoom-all")
    page.mouse.move(*centre_of(page))
    assert page.inner_text("#hover") == ""
    page.check("input[value=label]")
    assert page.inner_text("#key").split("\n") == ["not clustered", "clustered", "not looked at"]
    assert wrong == []
