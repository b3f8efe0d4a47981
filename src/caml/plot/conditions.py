"""Figures of conditions: every cell a dot, medians and quartiles, and how sure differences are."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from caml.compare import Comparison
from caml.plot.colours import KINDS
from caml.plot.descriptors import axis_name

__all__ = ["conditions", "save_conditions", "spread"]

Floats = npt.NDArray[np.float64]

# From so many times the smallest value on, the axis is logarithmic.
WIDE = 20.0
# Of more pairs than this only those that differ have a bracket, and the surest so many of them.
ALL_PAIRS, MOST_PAIRS = 6, 12
# Of the brackets, points: from the axes to the first, from one to the next, and of their ends.
FIRST, STEP, TIP = 8.0, 15.0, 3.0
# Half of what dots of one condition may take of the width from it to the next.
REACH = 0.36
# Names of conditions are broken into lines of so many letters.
LINE = 14
# Of longer ones the end is not shown.
LONGEST = 40


class _Bracket(NamedTuple):
    """A pair of conditions: where they are on the axis, how high the bracket is, what it says."""

    first: int
    second: int
    level: int
    text: str


def conditions(ax: Axes, comparison: Comparison, descriptor: str) -> Axes:
    """Draw a descriptor: a dot per cell, the median and quartiles of each condition, brackets.

    Parameters
    ----------
    ax : Axes
        Where. What is tested is written above it, brackets and all.
    comparison : Comparison
        Of the conditions.
    descriptor : str
        One of `comparison.descriptors`.

    Returns
    -------
    Axes
        The same.

    Notes
    -----
    Dots lie beside each other, not at random, and their height is exact. Where replicates are known
    each has a colour, and where they are the samples their medians are large dots (Lord et al.
    2020); the median and quartiles are then those of the replicates. Brackets have Dunn's P,
    adjusted; of more than six pairs only those below 0.05 have one. The axis is logarithmic where
    values span more than a factor of 20.
    """
    names = comparison.conditions
    rows = comparison.cells[comparison.cells["descriptor"] == descriptor]
    rows = rows[np.isfinite(rows["median"])]
    values = rows["median"].to_numpy(dtype=np.float64)
    _scale(ax, values)
    ax.set_xlim(-0.6, len(names) - 0.4)
    replicates = [one for one in dict.fromkeys(rows["replicate"]) if one]
    n_samples = []
    size = _size(int(rows["condition"].value_counts().max()) if len(rows) else 0)
    for place, name in enumerate(names):
        mine = rows[rows["condition"] == name]
        cells = mine["median"].to_numpy(dtype=np.float64)
        x = place + spread(ax, cells, size)
        samples = cells
        for number, one in enumerate(replicates or [""]):
            chosen = (mine["replicate"] == one).to_numpy()
            color = KINDS[(number + 1) % len(KINDS)]
            _dots(ax, x[chosen], cells[chosen], size=size, color=color)
        if comparison.unit == "replicate":
            medians = mine.groupby("replicate", sort=False)["median"].median()
            samples = medians.to_numpy(dtype=np.float64)
            for one, median in medians.items():
                color = KINDS[(replicates.index(str(one)) + 1) % len(KINDS)]
                shift = 0.12 * (replicates.index(str(one)) - (len(replicates) - 1) / 2)
                _dots(ax, [place + shift], [median], size=9, color=color, edge="black")
        n_samples.append(len(samples))
        _median(ax, place, samples)
    _label(ax, names, n_samples)
    ax.set_ylabel(axis_name(descriptor))
    brackets = _brackets(comparison, descriptor, _points_per_condition(ax))
    for one in brackets:
        _draw(ax, one)
    n_levels = max((one.level for one in brackets), default=-1) + 1
    ax.set_title(
        _headline(comparison, descriptor),
        loc="left",
        fontsize=8,
        pad=FIRST + STEP * n_levels + (4 if n_levels else 0),
    )
    _explain(ax, replicates)
    return ax


def save_conditions(comparison: Comparison, folder: Path) -> None:
    """Write a picture of each descriptor into a folder.

    Parameters
    ----------
    comparison : Comparison
        Of the conditions.
    folder : Path
        Where; it must exist.
    """
    n = len(comparison.conditions)
    per_condition = 1.15 if n <= 4 else 0.9
    for descriptor in comparison.descriptors:
        width = 1.2 + max(n * per_condition, 2.3)
        brackets = _brackets(comparison, descriptor, (width - 1.2) / n * 72)
        n_levels = max((one.level for one in brackets), default=-1) + 1
        with mpl.rc_context({"font.size": 9}):
            height = 4.2 + n_levels * STEP / 72
            if _is_slanted(comparison.conditions, (width - 1.2) / n * 72):
                height += min(max(map(len, comparison.conditions)), LONGEST) * 0.04
            figure = Figure(figsize=(width, height), dpi=150)
            figure.set_layout_engine("constrained", w_pad=0.08, h_pad=0.08)
            FigureCanvasAgg(figure)
            conditions(figure.subplots(), comparison, descriptor)
            figure.savefig(folder / f"{descriptor}.png")


def spread(ax: Axes, values: Floats, size: float) -> Floats:
    """Move dots of one condition sidewards so that they do not lie on each other.

    Parameters
    ----------
    ax : Axes
        Where they will be drawn; its scale and limits are set.
    values : ndarray of shape (n,)
        Their heights.
    size : float
        Diameter of a dot, points.

    Returns
    -------
    ndarray of shape (n,)
        How far each goes to the right; conditions are 1 apart. Of too many dots all are moved less,
        and lie on each other.
    """
    if len(values) == 0:
        return np.empty(0)
    pixels = ax.transData.transform(np.column_stack([np.zeros(len(values)), values]))[:, 1]
    heights = pixels * 72 / ax.figure.dpi
    placed = np.zeros(len(values))
    done: list[int] = []
    for row in np.argsort(heights, kind="stable"):
        near = [one for one in done if heights[row] - heights[one] < size]
        gaps = np.sqrt(size**2 - np.square(heights[row] - heights[near]))
        free = np.concatenate([[0.0], placed[near] - gaps, placed[near] + gaps])
        fits = [x for x in free if (np.abs(x - placed[near]) >= gaps - 1e-9).all()]
        # The nearest to the middle; of two as near, the one that keeps the heap balanced.
        balance = np.sign(placed[near].sum())
        placed[row] = min(fits, key=lambda x: (round(abs(x), 6), x * balance))
        done = [*near, int(row)]
    shift: Floats = placed / _points_per_condition(ax)
    widest = np.abs(shift).max()
    return shift * min(1.0, REACH / widest) if widest > 0 else shift


def _points_per_condition(ax: Axes) -> float:
    low, high = ax.get_xlim()
    return float(ax.get_window_extent().width * 72 / ax.figure.dpi / (high - low))


def _size(n: int) -> float:
    """Choose a diameter for so many dots, points."""
    return 5.0 if n <= 60 else 3.5 if n <= 200 else 2.2


def _dots(
    ax: Axes,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    size: float,
    color: str,
    edge: str = "white",
) -> None:
    ax.plot(
        x,
        y,
        linestyle="none",
        marker="o",
        markersize=size,
        markerfacecolor=color,
        markeredgecolor=edge,
        markeredgewidth=0.8 if edge != "white" else 0.3,
        alpha=1.0 if edge != "white" else 0.75,
        zorder=4 if edge != "white" else 2,
    )


def _median(ax: Axes, place: int, samples: Floats) -> None:
    """Draw the median as a wide bar, and the quartiles as narrow ones with a line between them."""
    if len(samples) == 0:
        return
    q1, median, q3 = np.quantile(samples, [0.25, 0.5, 0.75])
    style: dict[str, Any] = {"color": "#1a1a1a", "zorder": 3, "solid_capstyle": "butt"}
    ax.plot([place - 0.3, place + 0.3], [median, median], linewidth=2.0, **style)
    if len(samples) > 1:
        ax.plot([place, place], [q1, q3], linewidth=1.0, **style)
        for quartile in (q1, q3):
            ax.plot([place - 0.14, place + 0.14], [quartile, quartile], linewidth=1.0, **style)


def _scale(ax: Axes, values: Floats) -> None:
    """Set the axis to hold all values, logarithmic where they are of different magnitudes."""
    if len(values) == 0:
        ax.set_ylim(0, 1)
        ax.set_yticks([])
        ax.text(0.5, 0.5, "no values", transform=ax.transAxes, ha="center", color="#666666")
        return
    low, high = float(values.min()), float(values.max())
    if low > 0 and high > WIDE * low:
        ax.set_yscale("log")
        margin = (high / low) ** 0.05
        ax.set_ylim(low / margin, high * margin)
        few = high < 1000 * low
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
        ax.yaxis.set_minor_formatter(NullFormatter())
    else:
        margin = 0.06 * (high - low) or 0.1 * abs(low) or 1.0
        # What cannot be below 0 has no axis below it, if it is near.
        bottom = 0.0 if 0 <= low < 0.35 * high else low - margin
        ax.set_ylim(bottom if bottom or low > 0 else -margin / 2, high + margin)
    if ax.get_yscale() == "log" or high >= 10_000:
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    else:
        ax.ticklabel_format(axis="y", style="plain", useOffset=False)


def _label(ax: Axes, names: Sequence[str], n_samples: Sequence[int]) -> None:
    """Name the conditions, with how many samples they have; slanted where names are long."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(axis="x", length=0)
    if _is_slanted(names, _points_per_condition(ax)):
        short = [name if len(name) <= LONGEST else name[: LONGEST - 1] + "…" for name in names]
        texts = [f"{name}, n = {n}" for name, n in zip(short, n_samples, strict=True)]
        ax.set_xticks(range(len(names)), texts, rotation=35, ha="right", rotation_mode="anchor")
        return
    lines = [_lines(name) for name in names]
    texts = ["\n".join([*some, f"n = {n}"]) for some, n in zip(lines, n_samples, strict=True)]
    ax.set_xticks(range(len(names)), texts)


