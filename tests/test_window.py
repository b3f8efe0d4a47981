"""How large a window is, by hand; and what localizations tell of it, at every angle the same."""

import numpy as np
import pytest
import shapely

from caml._window import Window, edges, is_flat, why_no_size
from caml.errors import InputError
from caml.localizations import Region
from caml.methods import kde, voronoi
from caml.methods.dbscan import suggest_eps
from caml.methods.getis_franklin import local_l
from caml.spatial import cross_k, survey

ANGLES = [0.0, 0.1, 0.6, np.pi / 4, np.pi / 2]


def turned(flat: np.ndarray, angle: float) -> np.ndarray:
    """Turn about the y axis in 3D, else in the plane; then round as tables do."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    if flat.shape[1] == 3:
        turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return np.asarray(np.round(flat @ turn.T + 5_000, 1))


def line(angle: float, n: int = 60) -> np.ndarray:
    along = np.random.default_rng(2).uniform(0, 3_000, n)
    return turned(np.column_stack((along, np.zeros(n))), angle)


def plane(angle: float, n: int = 60) -> np.ndarray:
    across = np.random.default_rng(2).uniform(0, 3_000, (n, 2))
    return turned(np.column_stack((across, np.zeros(n))), angle)


@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("flat", [line, plane])
def test_lines_and_planes_are_flat_at_every_angle(flat: object, angle: float) -> None:
    positions = flat(angle)  # type: ignore[operator]
    assert is_flat(positions)
    bent = positions.copy()
    bent[7] += 3.0 * np.array([-np.sin(angle), *[0.0] * (positions.shape[1] - 2), np.cos(angle)])
    assert not is_flat(bent)


def test_few_or_at_one_place_are_flat() -> None:
    corners = np.array([[0.0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9]])
    assert not is_flat(corners)
    assert not is_flat(corners[:3, :2])
    for n in range(4):
        assert is_flat(corners[:n])
    for n in range(3):
        assert is_flat(corners[:n, :2])
    assert is_flat(np.full((50, 2), 1e9))


def test_a_region_says_how_large_it_is_and_z_how_deep() -> None:
    region = Region.rectangle(0, 0, 9_000, 9_000)
    assert why_no_size(line(0.3), region) == ""
    assert why_no_size(plane(0.3), region) == ""
    assert "have the same z" in why_no_size(plane(0.0), region)
    assert "leave z out" in why_no_size(plane(0.0), None)
    assert "have the same z" in why_no_size(np.empty((0, 3)), region)


@pytest.mark.parametrize("angle", ANGLES)
def test_lines_are_refused_at_every_angle_where_a_size_is_needed(angle: float) -> None:
    positions = line(angle)
    message = r"localizations lie on a line .* give it \(--region, or Localizations"
    with pytest.raises(InputError, match=message):
        survey(positions, seed=1)
    with pytest.raises(InputError, match=message):
        cross_k(positions[:20], positions[20:])
    with pytest.raises(InputError, match=message):
        local_l(positions, radius_nm=30)
    with pytest.raises(InputError, match=message):
        suggest_eps(positions, criterion="chance")


@pytest.mark.parametrize("angle", ANGLES)
def test_planes_are_refused_at_every_angle_where_a_size_is_needed(angle: float) -> None:
    message = "in a plane or at one place" if angle else "have the same z"
    with pytest.raises(InputError, match=message):
        local_l(plane(angle), radius_nm=30)
    with pytest.raises(InputError, match=message):
        survey(plane(angle), seed=1)


@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("method", [kde, voronoi])
@pytest.mark.filterwarnings("ignore::caml.errors.NothingFoundWarning")
def test_methods_find_nothing_on_a_line_at_every_angle(method: object, angle: float) -> None:
    assert method(line(angle)).n_clusters == 0  # type: ignore[operator]


SLAB = Window(Region.rectangle(10, 20, 40, 60), (5.0, 25.0))
CORNERS = np.array([[10.0, 20, 5], [40, 20, 25], [10, 60, 9], [25, 30, 7]])


def test_a_slab_by_hand() -> None:
    assert (SLAB.n_dimensions, SLAB.depth_nm, SLAB.size) == (3, 20, 24_000)
    assert SLAB.low.tolist() == [10, 20, 5]
    assert SLAB.high.tolist() == [40, 60, 25]
    assert SLAB.shorter_side_nm == 30
    positions = np.array([[15.0, 40, 15], [15, 40, 6], [15, 40, 26], [9, 40, 15]])
    assert SLAB.contains(positions).tolist() == [True, True, False, False]
    assert SLAB.border_distance(positions[:2]).tolist() == [5, 1]
    assert SLAB.eroded(np.array([0.0, 5, 10])).tolist() == [24_000, 20 * 30 * 10, 0]
    flat = Window(SLAB.region)
    assert (flat.n_dimensions, flat.depth_nm, flat.size) == (2, 1, 1_200)
    assert flat.low.tolist() == [10, 20]
    assert flat.border_distance(positions[:1, :2]).tolist() == [5]


def test_around_localizations_it_is_the_region_the_box_or_the_hull() -> None:
    box = Window.around(CORNERS)
    assert (box.low.tolist(), box.high.tolist(), box.size) == ([10, 20, 5], [40, 60, 25], 24_000)
    hull = Window.around(CORNERS, hull=True)
    assert hull.size == pytest.approx(600 * 20)
    assert hull.region.name == "convex hull"
    assert hull.contains(CORNERS).all()
    assert Window.around(CORNERS[:, :2]).size == 1_200
    known = Window.around(CORNERS, SLAB.region, z_range_nm=(0.0, 100.0))
    assert (known.region, known.size) == (SLAB.region, 120_000)
    # What is known needs no localizations; what is not is told from them.
    assert Window.around(CORNERS[:1], SLAB.region, z_range_nm=(0.0, 1.0)).size == 1_200
    with pytest.raises(InputError, match="have the same z"):
        Window.around(CORNERS[:1], SLAB.region)


def test_positions_are_drawn_evenly_and_inside() -> None:
    bay = Region(shapely.Polygon([(0, 0), (90, 0), (90, 30), (30, 30), (30, 90), (0, 90)]))
    window = Window(bay, (0.0, 10.0))
    drawn = window.draw(20_000, np.random.default_rng(1))
    assert drawn.shape == (20_000, 3)
    assert window.contains(drawn).all()
    # Of five equal squares each holds a fifth: a standard error of 0.003.
    share = [(drawn[:, 0] > 60).mean(), (drawn[:, 1] > 60).mean(), (drawn[:, 2] < 2).mean()]
    assert share == pytest.approx([0.2, 0.2, 0.2], abs=0.012)


def test_edges_have_the_polygon_on_their_left() -> None:
    ring = shapely.box(0, 0, 10, 10).difference(shapely.box(4, 4, 6, 6))
    for polygon in (ring, ring.reverse()):
        assert isinstance(polygon, shapely.Polygon)
        start, end = edges(polygon)
        assert len(start) == 8
        area = (start[:, 0] * end[:, 1] - start[:, 1] * end[:, 0]).sum() / 2
        assert area == 96
