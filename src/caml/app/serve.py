"""Start the server and say where it is; end it and what works beside it."""

from __future__ import annotations

import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn

from caml.app.access import HOST, new_token
from caml.app.addresses.asked import App
from caml.app.jobs import Jobs
from caml.app.results import is_results, open_results
from caml.app.server import application
from caml.app.store import Store
from caml.app.worker import Worker
from caml.errors import CamlError, InputError, MissingFileError

__all__ = ["Server", "serve"]


class Server:
    """A page that is served until `close`.

    Parameters
    ----------
    paths : sequence of Path
        Tables, of which the first is opened, folders whose tables and results are listed, and
        folders of an image's results.
    out : Path
        The folder that results and dropped files are saved in; made when the first is.
    port : int, default 0
        Where; by default any that is free.
    max_upload_bytes : int, default 2000000000
        The largest file that can be dropped into the page.

    Raises
    ------
    InputError
        If the port is taken.
    MissingFileError
        If a path leads nowhere.
    """

    def __init__(
        self,
        paths: Sequence[Path] = (),
        *,
        out: Path,
        port: int = 0,
        max_upload_bytes: int = 2_000_000_000,
    ) -> None:
        missing = [path for path in paths if not path.exists()]
        if missing:
            raise MissingFileError(f"{missing[0]}: there is no such file or folder")
        if out.exists() and not out.is_dir():
            raise InputError(f"{out} is a file: --out takes a folder")
        homes = [path for path in paths if path.is_dir() and is_results(path)]
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
            # Who comes before the server runs waits, and is not turned away.
            self._socket.listen(100)
        except OSError as error:
            self._socket.close()
            raise InputError(
                f"port {port} cannot be used ({error.strerror}): choose another --port, or none"
            ) from error
        self.token = new_token()
        store = Store(out)
        self.app = App(
            store,
            Jobs(store, Worker()),
            tuple(path for path in paths if path.is_dir() and path not in homes),
            max_upload_bytes,
        )
        files = [store.add_file(path, "") for path in paths if not path.is_dir()]
        saved = [store.add_results(one, str(one.parent), one.resolve().name) for one in homes]
        self.app.list_files()
        if files:
            self.app.jobs.open(files[0])
        elif saved:
            # What is wrong with them is told where they are opened by hand.
            with suppress(CamlError):
                open_results(store, self.app.jobs, saved[0], (*self.app.folders, out))
        config = uvicorn.Config(
            application(self.app, self.token),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            ws="none",
        )
        self._server = uvicorn.Server(config)
        # Ctrl-C is the server's to see; who waits then is answered, and not cut off.
        self.app.is_closing = lambda: self._server.should_exit

    @property
    def address(self) -> str:
        """Where the page is, with the token."""
        return f"http://{HOST}:{self._socket.getsockname()[1]}/{self.token}/"

    def run(self) -> None:
        """Serve until it is interrupted."""
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self.app.jobs.close()
            self._socket.close()

    def stop(self) -> None:
        """Let `run`, in another thread, come to its end."""
        self._server.should_exit = True


def serve(
    paths: Sequence[Path],
    *,
    out: Path,
    port: int = 0,
    max_upload_bytes: int = 2_000_000_000,
    browser: bool = True,
    tell: Callable[[str], None] = lambda _address: None,
) -> None:
    """Serve the page until it is interrupted.

    Parameters
    ----------
    paths : sequence of Path
        Tables, of which the first is opened, folders whose tables and results are listed, and
        folders of an image's results.
    out : Path
        The folder that results are saved in.
    port : int, default 0
        Where; by default any that is free.
    max_upload_bytes : int, default 2000000000
        The largest file that can be dropped into the page.
    browser : bool, default True
        Whether to open the page in the browser.
    tell : callable, optional
        Told the address.
    """
    server = Server(paths, out=out, port=port, max_upload_bytes=max_upload_bytes)
    tell(server.address)
    # The first picture is not the one that waits for the compiler.
    threading.Thread(target=_warm, daemon=True).start()
    if browser:
        threading.Timer(0.7, webbrowser.open, (server.address,)).start()
    # Ctrl-C is how it ends.
    with suppress(KeyboardInterrupt):
        server.run()


def _warm() -> None:
    """Compile, or load what was compiled, before the first picture is asked for."""
    import numpy as np

    from caml.plot.pixels import pixel_counts

    xy = np.zeros((1, 2))
    xy.setflags(write=False)
    pixel_counts(xy, (0, 0, 1, 1), (2, 2))
