"""What the page asks about a table in Chromium: what it proposes, and when it asks."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from browsing import needs_chromium, until

pytest.importorskip("starlette", reason="needs the extra app")
pytestmark = needs_chromium

Serve = Callable[..., AbstractContextManager[Any]]
ROLES = ("x", "y", "z", "frame", "channel", "uncertainty")
ELYRA = (
    "Index\tFirst Frame\tNumber Frames\tFrames Missing\tPosition X [nm]\tPosition Y [nm]"
    "\tPrecision [nm]\tNumber Photons\tBackground variance\tChi square\tPSF half width [nm]"
    "\tChannel\tZ Slice"
)


@pytest.fixture
def elyra(tmp_path: Path) -> Path:
    """Write a table as ZEISS's Elyra does."""
    path = tmp_path / "elyra.txt"
    xy = np.random.default_rng(1).uniform(0, 4000, (200, 2)).round(1)
    rows = (
        f"{i}\t{i}\t1\t0\t{x}\t{y}\t8.6\t472\t5.3\t0.3\t110\t1\t1" for i, (x, y) in enumerate(xy)
    )
    path.write_text("\n".join((ELYRA, *rows)) + "\n")
    return path


def chosen(page: Any) -> dict[str, str]:
    """Tell which column is proposed for each role."""
    return {
        role: page.locator(f"#column-{role}").evaluate("one => one.selectedOptions[0].text")
        for role in ROLES
    }


def test_columns_are_proposed_where_their_names_say_so(
    serve: Serve, tmp_path: Path, elyra: Path, open_page: Callable[..., Any]
) -> None:
    with serve(elyra, out=tmp_path / "out") as asker:
        page = open_page(asker, is_open=False)
        page.wait_for_selector("dialog select")
        assert chosen(page) == {
            "x": "Position X [nm]", "y": "Position Y [nm]", "z": "none", "frame": "First Frame",
            "channel": "Channel", "uncertainty": "Precision [nm]",
        }  # fmt: skip
        page.press("#pixel-size", "Enter")
        until(page, "caml.panes[0].view.drawnCount > 0")
        image = asker.opened()
        assert image["n_localizations"] == 200
        assert 0 <= image["box"][2] - image["box"][0] < 4300


def test_nothing_is_proposed_where_no_name_says_so_and_nothing_sent_without_x_and_y(
    serve: Serve, tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("Index,x precision [nm],across_px,down_px,Z Slice\n1,8,1,2,1\n2,8,30,40,1\n")
    with serve(path, out=tmp_path / "out") as asker:
        page = open_page(asker, is_open=False)
        page.wait_for_selector("dialog select")
        none = dict.fromkeys(ROLES, "none") | {"x": "choose …", "y": "choose …"}
        assert chosen(page) == none | {"uncertainty": "x precision [nm]"}
        page.focus("dialog .primary")
        page.keyboard.press("Enter")
        page.select_option("#column-x", "across_px")
        page.press("#pixel-size", "Enter")
        page.wait_for_timeout(200)
        assert asker.state()["images"][0]["state"] == "asks"
        assert page.locator("dialog").count() == 1
        # A unit that a name says is taken with it.
        assert page.input_value("#unit-x") == "px"
        page.select_option("#column-y", "down_px")
        page.fill("#pixel-size", "100")
        page.click("dialog .primary")
        until(page, "caml.panes[0].view.drawnCount > 0")
        (low, _, high, _) = asker.opened()["box"]
        assert 2900 <= high - low < 3200


def test_a_question_that_was_dismissed_stays_at_its_button(
    serve: Serve, tmp_path: Path, elyra: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    with serve(elyra, cell, out=tmp_path / "out") as asker:
        page = open_page(asker, is_open=False)
        page.wait_for_selector("dialog select")
        page.keyboard.press("Escape")
        until(page, "!document.querySelector('dialog')")
        # Neither a reload nor another tab, of the same browser, asks again.
        page.reload()
        until(page, "window.caml?.state.images.length === 1")
        with page.expect_popup() as popup:
            page.evaluate("void window.open(location.href, '_blank')")
        other = popup.value
        until(other, "window.caml?.state.images.length === 1")
        for one in (page, other):
            one.wait_for_timeout(100)
            assert one.locator("dialog").count() == 0
        # What another tab opens is asked about there, and over nothing else.
        odd = tmp_path / "odd.csv"
        odd.write_text("across,down\n1,2\n30,40\n")
        page.set_input_files("#choose", str(odd))
        page.wait_for_selector("dialog select")
        until(other, "caml.state.images.length === 2 && caml.state.images[1].state === 'asks'")
        other.wait_for_timeout(100)
        assert other.locator("dialog").count() == 0
        other.click("#images .small >> nth=0")
        other.wait_for_selector("dialog #column-z")
        other.close()
