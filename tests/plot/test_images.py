"""Pictures of images, by what is on their axes."""

from dataclasses import replace
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
from caml.analyse import Found, analyse_files
from caml.errors import InputError
from caml.io import write_table
from caml.plot.colours import KINDS, NOT_CLUSTERED, REGION
from caml.plot.extent import left_out, square
from caml.plot.scene import ZOOM_NM, Squares
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
    (bar,) = ax.lines
    assert np.ptp(np.asarray(bar.get_xdata(), dtype=float)) * width == pytest.approx(length)
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
    dots = [line for line in whole.lines if line.get_marker() == "."]
    assert sum(len(np.asarray(line.get_xdata())) for line in dots) == n
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
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[-2:] == ["not looked at", "region"]
    # What lies outside is faint, and no dot says that it is clustered or not.
    ax = figure.axes[0]
    faint = np.asarray(ax.images[0].get_array())
    assert set(map(tuple, faint[faint[..., 3] > 0])) == {(0x9A, 0x9A, 0x9A, 0x4D)}
    n_dots = sum(len(np.asarray(line.get_xdata())) for line in ax.lines if line.get_marker() == ".")
    assert n_dots == analysis.in_regions.sum() < len(analysis.localizations)
    colours = [
        matplotlib.colors.to_hex(np.asarray(one.get_edgecolor())[0])
        for ax in figure.axes
        for one in ax.collections
        if isinstance(one, LineCollection)
    ]
    assert REGION in colours


def dots_of(ax: Axes) -> dict[str, set[tuple[float, float]]]:
    return {
        str(line.get_color()): set(zip(*np.asarray(line.get_data()).tolist(), strict=True))
        for line in ax.lines
        if line.get_marker() == "."
    }


def test_results_in_tiles_are_drawn_as_those_in_memory(
    analysis: caml.Analysis, tmp_path: Path
) -> None:
    table = analysis.localizations.table.copy()
    table.loc[3, "x_nm"] = np.nan
    write_table(tmp_path / "cell.parquet", table, file_format="parquet")
    drawn: list[Figure] = []

    def picture(results: caml.Analysis | Found, folder: Path) -> None:
        drawn.append(plot.overview(results))
        plot.save_overview(results, folder)
        if isinstance(results, Found):
            with pytest.raises(InputError, match="by label, not by score"):
                plot.overview(results, by="score")

    for out, size in (("whole", None), ("tiles", 1_000)):
        batch = analyse_files(
            [tmp_path / "cell.parquet"], tmp_path / out, tile_size=size, picture=picture
        )
        assert batch.outcomes[0].error == ""
        assert (tmp_path / out / "cell" / "overview.png").stat().st_size > 10_000
    assert (tmp_path / "tiles" / "cell" / "localizations.parquet").is_dir()
    (whole, part), (whole_of_tiles, part_of_tiles) = (figure.axes for figure in drawn)
    titles = [ax.get_title(loc="left") for ax in (whole, whole_of_tiles)]
    assert titles[0] == titles[1]
    assert part_of_tiles.get_xlim() == part.get_xlim()
    # Of the enlarged part the same dots; of the whole, the pixels that hold one.
    assert dots_of(part_of_tiles) == dots_of(part)
    n_outlines = [
        sum(len(one.get_segments()) for one in ax.collections if isinstance(one, LineCollection))
        for ax in (whole, whole_of_tiles)
    ]
    assert n_outlines[0] == n_outlines[1] > 0
    rgba = np.asarray(whole_of_tiles.images[0].get_array())
    x_min, x_max = whole.get_xlim()
    y_max, y_min = whole.get_ylim()
    expected = np.zeros(rgba.shape[:2], dtype=bool)
    for places in dots_of(whole).values():
        x, y = np.array(sorted(places)).T
        row = ((y - y_min) / (y_max - y_min) * len(rgba)).astype(int)
        column = ((x - x_min) / (x_max - x_min) * len(rgba)).astype(int)
        expected[row, column] = True
    assert ((rgba[..., 3] > 0) == expected).all()


