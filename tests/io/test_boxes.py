"""A box of a large table is what reading it whole and leaving out the rest would give."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from caml.errors import InputError, NothingFoundWarning, TableError
from caml.io import _row_groups, read, result_table, write_table
from caml.localizations import Localizations

BOX = (2000.0, 1000.0, 5000.0, 4500.0)


def table(seed: int, n: int = 5000, **columns: Any) -> pd.DataFrame:
    """Localizations as a stage that scans row by row leaves them."""
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": np.arange(n) + 10,
            "x": generator.uniform(0, 8000, n).round(2),
            "y": np.sort(generator.uniform(0, 8000, n)),
            "frame": generator.integers(0, 100, n),
            "channel": generator.choice(["red", "green"], n),
            "uncertainty": generator.uniform(1, 20, n),
            **columns,
        }
    )


def same(part: Localizations, whole: Localizations, *, check_dtype: bool = True) -> None:
    """What lies in the box is the same, in its order."""
    x, y = whole.positions.T[:2]
    x_min, y_min, x_max, y_max = BOX
    inside = np.flatnonzero((x >= x_min) & (x <= x_max) & (y >= y_min) & (y <= y_max))
    assert 0 < len(inside) < len(whole)
    assert np.array_equal(part.positions, whole.positions[inside], equal_nan=True)
    assert part.table.index.name == "row"
    assert part.table.index.tolist() == inside.tolist()
    pd.testing.assert_frame_equal(
        part.table.reset_index(drop=True),
        whole.table.iloc[inside].reset_index(drop=True),
        check_dtype=check_dtype,
    )
    for name in ("frame", "channel", "uncertainty_nm"):
        values, expected = getattr(part, name), getattr(whole, name)
        assert (values is None) == (expected is None)
        if expected is not None:
            assert values.tolist() == expected[inside].tolist()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [1, 700, 5000])
@pytest.mark.parametrize("statistics", [True, False, ["x"], ["y", "id"]])
def test_a_box_of_a_parquet_file(
    tmp_path: Path, seed: int, size: int, statistics: bool | list[str]
) -> None:
    path = tmp_path / "cell.parquet"
    frame = table(seed, n=60 if size == 1 else 5000)
    pq.write_table(
        pa.Table.from_pandas(frame), path, row_group_size=size, write_statistics=statistics
    )
    same(read(path, box=BOX), read(path))


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("csv", {}),
        ("tsv", {}),
        ("parquet", {}),
        ("parquet", {"columns": {"x": "x [px]", "y": "y [px]"}, "pixel_size_nm": 0.7}),
        ("csv", {"columns": {"x": "x [px]", "y": "y [px]"}, "pixel_size_nm": 0.7}),
        ("parquet", {"columns": {"x": "uncertainty [um]"}}),
        ("parquet", {"columns": {"x": "y", "y": "x"}}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*uncertainty is in pixels:caml.errors.DataWarning")
def test_a_box_is_in_nm_whatever_the_unit(
    tmp_path: Path, content: str, options: dict[str, Any]
) -> None:
    path, frame = tmp_path / "cell.txt", table(0)
    if content == "parquet":
        frame.to_parquet(path, row_group_size=300)
    else:
        frame.to_csv(path, index=False, sep="," if content == "csv" else "\t")
    same(read(path, box=BOX, **options), read(path, **options))


def test_a_box_of_picassos_hdf5(tmp_path: Path) -> None:
    rows = table(0)[["frame", "x", "y"]].to_records(index=False)
    with h5py.File(tmp_path / "cell.hdf5", "w") as file:
        file["locs"] = rows
    (tmp_path / "cell.yaml").write_text("Pixelsize: 0.9\n")
    same(read(tmp_path / "cell.hdf5", box=BOX), read(tmp_path / "cell.hdf5"))


@pytest.mark.parametrize(
    "change",
    [
        {"x": lambda f: f["x"].astype("float32")},
        {"x": lambda f: f["x"].round().astype("int16"), "y": lambda f: f["y"].astype("uint32")},
        {"x": lambda f: f["x"].where(f["x"] > 3000)},
        {"x": lambda f: f["x"].round().astype("Int64").where(f["x"] > 3000)},
        {"y": lambda f: f["y"].where(f["y"] > 4000, np.inf)},
        {"x": lambda f: f["x"].astype(str)},
        {"channel": lambda f: f["channel"].astype("category")},
        {"channel": lambda f: f["channel"].where(f.index > 2500)},
    ],
)
@pytest.mark.filterwarnings("ignore:.*no usable position:caml.errors.DataWarning")
def test_columns_of_all_types(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "cell.parquet"
    table(1).assign(**change).to_parquet(path, row_group_size=400)
    # Whole numbers are floats where one is missing, which none is in the box.
    part, whole = read(path, box=BOX), read(path)
    kinds = part.table.dtypes.compare(whole.table.dtypes)
    assert kinds.empty or (kinds.index.tolist() == ["x"] and whole.table["x"].isna().any())
    same(part, whole, check_dtype=kinds.empty)


def test_nan_that_is_stored_as_such_does_not_spoil_a_range(tmp_path: Path) -> None:
    frame = table(2)
    frame.loc[::7, "x"] = np.nan
    pq.write_table(
        pa.Table.from_pydict({name: frame[name].to_numpy() for name in ("x", "y")}),
        tmp_path / "cell.parquet",
        row_group_size=300,
    )
    path = tmp_path / "cell.parquet"
    with pytest.warns(UserWarning, match="no usable position"):
        whole = read(path)
    same(read(path, box=BOX), whole)


@pytest.mark.parametrize("names", [["x", "y", "x"], ["a.b", "y", "a"]])
def test_names_that_stand_for_more_than_a_column(tmp_path: Path, names: list[str]) -> None:
    frame = table(3)
    arrays = [pa.array(frame[name]) for name in ("x", "y", "uncertainty")]
    pq.write_table(
        pa.Table.from_arrays(arrays, names=names), tmp_path / "a.parquet", row_group_size=500
    )
    columns = {"x": names[0]}
    part = read(tmp_path / "a.parquet", box=BOX, columns=columns)
    same(part, read(tmp_path / "a.parquet", columns=columns))


def test_the_edge_belongs_to_the_box(tmp_path: Path) -> None:
    pd.DataFrame({"x_px": [0.1, 0.3, 0.3, 0.7], "y_px": [0.1, 0.1, 0.7, 0.3]}).to_parquet(
        tmp_path / "a.parquet"
    )
    size = 106.7
    for low, high, rows in ((0.1, 0.3, [0, 1]), (0.3, 0.7, [2, 3]), (0.1, 0.7, [0, 1, 2, 3])):
        box = (low * size, low * size, high * size, high * size)
        part = read(tmp_path / "a.parquet", box=box, pixel_size_nm=size)
        assert part.table.index.tolist() == rows


def test_only_groups_that_can_hold_some_of_the_box_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    inside = _row_groups._inside

    def noted(file: Any, group: int, wanted: Any) -> Any:
        looked.append(group)
        return inside(file, group, wanted)

    monkeypatch.setattr(_row_groups, "_inside", noted)
    path = tmp_path / "cell.parquet"
    # y runs from 0 to 8,000 in ten groups.
    pq.write_table(pa.Table.from_pandas(table(4)), path, row_group_size=500)
    same(read(path, box=BOX), read(path))
    assert looked == [1, 2, 3, 4, 5]
    looked.clear()
    pq.write_table(pa.Table.from_pandas(table(4)), path, row_group_size=500, write_statistics=["x"])
    same(read(path, box=BOX), read(path))
    assert looked == list(range(10))


def test_nothing_in_the_box_is_an_empty_result_and_a_warning(tmp_path: Path) -> None:
    table(0, z=np.arange(5000.0)).to_parquet(tmp_path / "a.parquet", row_group_size=900)
    table(0, z=np.arange(5000.0)).to_csv(tmp_path / "a.csv", index=False)
    for path in (tmp_path / "a.parquet", tmp_path / "a.csv"):
        with pytest.warns(NothingFoundWarning, match=r"no localizations lie in the box") as caught:
            part = read(path, box=(9000, 9000, 9001, 9001))
        assert [warning.filename for warning in caught] == [__file__]
        assert part.positions.shape == (0, 3)
        assert part.frame is not None
        assert len(part.frame) == len(part.table) == 0
        assert part.table.columns.tolist() == read(path).table.columns.tolist()
        assert "read 0 of 5000 localizations in 3D" in part.history[0]


def test_whether_z_varies_is_asked_of_the_whole_table(tmp_path: Path) -> None:
    z = np.repeat([7.0, 8.0], [4990, 10])
    table(0, z=z).to_parquet(tmp_path / "a.parquet", row_group_size=900)
    table(0, z=z).to_csv(tmp_path / "a.csv", index=False)
    pq.write_table(
        pa.Table.from_pandas(table(0, z=z)), tmp_path / "b.parquet", write_statistics=False
    )
    table(0, z=7.0).to_parquet(tmp_path / "c.parquet")
    n_dimensions = {
        name: read(tmp_path / name, box=BOX).n_dimensions
        for name in ("a.parquet", "a.csv", "b.parquet", "c.parquet")
    }
    # Where a file says nothing of its rows, those in the box decide.
    assert n_dimensions == {"a.parquet": 3, "a.csv": 3, "b.parquet": 2, "c.parquet": 2}


@pytest.mark.parametrize("box", [(0, 0, 0, 1), (0, 1, 1, 0), (0, 0, 1), ("a", 0, 1, 1), 5,
                                 (0, 0, float("nan"), 1)])  # fmt: skip
def test_a_box_is_four_numbers_in_order(tmp_path: Path, box: Any) -> None:
    table(0).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a box is \(x_min, y_min, x_max, y_max\) in nm.*; got"):
        read(tmp_path / "a.parquet", box=box)


def test_pixels_without_a_size_are_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pd.DataFrame({"x [px]": [1.0], "y [px]": [2.0]}).to_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr("caml.io.parquet.rows_within", pytest.fail)
    with pytest.raises(TableError, match=r"x, y are in pixels .* --pixel-size 130"):
        read(tmp_path / "a.parquet", box=BOX)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_what_is_no_number_in_a_box_is_named_by_its_place_in_the_file(
    tmp_path: Path, name: str
) -> None:
    frame = table(0)
    row = int(np.flatnonzero((frame["x"].between(2000, 5000)) & (frame["y"] > 2000))[0])
    frame["frame"] = frame["frame"].astype(str)
    frame.loc[row, "frame"] = "seven"
    if name == "a.csv":
        frame.to_csv(tmp_path / name, index=False)
    else:
        frame.to_parquet(tmp_path / name, row_group_size=300)
    place = f"line {row + 2}: .*'seven'" if name == "a.csv" else f"'seven' in row {row + 1}"
    with pytest.warns(UserWarning, match=place):
        assert read(tmp_path / name, box=BOX).frame is None


def test_results_of_a_box_name_the_rows(tmp_path: Path) -> None:
    frame = table(0, row=5)
    write_table(tmp_path / "a.parquet", frame, file_format="parquet")
    part = read(tmp_path / "a.parquet", box=BOX)
    n = len(part)
    results = result_table(part, np.zeros(n), np.zeros(n, int), np.zeros(n, int))
    assert results.columns.tolist() == [
        *frame.columns[:-1], "row_input", "row", "score", "label", "cluster"
    ]  # fmt: skip
    assert results["id"].tolist() == (results["row"] + 10).tolist()
    assert results["row_input"].eq(5).all()
    whole = read(tmp_path / "a.parquet")
    zeros = np.zeros(len(whole), dtype=int)
    assert result_table(whole, zeros, zeros, zeros).columns[6:].tolist() == [
        "row", "score", "label", "cluster"
    ]  # fmt: skip


@pytest.mark.parametrize("box", [None, BOX])
def test_a_table_from_parquet_can_be_changed(tmp_path: Path, box: Any) -> None:
    table(0).to_parquet(tmp_path / "a.parquet")
    frame = read(tmp_path / "a.parquet", box=box).table
    frame.iloc[0, 1] = 5.0
    frame.iloc[0, 3] = 7
    assert frame.iloc[0][["x", "frame"]].tolist() == [5, 7]


# --- folders of parts ---


def parts(folder: Path, frame: pd.DataFrame, name: str = "part-{:04d}.parquet") -> Path:
    folder.mkdir(exist_ok=True)
    for i, start in enumerate(range(0, len(frame), 450)):
        piece = frame.iloc[start : start + 450]
        piece.to_parquet(folder / name.format(i), index=False, row_group_size=200)
    return folder


@pytest.mark.parametrize("name", ["part-{:04d}.parquet", "part.{}.parquet", "{}.PARQUET"])
def test_parts_are_one_table(tmp_path: Path, name: str) -> None:
    frame = table(0)
    folder = parts(tmp_path / "cell", frame, name)
    for note in ("_SUCCESS", "_metadata", ".part-0000.parquet.crc", "_part.parquet", "notes.txt"):
        (folder / note).write_text("x")
    whole = read(folder)
    pd.testing.assert_frame_equal(whole.table, frame)
    assert whole.name == "cell"
    same(read(folder, box=BOX), whole)


def test_a_whole_number_in_one_part_can_be_a_float_in_another(tmp_path: Path) -> None:
    (tmp_path / "cell").mkdir()
    frames = [
        pd.DataFrame({"x": [1, 2], "y": [3.0, 4.0], "note": [None, None]}),
        pd.DataFrame({"x": [5.5, 6.0], "y": [7.0, 8.0], "note": ["a", None]}),
    ]
    for i, frame in enumerate(frames):
        frame.to_parquet(tmp_path / "cell" / f"{i}.parquet")
    whole = read(tmp_path / "cell")
    assert whole.positions.tolist() == [[1, 3], [2, 4], [5.5, 7], [6, 8]]
    assert whole.table["note"].tolist()[2] == "a"
    part = read(tmp_path / "cell", box=(1.5, 0, 5.7, 9))
    assert part.positions.tolist() == [[2, 4], [5.5, 7]]
    assert part.table.index.tolist() == [1, 2]


@pytest.mark.parametrize("box", [None, BOX])
def test_a_part_with_other_columns_is_named(tmp_path: Path, box: Any) -> None:
    folder = parts(tmp_path / "cell", table(0))
    odd = folder / "part-0003.parquet"
    table(0).drop(columns="id").assign(extra=1).to_parquet(odd)
    with pytest.raises(
        TableError,
        match=r"part-0003.parquet: a part with other columns: expected those of part-0000.parquet "
        r"in their order \('id', 'x', .*\), got 'x', .*'extra'; it lacks 'id'; it has 'extra' as",
    ) as caught:
        read(folder, box=box)
    assert caught.value.path == odd
    table(0, id="a").to_parquet(odd)
    with pytest.raises(
        TableError, match=r"column 'id' is int64 in part-0000.parquet, and .*string here; mend"
    ):
        read(folder, box=box)
    table(0)[["x", "id", "y", "frame", "channel", "uncertainty"]].to_parquet(odd)
    with pytest.raises(TableError, match=r"got 'x', 'id', 'y', .*'uncertainty'; mend the part or"):
        read(folder, box=box)


def test_numbers_that_no_common_type_holds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "cell").mkdir()
    for i, number in enumerate((2**53 + 1, 0.5)):
        frame = pd.DataFrame({"x": [1.0], "y": [2.0], "id": [number]})
        frame.to_parquet(tmp_path / "cell" / f"{i}.parquet")
    with pytest.raises(TableError, match=r"0.parquet: a part with other types of columns: "):
        read(tmp_path / "cell")


@pytest.mark.parametrize("box", [None, BOX])
@pytest.mark.parametrize("cut", [20, 3000])
def test_a_damaged_part_is_named(tmp_path: Path, box: Any, cut: int) -> None:
    folder = parts(tmp_path / "cell", table(0))
    odd = folder / "part-0005.parquet"
    content = bytearray(odd.read_bytes())
    if cut == 20:
        odd.write_bytes(content[:-cut])
    else:
        content[4:cut] = bytes(cut - 4)
        odd.write_bytes(content)
    with pytest.raises(TableError, match=r"part-0005.parquet: a damaged parquet file: ") as caught:
        read(folder, box=box)
    assert caught.value.path == odd


@pytest.mark.parametrize("box", [None, BOX])
def test_folders_without_localizations_are_refused(tmp_path: Path, box: Any) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableError, match=r"empty: this is a folder; give the files in it, or"):
        read(tmp_path / "empty", box=box)
    (tmp_path / "empty" / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(TableError, match=r"empty: this is a folder; give the files in it, or"):
        read(tmp_path / "empty", box=box)
    table(0).iloc[:0].to_parquet(tmp_path / "empty" / "a.parquet")
    with pytest.raises(TableError, match="no localizations"):
        read(tmp_path / "empty", box=box)


def test_an_empty_part_is_no_fault(tmp_path: Path) -> None:
    folder = parts(tmp_path / "cell", table(0))
    table(0).iloc[:0].to_parquet(folder / "part-0001a.parquet", index=False)
    same(read(folder, box=BOX), read(folder))
