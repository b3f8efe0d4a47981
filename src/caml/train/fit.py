"""Fitting a network to a pool: the passes, the checkpoint after each, the best weights."""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from caml._arrays import IntArray
from caml.errors import ModelError
from caml.models import load_model
from caml.models.stack import layer_text
from caml.train.checkpoint import Checkpoint
from caml.train.export import as_layers
from caml.train.pool import Pool, Rows
from caml.train.recipes import Recipe
from caml.train.settings import FitSettings
from caml.train.warm import take_weights

__all__ = ["Fitted", "fit", "stack_identity"]

# Localizations scored at once, and those whose mean and variance a normalization takes.
SCORED = 2_048
NORMALIZED = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted network and how it got there.

    Parameters
    ----------
    network : keras.Sequential
        With its best weights.
    curves : dict of str to list of float
        ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``seconds``: a value per pass.
    """

    network: keras.Sequential
    curves: dict[str, list[float]]

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Score localizations.

        Parameters
        ----------
        features : ndarray of shape (n, k) or (n, k, n_dimensions), float32
            Their inputs.

        Returns
        -------
        ndarray of shape (n,) or (n, n_labels), float32
            As of `caml.models.Model.predict`.
        """
        shaped = _shaped(self.network, features)
        score: npt.NDArray[np.float32] = self.network.predict(shaped, batch_size=SCORED, verbose=0)
        return score[:, 0] if score.shape[1] == 1 else score


