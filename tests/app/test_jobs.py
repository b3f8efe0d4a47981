"""Analyses beside the page: what they give, how they end, and what is saved of them."""

import json
import os
import shlex
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("starlette", reason="needs the extra app")

from caml.analyse.record import Settings
from caml.app import exports
from caml.app.worker import CancelledError, FileTask, Worker
from caml.cli import main

Serve = Callable[..., AbstractContextManager[Any]]

RECTANGLE = {"kind": "rectangle", "corners": [[200, 3000.123], [2500, -50]]}
POLYGON = {
    "kind": "polygon",
    "corners": [[1500, 1500], [3900, 1600], [3800, 3900], [1400.5, 3500]],
    "name": "right",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name != "run.json"
        # What a batch with a failure keeps to go on with holds times.
        and path.parent.name != ".unfinished"
    }


def kept(folder: Path) -> Any:
    """Read the record of a run, but for when it was, how long it took and where it is."""
    record = json.loads((folder / "run.json").read_text())
    del record["date"], record["seconds"], record["arguments"]["out"]
    for one in record["inputs"]:
        assert one["seconds"].keys() >= {"read", "outline", "describe"}
        del one["seconds"]
    return record


@pytest.mark.parametrize(
    ("method", "parameters", "regions"),
    [
        ("caml:LOGNM1", {}, []),
        ("caml:XPILJZ", {"threshold": "0.6", "prior": "balanced"}, [RECTANGLE]),
        ("caml:LOGNM1", {}, [RECTANGLE, POLYGON]),
        # Of one name, which the command gets as corners or in a file.
        ("dbscan", {}, [RECTANGLE, RECTANGLE]),
        ("dbscan", {}, [RECTANGLE, RECTANGLE, POLYGON, POLYGON]),
        ("dbscan", {"eps_nm": "25", "min_samples": "4"}, [POLYGON]),
        ("dbscan", {"eps_nm": "", "min_samples": "6"}, []),
    ],
)
@pytest.mark.filterwarnings("ignore::caml.errors.CamlWarning")
def test_what_is_saved_is_what_the_command_writes(
    asker: Any,
    tmp_path: Path,
    method: str,
    parameters: dict[str, str],
    regions: list[Any],
) -> None:
    check_saved(asker, tmp_path, method, parameters, regions)


@pytest.mark.parametrize("method", ["caml:LOGNM1", "dbscan"])
def test_of_parquet_too_of_which_regions_need_a_part(
    serve: Serve, cell: Path, tmp_path: Path, method: str
) -> None:
    path = tmp_path / "cell.parquet"
    pd.read_csv(cell).to_parquet(path)
    with serve(path, out=tmp_path / "out") as asker:
        check_saved(asker, tmp_path, method, {}, [RECTANGLE, POLYGON])


@pytest.mark.filterwarnings("ignore::caml.errors.CamlWarning")
def test_of_a_table_that_was_asked_about_in_3d(serve: Serve, cell: Path, tmp_path: Path) -> None:
    table = pd.read_csv(cell)
    table = table.assign(deep=table["x [nm]"].to_numpy()[::-1] / 10)
    table.columns = ["across", "down, px", "channel", "deep"]
    table[["across", "down, px"]] /= 100
    path = tmp_path / "cell.csv"
    table.to_csv(path, index=False)
    with serve(path, out=tmp_path / "out") as asker:
        image = asker.until(lambda state: state["images"][0]["state"] == "asks")["images"][0]
        answer = {"columns": {"x": "0 [px]", "y": "1 [px]", "z": "3"}, "pixel_size_nm": 100}
        asker.ask("POST", f"files/{image['file']}/open", answer)
        assert asker.opened()["n_dimensions"] == 3
        # Made for 2D, and by a method that sees all three.
        check_saved(asker, tmp_path / "flat", "caml:LOGNM1", {}, [])
        check_saved(asker, tmp_path / "deep", "dbscan", {"eps_nm": "60"}, [RECTANGLE])


