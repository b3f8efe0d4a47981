"""The nearest-neighbour chain, against the method taken one localization at a time."""

import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import caml
from caml.classify import Classification
from caml.errors import InputError
from caml.segment import Segmentation, renumber, segment

IntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.float64]


def one_at_a_time(
    positions: FloatArray, score: FloatArray, label: IntArray, k: int
) -> tuple[IntArray, IntArray]:
    """Follow method.md §5 literally, over distinct positions; return cluster and label."""
    neighbours = caml.nearest_neighbours(positions, k, indices=True)
    label = label.copy()
    cut = (label > 0).sum() > 0.95 * len(label)
    cluster = np.full(len(label), -1)
    n_ids = 0
    for i in sorted(np.flatnonzero(label > 0), key=lambda i: -score[i]):
        run: list[int] = []
        for j in neighbours.indices[i]:
            if label[j] != label[i]:
                break
            run.append(int(j))
        if cut and len(run) > 1:
            steps = np.diff(neighbours.distances[i, : len(run)].astype(np.float64))
            off = np.abs(steps - np.median(steps))
            outlying = np.flatnonzero(off > 5 * np.median(off))
            run = run[: outlying[0] + 1] if len(outlying) else run
        if len(run) < 3:
            label[i] = 0
            continue
        together = [int(i), *run]
        ids = [cluster[j] for j in together if cluster[j] >= 0]
        taken = min(ids) if ids else n_ids
        n_ids += not ids
        cluster[together] = taken
    cluster[label <= 0] = -1
    for one in range(n_ids):
        if (cluster == one).sum() < 3:
            cluster[cluster == one] = -1
    return cluster, label


def spread(seed: int, n_dimensions: int = 2) -> FloatArray:
    """Draw blobs of several sizes on a background."""
    generator = np.random.default_rng(seed)
    centres = generator.uniform(0, 1000, (12, n_dimensions))
    blobs = [c + generator.normal(0, generator.uniform(5, 40), (25, n_dimensions)) for c in centres]
    return np.concatenate([*blobs, generator.uniform(0, 1000, (200, n_dimensions))])


