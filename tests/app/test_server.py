"""What the server answers: whom, with what, and in which words it refuses."""

import json
import math
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("starlette", reason="needs the extra app")

from caml.app.serve import Server
from caml.errors import InputError, MissingFileError

Serve = Callable[..., AbstractContextManager[Any]]


def test_no_token_or_a_wrong_one_is_refused(asker: Any) -> None:
    for path in ("/", "/state", "/wrong/", "/wrong/state", "/page/main.js", "//state", "/../state"):
        status, body, headers = asker.raw("GET", path)
        assert status == 403
        assert b"needs the address that caml app printed" in body
        assert asker.server.token not in str(headers)
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert asker.raw(method, "/wrong/upload/a.csv", b"x")[0] == 403


def test_another_host_or_origin_is_refused_with_the_token_too(asker: Any) -> None:
    path = f"/{asker.server.token}/state"
    assert asker.raw("GET", path, headers={"Host": "evil.example"})[0] == 403
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{asker.port + 1}"):
        assert asker.raw("GET", path, headers={"Origin": origin})[0] == 403
    assert asker.raw("GET", path, headers={"Origin": f"http://127.0.0.1:{asker.port}"})[0] == 200


def test_websockets_are_not_taken(asker: Any) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert asker.raw("GET", "/wrong/state", headers=headers)[0] == 403


def test_it_listens_on_this_machine_only(asker: Any) -> None:
    assert asker.server.address.startswith("http://127.0.0.1:")
    assert asker.server._socket.getsockname()[0] == "127.0.0.1"


def test_the_page_and_its_files_come_with_their_headers(asker: Any) -> None:
    token = asker.server.token
    status, body, headers = asker.raw("GET", f"/{token}/")
    assert status == 200
    assert b"<title>caml</title>" in body
    headers = {key.lower(): value for key, value in headers.items()}
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert asker.raw("GET", f"/{token}")[0] == 307
    for name in ("main.js", "style.css", "icon.svg"):
        assert asker.raw("GET", f"/{token}/page/{name}")[0] == 200


@pytest.mark.parametrize(
    "name", ["..%2Fserver.py", "%2Fetc%2Fpasswd", "..%5Cserver.py", "server.py", "main.js%00"]
)
def test_no_other_file_is_given(asker: Any, name: str) -> None:
    assert asker.raw("GET", f"/{asker.server.token}/page/{name}")[0] == 404


def test_a_picture_is_what_was_asked_for(asker: Any) -> None:
    image = asker.opened()
    box = ",".join(map(str, image["box"]))
    path = f"/{asker.server.token}/images/{image['id']}/view?box={box}&width=60&height=40"
    status, body, _ = asker.raw("GET", path)
    assert (status, len(body)) == (200, 60 * 40 * 4)
    assert any(body)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("box=1,2,3&width=9&height=9", "four numbers"),
        ("box=0,0,nan,1&width=9&height=9", "expected x_min, y_min"),
        ("box=0,0,1,1&width=99999&height=99999", "no picture has"),
        ("box=0,0,1,1&width=9&height=9&layer=labels", "analyse the image first"),
        ("box=0,0,1,1&width=9&height=9&gamma=no", "gamma is a number"),
        ("box=0,0,1,1&width=9&height=9&layer=labels&run=a999", "analyse the image first"),
    ],
)
def test_a_picture_that_cannot_be_is_told(asker: Any, query: str, words: str) -> None:
    image = asker.opened()
    status, text = asker.ask("GET", f"images/{image['id']}/view?{query}")
    assert status == 400
    assert words in text


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "words"),
    [
        ("GET", "images/i99/view", None, 404, "no such image any more"),
        ("POST", "runs/a99/cancel", {}, 404, "no such analysis any more"),
        ("POST", "files/f99/open", {}, 404, "no such file any more"),
        ("GET", "runs/a99/report", None, 404, "no such analysis any more"),
        ("POST", "images/IMAGE/analyse", {"method": "none"}, 400, "no method is called 'none'"),
        ("POST", "images/IMAGE/analyse", {"method": "dbscan", "parameters": [1]}, 400, "names"),
        ("PUT", "images/IMAGE/regions", {"regions": 3}, 400, "a list of at most 1,000 regions"),
        ("PUT", "images/IMAGE/regions", {"regions": [3]}, 400, "a region is a rectangle or"),
        ("POST", "batches", {"method": "dbscan", "files": []}, 400, "at least one file"),
        ("POST", "batches", {"method": "dbscan", "files": ["../x"]}, 404, "no such file"),
    ],
)
def test_what_is_refused_is_told_in_a_sentence(
    asker: Any, method: str, path: str, content: Any, status: int, words: str
) -> None:
    path = path.replace("IMAGE", asker.opened()["id"])
    found, text = asker.ask(method, path, content)
    assert found == status
    assert words in text
    assert "Traceback" not in text


