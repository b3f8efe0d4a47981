"""Outlines by hand, against brute force, and what they must not depend on."""

import importlib

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from scipy.spatial import cKDTree

from caml.errors import DataWarning, InputError
from caml.localizations import Localizations
from caml.outline import outline
from caml.segment import Segmentation
from caml.simulate import Scenario, simulate

clusters = importlib.import_module("caml.outline._clusters")
discs = importlib.import_module("caml.outline._discs")
near = importlib.import_module("caml.outline._near")
solids = importlib.import_module("caml.outline._solids")

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])
FINE = 64  # straight pieces in a quarter of a circle where polygons stand for circles


def blobs(seed: int, n_clusters: int = 6, n_dimensions: int = 2) -> tuple[Array, Ints]:
    """Overlapping clusters of 3 to 60 localizations, and some in none."""
    generator = np.random.default_rng(seed)
    n = generator.integers(3, 60, n_clusters)
    cluster = np.repeat(np.arange(n_clusters), n)
    centres = generator.uniform(0, 600, (n_clusters, n_dimensions))
    positions = centres[cluster] + generator.normal(0, 40, (len(cluster), n_dimensions))
    free = generator.uniform(0, 600, (20, n_dimensions))
    order = generator.permutation(len(cluster) + 20)
    joined = np.concatenate((cluster, np.full(20, -1)))
    return np.concatenate((positions, free))[order], joined[order]


def at(positions: Array, *shift: float) -> Array:
    moved: Array = positions + np.array(shift)
    return moved


def ring(radius: float, n: int, centre: tuple[float, float] = (0.0, 0.0)) -> Array:
    angle = np.arange(n) * 2 * np.pi / n
    around: Array = np.asarray(centre) + radius * np.column_stack((np.cos(angle), np.sin(angle)))
    return around


def epsilon_of(positions: Array) -> float:
    distinct = np.unique(positions, axis=0)
    apart = np.linalg.norm(distinct[:, None] - distinct, axis=2)
    np.fill_diagonal(apart, np.inf)
    return 1.2 * float(apart.min(axis=1).mean())


def brute_force(positions: Array, cluster: Ints) -> list[tuple[set[int], shapely.Polygon]]:
    """Rows and outline of each cluster, disc by disc and part by part."""
    found = []
    for one in range(cluster.max() + 1):
        rows = np.flatnonzero(cluster == one)
        epsilon = epsilon_of(positions[rows])
        each = [shapely.Point(p).buffer(2 * epsilon, quad_segs=FINE) for p in positions[rows]]
        parts = shapely.get_parts(shapely.union_all(each).buffer(-epsilon, quad_segs=FINE))
        for part in parts:
            holes = [h for h in part.interiors if shapely.Polygon(h).area >= 4 * np.pi * epsilon**2]
            inside = rows[shapely.intersects_xy(part, positions[rows, 0], positions[rows, 1])]
            if len(parts) == 1 or len(np.unique(positions[inside], axis=0)) >= 3:
                found.append((set(inside.tolist()), shapely.Polygon(part.exterior, holes)))
    return found


def rows_of(segmentation: Segmentation) -> list[set[int]]:
    return [
        set(np.flatnonzero(segmentation.cluster == one).tolist())
        for one in range(segmentation.n_clusters)
    ]


def areas_by_rows(segmentation: Segmentation) -> dict[frozenset[int], float]:
    areas = shapely.area(segmentation.outlines)
    return dict(zip(map(frozenset, rows_of(segmentation)), areas.tolist(), strict=True))


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


# --- 3D ---


def test_lone_balls_have_the_volume_of_balls() -> None:
    positions = np.array([[0.0, 0, 0], [1000, 0, 0], [500, 900, 10]])
    part, volumes, _ = solids._voxelised(positions, 50.0)
    assert sorted(part.tolist()) == [0, 1, 2]
    # 268 voxels make such a ball: rounding at its surface is worth a few of them.
    assert volumes == pytest.approx(np.full(3, 4 / 3 * np.pi * 50**3), rel=0.03)


