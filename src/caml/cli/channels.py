"""``caml channels``: a table of two channels in, how they lie to each other out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caml._words import counted
from caml.cli.files import each_file, percent
from caml.cli.options import (
    COLUMNS,
    FILE_FORMAT,
    MODEL,
    PIXEL_SIZE,
    PRIOR,
    REGION,
    REGION_PIXEL_SIZE,
    SEED,
    THRESHOLD,
    Number,
    columns_of,
    regions_of,
)
from caml.cli.progress import Progress

if TYPE_CHECKING:
    from caml.analyse import ChannelAnalysis

__all__ = ["channels"]


@click.command(short_help="Hold the clusters of two channels against each other.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of results."
)
@click.option(
    "--channels",
    "names",
    metavar="A,B",
    help="Which two, as the table names them; needed where there are more.",
)
@MODEL
@THRESHOLD
@PRIOR
@REGION
@PIXEL_SIZE
@REGION_PIXEL_SIZE
@COLUMNS
@FILE_FORMAT
@click.option(
    "--radius",
    "max_radius_nm",
    default=500.0,
    show_default=True,
    type=Number(min=0, min_open=True),
    metavar="NM",
    help="How far colocalization and cross correlation look.",
)
@click.option(
    "--simulations",
    "n_simulations",
    default=99,
    show_default=True,
    type=click.IntRange(min=1),
    help="How often one channel is moved against the other, to tell what chance gives.",
)
@SEED
@click.option("--overwrite", is_flag=True, help="Replace earlier results.")
def channels(
    files: tuple[Path, ...],
    out: Path,
    names: str | None,
    region_texts: tuple[str, ...],
    pixel_size_nm: float | None,
    region_pixel_size_nm: float | None,
    columns: str | None,
    file_format: str,
    overwrite: bool,
    **options: Any,
) -> int:
    """Find the clusters of two channels, each by itself, and hold them against each other.

    \b
    For each of FILES, in a folder named after it:
      localizations.csv  the table with score, label, cluster of its channel,
                         colocalization and the distance to the other's clusters
      clusters.csv       a row per cluster, with its overlap with the other channel
      outlines.geojson   the outlines, nm
      channels.csv       a row per channel: overlap and what chance gives, distances
      correlation.csv    the cross pair correlation
      channels.png       a picture
      record.json        what was done
    """
    from caml.analyse.jobs import check_free, plan
    from caml.channels import check_names

    roles = columns_of(columns)
    regions = regions_of(region_texts, region_pixel_size_nm or pixel_size_nm)
    if len(regions) > 1:
        raise click.UsageError("--region is one here: give a run of its own to each")
    options["region"] = regions[0] if regions else None
    options["channels"] = tuple(names.split(",")) if names is not None else ()
    if options["channels"]:
        # Before any file is read.
        check_names(options["channels"])
    jobs = plan(list(files), out)
    check_free(out, jobs, replace=overwrite)

    def do(path: Path, folder: Path) -> list[str]:
        found = _analyse(path, folder, roles, pixel_size_nm, options, file_format, overwrite)
        return [_line(path, folder, row) for row in found.summary().to_dict("records")]

    return each_file(jobs, do)


def _line(path: Path, folder: Path, row: dict[Any, Any]) -> str:
    """Say what was found in a channel."""
    overlap = percent(row["percent_of_clusters_overlapping"], f"overlap those of {row['other']}")
    if overlap:
        overlap += f" (expected {row['percent_of_clusters_expected']:.1f} %)"
    return (
        f"{path}, channel {row['channel']}: {counted(row['n_localizations'], 'localization')}, "
        f"{counted(row['n_clusters'], 'cluster')}{overlap} -> {folder}"
    )


def _analyse(
    path: Path,
    folder: Path,
    roles: dict[str, str] | None,
    pixel_size_nm: float | None,
    options: dict[str, Any],
    file_format: str,
    overwrite: bool,
) -> ChannelAnalysis:
    """Analyse one file and write its folder."""
    from dataclasses import replace

    from caml.analyse import CHANNEL_RESULTS, analyse_channels
    from caml.analyse.record import record_of
    from caml.io import check_replaceable, read, whole_folder, write_json
    from caml.plot import save_channels

    check_replaceable(folder, CHANNEL_RESULTS)
    localizations = read(path, pixel_size_nm=pixel_size_nm, columns=roles)
    with Progress() as progress:
        found = analyse_channels(
            replace(localizations, name=folder.name),
            progress=lambda stage, share: progress.show(path, stage, share),
            **options,
        )
    region = {"name": found.region.name, "wkt": found.region.polygon.wkt}
    arguments = {**options, "region": region, "pixel_size_nm": pixel_size_nm, "columns": roles}
    with whole_folder(folder, overwrite=overwrite, names=CHANNEL_RESULTS) as partial:
        found.write(partial, file_format="parquet" if file_format == "parquet" else "csv")
        save_channels(found, partial)
        write_json(partial / "record.json", record_of(path, "channels", arguments))
    return found
