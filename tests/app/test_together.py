"""What is asked for while something else changes what it is about."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra app")

from caml.analyse.record import Settings
from caml.errors import InputError

Serve = Callable[..., AbstractContextManager[Any]]

QUICK = Settings(method="dbscan", parameters={"eps_nm": 30.0, "min_samples": 5})


def test_an_image_that_is_being_closed_is_not_analysed(
    serve: Serve, cell: Path, tmp_path: Path
) -> None:
    with serve(cell, out=tmp_path / "out") as asker:
        jobs, store = asker.server.app.jobs, asker.server.app.store
        first = asker.opened()
        image = store.images[first["id"]]
        asker.ask("DELETE", f"images/{image.id}")
        with pytest.raises(InputError, match=r"cell\.csv was closed: open it again"):
            jobs.analyse(image, QUICK)
        assert store.runs == {}
        # One that came to wait all the same fails, and holds nothing up.
        store.images[image.id] = image
        with jobs._lock:
            run = jobs.analyse(image, QUICK)
            del store.images[image.id]
        asker.until(lambda _: run.state == "failed")
        assert run.message == "its image was closed"
        asker.ask("POST", f"files/{first['file']}/open", {})
        assert asker.analysed(asker.opened()["id"])["state"] == "done"