@pytest.mark.parametrize("far", [1e8, 1e12])
def test_one_far_off_localization_is_no_burden(far: float, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    positions = generator.uniform(0, 2000, (400, 2))
    positions[:40] = generator.normal(1000, 20, (40, 2))
    positions[-1, 0] = far
    analysis = caml.analyse(positions, prior="balanced")
    plot.save_overview(analysis, tmp_path)
    assert (tmp_path / "overview.png").stat().st_size > 10_000


@pytest.mark.parametrize("far", [1e8, -1e13])
def test_many_far_off_in_one_place_are_not_what_is_enlarged(far: float) -> None:
    squares = Squares((0.0, 0.0, 9_000.0, 9_000.0))
    squares.add(np.array([[4_000.0, 7_000.0], [4_100.0, 7_100.0], [1_000.0, 1_000.0]]))
    squares.add(np.full((110, 2), far))
    assert squares.fullest == (3_000.0, 6_000.0, 6_000.0, 9_000.0)


def test_an_image_without_a_name_begins_with_what_was_found(analysis: caml.Analysis) -> None:
    unnamed = replace(analysis, localizations=replace(analysis.localizations, name=""))
    title = plot.overview(unnamed).axes[0].get_title(loc="left")
    assert title.startswith(f"{analysis.segmentation.n_clusters:,} clusters")


@pytest.mark.parametrize("by", ["label", "score", "cluster"])
def test_as_pixels_as_many_places_are_coloured_as_by_dots(
    ax: Axes, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, 1000, (50, 2))
    values = rng.uniform(size=50) if by == "score" else rng.integers(-1, 2, 50)
    monkeypatch.setattr("caml.plot.images.MANY", 10)
    plot.localizations(ax, positions, values, by=by)  # type: ignore[arg-type]
    (image,) = ax.images
    rgba = np.asarray(image.get_array())
    assert (rgba[..., 3] > 0).sum() == 50
    assert not ax.lines


def test_density_has_a_scale_bar_and_leaves_nothing_out(ax: Axes) -> None:
    positions = np.array([[0.0, 0.0], [1000.0, 0.0], [1000.0, 400.0], [np.nan, 1.0]])
    plot.density(ax, positions, box=(0, 0, 1000, 400), pixel_nm=30, blur_nm=0)
    (image,) = ax.images
    bright = np.asarray(image.get_array())[..., :3].sum(axis=-1) > 100
    assert bright.shape == (14, 34)
    assert np.argwhere(bright).tolist() == [[0, 0], [0, 33], [13, 33]]
    assert ax.get_xlim() == (0, 1000)
    assert ax.get_ylim() == (400, 0)
    assert [text.get_text() for text in ax.texts] == ["200 nm"]


def test_an_image_of_too_many_pixels_is_refused(ax: Axes) -> None:
    with pytest.raises(InputError, match="pixel_nm must be above 0"):
        plot.density(ax, np.array([[0.0, 0.0], [1e6, 1e6]]), pixel_nm=1.0)
    with pytest.raises(InputError, match="values of shape"):
        plot.localizations(ax, np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(InputError, match="by label, score or cluster"):
        plot.localizations(ax, np.zeros((3, 2)), np.zeros(3), by="colour")  # type: ignore[arg-type]


@pytest.mark.parametrize("by", ["label", "score", "cluster", "density"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_overviews_have_two_panels_and_the_background_of_their_theme(
    analysis: caml.Analysis, by: str, theme: str
) -> None:
    figure = plot.overview(analysis, by=by, theme=theme)  # type: ignore[arg-type]
    assert len(figure.axes) == 2
    is_dark = sum(matplotlib.colors.to_rgb(figure.get_facecolor())) < 1.5
    assert is_dark == (theme == "dark")


def test_in_pdf_outlines_are_lines_and_localizations_pixels(
    analysis: caml.Analysis, tmp_path: Path
) -> None:
    plot.overview(analysis).savefig(tmp_path / "overview.svg")
    svg = (tmp_path / "overview.svg").read_text("utf-8")
    n_clusters = len(analysis.description.clusters)
    assert svg.count("<image") >= 2
    assert svg.count("<path") > n_clusters
    assert f"{n_clusters:,} clusters" in svg, "text stays text"


def test_there_is_no_third_theme() -> None:
    with pytest.raises(InputError, match="light, dark"):
        plot.style("grey")  # type: ignore[arg-type]


def test_all_is_drawn_but_a_few_that_are_far_off() -> None:
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, 1_000, (2_000, 2))
    assert left_out(positions, square(positions, ())) == 0
    # Twice as far as everything else is no reason.
    positions[0] = 2_000
    assert left_out(positions, square(positions, ())) == 0
    positions[0] = 1e9
    box = square(positions, ())
    assert left_out(positions, box) == 1
    assert -150 < box[0] < 0
    assert 1_000 < box[2] < 1_150
    # A region is drawn whole.
    region = caml.Region.rectangle(0, 0, 50_000, 1_000)
    assert square(positions, (region,))[2] > 50_000
