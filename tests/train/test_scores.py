"""Scores of networks by hand and against scikit-learn, and calibration."""

import math

import keras
import numpy as np
import numpy.typing as npt
import pytest
from keras import layers
from scipy.special import expit, logit
from sklearn import calibration, metrics

from caml.train.calibrate import calibrate, platt
from caml.train.scores import calibration_error, score_network

TWO = ("not clustered", "clustered")
THREE = ("alone", "round", "fibre")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def test_two_labels_by_hand() -> None:
    score = np.array([0.91, 0.61, 0.41, 0.21, 0.71])
    truth = np.array([1, 1, 1, 0, 0])
    found = score_network(score, truth, TWO)
    assert (found.n, found.labels) == (5, TWO)
    assert found.confusion == [[1, 1], [1, 2]]
    assert found.confusion_normalized == [[0.5, 0.5], [0.33333, 0.66667]]
    assert found.accuracy == 0.6
    # Recalls 1/2 and 2/3, precisions 1/2 and 2/3.
    assert found.balanced_accuracy == found.f1_macro == 0.58333
    assert found.precision == found.recall == found.f1 == 0.66667
    apart = np.array([0.09, 0.39, 0.59, 0.21, 0.71])
    assert found.brier == pytest.approx((apart**2).mean())
    assert found.log_loss == pytest.approx(-np.log(1 - apart).mean(), abs=1e-5)
    # Each in a bin of its own.
    assert found.calibration_error == pytest.approx(apart.mean())
    assert found.calibration["n"] == [1] * 5
    assert found.calibration["share_clustered"] == [0, 1, 1, 0, 1]
    # Of the six pairs of a clustered and another, four are in order.
    assert found.roc_auc == pytest.approx(4 / 6, abs=1e-5)
    assert found.average_precision == pytest.approx((1 + 2 / 3 + 3 / 4) / 3, abs=1e-5)
    # From (0, 1/3) up to (1/2, 1/3), where all clustered are found before the second other.
    rates = dict(
        zip(found.roc["false_positive_rate"], found.roc["true_positive_rate"], strict=True)
    )
    assert (rates[0.0], rates[0.25], rates[0.5], rates[1.0]) == (0.33333, 0.33333, 1, 1)
    assert found.histogram["edges"][:3] == [0, 0.02, 0.04]
    none, clustered = found.histogram["counts"]
    assert [place for place, n in enumerate(none) if n] == [10, 35]
    assert [place for place, n in enumerate(clustered) if n] == [20, 30, 45]


