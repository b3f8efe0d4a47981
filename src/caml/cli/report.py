"""``caml report``: a folder of results in, its pages out."""

from __future__ import annotations

from pathlib import Path

import click

from caml.cli.files import each_file
from caml.cli.options import Number, regions_of

__all__ = ["report"]


@click.command(short_help="Write the pages of results that are there already.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE.html",
    help="The page, of the folder of one image; by default report.html in it.",
)
@click.option(
    "--model",
    metavar="NAME",
    help="The network that gave the scores, of a folder without run.json beside it, as "
    "Analysis.save in Python writes it.",
)
@click.option(
    "--region",
    "region_texts",
    multiple=True,
    metavar="REGION",
    help="A part that was described, of such a folder; as caml analyse takes it.",
)
@click.option(
    "--region-pixel-size",
    "region_pixel_size_nm",
    type=Number(min=0, min_open=True),
    metavar="NM",
    help="Pixel size of the image an ImageJ region was drawn on.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier page at --out.")
def report(
    folder: Path,
    out: Path | None,
    model: str | None,
    region_texts: tuple[str, ...],
    region_pixel_size_nm: float | None,
    overwrite: bool,
) -> int:
    """Write the pages of results that are there already.

    FOLDER is one that caml analyse wrote (its --out), or the folder of one image in it. Its pages
    are written as caml analyse writes them, in the place of earlier ones: of results made with
    --no-report, by an earlier version, or in tiles. Where an overview.png is missing it is drawn.

    \b
    caml report results
    caml report results/cell --out cell.html
    caml report cell --model LOGNM1
    """
    from caml.analyse import read_recorded, recorded_of
    from caml.io.run_folders import PAGE, RECORD
    from caml.report import save_first_page, save_report_of_results

    def write(place: Path, _page: Path) -> list[str]:
        return [f"{place} -> {save_report_of_results(place)}"]

    is_run = (folder / RECORD).is_file()
    if (model or region_texts) and (is_run or recorded_of(folder) is not None):
        raise click.UsageError(
            f"--model and --region are of results without {RECORD}, which tells of them: leave "
            "them out"
        )
    if not is_run:
        regions = regions_of(region_texts, region_pixel_size_nm)
        page = save_report_of_results(
            folder, out, model=model, regions=regions, overwrite=overwrite
        )
        click.echo(f"report: {page}")
        return 0
    batch = read_recorded(folder).batch
    places = [one.folder for one in batch.outcomes if not one.error]
    if out is not None:
        raise click.UsageError(
            "--out is the page of one image: give its folder, such as "
            f"{places[0] if places else folder / 'IMAGE'}"
        )
    status = each_file([(place, place / PAGE) for place in places], write)
    click.echo(f"report: {save_first_page(batch, folder)}")
    return status