def fit(
    recipe: Recipe,
    pool: Pool,
    settings: FitSettings | None = None,
    *,
    seed: int = 0,
    rows: Rows | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> Fitted:
    """Fit a network to a pool.

    Parameters
    ----------
    recipe : Recipe
        The network.
    pool : Pool
        What it learns from.
    settings : FitSettings, optional
        How; the recipe's by default.
    seed : int, default 0
        Of the first weights, of what is dropped and of the order of the localizations.
    rows : Rows, optional
        Which of the pool; its own parts by default.
    checkpoint : Path, optional
        A file in which all is kept after each pass.
    resume : bool, default False
        Whether to go on from it, where there is one; the same weights come out.
    progress : callable, optional
        Called after each pass with its number and the losses and accuracies.

    Returns
    -------
    Fitted
        The network with the weights of the smallest validation loss.

    Raises
    ------
    ModelError
        If the stack does not fit, a label is missing among the rows to learn from, the checkpoint
        is of another training, or the loss is no longer a number.
    """
    settings = settings or recipe.settings
    rows = rows or Rows.of(pool)
    _check_labels(recipe, pool, rows)
    _keep_memory()
    keras.utils.set_random_seed(seed)
    network = recipe.build()
    if recipe.start:
        take_weights(network, load_model(recipe.start))
    features = pool.features(recipe.input, recipe.k, rows.train)
    label = pool.label[rows.train]
    validation = pool.features(recipe.input, recipe.k, rows.validation)
    for layer in network.layers[:1]:
        if isinstance(layer, keras.layers.Normalization) and not recipe.start:
            layer.adapt(features[:NORMALIZED])
    n_pass = min(settings.n_per_epoch or len(label), len(label))
    n_batch = min(settings.batch_size, n_pass)
    n_steps = n_pass // n_batch
    _compile(network, settings, n_steps)
    kept = Checkpoint(checkpoint, network, _identity(recipe, network, pool, settings, seed, rows))
    if resume:
        kept.load()
    for epoch in range(len(kept.curves["loss"]), settings.n_epochs):
        if kept.epochs_since_best >= settings.patience:
            break
        order = np.random.default_rng(np.random.SeedSequence((seed, epoch))).permutation(len(label))
        batches = _Batches(_shaped(network, features), label, order[: n_steps * n_batch], n_batch)
        start = time.perf_counter()
        history = network.fit(batches, verbose=0, shuffle=False).history
        loss, accuracy = network.evaluate(
            _shaped(network, validation),
            pool.label[rows.validation],
            batch_size=SCORED,
            verbose=0,
        )
        logs = {
            "loss": float(history["loss"][0]),
            "accuracy": float(history["accuracy"][0]),
            "val_loss": float(loss),
            "val_accuracy": float(accuracy),
            "seconds": round(time.perf_counter() - start, 1),
        }
        if not all(map(math.isfinite, logs.values())):
            raise ModelError(
                f"{recipe.name}: the loss of pass {epoch + 1} is not a number. Try a smaller "
                f"learning rate than {settings.learning_rate:g}, or an input between bounds: "
                f"{recipe.input} may be large"
            )
        kept.note(logs)
        if progress is not None:
            progress(epoch + 1, logs)
    kept.restore_best()
    return Fitted(network, kept.curves)


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """The localizations of a pass, in an order that the seed decides; all batches of one size."""

    def __init__(
        self,
        features: npt.NDArray[np.float32],
        label: npt.NDArray[np.uint8],
        order: IntArray,
        size: int,
    ) -> None:
        super().__init__()
        self._features, self._label = features, label
        self._order, self._size = order, size

    def __len__(self) -> int:
        """Count the batches."""
        return len(self._order) // self._size

    def __getitem__(self, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Return a batch."""
        rows = self._order[number * self._size : (number + 1) * self._size]
        return self._features[rows], self._label[rows]


def _keep_memory() -> None:
    """Have memory that a step gave back kept for the next one, where the C library can be told.

    A step's intermediate values are large: to return them to the system and ask for them again
    can take longer than to compute them.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        adjust = ctypes.CDLL(None).mallopt
        most_mapped, trim_threshold = -4, -1
        adjust(most_mapped, 0)
        adjust(trim_threshold, 2**31 - 1)


def stack_identity(recipe: Recipe, network: keras.Sequential) -> str:
    """Name a network by all that is decided before it learns.

    Parameters
    ----------
    recipe : Recipe
        The network.
    network : keras.Sequential
        Its stack.

    Returns
    -------
    str
        Another one for other layers, settings of layers, inputs, labels or first weights.
    """
    layers = "; ".join(map(layer_text, as_layers(network)))
    settings = json.dumps(_nameless([one.get_config() for one in network.layers]), default=str)
    start = load_model(recipe.start).card.sha256[:16] if recipe.start else "chance"
    return (
        f"{recipe.name} {recipe.input} {recipe.n_dimensions}D {recipe.k} {recipe.labels} "
        f"[{layers}] {zlib.crc32(settings.encode())} from {start}"
    )


def _nameless(config: Any) -> Any:
    """Leave out the names of layers, which Keras counts on from one stack to the next."""
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key != "name"}
    if isinstance(config, list | tuple):
        return [_nameless(one) for one in config]
    return config


def _identity(
    recipe: Recipe,
    network: keras.Sequential,
    pool: Pool,
    settings: FitSettings,
    seed: int,
    rows: Rows,
) -> str:
    """Name a training by all that decides its outcome."""
    drawn = zlib.crc32(rows.train.tobytes())
    return (
        f"{stack_identity(recipe, network)} {settings} {pool.settings} {pool.scenarios} {drawn} "
        f"seed {seed}"
    )


def _compile(network: keras.Sequential, settings: FitSettings, n_steps: int) -> None:
    """Choose loss, optimizer and how its rate changes."""
    n_all = n_steps * settings.n_epochs
    schedules = keras.optimizers.schedules
    rate = {
        "cosine": schedules.CosineDecay(settings.learning_rate, n_all, alpha=0.01),
        "decay": schedules.InverseTimeDecay(settings.learning_rate, 1, 0.001 / settings.n_epochs),
        "constant": settings.learning_rate,
    }[settings.schedule]
    binary = network.output_shape[1] == 1
    optimizer = keras.optimizers.Adam(rate)
    network.compile(
        optimizer=optimizer,
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    optimizer.build(network.trainable_variables)


def _check_labels(recipe: Recipe, pool: Pool, rows: Rows) -> None:
    if pool.settings.n_labels != len(recipe.labels):
        raise ModelError(
            f"{recipe.name} tells {len(recipe.labels)} labels apart and the pool "
            f"{pool.settings.n_labels}"
        )
    for part, chosen in (("to learn from", rows.train), ("to validate with", rows.validation)):
        found = np.bincount(pool.label[chosen], minlength=len(recipe.labels))
        if missing := [name for name, n in zip(recipe.labels, found, strict=True) if not n]:
            raise ModelError(
                f"no localization {part} is {' or '.join(missing)}: a network cannot learn a label "
                "that is not in its pool"
            )


def _shaped(
    network: keras.Sequential, features: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Give features the axis of length 1 that some stacks want."""
    return features.reshape(len(features), *network.input_shape[1:])
