"""A server that tests ask, and small images."""

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from browsing import ARGUMENTS, CHROMIUM, until

if TYPE_CHECKING:
    from caml.app.serve import Server


class Asker:
    """Asks a server that runs in a thread of the test."""

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.port = int(server.address.split(":")[2].partition("/")[0])

    def raw(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes, dict[str, str]]:
        """Ask for any address."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.getheaders())

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        """Ask for an address behind the token; what comes is JSON."""
        body = None if content is None else json.dumps(content).encode()
        status, answer, _ = self.raw(method, f"/{self.server.token}/{path}", body)
        found = json.loads(answer)
        return found if status == 200 else (status, found["error"])

    def state(self) -> Any:
        """Ask for everything."""
        return self.ask("GET", "state")

    def until(self, is_so: Callable[[Any], Any], timeout_s: float = 90.0) -> Any:
        """Wait until something is so, and return the state in which it is."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            state = self.state()
            if is_so(state):
                return state
            time.sleep(0.05)
        raise AssertionError(f"it never was: {state}")

    def opened(self) -> Any:
        """Wait until the first image is open, and return it."""
        state = self.until(lambda state: state["images"] and state["images"][0]["state"] == "open")
        return state["images"][0]

    def analysed(self, image: str, **chosen: Any) -> Any:
        """Analyse an image and wait for it."""
        given = {"method": "dbscan", "parameters": {"eps_nm": "30", "min_samples": "5"}} | chosen
        run = self.ask("POST", f"images/{image}/analyse", given)["run"]
        state = self.until(
            lambda state: all(
                one["state"] not in ("waiting", "running")
                for one in state["runs"]
                if one["id"] == run
            )
        )
        return next(one for one in state["runs"] if one["id"] == run)


@pytest.fixture(scope="session")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 30 clusters of 20 localizations among others, 4 µm wide, in two channels."""
    rng = np.random.default_rng(1)
    centres = rng.uniform(200, 3800, (30, 1, 2))
    clustered = (centres + rng.normal(0, 12, (30, 20, 2))).reshape(-1, 2)
    positions = np.concatenate([clustered, rng.uniform(0, 4000, (400, 2))])
    path = tmp_path_factory.mktemp("tables") / "cell.csv"
    table = pd.DataFrame(positions.round(2), columns=["x [nm]", "y [nm]"])
    table.assign(channel=np.arange(len(table)) % 2).to_csv(path, index=False)
    return path


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write so many localizations that a slow network takes a minute."""
    positions = np.random.default_rng(1).uniform(0, 40_000, (300_000, 2))
    path = tmp_path_factory.mktemp("tables") / "crowd.parquet"
    pd.DataFrame(positions, columns=["x [nm]", "y [nm]"]).to_parquet(path)
    return path


@contextlib.contextmanager
def serving(*paths: Path, out: Path, **options: Any) -> Iterator[Asker]:
    """Serve in a thread."""
    from caml.app.serve import Server  # files of tests are skipped without the extra

    server = Server(paths, out=out, **options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield Asker(server)
    finally:
        server.stop()
        thread.join(30)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def asker(cell: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """Serve one cell to all tests of a file."""
    with serving(cell, out=tmp_path_factory.mktemp("served") / "out") as one:
        yield one


@pytest.fixture
def serve() -> Callable[..., contextlib.AbstractContextManager[Asker]]:
    """Give what serves a page for one test."""
    return serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium."""
    from playwright.sync_api import sync_playwright  # an extra of developers

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Give what opens a page; none of them may have failed in its scripts."""
    faults: list[str] = []
    pages = []

    def opened(asker: Any, *, is_open: bool = True, **options: Any) -> Any:
        page = browser.new_page(viewport={"width": 1280, "height": 800}, **options)
        page.on("pageerror", lambda error: faults.append(str(error)))
        # Playwright asks to be told of file choosers when it is first interested, and does not wait
        # for that: a key pressed at once can be faster.
        page.on("filechooser", lambda _: None)
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(asker.server.address)
        if is_open:
            until(page, "caml.panes[0].view.drawnCount > 0")
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert faults == []
