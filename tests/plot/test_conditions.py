"""Pictures of conditions, by what is on their axes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from caml import plot
from caml.compare import Cell, Comparison, compare
from caml.plot.conditions import spread


def comparison(
    conditions: dict[str, float], n: int = 8, *, unit: str = "cell", replicates: int = 0
) -> Comparison:
    generator = np.random.default_rng(0)
    cells = [
        Cell(
            name, f"{number}", pd.DataFrame({"area_nm2": generator.normal(area, 10, 3 + number)}),
            replicate=f"day {number % replicates}" if replicates else "",
        )
        for name, area in conditions.items()
        for number in range(n)
    ]  # fmt: skip
    return compare(cells, unit=unit)  # type: ignore[arg-type]


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(4, 4)).subplots()


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


@pytest.mark.filterwarnings("ignore:ranks, n_clusters")
def test_every_cell_is_a_dot_at_its_median(ax: Axes) -> None:
    found = comparison({"ctrl": 100, "drug": 200})
    assert plot.conditions(ax, found, "area_nm2") is ax
    rows = found.cells[found.cells["descriptor"] == "area_nm2"]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    for line, name in zip(dots, found.conditions, strict=True):
        medians = rows.loc[rows["condition"] == name, "median"]
        np.testing.assert_array_equal(line.get_ydata(), medians)
    bars = [line for line in ax.lines if line.get_linewidth() == 2.0]
    drawn = [float(np.asarray(line.get_ydata())[0]) for line in bars]
    assert drawn == found.tests.iloc[0][["median_ctrl", "median_drug"]].tolist()
    p = found.pairs["p_adjusted"].iloc[0]
    assert texts(ax) == [f"***  P = {p:.2g}"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["ctrl\nn = 8", "drug\nn = 8"]
    assert ax.get_ylabel() == "area (nm²)"
    assert "each dot a cell" in ax.get_title(loc="left")


@pytest.mark.parametrize("n", [1, 2, 50, 400])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_dots_do_not_lie_on_each_other(ax: Axes, n: int, scale: str) -> None:
    values = np.random.default_rng(1).lognormal(3, 0.5, n)
    ax.set_yscale(scale)
    ax.set_ylim(1, 200)
    ax.set_xlim(-0.5, 1.5)
    shift = spread(ax, values, 3.0)
    assert np.abs(shift).max() <= 0.36 + 1e-9
    if n <= 50:
        points = ax.transData.transform(np.column_stack([shift, values])) * 72 / ax.figure.dpi
        distance = np.hypot(*(points[:, None] - points[None]).T)
        assert distance[~np.eye(n, dtype=bool)].min(initial=np.inf) >= 3.0 - 1e-6
    assert len(spread(ax, np.empty(0), 3.0)) == 0


@pytest.mark.filterwarnings("ignore:ranks, n_clusters")
def test_wide_ranges_are_logarithmic(ax: Axes) -> None:
    found = comparison({"ctrl": 100, "drug": 10_000, "wash": 100})
    plot.conditions(ax, found, "area_nm2")
    assert ax.get_yscale() == "log"
    assert len(texts(ax)) == 3
    ax.clear()
    plot.conditions(ax, found, "n_clusters")
    assert ax.get_yscale() == "linear"
    assert ax.get_title(loc="left").startswith("Kruskal–Wallis P = 1")


@pytest.mark.filterwarnings("ignore:ranks, n_clusters")
def test_of_many_pairs_those_that_differ_have_brackets(ax: Axes) -> None:
    found = comparison({f"c{k}": 100 + 80 * (k == 4) for k in range(6)})
    plot.conditions(ax, found, "area_nm2")
    pairs = found.pairs[found.pairs["descriptor"] == "area_nm2"]
    assert len(texts(ax)) == int((pairs["p_adjusted"] < 0.05).sum()) > 0
    assert not any(text.startswith("ns") for text in texts(ax))


@pytest.mark.filterwarnings("ignore:ranks")
def test_replicates_have_colours_and_their_medians_large_dots(ax: Axes) -> None:
    found = comparison({"ctrl": 100, "drug": 200}, n=9, unit="replicate", replicates=3)
    plot.conditions(ax, found, "area_nm2")
    large = [line for line in ax.lines if line.get_markersize() == 9]
    assert len(large) == 6
    legend = ax.get_legend()
    assert legend is not None
    assert [one.get_text() for one in legend.get_texts()] == ["day 0", "day 1", "day 2"]
    assert ax.get_xticklabels()[0].get_text() == "ctrl\nn = 3"


@pytest.mark.filterwarnings("ignore:pseudoreplication")
def test_a_test_of_clusters_says_so(ax: Axes) -> None:
    plot.conditions(ax, comparison({"a": 1, "b": 2}, unit="cluster"), "area_nm2")
    assert "which are not independent" in ax.get_title(loc="left")


@pytest.mark.filterwarnings("ignore")
def test_no_values_and_long_names(ax: Axes, tmp_path: Path) -> None:
    empty = pd.DataFrame({"area_nm2": [np.nan]})
    names = [f"condition {k} with a name that does not end, and goes on" for k in range(5)]
    found = compare({name: [empty, empty] for name in names})
    plot.conditions(ax, found, "area_nm2")
    assert texts(ax) == ["no values"]
    assert ax.get_title(loc="left") == "not tested; each dot a cell"
    assert ax.get_xticklabels()[0].get_text().endswith("…, n = 0")
    plot.save_conditions(found, tmp_path)
    for name in ("area_nm2", "n_clusters"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
