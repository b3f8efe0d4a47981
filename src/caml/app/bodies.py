"""What requests bring: JSON and files, never more than is taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from caml.errors import InputError
from caml.io import whole_file

__all__ = ["RefusedError", "json_of", "receive"]

# Of what is no upload: settings, regions.
MAX_JSON_BYTES = 4_000_000


class RefusedError(Exception):
    """A request that is not answered.

    Parameters
    ----------
    text : str
        Why, for people.
    status : int
        The same, for the browser.
    """

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


async def json_of(request: Request) -> dict[str, Any]:
    """Read what a request holds.

    Parameters
    ----------
    request : Request
        Which.

    Returns
    -------
    dict
        Its JSON.

    Raises
    ------
    InputError
        If it is something else.
    RefusedError
        If it is too much.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_JSON_BYTES:
            raise RefusedError("that is too much for one request", 413)
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise InputError(f"expected JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError("expected a JSON object")
    return content


async def receive(request: Request, target: Path, most: int) -> None:
    """Write what comes to a file, and nothing of it where it is too much.

    Parameters
    ----------
    request : Request
        Whose body it is.
    target : Path
        The file; it appears when it is whole.
    most : int
        How many bytes are taken.

    Raises
    ------
    RefusedError
        If there are more.
    """
    too_large = RefusedError(
        f"{target.name} is larger than {_bytes(most)}: start caml app with a larger --max-upload, "
        "or with the file's folder",
        413,
    )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise too_large
    n = 0
    with whole_file(target) as partial, partial.open("wb") as out:
        async for part in request.stream():
            n += len(part)
            if n > most:
                raise too_large
            await run_in_threadpool(out.write, part)


def _bytes(n: int) -> str:
    return f"{n / 1e9:.3g} GB" if n >= 1e9 else f"{n / 1e6:.3g} MB"
