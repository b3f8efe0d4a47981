"""Tables and results: listed, opened and taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from caml.app.access import safe_name, within
from caml.app.addresses.asked import App, Route, found, size_of
from caml.app.answers import JSONResponse
from caml.app.bodies import json_of, receive
from caml.app.results import open_results
from caml.app.things import DROPPED, UPLOADS, File, Results
from caml.errors import InputError

__all__ = ["ROUTES"]


async def _list(app: App, _request: Request) -> Response:
    await run_in_threadpool(app.list_files)
    return JSONResponse({})


async def _open(app: App, request: Request) -> Response:
    file: File = found(app.store.files, request.path_params["file"], "file")
    given = await json_of(request)
    size, columns = size_of(given.get("pixel_size_nm")), given.get("columns")
    if columns is not None and not (
        isinstance(columns, dict) and all(isinstance(one, str) for one in columns.values())
    ):
        raise InputError("columns are told by name: x, y, …")
    image = app.jobs.open(file, pixel_size_nm=size, columns=columns)
    return JSONResponse({"image": image.id})


async def _reopen(app: App, request: Request) -> Response:
    """Open results that were saved."""
    results: Results = found(app.store.results, request.path_params["results"], "folder")
    folders = (*app.folders, app.store.out)
    image, run = await run_in_threadpool(open_results, app.store, app.jobs, results, folders)
    return JSONResponse({"image": image.id, "run": run.id})


async def _upload(app: App, request: Request) -> Response:
    """Take a file as it comes; it appears when it is whole."""
    name = safe_name(request.path_params["name"])
    folder = app.store.out / UPLOADS
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


ROUTES: tuple[Route, ...] = (
    ("/files/list", "POST", _list),
    ("/files/{file}/open", "POST", _open),
    ("/results/{results}/open", "POST", _reopen),
    ("/upload/{name}", "PUT", _upload),
)
