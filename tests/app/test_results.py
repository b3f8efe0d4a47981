"""Results that were saved are opened again: as they were, and nothing else is reached by them."""

import io
import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("starlette", reason="needs the extra app")

from caml.analyse import analyse_files
from caml.analyse.record import checksum
from caml.app.results import asked_of, check_confined, original_of, results_in
from caml.errors import InputError
from caml.localizations import Region

Serve = Callable[..., AbstractContextManager[Any]]

REGIONS = [
    {"kind": "rectangle", "corners": [[200, 300], [2500, 3000]]},
    {"kind": "polygon", "corners": [[1500, 1500], [3900, 1600], [3800, 3900]], "name": "right"},
]
LAYERS = ("labels", "scores", "clusters")


def saved(asker: Any, name: str = "", **chosen: Any) -> Any:
    """Analyse the first image and save it."""
    image = asker.opened()
    run = asker.analysed(image["id"], **chosen)
    asker.ask("POST", f"runs/{run['id']}/save", {"name": name} if name else {})
    return next(one for one in asker.state()["runs"] if one["id"] == run["id"])


def reopened(asker: Any, number: int = 0) -> tuple[Any, Any]:
    """Open the results of a number, and return the image and the analysis."""
    results = asker.state()["results"][number]
    found = asker.ask("POST", f"results/{results['id']}/open", {})
    state = asker.until(
        lambda state: all(
            one["state"] != "running" for one in state["runs"] if one["id"] == found["run"]
        )
    )
    (image,) = (one for one in state["images"] if one["id"] == found["image"])
    (run,) = (one for one in state["runs"] if one["id"] == found["run"])
    return image, run


def picture(asker: Any, image: Any, run: Any, layer: str) -> bytes:
    box = ",".join(map(str, image["box"]))
    path = f"images/{image['id']}/view?box={box}&width=120&height=120&run={run['id']}&layer={layer}"
    status, body, _ = asker.raw("GET", f"/{asker.server.token}/{path}")
    assert status == 200, body
    return bytes(body)


def rows(asker: Any, run: Any) -> bytes:
    return bytes(asker.raw("GET", f"/{asker.server.token}/runs/{run['id']}/clusters.csv")[1])


def report(asker: Any, run: Any) -> bytes:
    return bytes(asker.raw("GET", f"/{asker.server.token}/runs/{run['id']}/report")[1])


def contents(folder: Path) -> dict[str, bytes]:
    return {
        one.relative_to(folder).as_posix(): one.read_bytes()
        for one in sorted(folder.rglob("*"))
        # Lines of outlines that were rounded to 0.001 nm are other pixels here and there.
        if one.is_file() and one.name not in ("run.json", "overview.png")
    }


@pytest.mark.filterwarnings("ignore::caml.errors.CamlWarning")
@pytest.mark.parametrize("method", ["caml:LOGNM1", "dbscan"])
@pytest.mark.parametrize("is_there", [True, False], ids=["table there", "table gone"])
def test_after_a_restart_it_is_as_it_was(
    serve: Serve, cell: Path, tmp_path: Path, method: str, is_there: bool
) -> None:
    path, out = tmp_path / "cell.csv", tmp_path / "out"
    shutil.copy(cell, path)
    chosen: dict[str, Any] = {
        "method": method,
        "parameters": {} if method != "dbscan" else {"eps_nm": "30"},
    }
    with serve(path, out=out) as asker:
        image = asker.opened()
        asker.ask("PUT", f"images/{image['id']}/regions", {"regions": REGIONS})
        run = saved(asker, **chosen)
        layers = [one for one in LAYERS if one != "scores" or run["has_scores"]]
        image = asker.opened()
        before = [picture(asker, image, run, one) for one in layers], rows(asker, run)
        page, regions = report(asker, run), image["regions"]
    if not is_there:
        path.unlink()
    with serve(*([path] if is_there else []), out=out) as asker:
        (listed,) = asker.state()["results"]
        assert listed["name"] == f"cell_{method.replace('caml:', '')}"
        assert listed["group"] == str(out)
        image, again = reopened(asker)
        changed = {"id", "image", "seconds"}
        assert {k: v for k, v in again.items() if k not in changed} == {
            k: v for k, v in run.items() if k not in changed
        }
        assert image["regions"] == regions
        after = [picture(asker, image, again, one) for one in layers], rows(asker, again)
        assert after == before
        assert report(asker, again) == page
        assert len(asker.state()["images"]) == 1
        told = " ".join(image["warnings"])
        assert ("was not found in" in told) == (not is_there)
        assert image["name"] == ("cell.csv" if is_there else listed["name"])
        # It can be saved anew, and analysed anew.
        first = Path(again["saved"])
        asker.ask("POST", f"runs/{again['id']}/save", {"name": "anew"})
        assert contents(out / "anew") == contents(first)
        new = asker.analysed(image["id"], **chosen)
        assert new["state"] == "done"
        assert (new["n_clusters"], new["n_clustered"]) == (run["n_clusters"], run["n_clustered"])


