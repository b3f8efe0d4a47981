"""How well a network's scores agree with the truth: numbers, and the curves behind them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caml.errors import ModelError
from caml.models import Model
from caml.train.pool import Pool, Rows

__all__ = ["NetworkScores", "calibration_error", "evaluate_network", "score_network"]

Floats = npt.NDArray[np.floating[Any]]

# Of so many values in a curve a picture shows no less than of all.
N_CURVE = 201
N_BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkScores:
    """How well a network did on localizations whose labels are known.

    Parameters
    ----------
    labels : tuple of str
        What its labels mean.
    n : int
        Localizations.
    accuracy, balanced_accuracy : float
        Share of right labels; its mean over the true labels.
    precision, recall, f1 : float
        Of label 1 with two labels, means over all labels with more.
    f1_macro : float
        Mean over all labels.
    confusion : list of list of int
        Rows are true labels, columns predicted ones.
    confusion_normalized : list of list of float
        The same as shares of each true label.
    log_loss, brier : float
        Mean cross entropy, and mean squared difference between score and truth.
    calibration_error : float
        Mean difference between score and share of the clustered, over bins of the score.
    roc_auc, average_precision : float
        Areas below the curves; means over labels, one against the others, with more than two.
    roc, precision_recall, calibration : dict of str to list of float
        The curves, of label 1 against the others.
    histogram : dict of str to list
        How often each score was given, for each true label.
    """

    labels: tuple[str, ...]
    n: int
    accuracy: float
    balanced_accuracy: float
    precision: float
    recall: float
    f1: float
    f1_macro: float
    confusion: list[list[int]]
    confusion_normalized: list[list[float]]
    log_loss: float
    brier: float
    calibration_error: float
    roc_auc: float
    average_precision: float
    roc: dict[str, list[float]]
    precision_recall: dict[str, list[float]]
    calibration: dict[str, list[float]]
    histogram: dict[str, list[Any]]

    def summary(self) -> dict[str, Any]:
        """Return the numbers that a card has room for, without curves.

        Returns
        -------
        dict
            The numbers and the confusion matrix.
        """
        curves = ("labels", "roc", "precision_recall", "calibration", "histogram")
        left_out = (*curves, "confusion_normalized")
        return {name: value for name, value in asdict(self).items() if name not in left_out}


def score_network(
    score: Floats, truth: npt.NDArray[np.integer[Any]], labels: tuple[str, ...]
) -> NetworkScores:
    """Compare scores with true labels.

    Parameters
    ----------
    score : ndarray of shape (n,) or (n, n_labels)
        Of being clustered, with the threshold 0.5; or of each label, of which the highest wins.
    truth : ndarray of shape (n,)
        True labels.
    labels : tuple of str
        What the labels mean.

    Returns
    -------
    NetworkScores
        The numbers and curves.

    Examples
    --------
    >>> found = score_network(np.array([0.9, 0.2, 0.6, 0.1]), np.array([1, 0, 0, 1]), ("no", "yes"))
    >>> found.confusion, found.accuracy
    ([[1, 1], [1, 1]], 0.5)
    """
    from sklearn import metrics

    truth = truth.astype(np.int64)
    score = score.astype(np.float64)
    n_labels = len(labels)
    every = np.column_stack((1 - score, score)) if score.ndim == 1 else score
    predicted = (score >= 0.5).astype(np.int64) if score.ndim == 1 else score.argmax(axis=1)
    known = np.arange(n_labels)
    confusion = metrics.confusion_matrix(truth, predicted, labels=known)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        truth, predicted, labels=known, zero_division=0
    )
    binary = n_labels == 2
    present = [one for one in known if 0 < (truth == one).sum() < len(truth)]
    against = [one for one in present if one == 1 or not binary]
    one_hot = truth[:, None] == known
    normalized = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return NetworkScores(
        labels=labels,
        n=len(truth),
        accuracy=_round((predicted == truth).mean()),
        balanced_accuracy=_round(recall[confusion.sum(axis=1) > 0].mean()),
        precision=_round(precision[1] if binary else precision.mean()),
        recall=_round(recall[1] if binary else recall.mean()),
        f1=_round(f1[1] if binary else f1.mean()),
        f1_macro=_round(f1.mean()),
        confusion=confusion.tolist(),
        confusion_normalized=normalized.round(5).tolist(),
        log_loss=_round(-np.log(np.clip(every[one_hot], 1e-15, 1)).mean()),
        brier=_round(((every - one_hot) ** 2).sum(axis=1).mean() / 2),
        calibration_error=_round(calibration_error(every[:, 1], truth == 1)),
        roc_auc=_mean(metrics.roc_auc_score(one_hot[:, one], every[:, one]) for one in against),
        average_precision=_mean(
            metrics.average_precision_score(one_hot[:, one], every[:, one]) for one in against
        ),
        roc=_roc(every[:, 1], truth == 1),
        precision_recall=_precision_recall(every[:, 1], truth == 1),
        calibration=_calibration(every[:, 1], truth == 1),
        histogram={
            "edges": np.linspace(0, 1, 51).round(2).tolist(),
            "counts": [
                np.histogram(every[truth == one, 1], bins=50, range=(0, 1))[0].tolist()
                for one in known
            ],
        },
    )


def evaluate_network(model: Model, pool: Pool, part: str = "test") -> NetworkScores:
    """Score a network, whoever trained it, on a part of a pool.

    Parameters
    ----------
    model : Model
        The network.
    pool : Pool
        Localizations whose labels are known.
    part : {"test", "train", "validation"}, default "test"
        Which part.

    Returns
    -------
    NetworkScores
        The numbers and curves.

    Raises
    ------
    ModelError
        If the pool has other labels, or not what the network looks at.
    """
    if pool.settings.n_labels != len(model.card.labels):
        raise ModelError(
            f"{model.card.name} tells {len(model.card.labels)} labels apart and the pool "
            f"{pool.settings.n_labels}"
        )
    if pool.settings.n_dimensions != model.card.n_dimensions:
        raise ModelError(
            f"{model.card.name} is made for {model.card.n_dimensions}D and the pool is "
            f"{pool.settings.n_dimensions}D"
        )
    rows = getattr(Rows.of(pool), part)
    score = model.predict(pool.features(model.card.input, model.card.k, rows))
    return score_network(score, pool.label[rows], model.card.labels)


def calibration_error(score: Floats, truth: npt.NDArray[np.bool_]) -> float:
    """Measure how far scores are from the shares of the clustered among those that have them.

    Parameters
    ----------
    score : ndarray of shape (n,)
        From 0 to 1.
    truth : ndarray of shape (n,), bool
        Which are clustered.

    Returns
    -------
    float
        The expected calibration error: mean absolute difference over 20 bins of equal width,
        weighted by their localizations (Naeini et al. 2015; Guo et al. 2017, eq. 3).

    Examples
    --------
    >>> calibration_error(np.array([0.25, 0.25, 0.25, 0.25]), np.array([True, False, False, False]))
    0.0
    """
    curve = _calibration(score, truth)
    n = np.array(curve["n"])
    apart = np.abs(np.array(curve["mean_score"]) - np.array(curve["share_clustered"]))
    return float((apart * n).sum() / max(n.sum(), 1))


def _calibration(score: Floats, truth: npt.NDArray[np.bool_]) -> dict[str, list[float]]:
    which = np.minimum((score * N_BINS).astype(np.int64), N_BINS - 1)
    n = np.bincount(which, minlength=N_BINS)
    held = n > 0
    mean = np.bincount(which, weights=score, minlength=N_BINS)[held] / n[held]
    share = np.bincount(which, weights=truth, minlength=N_BINS)[held] / n[held]
    return {"mean_score": mean.tolist(), "share_clustered": share.tolist(), "n": n[held].tolist()}


def _roc(score: Floats, truth: npt.NDArray[np.bool_]) -> dict[str, list[float]]:
    from sklearn.metrics import roc_curve

    if truth.all() or not truth.any():
        return {"false_positive_rate": [], "true_positive_rate": []}
    false, true, _ = roc_curve(truth, score)
    at = np.linspace(0, 1, N_CURVE)
    return {
        "false_positive_rate": at.round(4).tolist(),
        "true_positive_rate": np.interp(at, false, true).round(5).tolist(),
    }


def _precision_recall(score: Floats, truth: npt.NDArray[np.bool_]) -> dict[str, list[float]]:
    from sklearn.metrics import precision_recall_curve

    if not truth.any():
        return {"recall": [], "precision": []}
    precision, recall, _ = precision_recall_curve(truth, score)
    at = np.linspace(0, 1, N_CURVE)
    # Recall falls along the curve; np.interp wants it to rise.
    return {
        "recall": at.round(4).tolist(),
        "precision": np.interp(at, recall[::-1], precision[::-1]).round(5).tolist(),
    }


def _round(value: Any) -> float:
    return round(float(value), 5)


def _mean(values: Any) -> float:
    found = list(values)
    return _round(np.mean(found)) if found else float("nan")
