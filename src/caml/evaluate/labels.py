"""Labels against true labels, one localization at a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from caml._arrays import IntArray
from caml.errors import InputError

__all__ = ["LabelScores", "score_labels"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelScores:
    """How many localizations have the right label.

    Clustered counts as positive, of whatever kind; what is undefined, as the precision where
    nothing was found, is NaN.

    Parameters
    ----------
    n_localizations : int
        How many were compared.
    confusion : ndarray of shape (2, 2)
        Counts; rows are the truth, columns what was found: not clustered, clustered.
    accuracy : float
        Share of right labels.
    balanced_accuracy : float
        Mean over the true labels that occur of the share that is right.
    precision : float
        Share of those found to be clustered that are.
    recall : float
        Share of the clustered that were found.
    f1 : float
        Harmonic mean of the two.
    """

    n_localizations: int
    confusion: IntArray
    accuracy: float
    balanced_accuracy: float
    precision: float
    recall: float
    f1: float

    def row(self) -> dict[str, float]:
        """Return all scores, for a row of a table.

        Returns
        -------
        dict of str to float
            The confusion as true_negatives, false_positives, false_negatives, true_positives.
        """
        names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
        scores = asdict(self)
        confusion = scores.pop("confusion").ravel().tolist()
        return scores | dict(zip(names, confusion, strict=True))


def score_labels(label: npt.ArrayLike, true_label: npt.ArrayLike) -> LabelScores:
    """Compare labels with true ones.

    Parameters
    ----------
    label : array-like of shape (n_localizations,)
        0 not clustered, above 0 clustered; negative, not measured, counts as not clustered.
    true_label : array-like of shape (n_localizations,)
        The same of the truth.

    Returns
    -------
    LabelScores
        The scores.

    Raises
    ------
    InputError
        If lengths differ.

    Examples
    --------
    >>> score_labels([1, 1, 0, 0], [1, 0, 0, 0]).accuracy
    0.75
    """
    found, true = (np.asarray(one) > 0 for one in (label, true_label))
    if found.ndim != 1 or found.shape != true.shape:
        raise InputError(
            f"one true label per localization is needed; got shapes {found.shape} and {true.shape}"
        )
    confusion = np.bincount(2 * true + found, minlength=4).reshape(2, 2)
    (_, false_positive), (false_negative, hits) = confusion.tolist()
    share_right = _ratio(confusion.diagonal(), confusion.sum(axis=1))
    occurs = confusion.any(axis=1)
    return LabelScores(
        n_localizations=len(found),
        confusion=confusion,
        accuracy=float(_ratio(confusion.trace(), confusion.sum())),
        balanced_accuracy=float(share_right[occurs].mean()) if occurs.any() else float("nan"),
        precision=float(_ratio(hits, hits + false_positive)),
        recall=float(_ratio(hits, hits + false_negative)),
        f1=float(_ratio(2 * hits, 2 * hits + false_positive + false_negative)),
    )


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Divide; NaN where there is nothing to divide by."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    share = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    return share
