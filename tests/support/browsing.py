"""What a person does with the page of `caml app` in Chromium."""

import importlib.util
import shutil
import time
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or importlib.util.find_spec("playwright") is None,
    reason="needs Chromium (Debian: chromium) and Playwright for Python",
)

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def until(page: Any, expression: str, timeout_s: float = 60.0) -> None:
    # The page's policy allows no code from text, which Playwright's own waiting needs.
    end = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"it never was: {expression}"
        time.sleep(0.03)


def analyse(page: Any) -> None:
    page.select_option("#method", "dbscan")
    page.locator("#parameters-box").evaluate("box => { box.open = true; }")
    page.fill("#parameter-eps_nm", "30")
    page.fill("#parameter-min_samples", "5")
    before = page.evaluate("caml.panes[0].run?.id ?? ''")
    page.click("#run")
    until(page, f"caml.panes[0].run && caml.panes[0].run.id !== '{before}'")
    until(page, "Boolean(caml.panes[0].view.clusters)")


def place(page: Any, x: float, y: float) -> tuple[float, float]:
    """Tell where a place of the image, nm, is in the window."""
    left, top = page.evaluate(
        "([x, y]) => { const { view } = caml.panes[0]; const box = "
        "view.canvas.getBoundingClientRect(); const [a, b] = view.toScreen(x, y); "
        "return [box.left + a, box.top + b]; }",
        [x, y],
    )
    return left, top


def drag(page: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()
