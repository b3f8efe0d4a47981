"""Tables of all kinds in tiles: columns, types, channels and outlines are those of one pass."""

import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

import caml
from caml.analyse import analyse_files, batch
from caml.analyse.one_file import converted_table
from caml.analyse.tiled import analyse_tiled, steps, unfinished
from caml.analyse.tiled.hood import Hood
from caml.analyse.tiled.plan import Plan
from caml.analyse.tiled.store import Store
from caml.errors import CamlWarning, DataWarning, InputError, NothingFoundWarning
from caml.io import convert_to_parquet
from caml.models import load_model
from caml.models.model import WEIGHTS
from caml.simulate import Scenario, simulate

SCENARIO = Scenario(density=100, n_per_cluster=20, radius_nm=40, crop_um=4, field_um=20)
ROWS = 400
REGION = caml.Region.rectangle(9_000, 9_000, 11_000, 11_000)


@pytest.fixture
def frame() -> pd.DataFrame:
    positions = simulate(SCENARIO, seed=1).localizations.positions
    return pd.DataFrame(positions, columns=["x [nm]", "y [nm]"])


def write(table: pd.DataFrame | pa.Table, path: Path) -> Path:
    whole = pa.Table.from_pandas(table) if isinstance(table, pd.DataFrame) else table
    pq.write_table(whole, path, row_group_size=ROWS)
    return path


def both(path: Path, tile_size: int = 300) -> tuple[Path, Path]:
    """Analyse a table in tiles and in one pass, and compare the tables."""
    tiled, whole = path.parent / "tiled", path.parent / "whole"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CamlWarning)
        analyse_tiled(path, tiled, tile_size=tile_size)
        caml.analyse(path).save(whole, file_format="parquet")
    pd.testing.assert_frame_equal(
        pd.read_parquet(tiled / "localizations.parquet"),
        pd.read_parquet(whole / "localizations.parquet"),
        check_exact=True,
    )
    assert (tiled / "clusters.csv").read_bytes() == (whole / "clusters.csv").read_bytes()
    return tiled, whole


CHANNELS: dict[str, Any] = {
    # Those of the left half come later in the alphabet.
    "each in one half": lambda x: np.where(x < np.median(x), "b", "a"),
    "some without one": lambda x: np.array(["b", None])[(x < np.median(x)).astype(int)],
    "an empty text": lambda x: np.where(x < np.median(x), "b", ""),
    "numbers": lambda x: np.where(x < np.median(x), 10, 2),
    "numbers and none": lambda x: np.where(x < np.median(x), 10.0, np.nan),
    "fractions in some parts only": lambda x: np.where(np.arange(len(x)) < 900, 1.0, 1.5),
    "one of lone localizations only": lambda x: np.where(np.arange(len(x)) == 7, 5, 1),
    "none at all": lambda x: np.full(len(x), None),
    "truth": lambda x: x < np.median(x),
}


