"""The smaller controls of the page in Chromium: what they do, and say that they refuse."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from browsing import analyse, needs_chromium, place, until

pytest.importorskip("starlette", reason="needs the extra app")
pytestmark = needs_chromium

Serve = Callable[..., AbstractContextManager[Any]]


@pytest.mark.parametrize("size", [(1280, 800), (900, 700), (420, 900)])
def test_the_display_closes_and_covers_no_control(
    asker: Any, open_page: Callable[..., Any], size: tuple[int, int]
) -> None:
    page = open_page(asker)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.click("#compare")
    until(page, "caml.panes[1]?.view.drawnCount > 0")
    popover, button = page.locator(".popover").nth(1), page.locator(".look").nth(1)
    button.click()
    assert popover.is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    covered = page.evaluate(
        "[...document.querySelectorAll('.pane :is(button, select, [type=checkbox])')].filter("
        "(one) => { const box = one.getBoundingClientRect(); return one.offsetParent && "
        "document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)"
        "?.closest('.popover'); }).map((one) => one.outerHTML)"
    )
    assert covered == []
    # By Escape, and the focus is where it came from.
    popover.locator("input").first.focus()
    page.keyboard.press("Escape")
    assert not popover.is_visible()
    assert button.evaluate("one => one === document.activeElement")
    # A press elsewhere closes it, one in it does not.
    button.click()
    popover.locator("label").first.click()
    assert popover.is_visible()
    page.mouse.click(*place(page, 2000, 2000))
    assert not popover.is_visible()
    assert button.get_attribute("aria-expanded") == "false"
    button.click()
    button.click()
    assert not popover.is_visible()
    page.click("#compare")


COVERED = """() => {
  const home = document.getElementById("messages").getBoundingClientRect();
  const inside = (one) => !one.closest("#messages") && one.offsetParent;
  return [...document.querySelectorAll(".message")].flatMap((message) => {
    const box = message.getBoundingClientRect();
    const [top, bottom] = [Math.max(box.top, home.top), Math.min(box.bottom, home.bottom)];
    return [...document.querySelectorAll("button, select, input, .legend")].filter((one) => {
      const its = one.getBoundingClientRect();
      return inside(one) && its.left < box.right && its.right > box.left && its.top < bottom
        && its.bottom > top;
    }).map((one) => one.outerHTML);
  });
}"""


@pytest.mark.parametrize("size", [(1280, 800), (1280, 600), (720, 700), (420, 900)])
@pytest.mark.parametrize("two", [False, True], ids=["one pane", "side by side"])
def test_messages_cover_no_control(
    asker: Any, open_page: Callable[..., Any], size: tuple[int, int], two: bool
) -> None:
    page = open_page(asker)
    analyse(page)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    if two:
        page.click("#compare")
        until(page, "caml.panes[1]?.view.drawnCount > 0")
    for number in range(3):
        text = f"{number} was not saved: /a/folder/of/results could not be written, and so on"
        page.evaluate("(text) => caml.failed(new Error(text))", text)
    assert page.locator(".message").count() == 3
    assert page.evaluate(COVERED) == []
    # The last one is in sight, and is closed without choosing its pane.
    close = page.locator(".message .x").last
    shown = close.bounding_box()
    assert 0 < shown["y"] < size[1]
    if two:
        page.evaluate("caml.activate(caml.panes[1])")
    close.click()
    assert page.locator(".message").count() == 2
    assert page.evaluate("caml.active.number") == int(two)
    if two:
        page.click("#compare")


ON_PIXELS = """() => caml.panes.map(({ canvas }) => {
  const box = canvas.getBoundingClientRect();
  const pixels = [box.left, box.top, box.width, box.height].map((one) => one * devicePixelRatio);
  return { off: Math.max(...pixels.map((one) => Math.abs(one - Math.round(one)))),
    own: [canvas.width, canvas.height], shown: pixels.slice(2).map(Math.round) };
})"""


@pytest.mark.parametrize("width", [1280, 1281, 833, 420])
@pytest.mark.parametrize("ratio", [1, 1.5, 2])
def test_images_are_drawn_on_whole_pixels_and_alike(
    asker: Any, open_page: Callable[..., Any], width: int, ratio: float
) -> None:
    page = open_page(asker, device_scale_factor=ratio)
    page.set_viewport_size({"width": width, "height": 800})
    page.click("#compare")
    until(
        page, "caml.panes[1]?.view.drawnCount > 0 && caml.panes.every(({ view }) => !view.asking)"
    )
    left, right = page.evaluate(ON_PIXELS)
    for one in (left, right):
        assert one["off"] < 0.02
        assert one["own"] == one["shown"]
    assert left["own"] == right["own"]
    page.mouse.move(2, 2)
    until(page, "!caml.panes.some(({ view }) => view.asking || view.painting)")
    assert page.evaluate("caml.panes[0].canvas.toDataURL() === caml.panes[1].canvas.toDataURL()")
    page.click("#compare")


def test_another_image_closes_the_display(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(cell.read_bytes())
    with serve(cell, other, out=tmp_path / "out") as asker:
        page = open_page(asker)
        page.locator("#listed").evaluate("one => { one.open = true; }")
        page.click(".look")
        page.click("#files >> text=other.csv")
        until(page, "caml.panes[0].image?.name === 'other.csv'")
        assert not page.locator(".popover").is_visible()


def test_ends_of_a_filter_that_cannot_be_used_are_told_beside_it(
    asker: Any, open_page: Callable[..., Any]
) -> None:
    page = open_page(asker)
    analyse(page)
    n = page.evaluate("caml.panes[0].view.clusters.n")
    least = page.locator("[aria-label='Area, nm², at least']")
    most = page.locator("[aria-label='Area, nm², at most']")
    fault = page.locator(".histogram .bad").nth(1)
    before = most.input_value()
    for field, typed, words in (
        (least, "abc", "“abc” is not a number."),
        (least, "1e9", f"1e9 is more than the most to show, {before}."),
        (most, "0.001", "0.001 is less than the least to show, "),
        (least, "0,5", "“0,5”: write 0.5 with a point."),
        (least, "1,2,x", "is not a number"),
    ):
        field.fill(typed)
        page.keyboard.press("Tab")
        assert words in fault.inner_text()
        # What was typed stays, to be mended, and nothing is filtered by it.
        assert field.input_value() == typed
        assert field.get_attribute("aria-invalid") == "true"
        described = field.get_attribute("aria-describedby")
        assert words in page.inner_text(f"#{described}")
        assert page.inner_text(".found h2") == f"{n} clusters"
        field.press("Escape")
        assert fault.inner_text() == ""
        assert field.get_attribute("aria-invalid") is None
    # Mended, it filters.
    least.fill("abc")
    page.keyboard.press("Tab")
    least.fill("1,000")
    page.keyboard.press("Tab")
    areas = page.evaluate("Array.from(caml.panes[0].view.clusters.arrays.area_nm2)")
    assert page.evaluate("caml.panes[0].view.clusters.nShown") == sum(one >= 1000 for one in areas)
    assert fault.inner_text() == ""
    least.fill("")
    page.keyboard.press("Tab")


@pytest.mark.parametrize("size", [(1280, 800), (900, 700), (420, 900)])
def test_an_analysis_shows_its_name_while_it_runs_and_when_it_fails(
    asker: Any, open_page: Callable[..., Any], size: tuple[int, int]
) -> None:
    page = open_page(asker)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    run = {
        "id": "a0", "image": page.evaluate("caml.active.image.id"), "name": "getis-franklin",
        "stage": "looking for neighbours", "share": 0.05, "message": "", "warnings": [],
        "n_regions": 0, "saved": None, "saving": [], "not_saved": "",
    }  # fmt: skip
    failed = run | {"id": "a1", "state": "failed", "message": "It cannot be done with these."}
    waiting = run | {"id": "a2", "state": "waiting", "stage": ""}
    page.evaluate(
        "runs => { caml.take = () => {}; caml.state.runs = runs; caml.left.update(); }",
        [run | {"state": "running"}, failed, waiting],
    )
    for name in page.locator(".run .what").all():
        assert name.inner_text() == "getis-franklin"
        assert name.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert page.inner_text("[data-run=a0] .stage") == "looking for neighbours"
    # What went wrong does not touch the border.
    note = page.locator("[data-run=a1] .bad")
    padding = note.evaluate("one => getComputedStyle(one).paddingLeft")
    assert float(padding.removesuffix("px")) >= 8


@pytest.fixture
def deep(tmp_path: Path, cell: Path) -> Path:
    """Write the cell with z."""
    path = tmp_path / "deep.csv"
    table = pd.read_csv(cell)
    table["z [nm]"] = np.random.default_rng(2).uniform(0, 400, len(table)).round(2)
    table.to_csv(path, index=False)
    return path


def test_the_id_of_a_cluster_is_whole_however_long(
    asker: Any, open_page: Callable[..., Any]
) -> None:
    page = open_page(asker)
    analyse(page)
    page.evaluate("caml.right.clusters.arrays.cluster.fill(1234567); caml.right.order()")
    cell = page.locator(".line span").first
    assert cell.inner_text() == "1234567"
    assert cell.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_a_double_click_analyses_once(asker: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(asker)
    analyse(page)
    before = len(asker.state()["runs"])
    page.dblclick("#run", delay=80)
    page.wait_for_timeout(300)
    assert len(asker.state()["runs"]) == before + 1
    # In haste by the keyboard too.
    page.evaluate("caml.analyse(); caml.analyse(); undefined")
    page.wait_for_timeout(300)
    runs = asker.state()["runs"]
    assert len(runs) == before + 2
    for run in runs[before:]:
        asker.ask("DELETE", f"runs/{run['id']}")


def test_a_parameter_that_is_empty_says_what_is_taken(
    asker: Any, open_page: Callable[..., Any]
) -> None:
    page = open_page(asker)
    placeholders = "inputs => inputs.map((one) => one.placeholder)"
    for method, told in (("dbscan", ["from image"] * 2), ("voronoi", ["2.0", "5", "0.0", "1"])):
        page.select_option("#method", method)
        assert page.eval_on_selector_all("#parameters input", placeholders) == told


def test_without_an_image_there_is_no_file_of_regions_to_choose(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    with serve(cell, out=tmp_path / "out") as asker:
        page = open_page(asker)
        label = page.locator("label:has(#region-file)")
        assert page.is_enabled("#region-file")
        assert label.get_attribute("aria-disabled") == "false"
        page.click("[aria-label='Close cell.csv']")
        until(page, "caml.state.images.length === 0")
        assert page.is_disabled("#region-file")
        assert label.get_attribute("aria-disabled") == "true"


def test_what_is_chosen_elsewhere_is_in_sight_on_the_left(
    asker: Any, open_page: Callable[..., Any]
) -> None:
    page = open_page(asker)
    image = page.evaluate("caml.active.image.id")
    runs = [asker.analysed(image)["id"] for _ in range(12)]
    until(page, f"caml.state.runs.filter((one) => one.state === 'done').length >= {len(runs)}")
    page.set_viewport_size({"width": 1280, "height": 500})
    for run in (runs[0], runs[-1]):
        page.evaluate("([image, run]) => caml.choose(caml.active, image, run)", [image, run])
        assert page.locator(f"[data-run={run}] [aria-current]").evaluate(
            "one => { const box = one.getBoundingClientRect(); return one.contains("
            "document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)); }"
        )
    for run in runs:
        asker.ask("DELETE", f"runs/{run}")


def test_what_cannot_be_used_for_an_image_is_not_offered_for_it(
    serve: Serve, tmp_path: Path, cell: Path, deep: Path, open_page: Callable[..., Any]
) -> None:
    with serve(cell, deep, out=tmp_path / "out") as asker:
        page = open_page(asker)
        networks = asker.ask("GET", "choices")
        (for_3d, *_) = (one["value"] for one in networks if one["fits"]["2"].startswith("needs z"))
        option = page.locator(f"option[value='{for_3d}']")
        assert option.is_disabled()
        assert "needs z, and this image has none" in option.text_content()
        # Nor does the server take it: no run is made that could only fail.
        image = asker.opened()["id"]
        status, error = asker.ask("POST", f"images/{image}/analyse", {"method": for_3d})
        assert status == 400
        assert "needs z, and this image has none: choose another network" in error
        assert asker.state()["runs"] == []
        # With z it can be, and networks for 2D say what they do.
        page.locator("#listed").evaluate("one => { one.open = true; }")
        page.click("#files >> text=deep.csv")
        until(page, "caml.active.image?.name === 'deep.csv' && caml.active.image.state === 'open'")
        assert option.is_enabled()
        assert page.locator("#projects").is_visible()
        page.select_option("#method", for_3d)
        assert not page.locator("#projects").is_visible()
        assert page.locator("option[value=pointnet]").is_disabled()
        # Back at the first, what is chosen can be used.
        page.click("#images .name >> text=cell.csv")
        assert page.input_value("#method") == "caml:LOGNM1"


def test_the_size_of_a_pixel_is_asked_for_where_regions_need_it(
    asker: Any, open_page: Callable[..., Any], tmp_path: Path
) -> None:
    roifile = pytest.importorskip("roifile")
    # Whatever it is called: what a file is, is in it.
    path = tmp_path / "drawn.json"
    corners = np.array([[5, 5], [30, 5], [30, 30]], dtype=np.float32)
    path.write_bytes(roifile.ImagejRoi.frompoints(corners).tobytes())
    page = open_page(asker)
    page.set_input_files("#region-file", str(path))
    page.wait_for_selector("dialog #region-size")
    page.fill("#region-size", "100")
    page.click("dialog .primary")
    until(page, "caml.active.image.regions.length === 1")
    (region,) = asker.until(lambda state: state["images"][0]["regions"])["images"][0]["regions"]
    assert sorted(map(tuple, region["corners"])) == [(500, 500), (3000, 500), (3000, 3000)]
    page.click("[aria-label='Remove region 1']")
    until(page, "caml.active.image.regions.length === 0")
    asker.until(lambda state: not state["images"][0]["regions"])
