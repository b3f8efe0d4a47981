"""``caml cross-validate``: how much a network's accuracy depends on what it learnt from."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from caml.cli.training import Bars, make_folder, pool_of
from caml.cli.training_options import (
    fit_options,
    network_options,
    pool_options,
    prepare,
)

__all__ = ["cross_validate"]


@click.command(short_help="Train a network on each part of a pool but one, in turn.")
@network_options
@click.option(
    "--folds", "n_folds", type=click.IntRange(min=3), default=10, show_default=True, help="Parts."
)
@click.option(
    "--out",
    "-o",
    default="training",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the scores of each fold (JSON and csv), and the pool.",
)
@pool_options
@fit_options
@click.option("--overwrite", is_flag=True, help="Replace an earlier cross-validation.")
def cross_validate(out: Path, n_folds: int, overwrite: bool, **given: Any) -> int:
    """Train NETWORK once for each fold of a pool, and judge it by the fold it did not see.

    Folds that are done are kept: the same command goes on after an interruption.
    """
    recipe, pool_settings, settings = prepare(out, **given)
    import pandas as pd

    from caml.io import write_json, write_table
    from caml.train.folds import cross_validate as validate
    from caml.train.run import check_recipe

    check_recipe(recipe)
    make_folder(out)
    record = out / f"{recipe.name}_folds.json"
    if overwrite:
        record.unlink(missing_ok=True)
    with Bars() as bars:
        pool = pool_of(recipe, pool_settings, out, bars, overwrite=overwrite, **given)
        found = validate(
            recipe,
            pool,
            n_folds=n_folds,
            settings=settings,
            seed=given["seed"],
            record=record,
            progress=lambda n_done, fold: bars.advance(
                "folds", "fold", n_done, n_folds, accuracy=f"{fold['accuracy']:.4f}"
            ),
        )
    mean, spread = found.accuracy
    table = pd.DataFrame(found.folds).drop(columns="confusion")
    table.insert(0, "fold", range(1, n_folds + 1))
    write_table(out / f"{recipe.name}_folds.csv", table, overwrite=True)
    summary = {"accuracy_mean": mean, "accuracy_sd": spread, **dataclasses.asdict(found)}
    write_json(out / f"{recipe.name}_cross_validation.json", summary, overwrite=True)
    click.echo(
        f"{recipe.name}: accuracy {100 * mean:.2f} ± {100 * spread:.2f} % over {n_folds} folds"
    )
    return 0
