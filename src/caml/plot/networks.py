"""Figures of networks: how they learnt, and how well their scores agree with the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from caml.plot.colours import KINDS, NOT_CLUSTERED

__all__ = [
    "calibration",
    "confusion_matrix",
    "input_heat_map",
    "learning_curves",
    "precision_recall",
    "roc",
    "save_input_map",
    "save_scores",
    "save_training",
    "score_histogram",
]

Curve = Mapping[str, Sequence[float]]


def learning_curves(ax: Axes, curves: Mapping[str, Sequence[float]], quantity: str) -> Axes:
    """Draw how a quantity changed over the passes of a training.

    Parameters
    ----------
    ax : Axes
        Where.
    curves : mapping of str to sequence of float
        A value per pass; ``val_…`` are of the validation part.
    quantity : {"loss", "accuracy"}
        Which.

    Returns
    -------
    Axes
        The same.
    """
    passes = np.arange(1, len(curves[quantity]) + 1)
    ax.plot(passes, curves[quantity], color=KINDS[1], label="training")
    ax.plot(passes, curves[f"val_{quantity}"], color=KINDS[0], label="validation")
    ax.set_xlabel("pass over the training part")
    ax.set_ylabel(quantity)
    ax.legend(frameon=False)
    return ax


def confusion_matrix(ax: Axes, confusion: Sequence[Sequence[int]], names: Sequence[str]) -> Axes:
    """Draw a confusion matrix, as shares of each true label with counts.

    Parameters
    ----------
    ax : Axes
        Where.
    confusion : sequence of sequence of int
        Rows are true labels, columns predicted ones.
    names : sequence of str
        Of the labels.

    Returns
    -------
    Axes
        The same.
    """
    counts = np.asarray(confusion)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        ax.text(
            column,
            row,
            f"{share[row, column]:.1%}\n{count:,}",
            ha="center",
            va="center",
            color="white" if share[row, column] > 0.5 else "black",
        )
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names, rotation=90, va="center")
    ax.set_xlabel("predicted")
    ax.set_ylabel("true")
    return ax


def roc(ax: Axes, curve: Curve, *, area: float | None = None) -> Axes:
    """Draw a receiver operating characteristic.

    Parameters
    ----------
    ax : Axes
        Where.
    curve : mapping of str to sequence of float
        ``false_positive_rate`` and ``true_positive_rate``.
    area : float, optional
        Below the curve, for the title.

    Returns
    -------
    Axes
        The same.
    """
    ax.plot([0, 1], [0, 1], color=NOT_CLUSTERED, linewidth=0.8, linestyle="--")
    ax.plot(curve["false_positive_rate"], curve["true_positive_rate"], color=KINDS[1])
    ax.set_xlabel("false positive rate")
    ax.set_ylabel("true positive rate")
    ax.set_title("ROC" if area is None else f"ROC, area {area:.4f}", loc="left", fontsize=10)
    return _unit_square(ax)


def precision_recall(ax: Axes, curve: Curve, *, area: float | None = None) -> Axes:
    """Draw precision against recall.

    Parameters
    ----------
    ax : Axes
        Where.
    curve : mapping of str to sequence of float
        ``recall`` and ``precision``.
    area : float, optional
        The average precision, for the title.

    Returns
    -------
    Axes
        The same.
    """
    ax.plot(curve["recall"], curve["precision"], color=KINDS[1])
    ax.set_xlabel("recall")
    ax.set_ylabel("precision")
    title = "precision and recall" if area is None else f"average precision {area:.4f}"
    ax.set_title(title, loc="left", fontsize=10)
    return _unit_square(ax)


def calibration(ax: Axes, curve: Curve, *, error: float | None = None) -> Axes:
    """Draw the share of the clustered among localizations of each score.

    Parameters
    ----------
    ax : Axes
        Where.
    curve : mapping of str to sequence of float
        ``mean_score`` and ``share_clustered``.
    error : float, optional
        The expected calibration error, for the title.

    Returns
    -------
    Axes
        The same.
    """
    ax.plot([0, 1], [0, 1], color=NOT_CLUSTERED, linewidth=0.8, linestyle="--")
    ax.plot(
        curve["mean_score"], curve["share_clustered"], color=KINDS[1], marker="o", markersize=3.5
    )
    ax.set_xlabel("score")
    ax.set_ylabel("share clustered")
    title = "calibration" if error is None else f"calibration, error {error:.4f}"
    ax.set_title(title, loc="left", fontsize=10)
    return _unit_square(ax)


def score_histogram(
    ax: Axes, histogram: Mapping[str, Sequence[Any]], labels: Sequence[str]
) -> Axes:
    """Draw how often each score was given, for each true label.

    Parameters
    ----------
    ax : Axes
        Where.
    histogram : mapping of str to sequence
        ``edges`` of the bins, and ``counts`` for each label.
    labels : sequence of str
        What the labels mean.

    Returns
    -------
    Axes
        The same.
    """
    colours = (NOT_CLUSTERED, *KINDS)
    for number, (counts, name) in enumerate(zip(histogram["counts"], labels, strict=True)):
        ax.stairs(
            counts,
            histogram["edges"],
            color=colours[number],
            fill=number == 0,
            alpha=0.6 if number == 0 else 1.0,
            linewidth=1.5,
            label=name,
        )
    ax.set_yscale("log")
    ax.set_xlim(0, 1)
    ax.set_xlabel(f"score of {labels[1]}")
    ax.set_ylabel("localizations")
    ax.legend(frameon=False, title="truth", loc="upper center")
    return ax


def input_heat_map(
    ax: Axes,
    features: npt.NDArray[np.floating[Any]],
    predicted: npt.NDArray[np.integer[Any]],
    truth: npt.NDArray[np.integer[Any]],
    labels: Sequence[str],
) -> Axes:
    """Draw what a network saw of some localizations, a row each, by what it made of them.

    Parameters
    ----------
    ax : Axes
        Where.
    features : ndarray of shape (n, k)
        The network's input.
    predicted : ndarray of shape (n,)
        The label that the network gave: those of label 0 are drawn on top.
    truth : ndarray of shape (n,)
        True labels, drawn as a strip of colours on the right.
    labels : sequence of str
        What the labels mean.

    Returns
    -------
    Axes
        The same.

    Notes
    -----
    Williamson et al. 2020, Fig. 2f.
    """
    order = np.argsort(predicted, kind="stable")
    low, high = np.quantile(features, (0.01, 0.99))
    n, k = features.shape
    # Nothing may be drawn over by its neighbours: a column of k, then one of the truth.
    strip = max(k // 20, 2)
    ax.imshow(
        features[order],
        aspect="auto",
        cmap="viridis",
        vmin=low,
        vmax=high,
        interpolation="nearest",
        extent=(0.5, k + 0.5, n, 0),
    )
    colours = ListedColormap([NOT_CLUSTERED, *KINDS[: len(labels) - 1]])
    ax.imshow(
        truth[order][:, None],
        aspect="auto",
        cmap=colours,
        vmin=-0.5,
        vmax=len(labels) - 0.5,
        interpolation="nearest",
        extent=(k + 0.5 + strip, k + 0.5 + 2 * strip, n, 0),
    )
    ends = np.cumsum([(predicted == one).sum() for one in range(len(labels))])
    for end in ends[:-1]:
        ax.plot([0.5, k + 0.5 + 2 * strip], [end, end], color="white", linewidth=2)
    starts = np.concatenate(([0], ends[:-1]))
    ax.set_yticks(
        [(start + end) / 2 for start, end in zip(starts, ends, strict=True)],
        labels,
        rotation=90,
        va="center",
    )
    ax.set_xlim(0.5, k + 0.5 + 2 * strip)
    ax.set_ylim(n, 0)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("neighbour")
    ax.set_ylabel("predicted")
    ax.set_title("true label on the right", loc="right", fontsize=9)
    return ax


def save_training(
    curves: Curve, confusion: Sequence[Sequence[int]], names: Sequence[str], path: Path
) -> None:
    """Write a picture of a training: learning curves and the confusion matrix.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        Loss and accuracy, a value per pass.
    confusion : sequence of sequence of int
        Of the test part; rows are true labels.
    names : sequence of str
        Of the labels.
    path : Path
        The PNG to write.
    """
    figure = Figure(figsize=(12, 3.8), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    loss, accuracy, matrix = figure.subplots(1, 3)
    learning_curves(loss, curves, "loss")
    learning_curves(accuracy, curves, "accuracy")
    confusion_matrix(matrix, confusion, names)
    figure.savefig(path, format="png")


def save_scores(scores: Mapping[str, Any], path: Path) -> None:
    """Write a picture of how well a network did: confusion, ROC, precision, calibration, scores.

    Parameters
    ----------
    scores : mapping
        The fields of `caml.train.scores.NetworkScores`.
    path : Path
        The PNG to write.
    """
    figure = Figure(figsize=(12, 7.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    (matrix, receiver, precise), (calibrated, histogram, numbers) = figure.subplots(2, 3)
    labels = scores["labels"]
    confusion_matrix(matrix, scores["confusion"], labels)
    roc(receiver, scores["roc"], area=scores["roc_auc"])
    precision_recall(precise, scores["precision_recall"], area=scores["average_precision"])
    calibration(calibrated, scores["calibration"], error=scores["calibration_error"])
    score_histogram(histogram, scores["histogram"], labels)
    shown = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "f1_macro", "log_loss",
             "brier")  # fmt: skip
    text = "\n".join(f"{name.replace('_', ' '):<18} {scores[name]:.4f}" for name in shown)
    numbers.text(0.05, 0.95, text, va="top", family="monospace", transform=numbers.transAxes)
    numbers.text(0.05, 0.2, f"of {scores['n']:,} localizations", transform=numbers.transAxes)
    numbers.axis("off")
    figure.savefig(path, format="png")


def save_input_map(
    features: npt.NDArray[np.floating[Any]],
    predicted: npt.NDArray[np.integer[Any]],
    truth: npt.NDArray[np.integer[Any]],
    labels: Sequence[str],
    path: Path,
) -> None:
    """Write a picture of what a network saw of some localizations; see `input_heat_map`.

    Parameters
    ----------
    features : ndarray of shape (n, k)
        The network's input.
    predicted, truth : ndarray of shape (n,)
        The labels it gave, and the true ones.
    labels : sequence of str
        What the labels mean.
    path : Path
        The PNG to write.
    """
    figure = Figure(figsize=(6.4, 6.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    input_heat_map(figure.subplots(), features, predicted, truth, labels)
    figure.savefig(path, format="png")


def _unit_square(ax: Axes) -> Axes:
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.005)
    ax.set_aspect("equal")
    return ax
