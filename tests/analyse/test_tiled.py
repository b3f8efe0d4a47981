"""Tables in tiles: the results of one pass, whatever the tiles and whoever does the work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import shapely

import caml
from caml.analyse.crew import Dask, Here, crew
from caml.analyse.tiled import analyse_tiled, unfinished
from caml.analyse.tiled import store as store_module
from caml.analyse.tiled.plan import Plan
from caml.errors import DataWarning, OutputError, TableError, WorkersError
from caml.io import ParquetTable, explain_failures
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=6, field_um=30)


def table(seed: int = 1) -> pd.DataFrame:
    positions = simulate(SCENARIO, seed=seed).localizations.positions
    generator = np.random.default_rng(seed)
    frame = pd.DataFrame(positions, columns=["x [nm]", "y [nm]"])
    frame["frame"] = generator.integers(1, 900, len(frame))
    frame["channel"] = generator.choice(["red", "green"], len(frame))
    # Twins, in the same tile but far apart in the table, and a row without a position.
    frame = pd.concat([frame, frame.iloc[:40]], ignore_index=True)
    frame.loc[5, "x [nm]"] = np.nan
    return frame.iloc[generator.permutation(len(frame))].reset_index(drop=True)


def write(frame: pd.DataFrame, path: Path, rows: int = 1_500) -> Path:
    frame.to_parquet(path, row_group_size=rows)
    return path


def in_one_pass(path: Path, folder: Path) -> None:
    with pytest.warns(DataWarning, match="no usable position"):
        caml.analyse(path).save(folder, file_format="parquet")


def outlines_of(folder: Path) -> npt.NDArray[np.object_]:
    """Read outlines by cluster, from either kind of results."""
    if (folder / "outlines.parquet").exists():
        frame = pd.read_parquet(folder / "outlines.parquet").sort_values("cluster")
        return np.asarray(shapely.from_wkb(frame["geometry"].to_numpy()))
    found = shapely.from_geojson((folder / "outlines.geojson").read_text())
    outlines: npt.NDArray[np.object_] = shapely.get_parts(found)
    return outlines


def assert_same(tiled: Path, whole: Path) -> None:
    found = pd.read_parquet(tiled / "localizations.parquet")
    pd.testing.assert_frame_equal(
        found, pd.read_parquet(whole / "localizations.parquet"), check_exact=True
    )
    assert (tiled / "clusters.csv").read_bytes() == (whole / "clusters.csv").read_bytes()
    mine, theirs = outlines_of(tiled), outlines_of(whole)
    assert len(mine) == len(theirs)
    # GeoJSON has them to 0.001 nm.
    np.testing.assert_allclose(shapely.area(mine), shapely.area(theirs), rtol=1e-4)


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(table(), tmp_path_factory.mktemp("cell") / "cell.parquet")


@pytest.fixture(scope="module")
def whole(cell: Path) -> Path:
    in_one_pass(cell, cell.parent / "whole")
    return cell.parent / "whole"


@pytest.mark.parametrize("tile_size", [150, 400, 1_300, 10_000])
def test_results_are_those_of_one_pass(
    cell: Path, whole: Path, tmp_path: Path, tile_size: int
) -> None:
    with pytest.warns(DataWarning, match=r"1 of \d+ localizations have no usable position"):
        summary, _ = analyse_tiled(cell, tmp_path / "tiled", tile_size=tile_size)
    assert_same(tmp_path / "tiled", whole)
    with pytest.warns(DataWarning):
        expected = caml.analyse(cell).description.summary
    pd.testing.assert_frame_equal(
        summary.drop(columns="image"), expected.drop(columns="image"), rtol=1e-12
    )
    assert not unfinished(tmp_path / "tiled").exists()


@pytest.mark.parametrize("seed", range(3))
def test_so_are_they_where_density_changes_and_clusters_are_long(seed: int, tmp_path: Path) -> None:
    generator = np.random.default_rng(seed)
    # A fibre through the whole field, blobs of a few sizes, and emptiness with lone spots.
    along = np.sort(generator.uniform(0, 20_000, 1_200))
    fibre = np.column_stack((along, 5_000 + 800 * np.sin(along / 900)))
    fibre += generator.normal(0, 8, fibre.shape)
    blobs = [
        generator.uniform(0, 20_000, 2) + generator.normal(0, size, (60, 2))
        for size in (5, 20, 60, 200)
        for _ in range(8)
    ]
    lone = generator.uniform(-30_000, 60_000, (300, 2))
    frame = pd.DataFrame(np.concatenate([fibre, *blobs, lone]), columns=["x [nm]", "y [nm]"])
    path = write(frame.sample(frac=1, random_state=seed, ignore_index=True), tmp_path / "t.parquet")
    caml.analyse(path).save(tmp_path / "whole", file_format="parquet")
    analyse_tiled(path, tmp_path / "tiled", tile_size=200)
    assert_same(tmp_path / "tiled", tmp_path / "whole")


def test_so_are_they_where_all_are_clustered_and_runs_are_cut(tmp_path: Path) -> None:
    generator = np.random.default_rng(4)
    centres = generator.uniform(0, 6_000, (60, 2))
    frame = pd.DataFrame(
        np.concatenate([c + generator.normal(0, 15, (30, 2)) for c in centres]),
        columns=["x [nm]", "y [nm]"],
    )
    path = write(frame, tmp_path / "t.parquet")
    whole = caml.analyse(path, threshold=0.0)
    whole.save(tmp_path / "whole", file_format="parquet")
    analyse_tiled(path, tmp_path / "tiled", tile_size=200, threshold=0.0)
    assert_same(tmp_path / "tiled", tmp_path / "whole")


@pytest.mark.parametrize("prior", ["image", 0.2, "balanced"])
def test_so_are_they_with_any_share_of_the_clustered(
    cell: Path, tmp_path: Path, prior: Any
) -> None:
    with pytest.warns(DataWarning, match="no usable position"):
        whole = caml.analyse(cell, prior=prior)
    whole.save(tmp_path / "whole", file_format="parquet")
    with pytest.warns(DataWarning, match="no usable position"):
        analyse_tiled(cell, tmp_path / "tiled", tile_size=400, prior=prior)
    assert_same(tmp_path / "tiled", tmp_path / "whole")


def test_chance_is_told_from_all_tiles_together(tmp_path: Path) -> None:
    random = simulate(Scenario(density=100, percent_clustered=0, field_um=30), seed=3)
    frame = pd.DataFrame(random.localizations.positions, columns=["x [nm]", "y [nm]"])
    path = write(frame, tmp_path / "t.parquet")
    with pytest.warns() as whole_notes:
        caml.analyse(path).save(tmp_path / "whole", file_format="parquet")
    with pytest.warns() as tiled_notes:
        analyse_tiled(path, tmp_path / "tiled", tile_size=5_000)
    assert_same(tmp_path / "tiled", tmp_path / "whole")
    texts = [str(note.message) for note in whole_notes]
    assert any("such as chance gives" in text for text in texts)
    assert [str(note.message) for note in tiled_notes] == texts


def test_a_folder_of_parts_is_one_table_and_parts_keep_their_order(tmp_path: Path) -> None:
    frame = table(2)
    parts = tmp_path / "parts"
    parts.mkdir()
    for number, start in enumerate(range(0, len(frame), 1_000)):
        write(frame.iloc[start : start + 1_000], parts / f"part.{number}.parquet", rows=300)
    with pytest.warns(DataWarning):
        analyse_tiled(parts, tmp_path / "tiled", tile_size=500)
    in_one_pass(write(frame, tmp_path / "one.parquet"), tmp_path / "whole")
    assert_same(tmp_path / "tiled", tmp_path / "whole")


@pytest.mark.filterwarnings("ignore:.*no usable position")
def test_z_is_looked_at_in_the_whole_table(tmp_path: Path) -> None:
    frame = table(3).drop(columns=["frame", "channel"])
    # The same everywhere in the first part, and not in the others.
    frame["z [nm]"] = np.where(np.arange(len(frame)) < 1_500, 0.0, np.arange(len(frame)) % 7)
    frame.loc[2_000, "z [nm]"] = np.nan
    path = write(frame, tmp_path / "t.parquet")
    with pytest.warns(DataWarning, match="z was not used"):
        caml.analyse(path).save(tmp_path / "whole", file_format="parquet")
    with pytest.warns(DataWarning, match="z was not used"):
        analyse_tiled(path, tmp_path / "tiled", tile_size=900)
    assert_same(tmp_path / "tiled", tmp_path / "whole")


@pytest.mark.filterwarnings("ignore:no clusters were found")
@pytest.mark.parametrize("n", [1, 60, 100])
def test_too_few_localizations_are_no_error(n: int, tmp_path: Path) -> None:
    positions = np.random.default_rng(n).uniform(0, 1e4, (n, 2))
    path = write(pd.DataFrame(positions, columns=["x [nm]", "y [nm]"]), tmp_path / "t.parquet", 20)
    with pytest.warns(DataWarning, match=rf"at least 101 .* got {n}: none was classified"):
        summary, _ = analyse_tiled(path, tmp_path / "tiled", tile_size=30)
    found = pd.read_parquet(tmp_path / "tiled" / "localizations.parquet")
    assert summary["n_clusters"].tolist() == [0]
    assert len(found) == n
    assert (found["cluster"] == -1).all()
    assert (found["label"] == -1).all()
    assert len(pd.read_csv(tmp_path / "tiled" / "clusters.csv")) == 0


def test_k_plus_one_are_enough(tmp_path: Path) -> None:
    positions = np.random.default_rng(101).uniform(0, 1e4, (101, 2))
    path = write(pd.DataFrame(positions, columns=["x [nm]", "y [nm]"]), tmp_path / "t.parquet", 20)
    options: Any = {"model": "XPILJZ", "prior": "balanced"}
    caml.analyse(path, **options).save(tmp_path / "whole", file_format="parquet")
    analyse_tiled(path, tmp_path / "tiled", tile_size=30, **options)
    assert_same(tmp_path / "tiled", tmp_path / "whole")


def test_tiles_divide_a_sample_evenly_and_every_position_has_one() -> None:
    positions = np.random.default_rng(0).normal(0, 1e4, (5_000, 2))
    plan = Plan.of_sample(positions, 7)
    tile = plan.tile(np.concatenate((positions, [[np.nan, 0], [1e9, -1e9]])))
    assert tile[-2] == -1
    assert 0 <= tile[-1] < 7
    counts = np.bincount(tile[:-2], minlength=7)
    assert counts.min() > 0.9 * 5_000 / 7
    assert Plan.of_sample(np.zeros((50, 2)), 7).n_tiles == 1


class Stopping(Here):
    """Does so many jobs, and then fails as a process that is killed does."""

    def __init__(self, n: int) -> None:
        self.n_left = n

    def each(
        self,
        function: Callable[[Any], Any],
        jobs: Sequence[Any],
        failed: object = None,  # noqa: ARG002 (nobody dies)
    ) -> Iterator[Any]:
        for job in jobs:
            if self.n_left == 0:
                raise WorkersError("killed")
            self.n_left -= 1
            yield function(job)


def test_a_run_that_was_stopped_anywhere_goes_on_to_the_same_results(
    cell: Path, tmp_path: Path
) -> None:
    undisturbed = Stopping(10_000)
    with pytest.warns(DataWarning):
        analyse_tiled(cell, tmp_path / "whole", tile_size=1_000, crew=undisturbed)
    n_all = 10_000 - undisturbed.n_left
    for n in range(1, 500, 7):
        folder = tmp_path / f"stopped_{n}"
        stopping = Stopping(n)
        try:
            with pytest.warns(DataWarning):
                analyse_tiled(cell, folder, tile_size=1_000, crew=stopping)
        except (WorkersError, pytest.fail.Exception):
            pass
        if stopping.n_left > 0:
            break
        assert not folder.exists()
        rest = Stopping(10_000)
        with pytest.warns(DataWarning):
            analyse_tiled(cell, folder, tile_size=1_000, crew=rest, resume=True)
        # What was done before is not done again.
        assert n + 10_000 - rest.n_left == n_all
        for path in sorted((tmp_path / "whole").rglob("*")):
            if path.is_file():
                other = folder / path.relative_to(tmp_path / "whole")
                assert other.read_bytes() == path.read_bytes(), path
    else:
        pytest.fail("a run of so few steps never ends")
    assert n_all > 30


def test_an_unfinished_run_is_not_mistaken_for_another(cell: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiled"
    with pytest.raises(WorkersError):
        analyse_tiled(cell, folder, tile_size=1_000, crew=Stopping(9))
    with pytest.raises(OutputError, match="holds an unfinished run: go on with it with --resume"):
        analyse_tiled(cell, folder, tile_size=1_000)
    with pytest.raises(OutputError, match=r"threshold: 0\.5 then, 0\.7 now"):
        analyse_tiled(cell, folder, tile_size=1_000, threshold=0.7, resume=True)
    with pytest.raises(OutputError, match="tile_size: 1000 then, 500 now"):
        analyse_tiled(cell, folder, tile_size=500, resume=True)
    # Half of a step, as a full disk or a killed process leaves it.
    (half,) = (path / ".0123456789ab" for path in unfinished(folder).iterdir() if path.is_dir())
    half.mkdir()
    (half / "score.npy").write_bytes(b"\x93NUMPY")
    with pytest.warns(DataWarning):
        analyse_tiled(cell, folder, tile_size=1_000, resume=True)
    assert (folder / "clusters.csv").exists()


def test_a_full_disk_leaves_no_results(
    cell: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module, "_write", full)
    with pytest.raises(OutputError, match="the disk is full"):
        analyse_tiled(cell, tmp_path / "tiled", tile_size=1_000)
    assert not (tmp_path / "tiled").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_disk_that_fills_up_while_an_array_is_written_is_told() -> None:
    with pytest.raises(OutputError, match="the disk is full"), explain_failures(Path("there")):
        store_module._write(Path("/dev/full"), np.zeros(1_000_000))


@pytest.mark.parametrize(
    "array",
    [np.arange(6).reshape(2, 3).T, np.array(1.5), np.array(["a", "bc"]), np.empty((0, 2), bool)],
)
def test_arrays_are_written_as_numpy_writes_them(array: Any, tmp_path: Path) -> None:
    store_module._write(tmp_path / "a.npy", array)
    found = np.load(tmp_path / "a.npy", allow_pickle=False)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array)


def test_a_part_with_other_columns_is_named(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    write(table(), parts / "part-0.parquet")
    write(table().drop(columns="frame"), parts / "part-1.parquet")
    with pytest.raises(TableError, match=r"part-1\.parquet: a part with other columns"):
        analyse_tiled(parts, tmp_path / "tiled")
    assert not (tmp_path / "tiled").exists()


def test_a_group_too_large_to_be_read_at_once_is_told(
    cell: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["caml.io.parts"], "MOST_ROWS", 100)
    with pytest.raises(TableError, match="a group of 1,500 rows is too large"):
        ParquetTable.open(cell)


def test_processes_give_the_same(cell: Path, whole: Path, tmp_path: Path) -> None:
    with crew(n_jobs=2) as hands, pytest.warns(DataWarning):
        analyse_tiled(cell, tmp_path / "tiled", tile_size=600, crew=hands)
    assert_same(tmp_path / "tiled", whole)


def test_a_worker_that_is_killed_is_replaced(cell: Path, whole: Path, tmp_path: Path) -> None:
    killed: list[int] = []
    with crew(n_jobs=2) as hands:
        assert isinstance(hands, Dask)
        workers = list(hands.client.run(os.getpid).values())

        def kill_one(stage: str, _share: float) -> None:
            if stage == "segment" and not killed:
                os.kill(workers[0], signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
                killed.append(workers[0])

        with pytest.warns(DataWarning):
            analyse_tiled(cell, tmp_path / "tiled", tile_size=600, crew=hands, progress=kill_one)
    assert killed
    assert_same(tmp_path / "tiled", whole)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as POSIX has them")
def test_the_command_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    # Side by side, so that there are many tiles left when the first is classified.
    frame = table()
    shifts = [50_000.0 * number for number in range(8)]
    cells = [frame.assign(**{"x [nm]": frame["x [nm]"] + shift}) for shift in shifts]
    cell = write(pd.concat(cells, ignore_index=True), tmp_path / "cell.parquet")
    whole, out = tmp_path / "whole", tmp_path / "out"
    with pytest.warns(DataWarning, match="no usable position"):
        caml.analyse(cell).save(whole, file_format="parquet")
    command = [
        sys.executable, "-c", "from caml.cli import main; main()", "analyse", str(cell),
        "--out", str(out), "--tile", "1000",
    ]  # fmt: skip
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    while not any(unfinished(out / "cell").glob("*/score/*")):
        assert process.poll() is None
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / "cell").exists()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "--resume" in again.stderr
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert_same(out / "cell", whole)
    assert sorted(path.name for path in out.iterdir()) == ["cell", "run.json", "summary.csv"]
