"""Figures of clusters: how a descriptor is distributed, and how area and number go together."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from caml._arrays import FloatArray, IntArray
from caml.errors import InputError
from caml.plot.colours import KINDS
from caml.plot.style import ink

__all__ = [
    "Distribution",
    "area_against_localizations",
    "axis_name",
    "descriptor_histogram",
    "distribution",
    "in_short",
]

UNITS = {
    "_per_um2": " (µm⁻²)",
    "_per_um3": " (µm⁻³)",
    "_nm3": " (nm³)",
    "_nm2": " (nm²)",
    "_um2": " (µm²)",
    "_nm": " (nm)",
}
# Where the column's name alone would not say it.
NAMES = {
    "n_localizations": "localizations per cluster",
    "n_clusters": "clusters",
    "percent_clustered": "localizations clustered (%)",
    "density_per_um2": "density of clusters (µm⁻²)",
    "density_per_um3": "density of clusters (µm⁻³)",
    "image_density_per_um2": "localizations per µm²",
    "image_density_per_um3": "localizations per µm³",
    "image_area_um2": "area of the image (µm²)",
    "clusters_per_um2": "clusters per µm²",
    "nearest_cluster_nm": "distance to the nearest cluster (nm)",
    "frames_spanned": "frames from first to last",
    "score_mean": "mean score",
}

# A descriptor whose largest value is so many times its median is shown on a logarithmic axis.
SKEWED = 8.0
MOST_BARS = 40
# More clusters than this are drawn as hexagons.
MANY = 5_000


def axis_name(descriptor: str) -> str:
    """Say what a column of clusters or images holds, and in which unit.

    Parameters
    ----------
    descriptor : str
        The column.

    Returns
    -------
    str
        What an axis is called.

    Examples
    --------
    >>> axis_name("area_nm2")
    'area (nm²)'
    """
    if descriptor in NAMES:
        return NAMES[descriptor]
    unit = next((one for one in UNITS if descriptor.endswith(one)), "")
    plain = descriptor.removesuffix(unit).replace("_", " ")
    plain = re.sub(r"^n channel (.*)", r"localizations of channel \1", plain)
    return plain + UNITS.get(unit, "")


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """How a descriptor is distributed over clusters.

    Parameters
    ----------
    edges : ndarray of shape (n_bars + 1,)
        Where bars begin and end; each includes its lower edge, the last both.
    counts : ndarray of int of shape (n_bars,)
        How many clusters each holds.
    quartiles : tuple of float
        The first, the median and the third, interpolated linearly.
    is_log : bool
        Whether edges are evenly spaced on a logarithmic axis.
    """

    edges: FloatArray
    counts: IntArray
    quartiles: tuple[float, float, float]
    is_log: bool


def distribution(values: npt.ArrayLike) -> Distribution:
    """Count the clusters in the bars of a histogram.

    Parameters
    ----------
    values : array-like of shape (n_clusters,)
        A descriptor; what is not finite is left out.

    Returns
    -------
    Distribution
        Bars of the width of Freedman and Diaconis (1981), from 5 to 40 of them, on a logarithmic
        axis where the largest value is more than 8 times the median and none is 0 or below; one bar
        where all values are the same. Bars of whole numbers hold whole ones, each at least one.

    Raises
    ------
    InputError
        If there is no finite value.
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        raise InputError("a distribution needs at least one finite value")
    first, median, third = (float(one) for one in np.quantile(known, [0.25, 0.5, 0.75]))
    is_log = bool(known.min() > 0 and known.max() > SKEWED * median)
    shown = np.log10(known) if is_log else known
    are_whole = bool((known == np.rint(known)).all())
    low, high = float(shown.min()), float(shown.max())
    if low == high:
        half = 0.5 if low == round(low) else 0.05 * abs(low)
        edges = np.array([low - half, high + half])
    else:
        spread = float(np.subtract(*np.quantile(shown, [0.75, 0.25])))
        width = 2.0 * spread / np.cbrt(len(shown))
        # Bars of a few whole numbers hold one or two by turns, which looks like teeth.
        most = MOST_BARS // 2 if are_whole else MOST_BARS
        bars = int(np.clip(np.ceil((high - low) / width), 5, most)) if width > 0 else most
        edges = np.linspace(low, high, bars + 1)
    if is_log:
        edges = 10**edges
        # Powers of logarithms are not quite what they were.
        edges[0], edges[-1] = min(edges[0], known.min()), max(edges[-1], known.max())
    if are_whole:
        edges = np.unique(np.append(np.ceil(edges[:-1]) - 0.5, known.max() + 0.5))
    counts, edges = np.histogram(known, edges)
    return Distribution(edges, counts, (first, median, third), is_log)