def test_a_dense_ball_has_its_volume() -> None:
    generator = np.random.default_rng(2)
    direction = generator.normal(size=(1500, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    positions = 100 * direction * generator.random((1500, 1)) ** (1 / 3)
    segmentation = outline(positions, np.zeros(1500, int))
    # Between the ball that holds all members and that ball grown by ε; randomly placed members
    # leave dents between them, at 1500 as deep as the growth.
    epsilon = epsilon_of(positions)
    inner, outer = (4 / 3 * np.pi * r**3 for r in (100, 100 + epsilon))
    assert 0.95 * inner < segmentation.volumes_nm3[0] < outer
    assert np.pi * 95**2 < segmentation.outlines[0].area < np.pi * (100 + epsilon) ** 2


@pytest.mark.parametrize("seed", range(3))
def test_voxels_agree_with_balls_sampled_at_random(seed: int) -> None:
    generator = np.random.default_rng(seed)
    positions = generator.normal(0, 30, (12, 3))
    epsilon = epsilon_of(positions)
    _, volumes, _ = solids.solid_parts(positions, epsilon)
    # Samples in the union stay if they are further than ε from its surface: from those of 4,000
    # places on each ball that no other ball covers.
    n = np.arange(4000) + 0.5
    height, turn = 1 - n / 2000, np.pi * (1 + np.sqrt(5)) * n
    flat = np.sqrt(1 - height**2)
    sphere = np.column_stack((flat * np.cos(turn), flat * np.sin(turn), height))
    surface = (positions[:, None] + 2 * epsilon * sphere).reshape(-1, 3)
    members = cKDTree(positions)
    exposed = surface[np.asarray(members.query(surface)[0]) > 2 * epsilon * (1 - 1e-9)]
    low, high = positions.min(axis=0) - 2 * epsilon, positions.max(axis=0) + 2 * epsilon
    samples = generator.uniform(low, high, (100_000, 3))
    inside = np.asarray(members.query(samples)[0]) < 2 * epsilon
    inside &= np.asarray(cKDTree(exposed).query(samples)[0]) > epsilon
    expected = inside.mean() * np.prod(high - low)
    # Chance is worth 1 % here; voxels make thin necks and dents somewhat too large.
    assert 0.98 * expected < volumes.sum() < 1.1 * expected


def test_a_flat_cluster_in_space_has_the_outline_it_has_in_the_plane() -> None:
    generator = np.random.default_rng(8)
    cluster = np.repeat([0, 1, 2], 60)
    angle, radius = generator.uniform(0, 2 * np.pi, 180), 80 * np.sqrt(generator.random(180))
    positions = radius[:, None] * np.column_stack((np.cos(angle), np.sin(angle)))
    positions[:, 0] += 300 * cluster
    flat = np.column_stack((positions, np.full(len(positions), 25.0)))
    plane, space = outline(positions, cluster), outline(flat, cluster)
    assert (plane.cluster == space.cluster).all()
    assert shapely.area(space.outlines) == pytest.approx(shapely.area(plane.outlines), rel=1e-6)
    # A slab: twice ε at its thickest.
    for one in range(plane.n_clusters):
        rows = plane.cluster == one
        thickness = space.volumes_nm3[one] / plane.outlines[one].area
        assert epsilon_of(positions[rows]) * 0.8 < thickness < epsilon_of(positions[rows]) * 2.4


def test_balls_far_apart_become_clusters_of_their_own() -> None:
    solid = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10], [5.0, 5, 5]])
    # Above each other: apart in space, together in x and y.
    positions = np.concatenate((at(solid, 0, 0, 500), solid, at(solid[:2], 900, 0, 0)))
    segmentation = outline(positions, Segmentation(np.zeros(12, int), label=np.array([2])))
    assert segmentation.cluster.tolist() == [0] * 5 + [1] * 5 + [-1] * 2
    assert segmentation.label.tolist() == [2, 2]
    assert segmentation.volumes_nm3[0] == pytest.approx(segmentation.volumes_nm3[1], rel=0.1)
    assert segmentation.outlines[0].equals(segmentation.outlines[1])


