"""The training pool."""

import dataclasses
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from caml.errors import ModelError, ScenarioError
from caml.simulate import Scenario, fibre_scenarios, simulate
from caml.train.draw import _draw_shares, _measure_image, build_pool
from caml.train.pool import Pool, PoolSettings, cells_of, digest

SCENARIOS = tuple(
    Scenario(density=density, n_per_cluster=20, percent_clustered=50, radius_nm=50, field_um=15)
    for density in (50, 100)
)
SMALL = PoolSettings(k=30, n_train=500, n_validation=100, n_test=101, n_replicates=2, seed=4)


@pytest.fixture(scope="module")
def pool() -> Pool:
    return build_pool(SCENARIOS, SMALL, n_jobs=1)


def test_parts_have_their_sizes_and_balanced_labels(pool: Pool) -> None:
    assert pool.neighbours.shape == (701, 30)
    for name, size in (("train", 500), ("validation", 100), ("test", 101)):
        labels = pool.label[pool.part(name)]
        assert len(labels) == size
        assert labels.sum() == size // 2


def test_labels_are_in_random_order(pool: Pool) -> None:
    runs = 1 + int((np.diff(pool.label.astype(int)) != 0).sum())
    # 701 fair coins make 351 runs, give or take 13.
    assert 290 < runs < 410


def test_distances_are_those_of_the_simulated_images(pool: Pool) -> None:
    measured = []
    for number in range(4):
        generator = np.random.default_rng(np.random.SeedSequence((SMALL.seed, number)))
        simulation = simulate(SCENARIOS[number % 2], seed=generator)
        positions = simulation.localizations.positions
        distances = np.asarray(cKDTree(positions).query(positions, 31)[0])[:, 1:].astype(np.float32)
        measured += [
            (tuple(row), label)
            for row, label in zip(distances.tolist(), simulation.true_label.tolist(), strict=True)
        ]
    known = set(measured)
    found = list(zip(map(tuple, pool.neighbours.tolist()), pool.label.tolist(), strict=True))
    assert set(found) <= known
    assert len(set(found)) == len(found)


def test_processes_make_no_difference(pool: Pool) -> None:
    seen: list[tuple[int, int]] = []
    again = build_pool(
        SCENARIOS, SMALL, n_jobs=2, progress=lambda n, total: seen.append((n, total))
    )
    np.testing.assert_array_equal(again.neighbours, pool.neighbours)
    np.testing.assert_array_equal(again.label, pool.label)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_pool_is_kept_and_opened(pool: Pool, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds no whole pool"):
        Pool.open(tmp_path)
    pool.save(tmp_path)
    held = Pool.open(tmp_path)
    np.testing.assert_array_equal(held.neighbours, pool.neighbours)
    np.testing.assert_array_equal(held.label, pool.label)
    assert (held.settings, held.scenarios) == (SMALL, digest(SCENARIOS))
    for damage in (b"cut off", b""):
        (tmp_path / "label.npy").write_bytes(damage)
        with pytest.raises(ModelError, match="holds no whole pool"):
            Pool.open(tmp_path)


def test_a_pool_whose_writing_was_cut_short_is_none(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.save(tmp_path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pool.save(tmp_path)
    with pytest.raises(ModelError, match="holds no whole pool"):
        Pool.open(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"k": 20}, ""),
        ({"mix": (2.0, 2.0)}, ""),
        ({"k": 31}, "holds 30 neighbours, not 31"),
        ({"coordinates": True}, "distances, not coordinates"),
        ({"n_dimensions": 3}, "n_dimensions 2, not 3"),
        ({"seed": 5}, "seed 4, not 5"),
        ({"n_labels": 3}, "n_labels 2, not 3"),
        ({"mix": (1.0, 3.0)}, r"shares \(0.5, 0.5\), not \(0.25, 0.75\)"),
        ({"n_test": 102}, "n_test 101, not 102"),
        ({"n_per_image": 0}, "n_per_image 2000, not 0"),
    ],
)
def test_a_pool_stands_for_those_that_need_no_more(
    pool: Pool, change: dict[str, Any], reason: str
) -> None:
    lacking = pool.lacks(dataclasses.replace(SMALL, **change), digest(SCENARIOS))
    assert re.search(reason, lacking) if reason else lacking == ""
    assert "other scenarios" in pool.lacks(SMALL, digest(SCENARIOS[:1]))


