"""The training pool."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from caml.errors import ScenarioError
from caml.simulate import Scenario, simulate
from caml.train.pool import Pool, PoolSettings, build_pool, digest

SCENARIOS = tuple(
    Scenario(density=density, n_per_cluster=20, percent_clustered=50, radius_nm=50, field_um=15)
    for density in (50, 100)
)
SMALL = PoolSettings(k=30, n_train=500, n_validation=100, n_test=101, n_replicates=2, seed=4)


@pytest.fixture(scope="module")
def pool() -> Pool:
    return build_pool(SCENARIOS, SMALL, n_jobs=1)


def test_parts_have_their_sizes_and_balanced_labels(pool: Pool) -> None:
    assert pool.distances.shape == (701, 30)
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
    found = list(zip(map(tuple, pool.distances.tolist()), pool.label.tolist(), strict=True))
    assert set(found) <= known
    assert len(set(found)) == len(found)


def test_processes_make_no_difference(pool: Pool) -> None:
    seen: list[tuple[int, int]] = []
    again = build_pool(
        SCENARIOS, SMALL, n_jobs=2, progress=lambda n, total: seen.append((n, total))
    )
    np.testing.assert_array_equal(again.distances, pool.distances)
    np.testing.assert_array_equal(again.label, pool.label)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_pool_is_kept_and_only_taken_if_it_is_the_one(pool: Pool, tmp_path: Path) -> None:
    assert Pool.load(tmp_path, SMALL, digest(SCENARIOS)) is None
    pool.save(tmp_path)
    loaded = Pool.load(tmp_path, SMALL, digest(SCENARIOS))
    assert loaded is not None
    np.testing.assert_array_equal(loaded.distances, pool.distances)
    assert Pool.load(tmp_path, PoolSettings(k=30, seed=5), digest(SCENARIOS)) is None
    assert Pool.load(tmp_path, SMALL, digest(SCENARIOS[:1])) is None
    for damage in (b"cut off", b""):
        (tmp_path / "label.npy").write_bytes(damage)
        assert Pool.load(tmp_path, SMALL, digest(SCENARIOS)) is None


def test_a_pool_whose_writing_was_cut_short_is_none(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool.save(tmp_path)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pool.save(tmp_path)
    assert Pool.load(tmp_path, SMALL, digest(SCENARIOS)) is None


def test_too_large_a_pool_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"700000 localizations.*use a smaller pool"):
        build_pool(SCENARIOS, PoolSettings())
