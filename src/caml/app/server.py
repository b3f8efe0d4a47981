"""The server of the page: every address begins with the token, and says what it takes."""

from __future__ import annotations

import asyncio
import logging
import math
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from caml.analyse.jobs import plan
from caml.app.access import safe_name, within
from caml.app.bodies import RefusedError, json_of, receive
from caml.app.choices import check_fits, offered, settings_of
from caml.app.exports import save, source_of, words_of
from caml.app.guard import HEADERS, REPORT_POLICY, Guard
from caml.app.jobs import Jobs
from caml.app.opening import tables_in
from caml.app.pictures import clusters_of, picture_of, rows_of
from caml.app.results import open_results, results_in
from caml.app.store import MOST_REGIONS, Store
from caml.app.things import BatchRun, File, Image, Results, Run
from caml.app.words import in_page, needs_pixel_size
from caml.errors import CamlError, InputError, MissingFileError
from caml.io import read_regions
from caml.report import report

__all__ = ["App", "application"]

logger = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Where files come from that no folder holds; the page asks for it by this name.
DROPPED = "dropped"
# How long a page waits for something new before it asks again.
PATIENCE_S = 20.0
TICK_S = 0.05


@dataclass(slots=True, eq=False)
class App:
    """What the addresses work with.

    Parameters
    ----------
    store : Store
        What outlives a tab.
    jobs : Jobs
        What takes longer.
    folders : tuple of Path
        Whose tables are listed.
    max_upload_bytes : int
        The largest file that is taken.
    is_closing : callable
        Tells whether nobody is to wait any more.
    """

    store: Store
    jobs: Jobs
    folders: tuple[Path, ...] = ()
    max_upload_bytes: int = 2_000_000_000
    is_closing: Callable[[], bool] = lambda: False

    def list_files(self) -> None:
        """List the tables and results of the folders anew."""
        out = self.store.out
        for folder in self.folders:
            homes = results_in(folder)
            for path in tables_in(folder, but=out, homes=homes):
                self.store.add_file(path, str(folder))
            self._list_results(folder, homes)
        if out.is_dir():
            # Where results go can be any folder, such as that of everything.
            self._list_results(out, results_in(out, deep=False))

    def _list_results(self, folder: Path, homes: Sequence[Path]) -> None:
        """List results by the folder of their run, and by that of the image in it of several."""
        runs = Counter(home.parent for home in homes)
        for home in homes:
            short = home.parent if runs[home.parent] == 1 and home.parent != folder else home
            self.store.add_results(home, str(folder), short.relative_to(folder).as_posix())


Handler = Callable[[App, Request], Awaitable[Response]]


def application(app: App, token: str) -> ASGIApp:
    """Put the addresses together, behind the token.

    Parameters
    ----------
    app : App
        What they work with.
    token : str
        What every address begins with.

    Returns
    -------
    ASGIApp
        To be served.
    """
    return Guard(Starlette(routes=list(_routes(app))), token)


def _routes(app: App) -> Iterable[Route]:
    """List the addresses."""

    def route(
        path: str, method: str, handler: Callable[[App, Request], Awaitable[Response]]
    ) -> Route:
        async def endpoint(request: Request) -> Response:
            return await _answered(handler, app, request)

        return Route(path, endpoint, methods=[method])

    yield route("/", "GET", _page)
    yield route("/page/{name}", "GET", _page)
    yield route("/state", "GET", _state)
    yield route("/choices", "GET", _choices)
    yield route("/files/list", "POST", _list)
    yield route("/files/{file}/open", "POST", _open)
    yield route("/results/{results}/open", "POST", _reopen)
    yield route("/upload/{name}", "PUT", _upload)
    yield route("/images/{image}", "DELETE", _close)
    yield route("/images/{image}/regions", "PUT", _regions)
    yield route("/images/{image}/regions/{name}", "PUT", _region_file)
    yield route("/images/{image}/view", "GET", _view)
    yield route("/images/{image}/analyse", "POST", _analyse)
    yield route("/runs/{run}", "DELETE", _forget)
    yield route("/runs/{run}/cancel", "POST", _cancel)
    yield route("/runs/{run}/clusters", "GET", _clusters)
    yield route("/runs/{run}/clusters.csv", "GET", _rows)
    yield route("/runs/{run}/words", "GET", _words)
    yield route("/runs/{run}/report", "GET", _report)
    yield route("/runs/{run}/save", "POST", _save)
    yield route("/batches", "POST", _batch)
    yield route("/batches/{batch}/cancel", "POST", _cancel_batch)


