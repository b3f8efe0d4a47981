import errno
import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from caml.errors import InputError, MissingFileError, OutputError
from caml.io import (
    remove_leftovers,
    whole_file,
    whole_folder,
    write_json,
    write_outlines,
    write_table,
)


def tree(folder: Path) -> dict[str, str]:
    """Everything below a folder, hidden files too."""
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else ""
        for path in folder.rglob("*")
    }


def test_a_folder_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results"
    with whole_folder(path) as folder:
        (folder / "a.txt").write_text("1")
        assert not path.exists()
        assert folder.parent == path.parent
        assert folder.name.startswith(".")
    assert tree(tmp_path) == {"new": "", "new/results": "", "new/results/a.txt": "1"}
    assert path.stat().st_mode & 0o777 == path.parent.stat().st_mode & 0o777


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [{}, {"results": "", "results/old.txt": "0"}])
def test_a_block_that_raises_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException], old: dict[str, str]
) -> None:
    if old:
        (tmp_path / "results").mkdir()
        (tmp_path / "results" / "old.txt").write_text("0")

    def fail() -> None:
        with whole_folder(tmp_path / "results", overwrite=True) as folder:
            (folder / "a.txt").write_text("1")
            raise error

    with pytest.raises(error):
        fail()
    assert tree(tmp_path) == old


def test_folders_that_were_made_for_nothing_go_again(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), whole_folder(tmp_path / "a" / "b" / "results"):
        raise ValueError("stop")
    assert tree(tmp_path) == {}


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.mkdir()
    (path / "old.txt").write_text("0")
    with whole_folder(path, overwrite=True) as folder:
        (folder / "a.txt").write_text("1")
        assert (path / "old.txt").exists()
    assert tree(tmp_path) == {"results": "", "results/a.txt": "1"}


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with whole_folder(tmp_path / "link", overwrite=True) as folder:
        (folder / "a.txt").write_text("1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a.txt").exists()


def replace(path: Path, *names: str) -> None:
    with whole_folder(path, overwrite=True, names=names) as folder:
        (folder / "new.csv").write_text("1")


def test_a_folder_is_replaced_if_it_holds_nothing_but_results(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.mkdir()
    replace(path, "clusters.csv", "overview.png")
    assert tree(path) == {"new.csv": "1"}
    replace(path, "clusters.csv", "new.csv")
    (path / ".DS_Store").write_text("left by a file manager")
    replace(path, "new.csv")
    assert tree(tmp_path) == {"results": "", "results/new.csv": "1"}


def test_a_folder_with_anything_of_the_users_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "clusters.csv").write_text("0")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        OutputError, match=r"holds what is not of such results: 'notes.txt'; move them, or choose"
    ):
        replace(tmp_path, "clusters.csv")
    for name in "abcdef":
        (tmp_path / name).mkdir()
    with pytest.raises(OutputError, match=r"'a', 'b', 'c', 'd', 'e' and 2 more; move them"):
        replace(tmp_path, "clusters.csv")
    assert tree(tmp_path) == {
        "clusters.csv": "0", "notes.txt": "mine", **dict.fromkeys("abcdef", "")
    }  # fmt: skip


@pytest.mark.parametrize("fail_at", [1, 2])
def test_a_rename_that_fails_brings_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fail_at: int
) -> None:
    path = tmp_path / "results"
    path.mkdir()
    (path / "old.txt").write_text("0")
    rename, calls = Path.rename, []

    def failing(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == fail_at:
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with (
        pytest.raises(OutputError, match=r"results cannot be written: .*Input/output error"),
        whole_folder(path, overwrite=True),
    ):
        pass
    assert tree(tmp_path) == {"results": "", "results/old.txt": "0"}


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "file.csv").write_text("0")
    with (
        pytest.raises(OutputError, match=r"results is there already; .*--overwrite"),
        whole_folder(tmp_path / "results"),
    ):
        pass
    with pytest.raises(OutputError, match=r"file.csv is there already; .*--overwrite"):
        write_json(tmp_path / "file.csv", {})
    with pytest.raises(OutputError, match=r"results is there already and is no file"):
        write_json(tmp_path / "results", {}, overwrite=True)
    with (
        pytest.raises(OutputError, match=r"file.csv is there already and is no folder"),
        whole_folder(tmp_path / "file.csv", overwrite=True),
    ):
        pass
    assert tree(tmp_path) == {"results": "", "file.csv": "0"}


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for text, overwrite in (("1", False), ("2", True)):
        with whole_file(path, overwrite=overwrite) as partial:
            partial.write_text(text)
            assert partial.parent == tmp_path
        assert tree(tmp_path) == {"a.txt": text}


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed_in(writing: AbstractContextManager[Path], note: str) -> None:
        with writing as partial:
            (partial / note).write_text("1")
            raise SystemExit

    names = ["results", "a long name that ends in 1", "a long name that ends in 2"]
    # A process that is killed cleans nothing up.
    monkeypatch.setattr("caml.io.whole.shutil.rmtree", lambda *_, **__: None)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    for name in names:
        with pytest.raises(SystemExit):
            killed_in(whole_folder(tmp_path / name), "a.txt")
        with pytest.raises(SystemExit):
            killed_in(whole_file(tmp_path / name), "")
    monkeypatch.undo()
    assert len(list(tmp_path.iterdir())) == 6
    for n_left, name in zip((4, 2, 0), names, strict=True):
        remove_leftovers(tmp_path / name)
        assert len(list(tmp_path.iterdir())) == n_left


