"""``caml app``: a page in the browser, served on this machine and for it alone."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["app"]


@click.command(short_help="Look at tables and analyse them in the browser.")
@click.argument("paths", nargs=-1, metavar="[FILES or FOLDERS]...", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "-o",
    default="caml-results",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder that results, and files dropped into the page, are saved in.",
)
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    help="Where the page is served; by default any port that is free.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--max-upload",
    "max_upload_mb",
    default=2000,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="MB",
    help="The largest file that can be dropped into the page.",
)
def app(paths: tuple[Path, ...], out: Path, port: int, no_browser: bool, max_upload_mb: int) -> int:
    """Look at tables and analyse them in the browser.

    Opens a page that this machine serves to itself and nobody else. The first of FILES is shown,
    the others and those in FOLDERS are listed; more can be dropped into the page. Results in
    FOLDERS and --out are listed too, and open as they were saved. Ctrl-C ends it.

    \b
    caml app cell.csv
    caml app measurements --out results
    caml app results
    """
    from caml.errors import MissingExtraError

    try:
        import starlette  # noqa: F401 - the extra
        import uvicorn  # noqa: F401 - the extra
    except ImportError as error:
        raise MissingExtraError(
            f"the page needs the extra 'app' ({error}): pip install 'caml-smlm[app]'"
        ) from error
    from caml.app.serve import serve

    def tell(address: str) -> None:
        click.echo(f"caml app: {address}")
        click.echo(f"results go to {out}; Ctrl-C ends it")

    serve(
        paths,
        out=out,
        port=port,
        max_upload_bytes=max_upload_mb * 1_000_000,
        browser=not no_browser,
        tell=tell,
    )
    return 0