@pytest.fixture(params=["interpreted", "compiled"], autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take either way to join runs, whatever the size."""
    compiled = request.param == "compiled"
    monkeypatch.setattr(sys.modules["caml.segment"], "compiler_is_loaded", lambda: compiled)


def same_partition(first: IntArray, second: IntArray) -> bool:
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    return len(pairs) == len(set(first.tolist())) == len(set(second.tolist()))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.97, 1.0])
def test_equals_one_localization_at_a_time(seed: int, share: float) -> None:
    positions = spread(seed)
    generator = np.random.default_rng(100 + seed)
    score = generator.permutation(len(positions)) / len(positions)
    score = np.where(score >= 1 - share, 0.5 + score / 2, score / 2)
    label = (score >= 0.5).astype(int)
    expected, _ = one_at_a_time(positions, score, label, k=40)
    found = segment(positions, Classification(score, label), k=40)
    np.testing.assert_array_equal(found.cluster >= 0, expected >= 0)
    assert same_partition(found.cluster, expected)


@pytest.mark.parametrize("seed", range(4))
def test_kinds_are_not_joined(seed: int) -> None:
    positions = spread(seed, n_dimensions=3)
    generator = np.random.default_rng(seed)
    label = np.repeat(generator.integers(0, 3, len(positions) // 25 + 1), 25)[: len(positions)]
    score = generator.permutation(len(positions)) / len(positions)
    scores = np.zeros((len(positions), 3))
    scores[np.arange(len(positions)), np.maximum(label, 1)] = score
    expected, _ = one_at_a_time(positions, score, label, k=30)
    found = segment(positions, Classification(scores, label), k=30)
    assert same_partition(found.cluster, expected)
    for one in range(found.n_clusters):
        assert set(label[found.cluster == one].tolist()) == {found.label[one]}


def test_two_blobs_by_hand() -> None:
    square = np.array([[0.0, 0], [1, 0], [0, 1.1], [1, 1.2]])
    positions = np.concatenate((square, square + 100, [[50.0, 50.0]]))
    label = np.array([1] * 8 + [0])
    score = np.array([0.6, 0.7, 0.8, 0.9, 0.95, 0.85, 0.75, 0.65, 0.1])
    found = segment(positions, Classification(score, label), k=4)
    # The fourth neighbour of each is the unclustered one between, at which its run ends. The
    # highest score is in the second square: it is cluster 0.
    assert found.cluster.tolist() == [1, 1, 1, 1, 0, 0, 0, 0, -1]


def test_where_all_are_clustered_a_run_is_cut_at_its_outlying_step() -> None:
    # Two groups of five in a line, 10 nm apart with small irregularities, 200 nm between groups.
    group = np.array([0.0, 10.0, 20.5, 31.5, 43.0])
    x = np.concatenate((group, group + 243.0))
    positions = np.column_stack((x, np.zeros(10)))
    label = np.ones(10, dtype=int)
    score = np.linspace(0.9, 0.8, 10)
    # From the end of a group, distances 10, 20.5, 31.5, 43, 243, … have steps 10.5, 11, 11.5, 200,
    # …: the first outlying one is the fourth, and the run is the group. The first distance is no
    # step: large beside the others, it would cut every run to nothing.
    found = segment(positions, Classification(score, label), k=5)
    assert found.cluster.tolist() == [0] * 5 + [1] * 5
    # With one unclustered localization far away nothing is cut, and the runs of five reach across.
    more = np.concatenate((positions, [[1e4, 0]]))
    joined = segment(more, Classification(np.append(score, 0.1), np.append(label, 0)), k=5)
    assert set(joined.cluster[:5].tolist()) & set(joined.cluster[5:10].tolist())


def test_too_short_a_run_is_demoted() -> None:
    positions = np.array([[0.0, 0], [1, 0], [0, 1.1], [9, 9], [9, 10.5], [30, 0], [0, 40]])
    score = np.array([0.9, 0.8, 0.7, 0.1, 0.1, 0.1, 0.1])
    found = segment(positions, Classification(score, (score > 0.5).astype(int)), k=4)
    assert found.cluster.tolist() == [-1] * 7
    assert (found.n_clusters, found.has_outlines) == (0, True)


def test_duplicates_get_their_twins_cluster() -> None:
    positions = spread(3)
    generator = np.random.default_rng(3)
    score = generator.permutation(len(positions)) / len(positions)
    label = (score > 0.4).astype(int)
    single = segment(positions, Classification(score, label), k=20)
    twice = np.concatenate((positions, positions[:50], [[np.nan, 0]]))
    double = segment(
        twice,
        Classification(
            np.concatenate((score, score[:50], [np.nan])), np.concatenate((label, label[:50], [-1]))
        ),
        k=20,
    )
    np.testing.assert_array_equal(double.cluster[: len(positions)], single.cluster)
    np.testing.assert_array_equal(double.cluster[len(positions) : -1], single.cluster[:50])
    assert double.cluster[-1] == -1


def test_the_order_of_rows_does_not_matter_even_where_scores_are_equal() -> None:
    positions = spread(5)
    score = np.round(np.random.default_rng(5).random(len(positions)), 1)
    label = (score > 0.3).astype(int)
    order = np.random.default_rng(6).permutation(len(positions))
    first = segment(positions, Classification(score, label), k=20).cluster
    second = segment(positions[order], Classification(score[order], label[order]), k=20).cluster
    np.testing.assert_array_equal(first[order], second)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p + np.array([12_345.0, -777.0]),
        lambda p: p @ np.array([[0.6, -0.8], [0.8, 0.6]]),
        lambda p: p * 3.0,
        lambda p: p * np.array([1.0, -1.0]),
    ],
)
def test_moving_turning_scaling_changes_nothing(change: object) -> None:
    positions = spread(8)
    score = np.random.default_rng(8).permutation(len(positions)) / len(positions)
    label = (score > 0.4).astype(int)
    first = segment(positions, Classification(score, label), k=20).cluster
    moved = change(positions)  # type: ignore[operator]
    np.testing.assert_array_equal(first, segment(moved, Classification(score, label), k=20).cluster)


def test_identical_and_few_localizations_are_no_error() -> None:
    for positions in (np.zeros((5, 2)), np.empty((0, 2)), np.array([[0.0, 0], [1, 1]])):
        label = np.ones(len(positions), dtype=int)
        found = segment(positions, Classification(label.astype(float), label))
        assert found.cluster.tolist() == [-1] * len(positions)


def test_another_length_and_an_unknown_method_are_refused() -> None:
    one = Classification(np.ones(1), np.ones(1, dtype=int))
    with pytest.raises(InputError, match="2 localizations and 1 labels"):
        segment(np.zeros((2, 2)), one)
    with pytest.raises(InputError, match="'dbscan'; there are: nearest_neighbour_chain"):
        segment(np.zeros((1, 2)), one, method="dbscan")


def test_ids_of_any_tool_are_renumbered() -> None:
    cluster, old = renumber([10, -5, 3, 10, 0])
    assert cluster.tolist() == [2, -1, 1, 2, 0]
    assert old.tolist() == [0, 3, 10]


def test_segmentation_refuses_ids_with_gaps_and_other_lengths() -> None:
    assert Segmentation(np.array([0, -1, 1])).n_clusters == 2
    with pytest.raises(InputError, match="without a gap"):
        Segmentation(np.array([0, 2]))
    with pytest.raises(InputError, match="without a gap"):
        Segmentation(np.array([0, -2]))
    with pytest.raises(InputError, match="whole numbers"):
        Segmentation(np.array([0.0, 1.0]))
    with pytest.raises(InputError, match="1 here"):
        Segmentation(np.array([0, 0]), label=np.array([1, 1]))
