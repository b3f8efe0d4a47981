"""From a recipe to a trained network with its card: pool, fit, calibration, export, check."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from caml._version import __version__
from caml.errors import ModelError
from caml.features import network_input
from caml.models import Model, ModelCard, load_model
from caml.models.chance import shares_by_chance
from caml.models.stack import layer_text
from caml.simulate import training_scenarios
from caml.train.calibrate import calibrate
from caml.train.draw import build_pool
from caml.train.export import as_layers, exported
from caml.train.fit import Fitted, fit
from caml.train.pool import Cell, Pool, PoolSettings, Rows, digest
from caml.train.recipes import Recipe
from caml.train.scores import NetworkScores, calibration_error, score_network
from caml.train.settings import FitSettings
from caml.train.warm import take_weights

__all__ = ["Training", "check_recipe", "find_pool", "train"]

# How far the exported network may be from the trained one.
TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """A trained network and how its training went.

    Parameters
    ----------
    model : Model
        The network, ready to run.
    curves : dict of str to list of float
        ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, ``seconds``: a value per pass.
    scores : NetworkScores
        Of the pool's test part.
    """

    model: Model
    curves: dict[str, list[float]]
    scores: NetworkScores


def pool_settings(recipe: Recipe, settings: PoolSettings | None = None) -> PoolSettings:
    """Return the settings of a pool that a network can learn from.

    Parameters
    ----------
    recipe : Recipe
        The network.
    settings : PoolSettings, optional
        Sizes, label mix and seed; the paper's by default.

    Returns
    -------
    PoolSettings
        The same with the network's labels and input, and no fewer neighbours than it looks at.
    """
    chosen = settings or PoolSettings(k=recipe.k, n_labels=len(recipe.labels))
    return dataclasses.replace(
        chosen,
        k=max(chosen.k, recipe.k),
        n_labels=len(recipe.labels),
        n_dimensions=recipe.n_dimensions,
        coordinates=chosen.coordinates or network_input(recipe.input).of_coordinates,
    )


def find_pool(
    recipe: Recipe,
    settings: PoolSettings,
    folder: Path | None,
    *,
    overwrite: bool = False,
    n_jobs: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Pool:
    """Take a pool from its folder, or make it and keep it there.

    Parameters
    ----------
    recipe : Recipe
        What learns from it.
    settings : PoolSettings
        How it is made.
    folder : Path, optional
        Where it is kept; None keeps it in memory alone.
    overwrite : bool, default False
        Whether another pool in the folder may be replaced.
    n_jobs : int, default 0
        How many processes simulate; 0 is one per core.
    progress : callable, optional
        Called with the number of images simulated, and of all.

    Returns
    -------
    Pool
        With at least as many neighbours as asked for.

    Raises
    ------
    ModelError
        If the folder holds another pool.
    ScenarioError
        If the scenarios cannot give such a pool.
    """
    cells = recipe.cells
    _check_dimensions(recipe, cells)
    if folder is not None and (folder / "pool.json").exists():
        try:
            held = Pool.open(folder)
            lacking = held.lacks(settings, digest(cells))
        except ModelError as error:
            if not overwrite:
                raise
            lacking = str(error)
        if not lacking:
            return held
        if not overwrite:
            raise ModelError(
                f"{folder} holds another pool: {lacking}. Choose another folder, or remove this one"
            )
    pool = build_pool(cells, settings, n_jobs=n_jobs, progress=progress)
    if folder is None:
        return pool
    pool.save(folder)
    # Read from disk as it is needed, from now on: inputs take as much memory again.
    del pool
    return Pool.open(folder)


def train(
    recipe: Recipe,
    pool: Pool,
    *,
    settings: FitSettings | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    resume: bool = False,
    on_epoch: Callable[[int, dict[str, float]], None] | None = None,
) -> Training:
    """Train a network on a pool of simulated localizations, from nothing.

    Parameters
    ----------
    recipe : Recipe
        The network.
    pool : Pool
        What it learns from.
    settings : FitSettings, optional
        How it is fitted; the recipe's by default.
    seed : int, default 0
        Of the first weights, of what is dropped and of the order of the localizations.
    checkpoint : Path, optional
        A file in which all is kept after each pass.
    resume : bool, default False
        Whether to go on from it, where there is one.
    on_epoch : callable, optional
        Called after each pass with its number, losses and accuracies.

    Returns
    -------
    Training
        The network, its learning curves, and its scores on the test part.

    Raises
    ------
    ModelError
        If the stack or the pool does not fit, a layer cannot be exported, the loss is no longer a
        number, or the exported network's scores differ from the trained one's.

    Notes
    -----
    Williamson et al. 2020, Methods: 711 scenarios of five images each, 500,000 localizations to
    train on, 100,000 to validate and to test, labels balanced; Adam. Unlike the paper's, whose
    batches are of 32 localizations and whose learning rate stays near 0.001, batches are larger
    and the rate falls along a cosine: a pass takes a fraction of the steps, and the noise of the
    first passes dies out. The weights of the smallest validation loss are kept. Scores of two
    labels are then calibrated on the validation part, by a factor and a shift of the log odds that
    become part of the last layer.
    """
    settings = settings or recipe.settings
    check_recipe(recipe)
    fitted = fit(
        recipe, pool, settings,
        seed=seed, checkpoint=checkpoint, resume=resume, progress=on_epoch,
    )  # fmt: skip
    rows = Rows.of(pool)
    calibration: dict[str, Any] = {}
    if len(recipe.labels) == 2:
        truth = pool.label[rows.validation]
        score = fitted.predict(pool.features(recipe.input, recipe.k, rows.validation))
        slope, intercept = calibrate(fitted.network, score, truth, pool.settings.shares)
        calibration = {
            "slope": round(slope, 4),
            "intercept": round(intercept, 4),
            "error_before": round(calibration_error(score, truth == 1), 5),
        }
    weights = exported(fitted.network)
    card = _card(recipe, fitted, pool, settings, seed, weights)
    model = Model(card, weights)
    features = pool.features(recipe.input, recipe.k, rows.test)
    score = model.predict(features)
    difference = float(np.abs(score - fitted.predict(features)).max())
    if not difference <= TOLERANCE:
        raise ModelError(
            f"the exported network differs from the trained one by {difference:.2g} "
            f"(allowed: {TOLERANCE:g})"
        )
    scores = score_network(score, pool.label[rows.test], recipe.labels)
    if calibration:
        calibration["shares_by_chance"] = shares_by_chance(model)
    measured = scores.summary() | ({"calibration": calibration} if calibration else {})
    card = dataclasses.replace(card, metrics=measured)
    return Training(Model(card, weights), fitted.curves, scores)


def check_recipe(recipe: Recipe) -> None:
    """Refuse a network that cannot be trained or exported, which is better known before hours.

    Parameters
    ----------
    recipe : Recipe
        The network.

    Raises
    ------
    ModelError
        If the stack does not fit, a layer cannot be written as ONNX, or the network that it starts
        from has nothing for it.
    """
    network = recipe.build()
    exported(network)
    if recipe.start:
        take_weights(network, load_model(recipe.start))


def _check_dimensions(recipe: Recipe, cells: tuple[Cell, ...]) -> None:
    found = {scenario.n_dimensions for cell in cells for scenario in cell}
    if found != {recipe.n_dimensions}:
        raise ModelError(
            f"{recipe.name} is made for {recipe.n_dimensions}D, and the scenarios are "
            f"{' and '.join(f'{n}D' for n in sorted(found)) or 'none'}"
        )


def _card(
    recipe: Recipe,
    fitted: Fitted,
    pool: Pool,
    settings: FitSettings,
    seed: int,
    weights: bytes,
) -> ModelCard:
    """Write down what the network is and how it came to be."""
    packages = ("keras", "jax", "numpy", "scipy", "onnx")
    cells = recipe.cells
    what = f"{len(cells)} scenarios ({pool.scenarios})"
    if pool.scenarios == digest(training_scenarios()):
        what = f"{len(cells)} training scenarios of Williamson et al. 2020"
    return ModelCard(
        name=recipe.name,
        description=recipe.description,
        k=recipe.k,
        n_dimensions=recipe.n_dimensions,
        input=recipe.input,
        labels=recipe.labels,
        layers=tuple(map(layer_text, as_layers(fitted.network))),
        n_parameters=sum(int(np.prod(one.shape)) for one in fitted.network.trainable_weights),
        scenarios=f"{what}, {pool.settings.n_replicates} images each",
        seed=seed,
        created=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        sha256=hashlib.sha256(weights).hexdigest(),
        training={
            "pool": {**asdict(pool.settings), "scenarios": pool.scenarios},
            **asdict(settings),
            "started_from": recipe.start or None,
            "n_epochs_run": len(fitted.curves["loss"]),
            "seconds": round(sum(fitted.curves["seconds"])),
        },
        versions={
            "caml": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
    )
