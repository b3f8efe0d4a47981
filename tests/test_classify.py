"""Classification of localizations by a network."""

import numpy as np
import numpy.typing as npt
import pytest

import caml
from caml.classify import Classification, classify
from caml.errors import DataWarning, InputError
from caml.features import log_distances
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(
    density=100, n_per_cluster=30, percent_clustered=50, radius_nm=40, crop_um=4, field_um=20
)


@pytest.fixture(scope="module")
def positions() -> npt.NDArray[np.float64]:
    return np.asarray(simulate(SCENARIO, seed=1).localizations.positions)


def test_scores_are_those_of_the_network_on_all_neighbours(
    positions: npt.NDArray[np.float64],
) -> None:
    neighbours = caml.nearest_neighbours(positions, k=100)
    expected = caml.load_model().predict(log_distances(neighbours.distances))
    found = classify(positions)
    np.testing.assert_allclose(found.score, expected, atol=1e-5)
    np.testing.assert_array_equal(found.label, found.score >= 0.5)


def test_most_labels_are_right() -> None:
    simulation = simulate(SCENARIO, seed=2)
    found = classify(simulation.localizations)
    assert (found.label == simulation.true_label).mean() > 0.9


def test_the_threshold_decides(positions: npt.NDArray[np.float64]) -> None:
    score = classify(positions).score
    for threshold in (0.0, 0.3, 0.9, 1.0):
        label = classify(positions, threshold=threshold).label
        np.testing.assert_array_equal(label, score >= threshold)


def test_order_does_not_matter(positions: npt.NDArray[np.float64]) -> None:
    order = np.random.default_rng(0).permutation(len(positions))
    np.testing.assert_array_equal(
        classify(positions).score[order], classify(positions[order]).score
    )


@pytest.mark.parametrize(
    ("change", "tolerance"),
    [
        # Distances are compared in single precision: 200 nm to 1e-5 nm, and their differences to
        # 1e-5 of the largest step or so.
        (lambda p: p + np.array([1e7, -1e7]), 1e-4),
        (lambda p: p @ np.array([[0.6, -0.8], [0.8, 0.6]]), 1e-4),
        (lambda p: p * 17.0, 1e-4),
    ],
)
def test_moving_turning_scaling_changes_nothing(
    positions: npt.NDArray[np.float64], change: object, tolerance: float
) -> None:
    moved = change(positions)  # type: ignore[operator]
    again, before = (classify(where, "XPILJZ").score for where in (moved, positions))
    np.testing.assert_allclose(again, before, atol=tolerance)


def test_duplicates_and_missing_positions(positions: npt.NDArray[np.float64]) -> None:
    single = classify(positions)
    more = np.concatenate((positions, positions[:20], [[np.nan, 1], [1, -np.inf]]))
    found = classify(more)
    n = len(positions)
    np.testing.assert_array_equal(found.score[:n], single.score)
    np.testing.assert_array_equal(found.score[n:-2], single.score[:20])
    assert np.isnan(found.score[-2:]).all()
    assert found.label[-2:].tolist() == [-1, -1]


@pytest.mark.parametrize("n", [0, 1, 100])
def test_too_few_get_no_label_and_a_warning(n: int) -> None:
    positions = np.random.default_rng(0).random((n, 2))
    with pytest.warns(DataWarning, match=rf"at least 101 .* got {n}: none was classified"):
        found = classify(positions)
    assert found.label.tolist() == [-1] * n
    assert np.isnan(found.score).all()


def test_k_plus_one_are_enough() -> None:
    assert (classify(np.random.default_rng(0).random((101, 2))).label >= 0).all()


def test_identical_localizations_are_too_few() -> None:
    with pytest.warns(
        DataWarning, match="at least 101 localizations at different positions; got 1"
    ):
        assert (classify(np.full((500, 2), 3.0)).label == -1).all()


def test_collinear_localizations_are_classified() -> None:
    positions = np.column_stack((np.arange(300.0), np.zeros(300)))
    assert set(classify(positions).label.tolist()) <= {0, 1}


def test_other_dimensions_and_thresholds_are_refused() -> None:
    with pytest.raises(InputError, match="LOGNM1 is made for 2D and these localizations are 3D"):
        classify(np.zeros((200, 3)))
    with pytest.raises(InputError, match=r"threshold must be from 0 to 1, got 1.5"):
        classify(np.zeros((200, 2)), threshold=1.5)


def test_score_and_label_must_line_up() -> None:
    with pytest.raises(InputError, match="one score and one label"):
        Classification(np.zeros(3), np.zeros(2, dtype=int))
    kinds = Classification(np.array([[0.1, 0.2, 0.7]]), np.array([2]))
    assert kinds.confidence.tolist() == [0.7]