async def _answered(handler: Handler, app: App, request: Request) -> Response:
    """Answer; what caml refuses is told in its words."""
    try:
        response = await handler(app, request)
    except RefusedError as error:
        response = JSONResponse({"error": str(error)}, status_code=error.status)
    except CamlError as error:
        status = 404 if isinstance(error, MissingFileError) else 400
        response = JSONResponse({"error": in_page(str(error))}, status_code=status)
    except ClientDisconnect:
        response = Response(status_code=400)
    except Exception as error:
        logger.exception("%s failed", request.url.path)
        text = (
            f"unexpected {type(error).__name__}: {error}. This is a fault of caml: please report "
            "it with what the terminal says"
        )
        response = JSONResponse({"error": text}, status_code=500)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _image_of(app: App, request: Request) -> Image:
    image: Image = _found(app.store.images, request.path_params["image"], "image")
    return image


def _run_of(app: App, request: Request) -> Run:
    run: Run = _found(app.store.runs, request.path_params["run"], "analysis")
    return run


def _found(known: dict[str, Any], key: str, what: str) -> Any:
    try:
        return known[key]
    except KeyError:
        raise RefusedError(f"there is no such {what} any more: reload the page", 404) from None


async def _page(_app: App, request: Request) -> Response:
    name = request.path_params.get("name", "index.html")
    path = PAGE / name
    if path.suffix not in TYPES or path not in PAGE.iterdir():
        raise RefusedError("there is no such page", 404)
    return Response(path.read_bytes(), media_type=TYPES[path.suffix])


async def _state(app: App, request: Request) -> Response:
    """Tell all that is known, once it is newer than what the page has."""
    since = request.query_params.get("since", "")
    for _ in range(int(PATIENCE_S / TICK_S)):
        is_new = str(app.store.version) != since
        if is_new or app.is_closing() or await request.is_disconnected():
            break
        await asyncio.sleep(TICK_S)
    return JSONResponse(app.store.as_json() | {"max_upload_bytes": app.max_upload_bytes})


async def _choices(_app: App, _request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(offered))


async def _list(app: App, _request: Request) -> Response:
    await run_in_threadpool(app.list_files)
    return JSONResponse({})


async def _open(app: App, request: Request) -> Response:
    file: File = _found(app.store.files, request.path_params["file"], "file")
    given = await json_of(request)
    size, columns = _size(given.get("pixel_size_nm")), given.get("columns")
    if columns is not None and not (
        isinstance(columns, dict) and all(isinstance(one, str) for one in columns.values())
    ):
        raise InputError("columns are told by name: x, y, …")
    image = app.jobs.open(file, pixel_size_nm=size, columns=columns)
    return JSONResponse({"image": image.id})


async def _reopen(app: App, request: Request) -> Response:
    """Open results that were saved."""
    results: Results = _found(app.store.results, request.path_params["results"], "folder")
    folders = (*app.folders, app.store.out)
    image, run = await run_in_threadpool(open_results, app.store, app.jobs, results, folders)
    return JSONResponse({"image": image.id, "run": run.id})


async def _upload(app: App, request: Request) -> Response:
    """Take a file as it comes; it appears when it is whole."""
    name = safe_name(request.path_params["name"])
    folder = app.store.out / "uploads"
    if not within(folder / name, app.store.out):
        raise InputError(f"{name!r} is no name for a file")
    with app.store.taking(_numbered(folder / name)) as target:
        await receive(request, target, app.max_upload_bytes)
    file = app.store.add_file(target, DROPPED)
    return JSONResponse({"file": file.id, "image": app.jobs.open(file).id})


