"""Pictures of images, by what is on their axes."""

from pathlib import Path

import matplotlib.colors
import numpy as np
import pytest
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import caml
from caml import plot
from caml.plot.colours import KINDS, NOT_CLUSTERED, REGION
from caml.plot.overview import ZOOM_NM
from caml.simulate import Scenario, simulate


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


@pytest.fixture(scope="module")
def analysis() -> caml.Analysis:
    scenario = Scenario(density=100, n_per_cluster=20, radius_nm=40, field_um=30)
    return caml.analyse(simulate(scenario, seed=1, name="cell").localizations)


@pytest.mark.parametrize(
    ("width", "length", "text"),
    [
        (2_000, 200, "200 nm"),
        (10_000, 2_000, "2 µm"),
        (9_999, 1_000, "1 µm"),
        (40_000, 5_000, "5 µm"),
        (120, 20, "20 nm"),
    ],
)
def test_the_scale_bar_is_as_long_as_it_says(
    ax: Axes, width: float, length: float, text: str
) -> None:
    ax.set_xlim(500, 500 + width)
    assert plot.scale_bar(ax) is ax
    (bar,) = ax.patches
    assert bar.get_width() * width == pytest.approx(length)  # type: ignore[attr-defined]
    assert [label.get_text() for label in ax.texts] == [text]


def test_a_dot_per_localization_in_the_colour_of_its_label(ax: Axes) -> None:
    positions = np.arange(12.0).reshape(6, 2)
    plot.localizations(ax, positions, np.array([0, 1, 1, 2, -1, 0]), size=2)
    drawn = {line.get_color(): len(np.asarray(line.get_xdata())) for line in ax.lines}
    assert drawn == {NOT_CLUSTERED: 3, KINDS[0]: 2, KINDS[1]: 1}


def test_a_line_per_ring(ax: Axes) -> None:
    ring = shapely.Point(0, 0).buffer(10).difference(shapely.Point(0, 0).buffer(5))
    polygons = np.array([shapely.box(0, 0, 1, 1), ring, shapely.Polygon()], dtype=object)
    plot.outlines(ax, polygons)
    (lines,) = ax.collections
    assert isinstance(lines, LineCollection)
    assert len(lines.get_segments()) == 3


def test_a_large_image_has_a_part_enlarged(analysis: caml.Analysis) -> None:
    figure = plot.overview(analysis)
    whole, part = figure.axes
    n = len(analysis.localizations)
    assert sum(len(np.asarray(line.get_xdata())) for line in whole.lines) == n
    assert 0 < sum(len(np.asarray(line.get_xdata())) for line in part.lines) < n
    x, y = part.get_xlim(), part.get_ylim()
    assert x[1] - x[0] == pytest.approx(ZOOM_NM)
    # y grows downwards.
    assert y[0] - y[1] == pytest.approx(ZOOM_NM)
    title = whole.get_title(loc="left")
    assert "cell" in title
    assert f"{analysis.segmentation.n_clusters:,} clusters" in title
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["not clustered", "clustered", "outline of a cluster"]


def test_a_small_image_and_its_regions_are_one_panel() -> None:
    scenario = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=4)
    regions = [caml.Region.rectangle(19_000, 19_000, 30_000, 20_000, name="a")]
    analysis = caml.analyse(simulate(scenario, seed=1).localizations, regions=regions)
    figure = plot.overview(analysis)
    assert figure.legends[0].get_texts()[-1].get_text() == "region"
    colours = [
        matplotlib.colors.to_hex(np.asarray(one.get_edgecolor())[0])
        for ax in figure.axes
        for one in ax.collections
        if isinstance(one, LineCollection)
    ]
    assert REGION in colours


@pytest.mark.parametrize("far", [1e8, 1e12])
def test_one_far_off_localization_is_no_burden(far: float, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    positions = generator.uniform(0, 2000, (400, 2))
    positions[:40] = generator.normal(1000, 20, (40, 2))
    positions[-1, 0] = far
    analysis = caml.analyse(positions, prior="balanced")
    plot.save_overview(analysis, tmp_path)
    assert (tmp_path / "overview.png").stat().st_size > 10_000
