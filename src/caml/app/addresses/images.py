"""Images: their regions, pixels and analyses."""

from __future__ import annotations

import tempfile
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from caml.app.access import safe_name
from caml.app.addresses.asked import App, Route, image_of, settings_in, size_of
from caml.app.answers import JSONResponse
from caml.app.bodies import json_of, receive
from caml.app.choices import check_fits
from caml.app.pictures import picture_of
from caml.app.store import MOST_REGIONS
from caml.app.things import DROPPED
from caml.app.words import needs_pixel_size
from caml.errors import CamlError, InputError
from caml.io import read_regions

__all__ = ["ROUTES"]


async def _close(app: App, request: Request) -> Response:
    """Forget an image and its analyses; files stay."""
    image = image_of(app, request)
    with app.store.changing():
        app.store.images.pop(image.id, None)
        # None may be left: of an image that is gone, it could be neither shown nor removed.
        runs = [one for one in app.store.runs.values() if one.image == image.id]
        for run in runs:
            app.store.runs.pop(run.id, None)
        # A dropped file that is no table is of no use to anybody.
        if image.state == "failed" and image.file.group == DROPPED:
            app.store.files.pop(image.file.id, None)
            image.file.path.unlink(missing_ok=True)
    for run in runs:
        await run_in_threadpool(app.jobs.cancel, run)
    return JSONResponse({})


async def _regions(app: App, request: Request) -> Response:
    image = image_of(app, request)
    drawn = (await json_of(request)).get("regions", [])
    if not isinstance(drawn, list) or len(drawn) > MOST_REGIONS:
        raise InputError(f"expected a list of at most {MOST_REGIONS:,} regions")
    drawn = [one if isinstance(one, dict) else {} for one in drawn]
    await run_in_threadpool(app.store.set_regions, image, drawn)
    # A page knows by it which states are older than what it drew.
    return JSONResponse({"version": app.store.version})


async def _region_file(app: App, request: Request) -> Response:
    """Add the regions of a GeoJSON or ImageJ file."""
    image = image_of(app, request)
    # Not that of the camera: they may have been drawn on a picture of other pixels.
    size = size_of(request.query_params.get("pixel_size_nm"))
    with tempfile.TemporaryDirectory(prefix="caml-") as folder:
        path = Path(folder) / safe_name(request.path_params["name"])
        await receive(request, path, min(app.max_upload_bytes, 50_000_000))
        try:
            regions = await run_in_threadpool(read_regions, path, pixel_size_nm=size)
        except CamlError as error:
            if needs_pixel_size(error):
                return JSONResponse({"asks": "pixel_size"})
            raise InputError(str(error).replace(str(path), path.name)) from error
    notes = await run_in_threadpool(app.store.add_regions, image, regions)
    return JSONResponse({"notes": notes})


async def _view(app: App, request: Request) -> Response:
    image = image_of(app, request)
    run = app.store.runs.get(request.query_params.get("run", ""))
    pixels = await run_in_threadpool(picture_of, image, run, dict(request.query_params))
    return Response(pixels, media_type="application/octet-stream")


async def _analyse(app: App, request: Request) -> Response:
    image = image_of(app, request)
    settings = await settings_in(await json_of(request))
    if image.localizations is not None:
        await run_in_threadpool(check_fits, settings, image.localizations.n_dimensions)
    run = app.jobs.analyse(image, settings)
    return JSONResponse({"run": run.id})


ROUTES: tuple[Route, ...] = (
    ("/images/{image}", "DELETE", _close),
    ("/images/{image}/regions", "PUT", _regions),
    ("/images/{image}/regions/{name}", "PUT", _region_file),
    ("/images/{image}/view", "GET", _view),
    ("/images/{image}/analyse", "POST", _analyse),
)
