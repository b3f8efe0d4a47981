"""``caml train``: a network from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from caml.train.run import Training

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
    from caml.errors import MissingExtraError, OutputError

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
    with _Bars() as bars:
        training = train_network(
            chosen.name,
            pool=pool,
            settings=FitSettings(n_epochs=n_epochs),
            pool_folder=out / "pool",
            n_jobs=n_jobs,
            on_pool=lambda n_done, n_all: bars.advance("simulating", "image", n_done, n_all),
            on_epoch=lambda number, logs: bars.advance(
                "fitting", "pass", number, n_epochs, accuracy=f"{logs['val_accuracy']:.4f}"
            ),
        )
    _write(training, weights, overwrite=overwrite)
    metrics = training.model.card.metrics
    click.echo(f"{weights}: test accuracy {metrics['accuracy']:.4f}, F1 {metrics['f1']:.4f}")
    click.echo(f"use it: caml analyse FILE --model {weights} --out RESULTS")
    return 0


class _Bars:
    """Progress bars, one after the other."""

    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bar in self._bars.values():
            bar.close()

    def advance(self, name: str, unit: str, n_done: int, n_all: int, **shown: str) -> None:
        """Move the bar of a name to n_done of n_all."""
        from tqdm import tqdm

        if name not in self._bars:
            self._bars[name] = tqdm(desc=name, unit=unit, total=n_all)
        bar = self._bars[name]
        bar.set_postfix(shown, refresh=False)
        bar.update(n_done - bar.n)
        if n_done == n_all:
            bar.close()


def _write(training: Training, weights: Path, *, overwrite: bool) -> None:
    """Write the network, its card and how its training went."""
    from caml.io import whole_file, write_json
    from caml.plot import save_training

    card = training.model.card
    # The card goes first: weights without their card are never seen.
    with whole_file(weights.with_suffix(".json"), overwrite=overwrite) as partial:
        partial.write_text(card.as_json(), encoding="utf-8")
    with whole_file(weights, overwrite=overwrite) as partial:
        partial.write_bytes(training.model.weights)
    curves = weights.with_name(f"{card.name}_curves.json")
    write_json(curves, training.curves, overwrite=overwrite)
    picture = weights.with_name(f"{card.name}_training.png")
    with whole_file(picture, overwrite=overwrite) as partial:
        save_training(training.curves, card.metrics["confusion"], card.labels, partial)
