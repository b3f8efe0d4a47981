"""From a recipe to a trained network with its card: pool, fit, export, check."""

from __future__ import annotations

import datetime as dt
import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from caml._version import __version__
from caml.errors import ModelError
from caml.models import Model, ModelCard
from caml.simulate import Scenario, training_scenarios
from caml.train.export import to_onnx
from caml.train.fit import FitSettings, Fitted, fit, measured
from caml.train.networks import Recipe, recipe
from caml.train.pool import Pool, PoolSettings, build_pool, digest

__all__ = ["Training", "train"]

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
        ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``: a value per pass.
    """

    model: Model
    curves: dict[str, list[float]]


def train(
    name: str,
    *,
    scenarios: Sequence[Scenario] = (),
    pool: PoolSettings | None = None,
    settings: FitSettings | None = None,
    pool_folder: Path | None = None,
    n_jobs: int = 0,
    on_pool: Callable[[int, int], None] | None = None,
    on_epoch: Callable[[int, dict[str, float]], None] | None = None,
) -> Training:
    """Train a network on simulated cells, from nothing.

    Parameters
    ----------
    name : str
        Which of `caml.train.networks.RECIPES`.
    scenarios : sequence of Scenario, optional
        What it learns from; the paper's 711 by default.
    pool : PoolSettings, optional
        Sizes and seed of the pool; the paper's by default, with the network's k.
    settings : FitSettings, optional
        How it is fitted.
    pool_folder : Path, optional
        Where the pool is kept, and taken from if it is there.
    n_jobs : int, default 0
        How many processes simulate; 0 is one per core.
    on_pool : callable, optional
        Called with the number of images simulated, and of all.
    on_epoch : callable, optional
        Called after each pass with its number, losses and accuracies.

    Returns
    -------
    Training
        The network and its learning curves.

    Raises
    ------
    ModelError
        If there is no such recipe, or the exported network's scores differ from the trained one's.

    Notes
    -----
    Williamson et al. 2020, Methods: 711 scenarios of five images each, 500,000 localizations to
    train on, 100,000 to validate and to test, labels balanced; Adam. Unlike the paper's, whose
    batches are of 32 localizations and whose learning rate stays near 0.001, batches are of 256 and
    the rate falls from 0.002 to a tenth of it: a pass takes an eighth of the steps, and the noise
    of the first passes dies out. The fit ends early when the validation loss no longer falls, and
    the weights of the smallest are kept.
    """
    chosen = recipe(name)
    pool = pool or PoolSettings(k=chosen.k)
    settings = settings or FitSettings()
    scenarios = tuple(scenarios) or training_scenarios()
    measurements = Pool.load(pool_folder, pool, digest(scenarios)) if pool_folder else None
    if measurements is None:
        measurements = build_pool(scenarios, pool, n_jobs=n_jobs, progress=on_pool)
        if pool_folder:
            measurements.save(pool_folder)
    fitted = fit(chosen, measurements, settings, progress=on_epoch)
    weights = to_onnx(fitted.network)
    card = _card(chosen, fitted, measurements, settings, weights, scenarios)
    model = Model(card, weights)
    _check_export(model, fitted, chosen, measurements)
    return Training(model, fitted.curves)


def _check_export(model: Model, fitted: Fitted, chosen: Recipe, pool: Pool) -> None:
    """Compare the exported network's scores of the test part with the trained one's."""
    rows = pool.part("test")
    part = Pool(pool.distances[rows], pool.label[rows], pool.settings)
    difference = float(np.abs(model.predict(measured(chosen, part)) - fitted.score).max())
    if not difference <= TOLERANCE:
        raise ModelError(
            f"the exported network differs from the trained one by {difference:.2g} "
            f"(allowed: {TOLERANCE:g})"
        )


def _card(
    chosen: Recipe,
    fitted: Fitted,
    pool: Pool,
    settings: FitSettings,
    weights: bytes,
    scenarios: tuple[Scenario, ...],
) -> ModelCard:
    """Write down what the network is and how it came to be."""
    packages = ("keras", "jax", "numpy", "scipy", "onnx")
    what = f"{len(scenarios)} scenarios ({pool.scenarios})"
    if scenarios == training_scenarios():
        what = f"{len(scenarios)} training scenarios of Williamson et al. 2020"
    return ModelCard(
        name=chosen.name,
        description=chosen.description,
        k=chosen.k,
        n_dimensions=2,
        input=chosen.input,
        labels=chosen.labels,
        layers=tuple(_layer_text(layer) for layer in fitted.network.layers),
        n_parameters=fitted.network.count_params(),
        scenarios=f"{what}, {pool.settings.n_replicates} images each",
        seed=pool.settings.seed,
        created=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        sha256=hashlib.sha256(weights).hexdigest(),
        training={
            "n_train": pool.settings.n_train,
            "n_validation": pool.settings.n_validation,
            "n_test": pool.settings.n_test,
            **asdict(settings),
            "n_epochs_run": len(fitted.curves["loss"]),
        },
        metrics=fitted.metrics,
        versions={
            "caml": __version__,
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
    )


def _layer_text(layer: object) -> str:
    """Describe a layer as a person would: ``Dense 32 relu``."""
    config = layer.get_config()  # type: ignore[attr-defined]
    detail = [str(config[key]) for key in ("target_shape", "units", "activation") if key in config]
    return " ".join([type(layer).__name__, *detail])
