"""Pictures of statistics, by what is on their axes."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from caml import plot
from caml.localizations import Region
from caml.spatial import RadialFunction, survey, with_envelope


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def function(name: str, top: float = 2.0) -> RadialFunction:
    radius = np.linspace(10, 100, 10)
    return RadialFunction(name, radius, np.linspace(top, 1, 10), np.ones(10))


def test_value_theory_and_envelope_are_drawn(ax: Axes) -> None:
    measured = with_envelope(function("g"), np.ones((3, 10)) + np.array([[-0.2], [0.1], [0.3]]))
    assert plot.radial_function(ax, measured) is ax
    theory, value = ax.lines
    np.testing.assert_array_equal(value.get_ydata(), measured.value)
    np.testing.assert_array_equal(theory.get_ydata(), 1)
    (band,) = ax.collections
    heights = np.asarray(band.get_paths()[0].vertices, dtype=float)[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((0.8, 1.3))
    assert ax.get_title(loc="right") == "P = 0.25"
    assert ax.get_ylim()[0] == 0
    assert ax.get_xlim() == (0, 100)


def test_without_simulations_there_is_no_band(ax: Axes) -> None:
    plot.radial_function(ax, function("L-r"))
    assert len(ax.collections) == 0
    assert ax.get_title(loc="right") == ""
    assert ax.get_ylabel() == "L(r) − r  (nm)"


def test_a_steep_correlation_is_on_a_logarithmic_scale(ax: Axes) -> None:
    plot.radial_function(ax, function("g", top=400))
    assert ax.get_yscale() == "log"


def test_a_row_of_panels_for_each_region(tmp_path: Path) -> None:
    positions = np.random.default_rng(1).uniform(0, 1_000, (200, 2))
    regions = [Region.rectangle(0, 0, 1_000, 1_000, name=name) for name in ("one", "two")]
    found = [survey(positions, region=region, seed=1, n_simulations=3) for region in regions]
    axes = plot.surveys(found, name="cell").axes
    assert len(axes) == 6
    assert [axes[i].get_title(loc="left") for i in (0, 3)] == ["cell   one\n", "cell   two\n"]
    assert axes[1].get_title(loc="left") == "200 localizations in 1 µm²"
    deep = np.random.default_rng(1).uniform(0, 1_000, (200, 3))
    deep[:2, 2] = 0, 2_000
    found.append(survey(deep, region=regions[0], seed=1, n_simulations=0))
    axes = plot.surveys(found, name="cell").axes
    assert axes[7].get_title(loc="left") == "200 localizations in 2 µm³"
    plot.save_surveys(found, tmp_path / "spatial.png")
    assert (tmp_path / "spatial.png").stat().st_size > 10_000