def check_saved(
    asker: Any, tmp_path: Path, method: str, parameters: dict[str, str], regions: list[Any]
) -> None:
    """Save an analysis, and compare with what the command and the lines of Python write."""
    image = asker.opened()
    asker.ask("PUT", f"images/{image['id']}/regions", {"regions": regions})
    run = asker.analysed(image["id"], method=method, parameters=parameters)
    assert run["state"] == "done"
    assert run["n_clusters"] > 5
    words = asker.ask("GET", f"runs/{run['id']}/words")
    assert words["needs_saving"] == ("regions.geojson" in words["command"])
    name = f"saved {tmp_path.name}"
    saved = Path(asker.ask("POST", f"runs/{run['id']}/save", {"name": name})["folder"])
    words = asker.ask("GET", f"runs/{run['id']}/words")
    token = asker.server.token
    status, page, headers = asker.raw("GET", f"/{token}/runs/{run['id']}/report")
    assert status == 200
    assert page == (saved / "cell" / "report.html").read_bytes()
    # Its scripts run, and can ask this server for nothing.
    assert headers["content-security-policy"].startswith("sandbox allow-scripts")
    # The command that the page shows, which writes beside what is saved.
    command = shlex.split(words["command"])
    assert command[:2] == ["caml", "analyse"]
    other = Path(words["folder"])
    assert not other.exists()
    assert words["needs_saving"] is False
    with pytest.raises(SystemExit) as end:
        main(command[1:])
    assert end.value.code == 0
    assert contents(saved) == contents(other)
    assert kept(saved) == kept(other)
    assert {
        "overview.png",
        "report.html",
        "clusters.csv",
        "localizations.csv",
        "outlines.geojson",
    } <= {path.name for path in (saved / "cell").iterdir()}
    # And the lines of Python, which write the tables of one image.
    folder = tmp_path / "python"
    code = words["python"].replace(repr(str(other / "cell")), repr(str(folder)))
    exec(compile(code, "page", "exec"), {})
    for path, content in contents(folder).items():
        assert content == (saved / "cell" / path).read_bytes()
    asker.ask("PUT", f"images/{image['id']}/regions", {"regions": []})


def test_nothing_that_is_there_is_replaced(asker: Any) -> None:
    run = asker.analysed(asker.opened()["id"])
    first = asker.ask("POST", f"runs/{run['id']}/save", {"name": "twice"})
    before = contents(Path(first["folder"]))
    status, text = asker.ask("POST", f"runs/{run['id']}/save", {"name": "twice"})
    assert status == 400
    assert "twice" in text
    assert contents(Path(first["folder"])) == before
    for name in ("../outside", "/outside", "uploads"):
        asker.ask("POST", f"runs/{run['id']}/save", {"name": name})
    out = Path(asker.state()["out"])
    assert not (out.parent / "outside").exists()
    assert (out / "outside").is_dir()
    assert not (out / "uploads").exists()


