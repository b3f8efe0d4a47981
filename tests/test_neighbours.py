"""Neighbours, against brute force and by hand, found by SciPy and by the compiled search."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import caml
from caml import _machine
from caml.errors import InputError
from caml.neighbours import CHUNK, Neighbours, NeighbourSearch, nearest_neighbours

WAYS = {"SciPy": 10**12, "compiled": 0}


@pytest.fixture(params=list(WAYS), autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take either search, whatever the size."""
    monkeypatch.setattr(_machine, "COMPILED_FROM", WAYS[request.param])


def brute_force(
    positions: npt.NDArray[np.floating[Any]], k: int
) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.int64]]:
    """Measure all pairs; order by squared distance in single precision, then by index."""
    squared = ((positions[:, None] - positions[None]) ** 2).sum(axis=2)
    key = squared.astype(np.float32)
    np.fill_diagonal(key, np.inf)
    indices = np.argsort(key, axis=1, kind="stable")[:, :k]
    return np.sqrt(np.take_along_axis(squared, indices, axis=1)), indices


def arrangement(name: str, n_dimensions: int) -> npt.NDArray[np.float64]:
    generator = np.random.default_rng(7)
    n = 150
    uniform = generator.uniform(0, 1000, (n, n_dimensions))
    if name == "collinear":
        uniform[:, 1:] = 3.0
    elif name == "lattice":
        side = np.arange(13.0 if n_dimensions == 2 else 6.0) * 20
        axes = np.meshgrid(*[side] * n_dimensions)
        uniform = np.column_stack([axis.ravel() for axis in axes])
    elif name == "nearly a lattice":
        uniform = np.round(uniform / 200) * 200 + np.arange(n)[:, None] * 1e-9
    elif name == "duplicates":
        uniform[50:100] = uniform[:50]
    elif name == "identical":
        uniform[:] = 5.0
    elif name == "dense spot":
        uniform[20:] = 500 + generator.normal(0, 0.1, (n - 20, n_dimensions))
    elif name == "far away":
        uniform += 1e7
    return uniform


ARRANGEMENTS = (
    "uniform", "collinear", "lattice", "nearly a lattice", "duplicates", "identical", "dense spot",
    "far away",
)  # fmt: skip


@pytest.mark.parametrize("k", [1, 2, 20, 100])
@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_neighbours_are_those_of_brute_force(name: str, n_dimensions: int, k: int) -> None:
    positions = arrangement(name, n_dimensions)
    distances, indices = brute_force(positions, k)
    neighbours = nearest_neighbours(positions, k, indices=True)
    np.testing.assert_array_equal(neighbours.indices, indices)
    np.testing.assert_allclose(neighbours.distances, distances, rtol=2e-7, atol=1e-20)
    alone = nearest_neighbours(positions, k)
    np.testing.assert_array_equal(alone.distances, neighbours.distances)
    assert alone.indices.shape == (len(positions), 0)