@pytest.mark.parametrize("name", CHANNELS)
def test_channels(name: str, frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["channel"] = CHANNELS[name](frame["x [nm]"].to_numpy())
    both(write(frame, tmp_path / "t.parquet"))


def late(n: int, values: list[Any], kind: pa.DataType) -> pa.Array:
    """A column without a value in the first groups of rows, and then some."""
    return pa.array([None] * (2 * ROWS) + (values * n)[: n - 2 * ROWS], kind)


def test_columns_have_the_same_types_in_all_parts(frame: pd.DataFrame, tmp_path: Path) -> None:
    n = len(frame)
    table = pa.Table.from_pandas(frame)
    for name, values, kind in (
        ("truth", [True, False], pa.bool_()),
        ("whole", [1, 2], pa.int32()),
        ("text", ["a", "bc"], pa.string()),
        ("bytes", [b"a"], pa.binary()),
        ("number", [1.5], pa.float32()),
        ("time", [1_000], pa.timestamp("ms")),
    ):
        table = table.append_column(name, late(n, values, kind))
    table = table.append_column("kind", pa.array(["a", "b"] * n)[:n].dictionary_encode())
    table = table.append_column("nothing", pa.nulls(n))
    # A name of ours keeps its type under its other name.
    table = table.append_column("label", late(n, ["x"], pa.string()))
    tiled, _ = both(write(table, tmp_path / "t.parquet"))
    schemas = [
        pq.read_schema(part).remove_metadata()
        for part in sorted((tiled / "localizations.parquet").iterdir())
    ]
    assert len(schemas) > 3
    assert all(one == schemas[0] for one in schemas)
    assert schemas[0].field("whole").type == pa.int32()
    assert schemas[0].field("label_input").type == pa.string()


def test_outlines_do_not_depend_on_the_tiles(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    # Clusters of more than the pairs that are measured one by one, far from the origin.
    spots = [
        generator.uniform(-9_000, 9_000, 2) + generator.normal(0, 40, (n, 2))
        for n in (400, 500, 600, 700, 60, 30)
    ]
    around = generator.uniform(-10_000, 10_000, (3_000, 2))
    positions = np.concatenate([*spots, around]) - 123_456.7
    path = write(pd.DataFrame(positions, columns=["x", "y"]), tmp_path / "t.parquet")
    found = []
    for tile_size in (200, 900, 100_000):
        folder = tmp_path / str(tile_size)
        analyse_tiled(path, folder, tile_size=tile_size)
        parts = pd.read_parquet(folder / "outlines.parquet").sort_values("cluster")
        found.append(parts["geometry"].tolist())
    whole = caml.analyse(path).segmentation.outlines
    found.append(shapely.to_wkb(whole).tolist())
    assert len(found[0]) > 5
    assert all(one == found[0] for one in found)


def test_no_usable_position_at_all_is_no_error(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["x [nm]"] = np.nan
    path = write(frame, tmp_path / "t.parquet")
    with (
        pytest.warns(DataWarning, match="no usable position"),
        pytest.warns(DataWarning, match="got 0: none was classified"),
        pytest.warns(NothingFoundWarning, match="no clusters"),
    ):
        summary, _ = analyse_tiled(path, tmp_path / "tiled", tile_size=300)
    assert summary["n_clusters"].tolist() == [0]
    found = pd.read_parquet(tmp_path / "tiled" / "localizations.parquet")
    assert len(found) == len(frame)
    assert (found["label"] == -1).all()


@pytest.mark.parametrize("share", [0.4, 0.6, 0.9])
def test_many_at_one_place_do_not_end_the_division(share: float) -> None:
    generator = np.random.default_rng(0)
    positions = generator.uniform(0, 1e4, (5_000, 2))
    positions[: int(share * 5_000)] = 0
    plan = Plan.of_sample(positions, 16)
    counts = np.bincount(plan.tile(positions), minlength=plan.n_tiles)
    # All that can be told apart is divided about as finely as was asked for.
    assert np.sort(counts)[-2] < 2 * 5_000 / 16
    assert plan.n_tiles <= 16
    positions[:, 0] = np.where(np.arange(5_000) < share * 5_000, 0, positions[:, 0])
    positions[:, 1] = generator.uniform(0, 1e4, 5_000)
    counts = np.bincount(Plan.of_sample(positions, 16).tile(positions))
    assert counts.max() < 3 * 5_000 / 16


def test_results_of_one_pass_are_replaced_by_those_of_tiles(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    path = write(frame, tmp_path / "cell.parquet")
    out = tmp_path / "out"
    assert not analyse_files([path], out).outcomes[0].error
    (outcome,) = analyse_files([path], out, tile_size=300, overwrite=True).outcomes
    assert outcome.error == ""
    assert (out / "cell" / "outlines.parquet").is_dir()
    assert not (out / "cell" / "outlines.geojson").exists()
    assert not analyse_files([path], out, overwrite=True).outcomes[0].error
    assert not (out / "cell" / "outlines.parquet").exists()


def test_a_network_that_was_trained_anew_is_taken_as_it_is_now(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    path = write(frame, tmp_path / "t.parquet")
    model = tmp_path / "mine.onnx"
    shutil.copy(WEIGHTS / "XPILJZ.onnx", model)
    shutil.copy(WEIGHTS / "XPILJZ.json", model.with_suffix(".json"))
    analyse_tiled(path, tmp_path / "a", model=model, tile_size=300)
    import hashlib

    import onnx
    from onnx import numpy_helper

    graph = onnx.load(model)
    (bias,) = (one for one in graph.graph.initializer if one.dims == [1])
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) - 1, bias.name))
    model.write_bytes(graph.SerializeToString())
    card = replace(load_model().card, sha256=hashlib.sha256(model.read_bytes()).hexdigest())
    model.with_suffix(".json").write_text(card.as_json())
    analyse_tiled(path, tmp_path / "b", model=model, tile_size=300)
    scores = pd.read_parquet(tmp_path / "b" / "localizations.parquet")["score"]
    expected = caml.analyse(path, model=model).classification.score
    np.testing.assert_array_equal(scores, np.round(expected.astype(float), 6))


def test_what_a_network_is_not_made_for_is_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = write(frame, tmp_path / "t.parquet")
    model = tmp_path / "solid.onnx"
    shutil.copy(WEIGHTS / "XPILJZ.onnx", model)
    card = load_model("XPILJZ").card
    model.with_suffix(".json").write_text(replace(card, n_dimensions=3).as_json())
    with pytest.raises(InputError, match="made for 3D and these localizations are 2D"):
        analyse_tiled(path, tmp_path / "tiled", model=model)
    with pytest.raises(InputError, match="made for 3D and these localizations are 2D"):
        caml.analyse(path, model=model, regions=[REGION])
    for threshold in (-0.1, 2):
        with pytest.raises(InputError, match="threshold must be from 0 to 1"):
            analyse_tiled(path, tmp_path / "tiled", threshold=threshold)
        with pytest.raises(InputError, match="threshold must be from 0 to 1"):
            caml.analyse(path, threshold=threshold, regions=[REGION])
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "solid.json", "solid.onnx", "t.parquet",
    ]  # fmt: skip


@pytest.mark.parametrize("when", ["before", "in the middle", "between the two"])
def test_a_run_that_is_killed_as_it_tidies_up_can_be_gone_on_with(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    frame.to_csv(tmp_path / "cell.csv", index=False)
    path = tmp_path / "cell.csv"
    analyse_files([path], tmp_path / "whole", tile_size=300)
    genuine = shutil.rmtree
    out = tmp_path / "out"
    killed = []

    def half(folder: Path, **options: Any) -> None:
        if not Path(folder).name.startswith("..cell.unfinished."):
            return genuine(folder, **options)
        killed.append(folder)
        if when == "between the two":
            genuine(folder)
        for n, file in enumerate(sorted(Path(folder).rglob("*.npy"))):
            if n % 2:
                file.unlink()
        raise KeyboardInterrupt

    def before(_folder: Path) -> None:
        killed.append(_folder)
        raise KeyboardInterrupt

    if when == "before":
        # It is called as the run begins too.
        calls = iter([lambda _folder: None, before])
        monkeypatch.setattr(batch, "forget_tiles", lambda folder: next(calls)(folder))
    else:
        monkeypatch.setattr("caml.io.whole.shutil.rmtree", half)
    with pytest.raises(KeyboardInterrupt):
        analyse_files([path], out, tile_size=300)
    monkeypatch.undo()
    assert len(killed) == 1
    assert (out / "cell" / "clusters.csv").exists()
    batch_ = analyse_files([path], out, tile_size=300, resume=True)
    assert not batch_.outcomes[0].error
    for file in (tmp_path / "whole" / "cell").rglob("*.*"):
        if file.is_file():
            assert (out / file.relative_to(tmp_path / "whole")).read_bytes() == file.read_bytes()
    assert [one.name for one in out.rglob(".*")] == []


def test_a_conversion_of_another_table_is_not_taken_for_that_of_this_one(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    path, out = tmp_path / "cell.csv", tmp_path / "out"
    out.mkdir()
    frame.iloc[:500].to_csv(path, index=False)
    convert_to_parquet(path, converted_table(out / "cell"))
    frame.to_csv(path, index=False)
    (outcome,) = analyse_files([path], out, tile_size=300, resume=True).outcomes
    assert outcome.error == ""
    assert outcome.summary["n_localizations"].tolist() == [len(frame)]


def test_late_work_of_another_run_is_not_taken_for_that_of_this_one(tmp_path: Path) -> None:
    root = unfinished(tmp_path / "cell")
    old = Store.begin(root, {"tile_size": 1}, resume=False)
    with old.writing("score", 0) as folder:
        (folder / "a.npy").write_text("old")
        old.end()
        new = Store.begin(root, {"tile_size": 2}, resume=False)
        folder.mkdir(parents=True)
    assert not new.has("score", 0)
    assert Store.begin(root, {"tile_size": 2}, resume=True) == new


@pytest.mark.parametrize(("few", "share"), [(0, 0.0), (1_000, 0.02), (10**9, 0.0)])
@pytest.mark.parametrize("seed", range(3))
def test_neighbours_are_found_however_far_they_are(
    seed: int, few: int, share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The margin is always widened, or for many, or never.
    monkeypatch.setattr(steps, "FEW", few)
    monkeypatch.setattr(steps, "FEW_SHARE", share)
    generator = np.random.default_rng(seed)
    spots = [
        generator.uniform(0, 10_000, 2) + generator.normal(0, size, (60, 2))
        for size in (5, 20, 60, 200)
        for _ in range(6)
    ]
    lone = generator.uniform(-100_000, 100_000, (40, 2))
    # On a lattice many are equally far, and which are the nearest is a matter of their rows.
    lattice = np.stack(np.meshgrid(np.arange(25), np.arange(25)), axis=-1).reshape(-1, 2) * 50.0
    positions = np.concatenate([*spots, lone, lattice + 15_000, lattice[:30] + 15_000])
    frame = pd.DataFrame(generator.permutation(positions), columns=["x", "y"])
    both(write(frame, tmp_path / "t.parquet"), 150)


def test_a_localization_far_from_all_others_does_not_load_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = replace(SCENARIO, crop_um=20, field_um=40)
    positions = simulate(scenario, seed=1).localizations.positions
    positions = np.concatenate((positions, [[9e5, 9e5], [-9e5, 1e4], [2e4, -9e6]]))
    path = write(pd.DataFrame(positions, columns=["x", "y"]), tmp_path / "t.parquet")
    sizes = []
    genuine = Hood.around

    def around(*arguments: Any) -> Hood:
        hood = genuine(*arguments)
        sizes.append(len(hood.row))
        return hood

    monkeypatch.setattr(Hood, "around", around)
    both(path, 2_000)
    # A tile, what is around it, and 100 neighbours of the one that is far.
    assert len(positions) > 35_000
    assert max(sizes) < len(positions) / 3


def all_clustered(seed: int) -> pd.DataFrame:
    """Clusters and hardly anything else, whose runs reach from one to the next."""
    generator = np.random.default_rng(seed)
    centres = generator.uniform(0, 4_000, (60, 2))
    spots = [c + generator.normal(0, 25, (40, 2)) for c in centres]
    return pd.DataFrame(generator.permutation(np.concatenate(spots)), columns=["x", "y"])


@pytest.mark.parametrize("seed", range(2))
def test_where_all_are_clustered_tiles_are_joined_all_the_same(seed: int, tmp_path: Path) -> None:
    both(write(all_clustered(seed), tmp_path / "t.parquet"), 200)


def test_more_than_memory_holds_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(all_clustered(1), tmp_path / "t.parquet")
    monkeypatch.setattr(steps, "memory_bytes", lambda: 100_000)
    with pytest.raises(InputError, match=r"hang together across tiles.*Analyse regions of the"):
        analyse_tiled(path, tmp_path / "tiled", tile_size=200)
    monkeypatch.undo()
    analyse_tiled(path, tmp_path / "tiled", tile_size=200, resume=True)
    assert (tmp_path / "tiled" / "clusters.csv").exists()


@pytest.mark.parametrize("seed", range(5))
def test_what_hangs_together_is_what_scipy_finds(seed: int) -> None:
    from caml._chain_compiled import components

    generator = np.random.default_rng(seed)
    n = 500
    n_members = generator.integers(0, 3, n)
    begin = np.cumsum(n_members) - n_members
    member = generator.integers(0, n, n_members.sum()).astype(np.int32)
    matrix = csr_matrix((np.ones(len(member)), member, np.append(begin, len(member))), (n, n))
    n_expected, expected = connected_components(matrix, directed=False)
    n_found, found = components(begin, n_members.astype(np.int32), member)
    assert n_found == n_expected
    assert len(np.unique(np.column_stack((found, expected)), axis=0)) == n_expected
    assert sorted(np.unique(found)) == list(range(n_expected))


def test_frames_that_are_none_are_told(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["frame"] = np.where(np.arange(len(frame)) == 700, 1.5, 1.0)
    path = write(frame, tmp_path / "t.parquet")
    with pytest.warns(DataWarning, match="column 'frame' is not used as frame"):
        analyse_tiled(path, tmp_path / "a", tile_size=300)
    both(path)
