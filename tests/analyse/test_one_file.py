"""How one file of a batch is analysed: at once or in tiles, from parquet or text, here or there."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from caml import _machine
from caml.analyse import analyse_files, one_file
from caml.analyse import crew as crew_module
from caml.analyse.one_file import converted_table, is_tiled
from caml.analyse.record import Provenance, Settings
from caml.analyse.tiled import unfinished
from caml.errors import OutputError, WorkersError
from caml.io import parse_region, write_table
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=5, field_um=20)


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    positions = simulate(SCENARIO, seed=1).localizations.positions
    frame = pd.DataFrame(positions, columns=["x [nm]", "y [nm]"])
    frame["note"] = ["", "a"] * (len(frame) // 2) + [""] * (len(frame) % 2)
    frame.loc[7, "x [nm]"] = np.nan
    return frame


@pytest.fixture
def text(table: pd.DataFrame, tmp_path: Path) -> Path:
    write_table(tmp_path / "cell.csv", table)
    return tmp_path / "cell.csv"


@pytest.fixture
def parquet(table: pd.DataFrame, tmp_path: Path) -> Path:
    write_table(tmp_path / "cell.parquet", table, file_format="parquet")
    return tmp_path / "cell.parquet"


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


def test_text_is_analysed_in_tiles_as_parquet_is(text: Path, parquet: Path, tmp_path: Path) -> None:
    outcomes = [
        analyse_files([path], tmp_path / name, tile_size=1_000).outcomes[0]
        for name, path in (("text", text), ("parquet", parquet))
    ]
    assert [one.error for one in outcomes] == ["", ""]
    # What users are told is of the file that they gave.
    assert outcomes[0].warnings == outcomes[1].warnings
    assert "no usable position" in outcomes[0].warnings[0]
    pd.testing.assert_frame_equal(outcomes[0].summary, outcomes[1].summary)
    found, expected = (
        pd.read_parquet(tmp_path / name / "cell" / "localizations.parquet")
        for name in ("text", "parquet")
    )
    # A text that is empty and none at all are the same in a file of text.
    expected["note"] = expected["note"].replace("", None)
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)
    assert hidden(tmp_path) == []
    record = json.loads((tmp_path / "text" / "run.json").read_text())
    assert record["inputs"][0]["path"] == str(text)
    assert record["inputs"][0]["sha256"]
    assert "read" in record["inputs"][0]["seconds"]


def test_what_was_converted_is_not_converted_again(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    genuine = vars(one_file)["analyse_tiled"]

    def interrupted(*arguments: Any, **options: Any) -> Any:
        def stop(stage: str, _share: float) -> None:
            if stage == "segment":
                raise OutputError("the disk is full")

        return genuine(*arguments, **options | {"progress": stop})

    monkeypatch.setattr(one_file, "analyse_tiled", interrupted)
    (outcome,) = analyse_files([text], out, tile_size=1_000).outcomes
    assert outcome.error == "the disk is full; what is done is kept: go on with --resume"
    monkeypatch.undo()
    assert converted_table(out / "cell").exists()
    assert unfinished(out / "cell").exists()
    monkeypatch.setattr(one_file, "convert_to_parquet", None)
    (outcome,) = analyse_files([text], out, tile_size=1_000, resume=True).outcomes
    assert outcome.error == ""
    monkeypatch.undo()
    analyse_files([text], tmp_path / "whole", tile_size=1_000)
    for path in (tmp_path / "whole" / "cell").rglob("*.*"):
        if path.is_file():
            other = out / path.relative_to(tmp_path / "whole")
            assert other.read_bytes() == path.read_bytes(), path
    assert hidden(out) == []


def test_what_cannot_be_converted_names_the_line_and_leaves_nothing(
    text: Path, tmp_path: Path
) -> None:
    lines = text.read_text().splitlines()
    lines[40] += ",7"
    text.write_text("\n".join(lines))
    (outcome,) = analyse_files([text], tmp_path / "out", tile_size=1_000).outcomes
    assert "cell.csv, line 41: expected 3 fields" in outcome.error
    assert not (tmp_path / "out").exists()


def test_tables_too_large_for_memory_are_analysed_in_tiles(
    text: Path, parquet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, region = Settings(), Settings(regions=(parse_region("0,0,5000,5000"),))
    assert not is_tiled(text, settings)
    assert not is_tiled(parquet, settings)
    monkeypatch.setattr(one_file, "memory_bytes", lambda: 100_000)
    assert is_tiled(text, settings)
    assert is_tiled(parquet, settings)
    # Of a region no more is read than it needs, where the file lets that be.
    assert not is_tiled(parquet, region)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    assert not is_tiled(tmp_path / "bad.parquet", settings)
    assert not is_tiled(tmp_path / "none.csv", settings)
    analyse_files([text], tmp_path / "out")
    assert (tmp_path / "out" / "cell" / "localizations.parquet").is_dir()


def test_memory_is_that_of_the_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = _machine.memory_bytes()
    paths = [tmp_path / "new", tmp_path / "old", tmp_path / "none"]
    monkeypatch.setattr(_machine, "LIMITS", paths)
    paths[0].write_text("max\n")
    paths[1].write_text("9223372036854771712\n")
    assert _machine.memory_bytes() >= machine
    paths[0].write_text("4096\n")
    assert _machine.memory_bytes() == 4096


@pytest.mark.parametrize("tile_size", [None, 1_000])
@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (IndexError("no such outline"), "IndexError: no such outline; please report this fault"),
        (MemoryError(), "memory ran out"),
    ],
)
def test_results_are_not_lost_with_a_picture_or_a_page(
    text: str, fault: Exception, tile_size: int | None, parquet: Path, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise fault

    seen: list[tuple[str, ...]] = []

    def page(_found: object, _folder: Path, source: Provenance) -> None:
        seen.append(source.warnings)
        raise fault

    out = tmp_path / "out"
    (outcome,) = analyse_files(
        [parquet], out, tile_size=tile_size, picture=broken, report=page
    ).outcomes
    assert outcome.error == ""
    told = [f"no {what}: {text}" for what in ("picture was drawn", "page was written")]
    assert list(outcome.warnings[-2:]) == told
    # The page tells that there is no picture.
    assert [warned[-1] for warned in seen] == told[:1]
    assert (out / "cell" / "clusters.csv").is_file()
    assert hidden(out) == []


@pytest.mark.parametrize("tile_size", [None, 1_000])
def test_a_disk_that_is_full_is_no_fault_of_a_picture(
    tile_size: int | None, parquet: Path, tmp_path: Path
) -> None:
    def full(*_: object) -> None:
        raise OutputError("the disk is full")

    out = tmp_path / "out"
    (outcome,) = analyse_files([parquet], out, tile_size=tile_size, picture=full).outcomes
    assert "the disk is full" in outcome.error


DEADLY = """
import os

