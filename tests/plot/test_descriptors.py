"""Figures of clusters: bars by hand, counts that add up, and what axes are called."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from caml import plot
from caml.errors import InputError
from caml.plot.descriptors import in_short


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def test_quartiles_and_bars_by_hand() -> None:
    found = plot.distribution([1.5, 2.5, 3.5, 4.5, np.nan])
    assert found.quartiles == (2.25, 3.0, 3.75)
    assert not found.is_log
    # 2·IQR/∛n = 3/1.587: two bars, of which there are at least five.
    assert found.edges == pytest.approx([1.5, 2.1, 2.7, 3.3, 3.9, 4.5])
    assert found.counts.tolist() == [1, 1, 0, 1, 1]


@pytest.mark.parametrize("seed", range(4))
def test_every_value_is_in_a_bar(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for values in (
        rng.lognormal(5, 2, 500),
        rng.normal(0, 1, 500),
        rng.integers(3, 500, 300),
        np.rint(rng.lognormal(2, 1.5, 300)) + 1,
        np.full(7, 4.0),
        np.full(7, 0.25),
        np.zeros(3),
    ):
        found = plot.distribution(values)
        assert found.counts.sum() == len(values)
        assert (np.diff(found.edges) > 0).all()
        assert found.edges[0] <= values.min()
        assert found.edges[-1] >= values.max()


def test_skewed_values_have_bars_that_widen_evenly() -> None:
    found = plot.distribution(np.random.default_rng(0).lognormal(0, 2, 1000))
    assert found.is_log
    assert np.diff(np.log(found.edges)) == pytest.approx(np.log(found.edges[1] / found.edges[0]))


def test_bars_of_whole_numbers_end_between_them() -> None:
    found = plot.distribution([3, 3, 4, 5, 6, 7, 90])
    assert (found.edges % 1 == 0.5).all()


def test_without_values_there_is_no_distribution() -> None:
    with pytest.raises(InputError, match="at least one finite value"):
        plot.distribution([np.nan])


def test_a_histogram_says_its_median_and_unit(ax: Axes) -> None:
    assert plot.descriptor_histogram(ax, [1000.0, 2000.0, 13742.0], "area_nm2") is ax
    assert ax.get_xlabel() == "area (nm²)"
    assert ax.get_title(loc="left") == "median 2,000; quartiles 1,500 to 7,871"
    assert [line.get_xdata()[0] for line in ax.lines] == [2000.0]  # type: ignore[index]


def test_area_against_localizations_has_a_dot_for_each_that_has_an_area(ax: Axes) -> None:
    clusters = pd.DataFrame({"n_localizations": [3, 10, 20], "area_nm2": [0.0, 500.0, 900.0]})
    plot.area_against_localizations(ax, clusters)
    assert np.asarray(ax.lines[0].get_xydata()).tolist() == [[10.0, 500.0], [20.0, 900.0]]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_of_many_clusters_hexagons_count_all(ax: Axes) -> None:
    rng = np.random.default_rng(0)
    clusters = pd.DataFrame(
        {"n_localizations": rng.integers(3, 99, 6_000), "area_nm2": rng.lognormal(8, 1, 6_000)}
    )
    plot.area_against_localizations(ax, clusters)
    assert np.asarray(ax.collections[0].get_array()).sum() == 6_000


@pytest.mark.parametrize(
    ("value", "text"), [(np.nan, "–"), (0.0, "0"), (999.4, "999"), (-1234.5, "-1,234")]
)
def test_numbers_in_short(value: float, text: str) -> None:
    assert in_short(value) == text
