"""The set covariance against closed forms and against shapely's intersections."""

import numpy as np
import pytest
import shapely
from shapely.affinity import rotate, scale, translate

from caml._window import Window
from caml.errors import InputError
from caml.localizations import Region
from caml.spatial import covariance, set_covariance
from caml.spatial._window import window_covariance

CELL = shapely.Polygon(
    [(0, 0), (300, 0), (300, 100), (120, 130), (100, 300), (0, 300)],
    [[(20, 20), (60, 20), (40, 70)]],
)
RADII = np.array([0.0, 5.0, 40.0, 90.0, 150.0, 250.0])


def by_intersection(polygon: shapely.Geometry, radius: float, n: int = 360) -> float:
    """Average what is left of a polygon under itself, moved in many directions."""
    angles = (np.arange(n) + 0.5) * np.pi / n
    moved = [translate(polygon, radius * np.cos(a), radius * np.sin(a)) for a in angles]
    return float(np.mean(shapely.area(shapely.intersection(polygon, np.array(moved)))))


def test_a_squares_by_hand() -> None:
    # a² − 4ar/π + r²/π, as far as the side is long.
    found = set_covariance(Region.rectangle(0, 0, 10, 10), [0, 1, 10])
    np.testing.assert_allclose(found, [100, 100 - 39 / np.pi, 100 - 300 / np.pi], rtol=1e-11)


def test_beyond_the_diagonal_nothing_is_left() -> None:
    found = set_covariance(Region.rectangle(0, 0, 30, 40), [49.9, 50, 70])
    assert found[0] > 0
    assert found[1:].tolist() == pytest.approx([0, 0], abs=1e-9)


@pytest.mark.parametrize("sides", [(300, 200), (50, 900)])
def test_a_rectangles_is_that_of_any_polygon(sides: tuple[float, float]) -> None:
    radii = np.array([0, 1, 20, 49, 50, 51, 150, 199, 201, 299, 340, 360, 901, 1e4])
    polygon = shapely.box(0, 0, *sides)
    numeric = covariance._of_polygon(polygon, radii)
    closed = covariance._of_rectangle(*sides, radii)
    np.testing.assert_allclose(numeric, closed, atol=1e-6 * polygon.area)
    turned = Region(rotate(polygon, 27))
    np.testing.assert_allclose(set_covariance(turned, radii), closed, atol=1e-9 * polygon.area)


@pytest.mark.parametrize(
    "polygon",
    [CELL, shapely.MultiPolygon([shapely.box(0, 0, 50, 80), shapely.box(90, 0, 200, 60)])],
)
def test_any_polygons_is_the_mean_intersection(polygon: shapely.Polygon) -> None:
    expected = [by_intersection(polygon, radius) for radius in RADII]
    found = set_covariance(Region(polygon), RADII)
    np.testing.assert_allclose(found, expected, atol=5e-6 * polygon.area)


def test_a_discs_by_hand() -> None:
    disc = shapely.Point(5e4, 8e4).buffer(100, 64)
    radii = np.linspace(0, 150, 400)
    lens = 2e4 * np.arccos(radii / 200) - radii / 2 * np.sqrt(4e4 - radii**2)
    found = set_covariance(Region(disc), radii) * (np.pi * 1e4 / disc.area)
    # The polygon's corners lie on the circle, its sides up to 0.0075 nm inside.
    np.testing.assert_allclose(found, lens, atol=5e-5 * lens[0])


def test_it_moves_turns_and_grows_with_the_region() -> None:
    first = set_covariance(Region(CELL), RADII)
    other = translate(rotate(CELL, 33), 1e5, -4e4)
    np.testing.assert_allclose(set_covariance(Region(other), RADII), first, rtol=1e-6)
    larger = Region(scale(CELL, 7, 7))
    np.testing.assert_allclose(set_covariance(larger, 7 * RADII), 49 * first, rtol=1e-6)


def test_a_border_traced_along_pixels_is_that_of_the_shape() -> None:
    angles = np.linspace(0, 2 * np.pi, 20_000)[:-1]
    traced = np.round(np.c_[np.cos(angles), np.sin(angles)] * 200) * 100
    steps = Region(shapely.Polygon(traced[np.r_[True, (np.diff(traced, axis=0) != 0).any(1)]]))
    assert shapely.get_num_coordinates(steps.polygon) > covariance.MOST_CORNERS
    smooth = Region(shapely.Point(0, 0).buffer(20_000, 64))
    radii = np.array([0.0, 500.0, 5_000.0])
    np.testing.assert_allclose(
        set_covariance(steps, radii), set_covariance(smooth, radii), rtol=2e-3
    )


def test_a_boxs_is_that_of_pairs_drawn_in_it() -> None:
    # The distances of independent pairs have the density 4πr²·γ̄(r)/V².
    window = Window(Region.rectangle(0, 0, 900, 500), (0.0, 300.0))
    generator = np.random.default_rng(1)
    apart = window.draw(400_000, generator) - window.draw(400_000, generator)
    ends = np.linspace(0, 900, 7)
    counted = np.histogram(np.linalg.norm(apart, axis=1), ends)[0]
    fine = np.linspace(0, 900, 6_001)
    middles = fine[1:] - fine[1] / 2
    density = 4 * np.pi * middles**2 * window_covariance(window, middles) / window.size**2 * fine[1]
    expected = density.reshape(6, -1).sum(axis=1) * 400_000
    np.testing.assert_allclose(counted, expected, atol=4.5 * np.sqrt(expected.max()))
    assert window_covariance(window, np.zeros(1))[0] == pytest.approx(window.size)


def test_distances_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="finite numbers of nm, 0 or above"):
        set_covariance(Region.rectangle(0, 0, 1, 1), [1.0, -1.0])
