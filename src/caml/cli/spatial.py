"""``caml spatial``: localization tables in, how they are spread out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caml.cli.files import each_file
from caml.cli.options import (
    COLUMNS,
    PIXEL_SIZE,
    REGION,
    REGION_PIXEL_SIZE,
    SEED,
    Number,
    columns_of,
    regions_of,
)
from caml.cli.progress import share_bar

if TYPE_CHECKING:
    from caml.localizations import Region
    from caml.spatial import Survey

__all__ = ["spatial"]

# What a folder of results holds; one with anything else is never replaced.
RESULTS = frozenset({"spatial.csv", "summary.csv", "spatial.png", "record.json"})


@click.command(short_help="Measure how localizations are spread.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of results."
)
@REGION
@PIXEL_SIZE
@REGION_PIXEL_SIZE
@COLUMNS
@click.option(
    "--radius",
    "max_radius_nm",
    type=Number(min=0, min_open=True),
    metavar="NM",
    help="Largest radius; by default to where there are 100 neighbours, or a quarter of the "
    "region's shorter side.",
)
@click.option(
    "--simulations",
    "n_simulations",
    default=99,
    show_default=True,
    type=click.IntRange(min=0),
    help="Of localizations without structure, for envelopes and P; 0 for none, else at least 2.",
)
@SEED
@click.option("--overwrite", is_flag=True, help="Replace earlier results.")
def spatial(
    files: tuple[Path, ...],
    out: Path,
    region_texts: tuple[str, ...],
    pixel_size_nm: float | None,
    region_pixel_size_nm: float | None,
    columns: str | None,
    max_radius_nm: float | None,
    n_simulations: int,
    seed: int,
    overwrite: bool,
) -> int:
    """Measure how localizations are spread over an image, or over regions of it.

    Ripley's L(r) − r, the pair correlation g(r), the distribution of nearest neighbours G(r), each
    with the envelope of simulations without structure, and Hopkins's statistic.

    \b
    For each of FILES, in a folder named after it:
      spatial.csv   every statistic at every radius
      summary.csv   a row per region: density, largest L − r, P, Hopkins
      spatial.png   a picture
      record.json   what was done

    Without --region, localizations could have been anywhere in their convex hull. Of a cell that
    fills only a part of it, draw the cell.
    """
    from caml.analyse.jobs import check_free, plan

    roles = columns_of(columns)
    regions = regions_of(region_texts, region_pixel_size_nm or pixel_size_nm)
    jobs = plan(list(files), out)
    check_free(out, jobs, replace=overwrite)
    options = {"max_radius_nm": max_radius_nm, "n_simulations": n_simulations, "seed": seed}

    def do(path: Path, folder: Path) -> list[str]:
        return _measure(path, folder, regions, roles, pixel_size_nm, options, overwrite)

    return each_file(jobs, do)


def _measure(
    path: Path,
    folder: Path,
    regions: list[Region],
    roles: dict[str, str] | None,
    pixel_size_nm: float | None,
    options: dict[str, Any],
    overwrite: bool,
) -> list[str]:
    """Measure one file, write its folder, and say what was found."""
    import pandas as pd

    from caml.analyse.chain import rounded
    from caml.analyse.record import record_of
    from caml.io import check_replaceable, read, whole_folder, write_json, write_table
    from caml.plot import save_surveys
    from caml.spatial import survey

    check_replaceable(folder, RESULTS)
    localizations = read(path, pixel_size_nm=pixel_size_nm, columns=roles)
    places: list[Region | None] = [*regions] or [None]
    found: list[Survey] = []
    with share_bar(path.name) as show:

        def report(share: float) -> None:
            show((len(found) + share) / len(places))

        for region in places:
            one = survey(localizations, region=region, progress=report, **options)
            found.append(one)
    summary = pd.concat([one.summary() for one in found], ignore_index=True)
    with whole_folder(folder, overwrite=overwrite, names=RESULTS) as partial:
        table = pd.concat([one.table() for one in found], ignore_index=True)
        write_table(partial / "spatial.csv", rounded(table))
        write_table(partial / "summary.csv", rounded(summary))
        arguments = {
            "regions": [{"name": one.region.name, "wkt": one.region.polygon.wkt} for one in found],
            "pixel_size_nm": pixel_size_nm,
            "columns": roles,
            **options,
        }
        write_json(partial / "record.json", record_of(path, "spatial", arguments))
        save_surveys(found, partial / "spatial.png", name=folder.name)
    return [_line(path, folder, row) for row in summary.to_dict("records")]


def _line(path: Path, folder: Path, row: dict[Any, Any]) -> str:
    """Say what was found in a region."""
    where = f"{path}, {row['region']}" if row["region"] else str(path)
    most = "L − r nowhere above 0"
    if row["l_minus_r_max_nm"] > 0:
        most = f"L − r up to {row['l_minus_r_max_nm']:,.1f} nm at {row['radius_of_max_nm']:,.1f} nm"
    return (
        f"{where}: {row['n_localizations']:,} localizations, {most}, "
        f"Hopkins {row['hopkins']:.2f} -> {folder}"
    )
