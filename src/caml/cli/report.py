"""``caml report``: a folder of results in, its pages out."""

from __future__ import annotations

from pathlib import Path

import click

from caml.cli.files import each_file

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
@click.option("--overwrite", is_flag=True, help="Replace an earlier page at --out.")
def report(folder: Path, out: Path | None, overwrite: bool) -> int:
    """Write the pages of results that are there already.

    FOLDER is one that caml analyse wrote (its --out), or the folder of one image in it. Its pages
    are written as caml analyse writes them, in the place of earlier ones: of results made with
    --no-report, by an earlier version, or in tiles. Where an overview.png is missing it is drawn.

    \b
    caml report results
    caml report results/cell --out cell.html
    """
    from caml.analyse import read_recorded
    from caml.io.run_folders import PAGE, RECORD
    from caml.report import save_first_page, save_report_of_results

    def write(place: Path, _page: Path) -> list[str]:
        return [f"{place} -> {save_report_of_results(place)}"]

    if not (folder / RECORD).is_file():
        page = save_report_of_results(folder, out, overwrite=overwrite)
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
