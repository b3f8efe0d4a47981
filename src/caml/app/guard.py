"""The door of the server: the token, the host, and what browsers are told to refuse."""

from __future__ import annotations

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from caml.app.access import is_here, is_token

__all__ = ["HEADERS", "REPORT_POLICY", "Guard"]

HEADERS = {
    # Nothing but this page's own files runs or is loaded, and nobody is told its address.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# A report brings its own scripts and pictures. It is shown as if it came from elsewhere: it can ask
# this server for nothing.
REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-modals; default-src 'none'; "
    "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)


class Guard:
    """Lets nothing through that was not meant for this machine or does not know the token.

    Parameters
    ----------
    inner : ASGIApp
        What is behind it.
    token : str
        What every address begins with.
    """

    def __init__(self, inner: ASGIApp, token: str) -> None:
        self._inner = inner
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            # There are no websockets, and nobody gets one.
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in
                   scope["headers"]}  # fmt: skip
        given, _, rest = scope["path"].lstrip("/").partition("/")
        origin = headers.get("origin", "")
        # A page of another server of this machine is another page, too.
        foreign = origin not in ("", f"http://{headers.get('host', '')}")
        if not is_here(headers.get("host", "")) or foreign or not is_token(given, self._token):
            refusal = PlainTextResponse(
                "This page needs the address that caml app printed in the terminal, with its "
                "token.\n",
                status_code=403,
                headers=HEADERS,
            )
            await refusal(scope, receive, send)
            return
        if not scope["path"].startswith(f"/{given}/"):
            # Addresses in the page are relative to it.
            moved = Response(status_code=307, headers={**HEADERS, "Location": f"/{given}/"})
            await moved(scope, receive, send)
            return
        inner = dict(scope, path=f"/{rest}", raw_path=f"/{rest}".encode())
        await self._inner(inner, receive, send)