def test_what_is_no_json_is_told(asker: Any) -> None:
    path = f"/{asker.server.token}/images/{asker.opened()['id']}/regions"
    status, body, _ = asker.raw("PUT", path, b"{")
    assert status == 400
    assert b"expected JSON" in body
    assert asker.raw("PUT", path, b" " * 5_000_000)[0] == 413


def test_regions_are_kept_by_the_server(asker: Any) -> None:
    image = asker.opened()
    drawn = [
        {"kind": "rectangle", "corners": [[10, 2000], [1500, 20]]},
        {"kind": "polygon", "corners": [[0, 0], [900, 0], [0, 900]], "name": "edge, left"},
    ]
    asker.ask("PUT", f"images/{image['id']}/regions", {"regions": drawn})
    first, second = asker.opened()["regions"]
    assert first["name"] == "10,20,1500,2000"
    assert first["area_um2"] == pytest.approx(1.49 * 1.98)
    assert second["name"] == "edge; left"
    flat = [{"kind": "polygon", "corners": [[0, 0], [1, 1], [2, 2]], "name": "flat"}]
    status, text = asker.ask("PUT", f"images/{image['id']}/regions", {"regions": flat})
    assert status == 400
    assert "encloses no area" in text
    assert len(asker.opened()["regions"]) == 2
    square = {"type": "Polygon", "coordinates": [[[0, 0], [500, 0], [500, 500], [0, 0]]]}
    body = json.dumps(square).encode()
    path = f"/{asker.server.token}/images/{image['id']}/regions/a.geojson"
    assert asker.raw("PUT", path, body)[0] == 200
    assert len(asker.opened()["regions"]) == 3
    status, body, _ = asker.raw("PUT", path, b"no regions")
    assert status == 400
    assert b"a.geojson: expected GeoJSON" in body
    asker.ask("PUT", f"images/{image['id']}/regions", {"regions": []})


def test_a_dropped_file_is_opened_and_kept(serve: Serve, cell: Path, tmp_path: Path) -> None:
    with serve(out=tmp_path / "out") as asker:
        assert not (tmp_path / "out").exists()
        name = urllib.parse.quote("../../../cell one.csv", safe="")
        status, _, _ = asker.raw("PUT", f"/{asker.server.token}/upload/{name}", cell.read_bytes())
        # A slash in a name, encoded or not, is no address here.
        assert status == 404
        name = urllib.parse.quote("..\\cell one.csv", safe="")
        for _ in range(2):
            asker.raw("PUT", f"/{asker.server.token}/upload/{name}", cell.read_bytes())
        image = asker.opened()
        assert image["name"] == "cell one.csv"
        assert image["n_localizations"] == 1000
        assert image["channels"] == ["0", "1"]
    found = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert [path.as_posix() for path in found] == [
        "out/uploads/cell one.csv",
        "out/uploads/cell one_2.csv",
    ]


