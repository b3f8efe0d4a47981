"""The page in a real Chromium: what a person does with it, from the first look to saved results."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from browsing import analyse, drag, needs_chromium, place, until

pytest.importorskip("starlette", reason="needs the extra app")
pytestmark = needs_chromium

Serve = Callable[..., AbstractContextManager[Any]]


def test_from_the_first_look_to_saved_results(asker: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(asker)
    assert "1,000 localizations" in page.inner_text("#images")
    # The whole cell is in sight, and not black.
    low, high = place(page, 0, 0), place(page, 4000, 4000)
    box = page.locator("canvas").first.bounding_box()
    assert box["x"] <= low[0] < high[0] <= box["x"] + box["width"]
    # A rectangle, at the place at which it was drawn.
    page.click("#draw-rectangle")
    drag(page, place(page, 500, 3500), place(page, 3000, 400))
    until(page, "caml.active.image.regions.length === 1")
    (region,) = asker.until(lambda state: state["images"][0]["regions"])["images"][0]["regions"]
    drawn = [float(part) for part in region["name"].split(",")]
    assert drawn == pytest.approx([500, 400, 3000, 3500], abs=10)
    analyse(page)
    n = page.evaluate("caml.panes[0].view.clusters.n")
    assert page.inner_text(".found h2") == f"{n} clusters"
    assert page.locator(".run").count() == 1
    # Labels are shown by themselves, and every layer can be.
    assert page.get_attribute("[data-layer=labels]", "aria-pressed") == "true"
    assert page.locator("[data-layer=scores]").count() == 0  # dbscan has none
    for layer in ("channels", "clusters", "density"):
        page.click(f"[data-layer={layer}]")
        before = page.evaluate("caml.panes[0].view.drawnCount")
        until(page, f"caml.panes[0].view.drawnCount > {before} || !caml.panes[0].view.asking")
    # The command that gives the same.
    page.click("#command")
    assert f"--region {region['name']}" in page.inner_text("dialog pre >> nth=0")
    page.keyboard.press("Escape")
    # The report opens beside it, and draws itself there.
    with page.expect_popup() as popup:
        page.click("#report")
    popup.value.wait_for_selector("canvas")
    assert f"{n} clusters" in popup.value.inner_text("body")
    popup.value.close()
    page.click("#save")
    page.fill("#save-name", "../from the page")
    page.click("dialog .primary")
    until(page, "!document.querySelector('dialog')")
    folder = Path(asker.state()["out"]) / "from the page"
    assert (folder / "cell" / "clusters.csv").exists()
    page.wait_for_selector(".message")
    assert page.locator(".message").inner_text().startswith(f"Saved in {folder}")
    # Again under the same name: told where it was asked, and nothing lost.
    page.click("#save")
    page.fill("#save-name", "from the page")
    page.click("dialog .primary")
    until(page, "document.querySelector('dialog .bad').textContent.includes('from the page')")
    page.keyboard.press("Escape")
    page.click("[aria-label='Remove region 1']")
    until(page, "caml.active.image.regions.length === 0")
    asker.until(lambda state: not state["images"][0]["regions"])


def test_clusters_under_the_pointer_in_the_table_and_filtered(
    asker: Any, open_page: Callable[..., Any]
) -> None:
    page = open_page(asker)
    analyse(page)
    page.click("[data-sort=area_nm2]")
    page.click(".line >> nth=0")
    row = page.evaluate("caml.panes[0].view.chosen")
    areas = page.evaluate("Array.from(caml.panes[0].view.clusters.arrays.area_nm2)")
    assert areas[row] == max(areas)
    # Where the cluster is, the pointer finds it, and a click chooses it in the table.
    other = areas.index(min(areas))
    centre = page.evaluate(f"caml.panes[0].view.clusters.centre({other})")
    page.evaluate("caml.panes[0].view.fit()")
    page.mouse.move(*place(page, *centre))
    until(page, f"caml.panes[0].view.hovered === {other}")
    assert page.inner_text("#tip b") == f"Cluster {other}"
    page.mouse.click(*place(page, *centre))
    until(page, f"document.querySelector('.line.chosen')?.dataset.row === '{other}'")
    # Filtered by area: fewer in the table, in the image and in the medians.
    limit = sorted(areas)[len(areas) // 2]
    page.fill("[aria-label='Area, nm², at least']", str(limit))
    page.keyboard.press("Tab")
    n_shown = sum(area >= limit for area in areas)
    assert page.inner_text(".found h2") == f"{n_shown} of {len(areas)} clusters"
    page.mouse.move(5, 5)
    page.mouse.move(*place(page, *centre))
    assert page.evaluate("caml.panes[0].view.hovered") == -1
    with page.expect_download() as download:
        page.click("text=Download these rows")
    assert download.value.suggested_filename == "cell_clusters_shown.csv"
    rows = pd.read_csv(download.value.path())
    assert len(rows) == n_shown
    assert rows["area_nm2"].min() == pytest.approx(limit, rel=1e-5)
    drag_from = page.locator(".histogram canvas").nth(1).bounding_box()
    page.mouse.dblclick(drag_from["x"] + 30, drag_from["y"] + 20)
    until(page, f"document.querySelector('.found h2').textContent === '{len(areas)} clusters'")
    # Keys go down the table.
    page.locator(".table .body").focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("caml.panes[0].view.chosen") == areas.index(sorted(areas)[1])


def test_moving_and_zooming(asker: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(asker)
    centre, scale = page.evaluate("[caml.panes[0].view.centre, caml.panes[0].view.scale]")
    at = place(page, 1000, 1000)
    drag(page, at, (at[0] + 50, at[1] + 20))
    moved = page.evaluate("caml.panes[0].view.centre")
    assert moved == pytest.approx([centre[0] - 50 * scale, centre[1] - 20 * scale])
    # The place under the pointer stays where it is.
    at = place(page, 3000, 1000)
    page.mouse.move(*at)
    page.mouse.wheel(0, -200)
    until(page, f"caml.panes[0].view.scale < {scale}")
    assert place(page, 3000, 1000) == pytest.approx(at, abs=1)
    page.locator("canvas").first.focus()
    page.keyboard.press("0")
    assert page.evaluate("caml.panes[0].view.scale") == pytest.approx(scale)
    until(page, "!caml.panes[0].view.asking")


def test_a_polygon_is_drawn_corner_by_corner(asker: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(asker)
    page.click("#draw-polygon")
    corners = [(500, 500), (3500, 500), (3500, 3500), (600, 3000)]
    for corner in corners:
        page.mouse.click(*place(page, *corner))
        page.wait_for_timeout(400)  # two clicks, not a double one
    page.mouse.click(*place(page, *corners[0]))
    until(page, "caml.active.image.regions.length === 1")
    (region,) = asker.until(lambda state: state["images"][0]["regions"])["images"][0]["regions"]
    assert [tuple(one) for one in region["corners"]] == [
        pytest.approx(corner, abs=10) for corner in corners
    ]
    page.click("#draw-polygon")
    page.mouse.click(*place(page, 1000, 1000))
    page.locator("canvas").first.press("Escape")
    page.locator("canvas").first.press("Escape")
    assert page.get_attribute("#draw-polygon", "aria-pressed") == "false"
    page.click("[aria-label='Remove region 1']")
    until(page, "caml.active.image.regions.length === 0")
    asker.until(lambda state: not state["images"][0]["regions"])


def test_a_second_tab_and_a_reload_lose_nothing(asker: Any, open_page: Callable[..., Any]) -> None:
    first = open_page(asker)
    analyse(first)
    n = first.evaluate("caml.panes[0].view.clusters.n")
    first.close()
    second = open_page(asker)
    until(second, "Boolean(caml.panes[0].view.clusters)")
    assert second.evaluate("caml.panes[0].view.clusters.n") == n
    second.click("[data-layer=clusters]")
    second.reload()
    until(second, "Boolean(window.caml?.panes[0].view.clusters)")
    assert second.get_attribute("[data-layer=clusters]", "aria-pressed") == "true"


def test_side_by_side_at_one_scale(asker: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(asker)
    page.click("#compare")
    until(page, "caml.panes.length === 2 && caml.panes[1].view.drawnCount > 0")
    page.evaluate("caml.panes[0].view.zoom(0.5)")
    assert page.evaluate("caml.panes[0].view.scale === caml.panes[1].view.scale")
    assert page.evaluate("caml.panes[0].view.centre[0] === caml.panes[1].view.centre[0]")
    page.click("#compare")
    assert page.locator(".pane").count() == 1


def test_a_dropped_file_is_asked_about_and_shown(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    odd = tmp_path / "<img src=x onerror=alert(1)>.csv"
    odd.write_text(cell.read_text().replace("x [nm]", "across").replace("y [nm]", "down"))
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"\x80\x04\x95")
    with serve(out=tmp_path / "out", max_upload_bytes=100_000) as asker:
        page = open_page(asker, is_open=False)
        until(page, "document.querySelector('#method option') !== null")
        assert "Drop a localization table" in page.inner_text(".veil")
        # By the keyboard, as a person without a mouse chooses a file.
        page.focus("#drop")
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Enter")
        chooser.value.set_files(str(odd))
        page.wait_for_selector("dialog select")
        page.select_option("#column-x", "across")
        page.select_option("#column-y", "down")
        page.click("dialog .primary")
        until(page, "caml.panes[0].view.drawnCount > 0")
        assert "1,000 localizations" in page.inner_text("#images")
        assert page.locator("#images img").count() == 0
        # A file that is no table is told beside the one that is.
        page.set_input_files("#choose", str(bad))
        until(page, "caml.state.images.length === 2 && caml.state.images[1].state === 'failed'")
        assert "not a kind of file that caml reads" in page.inner_text("#images")
        large = tmp_path / "large.csv"
        large.write_bytes(b"x" * 100_001)
        page.set_input_files("#choose", str(large))
        page.wait_for_selector(".message.is-bad")
        assert "large.csv is larger than 0.1 MB" in page.inner_text(".message.is-bad")
        assert len(asker.state()["images"]) == 2


def test_cancelling_from_the_page(
    serve: Serve, tmp_path: Path, crowd: Path, open_page: Callable[..., Any]
) -> None:
    with serve(crowd, out=tmp_path / "out") as asker:
        page = open_page(asker)
        page.select_option("#method", "caml:87B144")
        page.click("#run")
        # The button is the same while progress is told of: it can be pressed slowly.
        page.wait_for_selector("[data-cancel]")
        page.evaluate("window.held = document.querySelector('[data-cancel]')")
        version = asker.state()["version"]
        until(page, f"caml.state.version > {version}")
        assert page.evaluate("window.held.isConnected")
        page.click("[data-cancel]", delay=300)
        until(page, "document.querySelector('[data-run]').textContent.includes('cancelled')")
        assert asker.state()["runs"][0]["state"] == "cancelled"
        # What was cancelled can be removed.
        page.click("[aria-label='Remove the analysis by 87B144']")
        until(page, "!document.querySelector('[data-run]')")


def test_the_end_of_the_server_is_told(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    with serve(cell, out=tmp_path / "out") as asker:
        page = open_page(asker)
    until(page, "!document.querySelector('#ended').hidden")


def test_saved_results_are_opened_after_a_restart(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    def hovered(page: Any) -> str:
        """Point at the largest cluster, and return what is told of it."""
        page.click("[data-sort=area_nm2]")
        page.click(".line >> nth=0")
        row = page.evaluate("caml.panes[0].view.chosen")
        page.evaluate("caml.panes[0].view.fit()")
        page.mouse.move(5, 5)
        page.mouse.move(*place(page, *page.evaluate(f"caml.panes[0].view.clusters.centre({row})")))
        until(page, f"caml.panes[0].view.hovered === {row}")
        told: str = page.inner_text("#tip")
        return f"{page.inner_text('.found h2')}\n{told}\n{page.inner_text('.line >> nth=0')}"

    out = tmp_path / "out"
    with serve(cell, out=out) as asker:
        page = open_page(asker)
        analyse(page)
        before = hovered(page)
        page.click("#save")
        page.fill("#save-name", "kept")
        page.click("dialog .primary")
        until(page, "!document.querySelector('dialog')")
        page.close()
    with serve(cell, out=out) as asker:
        page = open_page(asker)
        assert page.locator(".run").count() == 0
        page.click("#listed summary")
        assert page.inner_text("#listed-title") == "1 file, 1 saved analysis"
        page.click("#files button >> text=kept")
        until(page, "Boolean(caml.panes[0].view.clusters)")
        assert page.get_attribute("[data-layer=labels]", "aria-pressed") == "true"
        assert page.locator(".run [title^=Saved]").count() == 1
        # Nothing was saved by that, and nobody is told so.
        assert page.locator(".message").count() == 0
        assert "clustered, by dbscan." in page.inner_text("#news")
        assert "Saved" not in page.inner_text("#news")
        assert len(asker.state()["images"]) == 1
        assert hovered(page) == before
        page.close()
    # Without the table, and with nothing else to begin with.
    with serve(out, out=tmp_path / "other") as asker:
        page = open_page(asker, is_open=False)
        until(page, "document.querySelector('#files button') !== null")
        assert page.inner_text("#listed-title") == "1 saved analysis"
        page.click("#files button >> text=kept")
        until(page, "Boolean(caml.panes[0].view.clusters)")
        assert "was not found in" in page.inner_text("#images")
        assert hovered(page) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (900, 700), (420, 900)])
def test_nothing_is_cut_off(
    asker: Any, open_page: Callable[..., Any], size: tuple[int, int], scheme: str
) -> None:
    page = open_page(asker, color_scheme=scheme)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    if not page.evaluate("Boolean(caml.panes[0].run)"):
        analyse(page)
    until(page, "Boolean(caml.panes[0].view.clusters)")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    page.click("#compare")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    # Buttons are whole: none is wider than what it lies in.
    cut = page.evaluate(
        "[...document.querySelectorAll('button, select')].filter((one) => one.offsetParent && "
        "one.tagName === 'BUTTON' && one.scrollWidth > one.clientWidth + 1 && "
        "!one.classList.contains('name')).map((one) => one.textContent)"
    )
    assert cut == []
    layers = "document.querySelectorAll('.layers')"
    assert page.evaluate(f"[...{layers}].every((one) => one.scrollWidth <= one.clientWidth)")
    # Nor does one stick out of its panel, and two images are both large enough to look at.
    outside = page.evaluate(
        "[...document.querySelectorAll('aside :is(button, .button, input, canvas), .bar > *')]"
        ".filter((one) => { const home = one.closest('aside, .pane').getBoundingClientRect(); "
        "const box = one.getBoundingClientRect(); return one.offsetParent && "
        "(box.left < home.left - 1 || box.right > home.right + 1); }).map((one) => one.outerHTML)"
    )
    assert outside == []
    for canvas in page.locator(".pane canvas").all():
        box = canvas.bounding_box()
        assert min(box["width"], box["height"]) >= 190
    page.click("#compare")
    if size[0] >= 900:
        # Histograms are seen without scrolling.
        lowest = page.evaluate(
            "Math.max(...[...document.querySelectorAll('.histogram canvas')].map((one) => "
            "one.getBoundingClientRect().bottom - one.closest('.found').getBoundingClientRect()"
            ".bottom))"
        )
        assert lowest <= 0
    else:
        # The image stays in sight while the rest is scrolled.
        page.locator("#save").scroll_into_view_if_needed()
        assert page.locator("canvas").first.bounding_box()["y"] < size[1] / 2


def test_a_whole_image_stays_whole_in_another_window(
    asker: Any, open_page: Callable[..., Any]
) -> None:
    page = open_page(asker)
    for width, height in ((700, 500), (1280, 800)):
        page.set_viewport_size({"width": width, "height": height})
        until(page, "caml.panes[0].view.width === caml.panes[0].canvas.clientWidth")
        assert page.evaluate("caml.panes[0].view.isWhole")
    page.evaluate("caml.panes[0].view.zoom(0.5)")
    scale = page.evaluate("caml.panes[0].view.scale")
    page.set_viewport_size({"width": 900, "height": 700})
    until(page, "caml.panes[0].view.width === caml.panes[0].canvas.clientWidth")
    assert page.evaluate("caml.panes[0].view.scale") == scale