def test_what_was_being_replaced_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "results"
    path.mkdir()
    (path / "a.txt").write_text("0")
    genuine = Path.rename

    def killed_once_it_is_away(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            monkeypatch.setattr(Path, "rename", lambda *_: None)
            raise SystemExit
        return genuine(self, target)

    def replace_it() -> None:
        with whole_folder(path, overwrite=True) as folder:
            (folder / "a.txt").write_text("1")
            monkeypatch.setattr(Path, "rename", killed_once_it_is_away)

    with pytest.raises(SystemExit):
        replace_it()
    monkeypatch.undo()
    assert not path.exists()
    remove_leftovers(path)
    assert tree(tmp_path) == {"results": "", "results/a.txt": "0"}


def test_a_file_that_is_not_finished_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("0")

    def fail() -> None:
        with whole_file(path, overwrite=True) as partial:
            partial.write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert tree(tmp_path) == {"a.txt": "0"}


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "the disk is full; free some space, or write to another disk"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EACCES, "there is no permission to write there; choose another folder"),
        (errno.EROFS, "the disk is read-only; choose another folder"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_the_system_refuses_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(OutputError, match=f"a.csv cannot be written: .*{message}"):
        write_table(tmp_path / "a.csv", frame)
    with pytest.raises(OutputError, match=f"a.json cannot be written: .*{message}"):
        write_json(tmp_path / "a.json", {})
    with pytest.raises(OutputError, match=message), whole_folder(tmp_path / "r") as folder:
        write_table(folder / "a.csv", frame)
    assert tree(tmp_path) == {}


def test_a_file_above_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("0")
    with pytest.raises(OutputError, match="a part of the path is a file, not a folder"):
        write_json(tmp_path / "file" / "a.json", {})


def test_an_input_that_is_missing_is_not_an_output_that_fails(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="input"), whole_folder(tmp_path / "r"):
        raise MissingFileError("input")


def test_tables(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x [nm]": [0.1, np.nan], "é, b": ["a,b", 'c"d'], "n": [1, 2]})
    write_table(tmp_path / "a.csv", frame)
    assert (tmp_path / "a.csv").read_bytes().decode() == (
        'x [nm],"é, b",n\n0.1,"a,b",1\n,"c""d",2\n'
    )
    write_table(tmp_path / "a.parquet", frame, file_format="parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), frame)


def test_tables_that_cannot_be_written(tmp_path: Path) -> None:
    mixed = pd.DataFrame({"a": pd.Series([1, "b"], dtype=object)})
    with pytest.raises(InputError, match="parquet cannot hold this table, write csv instead"):
        write_table(tmp_path / "a.parquet", mixed, file_format="parquet")
    with pytest.raises(InputError, match="as csv or parquet; got 'xlsx'"):
        write_table(tmp_path / "a.xlsx", mixed, file_format="xlsx")  # type: ignore[arg-type]
    assert tree(tmp_path) == {}


def outlines(*geometries: Any) -> np.ndarray[Any, np.dtype[np.object_]]:
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return array


def test_outlines(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    triangle = shapely.Polygon([(0, 0), (30.00049, 0), (0, 20)])
    properties = pd.DataFrame(
        {"cluster": [4, 7], "area_nm2": [300.0, np.nan], "n": [3, 4], "region": ["é", "b"]}
    )
    write_outlines(path, outlines(triangle, None), properties)
    document = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert document["type"] == "FeatureCollection"
    first, second = document["features"]
    assert first == {
        "type": "Feature",
        "id": 4,
        "properties": {"cluster": 4, "area_nm2": 300.0, "n": 3, "region": "é"},
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [30, 0], [0, 20], [0, 0]]]},
    }
    assert second["id"] == 7
    assert second["properties"]["area_nm2"] is second["geometry"] is None


def test_outlines_without_ids_count_from_0(tmp_path: Path) -> None:
    properties = pd.DataFrame({"area_nm2": [1.0, np.inf]})
    write_outlines(tmp_path / "a.geojson", outlines(*[shapely.box(0, 0, 1, 1)] * 2), properties)
    features = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert [feature["id"] for feature in features] == [0, 1]
    assert [feature["properties"]["area_nm2"] for feature in features] == [1.0, None]


def test_no_outlines(tmp_path: Path) -> None:
    write_outlines(tmp_path / "a.geojson", outlines(), pd.DataFrame())
    document = json.loads((tmp_path / "a.geojson").read_text())
    assert document == {"type": "FeatureCollection", "features": []}


def test_one_row_per_outline_is_needed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got 0 for 1 outlines"):
        write_outlines(tmp_path / "a", outlines(shapely.box(0, 0, 1, 1)), pd.DataFrame())


def test_json(tmp_path: Path) -> None:
    obj = {
        "a": np.float32(0.5),
        "b": (np.int64(3), True, None, "é"),
        3: [np.nan, np.inf, pd.NA],
        "path": Path("a/b"),
        "array": np.array([[1.5, np.nan]]),
    }
    write_json(tmp_path / "a.json", obj)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {
        "a": 0.5,
        "b": [3, True, None, "é"],
        "3": [None, None, None],
        "path": "a/b",
        "array": [[1.5, None]],
    }


def test_json_refuses_other_objects(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="JSON holds numbers, texts, lists and dicts; got set"):
        write_json(tmp_path / "a.json", {"a": {1}})
