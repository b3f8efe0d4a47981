"""Outlines of many and of large clusters: batches, blocks and pairs change nothing."""

import importlib

import numpy as np
import pytest
import shapely
from scipy.spatial import cKDTree

from caml.outline import outline
from caml.segment import Segmentation
from outlines_by_hand import (
    SQUARE,
    Array,
    Ints,
    at,
    blobs,
)

clusters = importlib.import_module("caml.outline._clusters")
discs = importlib.import_module("caml.outline._discs")
near = importlib.import_module("caml.outline._near")


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