def test_in_space_an_outline_may_have_parts_of_the_whole() -> None:
    # A chain that arches over: connected in space, its middle drawn from few members in x and y.
    arch = np.array([[0.0, 0, 0], [0, 0, 30], [0, 0, 60], [0, 0, 90], [60, 0, 75], [120, 0, 90]])
    arch = np.concatenate((arch, at(arch[:4], 150, 0, 0)))
    segmentation = outline(arch, np.zeros(len(arch), int))
    assert segmentation.n_clusters == 1
    assert segmentation.outlines[0].area > 0


def test_small_cavities_are_filled_and_large_ones_kept() -> None:
    around = np.zeros((11, 11, 11), bool)
    around[1:10, 1:10, 1:10] = True
    around[3:6, 3:6, 3:6] = False
    kept, filled = around.copy(), around.copy()
    solids._fill_cavities(kept, 27)
    solids._fill_cavities(filled, 28)
    assert kept.sum() == 9**3 - 27
    assert filled.sum() == 9**3


def test_a_sparse_cluster_has_the_volumes_of_its_parts_alone() -> None:
    quadruple = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    corners = np.random.default_rng(0).uniform(0, 4000, (200, 3))
    segmentation = outline((corners[:, None] + quadruple).reshape(-1, 3), np.zeros(800, int))
    alone = outline(quadruple, [0] * 4).volumes_nm3[0]
    assert (
        segmentation.cluster.reshape(200, 4).tolist()
        == np.arange(200)[:, None].repeat(4, 1).tolist()
    )
    assert segmentation.volumes_nm3 == pytest.approx(np.full(200, alone), rel=0.02)


def test_dense_blobs_far_apart_have_the_volumes_they_have_alone() -> None:
    blob = np.random.default_rng(1).normal(0, 15, (300, 3))
    alone = outline(blob, np.zeros(300, int))
    both = outline(np.concatenate((blob, at(blob, 4000, 0, 0))), np.zeros(600, int))
    assert both.n_clusters == 2 * alone.n_clusters
    twice = np.repeat(np.sort(alone.volumes_nm3), 2)
    assert np.sort(both.volumes_nm3) == pytest.approx(twice, rel=0.02)


@pytest.mark.parametrize("pairs", [30, 2_000_000])
def test_balls_touch_in_steps_of_at_most_the_reach(
    pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solids, "PAIRS", pairs)
    for seed in range(4):
        positions = np.random.default_rng(seed).uniform(0, 100, (60, 3))
        together = solids._touching(positions, 18.0)
        # Step by step from each localization, until nothing more is reached.
        steps = np.linalg.norm(positions[:, None] - positions, axis=2) <= 18
        reached = np.linalg.matrix_power(steps.astype(float), 60) > 0
        assert 1 < together.max() < 59
        assert ((together[:, None] == together) == reached).all()
        assert np.unique(together).tolist() == list(range(together.max() + 1))


def test_a_shell_does_not_swallow_what_lies_within_without_touching() -> None:
    generator = np.random.default_rng(3)
    direction = generator.normal(size=(400, 3))
    shell = 100 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    core = generator.normal(0, 5, (50, 3))
    segmentation = outline(np.concatenate((shell, core)), np.zeros(450, int))
    assert segmentation.cluster.tolist() == [0] * 400 + [1] * 50
    epsilon = epsilon_of(np.concatenate((shell, core)))
    assert segmentation.volumes_nm3[0] < 4 / 3 * np.pi * (
        (100 + epsilon) ** 3 - (100 - epsilon) ** 3
    )


def test_clusters_that_need_too_many_voxels_are_warned_of_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solids, "MAX_VOXELS", 5000)
    blob = np.random.default_rng(4).normal(0, 30, (60, 3))
    positions = np.concatenate((blob, at(blob, 5000, 0, 0), [[0, 0, 900], [9, 9, 900]]))
    cluster = np.repeat([0, 1, 2], [60, 60, 2])
    with pytest.warns(
        DataWarning, match="the volumes of 2 of 3 clusters are overestimated"
    ) as seen:
        coarse = outline(positions, cluster)
    assert len(seen) == 1
    assert seen[0].filename == __file__
    monkeypatch.undo()
    fine = outline(positions, cluster)
    assert coarse.volumes_nm3.sum() > fine.volumes_nm3.sum()


