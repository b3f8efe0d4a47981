"""Fitting a network to a pool, and scoring it on the part it never saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from caml.features import FEATURES
from caml.train.networks import Recipe
from caml.train.pool import Pool

__all__ = ["FitSettings", "Fitted", "fit", "measured", "score_labels"]

ROWS = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How a network is fitted.

    Parameters
    ----------
    n_epochs : int, default 100
        Passes over the training part, at most.
    patience : int, default 10
        Passes without a better validation loss after which it stops; the best weights are kept.
    batch_size : int, default 256
        Localizations per step.
    learning_rate : float, default 0.002
        Of Adam, at the start; it falls to a tenth over the passes.
    """

    n_epochs: int = 100
    patience: int = 10
    batch_size: int = 256
    learning_rate: float = 0.002


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted network and how it got there.

    Parameters
    ----------
    network : keras.Sequential
        With its best weights.
    curves : mapping of str to list of float
        ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, a value per pass.
    score : ndarray of shape (n_test,)
        Of the test part.
    metrics : mapping
        What `score_labels` says of the test part.
    """

    network: keras.Sequential
    curves: dict[str, list[float]]
    score: npt.NDArray[np.float32]
    metrics: dict[str, Any] = field(default_factory=dict)


def fit(
    recipe: Recipe,
    pool: Pool,
    settings: FitSettings,
    *,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> Fitted:
    """Fit a network to a pool.

    Parameters
    ----------
    recipe : Recipe
        The network.
    pool : Pool
        What it learns from.
    settings : FitSettings
        How.
    progress : callable, optional
        Called after each pass with its number and the losses and accuracies.

    Returns
    -------
    Fitted
        The network with the weights of the smallest validation loss.
    """
    keras.utils.set_random_seed(pool.settings.seed)
    network = recipe.stack(pool.settings.k)
    n_steps = -(-pool.settings.n_train // settings.batch_size) * settings.n_epochs
    network.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(settings.learning_rate, n_steps, alpha=0.1)
        ),
        loss="binary_crossentropy",
        metrics=["accuracy"],
    )
    features = measured(recipe, pool)
    train, validation, test = (pool.part(name) for name in ("train", "validation", "test"))
    callbacks: list[keras.callbacks.Callback] = [
        keras.callbacks.EarlyStopping(patience=settings.patience, restore_best_weights=True),
        keras.callbacks.TerminateOnNaN(),
    ]
    if progress is not None:
        report = progress
        callbacks.append(
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: report(epoch + 1, dict(logs))
            )
        )
    history = network.fit(
        features[train],
        pool.label[train],
        validation_data=(features[validation], pool.label[validation]),
        batch_size=settings.batch_size,
        epochs=settings.n_epochs,
        callbacks=callbacks,
        verbose=0,
    )
    score = network.predict(features[test], batch_size=4096, verbose=0)[:, 0]
    curves = {name: [float(v) for v in values] for name, values in history.history.items()}
    return Fitted(network, curves, score, score_labels(score, pool.label[test]))


def measured(recipe: Recipe, pool: Pool) -> npt.NDArray[np.float32]:
    """Compute a network's input from the pool's distances.

    Parameters
    ----------
    recipe : Recipe
        Which input.
    pool : Pool
        The distances.

    Returns
    -------
    ndarray of shape (size, k), float32
        The input.
    """
    features = np.empty_like(pool.distances)
    for start in range(0, len(features), ROWS):
        rows = slice(start, start + ROWS)
        features[rows] = FEATURES[recipe.input](pool.distances[rows])
    return features


def score_labels(
    score: npt.NDArray[np.floating[Any]], truth: npt.NDArray[np.integer[Any]]
) -> dict[str, Any]:
    """Compare scores, at the threshold 0.5, with true labels.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Of being clustered.
    truth : ndarray of shape (n,)
        0 not clustered, 1 clustered.

    Returns
    -------
    dict
        ``n``, ``accuracy``, ``precision``, ``recall``, ``f1`` (of label 1), ``f1_macro`` (the
        mean over both labels) and ``confusion``: rows truth, columns prediction.

    Examples
    --------
    >>> score_labels(np.array([0.9, 0.2, 0.6, 0.1]), np.array([1, 0, 0, 1]))["confusion"]
    [[1, 1], [1, 1]]
    """
    confusion = np.zeros((2, 2), dtype=int)
    np.add.at(confusion, (truth.astype(int), (score >= 0.5).astype(int)), 1)
    right = np.diag(confusion)
    f1 = 2 * right / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)
    return {
        "n": int(confusion.sum()),
        "accuracy": round(float(right.sum() / max(confusion.sum(), 1)), 5),
        "precision": round(float(right[1] / max(confusion[:, 1].sum(), 1)), 5),
        "recall": round(float(right[1] / max(confusion[1].sum(), 1)), 5),
        "f1": round(float(f1[1]), 5),
        "f1_macro": round(float(f1.mean()), 5),
        "confusion": confusion.tolist(),
    }
