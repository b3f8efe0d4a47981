"""Neighbours and a network give each localization a score and a label."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from caml._arrays import BoolArray, IntArray
from caml._remedies import PRIOR_BALANCED
from caml.errors import DataWarning, InputError
from caml.localizations import Localizations, as_positions
from caml.models import Model, ModelCard, load_model
from caml.neighbours import Neighbours, NeighbourSearch
from caml.prior import Prior, check_prior, choose_prior, score_histogram, threshold_under

__all__ = [
    "Classification",
    "by_chance_note",
    "check_dimensions",
    "check_threshold",
    "classified",
    "classify",
    "labels",
    "too_few",
]


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """The score and the label of each localization.

    Parameters
    ----------
    score : ndarray of shape (n_localizations,) or (n_localizations, n_labels)
        The network's output, from 0 to 1: of being clustered, or of each label. NaN where it was
        not measured.
    label : ndarray of shape (n_localizations,)
        0 not clustered, 1 clustered, 2… other kinds; −1 where it was not measured.
    prior : float, default 0.5
        The share of the clustered that the labels assume.

    Raises
    ------
    InputError
        If lengths do not agree.
    """

    score: npt.NDArray[np.floating[Any]]
    label: npt.NDArray[np.integer[Any]]
    prior: float = 0.5

    def __post_init__(self) -> None:
        """Check shapes."""
        if self.label.ndim != 1 or self.score.shape[:1] != self.label.shape:
            raise InputError(
                "one score and one label per localization are needed; got shapes "
                f"{self.score.shape} and {self.label.shape}"
            )

    @property
    def confidence(self) -> npt.NDArray[np.floating[Any]]:
        """The score of the likeliest kind of cluster, shape (n_localizations,)."""
        return self.score if self.score.ndim == 1 else self.score[:, 1:].max(axis=1)


def classify(
    localizations: Localizations | npt.ArrayLike,
    model: Model | str | Path = "LOGNM1",
    *,
    threshold: float = 0.5,
    prior: Prior = "auto",
    among: BoolArray | None = None,
    search: NeighbourSearch | None = None,
    progress: Callable[[float], None] | None = None,
) -> Classification:
    """Tell which localizations are clustered.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        What to classify.
    model : Model, str or Path, default "LOGNM1"
        The network, its name, or its file.
    threshold : float, default 0.5
        A probability of at least this is clustered; not looked at by networks of several labels,
        whose highest score wins.
    prior : {"auto", "image", "balanced"} or float, default "auto"
        The share of the clustered that labels assume; see `caml.prior.choose_prior`. Not looked at
        by networks of several labels.
    among : ndarray of shape (n_localizations,), bool, optional
        From which localizations that share is estimated; all by default.
    search : NeighbourSearch, optional
        Of these localizations, where it was made before.
    progress : callable, optional
        Called now and then with the share that is done, from 0 to 1.

    Returns
    -------
    Classification
        In the order of the localizations. Duplicates get what their twin got; localizations
        without a finite position, and all where there are fewer than k + 1, get label −1 and score
        NaN, and a warning.

    Raises
    ------
    InputError
        If the threshold or prior is not between 0 and 1, or the network is made for other
        dimensions.

    Notes
    -----
    Williamson et al. 2020: each localization's sorted distances to its k nearest neighbours are
    the input of the network. Measured and classified in chunks: memory does not depend on k.
    """
    check_threshold(threshold)
    check_prior(prior)
    network = model if isinstance(model, Model) else load_model(model)
    card = network.card
    positions = as_positions(localizations)
    check_dimensions(card, positions.shape[1])
    search = search or NeighbourSearch(positions)
    n_labels = len(card.labels)
    shape: tuple[int, ...] = (len(search),) if n_labels == 2 else (len(search), n_labels)
    score = np.full(shape, np.nan, dtype=np.float32)
    n_done = 0
    if len(search) > card.k:

        def predict(subset: IntArray, neighbours: Neighbours) -> int:
            score[subset] = network.score(neighbours, search.positions, subset)
            return len(subset)

        for n_more in search.chunks(card.k, predict, indices=network.input.of_coordinates):
            n_done += n_more
            if progress is not None:
                progress(n_done / len(search))
    else:
        warnings.warn(DataWarning(too_few(card, len(search))), stacklevel=2)
    every = search.expand(score, np.nan)
    return classified(every, card, threshold=threshold, prior=prior, among=among)


def classified(
    score: npt.NDArray[np.floating[Any]],
    card: ModelCard,
    *,
    threshold: float,
    prior: Prior,
    among: BoolArray | None = None,
) -> Classification:
    """Turn scores into labels.

    Parameters
    ----------
    score : ndarray of shape (n_localizations,) or (n_localizations, n_labels)
        The network's output; NaN where it was not measured.
    card : ModelCard
        Of the network.
    threshold : float
        A probability of at least this is clustered.
    prior : {"auto", "image", "balanced"} or float
        The share of the clustered that labels assume.
    among : ndarray of shape (n_localizations,), bool, optional
        From which localizations that share is estimated; all by default.

    Returns
    -------
    Classification
        With a warning where the scores are such as chance gives.
    """
    share = 0.5
    if score.ndim == 1:
        histogram = score_histogram(score if among is None else score[among])
        share = choose_prior(prior, histogram, card.share_by_chance(int(histogram.sum())))
        if note := by_chance_note(prior, share):
            warnings.warn(DataWarning(note), stacklevel=3)
    return Classification(score, labels(score, threshold_under(threshold, share)), share)


def by_chance_note(prior: Prior, share: float) -> str:
    """Say that an image's scores are such as chance gives.

    Parameters
    ----------
    prior : {"auto", "image", "balanced"} or float
        What was asked for.
    share : float
        What labels assume.

    Returns
    -------
    str
        For a warning; empty where they are not.
    """
    if prior != "auto" or share == 0.5:
        return ""
    return (
        "the scores are such as chance gives where nothing is clustered (estimated share of the "
        f"clustered: {100 * share:.2g} %), and the labels follow that; {PRIOR_BALANCED} "
        "labels as if half were"
    )


def check_threshold(threshold: float) -> None:
    """Refuse a threshold that no score can be compared with.

    Parameters
    ----------
    threshold : float
        A score of at least this is clustered.

    Raises
    ------
    InputError
        If it is not between 0 and 1.
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold must be from 0 to 1, got {threshold:g}")