def test_a_table_that_has_changed_is_another_one(serve: Serve, cell: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "cell.csv", tmp_path / "out"
    shutil.copy(cell, path)
    with serve(path, out=out) as asker:
        saved(asker)
    path.write_text(path.read_text() + "1,1,0\n")
    with serve(path, out=out) as asker:
        image, run = reopened(asker)
        assert image["n_localizations"] == 1000
        assert run["state"] == "done"
        assert len(asker.state()["images"]) == 2
        assert "has changed" in image["warnings"][0]


def test_a_table_that_was_told_about_is_read_in_the_same_way(
    serve: Serve, cell: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(cell)
    table.columns = ["across", "down", "channel"]
    table[["across", "down"]] /= 100
    for folder in ("there", "gone"):
        path, out = tmp_path / f"{folder}.csv", tmp_path / folder
        table.to_csv(path, index=False)
        columns = {"x": "across [px]", "y": "down [px]"}
        analyse_files([path], out, method="dbscan", columns=columns, pixel_size_nm=100.0)
        if folder == "gone":
            path.unlink()
        with serve(*([path] if folder == "there" else []), out=out) as asker:
            image, run = reopened(asker)
            assert run["state"] == "done", run
            assert image["box"][2] - image["box"][0] == pytest.approx(4_100, rel=0.05)
            again = asker.analysed(image["id"], parameters={})
            assert again["n_clusters"] == run["n_clusters"]


@pytest.fixture(scope="module")
def batch(cell: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a folder of two tables, with the results of both in it."""
    home = tmp_path_factory.mktemp("batch")
    for name in ("one", "two"):
        shutil.copy(cell, home / f"{name}.csv")
    paths = [home / "one.csv", home / "two.csv"]
    analyse_files(paths, home / "results", method="dbscan", parameters={"eps_nm": 30.0})
    return home


def test_results_are_listed_and_their_tables_are_not(
    serve: Serve, batch: Path, tmp_path: Path
) -> None:
    with serve(batch, out=tmp_path / "out") as asker:
        state = asker.state()
        assert [one["name"] for one in state["files"]] == ["one.csv", "two.csv"]
        assert [one["name"] for one in state["results"]] == ["results/one", "results/two"]
        assert state["images"] == []
        # Opened twice, at once or later, it is there once, with the table of the listed folder.
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(lambda _: reopened(asker, 1), range(2))
        assert first == second == reopened(asker, 1)
        assert first[0]["name"] == "two.csv"
        assert asker.ask("POST", "results/s99/open", {})[0] == 404
        # What was removed can be opened anew.
        asker.ask("DELETE", f"runs/{first[1]['id']}")
        assert reopened(asker, 1)[1]["state"] == "done"
    with serve(batch / "results", out=tmp_path / "out") as asker:
        state = asker.state()
        assert (state["files"], state["images"]) == ([], [])
        assert [one["name"] for one in state["results"]] == ["one", "two"]
        assert reopened(asker, 0)[0]["name"] == "one"
    with serve(batch / "results" / "one", out=tmp_path / "out") as asker:
        # As a table is, that of one image is opened at once.
        state = asker.until(lambda state: state["runs"] and state["runs"][0]["state"] == "done")
        assert state["images"][0]["name"] == "one"


def test_new_results_are_listed_at_once_and_others_when_it_is_asked_for(
    serve: Serve, batch: Path, cell: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with serve(cell, out=out) as asker:
        run = saved(asker, "mine")
        state = asker.state()
        assert [one["name"] for one in state["results"]] == ["mine"]
        # They are those of the analysis that is open.
        assert reopened(asker)[1]["id"] == run["id"]
        asker.ask("DELETE", f"images/{run['image']}")
        assert reopened(asker)[1]["state"] == "done"
        given = {"method": "dbscan", "parameters": {"eps_nm": "30"}, "name": "batch"}
        files = [one["id"] for one in state["files"]]
        asker.ask("POST", "batches", given | {"files": files})
        state = asker.until(lambda state: state["batches"][0]["state"] == "done")
        assert [one["name"] for one in state["results"]] == ["mine", "batch"]
        shutil.copytree(batch / "results", out / "other")
        asker.ask("POST", "files/list", {})
        names = [one["name"] for one in asker.state()["results"]]
        assert names == ["mine", "batch", "other/one", "other/two"]


def test_rectangles_keep_their_names(serve: Serve, cell: Path, tmp_path: Path) -> None:
    regions = [
        Region.rectangle(0, 0, 2000, 4000, name="left half"),
        Region.rectangle(2000, 0, 4000, 4000, name="2000,0,4000,4000"),
    ]
    analyse_files(
        [cell], tmp_path / "run", method="dbscan", parameters={"eps_nm": 30.0}, regions=regions
    )
    with serve(tmp_path / "run", out=tmp_path / "out") as asker:
        image, run = reopened(asker)
        names = [one["name"] for one in image["regions"]]
        assert names == ["left half", "2000,0,4000,4000"]
        assert [one["kind"] for one in image["regions"]] == ["rectangle", "rectangle"]
        # A page sends all of them where one is changed or drawn.
        second = image["regions"][1] | {"corners": [[3000, 0], [4000, 4000]]}
        third = {"kind": "rectangle", "corners": [[0, 0], [9, 9]], "name": "region 3"}
        drawn = [image["regions"][0], second, third]
        asker.ask("PUT", f"images/{image['id']}/regions", {"regions": drawn})
        (again,) = [one for one in asker.state()["images"] if one["id"] == image["id"]]
        names = [one["name"] for one in again["regions"]]
        assert names == ["left half", "3000,0,4000,4000", "0,0,9,9"]
        asker.ask("PUT", f"images/{image['id']}/regions", {"regions": image["regions"]})
        new = asker.analysed(image["id"])
        tables = [rows(asker, one) for one in (run, new)]
        found = [set(pd.read_csv(io.BytesIO(one))["region"]) for one in tables]
        assert found[0] == found[1] == {"left half", "2000,0,4000,4000"}


@pytest.mark.parametrize("by", ["save", "open"])
def test_results_that_were_replaced_are_opened_anew(
    serve: Serve, cell: Path, tmp_path: Path, by: str
) -> None:
    out = tmp_path / "out"
    with serve(cell, out=out) as asker:
        run = saved(asker, "kept", parameters={"eps_nm": "30", "min_samples": "5"})
        asker.ask("POST", "files/list", {})
        if by == "open":
            asker.ask("DELETE", f"runs/{run['id']}")
            run = reopened(asker)[1]
        assert reopened(asker)[1]["id"] == run["id"]
        other = {"eps_nm": 60.0, "min_samples": 3}
        analyse_files([cell], out / "kept", method="dbscan", parameters=other, overwrite=True)
        asker.ask("POST", "files/list", {})
        (before,) = asker.state()["runs"]
        assert before["saved"] is None
        again = reopened(asker)[1]
        assert again["id"] != run["id"]
        assert again["saved"] == str(out / "kept")
        n = len(pd.read_csv(out / "kept" / "cell" / "clusters.csv"))
        assert again["n_clusters"] == n != run["n_clusters"]
        # It is there still, and can be saved elsewhere.
        asker.ask("POST", f"runs/{run['id']}/save", {"name": "elsewhere"})
        clusters = pd.read_csv(out / "elsewhere" / "cell" / "clusters.csv")
        assert len(clusters) == run["n_clusters"]


def test_no_table_outside_is_looked_at(
    batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Path] = []

    def summed(path: Path) -> str:
        looked.append(path)
        return checksum(path)

    monkeypatch.setattr("caml.app.results.checksum", summed)
    outcome, _ = asked_of(batch / "results" / "one")
    given, outside = tmp_path / "given", tmp_path / "outside"
    for folder in (given, outside):
        folder.mkdir()
        shutil.copy(batch / "one.csv", folder / "one.csv")
    (given / "link").symlink_to(outside)
    (given / "link.csv").symlink_to(outside / "one.csv")
    there = given / "one.csv"
    for path in (
        outside / "one.csv",
        given / "link" / "one.csv",
        given / "link.csv",
        given / ".." / "outside" / "one.csv",
    ):
        assert original_of(replace(outcome, path=path), [], [given]) is None
    assert looked == []
    assert original_of(replace(outcome, path=there), [], [given]) == there
    # A table that was given by its name may lie anywhere.
    listed = outside / "one.csv"
    assert original_of(replace(outcome, path=listed), [listed], [given]) == listed
    assert original_of(replace(outcome, path=listed, sha256=""), [listed], [given]) is None
    listed.write_text("x,y\n1,2\n")
    assert original_of(replace(outcome, path=listed), [listed], [given]) is None


def test_a_table_is_found_where_it_was_moved_to(batch: Path, tmp_path: Path) -> None:
    outcome, _ = asked_of(batch / "results" / "one")
    other, moved, renamed = (tmp_path / one for one in ("a/one.csv", "b/one.csv", "c/uno.csv"))
    for path in (other, moved, renamed):
        path.parent.mkdir()
        shutil.copy(batch / "one.csv", path)
    other.write_text("x,y\n1,2\n")
    tables = [other, moved, renamed]
    # As the command was told it, in a folder that is not this one.
    for path in (Path("one.csv"), Path("../gone/one.csv"), tmp_path / "one.csv", other):
        assert original_of(replace(outcome, path=path), tables, [tmp_path]) == moved
    assert original_of(replace(outcome, path=Path("one\0.csv")), tables, [tmp_path]) is None
    assert original_of(replace(outcome, sha256=""), tables, [tmp_path]) is None
    moved.unlink()
    assert original_of(replace(outcome, path=Path("one.csv")), tables, [tmp_path]) is None


@pytest.mark.parametrize(
    "name", ["one/localizations.csv", "one/clusters.csv", "one/outlines.geojson", "summary.csv"]
)
def test_a_link_that_leads_out_is_not_followed(batch: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(batch / "results", tmp_path / "results")
    path = tmp_path / "results" / name
    check_confined(tmp_path / "results" / "one")
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="a link that leads out"):
        check_confined(tmp_path / "results" / "one")


def test_no_folder_outside_is_listed(batch: Path, tmp_path: Path) -> None:
    home = tmp_path / "given"
    home.mkdir()
    shutil.copytree(batch / "results", tmp_path / "results")
    (home / "link").symlink_to(tmp_path / "results")
    shutil.copytree(batch / "results", home / "run")
    shutil.rmtree(home / "run" / "one")
    (home / "run" / "one").symlink_to(tmp_path / "results" / "one")
    record = json.loads((home / "run" / "run.json").read_text())
    for name in ("..", ".", "../../results/one", str(tmp_path / "results" / "one")):
        record["inputs"].append(record["inputs"][0] | {"folder": name})
    (home / "run" / "run.json").write_text(json.dumps(record))
    (home / "other").mkdir()
    (home / "other" / "run.json").write_text('{"command": "caml spatial"}')
    assert results_in(home) == results_in(home, deep=False) == [home / "run" / "two"]
    assert results_in(tmp_path, deep=False) == [
        tmp_path / "results" / one for one in ("one", "two")
    ]


def recorded(text: str) -> Callable[[Path], Any]:
    return lambda path: path.write_text(text)


def told_of(folder: str) -> Callable[[Path], Any]:
    def write(path: Path) -> None:
        record = json.loads(path.read_text())
        record["inputs"].insert(0, record["inputs"][0] | {"folder": folder})
        path.write_text(json.dumps(record))

    return write


def made_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize(
    ("spoil", "n_left"),
    [
        (recorded("[" * 100_000 + "]" * 100_000), 0),
        (recorded('{"inputs": [' + "[" * 100_000), 0),
        (told_of("a" * 5_000), 2),
        (told_of("\ud800"), 2),
        (told_of("a\0b"), 2),
        (made_a_pipe, 0),
    ],
    ids=["deep", "deep and cut off", "long name", "half a character", "zero byte", "pipe"],
)
def test_records_that_cannot_be_read_are_passed_over(
    batch: Path, tmp_path: Path, spoil: Callable[[Path], Any], n_left: int
) -> None:
    for name in ("bad", "good"):
        shutil.copytree(batch / "results", tmp_path / name)
    spoil(tmp_path / "bad" / "run.json")
    found = [one.relative_to(tmp_path).as_posix() for one in results_in(tmp_path)]
    assert found == ["bad/one", "bad/two", "good/one", "good/two"][2 - n_left :]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("name", ["summary.csv", "one/clusters.csv", "one/localizations.csv"])
def test_nobody_waits_for_a_pipe(batch: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(batch / "results", tmp_path / "results")
    made_a_pipe(tmp_path / "results" / name)
    with pytest.raises(InputError, match="no file, but a pipe"):
        check_confined(tmp_path / "results" / "one")
    homes = [one.name for one in results_in(tmp_path)]
    assert homes == (["one", "two"] if name == "summary.csv" else ["two"])


def test_damaged_results_are_told(serve: Serve, batch: Path, tmp_path: Path) -> None:
    shutil.copytree(batch, tmp_path / "batch")
    path = tmp_path / "batch" / "results" / "one" / "clusters.csv"
    path.write_text(path.read_text()[:-30])
    with serve(tmp_path / "batch", out=tmp_path / "out") as asker:
        image, run = reopened(asker)
        # The table is there all the same.
        assert image["state"] == "open"
        assert run["state"] == "failed"
        assert "clusters.csv, line" in run["message"]
        shutil.copy(batch / "results" / "one" / "clusters.csv", path)
        assert reopened(asker)[1]["state"] == "done"
        path.unlink()
        path.symlink_to(batch / "results" / "one" / "clusters.csv")
        for run in asker.state()["runs"]:
            asker.ask("DELETE", f"runs/{run['id']}")
        results = asker.state()["results"][0]
        status, error = asker.ask("POST", f"results/{results['id']}/open", {})
        assert (status, "a link that leads out" in error) == (400, True)