def test_a_dropped_file_that_is_no_table_goes_when_it_is_closed(
    serve: Serve, tmp_path: Path
) -> None:
    with serve(out=tmp_path / "out") as asker:
        asker.raw("PUT", f"/{asker.server.token}/upload/bad.csv", b"\x80\x04")
        state = asker.until(lambda state: state["images"][0]["state"] == "failed")
        assert (tmp_path / "out" / "uploads" / "bad.csv").exists()
        asker.ask("DELETE", f"images/{state['images'][0]['id']}")
        assert asker.state()["files"] == []
    assert not (tmp_path / "out" / "uploads" / "bad.csv").exists()


def test_a_file_that_is_too_large_leaves_nothing(serve: Serve, tmp_path: Path) -> None:
    with serve(out=tmp_path / "out", max_upload_bytes=1000) as asker:
        path = f"/{asker.server.token}/upload/cell.csv"
        status, body, _ = asker.raw("PUT", path, b"x" * 1001)
        assert status == 413
        assert b"cell.csv is larger than 0.001 MB" in body

        def parts() -> Iterator[bytes]:
            for _ in range(100):
                yield b"x" * 100

        # Its size is not said beforehand.
        assert asker.raw("PUT", path, parts())[0] == 413
        assert asker.state()["images"] == []
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_bad_tables_are_told_in_the_page_and_can_be_answered(serve: Serve, tmp_path: Path) -> None:
    pd.DataFrame({"x [px]": [1.0, 2.0], "y [px]": [3.0, 5.0]}).to_csv(
        tmp_path / "pixels.csv", index=False
    )
    (tmp_path / "no.csv").write_bytes(b"\x80\x04\x95\x00")
    with serve(tmp_path, out=tmp_path / "out") as asker:
        files = {one["name"]: one["id"] for one in asker.state()["files"]}
        assert files.keys() == {"no.csv", "pixels.csv"}
        asker.ask("POST", f"files/{files['no.csv']}/open", {})
        state = asker.until(lambda state: state["images"][0]["state"] == "failed")
        assert state["images"][0]["message"].startswith("no.csv: not a kind of file")
        asker.ask("POST", f"files/{files['pixels.csv']}/open", {})
        state = asker.until(lambda state: state["images"][1]["state"] == "asks")
        assert state["images"][1]["question"] == {"about": "pixel_size", "columns": []}
        for size in (-1, "wide", "nan"):
            status, text = asker.ask(
                "POST", f"files/{files['pixels.csv']}/open", {"pixel_size_nm": size}
            )
            assert status == 400
            assert "a pixel size is a positive number of nm" in text
        # An answer that does not do is told, and can be given again.
        answer = {"columns": {"x": "none", "y": "1"}, "pixel_size_nm": 100}
        asker.ask("POST", f"files/{files['pixels.csv']}/open", answer)
        state = asker.until(lambda state: state["images"][1]["message"])
        assert "no column 'none' for x" in state["images"][1]["message"]
        assert state["images"][1]["state"] == "asks"
        asker.ask("POST", f"files/{files['pixels.csv']}/open", {"pixel_size_nm": 100})
        asker.until(lambda state: state["images"][1]["state"] == "open")


def test_a_page_waits_for_what_is_new(asker: Any) -> None:
    image = asker.opened()
    version = asker.state()["version"]
    asker.ask("PUT", f"images/{image['id']}/regions", {"regions": []})
    start = time.monotonic()
    assert asker.ask("GET", f"state?since={version}")["version"] > version
    assert time.monotonic() - start < 5


def test_what_is_given_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"none\.csv: there is no such file or folder"):
        Server([tmp_path / "none.csv"], out=tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file: --out takes a folder"):
        Server([], out=tmp_path / "file")


def test_a_port_that_is_taken_is_told(asker: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"port {asker.port} cannot be used"):
        Server([], out=tmp_path / "out", port=asker.port)


def at_once(n: int, work: Callable[[int], Any]) -> list[Any]:
    """Do something several times at the same time, and return what came of each."""
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(work, range(n)))