def _numbered(path: Path) -> Iterator[Path]:
    """Give a name, and the same with numbers from 2."""
    yield path
    for number in range(2, 1000):
        yield path.with_name(f"{path.stem}_{number}{path.suffix}")


async def _close(app: App, request: Request) -> Response:
    """Forget an image and its analyses; files stay."""
    image = _image_of(app, request)
    runs = [one for one in app.store.runs.values() if one.image == image.id]
    for run in runs:
        app.jobs.cancel(run)
    with app.store.changing():
        app.store.images.pop(image.id, None)
        for run in runs:
            app.store.runs.pop(run.id, None)
        # A dropped file that is no table is of no use to anybody.
        if image.state == "failed" and image.file.group == DROPPED:
            app.store.files.pop(image.file.id, None)
            image.file.path.unlink(missing_ok=True)
    return JSONResponse({})


async def _regions(app: App, request: Request) -> Response:
    image = _image_of(app, request)
    drawn = (await json_of(request)).get("regions", [])
    if not isinstance(drawn, list) or len(drawn) > MOST_REGIONS:
        raise InputError(f"expected a list of at most {MOST_REGIONS:,} regions")
    app.store.set_regions(image, [one if isinstance(one, dict) else {} for one in drawn])
    # A page knows by it which states are older than what it drew.
    return JSONResponse({"version": app.store.version})


async def _region_file(app: App, request: Request) -> Response:
    """Add the regions of a GeoJSON or ImageJ file."""
    image = _image_of(app, request)
    # Not that of the camera: they may have been drawn on a picture of other pixels.
    size = _size(request.query_params.get("pixel_size_nm"))
    with tempfile.TemporaryDirectory(prefix="caml-") as folder:
        path = Path(folder) / safe_name(request.path_params["name"])
        await receive(request, path, min(app.max_upload_bytes, 50_000_000))
        try:
            regions = await run_in_threadpool(read_regions, path, pixel_size_nm=size)
        except CamlError as error:
            if needs_pixel_size(error):
                return JSONResponse({"asks": "pixel_size"})
            raise InputError(str(error).replace(str(path), path.name)) from error
    app.store.add_regions(image, regions)
    return JSONResponse({})


def _size(given: object) -> float | None:
    """Read the size of a pixel, where one is given."""
    if given is None or given == "":
        return None
    try:
        size = float(str(given))
    except ValueError:
        size = math.nan
    if not (math.isfinite(size) and size > 0):
        raise InputError(f"a pixel size is a positive number of nm; got {given!r}")
    return size


async def _view(app: App, request: Request) -> Response:
    image = _image_of(app, request)
    run = app.store.runs.get(request.query_params.get("run", ""))
    pixels = await run_in_threadpool(picture_of, image, run, dict(request.query_params))
    return Response(pixels, media_type="application/octet-stream")


async def _analyse(app: App, request: Request) -> Response:
    image = _image_of(app, request)
    settings = await _settings(request)
    if image.localizations is not None:
        await run_in_threadpool(check_fits, settings, image.localizations.n_dimensions)
    run = app.jobs.analyse(image, settings)
    return JSONResponse({"run": run.id})


async def _settings(request: Request) -> Any:
    """Read which network or method, and its parameters."""
    given = await json_of(request)
    request.state.given = given
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InputError("parameters have names")
    texts = {str(key): str(value) for key, value in parameters.items()}
    return await run_in_threadpool(settings_of, str(given.get("method", "")), texts)


async def _forget(app: App, request: Request) -> Response:
    run = _run_of(app, request)
    app.jobs.cancel(run)
    with app.store.changing():
        app.store.runs.pop(run.id, None)
    return JSONResponse({})