def die_at_cell_1(analysis, folder):
    if analysis.localizations.name == "cell_1":
        os._exit(9)
"""


def test_files_are_spread_over_a_cluster(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client, LocalCluster

    # In a module of its own, which the workers can import; paths are relative to us, not to them.
    (tmp_path / "deadly_on_workers.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(str(tmp_path))
    picture = importlib.import_module("deadly_on_workers").die_at_cell_1
    options: dict[str, Any] = {"dashboard_address": None, "threads_per_worker": 2}
    with LocalCluster(n_workers=2, **options) as cluster:
        monkeypatch.chdir(tmp_path)
        for number in range(4):
            write_table(Path(f"cell_{number}.csv"), table.iloc[number:])
        write_table(Path("large.parquet"), table, file_format="parquet")
        names = [*(f"cell_{number}.csv" for number in range(4)), "large.parquet"]
        batch = analyse_files(
            [Path(name) for name in names],
            "out",
            scheduler=cluster.scheduler_address,
            picture=picture,
        )
        assert [str(one.path) for one in batch.outcomes] == names
        assert str(batch.outcomes[0].folder) == "out/cell_0"
        failed = [one for one in batch.outcomes if one.error]
        assert [str(one.path) for one in failed] == ["cell_1.csv"]
        assert "workers ended again and again" in failed[0].error
        # The last that died is started again, which takes as long as the machine is busy; of two,
        # one is enough to go on, and Dask may not bring the other back.
        with Client(cluster) as client:
            client.wait_for_workers(1, timeout=60)
        (again,) = analyse_files(
            [Path("large.parquet")], "tiles", tile_size=1_000, scheduler=cluster.scheduler_address
        ).outcomes
        assert again.error == ""
    analyse_files([Path("cell_0.csv")], "here", picture=picture)
    for path in Path("here/cell_0").iterdir():
        assert path.read_bytes() == (Path("out/cell_0") / path.name).read_bytes()
    pd.testing.assert_frame_equal(
        batch.summary[batch.summary["image"] == "large"].reset_index(drop=True), again.summary
    )


def test_a_scheduler_that_cannot_be_reached_leaves_nothing(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "TIMEOUT_S", 0.5)
    with pytest.raises(WorkersError, match="no Dask scheduler answers"):
        analyse_files([text], tmp_path / "out", scheduler="tcp://127.0.0.1:9")
    assert list(tmp_path.iterdir()) == [text]