def test_files_of_one_name_that_are_dropped_at_once_are_both_kept(
    serve: Serve, cell: Path, tmp_path: Path
) -> None:
    lines = cell.read_bytes().splitlines(keepends=True)
    with serve(out=tmp_path / "out") as asker:
        address = f"/{asker.server.token}/upload/same.csv"

        def drop(number: int) -> Any:
            def slowly() -> Iterator[bytes]:
                for line in lines[: 200 + number]:
                    yield line
                    time.sleep(0.002)

            return json.loads(asker.raw("PUT", address, slowly())[1])

        answers = at_once(3, drop)
        assert len({one["file"] for one in answers}) == 3
        kept = {path.name: path.read_bytes().count(b"\n") for path in
                (tmp_path / "out" / "uploads").iterdir()}  # fmt: skip
        assert kept.keys() == {"same.csv", "same_2.csv", "same_3.csv"}
        assert sorted(kept.values()) == [200, 201, 202]


def test_of_results_that_are_saved_at_once_none_replaces_another(
    serve: Serve, cell: Path, tmp_path: Path
) -> None:
    with serve(cell, out=tmp_path / "out") as asker:
        image = asker.opened()["id"]
        runs = [asker.analysed(image, parameters={"eps_nm": str(eps)})["id"] for eps in (20, 60)]
        address = "runs/{}/save"
        named = at_once(2, lambda i: asker.ask("POST", address.format(runs[i]), {"name": "one"}))
        refused = [one for one in named if isinstance(one, tuple)]
        assert [status for status, _ in refused] == [400]
        assert "one is there already: choose another name" in refused[0][1]
        saved = [run for run in asker.state()["runs"] if run["saved"]]
        (summary,) = pd.read_csv(tmp_path / "out" / "one" / "summary.csv").to_dict("records")
        assert [run["n_clusters"] for run in saved] == [summary["n_clusters"]]
        unnamed = at_once(2, lambda _: asker.ask("POST", address.format(runs[0]), {}))
        assert len({one["folder"] for one in unnamed}) == 2


def test_a_batch_takes_its_name_as_saved_results_do(
    serve: Serve, cell: Path, tmp_path: Path
) -> None:
    with serve(cell, out=tmp_path / "out") as asker:
        image = asker.opened()
        given = {"method": "dbscan", "parameters": {"eps_nm": "30"}, "files": [image["file"]]}
        for name in ("uploads", "../Uploads"):
            status, text = asker.ask("POST", "batches", given | {"name": name})
            assert status == 400
            assert "dropped files are kept there" in text
        run = asker.analysed(image["id"])["id"]
        # It has its name while it waits: nobody else is to write there.
        with asker.server.app.jobs._lock:
            batch = asker.ask("POST", "batches", given | {"name": "one"})["batch"]
            for address, content in (
                ("batches", given | {"name": "one"}),
                (f"runs/{run}/save", {"name": "one"}),
            ):
                status, text = asker.ask("POST", address, content)
                assert (status, text) == (400, "one is there already: choose another name")
            asker.ask("POST", f"images/{image['id']}/analyse", given)
        state = asker.until(lambda state: state["runs"][-1]["state"] == "done")
        assert [(one["id"], one["state"]) for one in state["batches"]] == [(batch, "done")]
        assert list((tmp_path / "out").iterdir()) == [tmp_path / "out" / "one"]


def far(corner: float) -> str:
    return json.dumps(
        {"type": "Polygon", "coordinates": [[[0, 0], [corner, 0], [corner, corner], [0, 0]]]}
    )


def test_regions_that_no_page_can_show_are_refused(
    serve: Serve, cell: Path, tmp_path: Path
) -> None:
    angles = [2 * math.pi * i / 30_000 for i in range(30_000)]
    ring = [[1e3 * math.cos(one), 1e3 * math.sin(one)] for one in angles]
    with serve(cell, out=tmp_path / "out") as asker:
        image = asker.opened()["id"]
        address = f"/{asker.server.token}/images/{image}/regions/a.geojson"
        for text in (
            far(1e200),
            far(1e155),
            json.dumps({"type": "Polygon", "coordinates": [ring]}),
        ):
            status, answer, _ = asker.raw("PUT", address, text.encode())
            assert status == 400
            assert "cannot be shown" in json.loads(answer)["error"]
        assert asker.raw("PUT", address, far(1e4).encode())[0] == 200
        assert len(asker.state()["images"][0]["regions"]) == 1


