"""What all addresses work with, and what they read of a request."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from caml.analyse import Settings
from caml.app.bodies import RefusedError
from caml.app.choices import settings_of
from caml.app.jobs import Jobs
from caml.app.opening import tables_in
from caml.app.results import forget_replaced, results_in
from caml.app.store import Store
from caml.app.things import Image, Run
from caml.errors import InputError

__all__ = ["App", "Handler", "Route", "found", "image_of", "run_of", "settings_in", "size_of"]


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

    def __post_init__(self) -> None:
        """Be told of what is written meanwhile."""
        self.jobs.on_written = self.list_written

    def list_files(self) -> None:
        """List the tables and results of the folders anew."""
        out = self.store.out
        forget_replaced(self.store)
        for folder in self.folders:
            homes = results_in(folder)
            for path in tables_in(folder, but=out, homes=homes):
                self.store.add_file(path, str(folder))
            self._list_results(folder, homes)
        if out.is_dir():
            # Where results go can be any folder, such as that of everything.
            self._list_results(out, results_in(out, deep=False))

    def list_written(self, folder: Path) -> None:
        """List the results of one run, without looking at all the others.

        Parameters
        ----------
        folder : Path
            That of the run, in the folder of results.
        """
        self._list_results(self.store.out, results_in(folder, deep=False))

    def _list_results(self, folder: Path, homes: Sequence[Path]) -> None:
        """List results by the folder of their run, and by that of the image in it of several."""
        runs = Counter(home.parent for home in homes)
        for home in homes:
            short = home.parent if runs[home.parent] == 1 and home.parent != folder else home
            self.store.add_results(home, str(folder), short.relative_to(folder).as_posix())


Handler = Callable[[App, Request], Awaitable[Response]]
# A path, a method of HTTP, and who answers.
Route = tuple[str, str, Handler]


def image_of(app: App, request: Request) -> Image:
    """Find the image that a path names.

    Parameters
    ----------
    app : App
        What is known.
    request : Request
        With ``image`` in its path.

    Returns
    -------
    Image
        It.

    Raises
    ------
    RefusedError
        If it is gone.
    """
    image: Image = found(app.store.images, request.path_params["image"], "image")
    return image


def run_of(app: App, request: Request) -> Run:
    """Find the analysis that a path names.

    Parameters
    ----------
    app : App
        What is known.
    request : Request
        With ``run`` in its path.

    Returns
    -------
    Run
        It.

    Raises
    ------
    RefusedError
        If it is gone.
    """
    run: Run = found(app.store.runs, request.path_params["run"], "analysis")
    return run


def found(known: dict[str, Any], key: str, what: str) -> Any:
    """Find what an id names.

    Parameters
    ----------
    known : dict
        All, by their ids.
    key : str
        The id.
    what : str
        What it is, in the message.

    Returns
    -------
    object
        It.

    Raises
    ------
    RefusedError
        If it is gone.
    """
    try:
        return known[key]
    except KeyError:
        raise RefusedError(f"there is no such {what} any more: reload the page", 404) from None


def size_of(given: object) -> float | None:
    """Read the size of a pixel, where one is given.

    Parameters
    ----------
    given : object
        What came.

    Returns
    -------
    float or None
        nm; None where nothing came.

    Raises
    ------
    InputError
        If it is no positive number.
    """
    if given is None or given == "":
        return None
    try:
        size = float(str(given))
    except ValueError:
        size = math.nan
    if not (math.isfinite(size) and size > 0):
        raise InputError(f"a pixel size is a positive number of nm; got {given!r}")
    return size


async def settings_in(given: dict[str, Any]) -> Settings:
    """Read which network or method, and its parameters.

    Parameters
    ----------
    given : dict
        What came: ``method`` and ``parameters``.

    Returns
    -------
    Settings
        Ready to use.

    Raises
    ------
    InputError
        If there is no such network, method or parameter, or a value cannot be used.
    """
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InputError("parameters have names")
    texts = {str(key): str(value) for key, value in parameters.items()}
    return await run_in_threadpool(settings_of, str(given.get("method", "")), texts)
