"""Outlines in the plane by hand, against brute force, and what they must not depend on."""

import importlib

import numpy as np
import pytest
import shapely

from caml.errors import InputError
from caml.localizations import Localizations
from caml.outline import outline
from caml.segment import Segmentation
from caml.simulate import Scenario, simulate
from outlines_by_hand import (
    FINE,
    SQUARE,
    Ints,
    areas_by_rows,
    at,
    blobs,
    brute_force,
    ring,
    rows_of,
)

discs = importlib.import_module("caml.outline._discs")
near = importlib.import_module("caml.outline._near")

# --- by hand ---


def test_a_lone_disc_is_a_regular_polygon() -> None:
    polygons, owner, _ = discs.union_of_discs(np.zeros((1, 2)), np.zeros(1, int), np.array([10.0]))
    corners = 4 * discs.QUAD_SEGS
    assert polygons[0].area == pytest.approx(corners / 2 * 100 * np.sin(2 * np.pi / corners))
    assert owner.tolist() == [0]


def test_two_discs_unite_to_their_areas_less_the_lens() -> None:
    centres = np.array([[0.0, 0.0], [10.0, 0.0]])
    polygons, *_ = discs.union_of_discs(centres, np.zeros(2, int), np.array([10.0]))
    lens = 2 * 100 * np.arccos(0.5) - 5 * np.sqrt(300)
    assert polygons[0].area == pytest.approx(200 * np.pi - lens, rel=0.005)
    assert len(polygons) == 1


def test_a_square_has_epsilon_12_and_its_outline_is_12_around_the_corners() -> None:
    segmentation = outline(SQUARE, [0, 0, 0, 0])
    shape = segmentation.outlines[0]
    # Nearest neighbours are 10 apart, ε = 12. Along the diagonal the corner's own arc of radius ε
    # bounds the outline; between two corners the arcs of radius 24 meet at 5 + √(24² − 5²) from the
    # middle, and ε less is left.
    diagonal = 5 * np.sqrt(2) + 12
    straight = 5 + np.sqrt(24**2 - 5**2) - 12
    from_middle = shapely.get_coordinates(shape) - 5
    distance = np.linalg.norm(from_middle, axis=1)
    assert distance.max() == pytest.approx(diagonal, rel=0.01)
    assert distance.min() == pytest.approx(straight, rel=0.01)
    assert shape.area == pytest.approx(brute_force(SQUARE, np.zeros(4, int))[0][1].area, rel=0.01)
    assert segmentation.cluster.tolist() == [0, 0, 0, 0]
    assert len(segmentation.volumes_nm3) == 0


def test_blobs_far_apart_become_clusters_that_keep_the_label_and_the_order() -> None:
    far = at(SQUARE, 500, 0)
    positions = np.concatenate((at(SQUARE, 0, 2000), far, SQUARE, at(SQUARE, 0, 4000)))
    ids = np.repeat([0, 1, 1, 2], 4)
    segmentation = outline(positions, Segmentation(ids, label=np.array([1, 2, 3])))
    assert segmentation.cluster.tolist() == np.repeat([0, 1, 2, 3], 4).tolist()
    assert segmentation.label.tolist() == [1, 2, 2, 3]
    assert shapely.get_coordinates(shapely.centroid(segmentation.outlines)) == pytest.approx(
        np.array([[5, 2005], [505, 5], [5, 5], [5, 4005]]), abs=1e-6
    )


def test_parts_at_fewer_than_three_positions_are_demoted() -> None:
    pair = np.array([[500.0, 0.0], [510.0, 0.0], [510.0, 0.0]])
    positions = np.concatenate((pair, SQUARE, at(SQUARE, 0, 2000)))
    segmentation = outline(positions, [0] * 7 + [1] * 4)
    assert segmentation.cluster.tolist() == [-1] * 3 + [0] * 4 + [1] * 4
    assert len(segmentation.outlines) == segmentation.n_clusters == 2


def test_a_cluster_of_pairs_is_demoted_altogether() -> None:
    pairs = np.array([[0.0, 0.0], [10.0, 0.0], [500.0, 0.0], [510.0, 0.0]])
    segmentation = outline(np.concatenate((pairs, SQUARE + 2000)), [0] * 4 + [1] * 4)
    assert segmentation.cluster.tolist() == [-1] * 4 + [0] * 4


