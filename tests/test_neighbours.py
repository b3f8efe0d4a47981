"""Neighbours, against brute force and by hand."""

import numpy as np
import numpy.typing as npt
import pytest

import caml
from caml.errors import InputError
from caml.neighbours import NeighbourSearch, nearest_neighbours


def brute_force(positions: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.float64]:
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.sort(distances, axis=1)[:, :k]


def arrangement(name: str, n_dimensions: int) -> npt.NDArray[np.float64]:
    generator = np.random.default_rng(7)
    n = 150
    uniform = generator.uniform(0, 1000, (n, n_dimensions))
    if name == "collinear":
        uniform[:, 1:] = 3.0
    elif name == "lattice":
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
    "uniform", "collinear", "lattice", "duplicates", "identical", "dense spot", "far away",
)  # fmt: skip


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_distances_equal_brute_force(name: str, n_dimensions: int) -> None:
    positions = arrangement(name, n_dimensions)
    neighbours = nearest_neighbours(positions, k=20)
    np.testing.assert_allclose(
        neighbours.distances, brute_force(positions, 20), rtol=1e-9, atol=1e-7
    )
    measured = np.linalg.norm(positions[:, None] - positions[neighbours.indices], axis=2)
    np.testing.assert_allclose(measured, neighbours.distances, rtol=1e-9, atol=1e-7)
    assert not (neighbours.indices == np.arange(len(positions))[:, None]).any()


@pytest.mark.parametrize("name", ARRANGEMENTS)
def test_no_neighbour_comes_twice(name: str) -> None:
    indices = nearest_neighbours(arrangement(name, 2), k=20).indices
    assert all(len(set(row)) == 20 for row in indices.tolist())


def test_all_others_are_neighbours_at_k_equal_to_n_minus_1() -> None:
    positions = arrangement("uniform", 2)[:8]
    assert nearest_neighbours(positions, k=7).indices.shape == (8, 7)
    with pytest.raises(InputError, match=r"k = 8 neighbours need.*got 8"):
        nearest_neighbours(positions, k=8)


def test_positions_that_are_not_finite_are_nobodys_neighbours() -> None:
    positions = np.array([[0.0, 0], [np.nan, 0], [1, 0], [3, 0]])
    neighbours = nearest_neighbours(positions, k=2)
    assert neighbours.indices.tolist() == [[2, 3], [-1, -1], [0, 3], [2, 0]]
    assert np.isnan(neighbours.distances[1]).all()


def test_localizations_are_taken_as_arrays_are() -> None:
    positions = arrangement("uniform", 2)
    by_array = caml.nearest_neighbours(positions, k=5)
    by_localizations = caml.nearest_neighbours(caml.Localizations(positions), k=5)
    np.testing.assert_array_equal(by_array.indices, by_localizations.indices)


def test_chunks_cover_every_distinct_position_once() -> None:
    positions = arrangement("duplicates", 2)
    search = NeighbourSearch(positions)
    assert len(search) == 100
    seen = np.concatenate([subset for subset, _ in search.chunks(5, size=7)])
    assert sorted(seen.tolist()) == list(range(100))


def test_chunked_distances_are_among_distinct_positions() -> None:
    positions = arrangement("duplicates", 3)
    search = NeighbourSearch(positions)
    distances = np.empty((len(search), 9))
    for subset, neighbours in search.chunks(9, size=16):
        distances[subset] = neighbours.distances
    np.testing.assert_allclose(distances, brute_force(search.positions, 9), rtol=1e-9)


def test_twins_and_first_rows_by_hand() -> None:
    rows = [[5.0, 5.0], [1.0, 1.0], [5.0, 5.0], [np.nan, 1.0], [1.0, 1.0], [0.0, 9.0]]
    search = NeighbourSearch(np.array(rows))
    assert search.rows.tolist() == [0, 1, 5]
    assert search.twin.tolist() == [0, 1, 0, -1, 1, 2]
    assert search.expand(np.array([10, 20, 30]), -1).tolist() == [10, 20, 10, -1, 20, 30]


def test_nothing_at_all_is_no_error() -> None:
    search = NeighbourSearch(np.empty((0, 2)))
    assert (len(search), list(search.chunks(3))) == (0, [])
