"""What is asked for while something else changes what it is about."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="needs the extra app")

from caml.analyse import Analysis, load_results
from caml.analyse.record import Settings
from caml.app.things import Run
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


def test_results_that_are_opened_while_their_image_is_closed_are_not_left_over(
    serve: Serve, cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(cell, out=tmp_path / "out") as asker:
        store = asker.server.app.store
        run = asker.analysed(asker.opened()["id"])
        asker.ask("POST", f"runs/{run['id']}/save", {"name": "kept"})
        asker.ask("DELETE", f"runs/{run['id']}")
        asker.ask("POST", "files/list", {})
        (results,) = asker.state()["results"]
        (image,) = store.images.values()
        changing = store.changing
        came: list[bool] = []

        @contextmanager
        def another_is_first() -> Iterator[None]:
            # What another thread adds before this one may change anything.
            if not came:
                came.append(True)
                store.runs["late"] = Run(
                    "late",
                    image.id,
                    QUICK,
                    "dbscan",
                    state="done",
                    saved=tmp_path / "out" / "kept",
                    image_name="cell",
                )
            with changing():
                yield

        monkeypatch.setattr(store, "changing", another_is_first)
        asker.ask("DELETE", f"images/{image.id}")
        assert came
        assert asker.state()["runs"] == []
        opened = asker.ask("POST", f"results/{results['id']}/open", {})
        asker.until(lambda state: state["runs"][0]["state"] == "done")
        # However one came to be left over, the results can be opened.
        store.images.clear()
        again = asker.ask("POST", f"results/{results['id']}/open", {})
        assert again["run"] != opened["run"]
        asker.until(lambda state: state["runs"][-1]["state"] == "done")


def test_opening_results_can_be_cancelled_and_begun_anew(
    serve: Serve, cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slowly(home: Path) -> Analysis:
        assert go_on.wait(60)
        return load_results(home)

    with serve(cell, out=tmp_path / "out") as asker:
        run = asker.analysed(asker.opened()["id"])
        asker.ask("POST", f"runs/{run['id']}/save", {"name": "kept"})
        asker.ask("DELETE", f"runs/{run['id']}")
        asker.ask("POST", "files/list", {})
        monkeypatch.setattr("caml.app.results.load_results", slowly)
        address = f"results/{asker.state()['results'][0]['id']}/open"
        first = asker.ask("POST", address, {})["run"]
        asker.ask("POST", f"runs/{first}/cancel")
        (told,) = asker.state()["runs"]
        assert (told["state"], told["stage"]) == ("cancelled", "")
        second = asker.ask("POST", address, {})["run"]
        assert second != first
        go_on.set()
        runs = asker.until(lambda state: state["runs"][1]["state"] == "done")["runs"]
        for thread in threading.enumerate():
            if thread.name == "caml opening":
                thread.join(60)
        assert asker.state()["runs"][0]["state"] == "cancelled"
        assert "n_clusters" not in runs[0]
