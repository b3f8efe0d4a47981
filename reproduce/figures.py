"""Heat maps of accuracy over share clustered and radius, as in Fig. 3 of the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["heat_maps"]

STEPS = (5, *range(10, 101, 10))
PAIRS = ((100, 20), (500, 80), (300, 100), (50, 10))


def heat_maps(found: dict[str, Any], path: Path, quantity: str) -> None:
    """Draw a map for each network and each pair of density and cluster size.

    Parameters
    ----------
    found : dict
        Of each network, each scenario's values.
    path : Path
        The PNG to write.
    quantity : str
        Which of the values.
    """
    networks = [name for name, scenarios in found.items() if scenarios]
    if not networks:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(
        figsize=(2.6 * len(PAIRS) + 1.2, 2.5 * len(networks) + 0.6), dpi=110, layout="constrained"
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(networks), len(PAIRS), squeeze=False, sharex=True, sharey=True)
    image = None
    for row, name in enumerate(networks):
        for column, (density, n) in enumerate(PAIRS):
            values = np.full((len(STEPS), len(STEPS)), np.nan)
            for i, percent in enumerate(STEPS):
                for j, radius in enumerate(STEPS):
                    one = found[name].get(f"{density}/{n}/{percent}/{radius}")
                    if one and quantity in one:
                        values[i, j] = np.mean(one[quantity])
            ax = axes[row, column]
            image = ax.imshow(values, origin="lower", cmap="viridis", vmin=0.5, vmax=1)
            ticks = range(0, len(STEPS), 2)
            ax.set_xticks(ticks, [str(STEPS[i]) for i in ticks], fontsize=7)
            ax.set_yticks(ticks, [str(STEPS[i]) for i in ticks], fontsize=7)
            if row == 0:
                ax.set_title(f"{density}/µm², {n} per cluster", fontsize=8)
            if row == len(networks) - 1:
                ax.set_xlabel("radius, nm", fontsize=8)
            if column == 0:
                ax.set_ylabel(f"{name}\n% clustered", fontsize=8)
            if np.isfinite(values).any():
                label = f"mean {np.nanmean(values):.3f}"
                box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5}
                ax.text(0.97, 0.04, label, ha="right", transform=ax.transAxes, fontsize=7, bbox=box)
    words = {"accuracy": "accuracy", "auto_balanced": "balanced accuracy, default prior"}
    figure.colorbar(image, ax=axes, shrink=0.6, label=words.get(quantity, quantity))
    figure.savefig(path, format="png")
