"""Every input of networks, by hand and by what must not change it."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from caml.errors import ModelError
from caml.features import INPUTS, features, network_input, relative_coordinates
from caml.neighbours import Neighbours, nearest_neighbours

DISTANCES = [name for name, what in INPUTS.items() if not what.of_coordinates]
OF_SCALE = ["distances", "log_distances"]
FREE_OF_SCALE = [name for name in DISTANCES if name not in OF_SCALE]
Floats = npt.NDArray[np.float64]

# Steps 2, 1, 2, 4 of squares 4, 1, 4, 16.
FOUR = [2.0, 3.0, 5.0, 9.0]
BY_HAND: dict[str, tuple[list[float], list[float]]] = {
    "norm_self": (FOUR, [1 / 3, 0, 1 / 3, 1]),
    "log_distances": ([0, math.e - 1, 99], [0, 1, math.log(100)]),
    "distances": (FOUR, FOUR),
    "distances_l2": ([2, 3, 6], [2 / 7, 3 / 7, 6 / 7]),
    "steps_l2": (FOUR, [0.4, 0.2, 0.4, 0.8]),
    "steps_over_first": (FOUR, [1, 0.5, 1, 2]),
    "steps_over_smallest": (FOUR, [2, 1, 2, 4]),
    "steps_over_largest": (FOUR, [0.5, 0.25, 0.5, 1]),
}


def random_distances(seed: int, n: int = 60, k: int = 20) -> Floats:
    return np.sort(np.random.default_rng(seed).gamma(2, 50, (n, k)), axis=1)


def test_every_input_is_shown_here() -> None:
    assert [*BY_HAND, "relative_coordinates"] == list(INPUTS)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize("name", DISTANCES)
def test_by_hand(name: str, precision: type[np.floating]) -> None:
    distances, expected = BY_HAND[name]
    given = np.array([distances], dtype=precision)
    computed = INPUTS[name].function(given)
    np.testing.assert_allclose(computed, [expected], rtol=1e-6)
    assert computed.dtype == np.float32
    assert given.tolist() == np.array([distances], dtype=precision).tolist()


@pytest.mark.parametrize("name", DISTANCES)
def test_each_localization_is_by_itself(name: str) -> None:
    distances = random_distances(0)
    every = INPUTS[name].function(distances)
    for row in (0, 7, 59):
        alone = INPUTS[name].function(distances[row : row + 1])
        np.testing.assert_array_equal(alone[0], every[row])
    assert INPUTS[name].function(distances[:0]).shape == (0, 20)


@pytest.mark.parametrize(
    ("name", "distances"),
    [
        ("norm_self", [2, 4, 6]),
        ("distances_l2", [0, 0, 0]),
        ("steps_l2", [0, 0, 0]),
        ("steps_over_first", [0, 3, 7]),
        ("steps_over_smallest", [2, 2, 7]),
        ("steps_over_largest", [0, 0, 0]),
    ],
)
def test_nothing_to_divide_by_gives_nought(name: str, distances: list[float]) -> None:
    given = np.array([distances, FOUR[:3]], dtype=float)
    computed = INPUTS[name].function(given)
    assert computed[0].tolist() == [0, 0, 0]
    # Its neighbour in the array is computed all the same.
    assert computed[1].max() > 0


def test_the_inputs_free_of_scale_are_those_that_divide() -> None:
    distances = random_distances(1)
    for name in FREE_OF_SCALE:
        expected = INPUTS[name].function(distances)
        for scale in (1e-3, 7.0, 1e4):
            # As far apart as single precision tells values of this size.
            np.testing.assert_allclose(
                INPUTS[name].function(scale * distances), expected, rtol=1e-5, atol=1e-6
            )
    for name in OF_SCALE:
        once, twice = (INPUTS[name].function(scale * distances) for scale in (1, 2))
        assert (twice > once).all()


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("seed", range(3))
def test_values_lie_between_lowest_and_highest(name: str, seed: int) -> None:
    what = network_input(name)
    if what.of_coordinates:
        given = np.random.default_rng(seed).normal(0, 300, (200, 10, 3))
        given[0] = 0
        # The furthest to one side, and to the other.
        given[1, 1:] = given[2, 1:] = 0
        given[1, 0], given[2, 0] = [2, 3, 1], [0, -3, 0]
    else:
        given = random_distances(seed, n=200)
        given[0] = 0
        given[1, :-1] = 0
        given[2] = given[2, 0]
    for precision in (np.float32, np.float64):
        computed = what.function(given.astype(precision))
        # Within the bounds, and these no wider than they need be.
        assert computed.min() == what.lowest
        assert computed.max() == what.highest or what.highest == np.inf


def test_relative_coordinates_by_hand() -> None:
    # The ranges, the localization itself counted: x from −3 to 1, y from 0 to 2.
    offsets = np.array([[[1.0, 0.0], [-3.0, 2.0]]])
    assert relative_coordinates(offsets).tolist() == [[[0.25, 0], [-0.75, 0.5]]]
    # Neighbours on one side: x from 0 to 4, y from 0 to 2, z from −5 to 0.
    offsets = np.array([[[4.0, 1.0, -5.0], [2.0, 2.0, 0.0]]])
    computed = relative_coordinates(offsets)
    np.testing.assert_allclose(computed, [[[0.8, 0.2, -1], [0.4, 0.4, 0]]], rtol=1e-6)
    assert computed.dtype == np.float32
    assert offsets.tolist() == [[[4, 1, -5], [2, 2, 0]]]
    assert relative_coordinates(np.zeros((1, 2, 3))).tolist() == [[[0, 0, 0]] * 2]


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_relative_coordinates_of_positions(n_dimensions: int) -> None:
    positions = np.random.default_rng(2).random((80, n_dimensions)) * 1000
    near = nearest_neighbours(positions, k=6, indices=True)
    computed = features(near, "relative_coordinates", positions=positions)
    for row, others in enumerate(near.indices):
        seen = np.vstack((positions[row], positions[others]))
        expected = (seen[1:] - seen[0]) / np.ptp(seen, axis=0).max()
        np.testing.assert_allclose(computed[row], expected, rtol=0, atol=1e-6)
    for moved in (positions + 12_345, positions / 1000, -positions):
        again = features(near, "relative_coordinates", positions=moved)
        sign = -1 if moved[0, 0] < 0 else 1
        np.testing.assert_allclose(again, sign * computed, rtol=0, atol=1e-5)


def test_features_of_a_subset() -> None:
    positions = np.random.default_rng(3).random((50, 2)) * 1000
    near = nearest_neighbours(positions, k=4, indices=True)
    subset = np.array([40, 3, 17])
    some = Neighbours(near.distances[subset], near.indices[subset])
    for name in INPUTS:
        every = features(near, name, positions=positions)
        of_these = features(some, name, positions=positions, subset=subset)
        np.testing.assert_array_equal(of_these, every[subset])
        assert of_these.shape == (3, *network_input(name).shape(4, 2))
        assert of_these.dtype == np.float32


def test_an_input_of_distances_needs_neither_positions_nor_indices() -> None:
    near = Neighbours(np.array([FOUR]), np.empty((1, 0), dtype=int))
    assert features(near, "steps_over_first").tolist() == [[1, 0.5, 1, 2]]
    with pytest.raises(ModelError, match="relative_coordinates is computed from positions, and no"):
        features(near, "relative_coordinates")


def test_an_unknown_name_lists_the_known() -> None:
    text = "'telepathy'; there are: norm_self, .*, steps_over_largest, relative_coordinates$"
    with pytest.raises(ModelError, match=text):
        network_input("telepathy")
    with pytest.raises(ModelError, match=text):
        features(Neighbours(np.array([FOUR]), np.zeros((1, 4), dtype=int)), "telepathy")


def test_shapes() -> None:
    assert network_input("relative_coordinates").shape(7, 3) == (7, 3)
    assert network_input("log_distances").shape(7, 3) == (7,)
