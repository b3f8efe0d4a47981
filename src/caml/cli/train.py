"""``caml train``: a network from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import click

__all__ = ["train"]


@click.command(short_help="Train a network from nothing.")
@click.argument("name", default="XPILJZ")
@click.option(
    "--out",
    "-o",
    default="training",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the network, its card, its learning curves and the pool.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--pool-size",
    type=click.IntRange(min=700),
    default=700_000,
    show_default=True,
    help="Localizations in all: five parts in seven to train on, one to validate, one to test.",
)
@click.option(
    "--epochs",
    "n_epochs",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Passes over the training part, at most.",
)
@click.option(
    "--jobs",
    "-j",
    "n_jobs",
    type=click.IntRange(min=0),
    default=0,
    help="Processes that simulate; one per core by default.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier network of this name.")
def train(
    name: str, out: Path, seed: int, pool_size: int, n_epochs: int, n_jobs: int, overwrite: bool
) -> int:
    """Train the network called NAME on simulated cells, from nothing, and write it to --out.

    The pool of measured localizations is kept in --out and used again.
    """
    from tqdm import tqdm

    from caml.errors import MissingExtraError, OutputError
    from caml.io import whole_file, write_json
    from caml.plot import save_training

    try:
        from caml.train.fit import FitSettings
        from caml.train.networks import recipe
        from caml.train.pool import PoolSettings
        from caml.train.run import train as train_network
    except ImportError as error:
        raise MissingExtraError(
            f"training needs the extra 'train' ({error}): pip install 'caml-smlm[train]'"
        ) from error

    chosen = recipe(name)
    weights = out / f"{chosen.name}.onnx"
    if weights.exists() and not overwrite:
        raise OutputError(
            f"{weights} exists already: choose another --out, or replace it with --overwrite"
        )
    part = pool_size // 7
    pool = PoolSettings(
        k=chosen.k, n_train=pool_size - 2 * part, n_validation=part, n_test=part, seed=seed
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}") from error
    bars: dict[str, tqdm[NoReturn]] = {}

    def advance(name: str, unit: str, n_done: int, n_all: int, **shown: str) -> None:
        bar = bars.get(name) or tqdm(desc=name, unit=unit, total=n_all)
        bars[name] = bar
        bar.set_postfix(shown, refresh=False)
        bar.update(n_done - bar.n)
        if n_done == n_all:
            bar.close()

    def on_pool(n_done: int, n_all: int) -> None:
        advance("simulating", "image", n_done, n_all)

    def on_epoch(number: int, logs: dict[str, float]) -> None:
        advance("fitting", "pass", number, n_epochs, accuracy=f"{logs['val_accuracy']:.4f}")

    try:
        training = train_network(
            chosen.name,
            pool=pool,
            settings=FitSettings(n_epochs=n_epochs),
            pool_folder=out / "pool",
            n_jobs=n_jobs,
            on_pool=on_pool,
            on_epoch=on_epoch,
        )
    finally:
        for bar in bars.values():
            bar.close()
    card = training.model.card
    # The card goes first: weights without their card are never seen.
    with whole_file(weights.with_suffix(".json"), overwrite=overwrite) as partial:
        partial.write_text(card.as_json(), encoding="utf-8")
    with whole_file(weights, overwrite=overwrite) as partial:
        partial.write_bytes(training.model.weights)
    write_json(out / f"{chosen.name}_curves.json", training.curves)
    with whole_file(out / f"{chosen.name}_training.png", overwrite=overwrite) as partial:
        save_training(training.curves, card.metrics["confusion"], card.labels, partial)
    click.echo(
        f"{weights}: test accuracy {card.metrics['accuracy']:.4f}, F1 {card.metrics['f1']:.4f}"
    )
    click.echo(f"use it: caml analyse FILE --model {weights} --out RESULTS")
    return 0
