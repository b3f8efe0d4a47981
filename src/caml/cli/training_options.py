"""Options that ``caml train`` and ``caml cross-validate`` share, and what they mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caml.cli.options import Number

if TYPE_CHECKING:
    from caml.train.pool import PoolSettings
    from caml.train.recipes import Recipe
    from caml.train.settings import FitSettings

__all__ = ["fit_options", "network_options", "pool_options", "prepare"]

# Of FitSettings; None leaves the network's own.
FIT = ("n_epochs", "patience", "batch_size", "learning_rate", "schedule", "n_per_epoch")


def network_options(command: Any) -> Any:
    """Add the argument and the options that say which network.

    Parameters
    ----------
    command : callable
        The command.

    Returns
    -------
    callable
        The same.
    """
    options = (
        click.argument("network", default="XPILJZ"),
        click.option(
            "--name",
            default=None,
            help="Six letters and digits, or auto; needed for layers of your own, or where the "
            "next six options change a network of the package.",
        ),
        click.option(
            "--scenarios",
            type=click.Path(path_type=Path, dir_okay=False),
            default=None,
            help="TOML file of what to simulate; the network's own scenarios by default.",
        ),
        click.option(
            "--input", "input_name", default=None, help="What it is fed with: norm_self, …"
        ),
        click.option("--k", type=click.IntRange(min=1), default=None, help="Neighbours."),
        click.option(
            "--labels",
            "n_labels",
            type=click.IntRange(2, 3),
            default=None,
            help="2: clustered or not. 3: not clustered, round, fibre.",
        ),
        click.option(
            "--dimensions", "n_dimensions", type=click.IntRange(2, 3), default=None, help="2 or 3."
        ),
        click.option(
            "--start-from",
            "start",
            default=None,
            help="Network (a name or an .onnx file) whose weights layers of the same shapes begin "
            "with: a few passes make it one for your own scenarios.",
        ),
    )
    return _added(command, options)


def pool_options(command: Any) -> Any:
    """Add the options that say what it learns from.

    Parameters
    ----------
    command : callable
        The command.

    Returns
    -------
    callable
        The same.
    """
    options = (
        click.option(
            "--pool",
            "pool_folder",
            type=click.Path(path_type=Path, file_okay=False),
            default=None,
            help="Folder of the pool of measured localizations, made if it is not there and used "
            "again by every network that it suits.  [default: pool in --out]",
        ),
        click.option(
            "--pool-size",
            type=click.IntRange(min=70),
            default=700_000,
            show_default=True,
            help="Localizations in all: five parts in seven to train on, one to validate, one to "
            "test.",
        ),
        click.option(
            "--pool-k",
            type=click.IntRange(min=1),
            default=None,
            help="Neighbours measured, where later networks look at more of them.",
        ),
        click.option(
            "--replicates",
            "n_replicates",
            type=click.IntRange(min=1),
            default=5,
            show_default=True,
            help="Images of each scenario.",
        ),
        click.option(
            "--per-image",
            "n_per_image",
            type=click.IntRange(min=0),
            default=2_000,
            show_default=True,
            help="Localizations of each label from one image, at most; 0 is no limit: large images "
            "then weigh more.",
        ),
        click.option(
            "--mix",
            default=None,
            help="Shares of the labels in the pool, as 60,40; as many of each by default.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Of the simulation, the pool and the first weights.",
        ),
        click.option(
            "--jobs",
            "-j",
            "n_jobs",
            type=click.IntRange(min=0),
            default=0,
            help="Processes that simulate; one per core by default.",
        ),
    )
    return _added(command, options)


def fit_options(command: Any) -> Any:
    """Add the options that say how it is fitted.

    Parameters
    ----------
    command : callable
        The command.

    Returns
    -------
    callable
        The same.
    """
    whole = click.IntRange(min=1)
    options = (
        click.option(
            "--epochs",
            "n_epochs",
            type=whole,
            default=None,
            help="Passes over the training part, at most; this and the next five are the network's "
            "own by default (caml models NAME).",
        ),
        click.option(
            "--patience",
            type=whole,
            default=None,
            help="Passes without a better validation loss after which it stops.",
        ),
        click.option("--batch-size", type=whole, default=None, help="Localizations per step."),
        click.option(
            "--learning-rate",
            type=Number(min=0, min_open=True),
            default=None,
            help="Of Adam, at the start.",
        ),
        click.option(
            "--schedule",
            type=click.Choice(["cosine", "decay", "constant"]),
            default=None,
            help="How the learning rate changes.",
        ),
        click.option(
            "--per-epoch",
            "n_per_epoch",
            type=click.IntRange(min=0),
            default=None,
            help="Localizations of a pass, drawn anew for each; 0 is all of them.",
        ),
    )
    return _added(command, options)


def _added(command: Any, options: Sequence[Any]) -> Any:
    """Add options to a command, in the order in which they are to be explained."""
    for option in reversed(options):
        command = option(command)
    return command


def prepare(out: Path, **given: Any) -> tuple[Recipe, PoolSettings, FitSettings]:
    """Turn what was given on the command line into what is trained, on what, and how.

    Parameters
    ----------
    out : Path
        Where networks are written; a name made up is none of those there.
    **given
        The values of `network_options`, `pool_options` and `fit_options`.

    Returns
    -------
    recipe : Recipe
        The network.
    pool : PoolSettings
        What it learns from.
    settings : FitSettings
        How it is fitted.
    """
    from caml.errors import MissingExtraError

    try:
        from caml.train.pool import PoolSettings
        from caml.train.run import pool_settings
    except ImportError as error:
        raise MissingExtraError(
            f"training needs the extra 'train' ({error}): pip install 'caml-smlm[train]'"
        ) from error

    recipe = _recipe(out, **given)
    part = given["pool_size"] // 7
    settings = PoolSettings(
        k=given["pool_k"] or recipe.k,
        n_labels=len(recipe.labels),
        mix=_shares(given["mix"]),
        n_train=given["pool_size"] - 2 * part,
        n_validation=part,
        n_test=part,
        n_replicates=given["n_replicates"],
        n_per_image=given["n_per_image"],
        seed=given["seed"],
    )
    chosen = {name: given[name] for name in FIT if given[name] is not None}
    return recipe, pool_settings(recipe, settings), dataclasses.replace(recipe.settings, **chosen)


def _recipe(out: Path, **given: Any) -> Recipe:
    """Find the network, change what was asked for, and name it."""
    from caml.models import list_models
    from caml.models.naming import check_name, generated_name
    from caml.simulate import read_scenarios
    from caml.train.recipes import (
        BINARY,
        KINDS,
        RECIPES,
        recipe,
        recipe_from_file,
    )

    network, name = given["network"], given["name"]
    changes: dict[str, Any] = {}
    if given["k"] is not None:
        changes["k"] = given["k"]
    if given["input_name"] is not None:
        changes["input"] = given["input_name"]
    if given["n_labels"] is not None:
        changes["labels"] = BINARY if given["n_labels"] == 2 else KINDS
    if given["n_dimensions"] is not None:
        changes["n_dimensions"] = given["n_dimensions"]
    if given["start"] is not None:
        changes["start"] = given["start"]
    if given["scenarios"] is not None:
        cells = read_scenarios(given["scenarios"])
        changes["scenarios"] = lambda: cells
        changes.setdefault("n_dimensions", cells[0][0].n_dimensions)
    is_file = network.lower().endswith(".py")
    if is_file:
        content = str(Path(network).read_bytes()) if Path(network).is_file() else network
        base = recipe_from_file(Path(network), name="AUTO00", **changes)
    else:
        content = network
        base = dataclasses.replace(recipe(network), **changes)
    if name is None and (is_file or changes):
        raise click.UsageError(
            "a network of your own needs a name: --name with six letters and digits, or --name auto"
        )
    if name is None:
        return base
    taken = {card.name for card in list_models()} | {path.stem for path in out.glob("*.onnx")}
    if name.lower() == "auto":
        shown = {key: str(given[key]) for key in sorted(given) if key not in ("name", "n_jobs")}
        name = generated_name(f"{content} {shown}", taken | set(RECIPES))
    elif check_name(name) in set(RECIPES) | {card.name for card in list_models()}:
        raise click.UsageError(f"{name} is the name of a network of the package: choose another")
    description = base.description if is_file else f"As {base.name}, changed: {_text(changes)}."
    return dataclasses.replace(base, name=check_name(name), description=description)


def _text(changes: dict[str, Any]) -> str:
    shown = {name: value for name, value in changes.items() if not callable(value)}
    words = [f"{name} {value}" for name, value in shown.items()]
    if "scenarios" in changes:
        words.append("scenarios of its own")
    return ", ".join(words) or "trained anew"


def _shares(mix: str | None) -> tuple[float, ...]:
    if mix is None:
        return ()
    try:
        return tuple(float(share) for share in mix.split(","))
    except ValueError as error:
        raise click.UsageError(f"--mix takes numbers such as 60,40; got {mix!r}") from error
