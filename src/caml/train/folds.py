"""Cross-validation: as many trainings as folds, each judged by a part that it never saw."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from caml.errors import ModelError
from caml.train.fit import fit, stack_identity
from caml.train.pool import Pool, Rows
from caml.train.recipes import Recipe
from caml.train.scores import score_network
from caml.train.settings import FitSettings

__all__ = ["CrossValidation", "cross_validate", "fold_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidation:
    """How well a network does, trained on different parts of a pool.

    Parameters
    ----------
    name : str
        Of the network.
    n_folds : int
        How many parts.
    folds : list of dict
        What `NetworkScores.summary` says of each part, and ``seconds`` of its training.
    """

    name: str
    n_folds: int
    folds: list[dict[str, Any]]

    @property
    def accuracy(self) -> tuple[float, float]:
        """Mean and standard deviation of the accuracy over folds."""
        values = [fold["accuracy"] for fold in self.folds]
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        return float(np.mean(values)), spread


def fold_rows(pool: Pool, n_folds: int, seed: int) -> list[Rows]:
    """Split all rows of a pool into folds with the same shares of labels.

    Parameters
    ----------
    pool : Pool
        The pool; its own parts are not looked at.
    n_folds : int
        How many, at least 3.
    seed : int
        Where chance comes from.

    Returns
    -------
    list of Rows
        For each fold, itself to be judged by, the one after it to stop by, all others to learn
        from.

    Raises
    ------
    ModelError
        If there are fewer than three folds, or too few localizations.
    """
    generator = np.random.default_rng(np.random.SeedSequence((seed, n_folds)))
    fold = np.empty(len(pool.label), dtype=np.int64)
    for one in range(pool.settings.n_labels):
        rows = generator.permutation(np.flatnonzero(pool.label == one))
        fold[rows] = np.arange(len(rows)) % n_folds
        if n_folds < 3 or len(rows) < n_folds:
            raise ModelError(
                f"{n_folds} folds: expected at least 3, and no more than the {len(rows)} "
                f"localizations of label {one}"
            )
    parts = [np.flatnonzero(fold == number) for number in range(n_folds)]
    found = []
    for number in range(n_folds):
        after = (number + 1) % n_folds
        rest = np.flatnonzero((fold != number) & (fold != after))
        found.append(Rows(rest, parts[after], parts[number]))
    return found


def cross_validate(
    recipe: Recipe,
    pool: Pool,
    *,
    n_folds: int = 10,
    settings: FitSettings | None = None,
    seed: int = 0,
    record: Path | None = None,
    progress: Callable[[int, dict[str, Any]], None] | None = None,
) -> CrossValidation:
    """Train a network once for each fold of a pool, and judge it by that fold.

    Parameters
    ----------
    recipe : Recipe
        The network.
    pool : Pool
        All of it is used.
    n_folds : int, default 10
        How many folds.
    settings : FitSettings, optional
        How each is fitted; the recipe's by default.
    seed : int, default 0
        Of the folds and the first weights.
    record : Path, optional
        A JSON file in which each fold is kept when it is done, and from which folds that an
        interrupted run did are taken.
    progress : callable, optional
        Called after each fold with the number done and the fold's scores.

    Returns
    -------
    CrossValidation
        The scores of each fold.

    Raises
    ------
    ModelError
        If the folds do not fit the pool, or the record is of another cross-validation.

    Notes
    -----
    Williamson et al. 2020: "Ten-fold cross validation of the model resulted in an accuracy score
    of 91.8 ± 0.3%".
    """
    settings = settings or recipe.settings
    what = {
        "name": recipe.name,
        "layers": stack_identity(recipe, recipe.build()),
        "n_folds": n_folds,
        "seed": seed,
        "settings": asdict(settings),
        "pool": {**asdict(pool.settings), "mix": list(pool.settings.mix)},
        "scenarios": pool.scenarios,
    }
    folds = _known(record, what)
    for number, rows in enumerate(fold_rows(pool, n_folds, seed)):
        if number >= len(folds):
            fitted = fit(recipe, pool, settings, seed=seed + number, rows=rows)
            features = pool.features(recipe.input, recipe.k, rows.test)
            scores = score_network(fitted.predict(features), pool.label[rows.test], recipe.labels)
            seconds = round(sum(fitted.curves["seconds"]))
            folds.append(scores.summary() | {"seconds": seconds})
            if record is not None:
                partial = record.with_name(f".{record.name}.partial")
                partial.write_text(json.dumps({**what, "folds": folds}, indent=2) + "\n", "utf-8")
                partial.replace(record)
        if progress is not None:
            progress(number + 1, folds[number])
    return CrossValidation(name=recipe.name, n_folds=n_folds, folds=folds)


def _known(record: Path | None, what: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the folds that an earlier run did."""
    if record is None or not record.exists():
        return []
    try:
        held = json.loads(record.read_text("utf-8"))
        folds: list[dict[str, Any]] = held.pop("folds")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{record}: not a record of a cross-validation ({error})") from error
    if held != what:
        raise ModelError(
            f"{record}: of a cross-validation with other settings; choose another folder, or "
            "remove it"
        )
    return folds
