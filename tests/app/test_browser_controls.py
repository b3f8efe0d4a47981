"""The smaller controls of the page in Chromium: what they do, and that they say what they refuse."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

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


def test_another_image_closes_the_display(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes(cell.read_bytes())
    with serve(cell, other, out=tmp_path / "out") as asker:
        page = open_page(asker)
        page.locator("#listed").evaluate("one => { one.open = true; }")
        page.click(".look")
        page.evaluate("caml.left.open(caml.state.files[1])")
        until(page, "caml.panes[0].image?.name === 'other.csv'")
        assert not page.locator(".popover").is_visible()
