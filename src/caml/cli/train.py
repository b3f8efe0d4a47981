"""``caml train``: a network from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caml.cli.training import Bars, make_folder, pool_of, write_input_map, write_scores
from caml.cli.training_options import (
    fit_options,
    network_options,
    pool_options,
    prepare,
)

if TYPE_CHECKING:
    from caml.train.run import Training

__all__ = ["train"]

# What the files of a training are called, after the network's name.
ENDINGS = (
    ".onnx", ".json", "_curves.json", "_training.png", "_scores.json", "_scores.csv", "_scores.png",
    "_input.png",
)  # fmt: skip


@click.command(short_help="Train a network from nothing.")
@network_options
@click.option(
    "--out",
    "-o",
    default="training",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the network, its card, its learning curves and scores, and the pool.",
)
@pool_options
@fit_options
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with a training that was interrupted or killed; the same weights come out.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier network of this name.")
def train(out: Path, resume: bool, overwrite: bool, **given: Any) -> int:
    """Train NETWORK on simulated cells, from nothing, and write it to --out.

    NETWORK is one of the package (caml models), or a Python file of your own that defines
    stack(shape, n_outputs) and returns a keras.Sequential:

    \b
    caml train my_network.py --scenarios my.toml --input norm_self --k 200 --labels 3 --name auto
    """
    from caml.errors import OutputError

    recipe, pool_settings, settings = prepare(out, **given)
    from caml.train.run import check_recipe
    from caml.train.run import train as train_network

    check_recipe(recipe)
    weights = out / f"{recipe.name}.onnx"
    checkpoint = out / f"{recipe.name}.checkpoint.npz"
    # What a training that was killed while it wrote has left is replaced by what is resumed.
    overwrite = overwrite or (resume and checkpoint.exists())
    written = [weights.with_name(f"{recipe.name}{ending}") for ending in ENDINGS]
    if (existing := [path for path in written if path.exists()]) and not overwrite:
        raise OutputError(
            f"{existing[0]} exists already: choose another --out, or replace it with --overwrite"
        )
    make_folder(out)
    if checkpoint.exists() and not (resume or overwrite):
        raise OutputError(
            f"{checkpoint} is of a training that did not end: go on with --resume, or begin again "
            "with --overwrite"
        )
    with Bars() as bars:
        pool = pool_of(recipe, pool_settings, out, bars, overwrite=overwrite, **given)
        training = train_network(
            recipe,
            pool,
            settings=settings,
            seed=given["seed"],
            checkpoint=checkpoint,
            resume=resume,
            on_epoch=lambda number, logs: bars.advance(
                "fitting", "pass", number, settings.n_epochs, accuracy=f"{logs['val_accuracy']:.4f}"
            ),
        )
    write_input_map(training.model, pool, weights.with_suffix(""), overwrite=overwrite)
    _write(training, weights, overwrite=overwrite)
    checkpoint.unlink(missing_ok=True)
    scores = training.scores
    click.echo(f"{weights}: test accuracy {scores.accuracy:.4f}, F1 {scores.f1:.4f}")
    click.echo(f"use it: caml analyse FILE --model {weights} --out RESULTS")
    return 0


def _write(training: Training, weights: Path, *, overwrite: bool) -> None:
    """Write the network, its card, and how its training went."""
    from caml.io import whole_file, write_json
    from caml.plot import save_training

    card = training.model.card
    curves = weights.with_name(f"{card.name}_curves.json")
    write_json(curves, training.curves, overwrite=overwrite)
    picture = weights.with_name(f"{card.name}_training.png")
    with whole_file(picture, overwrite=overwrite) as partial:
        save_training(training.curves, card.metrics["confusion"], card.labels, partial)
    write_scores(training.scores, weights.with_suffix(""), overwrite=overwrite)
    # The card before the weights: those without their card are never seen.
    with whole_file(weights.with_suffix(".json"), overwrite=overwrite) as partial:
        partial.write_text(card.as_json(), encoding="utf-8")
    with whole_file(weights, overwrite=overwrite) as partial:
        partial.write_bytes(training.model.weights)
