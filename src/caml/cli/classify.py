"""``caml classify``: localization tables in, the same tables with scores and labels out."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import click

from caml._words import counted
from caml.cli.files import each_file, percent
from caml.cli.options import COLUMNS, FILE_FORMAT, MODEL, PIXEL_SIZE, PRIOR, THRESHOLD, columns_of

__all__ = ["classify"]


@click.command(short_help="Label localizations, without making clusters of them.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of the tables."
)
@MODEL
@THRESHOLD
@PRIOR
@PIXEL_SIZE
@COLUMNS
@FILE_FORMAT
@click.option("--overwrite", is_flag=True, help="Replace earlier tables.")
def classify(
    files: tuple[Path, ...],
    out: Path,
    model: str,
    threshold: float,
    prior: Any,
    pixel_size_nm: float | None,
    columns: str | None,
    file_format: str,
    overwrite: bool,
) -> int:
    """Label localizations: clustered (1) or not (0), with the network's score.

    For each of FILES a table of the same name, with every row and column of it, the score and the
    label. That is the first step of `caml analyse`, and all that other tools for clusters need.
    """
    from caml.analyse.jobs import check_free, plan
    from caml.classify import classify as classify_localizations
    from caml.errors import DataWarning
    from caml.io import read, result_table, write_table
    from caml.models import load_model

    network = load_model(model)
    roles = columns_of(columns)
    jobs = [
        (path, place.with_name(f"{place.name}.{file_format}"))
        for path, place in plan(list(files), out)
    ]
    check_free(out, jobs, replace=overwrite)

    def do(path: Path, place: Path) -> list[str]:
        localizations = read(path, pixel_size_nm=pixel_size_nm, columns=roles)
        flat = localizations
        if flat.n_dimensions > network.card.n_dimensions:
            warnings.warn(DataWarning(f"z was not used: {network.card.name} is 2D"), stacklevel=2)
            flat = flat.projected()
        found = classify_localizations(flat, network, threshold=threshold, prior=prior)
        table = result_table(localizations, found.score.astype(float).round(6), found.label)
        write_table(
            place,
            table,
            file_format="parquet" if file_format == "parquet" else "csv",
            overwrite=overwrite,
        )
        labelled = found.label[found.label >= 0]
        share = 100 * float((labelled > 0).mean()) if len(labelled) else math.nan
        return [
            f"{path}: {counted(len(table), 'localization')}{percent(share, 'clustered')} -> {place}"
        ]

    return each_file(jobs, do)
