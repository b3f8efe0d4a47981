"""Tables are read at once, and only what cannot be known is asked."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("starlette", reason="needs the extra app")

import caml
from caml.app import opening
from caml.app.opening import Question, box_of, holds_results, open_table, tables_in
from caml.errors import CamlError, InputError
from caml.localizations import Localizations


def test_a_table_that_says_all_is_read(cell: Path) -> None:
    found = open_table(cell)
    assert not isinstance(found, Question)
    localizations, warnings = found
    assert len(localizations) == 1000
    assert warnings == ()
    (x_min, y_min, x_max, y_max), n_far_off = box_of(localizations)
    assert n_far_off == 0
    assert x_min < localizations.positions[:, 0].min()
    assert y_max > localizations.positions[:, 1].max()
    assert x_max - x_min < 5000 > y_max - y_min


def test_a_few_far_off_are_not_what_is_seen_first(cell: Path) -> None:
    near = caml.read(cell).positions
    (_, _, x_max, _), n_far_off = box_of(Localizations(np.vstack([near, [[1e9, 1e9]]])))
    assert x_max < 6000
    assert n_far_off == 1


def test_the_pixel_size_is_asked_for_once(tmp_path: Path) -> None:
    path = tmp_path / "pixels.csv"
    pd.DataFrame({"x [px]": [1.0, 2.0], "y [px]": [3.0, 5.0]}).to_csv(path, index=False)
    assert open_table(path) == Question("pixel_size")
    found = open_table(path, pixel_size_nm=100)
    assert not isinstance(found, Question)
    assert found[0].positions.tolist() == [[100, 300], [200, 500]]
    with pytest.raises(InputError, match="a pixel size is a positive number"):
        open_table(path, pixel_size_nm=-1)


def test_columns_are_asked_for_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    pd.DataFrame({"across, nm": [1.0, 2.0], "down": [3.0, 5.0]}).to_csv(path, index=False)
    assert open_table(path) == Question("columns", ("across, nm", "down"))
    found = open_table(path, columns={"x": "0", "y": "1 [um]"})
    assert not isinstance(found, Question)
    assert found[0].positions.tolist() == [[1, 3000], [2, 5000]]


@pytest.mark.parametrize("content", [b"", b"x,y\n", b"\x80\x04\x95cos\nsystem\n", b"\x89PNG\r\n"])
def test_what_is_no_table_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.csv"
    path.write_bytes(content)
    with pytest.raises(CamlError):
        open_table(path)


def test_a_table_without_a_position_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none.csv"
    path.write_text("x [nm],y [nm]\nnan,nan\n")
    with pytest.raises(InputError, match="none of its localizations has a usable position"):
        open_table(path)


def test_a_table_too_large_for_memory_is_not_read(
    cell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "is_tiled", lambda *_: True)
    with pytest.raises(InputError, match=r"cell\.csv is too large .* analyse it in tiles"):
        open_table(cell)


def test_folders_are_listed_without_what_lies_outside(tmp_path: Path) -> None:
    folder, out = tmp_path / "data", tmp_path / "data" / "results"
    for path in ("b.csv", "a/c.parquet", ".hidden/d.csv", "results/e.csv", "notes.md"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    (tmp_path / "secret.csv").touch()
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    found = tables_in(folder, but=out)
    assert [path.relative_to(folder).as_posix() for path in found] == ["a/c.parquet", "b.csv"]


def test_tables_of_a_run_that_was_killed_are_none_to_analyse(tmp_path: Path) -> None:
    for path in (
        "cell.csv",
        "run/.unfinished/state.json",
        "run/summary.csv",
        "run/one/clusters.csv",
        "run/one/localizations.csv",
        "run/two/clusters.csv",
        "run/two/localizations.parquet/part-00000.parquet",
        "run/two/outlines.parquet/part-00000.parquet",
        "cells/summary.csv",
        "cells/clusters.csv",
        "clusters of beads/localizations.csv",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = [
        path.relative_to(tmp_path).as_posix() for path in tables_in(tmp_path, but=tmp_path / "out")
    ]
    assert found == [
        "cell.csv",
        "cells/clusters.csv",
        "cells/summary.csv",
        "clusters of beads/localizations.csv",
    ]
    assert holds_results(tmp_path / "run" / "two")
