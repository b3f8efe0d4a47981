"""Supplementary Fig. 2: lines and rings among unevenly spread localizations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from accuracy import Size
from contestants import Contestant, contestants, network
from labels import cell
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from store import Item, Store

import caml
from caml import plot
from caml.simulate import Scenario

__all__ = ["lines"]

CELL = (
    Scenario(
        density=60, n_per_cluster=300, percent_clustered=30, radius_nm=15, shape="fibre",
        fibre_length_nm=3_000, uneven_background=0.9,
    ),
    Scenario(
        density=60, n_per_cluster=60, percent_clustered=30, radius_nm=150, shape="ring",
        inner_radius_nm=120, uneven_background=0.9,
    ),
)  # fmt: skip
HALF_NM = 3_000
MIDDLE_NM = 20_000


def lines(store: Store, size: Size, pictures: Path) -> str:
    """Label lines and rings, draw a part, and count what is right for each."""
    networks = contestants("XPILJZ", "07VEJJ", "SHB8HY", "LOGNM1")
    if size.quick:
        networks = networks[:2]
    replicates = min(size.replicates, 3)
    items = [Item(str(number), (number,)) for number in range(replicates)]
    results = store.measure_networks("lines", items, networks, look)
    table = [
        "| network | lines | rings | not clustered | balanced over the three |",
        "|---|---|---|---|---|",
    ]
    for one in networks:
        values = np.array([results[item.key][one.name] for item in items])
        cells = [f"{value:.3f}" for value in (*values.mean(axis=0), values.mean())]
        table.append(f"| {one.name} | " + " | ".join(cells) + " |")
    _draw(networks, pictures / "lines_and_rings.png")
    return "\n".join(table) + "\n\n![Lines and rings](results/lines_and_rings.png)\n"


def look(replicate: int, networks: tuple[Contestant, ...]) -> dict[str, list[float]]:
    """Return the shares of lines, rings and unclustered localizations that are rightly labelled."""
    simulation = cell(CELL, replicate)
    label = simulation.true_label
    found = {}
    for one in networks:
        called = caml.classify(simulation.localizations, network(one.file)).label > 0
        right = (called[label == 2], called[label == 1], ~called[label == 0])
        found[one.name] = [round(float(part.mean()), 5) for part in right]
    return found


def _draw(networks: tuple[Contestant, ...], path: Path) -> None:
    simulation = cell(CELL, 0)
    positions = simulation.localizations.positions
    inside = (np.abs(positions - MIDDLE_NM) < HALF_NM).all(axis=1)
    figure = Figure(figsize=(4 * (1 + len(networks)), 4.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 1 + len(networks))
    shown = [("truth", simulation.true_label)]
    shown += [
        (one.name, caml.classify(simulation.localizations, network(one.file)).label)
        for one in networks
    ]
    for ax, (name, label) in zip(axes, shown, strict=True):
        plot.localizations(ax, positions[inside], label[inside], size=2.5)
        ax.set_title(name, loc="left", fontsize=9)
        ax.set_xlim(MIDDLE_NM - HALF_NM, MIDDLE_NM + HALF_NM)
        ax.set_ylim(MIDDLE_NM + HALF_NM, MIDDLE_NM - HALF_NM)
        ax.set_aspect("equal")
        ax.set_xticks([])
        ax.set_yticks([])
        plot.scale_bar(ax)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")