def _lines(name: str) -> list[str]:
    """Break a name after spaces, hyphens and underscores."""
    lines = textwrap.wrap(name.replace("_", "_ "), LINE) or [name]
    return [one.replace("_ ", "_") for one in lines]


def _is_slanted(names: Sequence[str], points_per_condition: float) -> bool:
    """Tell whether names take more room than there is below the axis."""
    lines = [_lines(name) for name in names]
    widest = max(len(one) for some in lines for one in some)
    return widest * 5.0 > points_per_condition or max(map(len, lines)) > 3


def _headline(comparison: Comparison, descriptor: str) -> str:
    test = comparison.tests[comparison.tests["descriptor"] == descriptor].iloc[0]
    test_p = f"Kruskal–Wallis {_p(test['p'])}" if np.isfinite(test["p"]) else "not tested"
    if test["unit"] == "cluster":
        return f"{test_p} over clusters,\nwhich are not independent; each dot a cell"
    shown = "large dots: replicates" if test["unit"] == "replicate" else "each dot a cell"
    return f"{test_p}; {shown}"


def _p(p: float) -> str:
    return "P < 0.0001" if p < 1e-4 else f"P = {p:.2g}" if p < 0.995 else "P = 1"


def _brackets(
    comparison: Comparison, descriptor: str, points_per_condition: float
) -> list[_Bracket]:
    """Choose the pairs to show, and stack their brackets so that no two meet."""
    pairs = comparison.pairs
    pairs = pairs[(pairs["descriptor"] == descriptor) & pairs["p_adjusted"].notna()]
    if len(pairs) > ALL_PAIRS:
        pairs = pairs[pairs["p_adjusted"] < 0.05].nsmallest(MOST_PAIRS, "p_adjusted")
    places = {name: place for place, name in enumerate(comparison.conditions)}
    found = []
    for row in pairs.to_dict("records"):
        text = f"{row['stars']}  {_p(row['p_adjusted'])}"
        found.append((places[row["condition_1"]], places[row["condition_2"]], text))
    taken: list[list[tuple[float, float]]] = []
    brackets = []
    for first, second, text in sorted(found, key=lambda one: (one[1] - one[0], one[0])):
        # As wide as its text, if that is wider.
        half = max((second - first) / 2, len(text) * 4.4 / points_per_condition / 2) + 0.06
        low, high = (first + second) / 2 - half, (first + second) / 2 + half
        level = next(
            (
                number
                for number, some in enumerate(taken)
                if all(high <= start or end <= low for start, end in some)
            ),
            len(taken),
        )
        if level == len(taken):
            taken.append([])
        taken[level].append((low, high))
        brackets.append(_Bracket(first, second, level, text))
    return brackets


