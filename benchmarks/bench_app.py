"""How long a person waits in the page of `caml app`, in a real Chromium.

    python benchmarks/bench_app.py                 # five million simulated localizations
    python benchmarks/bench_app.py cell.parquet    # a table of one's own

Starts the command, opens its page in a window of 1280 × 800, drags the image, analyses it with the
default network, and looks at the memory of the server and of what works for it. Needs the extra
`app`, Playwright for Python and Chromium. Writes its table into docs/app.md, but for a table of
one's own. The first analysis ever compiles: run it twice.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from playwright.sync_api import sync_playwright

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
N, N_CLUSTERS, SIDE_NM = 5_000_000, 60_000, 110_000
MARKS = ("<!-- bench_app -->\n", "<!-- end -->\n")


def image(path: Path) -> None:
    """Write a table, half of its localizations in discs of 15 to 50 nm radius."""
    rng = np.random.default_rng(1)
    centres = rng.uniform(0, SIDE_NM, (N_CLUSTERS, 2))
    radii = rng.uniform(15, 50, N_CLUSTERS)
    of = np.repeat(np.arange(N_CLUSTERS), rng.poisson(N / 2 / N_CLUSTERS, N_CLUSTERS))
    angle = rng.uniform(0, 2 * np.pi, len(of))
    away = (radii[of] * np.sqrt(rng.uniform(size=len(of))))[:, None]
    inside = centres[of] + away * np.column_stack((np.cos(angle), np.sin(angle)))
    positions = np.vstack([inside, rng.uniform(0, SIDE_NM, (N - len(of), 2))])
    rng.shuffle(positions)
    pd.DataFrame(positions, columns=["x [nm]", "y [nm]"]).to_parquet(path)


def until(page: Any, expression: str, timeout_s: float = 900.0) -> float:
    """Wait until something is so in the page; return the seconds it took."""
    start = time.perf_counter()
    while not page.evaluate(expression):
        if time.perf_counter() - start > timeout_s:
            raise TimeoutError(expression)
        time.sleep(0.02)
    return time.perf_counter() - start


def drag(page: Any) -> tuple[float, float]:
    """Drag the image about; return the median seconds of a picture, and frames a second."""
    page.evaluate(
        "caml.panes[0].view.redrawMs.length = 0; const begin = !window.frames_;"
        "window.frames_ = []; if (begin) requestAnimationFrame(function next(t) "
        "{ window.frames_.push(t); requestAnimationFrame(next); })"
    )
    page.mouse.move(600, 400)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(600 + 4 * step * (1 if step % 20 < 10 else -1), 400 + 2 * step)
    page.mouse.up()
    page.wait_for_timeout(600)
    pictures = page.evaluate("[...caml.panes[0].view.redrawMs]")
    frames = np.diff(page.evaluate("window.frames_"))
    return float(np.median(pictures)) / 1000, 1000 / float(np.median(frames))


def zoom_in(page: Any) -> None:
    """Look at about 5 µm of a hundred."""
    page.mouse.move(600, 400)
    for _ in range(8):
        page.mouse.wheel(0, -240)
        page.wait_for_timeout(30)
    page.wait_for_timeout(800)


def measured(table: Path, out: Path) -> list[tuple[str, str]]:
    """Do what a person does, and return what it took."""
    command = [sys.executable, "-c", "from caml.cli import main; main()", "app", str(table)]
    server = subprocess.Popen(
        [*command, "--no-browser", "--out", str(out)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        address = server.stdout.readline().partition(": ")[2].strip()
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=ARGUMENTS
            )
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            start = time.perf_counter()
            page.goto(address)
            until(page, "caml.panes[0].view.drawnCount > 0")
            first = time.perf_counter() - start
            page.wait_for_timeout(1500)
            whole, frames = drag(page)
            zoom_in(page)
            near, _ = drag(page)
            page.evaluate("caml.panes[0].view.fit()")
            page.click("#run")
            analysis = until(page, "caml.state.runs[0]?.state == 'done'")
            shown = until(page, "Boolean(caml.panes[0].view.clusters)")
            n = page.evaluate("caml.panes[0].view.clusters.n")
            page.wait_for_timeout(1500)
            labels, _ = drag(page)
            zoom_in(page)
            labels_near, _ = drag(page)
            family = [psutil.Process(server.pid)]
            family += family[0].children(recursive=True)
            memory = sorted((one.memory_info().rss / 1e9 for one in family), reverse=True)
            chromium.close()
    finally:
        server.terminate()
        server.wait(30)
    return [
        ("from the address to the first picture, reading included", f"{first:.1f} s"),
        ("a picture anew while moving, all of it in sight", f"{whole:.2f} s"),
        ("the same, a small part in sight", f"{near:.2f} s"),
        ("frames while dragging", f"{frames:.0f} a second"),
        ("analysis by the default network", f"{analysis:.0f} s"),
        (f"from its end to {n:,} outlines in the page", f"{shown:.1f} s"),
        ("labels and outlines anew, all in sight", f"{labels:.2f} s"),
        ("the same, a small part in sight", f"{labels_near:.2f} s"),
        ("memory of the server's processes, GB", ", ".join(f"{one:.1f}" for one in memory[:2])),
    ]


def main() -> None:
    """Measure, print and write the table."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "five_million.parquet"
        if len(sys.argv) > 1:
            table = Path(sys.argv[1])
        else:
            image(table)
        rows = measured(table, Path(folder) / "out")
    lines = [("", ""), ("---", "---"), *rows]
    text = "\n".join(f"| {what} | {took} |" for what, took in lines) + "\n"
    print(text)
    page = Path(__file__).resolve().parents[1] / "docs" / "app.md"
    before, mark, rest = page.read_text("utf-8").partition(MARKS[0])
    if len(sys.argv) == 1 and mark:
        page.write_text(before + mark + text + MARKS[1] + rest.partition(MARKS[1])[2], "utf-8")


if __name__ == "__main__":
    main()
