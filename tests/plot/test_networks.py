"""Pictures of networks, by what is on their axes."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from caml import plot
from caml.train.scores import NetworkScores, score_network


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


@pytest.fixture(scope="module")
def scores() -> NetworkScores:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 400)
    return score_network(generator.beta(2 + 3 * truth, 5 - 3 * truth), truth, ("no", "yes"))


def test_confusion_matrix_and_learning_curves(ax: Axes, tmp_path: Path) -> None:
    plot.confusion_matrix(ax, [[90, 10], [5, 15]], ["no", "yes"])
    assert [text.get_text() for text in ax.texts] == [
        "90.0%\n90",
        "10.0%\n10",
        "25.0%\n5",
        "75.0%\n15",
    ]
    curves = {name: [0.5, 0.4] for name in ("loss", "val_loss", "accuracy", "val_accuracy")}
    plot.save_training(curves, [[90, 10], [5, 15]], ["no", "yes"], tmp_path / "t.png")
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")


def test_curves_are_those_of_the_scores(ax: Axes, scores: NetworkScores) -> None:
    assert plot.roc(ax, scores.roc, area=scores.roc_auc) is ax
    assert ax.get_title(loc="left") == f"ROC, area {scores.roc_auc:.4f}"
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), scores.roc["true_positive_rate"])
    ax.clear()
    assert plot.precision_recall(ax, scores.precision_recall) is ax
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), scores.precision_recall["precision"])
    ax.clear()
    assert plot.calibration(ax, scores.calibration, error=0.5) is ax
    np.testing.assert_array_equal(ax.lines[1].get_xdata(), scores.calibration["mean_score"])
    assert ax.get_title(loc="left") == "calibration, error 0.5000"


def test_histogram_has_a_line_for_each_label(ax: Axes, scores: NetworkScores) -> None:
    plot.score_histogram(ax, scores.histogram, scores.labels)
    drawn = [patch.get_data().values.sum() for patch in ax.patches]  # type: ignore[attr-defined]
    assert drawn == [row[0] + row[1] for row in scores.confusion]
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["no", "yes"]


def test_heat_map_has_a_row_each_those_of_label_0_on_top(ax: Axes) -> None:
    features = np.arange(40.0).reshape(4, 10)
    predicted, truth = np.array([1, 0, 1, 0]), np.array([1, 0, 0, 1])
    assert plot.input_heat_map(ax, features, predicted, truth, ("no", "yes")) is ax
    heat, strip = (np.asarray(image.get_array()) for image in ax.images)
    np.testing.assert_array_equal(heat, features[[1, 3, 0, 2]])
    assert strip[:, 0].tolist() == [0, 1, 1, 0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["no", "yes"]


@pytest.mark.parametrize("n_labels", [2, 3])
def test_all_scores_in_one_picture(n_labels: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    truth = generator.integers(0, n_labels, 300)
    names = ("not clustered", "round", "fibre")[:n_labels]
    score = generator.random((300, n_labels))
    score /= score.sum(axis=1, keepdims=True)
    found = score_network(score[:, 1] if n_labels == 2 else score, truth, names)
    plot.save_scores(dataclasses.asdict(found), tmp_path / "s.png")
    assert (tmp_path / "s.png").stat().st_size > 30_000
