"""The server of the page: every address begins with the token, and says what it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from starlette import routing
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from caml.app.addresses import files, images, runs
from caml.app.addresses.asked import App, Handler, Route
from caml.app.answers import JSONResponse
from caml.app.bodies import RefusedError
from caml.app.choices import offered
from caml.app.guard import HEADERS, Guard
from caml.app.words import in_page
from caml.errors import CamlError, MissingFileError

__all__ = ["application"]

logger = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# How long a page waits for something new before it asks again.
PATIENCE_S = 20.0
TICK_S = 0.05


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


def _routes(app: App) -> Iterable[routing.Route]:
    """List the addresses."""

    def route(path: str, method: str, handler: Handler) -> routing.Route:
        async def endpoint(request: Request) -> Response:
            return await _answered(handler, app, request)

        return routing.Route(path, endpoint, methods=[method])

    for one in (*ROUTES, *files.ROUTES, *images.ROUTES, *runs.ROUTES):
        yield route(*one)


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


ROUTES: tuple[Route, ...] = (
    ("/", "GET", _page),
    ("/page/{name}", "GET", _page),
    ("/state", "GET", _state),
    ("/choices", "GET", _choices),
)
