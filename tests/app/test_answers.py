"""Answers hold any value: none of them ends the page of all tabs."""

import json
import math
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("starlette", reason="needs the extra app")

from caml.analyse import analyse_files
from caml.app.answers import JSONResponse

Serve = Callable[..., AbstractContextManager[Any]]


def test_json_is_made_of_what_it_cannot_hold() -> None:
    given = {"a\ud800": ["\udcfc", "\ud83d\ude00", math.nan, (math.inf, 1.5)], "b": [True, None, 2]}
    made = json.loads(bytes(JSONResponse(given).body))
    assert made == {"a\ufffd": ["\ufffd", "😀", None, [None, 1.5]], "b": [True, None, 2]}


def badly_named(cell: Path, folder: Path) -> Path:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/Zelle_\xfc.csv"))
    try:
        shutil.copy(cell, path)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    return path


@pytest.mark.filterwarnings("ignore::caml.errors.CamlWarning")
def test_names_that_are_no_text_are_shown_and_saved_all_the_same(
    serve: Serve, cell: Path, tmp_path: Path
) -> None:
    badly_named(cell, tmp_path)
    with serve(tmp_path, out=tmp_path / "out") as asker:
        (file,) = asker.state()["files"]
        assert file["name"] == "Zelle_\ufffd.csv"
        asker.ask("POST", f"files/{file['id']}/open", {})
        image = asker.opened()
        corners = [[0, 0], [4000, 0], [4000, 4000]]
        region = {"kind": "polygon", "corners": corners, "name": "\ud800 drawn"}
        path = f"images/{image['id']}/regions"
        asker.ask("PUT", path, {"regions": [region]})
        feature = {
            "type": "Feature",
            "properties": {"name": "\ud800 read"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[0, 0], [0, 4e3], [4e3, 4e3], [0, 0]]],
            },
        }
        asker.ask("PUT", f"{path}/a.geojson", feature)
        (image,) = asker.state()["images"]
        assert [one["name"] for one in image["regions"]] == ["\ufffd drawn", "\ufffd read"]
        run = asker.analysed(image["id"])
        assert run["state"] == "done", run
        for name in ("words", "report", "clusters.csv"):
            status, body, _ = asker.raw("GET", f"/{asker.server.token}/runs/{run['id']}/{name}")
            assert status == 200, body
        saved = Path(asker.ask("POST", f"runs/{run['id']}/save", {})["folder"])
        assert len(list(saved.glob("*/report.html"))) == 1
        batch = {"method": "dbscan", "parameters": {"eps_nm": "30"}, "files": [file["id"]]}
        asker.ask("POST", "batches", batch | {"name": "batch"})
        state = asker.until(lambda state: state["batches"][0]["state"] != "running")
        assert state["batches"][0]["state"] != "failed", state


@pytest.mark.parametrize("clustered", ["inf", "nan", "1e300", None])
def test_results_of_no_sense_are_no_end_of_the_page(
    serve: Serve, cell: Path, tmp_path: Path, clustered: str | None
) -> None:
    table = tmp_path / "cell.csv"
    shutil.copy(cell, table)
    run = tmp_path / "results"
    analyse_files([table], run, method="dbscan", parameters={"eps_nm": 30.0})
    record = json.loads((run / "run.json").read_text())
    record["inputs"][0] |= {
        "warnings": ["\ud800 far"],
        "seconds": {"read": 1e308, "segment": 1e308},
    }
    (run / "run.json").write_text(json.dumps(record))
    summary = pd.read_csv(run / "summary.csv", dtype=str)
    if clustered is None:
        del summary["n_clustered"]
    else:
        summary["n_clustered"] = clustered
    summary.to_csv(run / "summary.csv", index=False)
    with serve(tmp_path, out=tmp_path / "out") as asker:
        (results,) = asker.state()["results"]
        asker.ask("POST", f"results/{results['id']}/open", {})
        # Whether it is opened, or refused in words, there is a state.
        state = asker.until(lambda state: all(one["state"] != "running" for one in state["runs"]))
        for one in state["runs"]:
            assert one["state"] == "failed" or one["seconds"] is None
