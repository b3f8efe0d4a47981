"""Figures of recordings: how the sample drifted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from caml.plot.colours import KINDS
from caml.prepare import Drift

__all__ = ["drift", "save_drift"]


def drift(ax: Axes, found: Drift) -> Axes:
    """Draw how far the sample moved, over the frames.

    Parameters
    ----------
    ax : Axes
        Where.
    found : Drift
        The drift: a line for x and one for y, and what was measured of each bin with its standard
        deviation.

    Returns
    -------
    Axes
        The same.
    """
    for axis, name in enumerate("xy"):
        colour = KINDS[axis]
        ax.plot(found.frame, found.shift_nm[:, axis], color=colour, label=name)
        ax.errorbar(
            found.bin_frame,
            found.bin_shift_nm[:, axis],
            yerr=np.full(len(found.bin_frame), found.precision_nm),
            linestyle="none",
            marker="o",
            markersize=4,
            capsize=3,
            color=colour,
        )
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set_xlabel("frame")
    ax.set_ylabel("drift since the first frame (nm)")
    ax.set_title(f"bins repeat to {found.precision_nm:.1f} nm", loc="left")
    ax.legend(frameon=False)
    return ax


def save_drift(found: Drift, path: Path) -> None:
    """Write a picture of a drift; see `drift`.

    Parameters
    ----------
    found : Drift
        The drift.
    path : Path
        The PNG to write.
    """
    figure = Figure(figsize=(7, 4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    drift(figure.subplots(), found)
    figure.savefig(path, format="png")
