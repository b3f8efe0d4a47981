"""The page without a mouse and without eyes: keys, what Chromium tells of it, and contrast."""

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from browsing import analyse, needs_chromium, until

pytest.importorskip("starlette", reason="needs the extra app")
pytestmark = needs_chromium

Serve = Callable[..., AbstractContextManager[Any]]

CONTROLS = {"button", "checkbox", "combobox", "slider", "spinbutton", "textbox", "link", "image",
            "DisclosureTriangle", "dialog"}  # fmt: skip
LANDMARKS = ["banner", "main", "complementary", "region", "complementary"]


def go_to(page: Any, selector: str) -> None:
    """Press Tab until something has the focus."""
    for _ in range(80):
        if page.evaluate("text => document.activeElement.matches(text)", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the focus never came to {selector}")


def test_everything_is_done_with_keys_alone(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    folder = tmp_path / "cells"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_bytes(cell.read_bytes())
    with serve(folder, out=tmp_path / "out") as asker:
        page = open_page(asker, is_open=False)
        until(page, "document.querySelector('#listed').open")
        go_to(page, "#files button")
        page.keyboard.press("Enter")
        until(page, "caml.panes[0].view.drawnCount > 0")
        assert "a.csv: 1,000 localizations." in page.inner_text("#news")
        go_to(page, "#draw-rectangle")
        page.keyboard.press("Enter")
        go_to(page, "#type-rectangle")
        page.keyboard.press("Enter")
        for number in ("0.2", "0.2", "3.8", "3.8"):
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.type(number)
            page.keyboard.press("Tab")
        go_to(page, "dialog .primary")
        page.keyboard.press("Enter")
        until(page, "!document.querySelector('dialog')")
        # The focus is where it can go on.
        until(page, "document.activeElement.id === 'draw-rectangle'")
        go_to(page, "#method")
        page.keyboard.type("dbscan")
        go_to(page, "#parameters-box summary")
        page.keyboard.press("Enter")
        for name, number in (("eps_nm", "30"), ("min_samples", "5")):
            go_to(page, f"#parameter-{name}")
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.type(number)
        go_to(page, "#run")
        page.keyboard.press("Enter")
        until(page, "Boolean(caml.panes[0].view.clusters)")
        (run,) = asker.state()["runs"]
        share = 100 * run["n_clustered"] / run["n_localizations"]
        news = page.inner_text("#news")
        assert news.startswith(f"{run['n_clusters']} clusters, {share:.1f}"[:-2])
        assert news.endswith("localizations clustered, by dbscan.")
        # The image, the layers, the table and its order.
        go_to(page, "canvas")
        scale = page.evaluate("caml.panes[0].view.scale")
        page.keyboard.press("+")
        assert page.evaluate("caml.panes[0].view.scale") < scale
        go_to(page, "[data-sort=area_nm2]")
        page.keyboard.press("Enter")
        go_to(page, ".table .body")
        page.keyboard.press("ArrowDown")
        areas = page.evaluate("Array.from(caml.panes[0].view.clusters.arrays.area_nm2)")
        chosen = page.evaluate("caml.panes[0].view.chosen")
        assert areas[chosen] == max(areas)
        assert f"cluster {chosen}; localizations" in page.inner_text("#news")
        go_to(page, "#save")
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")  # in haste: it is asked once
        page.wait_for_selector("dialog")
        page.wait_for_timeout(200)
        assert page.locator("dialog").count() == 1
        page.keyboard.press("Enter")
        until(page, "!document.querySelector('dialog')")
        assert (tmp_path / "out" / "a_dbscan" / "run.json").exists()
        until(page, "document.querySelector('#news').textContent.includes('Saved in ')")
        assert page.evaluate("document.activeElement.id") == "save"
        go_to(page, "#regions .x")
        page.keyboard.press("Enter")
        until(page, "caml.active.image.regions.length === 0")
        assert page.evaluate("document.activeElement.id") == "draw-rectangle"


def told(page: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Give what Chromium tells of the page to those who do not see it: role, name, properties."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    by_id = {one["nodeId"]: one for one in nodes}
    found: list[tuple[str, str, dict[str, Any]]] = []

    def walk(node: Any) -> None:
        if not node.get("ignored"):
            properties = {
                one["name"]: one["value"].get("value") for one in node.get("properties", [])
            }
            name = node.get("name", {}).get("value", "")
            found.append((node["role"]["value"], name, properties))
        for child in node.get("childIds", []):
            if child in by_id:
                walk(by_id[child])

    walk(nodes[0])
    return found


def nameless(nodes: list[tuple[str, str, dict[str, Any]]]) -> list[Any]:
    return [
        one
        for one in nodes
        if (one[0] in CONTROLS or one[2].get("focusable")) and not one[1].strip()
    ]


def test_what_is_told_of_the_page_without_eyes(asker: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(asker)
    analyse(page)
    page.click("[data-sort=area_nm2]")
    page.click(".look")
    page.fill("[aria-label='Area, nm², at least']", "abc")
    page.keyboard.press("Tab")
    nodes = told(page)
    assert nameless(nodes) == []
    levels = [properties["level"] for role, _, properties in nodes if role == "heading"]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert [role for role, _, _ in nodes if role in LANDMARKS] == LANDMARKS
    # The table is one, and tells by what it is sorted.
    assert ("table", "Clusters") in [one[:2] for one in nodes]
    heads = page.locator(".table [role=columnheader]")
    assert [one.get_attribute("aria-sort") for one in heads.all()] == [
        "none", "none", "descending", "none", "none",
    ]  # fmt: skip
    names = [name for role, name, _ in nodes if role == "columnheader"]
    assert "area, nm²" in names
    wrong = [one for one in nodes if one[0] == "textbox" and one[2].get("invalid") == "true"]
    assert [one[1] for one in wrong] == ["Area, nm², at least"]
    # The same of what is asked in dialogs.
    for button in ("#save", "#command"):
        page.click(button)
        page.wait_for_selector("dialog")
        nodes = told(page)
        assert nameless(nodes) == []
        assert "dialog" in [role for role, _, _ in nodes]
        page.keyboard.press("Escape")


CONTRASTS = """() => {
  const linear = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3]));
  const behind = (one) => {
    let colour = [255, 255, 255];
    const colours = [];
    for (let at = one; at; at = at.parentElement) {
      colours.unshift(getComputedStyle(at).backgroundColor);
    }
    for (const next of colours) colour = over(rgba(next), colour);
    return colour;
  };
  const texts = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility()
    && !one.closest(":disabled, option, [aria-disabled=true]")
    && (one.matches("input, select") || [...one.childNodes].some((child) =>
      child.nodeType === Node.TEXT_NODE && child.textContent.trim())));
  return texts.map((one) => {
    const ground = behind(one);
    const [high, low] = [light(over(rgba(getComputedStyle(one).color), ground)), light(ground)]
      .sort((a, b) => b - a);
    return [(high + 0.05) / (low + 0.05), one.textContent.trim().slice(0, 30), one.className];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out(asker: Any, open_page: Callable[..., Any], scheme: str) -> None:
    page = open_page(asker, color_scheme=scheme)
    analyse(page)
    page.evaluate(
        "caml.state.runs[0].message = 'It cannot be done.'; caml.state.images[0].warnings = ['A "
        "caution.']; caml.left.update(); caml.panes[0].openLook(true); "
        "document.querySelector('#ended').hidden = true"
    )
    page.fill("[aria-label='Area, nm², at least']", "abc")
    page.keyboard.press("Tab")
    page.click(".line >> nth=0")
    page.click("#draw-rectangle")
    page.hover("#drop")
    page.wait_for_timeout(300)
    for opens in (None, "#command", "#batch", "#save"):
        if opens:
            page.evaluate("selector => document.querySelector(selector).click()", opens)
            page.wait_for_selector("dialog")
        found = page.evaluate(CONTRASTS)
        assert len(found) > 40
        assert [one for one in found if one[0] < 4.5] == []
        if opens:
            page.keyboard.press("Escape")
    page.click("#draw-rectangle")
