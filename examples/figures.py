"""Draws the figures of docs/figures.md from a simulated cell.

python examples/figures.py          # into docs/figures/
python examples/figures.py FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

import caml
from caml import plot
from caml.simulate import Scenario, simulate

HERE = Path(__file__).resolve().parent
CELL = Scenario(
    density=150, n_per_cluster=30, radius_nm=60, percent_clustered=50, field_um=40, crop_um=8
)
SOLID = Scenario(
    density=400, n_per_cluster=60, radius_nm=60, crop_um=5, field_um=20, n_dimensions=3
)


def four_ways(analysis: caml.Analysis) -> Figure:
    """One part of an image by density, label, score and cluster."""
    x, y = analysis.localizations.positions.mean(axis=0)
    box = (x - 1500, y - 1500, x + 1500, y + 1500)
    with plot.style("light", font_pt=8):
        figure = Figure(figsize=(9.6, 2.7), layout="constrained")
        for ax, by in zip(
            figure.subplots(1, 4), ("density", "label", "score", "cluster"), strict=True
        ):
            plot.analysed(ax, analysis, box=box, by=by)
            ax.set_title(by, loc="left")
    return figure


def descriptors(analysis: caml.Analysis) -> Figure:
    """How descriptors are distributed, and how area and number go together."""
    clusters = analysis.description.clusters
    with plot.style("light", font_pt=8):
        figure = Figure(figsize=(9.6, 2.5), layout="constrained")
        axes = figure.subplots(1, 4)
        for ax, name in zip(
            axes, ("n_localizations", "area_nm2", "nearest_cluster_nm"), strict=False
        ):
            plot.descriptor_histogram(ax, clusters[name], name)
        plot.area_against_localizations(axes[3], clusters)
    return figure


def dark(analysis: caml.Analysis) -> Figure:
    """Draw the overview on a dark page."""
    return plot.overview(analysis, by="cluster", theme="dark")


def column(analysis: caml.Analysis) -> Figure:
    """Draw a figure of two columns of a journal."""
    return plot.overview(analysis, by="label", width_mm=183)


def in_3d(analysis: caml.Analysis) -> Figure:
    """Three sides of an image in 3D."""
    return plot.three_sides(analysis.localizations, analysis.segmentation.cluster, by="cluster")


def main() -> None:
    """Draw all figures."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "docs" / "figures"
    out.mkdir(parents=True, exist_ok=True)
    cell = caml.analyse(simulate(CELL, seed=1, name="cell").localizations)
    solid = caml.analyse(simulate(SOLID, seed=1, name="cell").localizations, model="GAXJPR")
    figures: dict[str, tuple[Callable[[caml.Analysis], Figure], caml.Analysis, float]] = {
        "four_ways": (four_ways, cell, 100),
        "descriptors": (descriptors, cell, 100),
        "dark": (dark, cell, 70),
        "column": (column, cell, 150),
        "in_3d": (in_3d, solid, 80),
    }
    for name, (draw, analysis, dpi) in figures.items():
        draw(analysis).savefig(out / f"{name}.png", dpi=dpi)
        print(out / f"{name}.png")


if __name__ == "__main__":
    main()
