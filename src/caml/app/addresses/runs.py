"""Analyses and batches: what they found, and what leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from caml.analyse.jobs import plan
from caml.app.access import safe_name
from caml.app.addresses.asked import App, Route, found, run_of, settings_in, size_of
from caml.app.answers import JSONResponse, clean_text
from caml.app.bodies import json_of
from caml.app.exports import save, source_of, words_of
from caml.app.guard import REPORT_POLICY
from caml.app.opening import stamp_of
from caml.app.pictures import clusters_of, rows_of
from caml.app.things import UPLOADS, BatchRun, Image, Run
from caml.errors import InputError
from caml.io.run_folders import RECORD
from caml.report import report

__all__ = ["ROUTES"]


async def _forget(app: App, request: Request) -> Response:
    run = run_of(app, request)
    await run_in_threadpool(app.jobs.cancel, run)
    with app.store.changing():
        app.store.runs.pop(run.id, None)
    return JSONResponse({})


async def _cancel(app: App, request: Request) -> Response:
    await run_in_threadpool(app.jobs.cancel, run_of(app, request))
    return JSONResponse({})


async def _clusters(app: App, request: Request) -> Response:
    packed = await run_in_threadpool(clusters_of, run_of(app, request))
    return Response(packed, media_type="application/octet-stream")


async def _rows(app: App, request: Request) -> Response:
    """Give the clusters that are shown as a file."""
    run = run_of(app, request)
    text = await run_in_threadpool(rows_of, run, dict(request.query_params))
    name = quote(clean_text(f"{_table_of(app, run).stem}_clusters_shown.csv"))
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return PlainTextResponse(clean_text(text), media_type="text/csv", headers=headers)


def _folders(app: App, name: object, run: Run) -> Iterator[Path]:
    """Give where an analysis may be saved: in the folder of results, under a name of its own."""
    folder = _folder(app, name or f"{_table_of(app, run).stem}_{run.name}")
    yield folder
    for number in range(2, 1000 if not name else 2):
        yield folder.with_name(f"{folder.name}_{number}")


def _folder(app: App, name: object) -> Path:
    """Give the folder of results of a name."""
    given = safe_name(str(name or ""))
    # File systems that do not tell capitals apart would take them for the same.
    if given.casefold() == UPLOADS:
        raise InputError(f"choose another name than {given}: dropped files are kept there")
    return app.store.out / given


def _table_of(app: App, run: Run) -> Path:
    """Tell which table was analysed."""
    if run.table is not None:
        return run.table
    image: Image = found(app.store.images, run.image, "image")
    return image.file.path


async def _words(app: App, request: Request) -> Response:
    """Tell the command and the lines of Python that give the same."""
    run = run_of(app, request)
    path = _table_of(app, run)
    folders = list(_folders(app, None, run))
    # A new one, also of what is saved: nothing is written into a folder that is there.
    folder = next(filter(app.store.is_free, folders), folders[-1])
    words = words_of(path, folder, run.settings, run.saved)
    return JSONResponse({"name": folder.name, "folder": str(folder), **words})


async def _report(app: App, request: Request) -> Response:
    """Show the page that is saved with the results."""
    run = run_of(app, request)
    if run.analysis is None:
        raise InputError("there is nothing to report yet")
    path = _table_of(app, run)
    text = await run_in_threadpool(report, run.analysis, source_of(path, run))
    return HTMLResponse(clean_text(text), headers={"Content-Security-Policy": REPORT_POLICY})


async def _save(app: App, request: Request) -> Response:
    run = run_of(app, request)
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
            with app.store.changing():
                run.saved, run.stamp = folder, stamp_of(folder / RECORD)
                run.image_name = plan([path], folder)[0][1].name
        finally:
            with app.store.changing():
                run.saving = tuple(one for one in run.saving if one != folder)
    await run_in_threadpool(app.list_written, folder)
    return JSONResponse({"folder": str(folder)})


async def _batch(app: App, request: Request) -> Response:
    """Analyse many tables into a folder of results."""
    given = await json_of(request)
    settings = await settings_in(given)
    ids = given.get("files")
    if not isinstance(ids, list) or not ids:
        raise InputError("choose at least one file")
    paths = tuple(found(app.store.files, str(one), "file").path for one in ids)
    settings = replace(settings, pixel_size_nm=size_of(given.get("pixel_size_nm")))
    with app.store.taking(iter([_folder(app, given.get("name"))])) as out:
        batch: BatchRun = app.jobs.batch(paths, out, settings)
    return JSONResponse({"batch": batch.id})


async def _cancel_batch(app: App, request: Request) -> Response:
    batch = found(app.store.batches, request.path_params["batch"], "batch")
    await run_in_threadpool(app.jobs.cancel, batch)
    return JSONResponse({})


ROUTES: tuple[Route, ...] = (
    ("/runs/{run}", "DELETE", _forget),
    ("/runs/{run}/cancel", "POST", _cancel),
    ("/runs/{run}/clusters", "GET", _clusters),
    ("/runs/{run}/clusters.csv", "GET", _rows),
    ("/runs/{run}/words", "GET", _words),
    ("/runs/{run}/report", "GET", _report),
    ("/runs/{run}/save", "POST", _save),
    ("/batches", "POST", _batch),
    ("/batches/{batch}/cancel", "POST", _cancel_batch),
)