def test_a_hole_is_kept_where_a_disc_fits_in_and_closed_where_not() -> None:
    # 24 evenly around 100 nm: neighbours 200·sin(π/24) = 26.1 apart, ε = 31.3. Discs of 62.7 leave
    # a hole of 37 or more in the middle, and the erosion makes it 69 wide, more than 2ε.
    many = outline(ring(100, 24), np.zeros(24, int)).outlines[0]
    assert len(many.interiors) == 1
    hole = shapely.Polygon(many.interiors[0])
    assert hole.area == pytest.approx(np.pi * 69.1**2, rel=0.03)
    # 16 around it: 39.0 apart, ε = 46.8. The hole of 7 becomes 54 wide, less than 2ε.
    few = outline(ring(100, 16), np.zeros(16, int)).outlines[0]
    assert len(few.interiors) == 0
    assert few.contains(shapely.Point(0, 0))
    united = shapely.buffer(shapely.MultiPoint(ring(100, 16)), 2 * 46.82, quad_segs=FINE)
    assert len(united.buffer(-46.82, quad_segs=FINE).interiors) == 1


# --- brute force ---


@pytest.mark.parametrize("seed", range(6))
def test_it_equals_discs_united_one_by_one(seed: int) -> None:
    positions, cluster = blobs(seed)
    segmentation = outline(positions, cluster)
    expected = brute_force(positions, cluster)
    found = list(zip(rows_of(segmentation), segmentation.outlines, strict=True))
    assert len(found) == len(expected)
    for rows, shape in found:
        match = [other for other_rows, other in expected if other_rows == rows]
        assert len(match) == 1
        assert shape.is_valid
        assert shapely.symmetric_difference(shape, match[0]).area < 0.015 * match[0].area


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pairs", [50, 2_000_000])
def test_unions_equal_those_of_geos_however_they_are_cut_into_blocks(
    seed: int, pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near, "PAIRS", pairs)
    generator = np.random.default_rng(seed)
    centres, group = generator.uniform(0, 100, (400, 2)), np.repeat([0, 1], 200)
    radius = np.array([4.0, 7.0])
    polygons, owner, _ = discs.union_of_discs(centres, group, radius)
    for one in (0, 1):
        united = shapely.buffer(
            shapely.MultiPoint(centres[group == one]), radius[one], quad_segs=FINE
        )
        mine = shapely.union_all(polygons[owner == one])
        assert len(polygons[owner == one]) == shapely.get_num_geometries(united)
        assert shapely.symmetric_difference(mine, united).area < 0.01 * united.area
        # Fine polygons leave slivers between circles that coarse arcs close, and the reverse.
        real = [h for p in shapely.get_parts(united) for h in p.interiors]
        n_holes = sum(shapely.Polygon(h).area > 0.5 for h in real)
        mine_holes = [h for p in polygons[owner == one] for h in p.interiors]
        assert sum(shapely.Polygon(h).area > 0.5 for h in mine_holes) == pytest.approx(
            n_holes, abs=1
        )


@pytest.mark.parametrize("seed", range(10))
def test_positions_rounded_to_a_lattice(seed: int) -> None:
    generator = np.random.default_rng(seed)
    centres = np.unique(generator.integers(0, 30, (150, 2)), axis=0).astype(float)
    for radius in (1.0, 2.5, 5.0):
        polygons, *_ = discs.union_of_discs(
            centres, np.zeros(len(centres), int), np.array([radius])
        )
        united = shapely.buffer(shapely.MultiPoint(centres), radius, quad_segs=FINE)
        assert shapely.area(polygons).sum() == pytest.approx(united.area, rel=0.01)


@pytest.mark.parametrize("spacing", [1.0, 5.0, 1e-3])
def test_circles_that_meet_in_one_point(spacing: float) -> None:
    # Twelve lattice points on a circle of radius 5: their discs all pass through its middle.
    on_circle = [(x, y) for x in range(-5, 6) for y in range(-5, 6) if x * x + y * y == 25]
    lattice = [(x, y) for x in range(-8, 9) for y in range(-8, 9)]
    for spots in (on_circle, lattice):
        centres = np.asarray(spots, dtype=float) * spacing
        polygons, *_ = discs.union_of_discs(
            centres, np.zeros(len(centres), int), np.array([5.0 * spacing])
        )
        united = shapely.buffer(shapely.MultiPoint(centres), 5 * spacing, quad_segs=FINE)
        assert shapely.is_valid(polygons).all()
        assert shapely.area(polygons).sum() == pytest.approx(united.area, rel=0.01)