def test_voxels_are_as_fine_as_their_number_lets_them_be() -> None:
    extent = np.full(3, 1e6)
    voxel = solids._voxel(extent, 1.0)
    assert np.prod(solids._shape(extent, 1.0, voxel)) <= solids.MAX_VOXELS
    assert solids._voxel(np.zeros(3), 1.0) == 0.25


# --- at scale ---


def same(one: Segmentation, other: Segmentation) -> bool:
    """Whether two results are the same, to a millionth of a nm; where a ring begins is free."""
    shapes, others = shapely.normalize(one.outlines), shapely.normalize(other.outlines)
    return (
        one.cluster.tolist() == other.cluster.tolist()
        and one.label.tolist() == other.label.tolist()
        and bool(shapely.equals_exact(shapes, others, 1e-6).all())
    )


def pairs_by_hand(unit: Array, group: Ints) -> set[tuple[int, int]]:
    apart = np.linalg.norm(unit[:, None] - unit, axis=2)
    within = (apart < 1) & (group[:, None] == group) & ~np.eye(len(unit), dtype=bool)
    return set(zip(*(side.tolist() for side in np.nonzero(within)), strict=True))


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("fewest_and_most", [1, 70, 100_000])
def test_batches_change_nothing(
    n_dimensions: int, fewest_and_most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions, cluster = blobs(7, n_clusters=20, n_dimensions=n_dimensions)
    # A cluster of two and one of a place only, which have no extent, as the first and the last.
    positions = np.concatenate((positions, positions[:2], positions[[0, 0, 0]]))
    cluster = np.concatenate((np.where(cluster >= 0, cluster + 1, -1), [0] * 2, [21] * 3))
    given = Segmentation(cluster, label=np.arange(22) % 3 + 1)
    expected = outline(positions, given)
    monkeypatch.setattr(clusters, "FEWEST", fewest_and_most)
    monkeypatch.setattr(clusters, "MOST", fewest_and_most)
    cut: list[int] = []
    parts_of = clusters.parts_of

    def counted(own: Array, ids: Ints) -> object:
        cut.append(int(ids.max()) + 1)
        return parts_of(own, ids)

    monkeypatch.setattr(clusters, "parts_of", counted)
    found = outline(positions, given)
    assert same(found, expected)
    assert found.volumes_nm3.tolist() == expected.volumes_nm3.tolist()
    assert sum(cut) == 22
    assert (len(cut) == 1) == (fewest_and_most == 100_000)
    if fewest_and_most == 1:
        assert cut == [1] * 22


@pytest.mark.parametrize("all_pairs", [0, 20, 40])
def test_large_clusters_are_treated_like_small_ones(
    all_pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    positions, cluster = blobs(8, n_clusters=12)
    expected = outline(positions, cluster)
    monkeypatch.setattr(near, "ALL_PAIRS", all_pairs)
    monkeypatch.setattr(near, "PAIRS", 500)
    assert same(outline(positions, cluster), expected)


@pytest.mark.parametrize("all_pairs", [0, 15, 128])
@pytest.mark.parametrize("pairs", [40, 1 << 18])
def test_pairs_and_nearest_neighbours_equal_brute_force(
    all_pairs: int, pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near, "ALL_PAIRS", all_pairs)
    monkeypatch.setattr(near, "PAIRS", pairs)
    generator = np.random.default_rng(all_pairs + pairs)
    size = np.array([1, 30, 2, 14, 15, 16, 1, 29, 3])
    group = np.repeat(np.arange(len(size)), size)
    unit = generator.uniform(0, 3, (len(group), 2))
    found = list(near.near_pairs(unit, group))
    rows = np.concatenate([block.rows for block in found])
    assert np.sort(rows).tolist() == list(range(len(group)))
    own = np.concatenate([np.repeat(block.rows, block.n_near) for block in found])
    other = np.concatenate([block.other for block in found])
    assert len(own) == len(pairs_by_hand(unit, group))
    assert set(zip(own.tolist(), other.tolist(), strict=True)) == pairs_by_hand(unit, group)
    apart = np.column_stack([np.concatenate([getattr(b, d) for b in found]) for d in ("dx", "dy")])
    assert apart == pytest.approx(unit[other] - unit[own], abs=1e-12)
    distance = np.concatenate([block.distance for block in found])
    assert distance == pytest.approx(np.linalg.norm(apart, axis=1), abs=1e-12)

    everywhere = np.linalg.norm(unit[:, None] - unit, axis=2)
    everywhere[(group[:, None] != group) | np.eye(len(group), dtype=bool)] = np.inf
    nearest = everywhere.min(axis=1)
    nearest[np.isinf(nearest)] = 0
    assert near.nearest_distances(unit, group) == pytest.approx(nearest, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_discs_know_their_polygon(seed: int) -> None:
    generator = np.random.default_rng(seed)
    group = np.repeat(np.arange(3), [40, 300, 5])
    centres = generator.uniform(0, 100, (len(group), 2))
    polygons, owner, of_disc = discs.union_of_discs(centres, group, np.array([6.0, 2.5, 8.0]))
    assert len(polygons) > 20
    assert (owner[of_disc] == group).all()
    assert shapely.intersects_xy(polygons[of_disc], *centres.T).all()
    assert np.unique(of_disc).tolist() == list(range(len(polygons)))


def test_positions_are_in_the_polygon_of_their_own_group() -> None:
    polygons = np.array([shapely.box(0, 0, 2, 2), shapely.box(3, 0, 5, 2), shapely.box(0, 0, 9, 9)])
    positions = np.array([[1.0, 1], [4, 1], [2.5, 1], [2.5, 1], [20, 1]])
    found = discs.containing(positions, np.array([0, 0, 0, 1, 1]), polygons, np.array([0, 0, 1]))
    assert found.tolist() == [0, 1, -1, 2, -1]


def test_a_cluster_that_only_the_erosion_takes_apart() -> None:
    # Two squares 47 nm apart, ε 12: a neck 10 + 2·√(24² − 23.5²) = 19.7 wide is between the discs
    # of 24, and less than 2ε. Another such cluster lies over it.
    pair = np.concatenate((SQUARE, at(SQUARE, 57, 0)))
    positions = np.concatenate((pair, pair + 1))
    assert len(discs.union_of_discs(pair, np.zeros(8, int), np.array([24.0]))[0]) == 1
    segmentation = outline(positions, np.repeat([0, 1], 8))
    assert segmentation.cluster.tolist() == np.repeat([0, 1, 2, 3], 4).tolist()


def test_one_cluster_of_100_000_among_small_ones() -> None:
    generator = np.random.default_rng(12)
    side = np.arange(-180, 180)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    grid = grid[np.linalg.norm(grid, axis=1) < 178.5] + 0.0
    grid += generator.uniform(-0.2, 0.2, grid.shape)
    small, small_id = blobs(12, n_clusters=5)
    free = small_id < 0
    positions = np.concatenate((small, grid))
    ids = np.concatenate((np.where(small_id > 1, small_id + 1, small_id), np.full(len(grid), 2)))
    segmentation = outline(positions, ids)
    alone = outline(small, small_id)
    assert len(grid) > 100_000
    giant = segmentation.cluster[len(small)]
    assert (segmentation.cluster[len(small) :] == giant).all()
    epsilon = 1.2 * np.asarray(cKDTree(grid).query(grid, 2)[0])[:, 1].mean()
    area = segmentation.outlines[giant].area
    assert np.pi * 178.5**2 < area < np.pi * (178.5 + 0.2 * np.sqrt(2) + epsilon) ** 2
    others = segmentation.cluster[: len(small)]
    assert np.where(others > giant, others - 1, others).tolist() == alone.cluster.tolist()
    assert (others[free] == -1).all()


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