def _draw(ax: Axes, bracket: _Bracket) -> None:
    """Draw a bracket above the axes: its height is in inches, whatever the axis shows."""
    # The transform of a translation may be any; only its type says otherwise.
    corner: Any = ax.transAxes
    inches = ax.figure.dpi_scale_trans + ScaledTranslation(0, 1, corner)
    above = blended_transform_factory(ax.transData, inches)
    top = (FIRST + STEP * bracket.level) / 72
    first, second = bracket.first + 0.05, bracket.second - 0.05
    ax.plot(
        [first, first, second, second],
        [top - TIP / 72, top, top, top - TIP / 72],
        transform=above,
        color="#1a1a1a",
        linewidth=0.9,
        clip_on=False,
    )
    middle = (first + second) / 2
    text = bracket.text
    ax.text(middle, top + 0.01, text, transform=above, ha="center", va="bottom", fontsize=7.5)


def _explain(ax: Axes, replicates: Sequence[str]) -> None:
    """Name the colours of replicates, if there are any."""
    if not replicates:
        return
    handles = [
        Line2D([], [], linestyle="none", marker="o", markersize=5, label=one,
               color=KINDS[(number + 1) % len(KINDS)])
        for number, one in enumerate(replicates)
    ]  # fmt: skip
    ax.legend(
        handles=handles, title="replicate", frameon=False, loc="upper left",
        bbox_to_anchor=(1.0, 1.0), fontsize=8, title_fontsize=8, handletextpad=0.2,
    )  # fmt: skip
