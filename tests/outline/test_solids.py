"""Outlines in space: balls, voxels, and the volumes they have."""

import importlib

import numpy as np
import pytest
import shapely
from scipy.spatial import cKDTree

from caml.errors import DataWarning
from caml.outline import outline
from caml.segment import Segmentation
from outlines_by_hand import (
    at,
    epsilon_of,
)

solids = importlib.import_module("caml.outline._solids")


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
