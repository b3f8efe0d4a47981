"""Regions in Chromium, changed by hand and by numbers; and fingers and trackpads that zoom."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from browsing import analyse, drag, needs_chromium, place, until

pytest.importorskip("starlette", reason="needs the extra app")
pytestmark = needs_chromium

RECTANGLE = {"kind": "rectangle", "corners": [[500, 500], [2500, 2000]]}
POLYGON = {"kind": "polygon", "corners": [[500, 2500], [2000, 2500], [1500, 3500]], "name": "mine"}


@pytest.fixture
def page(asker: Any, open_page: Callable[..., Any]) -> Iterator[Any]:
    """Open the cell with a rectangle and a polygon in it."""
    page = open_page(asker)
    image = asker.opened()["id"]
    regions = {"regions": [RECTANGLE, POLYGON]}
    asker.ask("PUT", f"images/{image}/regions", regions)
    until(page, "caml.active.image.regions.length === 2")
    yield page
    asker.ask("PUT", f"images/{image}/regions", {"regions": []})


def corners(asker: Any, i: int, before: Any) -> list[list[float]]:
    """Wait until a region is another, and give its corners."""
    state = asker.until(lambda state: state["images"][0]["regions"][i]["corners"] != before)
    found: list[list[float]] = state["images"][0]["regions"][i]["corners"]
    return found


def near(expected: list[list[float]]) -> list[Any]:
    return [pytest.approx(one, abs=15) for one in expected]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ((500, 500), (300, 800), [[300, 800], [2500, 2000]]),
        ((2500, 500), (2200, 800), [[500, 800], [2200, 2000]]),
        ((2500, 2000), (3000, 1500), [[500, 500], [3000, 1500]]),
        ((500, 2000), (700, 2300), [[700, 500], [2500, 2300]]),
        ((1500, 500), (1800, 900), [[500, 900], [2500, 2000]]),
        ((2500, 1000), (2800, 1300), [[500, 500], [2800, 2000]]),
        ((1500, 2000), (1800, 2300), [[500, 500], [2500, 2300]]),
        ((500, 1000), (800, 1300), [[800, 500], [2500, 2000]]),
    ],
)
def test_corners_and_edges_of_a_rectangle_are_dragged(
    page: Any, asker: Any, start: tuple[int, int], end: tuple[int, int], expected: Any
) -> None:
    centre = page.evaluate("caml.panes[0].view.centre")
    drag(page, place(page, *start), place(page, *end))
    assert corners(asker, 0, RECTANGLE["corners"]) == near(expected)
    # The other stays, and so does the image.
    assert asker.state()["images"][0]["regions"][1]["corners"] == POLYGON["corners"]
    assert page.evaluate("caml.panes[0].view.centre") == centre


def test_a_corner_of_a_polygon_is_dragged_and_the_whole_by_its_number_or_shift(
    page: Any, asker: Any
) -> None:
    drag(page, place(page, 1500, 3500), place(page, 1200, 3200))
    first = corners(asker, 1, POLYGON["corners"])
    assert first == near([[500, 2500], [2000, 2500], [1200, 3200]])
    left, top = place(page, 500, 2500)
    x, y = place(page, 800, 2600)
    drag(page, (left + 8, top - 9), (left + 8 + x - left, top - 9 + y - top))
    second = corners(asker, 1, first)
    assert second == near([[800, 2600], [2300, 2600], [1500, 3300]])
    page.keyboard.down("Shift")
    drag(page, place(page, 1500, 2900), place(page, 1300, 2700))
    page.keyboard.up("Shift")
    assert corners(asker, 1, second) == near([[600, 2400], [2100, 2400], [1300, 3100]])
    assert asker.state()["images"][0]["regions"][1]["name"] == "mine"


def test_a_drag_is_put_back_by_escape_and_refused_without_an_area(page: Any, asker: Any) -> None:
    page.mouse.move(*place(page, 500, 500))
    # What can be dragged says so.
    until(page, "caml.panes[0].canvas.style.cursor === 'nwse-resize'")
    page.mouse.down()
    page.mouse.move(*place(page, 1000, 1000))
    assert page.evaluate("caml.panes[0].hands.regions.all[0].corners[0][0]") > 900
    page.keyboard.press("Escape")
    assert page.evaluate("caml.panes[0].hands.regions.all[0].corners") == RECTANGLE["corners"]
    page.mouse.move(*place(page, 1500, 1500))
    page.mouse.up()
    page.wait_for_timeout(200)
    assert asker.state()["images"][0]["regions"][0]["corners"] == RECTANGLE["corners"]
    # Without an area it is refused in words, and is as it was.
    page.evaluate("caml.drawn.change(caml.panes[0], 1, [[0, 0], [1000, 0], [500, 0]])")
    page.wait_for_selector(".message.is-bad")
    assert "no area" in page.inner_text(".message.is-bad")
    assert page.evaluate("caml.active.image.regions[1].corners") == POLYGON["corners"]


def test_an_edge_on_the_opposite_one_is_put_back(page: Any, asker: Any) -> None:
    # Of whole pixels, so that they meet.
    page.evaluate("Object.assign(caml.panes[0].view, { scale: 10, centre: [2000, 2000] })")
    for start, end in (((1500, 500), (1500, 2000)), ((2500, 2000), (500, 500))):
        drag(page, place(page, *start), place(page, *end))
        page.wait_for_timeout(200)
        assert page.locator(".message").count() == 0
        assert asker.state()["images"][0]["regions"][0]["corners"] == RECTANGLE["corners"]


def test_numbers_of_regions_that_begin_at_one_place_are_apart(page: Any, asker: Any) -> None:
    image = asker.opened()["id"]
    other = {"kind": "rectangle", "corners": [[500, 500], [1500, 3500]]}
    asker.ask("PUT", f"images/{image}/regions", {"regions": [RECTANGLE, other, POLYGON]})
    until(page, "caml.active.image.regions.length === 3")
    (first, top), second, third = page.evaluate("caml.panes[0].hands.regions.tags()")
    assert second == [first + 20, top]
    # Each is moved by its own.
    for i, (x, y) in enumerate(((first, top), second, third)):
        found = page.evaluate("at => caml.panes[0].hands.regions.find(at)", [x + 9, y - 12])
        assert (found["i"], found["part"]) == (i, "whole")


def test_a_region_of_nothing_says_so(page: Any, asker: Any) -> None:
    image = asker.opened()["id"]
    away = {"kind": "rectangle", "corners": [[-3000, -3000], [-1000, -1000]]}
    asker.ask("PUT", f"images/{image}/regions", {"regions": [away]})
    until(page, "caml.active.image.regions.length === 1")
    analyse(page)
    assert page.inner_text(".found .of >> nth=0") == "no localization lies in the region"
    asker.ask("DELETE", f"runs/{page.evaluate('caml.active.run.id')}")


def test_quick_changes_are_all_kept(page: Any, asker: Any) -> None:
    # Before the server has told of one, the next is made.
    page.evaluate(
        "for (let i = 1; i <= 5; i += 1) { caml.drawn.change(caml.panes[0], i % 2, i % 2 ? "
        "[[500, 2500], [2000 + i, 2500], [1500, 3500]] : [[500, 500], [2500 + i, 2000]]); }"
    )
    assert page.evaluate("caml.active.image.regions[0].corners[1][0]") == 2504
    state = asker.until(
        lambda state: state["images"][0]["regions"][1]["corners"][1] == [2005, 2500]
    )
    assert state["images"][0]["regions"][0]["corners"][1] == [2504, 2000]


def test_an_analysis_keeps_the_regions_it_was_made_of(page: Any, asker: Any) -> None:
    analyse(page)
    (run, *_) = (one["id"] for one in reversed(asker.state()["runs"]))
    command = asker.ask("GET", f"runs/{run}/words")["command"]
    drag(page, place(page, 2500, 2000), place(page, 3000, 1500))
    corners(asker, 0, RECTANGLE["corners"])
    assert asker.ask("GET", f"runs/{run}/words")["command"] == command
    asker.ask("DELETE", f"runs/{run}")


def test_regions_of_the_analysis_that_is_shown_are_told_from_those_of_today(
    page: Any, asker: Any
) -> None:
    image = asker.opened()["id"]
    against = "caml.panes[0].hands.regions.against()"
    assert page.evaluate(against) == {"isOther": [False, False], "gone": []}
    analyse(page)
    assert page.evaluate(against) == {"isOther": [False, False], "gone": []}
    assert "dashed" not in page.inner_text("#region-hint")
    # Another today: what was analysed stays in sight, and what was not is dashed.
    other = {"kind": "rectangle", "corners": [[500, 500], [3000, 1500]]}
    asker.ask("PUT", f"images/{image}/regions", {"regions": [other, POLYGON]})
    until(page, "caml.active.image.regions[0].corners[1][0] === 3000")
    found = page.evaluate(against)
    assert found["isOther"] == [True, False]
    (ring,) = found["gone"]
    assert sorted(ring) == [[500, 500], [500, 2000], [2500, 500], [2500, 2000]]
    assert "dashed" in page.inner_text("#region-hint")
    # Without an analysis all are as drawn.
    page.evaluate("caml.choose(caml.active, caml.active.image.id, null)")
    assert page.evaluate(against) == {"isOther": [False, False], "gone": []}
    for run in asker.state()["runs"]:
        asker.ask("DELETE", f"runs/{run['id']}")


def test_the_file_of_regions_is_told_of_until_it_is_written(page: Any, asker: Any) -> None:
    analyse(page)
    run = page.evaluate("caml.active.run.id")
    for is_saved in (False, True):
        page.click("#command")
        page.wait_for_selector("dialog")
        assert ("is written when" in page.inner_text("dialog")) is not is_saved
        page.keyboard.press("Escape")
        asker.ask("POST", f"runs/{run}/save", {"name": "told"})
        until(page, "Boolean(caml.active.run.saved)")
    asker.ask("DELETE", f"runs/{run}")


def test_what_regions_of_a_file_lose_is_told(page: Any, asker: Any, tmp_path: Path) -> None:
    square, hole, far = (
        [[a, a], [b, a], [b, b], [a, b], [a, a]] for a, b in ((0, 1000), (200, 400), (2000, 3000))
    )
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": geometry}
        for name, geometry in (
            ("cell, A", {"type": "Polygon", "coordinates": [square, hole]}),
            ("two", {"type": "MultiPolygon", "coordinates": [[square], [far]]}),
        )
    ]
    path = tmp_path / "drawn.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    page.set_input_files("#region-file", str(path))
    page.wait_for_selector(".message")
    assert page.locator(".message span").inner_text() == (
        "drawn.geojson: a region has no holes here: those of cell, A were filled; a region has "
        "one part here: two has 2 parts, which are regions of their own; a name has no commas "
        "here: cell, A has semicolons instead."
    )
    until(page, "caml.active.image.regions.length === 5")
    names = [one["name"] for one in asker.state()["images"][0]["regions"][2:]]
    assert names == ["cell; A", "two", "two"]


def test_a_rectangle_is_typed_and_changed_by_the_keyboard_alone(
    asker: Any, open_page: Callable[..., Any]
) -> None:
    page = open_page(asker)
    page.focus("#draw-rectangle")
    page.keyboard.press("Enter")
    page.focus("#type-rectangle")
    page.keyboard.press("Enter")
    for number in ("0.5", "0.4", "3", "3.5"):
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type(number)
        page.keyboard.press("Tab")
    page.focus("dialog .primary")
    page.keyboard.press("Enter")
    until(page, "caml.active.image.regions.length === 1")
    (region,) = asker.until(lambda state: state["images"][0]["regions"])["images"][0]["regions"]
    assert region["name"] == "500,400,3000,3500"
    until(page, "document.querySelector('#regions .area').textContent === '7.75 µm²'")
    until(page, "!document.querySelector('dialog')")
    assert page.get_attribute("#draw-rectangle", "aria-pressed") == "false"
    # Its numbers can be changed; what is no rectangle is told.
    page.focus("#regions button.name")
    page.keyboard.press("Enter")
    assert page.input_value("#rectangle-right") == "3"
    page.fill("#rectangle-right", "0.2")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('dialog .bad').textContent.includes('right of the left')")
    page.fill("#rectangle-right", "2")
    page.keyboard.press("Enter")
    until(page, "!document.querySelector('dialog')")
    asker.until(lambda state: state["images"][0]["regions"][0]["name"] == "500,400,2000,3500")
    page.focus("[aria-label='Remove region 1']")
    page.keyboard.press("Enter")
    until(page, "caml.active.image.regions.length === 0")
    asker.until(lambda state: not state["images"][0]["regions"])


def test_two_fingers_zoom_around_themselves(asker: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(asker, has_touch=True)
    device = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    scale = page.evaluate("caml.panes[0].view.scale")
    x, y = place(page, 1500, 1500)
    touch("touchStart", (x - 40, y))
    touch("touchStart", (x - 40, y), (x + 40, y))
    for step in range(1, 6):
        touch("touchMove", (x - 40 - 8 * step, y), (x + 40 + 8 * step, y))
    # The image, not the page, is twice as large, and the place between them is where it was.
    until(page, f"Math.abs(caml.panes[0].view.scale / {scale} - 0.5) < 0.02")
    assert place(page, 1500, 1500) == pytest.approx((x, y), abs=2)
    assert page.evaluate("visualViewport.scale") == 1
    # Both moved: it moves with them. The finger that is left does nothing, and chooses nothing.
    touch("touchMove", (x - 50, y + 30), (x + 110, y + 30))
    until(
        page,
        "caml.panes[0].hands.fingers.get([...caml.panes[0].hands.fingers.keys()][0])[1] "
        f"> {y} + 29 - caml.panes[0].canvas.getBoundingClientRect().top",
    )
    until(page, "new Set([...caml.panes[0].hands.fingers.values()].map(([, y]) => y)).size === 1")
    assert page.evaluate("caml.panes[0].view.scale") == pytest.approx(scale / 2, rel=0.03)
    assert place(page, 1500, 1500) == pytest.approx((x + 30, y + 30), abs=3)
    touch("touchEnd", (x - 50, y + 30))
    centre = page.evaluate("caml.panes[0].view.centre")
    touch("touchMove", (x + 90, y + 90))
    touch("touchEnd")
    assert page.evaluate("caml.panes[0].view.centre") == centre
    # One finger moves it again.
    touch("touchStart", (x, y))
    touch("touchMove", (x + 20, y))
    touch("touchMove", (x + 40, y))
    touch("touchEnd")
    until(page, f"caml.panes[0].view.centre[0] < {centre[0]} - 1")


def test_a_pinch_on_a_trackpad_zooms_the_image(asker: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(asker)
    scale = page.evaluate("caml.panes[0].view.scale")
    at = place(page, 3000, 1000)
    page.mouse.move(*at)
    # As browsers send it: a wheel in small steps, with Ctrl.
    prevented = page.evaluate(
        "([x, y]) => Array.from({ length: 20 }, () => { const event = new WheelEvent('wheel', "
        "{ deltaY: -2.5, ctrlKey: true, clientX: x, clientY: y, cancelable: true, bubbles: true });"
        " caml.panes[0].canvas.dispatchEvent(event); return event.defaultPrevented; })",
        list(at),
    )
    assert all(prevented)
    assert page.evaluate("caml.panes[0].view.scale") == pytest.approx(scale / 1.6487, rel=1e-3)
    assert place(page, 3000, 1000) == pytest.approx(at, abs=1)
