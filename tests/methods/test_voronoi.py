"""Voronoi cells against shapely and Qhull; SR-Tesseler's rules on squares one can draw."""

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from scipy.spatial import ConvexHull, Voronoi

from caml.errors import InputError, NothingFoundWarning
from caml.localizations import Localizations, Region
from caml.methods import voronoi, voronoi_density, voronoi_objects
from caml.methods._cells import cells_of

FloatArray = npt.NDArray[np.float64]


def shapely_areas(positions: FloatArray, window: shapely.Geometry) -> FloatArray:
    """Clip the cells that GEOS makes, one by one."""
    around = shapely.buffer(window, 10_000)
    cells = list(shapely.voronoi_polygons(shapely.MultiPoint(positions), extend_to=around).geoms)
    of, which = shapely.STRtree(cells).query(shapely.points(positions), predicate="within")
    areas = np.full(len(positions), np.nan)
    areas[of] = shapely.area(shapely.intersection(np.array(cells)[which], window))
    return areas


@pytest.mark.parametrize("seed", range(3))
def test_areas_are_those_of_shapely(seed: int) -> None:
    positions = np.random.default_rng(seed).uniform(0, 100, (200, 2)) + np.array([4e4, 7e4])
    window = shapely.box(4e4, 7e4, 4e4 + 100, 7e4 + 100)
    cells = cells_of(positions, window)
    assert cells is not None
    assert cells.size == pytest.approx(shapely_areas(positions, window), rel=1e-6, abs=1e-6)
    assert cells.size.sum() == pytest.approx(window.area)


def test_cells_are_clipped_to_polygons_with_holes() -> None:
    rng = np.random.default_rng(5)
    window = shapely.Point(0, 0).buffer(100).difference(shapely.Point(30, 0).buffer(20))
    every = rng.uniform(-100, 100, (600, 2))
    positions = every[shapely.contains_xy(window, every)]
    cells = cells_of(positions, window)
    assert cells is not None
    assert cells.size.sum() == pytest.approx(window.area)
    assert cells.size == pytest.approx(shapely_areas(positions, window), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_volumes_are_those_of_qhull(seed: int) -> None:
    positions = np.random.default_rng(seed).normal(0, 1, (150, 3)) * [100, 60, 20]
    cells, diagram = cells_of(positions), Voronoi(positions)
    assert cells is not None
    for one, size in enumerate(cells.size):
        corners = diagram.regions[diagram.point_region[one]]
        if -1 in corners:
            assert np.isinf(size)
        else:
            assert size == pytest.approx(ConvexHull(diagram.vertices[corners]).volume, rel=1e-6)
    touching = {tuple(sorted(pair)) for pair in diagram.ridge_points.tolist()}
    assert touching <= {tuple(pair) for pair in cells.pairs.tolist()}


def test_a_lattice_by_hand() -> None:
    # Nine cells: 100 nm² within; by the border the bounding box cuts half or three quarters away.
    lattice = np.array([[x, y] for y in (0.0, 10.0, 20.0) for x in (0.0, 10.0, 20.0)])
    cells = cells_of(lattice, shapely.box(0, 0, 20, 20))
    assert cells is not None
    assert cells.size.reshape(3, 3) == pytest.approx(
        np.array([[25.0, 50, 25], [50, 100, 50], [25, 50, 25]])
    )
    # The cell in the middle touches four, and, at corners, as many of the others as Qhull's
    # triangles join: with all nine it is 9 per 400 nm², with four 5 per 300.
    assert 5 / 300 <= voronoi_density(lattice)[4] <= 9 / 400


def test_positions_on_a_line_have_no_cells() -> None:
    line = np.arange(20.0)[:, None] * [1, 2]
    assert cells_of(line) is None
    assert np.isnan(voronoi_density(line)).all()
    with pytest.warns(NothingFoundWarning, match="20 localizations on a line or in a plane have"):
        assert voronoi(line).n_clusters == 0


def test_density_counts_duplicates_in_the_cell_they_share() -> None:
    positions = np.random.default_rng(1).uniform(0, 100, (50, 2))
    twice = np.vstack([positions, positions])
    assert voronoi_density(twice)[:50] == pytest.approx(2 * voronoi_density(positions))


def dense_in_sparse(seed: int) -> FloatArray:
    """Return a lattice with a dense square in it, and a denser one within that."""
    rng = np.random.default_rng(seed)
    sparse = rng.uniform(0, 1_000, (300, 2))
    dense = rng.uniform(300, 700, (1_500, 2))
    denser = rng.uniform(470, 530, (600, 2))
    return np.vstack([sparse, dense, denser])


def test_the_second_level_finds_clusters_in_objects() -> None:
    positions = dense_in_sparse(0)
    found = voronoi_objects(positions, density_factor=1.5, cluster_factor=2.5, min_localizations=50)
    assert found.objects.n_clusters == 1
    assert found.clusters.n_clusters == 1
    assert found.parent.tolist() == [0]
    inside = found.clusters.cluster == 0
    assert (found.objects.cluster[inside] == 0).all()
    low, high = positions[inside].min(axis=0), positions[inside].max(axis=0)
    assert low == pytest.approx([470, 470], abs=12)
    assert high == pytest.approx([530, 530], abs=12)
    level = voronoi(positions, density_factor=1.5, min_localizations=50, level=2)
    assert level.n_clusters >= 1


def test_small_objects_are_none() -> None:
    positions = dense_in_sparse(1)
    one = voronoi(positions, density_factor=1.5, min_localizations=50)
    assert one.n_clusters == 1
    assert voronoi(positions, density_factor=1.5, min_localizations=5_000).n_clusters == 0
    assert voronoi(positions, density_factor=1.5, min_area_nm2=5e5).n_clusters == 0
    assert voronoi(positions, density_factor=1.5, min_area_nm2=5e4).n_clusters == 1


def test_the_average_is_that_of_the_region() -> None:
    positions = dense_in_sparse(2)
    whole = Localizations(positions, region=Region.rectangle(0, 0, 1_000, 1_000))
    # In a region sixteen times as large the average is a sixteenth, and all is dense.
    wide = Localizations(positions, region=Region.rectangle(-1_500, -1_500, 2_500, 2_500))
    n_whole, n_wide = (
        int((voronoi(one, min_localizations=50).cluster >= 0).sum()) for one in (whole, wide)
    )
    assert n_whole < n_wide


def test_scaling_all_changes_nothing() -> None:
    positions = dense_in_sparse(3)
    assert np.array_equal(voronoi(positions).cluster, voronoi(positions * 1e-3).cluster)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"density_factor": 0.0}, "density_factor must be a number above 0, got 0"),
        ({"min_localizations": 0}, "min_localizations must be a whole number of at least 1"),
        ({"min_area_nm2": -1.0}, "min_area_nm2 must be an area of at least 0 nm², got -1"),
        ({"level": 3}, r"level is 1 \(objects\) or 2 \(clusters in objects\), got 3"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        voronoi(dense_in_sparse(0), **parameters)  # type: ignore[arg-type]