def test_coordinates_stand_for_distances(pool: Pool) -> None:
    # The same localizations are drawn, and their neighbours' distances are those kept elsewhere.
    settings = dataclasses.replace(SMALL, coordinates=True)
    offsets = build_pool(SCENARIOS, settings, n_jobs=1)
    assert offsets.neighbours.shape == (701, 30, 2)
    for name in ("norm_self", "log_distances"):
        np.testing.assert_allclose(
            offsets.features(name, 20), pool.features(name, 20), atol=1e-4, rtol=1e-5
        )
    relative = offsets.features("relative_coordinates", 30, slice(3, 9))
    assert relative.shape == (6, 30, 2)
    assert np.abs(relative).max() <= 1
    with pytest.raises(ModelError, match="needs a pool of coordinates"):
        pool.features("relative_coordinates", 30)
    with pytest.raises(ModelError, match="looks at 31 neighbours and the pool holds 30"):
        pool.features("norm_self", 31)


def test_a_mix_of_labels(pool: Pool) -> None:
    settings = dataclasses.replace(SMALL, mix=(3.0, 1.0))
    mixed = build_pool(SCENARIOS, settings, n_jobs=1)
    for name, size in (("train", 500), ("validation", 100), ("test", 101)):
        assert mixed.label[mixed.part(name)].sum() == size // 4
    assert len(mixed.label) == len(pool.label)


@pytest.mark.parametrize(("n_per_image", "ratio"), [(500, 1.0), (0, 2.0)])
def test_images_weigh_alike_or_as_they_hold(n_per_image: int, ratio: float) -> None:
    # The second scenario's images hold twice as many localizations of either label.
    settings = replace(SMALL, n_per_image=n_per_image)
    cells = cells_of(SCENARIOS)
    shares = _draw_shares(cells, settings)
    drawn = [_measure_image(cells, settings, shares, number)[1] for number in range(4)]
    for label in (0, 1):
        counts = [int((one == label).sum()) for one in drawn]
        # Cells differ in their area, by a few per cent, where the number follows from it.
        assert sum(counts[1::2]) / sum(counts[::2]) == pytest.approx(ratio, rel=0.15)


def test_three_labels_and_three_dimensions() -> None:
    discs, fibres = fibre_scenarios()[0]
    cells = [(replace(discs, field_um=20), replace(fibres, field_um=20))]
    settings = PoolSettings(k=5, n_labels=3, n_train=300, n_validation=90, n_test=90)
    pool = build_pool(cells, settings, n_jobs=1)
    assert np.bincount(pool.label).tolist() == [160, 160, 160]
    with pytest.raises(ScenarioError, match="no localization that is in a fibre"):
        build_pool(SCENARIOS, settings)
    solid = Scenario(density=200, n_dimensions=3, radius_nm=50, field_um=10)
    pool = build_pool([solid], replace(SMALL, coordinates=True, n_dimensions=3), n_jobs=1)
    assert pool.neighbours.shape == (701, 30, 3)
    with pytest.raises(ScenarioError, match="must all be 2D, and are 2D and 3D"):
        build_pool([solid, *SCENARIOS], SMALL)


def test_settings_name_every_fault() -> None:
    with pytest.raises(ScenarioError, match=r"k must be at least 1, got 0; mix must be 2 shares"):
        PoolSettings(k=0, mix=(1.0, 0.0))
    with pytest.raises(ScenarioError, match="mix must be 2 shares"):
        PoolSettings(mix=(1.0, float("nan")))
    with pytest.raises(ScenarioError, match="n_per_image must be 0 or above, got -1"):
        PoolSettings(n_per_image=-1)


def test_random_images_have_no_label_to_learn() -> None:
    random = replace(SCENARIOS[0], percent_clustered=0)
    with pytest.raises(ScenarioError, match="no localization that is clustered"):
        build_pool([random], SMALL)
    with pytest.raises(ScenarioError, match="at least one scenario"):
        build_pool([], SMALL)


def test_too_large_a_pool_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"a pool of 700000 localizations.*use a smaller pool"):
        build_pool(SCENARIOS, PoolSettings())
