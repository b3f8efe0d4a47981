"""``caml app``: what it says, and what it refuses before a page is there."""

import builtins
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from caml.cli import main


def test_it_tells_the_address_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    pytest.importorskip("starlette", reason="needs the extra app")
    code = "from caml.cli import main; main()"
    arguments = ["app", "--no-browser", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"caml app: (http://127\.0\.0\.1:\d+/)([-\w]{32})/\n", line)
    assert found
    with urllib.request.urlopen(f"{found[1]}{found[2]}/", timeout=60) as answer:
        assert b"<title>caml</title>" in answer.read()
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(found[1], timeout=60)
    # A tab that waits for what is new.
    opener = threading.Thread(target=_ask, args=(f"{found[1]}{found[2]}/state?since=0",))
    opener.start()
    time.sleep(0.5)
    # As a terminal does: to the process and those it started.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    opener.join()
    assert errors == ""
    assert process.returncode == 0
    assert not (tmp_path / "out").exists()


def _ask(address: str) -> None:
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=60) as answer:
        answer.read()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.csv"], "none.csv: there is no such file or folder"),
        (["--out", "file"], "file is a file: --out takes a folder"),
        (["--port", "99999"], "99999 is not in the range"),
        (["--max-upload", "0"], "0 is not in the range"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("starlette", reason="needs the extra app")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as end:
        main(["app", "--no-browser", *arguments])
    assert end.value.code == 2
    assert words in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "starlette":
            raise ImportError("No module named 'starlette'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SystemExit) as end:
        main(["app"])
    assert end.value.code == 2
    assert "pip install 'caml-smlm[app]'" in capsys.readouterr().err
