"""Histograms as a page draws them: in its own colours, each bar with what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from caml._arrays import FloatArray
from caml.plot.descriptors import axis_name, distribution, in_short

__all__ = ["Bar", "Histogram", "Strip", "histograms", "strips"]

# What is looked at first; in 3D volumes in the place of areas.
FLAT = (
    "n_localizations", "area_nm2", "density_per_um2", "radius_of_gyration_nm",
    "nearest_cluster_nm", "circularity",
)  # fmt: skip
SOLID = (
    "n_localizations", "volume_nm3", "density_per_um3", "radius_of_gyration_nm",
    "nearest_cluster_nm", "circularity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram, in shares of its width and height.

    Parameters
    ----------
    left, width : float
        From 0 to 1.
    height : float
        From 0 to 1.
    text : str
        What it holds.
    """

    left: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """How a descriptor is distributed, as a page draws it.

    Parameters
    ----------
    name : str
        What it is, with its unit.
    bars : tuple of Bar
        From the left.
    quartiles : tuple of float
        Where they are, from 0 to 1.
    text : str
        The median and quartiles.
    ticks : tuple of (float, str)
        Where numbers are on the axis.
    most : int
        How many clusters the highest bar holds.
    is_log : bool
        Whether the axis is logarithmic.
    """

    name: str
    bars: tuple[Bar, ...]
    quartiles: tuple[float, float, float]
    text: str
    ticks: tuple[tuple[float, str], ...]
    most: int
    is_log: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """A quantity of several images, a dot each.

    Parameters
    ----------
    name : str
        What it is, with its unit.
    dots : tuple of (float, float, str)
        Where each is, from 0 to 1, how far from the middle line, from −1 to 1, and what it is.
    text : str
        The median.
    ticks : tuple of (float, str)
        Where numbers are on the axis.
    """

    name: str
    dots: tuple[tuple[float, float, str], ...]
    text: str
    ticks: tuple[tuple[float, str], ...]


def strips(table: pd.DataFrame, names: Sequence[str]) -> list[Strip]:
    """Return quantities of several images, a dot for each image.

    Parameters
    ----------
    table : DataFrame of n_images rows
        A column per quantity.
    names : sequence of str of length n_images
        What images are called.

    Returns
    -------
    list of Strip
        Of those that at least two images have.
    """
    found = []
    for column in table:
        values = table[column].to_numpy(dtype=np.float64)
        known = np.flatnonzero(np.isfinite(values)).tolist()
        if len(known) < 2:
            continue
        low, high = float(values[known].min()), float(values[known].max())
        margin = 0.06 * (high - low) or max(0.5, 0.06 * abs(high))
        low, high = low - margin, high + margin
        # Ranks by turns above and below the line, so that equal ones do not hide each other.
        aside = np.zeros(len(values))
        ranked = sorted(known, key=lambda i: values[i])
        aside[ranked] = np.resize([0.0, 0.55, -0.55, 0.28, -0.28], len(ranked))
        dots = tuple(
            (
                round((float(values[i]) - low) / (high - low), 4), float(aside[i]),
                f"{names[i]}: {in_short(values[i])}",
            )
            for i in known
        )  # fmt: skip
        ticks = _ticks(np.array([low, high]), False)
        name = str(column)
        shown = axis_name(name.removesuffix("_median"))
        found.append(
            Strip(
                f"{shown}, median" if name.endswith("_median") else shown,
                dots,
                f"median of the images {in_short(float(np.median(values[known])))}",
                tuple(((tick - low) / (high - low), in_short(tick)) for tick in ticks),
            )
        )
    return found


def histograms(clusters: pd.DataFrame) -> list[Histogram]:
    """Return the histograms of the descriptors that are looked at first.

    Parameters
    ----------
    clusters : DataFrame
        The table of clusters.

    Returns
    -------
    list of Histogram
        Of those that are known; none of fewer than two clusters.
    """
    if len(clusters) < 2:
        return []
    names = SOLID if "volume_nm3" in clusters else FLAT
    return [_histogram(clusters[name], name) for name in names if clusters[name].notna().any()]


def _histogram(values: pd.Series, name: str) -> Histogram:
    found = distribution(values)
    scale = np.log10 if found.is_log else np.asarray
    low, high = scale(found.edges[0]), scale(found.edges[-1])

    def place(value: float) -> float:
        share = (scale(np.clip(value, found.edges[0], found.edges[-1])) - low) / (high - low)
        return round(float(share), 4)

    lefts = [place(edge) for edge in found.edges]
    most = int(found.counts.max())
    bars = tuple(
        Bar(
            lefts[i], round(lefts[i + 1] - lefts[i], 4), round(int(count) / most, 4),
            f"{in_short(found.edges[i])} to {in_short(found.edges[i + 1])}: {count}",
        )
        for i, count in enumerate(found.counts)
        if count
    )  # fmt: skip
    first, median, third = found.quartiles
    return Histogram(
        axis_name(name),
        bars,
        (place(first), place(median), place(third)),
        f"median {in_short(median)}, quartiles {in_short(first)} to {in_short(third)}",
        tuple((place(tick), in_short(tick)) for tick in _ticks(found.edges, found.is_log)),
        most,
        found.is_log,
    )


def _ticks(edges: FloatArray, is_log: bool) -> list[float]:
    """Return a few round numbers between the first and the last edge."""
    low, high = float(edges[0]), float(edges[-1])
    if is_log:
        powers = [10.0**i for i in range(int(np.ceil(np.log10(low))), int(np.log10(high)) + 1)]
        return powers if len(powers) > 1 else [*powers, low, high][-2:]
    step = 10.0 ** np.floor(np.log10(high - low))
    step = next(step * f for f in (0.2, 0.5, 1.0, 2.0) if (high - low) / (step * f) <= 6.0)
    return [float(one) for one in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]