@pytest.mark.parametrize(
    ("made_by", "name"), [("save_report", "report.html"), ("save_overview", "overview.png")]
)
def test_a_fault_of_a_picture_or_page_does_not_cost_the_results(
    asker: Any, monkeypatch: pytest.MonkeyPatch, made_by: str, name: str
) -> None:
    def faulty(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(exports, made_by, faulty)
    run = asker.analysed(asker.opened()["id"])
    saved = asker.ask("POST", f"runs/{run['id']}/save", {"name": f"without {name}"})
    names = {path.name for path in (Path(saved["folder"]) / "cell").iterdir()}
    assert "clusters.csv" in names
    assert {"report.html", "overview.png"} - names == {name}
    # As a batch tells it.
    (one,) = json.loads((Path(saved["folder"]) / "run.json").read_text())["inputs"]
    assert "ZeroDivisionError" in one["warnings"][-1]


def test_a_disk_that_takes_nothing_leaves_nothing(
    asker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exports, "save_overview", full)
    run = asker.analysed(asker.opened()["id"])
    status, text = asker.ask("POST", f"runs/{run['id']}/save", {"name": "full"})
    assert status == 400
    assert "cannot be written: the disk is full" in text
    out = Path(asker.state()["out"])
    assert not [path for path in out.iterdir() if "full" in path.name]
    # The analysis is still there, and can be saved when there is room.
    monkeypatch.undo()
    assert "folder" in asker.ask("POST", f"runs/{run['id']}/save", {"name": "full"})


def test_a_method_that_refuses_is_told(asker: Any) -> None:
    given = {"method": "dbscan", "parameters": {"eps_nm": "-3"}}
    status, text = asker.ask("POST", f"images/{asker.opened()['id']}/analyse", given)
    assert status == 400
    assert "eps_nm" in text
    assert "Traceback" not in text
    # What shows only with the localizations ends the analysis, and is told in its place.
    far = [{"kind": "rectangle", "corners": [[90_000, 90_000], [91_000, 91_000]]}]
    image = asker.opened()["id"]
    asker.ask("PUT", f"images/{image}/regions", {"regions": far})
    run = asker.analysed(image)
    asker.ask("PUT", f"images/{image}/regions", {"regions": []})
    assert run["state"] == "done"
    assert run["n_clusters"] == 0
    assert any("no clusters were found" in text for text in run["warnings"])


def test_an_analysis_is_there_for_every_tab(asker: Any) -> None:
    image = asker.opened()
    run = asker.analysed(image["id"])
    # Every request is by itself: another tab asks the same.
    box = ",".join(map(str, image["box"]))
    query = f"box={box}&width=30&height=30&layer=clusters&run={run['id']}&range.area_nm2=0,2000"
    token = asker.server.token
    assert asker.raw("GET", f"/{token}/images/{image['id']}/view?{query}")[0] == 200
    status, body, _ = asker.raw("GET", f"/{token}/runs/{run['id']}/clusters")
    assert status == 200
    assert b'"n_clusters"' in body[:5000]
    asker.ask("DELETE", f"runs/{run['id']}")
    assert asker.raw("GET", f"/{token}/runs/{run['id']}/clusters")[0] == 404


def test_cancelling_ends_it_and_the_next_one_works(
    serve: Serve, crowd: Path, tmp_path: Path
) -> None:
    with serve(crowd, out=tmp_path / "out") as asker:
        image = asker.opened()
        ids = [
            asker.ask("POST", f"images/{image['id']}/analyse", {"method": "caml:87B144"})["run"]
            for _ in range(2)
        ]
        asker.until(lambda state: state["runs"][0]["state"] == "running")
        start = time.monotonic()
        for one in reversed(ids):
            asker.ask("POST", f"runs/{one}/cancel")
        state = asker.until(lambda state: all(one["state"] == "cancelled" for one in state["runs"]))
        assert time.monotonic() - start < 10
        assert not any(one["message"] for one in state["runs"])
        quick = asker.analysed(image["id"], method="dbscan", parameters={"eps_nm": "10"})
        assert quick["state"] == "done"


def test_what_is_cancelled_before_it_starts_is_not_done(cell: Path) -> None:
    worker = Worker()
    try:
        task = FileTask(cell, "cell", Settings(method="dbscan"))
        worker.cancel(task)
        with pytest.raises(CancelledError):
            worker.run(task, lambda _stage, _share: None)
        other = FileTask(cell, "cell", Settings(method="dbscan"))
        assert len(worker.run(other, lambda _stage, _share: None).analysis.localizations) == 1000
    finally:
        worker.close()


def test_a_process_that_dies_is_told_and_replaced(
    serve: Serve, crowd: Path, tmp_path: Path
) -> None:
    with serve(crowd, out=tmp_path / "out") as asker:
        image = asker.opened()
        asker.ask("POST", f"images/{image['id']}/analyse", {"method": "caml:87B144"})
        asker.until(lambda state: state["runs"][0]["state"] == "running")
        os.kill(asker.server.app.jobs._worker._process.pid, signal.SIGKILL)
        state = asker.until(lambda state: state["runs"][0]["state"] == "failed")
        assert "memory may have run out" in state["runs"][0]["message"]
        quick = asker.analysed(image["id"], method="dbscan", parameters={"eps_nm": "10"})
        assert quick["state"] == "done"


def test_a_file_that_changed_is_not_analysed(serve: Serve, cell: Path, tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_bytes(cell.read_bytes())
    with serve(path, out=tmp_path / "out") as asker:
        image = asker.opened()
        path.write_text(path.read_text() + "1,1,0\n")
        given = {"method": "dbscan", "parameters": {}}
        status, text = asker.ask("POST", f"images/{image['id']}/analyse", given)
        assert status == 400
        assert "cell.csv has changed on disk" in text
        asker.ask("DELETE", f"images/{image['id']}")
        asker.ask("POST", f"files/{image['file']}/open", {})
        assert asker.opened()["n_localizations"] == 1001


def test_a_folder_is_analysed_as_by_the_command(serve: Serve, cell: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_bytes(cell.read_bytes())
    (folder / "c.csv").write_text("no,table\n1,2\n")
    given = {"method": "dbscan", "parameters": {"eps_nm": "30"}, "name": "all"}
    with serve(folder, out=tmp_path / "out") as asker:
        files = [one["id"] for one in asker.state()["files"]]
        asker.ask("POST", "batches", given | {"files": files})
        state = asker.until(lambda state: state["batches"][0]["state"] == "done")
        rows = {row["path"]: row for row in state["batches"][0]["rows"]}
        assert rows["a.csv"]["n_clusters"] > 20
        assert "c.csv" in rows["c.csv"]["error"]
        status, text = asker.ask("POST", "batches", given | {"files": files})
        assert status == 400
        assert "is there already: choose another name" in text
    other = tmp_path / "other"
    with pytest.raises(SystemExit):
        main(["analyse", *(str(folder / f"{one}.csv") for one in "abc"), "--out", str(other),
              "--method", "dbscan", "--set", "eps_nm=30"])  # fmt: skip
    assert contents(tmp_path / "out" / "all") == contents(other)


def test_a_batch_that_is_cancelled_keeps_what_is_done(
    serve: Serve, cell: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}.csv").write_bytes(cell.read_bytes())
    with serve(folder, out=tmp_path / "out") as asker:
        files = [one["id"] for one in asker.state()["files"]]
        given = {"method": "caml:XPILJZ", "parameters": {}, "name": "some", "files": files}
        batch = asker.ask("POST", "batches", given)["batch"]
        asker.until(lambda state: state["batches"][0]["rows"])
        asker.ask("POST", f"batches/{batch}/cancel")
        state = asker.until(lambda state: state["batches"][0]["state"] == "cancelled")
    done = {row["path"].removesuffix(".csv") for row in state["batches"][0]["rows"]}
    assert 0 < len(done) < 40
    out = tmp_path / "out" / "some"
    assert json.loads((out / "run.json").read_text())["interrupted"]
    whole = {path.name for path in out.iterdir() if path.is_dir() and path.name[0] != "."}
    assert whole == done
    for name in whole:
        assert (out / name / "clusters.csv").exists()


def test_ending_the_server_ends_what_works_beside_it(
    serve: Serve, crowd: Path, tmp_path: Path
) -> None:
    with serve(crowd, out=tmp_path / "out") as asker:
        image = asker.opened()
        asker.ask("POST", f"images/{image['id']}/analyse", {"method": "caml:87B144"})
        asker.until(lambda state: state["runs"][0]["state"] == "running")
        process = asker.server.app.jobs._worker._process
        start = time.monotonic()
    assert not process.is_alive()
    assert time.monotonic() - start < 30
    assert not (tmp_path / "out").exists()