def test_json_that_is_too_deep_is_refused(asker: Any) -> None:
    image = asker.opened()["id"]
    path = f"/{asker.server.token}/images/{image}/regions"
    status, answer, _ = asker.raw("PUT", path, b"[" * 200_000)
    assert (status, "expected JSON" in json.loads(answer)["error"]) == (400, True)


def test_names_too_long_for_a_file_system_are_no_fault(asker: Any) -> None:
    token = asker.server.token
    assert asker.raw("GET", f"/{token}/page/{'a' * 300}.js")[0] == 404
    name = urllib.parse.quote("😀" * 60 + ".csv")
    assert asker.raw("PUT", f"/{token}/upload/{name}", b"x,y\n1,2\n")[0] == 200


def tangled(n: int) -> list[list[float]]:
    corners: list[list[float]] = np.random.default_rng(1).uniform(0, 4000, (n, 2)).tolist()
    return corners


def test_outlines_that_cross_themselves_too_often_are_refused(
    serve: Serve, cell: Path, tmp_path: Path
) -> None:
    bow_tie = [[0, 0], [1000, 1000], [1000, 0], [0, 1000]]
    with serve(cell, out=tmp_path / "out") as asker:
        address = f"images/{asker.opened()['id']}/regions"
        for n in (120, 12_000):
            given = {"kind": "polygon", "corners": tangled(n), "name": "knot"}
            status, text = asker.ask("PUT", address, {"regions": [given]})
            assert (status, "'knot' crosses itself more than 1,000 times" in text) == (400, True)
            outline = [*tangled(n), tangled(n)[0]]
            status, text = asker.ask(
                "PUT", f"{address}/a.geojson", {"type": "Polygon", "coordinates": [outline]}
            )
            assert (status, "crosses itself more than" in text) == (400, True)
        given = {"kind": "polygon", "corners": bow_tie, "name": "tie"}
        asker.ask("PUT", address, {"regions": [given]})
        (region,) = asker.opened()["regions"]
        assert region["area_um2"] == pytest.approx(0.5)


@pytest.mark.parametrize("maker", ["set_regions", "add_regions"])
def test_others_are_answered_while_regions_are_made(
    serve: Serve, cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, maker: str
) -> None:
    begun, answered = threading.Event(), threading.Event()

    def slow(*_: Any) -> None:
        begun.set()
        assert answered.wait(20)

    with serve(cell, out=tmp_path / "out") as asker, ThreadPoolExecutor(1) as pool:
        address = f"images/{asker.opened()['id']}/regions"
        monkeypatch.setattr(asker.server.app.store, maker, slow)
        if maker == "set_regions":
            sent = pool.submit(asker.ask, "PUT", address, {"regions": []})
        else:
            square = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]}
            sent = pool.submit(asker.ask, "PUT", f"{address}/a.geojson", square)
        assert begun.wait(20)
        asker.state()
        answered.set()
        assert isinstance(sent.result(), dict)


def test_what_lies_in_several_regions_is_counted_once(asker: Any) -> None:
    image = asker.opened()
    corners = [[500, 500], [3_500, 3_500]]
    once = {"kind": "rectangle", "corners": corners}
    counts = []
    for regions in ([once], [once, once]):
        asker.ask("PUT", f"images/{image['id']}/regions", {"regions": regions})
        run = asker.analysed(image["id"])
        counts.append((run["n_localizations"], run["n_clustered"], run["n_clusters"]))
    assert counts[0] == counts[1]
    assert counts[0][0] > counts[0][1] > 0
