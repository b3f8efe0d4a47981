"""Scores of labels: counted by hand, and scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from caml.errors import InputError
from caml.evaluate import evaluate, score_labels


def test_ten_localizations_by_hand() -> None:
    scores = score_labels([1, 1, 1, 0, 0, 0, 0, 0, 1, 0], [1, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    assert scores.confusion.tolist() == [[5, 2], [1, 2]]
    assert scores.accuracy == pytest.approx(0.7)
    assert scores.balanced_accuracy == pytest.approx((5 / 7 + 2 / 3) / 2)
    assert scores.precision == pytest.approx(1 / 2)
    assert scores.recall == pytest.approx(2 / 3)
    assert scores.f1 == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))
    row = scores.row()
    assert [row[name] for name in ("true_negatives", "false_positives")] == [5, 2]
    assert [row[name] for name in ("false_negatives", "true_positives")] == [1, 2]


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_scikit_learns(seed: int) -> None:
    true, found = np.random.default_rng(seed).integers(0, 2, (2, 200))
    scores = score_labels(found, true)
    assert scores.confusion.tolist() == metrics.confusion_matrix(true, found).tolist()
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1"):
        expected = getattr(metrics, f"{name}_score")(true, found)
        assert getattr(scores, name) == pytest.approx(expected), name


def test_every_kind_of_cluster_is_clustered_and_what_was_not_measured_is_not() -> None:
    assert score_labels([2, -1, 1], [1, 0, 2]).accuracy == 1


def test_what_is_undefined_is_not_a_number() -> None:
    nothing = score_labels([0, 0], [0, 0])
    assert nothing.accuracy == nothing.balanced_accuracy == 1
    assert np.isnan([nothing.precision, nothing.recall, nothing.f1]).all()
    assert np.isnan([score_labels([], []).accuracy, score_labels([], []).balanced_accuracy]).all()


def test_labels_from_before_clusters_were_made_can_be_scored_with_them() -> None:
    positions = np.random.default_rng(0).uniform(0, 100, (4, 2))
    both = evaluate(positions, [0, 0, 0, -1], [0, 0, 0, 0], label=[1, 0, 0, 0])
    assert both.labels.recall == 0.25
    assert evaluate(positions, [0, 0, 0, -1], [0, 0, 0, 0]).labels.recall == 0.75
    assert {"accuracy", "ari", "true_positives"} <= set(both.row())


def test_lengths_must_agree() -> None:
    with pytest.raises(InputError, match=r"got shapes \(2,\) and \(3,\)"):
        score_labels([0, 1], [0, 1, 1])


def test_localizations_without_a_position_are_not_scored() -> None:
    positions = np.array([[0, 0], [1, 0], [0, 1], [np.nan, 0]])
    found = evaluate(positions, [0, 0, 0, -1], [0, 0, 0, 0], label=[1, 1, 0, 1])
    assert found.labels.confusion.tolist() == [[0, 0], [1, 2]]
    assert found.clusters.ari == 1