@pytest.mark.parametrize("n", [15, 16, 17, 31, 33, 100, 1_023, 1_025])
def test_leaves_and_chunks_that_are_not_full(n: int) -> None:
    positions = np.random.default_rng(n).normal(0, 300, (n, 2))
    for k in (1, n // 2, n - 1):
        neighbours = nearest_neighbours(positions, k, indices=True)
        np.testing.assert_array_equal(neighbours.indices, brute_force(positions, k)[1])


@pytest.mark.parametrize("seed", range(6))
def test_density_may_change_a_millionfold(seed: int) -> None:
    generator = np.random.default_rng(seed)
    spots = [
        generator.uniform(0, 1e5, 2) + generator.normal(0, 10.0**power, (300, 2))
        for power in generator.integers(-3, 5, 5)
    ]
    positions = generator.permutation(np.concatenate(spots))
    for k in (3, 150):
        distances, indices = brute_force(positions, k)
        neighbours = nearest_neighbours(positions, k, indices=True)
        np.testing.assert_array_equal(neighbours.indices, indices)
        np.testing.assert_allclose(neighbours.distances, distances, rtol=2e-7)


def test_many_duplicates_of_few_positions() -> None:
    positions = np.random.default_rng(0).integers(0, 4, (2_000, 2)) * 10.0
    neighbours = nearest_neighbours(positions, 130, indices=True)
    np.testing.assert_array_equal(neighbours.indices, brute_force(positions, 130)[1])


def test_error_stays_below_a_thousandth_of_a_nanometre_in_a_field_of_a_millimetre() -> None:
    generator = np.random.default_rng(3)
    # A corner of the field, where single precision of the positions would lose 0.06 nm.
    positions = 1e6 + generator.uniform(-4_000, 0, (2_000, 2))
    found = nearest_neighbours(positions, 100)
    assert found.distances.dtype == np.float32
    assert np.abs(found.distances - brute_force(positions, 100)[0]).max() < 1e-3


def test_wide_gaps_are_measured_in_double_precision() -> None:
    positions = np.random.default_rng(3).uniform(0, 1e6, (500, 2))
    found = nearest_neighbours(positions, 40, indices=True)
    assert found.distances.dtype == np.float64
    np.testing.assert_allclose(found.distances, brute_force(positions, 40)[0], rtol=1e-12)


def test_both_ways_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(9)
    positions = np.round(generator.normal(0, 500, (3_000, 3)), 1)
    found = []
    for way in WAYS.values():
        monkeypatch.setattr(_machine, "COMPILED_FROM", way)
        found.append(nearest_neighbours(positions, 60, indices=True))
    np.testing.assert_array_equal(found[0].distances, found[1].distances)
    np.testing.assert_array_equal(found[0].indices, found[1].indices)


def test_all_others_are_neighbours_at_k_equal_to_n_minus_1() -> None:
    positions = arrangement("uniform", 2)[:8]
    assert nearest_neighbours(positions, k=7).distances.shape == (8, 7)
    with pytest.raises(InputError, match=r"k = 8 neighbours need.*got 8"):
        nearest_neighbours(positions, k=8)


def test_positions_that_are_not_finite_are_nobodys_neighbours() -> None:
    positions = np.array([[0.0, 0], [np.nan, 0], [1, 0], [3, 0]])
    neighbours = nearest_neighbours(positions, k=2, indices=True)
    assert neighbours.indices.tolist() == [[2, 3], [-1, -1], [0, 3], [2, 0]]
    assert np.isnan(neighbours.distances[1]).all()


def test_localizations_are_taken_as_arrays_are() -> None:
    positions = arrangement("uniform", 2)
    by_array = caml.nearest_neighbours(positions, k=5)
    by_localizations = caml.nearest_neighbours(caml.Localizations(positions), k=5)
    np.testing.assert_array_equal(by_array.distances, by_localizations.distances)


def collect(search: NeighbourSearch, k: int, **options: Any) -> list[tuple[Any, Neighbours]]:
    return list(search.chunks(k, lambda subset, near: (subset, near), **options))


def test_chunks_cover_every_distinct_position_once() -> None:
    positions = np.random.default_rng(1).normal(0, 100, (2 * CHUNK + 5, 2))
    positions[-20:] = positions[:20]
    search = NeighbourSearch(positions)
    assert len(search) == 2 * CHUNK - 15
    chunks = collect(search, 5)
    assert len(chunks) == 2
    seen = np.concatenate([subset for subset, _ in chunks])
    assert sorted(seen.tolist()) == list(range(len(search)))


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_wanted_ones_are_found_among_all_distinct_positions(n_dimensions: int) -> None:
    positions = arrangement("duplicates", n_dimensions)
    search = NeighbourSearch(positions)
    distances, indices = brute_force(search.positions, 9)
    for share in (0.0, 0.1, 0.9, 1.0):
        wanted = np.random.default_rng(2).random(len(search)) < share
        seen = []
        for subset, near in collect(search, 9, indices=True, wanted=wanted):
            np.testing.assert_array_equal(near.indices, indices[subset])
            np.testing.assert_allclose(near.distances, distances[subset], rtol=2e-7)
            seen += subset.tolist()
        assert sorted(seen) == np.flatnonzero(wanted).tolist()


def test_twins_and_first_rows_by_hand() -> None:
    rows = [[5.0, 5.0], [1.0, 1.0], [5.0, 5.0], [np.nan, 1.0], [1.0, 1.0], [0.0, 9.0], [-0.0, 9.0]]
    search = NeighbourSearch(np.array(rows))
    assert search.rows.tolist() == [0, 1, 5]
    assert search.twin.tolist() == [0, 1, 0, -1, 1, 2, 2]
    assert search.expand(np.array([10, 20, 30]), -1).tolist() == [10, 20, 10, -1, 20, 30, 30]


def test_nothing_at_all_is_no_error() -> None:
    search = NeighbourSearch(np.empty((0, 2)))
    assert (len(search), collect(search, 3)) == (0, [])
