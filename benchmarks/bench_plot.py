"""Seconds to draw images, beside Matplotlib's scatter and NumPy's histogram.

    python benchmarks/bench_plot.py              # a hundred thousand and a million localizations
    python benchmarks/bench_plot.py --quick      # ten thousand

Writes its table into docs/figures.md, but for --quick.
"""

from __future__ import annotations

import io
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import caml
from caml import plot
from caml.report import report
from caml.simulate import Scenario, simulate

SIZES = (100_000, 1_000_000)
MARK = "<!-- bench_plot -->\n"
PIXELS = (800, 800)


def best(work: Callable[[], object]) -> float:
    """Return the shortest of three runs, seconds; of one where it takes more than ten."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
        if seconds[-1] > 10:
            break
    return min(seconds)


def scatter(positions: np.ndarray, cluster: np.ndarray) -> None:
    """Draw what `overview` draws by Matplotlib alone."""
    figure = Figure(figsize=(7.6, 7.2), dpi=150)
    FigureCanvasAgg(figure)
    figure.subplots().scatter(*positions.T, c=cluster >= 0, s=1, linewidths=0)
    figure.savefig(io.BytesIO())


def row(n: int) -> list[str]:
    """Measure an image of so many localizations."""
    side = float(np.sqrt(n / 100))
    scenario = Scenario(
        density=100, n_per_cluster=20, radius_nm=50, percent_clustered=50,
        field_um=max(4 * side, 8.0), crop_um=side,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = caml.analyse(simulate(scenario, seed=1).localizations)
    positions, cluster = analysis.localizations.positions, analysis.segmentation.cluster
    low, high = positions.min(axis=0), positions.max(axis=0)
    box = (*low.tolist(), *high.tolist())
    ends = [np.linspace(low[axis], high[axis], PIXELS[0] + 1) for axis in (1, 0)]
    plot.pixel_counts(positions[:10], box, PIXELS)  # compiles
    page = report(analysis)
    measured = [
        best(lambda: plot.density_rgba(plot.pixel_counts(positions, box, PIXELS)[0])),
        best(lambda: np.histogram2d(positions[:, 1], positions[:, 0], bins=ends)),
        best(lambda: plot.overview(analysis).savefig(io.BytesIO())),
        best(lambda: scatter(positions, cluster)),
        best(lambda: report(analysis)),
    ]
    return [f"{len(positions):,}", *(f"{one:.2g}" for one in measured), f"{len(page) / 1e6:.1f}"]


def main() -> None:
    """Measure, print and write the table."""
    header = [
        "localizations", "800 × 800 pixels", "NumPy's histogram2d", "overview.png",
        "Matplotlib's scatter", "report.html", "its size, MB",
    ]  # fmt: skip
    is_quick = "--quick" in sys.argv
    lines = [header, ["---:"] * len(header)]
    lines += [row(n) for n in ((10_000,) if is_quick else SIZES)]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    print(table)
    page = Path(__file__).resolve().parents[1] / "docs" / "figures.md"
    if not is_quick:
        text = page.read_text("utf-8")
        page.write_text(text[: text.index(MARK) + len(MARK)] + table, "utf-8")


if __name__ == "__main__":
    main()