def test_an_arc_without_a_follower_is_left_to_geos(monkeypatch: pytest.MonkeyPatch) -> None:
    centres = np.concatenate((SQUARE, SQUARE + 100, SQUARE + 500))
    group, radius = np.repeat([0, 1, 2], 4), np.array([8.0, 4.0, 8.0])
    expected, owner, _ = discs.union_of_discs(centres, group, radius)
    follow = discs._followers

    def lose_one(arcs: object, n: int) -> Ints:
        following: Ints = follow(arcs, n)
        if (group[arcs.disc] == 1).any():  # type: ignore[attr-defined]
            following[group[arcs.disc] == 1] = -1  # type: ignore[attr-defined]
        return following

    monkeypatch.setattr(discs, "_followers", lose_one)
    found, whose, of_disc = discs.union_of_discs(centres, group, radius)
    assert whose.tolist() == owner.tolist() == [0, 1, 1, 1, 1, 2]
    assert shapely.intersects_xy(found[of_disc], *centres.T).all()
    assert (whose[of_disc] == group).all()
    assert shapely.area(found).sum() == pytest.approx(shapely.area(expected).sum(), rel=1e-3)
    assert shapely.equals(found[[0, 5]], expected[[0, 5]]).all()


def test_nearest_neighbours_are_sought_within_the_cluster() -> None:
    # The second cluster lies between the first one's corners and must not make ε smaller.
    inner = SQUARE / 10 + 4.5
    together = outline(np.concatenate((SQUARE, inner)), [0] * 4 + [1] * 4)
    alone = outline(SQUARE, [0] * 4)
    assert together.outlines[0].area == pytest.approx(alone.outlines[0].area)
    assert together.outlines[1].area == pytest.approx(alone.outlines[0].area / 100)


def test_members_of_overlapping_split_clusters_go_to_parts_of_their_own() -> None:
    # Two ids, each of two squares at the same two places, a nanometre apart.
    positions = np.concatenate((SQUARE, at(SQUARE, 500, 0), SQUARE + 1, at(SQUARE, 501, 1)))
    segmentation = outline(positions, np.repeat([0, 1], 8))
    assert segmentation.cluster.tolist() == np.repeat([0, 1, 2, 3], 4).tolist()


# --- invariants ---


@pytest.mark.parametrize(
    ("change", "scale"),
    [
        (lambda p: at(p, 1e7, -1e7), 1.0),
        (lambda p: p @ np.array([[0.6, 0.8], [-0.8, 0.6]]), 1.0),
        (lambda p: p * 50, 50.0),
        (lambda p: p * 1e-3, 1e-3),
        (lambda p: p * [-1, 1], 1.0),
    ],
    ids=["far away", "rotated", "larger", "smaller", "mirrored"],
)
def test_areas_follow_the_positions(change: object, scale: float) -> None:
    positions, cluster = blobs(11)
    before = outline(positions, cluster)
    after = outline(change(positions), cluster)  # type: ignore[operator]
    assert (after.cluster == before.cluster).all()
    # Where the straight pieces begin turns with the shape: 0.2 % at the ends of concave arcs.
    assert shapely.area(after.outlines) == pytest.approx(
        shapely.area(before.outlines) * scale**2, rel=4e-3
    )


def test_the_order_of_localizations_does_not_matter() -> None:
    positions, cluster = blobs(5)
    order = np.random.default_rng(5).permutation(len(positions))
    before = areas_by_rows(outline(positions, cluster))
    after = areas_by_rows(outline(positions[order], cluster[order]))
    renamed = {frozenset(order[list(rows)].tolist()): area for rows, area in after.items()}
    assert renamed == pytest.approx(before, rel=1e-9)


def test_duplicates_change_nothing_and_stay_in_their_cluster() -> None:
    doubled = np.concatenate((SQUARE, SQUARE[:3], SQUARE[:1]))
    segmentation = outline(doubled, [0] * 8)
    assert segmentation.cluster.tolist() == [0] * 8
    assert segmentation.outlines[0].equals(outline(SQUARE, [0] * 4).outlines[0])


