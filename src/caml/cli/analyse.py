"""``caml analyse``: localization tables in, a folder of results out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caml._words import counted
from caml.cli.files import named, percent
from caml.cli.options import (
    COLUMNS,
    FILE_FORMAT,
    MODEL,
    PIXEL_SIZE,
    PRIOR,
    REGION,
    REGION_PIXEL_SIZE,
    THRESHOLD,
    columns_of,
    regions_of,
)
from caml.cli.progress import Progress

if TYPE_CHECKING:
    from caml.analyse import Outcome

__all__ = ["analyse"]


@click.command(short_help="Find, outline and describe clusters in localization tables.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of results."
)
@MODEL
@THRESHOLD
@PRIOR
@click.option(
    "--method",
    default="caml",
    show_default=True,
    help="Find clusters by another method than a network: dbscan, voronoi, …; caml methods lists "
    "them and their parameters.",
)
@click.option(
    "--set",
    "parameter_texts",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of that method. May be given more than once.",
)
@REGION
@PIXEL_SIZE
@REGION_PIXEL_SIZE
@COLUMNS
@FILE_FORMAT
@click.option(
    "--jobs",
    "-j",
    "n_jobs",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Files, or tiles of a large one, at once.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Let the workers of a Dask cluster do it: tcp://HOST:PORT of its scheduler.",
)
@click.option(
    "--tile",
    "tile_size",
    type=click.IntRange(min=1_000),
    metavar="N",
    help="Analyse tables in tiles of N localizations, with the same results; those too large for "
    "memory always are. For parquet and text.",
)
@click.option(
    "--report/--no-report",
    "with_report",
    default=True,
    show_default=True,
    help="A page for each image, and one for all: to look at, print and mail.",
)
@click.option("--overwrite", is_flag=True, help="Replace earlier results.")
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
def analyse(
    files: tuple[Path, ...],
    out: Path,
    model: str,
    threshold: float,
    prior: Any,
    method: str,
    parameter_texts: tuple[str, ...],
    region_texts: tuple[str, ...],
    pixel_size_nm: float | None,
    region_pixel_size_nm: float | None,
    columns: str | None,
    file_format: str,
    n_jobs: int,
    scheduler: str | None,
    tile_size: int | None,
    with_report: bool,
    overwrite: bool,
    resume: bool,
) -> int:
    """Find, outline and describe the clusters in localization tables.

    FILES are tables of any supported format: ThunderSTORM csv, Picasso hdf5, or csv, tsv, txt and
    parquet with x and y columns. No parameter needs to be chosen.

    \b
    For each file, in a folder named after it:
      localizations.csv  the table with score, label and cluster
      clusters.csv       a row per cluster
      outlines.geojson   the outlines, nm
      overview.png       a picture
      report.html        a page with all of it, for any browser
    and beside them summary.csv (a row per image), report.html (all images, of more than one),
    run.json (what was done) and regions.geojson (polygons that were asked for).

    A table in parquet or text that is too large for memory is analysed in tiles. Its localizations
    and outlines are then folders of parquet files.
    """
    from caml.analyse import analyse_files
    from caml.plot import save_overview
    from caml.report import save_first_page, save_report

    if tile_size is not None and region_texts:
        raise click.UsageError("--tile is of whole tables: leave out either it or --region")
    if overwrite and resume:
        raise click.UsageError("--resume goes on, --overwrite starts anew: leave out one of them")
    parameters = _parameters(method, parameter_texts)
    regions = regions_of(region_texts, region_pixel_size_nm or pixel_size_nm)

    with Progress() as progress:

        def report(outcome: Outcome, n_done: int, n_all: int) -> None:
            progress.clear(n_done, n_all)
            _report(outcome, f"[{n_done}/{n_all}] " if n_all > 1 else "")

        batch = analyse_files(
            files,
            out,
            model=model,
            threshold=threshold,
            prior=prior,
            method=method,
            parameters=parameters,
            regions=regions,
            pixel_size_nm=pixel_size_nm,
            columns=columns_of(columns),
            file_format="parquet" if file_format == "parquet" else "csv",
            n_jobs=n_jobs,
            scheduler=scheduler,
            tile_size=tile_size,
            overwrite=overwrite,
            resume=resume,
            picture=save_overview,
            report=save_report if with_report else None,
            on_outcome=report,
            on_progress=progress.show,
        )
    n_failed = sum(bool(one.error) for one in batch.outcomes)
    if n_failed < len(batch.outcomes):
        click.echo(f"summary: {out / 'summary.csv'}")
        if with_report:
            click.echo(f"report: {save_first_page(batch, out)}")
    if n_failed:
        click.echo(f"caml: {n_failed} of {counted(len(batch.outcomes), 'file')} failed", err=True)
    return 1 if n_failed else 0


def _parameters(method: str, texts: tuple[str, ...]) -> dict[str, Any]:
    """Read every ``--set``, and refuse what is not of the method."""
    from click.core import ParameterSource

    if method == "caml":
        if texts:
            raise click.UsageError("--set is of other methods: choose one with --method")
        return {}
    context = click.get_current_context()
    given = [
        f"--{name}"
        for name in ("model", "threshold", "prior")
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(f"{', '.join(given)}: of networks, not of {method}; use --set")
    if context.params["tile_size"] is not None:
        raise click.UsageError(f"--tile: {method} looks at whole images")
    from caml.methods import parse_parameters

    return parse_parameters(method, texts)


def _report(outcome: Outcome, prefix: str) -> None:
    """Say in a line what became of a file, and what should be known of it."""
    if outcome.error:
        click.echo(f"{prefix}caml: error: {outcome.error}", err=True)
        return
    for row in outcome.summary.to_dict("records"):
        where = f", {row['region']}" if row["region"] else ""
        click.echo(
            f"{prefix}{outcome.path}{where}: "
            f"{counted(row['n_localizations'], 'localization')}, "
            f"{counted(row['n_clusters'], 'cluster')}"
            f"{percent(row['percent_clustered'], 'clustered')} -> {outcome.folder}"
        )
    if "," in outcome.found_by:
        # What a method told from the image; networks have nothing to tell.
        click.echo(f"{prefix}by {outcome.found_by}")
    for text in outcome.warnings:
        click.echo(f"{prefix}caml: warning: {named(outcome.path, text)}", err=True)