def in_short(value: float) -> str:
    """Write a number as people read it: three digits, or all before the point.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
        Its text; a dash for NaN.

    Examples
    --------
    >>> in_short(13741.2), in_short(0.62181), in_short(3.0)
    ('13,741', '0.622', '3')
    """
    if not np.isfinite(value):
        return "–"
    # Zero has no sign.
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value + 0.0:.3g}"


def descriptor_histogram(ax: Axes, values: npt.ArrayLike, descriptor: str = "") -> Axes:
    """Draw how a descriptor is distributed over clusters, with its median and quartiles.

    Parameters
    ----------
    ax : Axes
        Where.
    values : array-like of shape (n_clusters,)
        The descriptor; what is not finite is left out.
    descriptor : str, default ""
        Its column in the table of clusters, which says what the axis is called.

    Returns
    -------
    Axes
        The same.

    Raises
    ------
    InputError
        If there is no finite value.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = descriptor_histogram(Figure().subplots(), [900.0, 1000.0, 1200.0], "area_nm2")
    >>> ax.get_xlabel()
    'area (nm²)'
    """
    bars = distribution(values)
    first, median, third = bars.quartiles
    ax.stairs(bars.counts, bars.edges, fill=True, color=KINDS[1], alpha=0.55)
    ax.axvspan(first, third, color=ink(), alpha=0.08, linewidth=0)
    ax.axvline(median, color=ink(), linewidth=1.2)
    if bars.is_log:
        ax.set_xscale("log")
    ax.xaxis.set_major_formatter(_plainly)
    ax.xaxis.set_major_locator(LogLocator(numticks=5) if bars.is_log else MaxNLocator(4))
    ax.set_xlabel(axis_name(descriptor))
    ax.set_ylabel("clusters")
    found = f"median {in_short(median)}; quartiles {in_short(first)} to {in_short(third)}"
    ax.set_title(found, loc="left", fontsize="small")
    return ax


def area_against_localizations(ax: Axes, clusters: pd.DataFrame) -> Axes:
    """Draw the area of clusters against how many localizations they have.

    Parameters
    ----------
    ax : Axes
        Where.
    clusters : DataFrame
        The table of clusters.

    Returns
    -------
    Axes
        The same, logarithmic: clusters of one density lie on a line of slope 1. Of more than 5,000
        clusters hexagons are drawn, the brighter the more clusters.
    """
    number = clusters["n_localizations"].to_numpy(dtype=np.float64)
    area = clusters["area_nm2"].to_numpy(dtype=np.float64)
    shown = (number > 0) & (area > 0)
    number, area = number[shown], area[shown]
    if len(number) > MANY:
        ax.hexbin(number, area, xscale="log", yscale="log", gridsize=40, bins="log", mincnt=1,
                  cmap="viridis", linewidths=0, rasterized=True)  # fmt: skip
    else:
        ax.loglog(number, area, linestyle="none", marker="o", markersize=3, markeredgewidth=0,
                  color=KINDS[1], alpha=0.6)  # fmt: skip
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(_plainly)
        # Within a decade there is hardly a power of ten to be told by.
        within = np.ptp(np.log10(axis.get_data_interval())) < 1
        axis.set_minor_locator(LogLocator(subs=(2, 5) if within else range(2, 10)))
        axis.set_minor_formatter(_plainly if within else NullFormatter())
    ax.set_xlabel(axis_name("n_localizations"))
    ax.set_ylabel(axis_name("area_nm2"))
    return ax


def _plainly(value: float, _: object = None) -> str:
    return f"{value:,.6g}"
