"""Draw docs/performance.png from the tables of docs/performance.md.

python benchmarks/plot_performance.py
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DOCS = Path(__file__).resolve().parents[1] / "docs"
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#555555")


def tables(text: str) -> list[list[list[str]]]:
    """Take the tables out of a page: rows of cells, the header first."""
    found = []
    for block in re.findall(r"((?:^\|.*\n)+)", text, re.MULTILINE):
        rows = [
            [cell.strip() for cell in line.strip("|\n").split("|")] for line in block.split("\n")
        ]
        found.append([row for row in rows if row != [""] and not set(row[0]) <= {"-", ":"}])
    return found


def number(cell: str) -> float:
    """Read the number with which a cell begins; NaN where there is none."""
    found = re.match(r"[\d.,]+", cell)
    return float(found[0].replace(",", "")) if found else float("nan")


def main() -> None:
    pages = {table[0][1]: table for table in tables((DOCS / "performance.md").read_text())}
    neighbours, commands = pages["per µm²"], pages["caml classify"]
    mpl.rcParams.update({"font.size": 9, "svg.fonttype": "none"})
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for k, style in (("100", "-"), ("1000", "--")):
        rows = [row for row in neighbours[1:] if row[1] == "50" and row[2] == k]
        for name, colour in zip(neighbours[0][3:], COLOURS, strict=False):
            column = neighbours[0].index(name)
            left.plot(
                [number(row[0]) for row in rows],
                [number(row[column]) for row in rows],
                style,
                color=colour,
                marker="o",
                markersize=3,
                label=f"{name}" if k == "100" else None,
            )
    left.set(
        title="Nearest neighbours: 100 (lines) and 1000 (dashes)", ylabel="µs per localization"
    )
    for name, colour in zip(commands[0][1:5], COLOURS, strict=False):
        column = commands[0].index(name)
        right.plot(
            [number(row[0]) for row in commands[1:]],
            [number(row[column]) for row in commands[1:]],
            color=colour,
            marker="o",
            markersize=3,
            label=name,
        )
    right.set(title="From file to file", ylabel="seconds")
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", xlabel="localizations")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=8, frameon=False
        )
    figure.savefig(DOCS / "performance.png", dpi=150)


if __name__ == "__main__":
    main()
