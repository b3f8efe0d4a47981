"""Batches that were killed go on, and end as if they had not been."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from caml.analyse import Outcome, analyse_files
from caml.errors import OutputError
from caml.io import write_table
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=3, field_um=20)


@pytest.fixture
def cells(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"cell_{number}.csv" for number in range(4)]
    for number, path in enumerate(paths):
        write_table(path, simulate(SCENARIO, seed=number).localizations.table)
    return paths


def contents(folder: Path) -> dict[str, bytes]:
    """Read all results but the record, which tells times."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.name != "run.json"
    }


class Killed(BaseException):
    """Ends a run as nothing that is handled does."""


def stop_after(n: int) -> object:
    def on_outcome(_outcome: Outcome, n_done: int, _n_all: int) -> None:
        if n_done == n:
            raise Killed

    return on_outcome


@pytest.mark.parametrize("n", [1, 3])
def test_only_what_is_unfinished_is_done_again(cells: list[Path], tmp_path: Path, n: int) -> None:
    out = tmp_path / "out"
    with pytest.raises(Killed):
        analyse_files(cells, out, on_outcome=stop_after(n))  # type: ignore[arg-type]
    before = {path: path.stat().st_ino for path in out.glob("cell_*/clusters.csv")}
    assert len(before) == n
    seen: list[str] = []
    batch = analyse_files(
        cells, out, resume=True, on_outcome=lambda one, *_: seen.append(one.folder.name)
    )
    assert seen == [path.stem for path in cells[n:]]
    assert [one.path for one in batch.outcomes] == cells
    assert all(path.stat().st_ino == number for path, number in before.items())
    record = json.loads((out / "run.json").read_text())
    assert record["resumed"] == [path.stem for path in cells[:n]]
    assert record["interrupted"] is False
    analyse_files(cells, tmp_path / "whole")
    assert json.loads((tmp_path / "whole" / "run.json").read_text())["resumed"] == []
    assert contents(out) == contents(tmp_path / "whole")


def test_an_unfinished_run_is_neither_lost_nor_mistaken(cells: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(Killed):
        analyse_files(cells, out, on_outcome=stop_after(1))  # type: ignore[arg-type]
    with pytest.raises(OutputError, match=r"not finished: go on with it with --resume"):
        analyse_files(cells, out)
    with pytest.raises(OutputError, match=r"was of something else \(not the same: arguments\)"):
        analyse_files(cells, out, threshold=0.7, resume=True)
    cells[3].write_bytes(cells[2].read_bytes())
    with pytest.raises(OutputError, match=r"was of something else \(not the same: inputs\)"):
        analyse_files(cells, out, resume=True)
    analyse_files(cells, out, overwrite=True)
    analyse_files(cells, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_a_damaged_entry_costs_its_file_only(cells: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(Killed):
        analyse_files(cells, out, on_outcome=stop_after(2))  # type: ignore[arg-type]
    (out / ".unfinished" / "cell_1.entry.json").write_text('{"path"')
    seen: list[str] = []
    analyse_files(cells, out, resume=True, on_outcome=lambda one, *_: seen.append(one.folder.name))
    assert seen == ["cell_1", "cell_2", "cell_3"]
    analyse_files(cells, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_failed_files_are_tried_again(cells: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    good = cells[1].read_bytes()
    status = cells[1].stat()
    cells[1].write_bytes(b"x,y\n" + b"a" * (len(good) - 4))
    os.utime(cells[1], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert analyse_files(cells, out).outcomes[1].error
    cells[1].write_bytes(good)
    os.utime(cells[1], ns=(status.st_atime_ns, status.st_mtime_ns))
    batch = analyse_files(cells, out, resume=True)
    assert not any(one.error for one in batch.outcomes)
    analyse_files(cells, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize(
    ("jobs", "whom"), [("1", "everything"), ("2", "everything"), ("2", "the parent")]
)
def test_the_command_goes_on_after_it_was_killed(
    cells: list[Path], tmp_path: Path, jobs: str, whom: str
) -> None:
    out = tmp_path / "out"
    # So many that they are not done before the first is told.
    more = [tmp_path / f"cell_{number}.csv" for number in range(4, 8)]
    for path in more:
        path.write_bytes(cells[0].read_bytes())
    cells = cells + more
    command = [
        sys.executable, "-c", "from caml.cli import main; main()", "analyse", *map(str, cells),
        "--out", str(out), "--jobs", jobs,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    # The first line comes when a file is done, and most remain.
    assert process.stdout is not None
    assert "clusters" in process.stdout.readline()
    workers = psutil.Process(process.pid).children(recursive=True)
    if whom == "everything":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()
    # Nobody works on for a process that is no more.
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((out / "run.json").read_text())["resumed"]
    analyse_files(cells, tmp_path / "whole")
    drawn = {name for name in contents(out) if name.endswith((".png", ".html"))}
    assert len(drawn) == 8 + 8 + 1, "a picture and a page for each, and a page for all"
    found = {name: value for name, value in contents(out).items() if name not in drawn}
    assert found == contents(tmp_path / "whole")