def check_dimensions(card: ModelCard, n_dimensions: int) -> None:
    """Refuse localizations of other dimensions than a network is made for.

    Parameters
    ----------
    card : ModelCard
        Of the network.
    n_dimensions : int
        Of the localizations.

    Raises
    ------
    InputError
        If they have other dimensions.
    """
    if n_dimensions != card.n_dimensions:
        flat = ", or classify localizations.projected()" if n_dimensions == 3 else ""
        raise InputError(
            f"{card.name} is made for {card.n_dimensions}D and these localizations are "
            f"{n_dimensions}D: choose another network{flat}"
        )


def too_few(card: ModelCard, n_distinct: int) -> str:
    """Say that there are too few localizations for a network.

    Parameters
    ----------
    card : ModelCard
        Of the network.
    n_distinct : int
        How many different positions there are.

    Returns
    -------
    str
        For a warning.
    """
    return (
        f"{card.name} looks at {card.k} neighbours and needs at least {card.k + 1} localizations "
        f"at different positions; got {n_distinct}: none was classified (label −1)"
    )


def labels(score: npt.NDArray[np.floating[Any]], threshold: float = 0.5) -> npt.NDArray[np.int8]:
    """Tell labels from scores.

    Parameters
    ----------
    score : ndarray of shape (n_localizations,) or (n_localizations, n_labels)
        The network's output; NaN where it was not measured.
    threshold : float, default 0.5
        A score of at least this is clustered; not looked at where there are several labels.

    Returns
    -------
    ndarray of shape (n_localizations,), int8
        0 not clustered, 1 clustered, 2… other kinds; −1 where it was not measured.
    """
    measured = ~np.isnan(score if score.ndim == 1 else score[:, 0])
    label = np.full(len(score), -1, dtype=np.int8)
    if score.ndim == 1:
        label[measured] = score[measured] >= threshold
    else:
        label[measured] = score[measured].argmax(axis=1)
    return label