def test_one_half_is_clustered_and_the_highest_wins() -> None:
    assert score_network(np.array([0.5, 0.49999]), np.array([1, 0]), TWO).accuracy == 1
    score = np.array([[0.2, 0.3, 0.5], [0.4, 0.35, 0.25], [0.1, 0.6, 0.3], [0.3, 0.2, 0.5]])
    found = score_network(score, np.array([2, 0, 0, 1]), THREE)
    assert found.confusion == [[1, 1, 0], [0, 0, 1], [0, 0, 1]]
    assert found.accuracy == 0.5
    # Recalls 1/2, 0, 1; precisions 1, 0, 1/2; F1 2/3, 0, 2/3.
    assert found.recall == found.balanced_accuracy == found.precision == 0.5
    assert found.f1 == found.f1_macro == 0.44444
    assert found.log_loss == pytest.approx(-math.log(0.5 * 0.4 * 0.1 * 0.2) / 4, abs=1e-5)
    # Squares of (.2 .3 −.5), (−.6 .35 .25), (−.9 .6 .3), (.3 −.8 .5); half of their mean.
    assert found.brier == pytest.approx((0.38 + 0.545 + 1.26 + 0.98) / 8, abs=1e-5)
    # Of label 1: .3 for a 2, .35 and .6 for 0, .2 for a 1.
    assert found.calibration_error == pytest.approx((0.3 + 0.35 + 0.6 + 0.8) / 4, abs=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_two_labels_against_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = (generator.random(2000) < 0.3).astype(np.uint8)
    score = expit(generator.normal(2 * truth - 1.5, 1.5)).astype(np.float32)
    found = score_network(score, truth, TWO)
    predicted = score >= 0.5
    score = score.astype(np.float64)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "precision": metrics.precision_score(truth, predicted),
        "recall": metrics.recall_score(truth, predicted),
        "f1": metrics.f1_score(truth, predicted),
        "f1_macro": metrics.f1_score(truth, predicted, average="macro"),
        "log_loss": metrics.log_loss(truth, score),
        "brier": metrics.brier_score_loss(truth, score),
        "roc_auc": metrics.roc_auc_score(truth, score),
        "average_precision": metrics.average_precision_score(truth, score),
    }
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, abs=1e-5)
    assert found.confusion == metrics.confusion_matrix(truth, predicted).tolist()
    share, mean = calibration.calibration_curve(truth, score, n_bins=20)
    np.testing.assert_allclose(found.calibration["share_clustered"], share)
    np.testing.assert_allclose(found.calibration["mean_score"], mean)
    curve = np.trapezoid(found.roc["true_positive_rate"], found.roc["false_positive_rate"])
    assert curve == pytest.approx(found.roc_auc, abs=0.005)
    curve = np.trapezoid(found.precision_recall["precision"], found.precision_recall["recall"])
    assert curve == pytest.approx(found.average_precision, abs=0.01)
    assert np.sum(found.histogram["counts"], axis=1).tolist() == np.bincount(truth).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_three_labels_against_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = generator.choice(3, 2000, p=[0.6, 0.3, 0.1])
    raw = np.exp(generator.normal(0, 1, (2000, 3)) + 1.2 * np.eye(3)[truth])
    score = raw / raw.sum(axis=1, keepdims=True)
    found = score_network(score, truth, THREE)
    predicted = score.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "precision": metrics.precision_score(truth, predicted, average="macro"),
        "recall": metrics.recall_score(truth, predicted, average="macro"),
        "f1": metrics.f1_score(truth, predicted, average="macro"),
        "f1_macro": metrics.f1_score(truth, predicted, average="macro"),
        "log_loss": metrics.log_loss(truth, score),
        "roc_auc": metrics.roc_auc_score(truth, score, multi_class="ovr"),
        "average_precision": metrics.average_precision_score(np.eye(3)[truth], score),
    }
    assert {name: getattr(found, name) for name in expected} == pytest.approx(expected, abs=1e-5)
    assert found.confusion == metrics.confusion_matrix(truth, predicted).tolist()
    assert len(found.histogram["counts"]) == 3


@pytest.mark.parametrize("only", [0, 1])
def test_all_of_one_label(only: int) -> None:
    found = score_network(np.array([0.9, 0.2, 0.8]), np.full(3, only), TWO)
    n_right = 2 if only else 1
    assert found.accuracy == found.balanced_accuracy == pytest.approx(n_right / 3, abs=1e-5)
    assert found.confusion[only] == [1, 2]
    assert found.confusion[1 - only] == [0, 0]
    assert found.recall == (0.66667 if only else 0)
    # Nothing to be told apart from.
    assert math.isnan(found.roc_auc)
    assert math.isnan(found.average_precision)
    assert found.roc == {"false_positive_rate": [], "true_positive_rate": []}
    assert found.calibration["share_clustered"] == [only, only, only]


def test_a_label_that_never_occurs() -> None:
    score = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.4, 0.25, 0.35]])
    found = score_network(score, np.array([0, 2, 2]), THREE)
    assert found.confusion == [[1, 0, 0], [0, 0, 0], [1, 0, 1]]
    # Of the labels that occur; the recall of the others is no one's.
    assert found.balanced_accuracy == 0.75
    assert found.roc_auc == found.average_precision == 1
    assert found.histogram["counts"][1] == [0] * 50


def test_the_summary_leaves_out_what_a_card_has_no_room_for() -> None:
    found = score_network(np.array([0.9, 0.2]), np.array([1, 0]), TWO)
    summary = found.summary()
    assert summary["accuracy"] == 1
    assert summary["confusion"] == [[1, 0], [0, 1]]
    assert not {"roc", "precision_recall", "calibration", "histogram", "labels"} & set(summary)


def test_calibration_error_by_hand() -> None:
    # 0.31 and 0.33 share a bin of which half is clustered; 0.92 and 1 one of which all are.
    score = np.array([0.31, 0.33, 0.92, 0.96, 1.0, 0.0])
    truth = np.array([True, False, True, True, True, False])
    bins = [2 * abs(0.32 - 0.5), 0.08, 2 * 0.02, 0]
    assert calibration_error(score, truth) == pytest.approx(sum(bins) / 6)
    assert calibration_error(np.array([0.0, 1.0]), np.array([False, True])) == 0
    assert calibration_error(np.array([0.0, 1.0]), np.array([True, False])) == 1