# --- edges ---


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_no_clusters_give_an_empty_segmentation(n_dimensions: int) -> None:
    for n in (0, 5):
        segmentation = outline(np.zeros((n, n_dimensions)), np.full(n, -1))
        assert segmentation.n_clusters == len(segmentation.outlines) == 0
        assert segmentation.cluster.tolist() == [-1] * n
        assert segmentation.has_outlines


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_clusters_without_extent_keep_their_id_and_have_an_empty_outline(n_dimensions: int) -> None:
    one, two, identical = [[0, 0, 0]], [[500, 0, 0], [510, 0, 0]], [[900, 900, 0]] * 4
    solid = [[2000, 0, 0], [2010, 0, 0], [2000, 10, 0], [2000, 0, 10], [2005, 5, 5]]
    positions = np.array(one + two + identical + solid, dtype=float)[:, :n_dimensions]
    segmentation = outline(positions, [0] + [1] * 2 + [2] * 4 + [3] * 5)
    assert segmentation.cluster.tolist() == [0] + [1] * 2 + [2] * 4 + [3] * 5
    assert shapely.is_empty(segmentation.outlines).tolist() == [True, True, True, False]
    assert {shape.geom_type for shape in segmentation.outlines} == {"Polygon"}
    if n_dimensions == 3:
        assert (segmentation.volumes_nm3 > 0).tolist() == [False, False, False, True]


def test_only_clusters_without_extent() -> None:
    segmentation = outline([[0, 0], [1, 1]], [0, 0])
    assert segmentation.outlines[0].is_empty


def test_collinear_members_have_a_band() -> None:
    line = np.column_stack((np.arange(20) * 10.0, np.zeros(20)))
    shape = outline(line, np.zeros(20, int)).outlines[0]
    # ε = 12: half a disc of radius ε at each end, and between them what dents of circles of radius
    # 24 every 10 nm leave of a band of half-width 24 − 12.
    half = np.sqrt(24**2 - 5**2) - 12
    low, high = 190 * 2 * half + np.pi * 12**2 * 0.97, 190 * 24 + np.pi * 12**2
    assert low < shape.area < high
    assert shape.bounds == pytest.approx((-12, -12, 202, 12), abs=0.5)


def test_localizations_without_a_position_stay_outside() -> None:
    positions = np.concatenate((SQUARE, [[np.nan, 0]]))
    assert outline(Localizations(positions), [0] * 4 + [-1]).cluster.tolist() == [0] * 4 + [-1]


def test_it_can_be_repeated() -> None:
    positions, cluster = blobs(3)
    first = outline(positions, cluster)
    second = outline(positions, first)
    assert second.n_clusters >= first.n_clusters
    assert shapely.equals(outline(positions, cluster).outlines, first.outlines).all()


# --- errors ---


def test_ids_that_do_not_belong_to_the_localizations_are_refused() -> None:
    with pytest.raises(
        InputError, match="one cluster id per localization is needed, 4 here; got 3"
    ):
        outline(SQUARE, [0, 0, 0])
    with pytest.raises(InputError, match=r"without a gap, −1 for none; use caml\.renumber"):
        outline(SQUARE, [0, 0, 0, 2])
    positions = np.concatenate((SQUARE, [[np.nan, 0], [np.inf, 0]]))
    message = "no cluster: give them the id −1; 2 are in one, the first at index 4"
    with pytest.raises(InputError, match=message):
        outline(positions, [0] * 6)


def test_the_median_outline_of_simulated_discs_has_the_area_of_the_disc() -> None:
    # 10 localizations within 40 nm (Williamson et al. 2020, Fig. 2g). A median of 1,000 clusters
    # whose areas vary by a third is known to 1.5 %: 4 % is nearly three times that.
    scenario = Scenario(density=50, n_per_cluster=10, percent_clustered=50, radius_nm=40)
    simulation = simulate(scenario, seed=900_001)
    segmentation = outline(simulation.localizations, simulation.true_cluster)
    median = np.median(shapely.area(segmentation.outlines))
    assert median == pytest.approx(np.pi * 40**2, rel=0.04)
