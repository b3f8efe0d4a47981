"""Figures of how localizations are spread: statistics over the radius, with what chance gives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from caml.plot.colours import KINDS, NOT_CLUSTERED
from caml.spatial import RadialFunction, Survey

__all__ = ["radial_function", "save_surveys", "surveys"]

# What each statistic is called on an axis.
LABELS = {
    "K": "K(r)  (nm², in 3D nm³)",
    "L": "L(r)  (nm)",
    "L-r": "L(r) − r  (nm)",
    "g": "pair correlation g(r)",
    "G": "nearest neighbour within r, G(r)",
    "K_AB": "cross K(r)  (nm², in 3D nm³)",
    "g_AB": "cross pair correlation g(r)",
}
# Higher than this over most of the envelope, a curve is drawn on a logarithmic scale.
STEEP = 30


def radial_function(
    ax: Axes, function: RadialFunction, *, color: str = KINDS[0], label: str = "measured"
) -> Axes:
    """Draw a statistic over the radius, with the envelope of simulations and the expectation.

    Parameters
    ----------
    ax : Axes
        Where.
    function : RadialFunction
        What was measured.
    color : str, optional
        Of its line.
    label : str, default "measured"
        What it is called in a legend.

    Returns
    -------
    Axes
        The same.
    """
    radius = function.radius_nm
    if function.has_envelope:
        ax.fill_between(
            radius,
            function.low,
            function.high,
            color=NOT_CLUSTERED,
            alpha=0.4,
            linewidth=0,
            label=f"{function.n_simulations} simulations",
        )
    ax.plot(radius, function.theory, color="#1a1a1a", linewidth=0.9, linestyle="--",
            label="expected")  # fmt: skip
    ax.plot(radius, function.value, color=color, linewidth=1.6, label=label)
    if function.name.startswith("g"):
        if function.value.max() > STEEP and function.value.min() > 0:
            ax.set_yscale("log")
        else:
            ax.set_ylim(bottom=0)
    elif function.name == "G":
        ax.set_ylim(0, 1.02)
    ax.set_xlim(0, radius[-1])
    ax.set_xlabel("r  (nm)")
    ax.set_ylabel(LABELS.get(function.name, function.name))
    if function.has_envelope:
        ax.set_title(f"P = {function.p_value:.2g}", loc="right", fontsize=9)
    return ax


def surveys(found: Sequence[Survey], *, name: str = "") -> Figure:
    """Draw how the localizations of some regions are spread, a row of panels each.

    Parameters
    ----------
    found : sequence of Survey
        What was measured.
    name : str, default ""
        What the image is called.

    Returns
    -------
    Figure
        L − r, g and G side by side.
    """
    figure = Figure(figsize=(12, 0.6 + 3.4 * len(found)), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(found), 3, squeeze=False)
    for row, one in zip(axes, found, strict=True):
        for ax, function in zip(row, one.functions, strict=True):
            radial_function(ax, function)
        where = one.region.name if one.region.name or len(found) == 1 else "region"
        title = f"{name}   {where}" if name and where else name or where
        # A line higher, for names are long and P stands on the right.
        row[0].set_title(f"{title}\n", loc="left", fontsize=9)
        row[1].set_title(
            f"{one.n_localizations:,} localizations in {_size(one)}",
            loc="left",
            fontsize=9,
        )
        row[2].set_title(f"Hopkins {one.hopkins.value:.3f}", loc="left", fontsize=9)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=3, frameon=False)
    return figure


def _size(one: Survey) -> str:
    """Say how large a region is; in 3D how large a volume."""
    area = one.region.area_um2
    if np.isfinite(one.depth_nm):
        return f"{area * one.depth_nm * 1e-3:,.4g} µm³"
    return f"{area:,.4g} µm²"


def save_surveys(found: Sequence[Survey], path: Path, *, name: str = "") -> None:
    """Write a picture of how localizations are spread; see `surveys`.

    Parameters
    ----------
    found : sequence of Survey
        What was measured.
    path : Path
        The PNG to write.
    name : str, default ""
        What the image is called.
    """
    surveys(found, name=name).savefig(path, format="png")