def test_platt_by_hand() -> None:
    # Two scores, and a line through the log odds of their shares: 1 of 4 and 9 of 10.
    score = np.repeat([0.2, 0.7], [4, 10])
    truth = np.array([1, 0, 0, 0] + [1] * 9 + [0])
    slope, intercept = platt(score, truth)
    expected = (logit(0.9) - logit(0.25)) / (logit(0.7) - logit(0.2))
    assert slope == pytest.approx(expected, abs=1e-3)
    assert intercept == pytest.approx(logit(0.9) - expected * logit(0.7), abs=1e-3)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.7), (2.0, -1.0), (0.1, 0.5)])
def test_platt_finds_a_known_distortion(slope: float, intercept: float) -> None:
    generator = np.random.default_rng(0)
    odds = generator.normal(0, 2, 50_000)
    truth = (generator.random(50_000) < expit(slope * odds + intercept)).astype(np.int64)
    score = expit(odds)
    found = platt(score, truth)
    # Four standard errors and more.
    assert found == pytest.approx((slope, intercept), abs=0.08)
    if (slope, intercept) != (1.0, 0.0):
        after = expit(found[0] * odds + found[1])
        is_clustered = truth == 1
        assert calibration_error(after, is_clustered) < 0.02
        assert calibration_error(after, is_clustered) < calibration_error(score, is_clustered) / 3


def test_platt_of_scores_at_the_ends() -> None:
    # Of 0 and 1 the log odds are those of 1e-7 and of all but that.
    score = np.repeat([0.0, 1.0], 10)
    truth = np.array([1] + [0] * 9 + [1] * 9 + [0])
    slope, intercept = platt(score, truth)
    assert slope == pytest.approx(logit(0.9) / logit(1 - 1e-7), abs=1e-3)
    assert intercept == pytest.approx(0, abs=1e-3)


def network(*last: layers.Layer, seed: int = 0) -> keras.Sequential:
    keras.utils.set_random_seed(seed)
    return keras.Sequential([layers.Input((4,)), layers.Dense(3, activation="tanh"), *last])


def scored(stack: keras.Sequential, n: int = 4000) -> tuple[npt.NDArray[np.float32], Floats, Ints]:
    """Return inputs, their scores, and labels that these scores tell apart, if not well."""
    generator = np.random.default_rng(1)
    features = generator.normal(0, 2, (n, 4)).astype(np.float32)
    score = stack.predict(features, verbose=0)[:, 0].astype(np.float64)
    truth = (generator.random(n) < expit(0.6 * logit(np.clip(score, 1e-6, 1 - 1e-6)) + 0.8)).astype(
        np.int64
    )
    return features, score, truth


def test_a_calibrated_network_gives_the_calibrated_scores() -> None:
    stack = network(layers.Dense(1, activation="sigmoid"))
    features, score, truth = scored(stack)
    slope, intercept = calibrate(stack, score, truth)
    assert (slope, intercept) == platt(score, truth)
    assert slope == pytest.approx(0.6, abs=0.2)
    assert intercept == pytest.approx(0.8, abs=0.2)
    after = stack.predict(features, verbose=0)[:, 0]
    np.testing.assert_allclose(after, expit(slope * logit(score) + intercept), rtol=0, atol=1e-5)
    # A second time there is nothing left to change.
    again = calibrate(stack, after, truth)
    assert again == pytest.approx((1, 0), abs=0.01)


@pytest.mark.parametrize(
    "last",
    [
        [layers.Dense(3, activation="softmax")],
        [layers.Dense(1)],
        [layers.Dense(1, activation="sigmoid", use_bias=False)],
        [layers.Dense(1), layers.Activation("sigmoid")],
    ],
    ids=["softmax", "linear", "no bias", "an activation of its own"],
)
def test_networks_that_end_otherwise_are_left(last: list[layers.Layer]) -> None:
    stack = network(*(layer.__class__.from_config(layer.get_config()) for layer in last))
    _, _, truth = scored(network(layers.Dense(1, activation="sigmoid")))
    score = np.random.default_rng(2).random(len(truth))
    before = stack.get_weights()
    assert calibrate(stack, score, truth) == (1.0, 0.0)
    for one, other in zip(before, stack.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_network_that_says_the_opposite_is_left() -> None:
    stack = network(layers.Dense(1, activation="sigmoid"))
    _, score, truth = scored(stack)
    before = stack.get_weights()
    assert platt(score, 1 - truth)[0] < 0
    assert calibrate(stack, score, 1 - truth) == (1.0, 0.0)
    for one, other in zip(before, stack.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