async def _cancel(app: App, request: Request) -> Response:
    await run_in_threadpool(app.jobs.cancel, _run_of(app, request))
    return JSONResponse({})


async def _clusters(app: App, request: Request) -> Response:
    packed = await run_in_threadpool(clusters_of, _run_of(app, request))
    return Response(packed, media_type="application/octet-stream")


async def _rows(app: App, request: Request) -> Response:
    """Give the clusters that are shown as a file."""
    run = _run_of(app, request)
    text = await run_in_threadpool(rows_of, run, dict(request.query_params))
    name = quote(f"{_table_of(app, run).stem}_clusters_shown.csv")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return PlainTextResponse(text, media_type="text/csv", headers=headers)


def _folders(app: App, name: object, run: Run) -> Iterator[Path]:
    """Give where an analysis may be saved: in the folder of results, under a name of its own."""
    given = safe_name(str(name) if name else f"{_table_of(app, run).stem}_{run.name}")
    if given == "uploads":
        raise InputError(f"choose another name than {given}: dropped files are kept there")
    yield app.store.out / given
    for number in range(2, 1000 if not name else 2):
        yield app.store.out / f"{given}_{number}"


def _table_of(app: App, run: Run) -> Path:
    """Tell which table was analysed."""
    path: Path = run.table or app.store.images[run.image].file.path
    return path


async def _words(app: App, request: Request) -> Response:
    """Tell the command and the lines of Python that give the same."""
    run = _run_of(app, request)
    path = _table_of(app, run)
    folders = list(_folders(app, request.query_params.get("name"), run))
    folder = run.saved or next((one for one in folders if not one.exists()), folders[-1])
    return JSONResponse(
        {
            "name": folder.name,
            "folder": str(folder),
            **words_of(path, folder, run.settings),
        }
    )


async def _report(app: App, request: Request) -> Response:
    """Show the page that is saved with the results."""
    run = _run_of(app, request)
    if run.analysis is None:
        raise InputError("there is nothing to report yet")
    path = _table_of(app, run)
    text = await run_in_threadpool(report, run.analysis, source_of(path, run))
    return HTMLResponse(text, headers={"Content-Security-Policy": REPORT_POLICY})


async def _save(app: App, request: Request) -> Response:
    run = _run_of(app, request)
    if run.analysis is None:
        raise InputError("there is nothing to save yet")
    name = (await json_of(request)).get("name")
    path = _table_of(app, run)
    with app.store.taking(_folders(app, name, run)) as folder:
        with app.store.changing():
            run.saving, run.not_saved = (*run.saving, folder), ""
        # All tabs are told of it, also when the one that asked is gone.
        try:
            await run_in_threadpool(save, run.analysis, folder, source_of(path, run))
        except Exception as error:
            run.not_saved = str(error) or type(error).__name__
            raise
        else:
            run.saved, run.image_name = folder, plan([path], folder)[0][1].name
        finally:
            with app.store.changing():
                run.saving = tuple(one for one in run.saving if one != folder)
    return JSONResponse({"folder": str(folder)})


async def _batch(app: App, request: Request) -> Response:
    """Analyse many tables into a folder of results."""
    settings = await _settings(request)
    given = request.state.given
    ids = given.get("files")
    if not isinstance(ids, list) or not ids:
        raise InputError("choose at least one file")
    paths = tuple(_found(app.store.files, str(one), "file").path for one in ids)
    out = app.store.out / safe_name(str(given.get("name") or ""))
    if out.exists():
        raise InputError(f"{out} is there already: choose another name")
    settings = replace(settings, pixel_size_nm=_size(given.get("pixel_size_nm")))
    batch: BatchRun = app.jobs.batch(paths, out, settings)
    return JSONResponse({"batch": batch.id})


async def _cancel_batch(app: App, request: Request) -> Response:
    batch = _found(app.store.batches, request.path_params["batch"], "batch")
    await run_in_threadpool(app.jobs.cancel, batch)
    return JSONResponse({})
