import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from caml.errors import TableError
from caml.io import read

DTYPE = [("frame", "<u4"), ("x", "<f4"), ("y", "<f4"), ("lpx", "<f4"), ("lpy", "<f4")]
ROWS = np.array([(0, 1.5, 2, 0.25, 0.75), (3, 4, 8.5, 0.5, 0.5)], dtype=DTYPE)
IN_NM = [[150.0, 200.0], [400.0, 850.0]]


def picasso(folder: Path, yaml: str | None = None, rows: Any = ROWS, **metadata: Any) -> Path:
    path = folder / "cell.hdf5"
    with h5py.File(path, "w") as file:
        file["locs"] = rows
        for name, value in metadata.items():
            file[name] = value
    if yaml is not None:
        path.with_suffix(".yaml").write_text(yaml)
    return path


def test_picasso_is_in_pixels_of_the_size_that_the_yaml_gives(tmp_path: Path) -> None:
    localizations = read(picasso(tmp_path, "Width: 32\n---\nPixelsize: 100\n---\nBox size: 7\n"))
    assert localizations.positions.tolist() == IN_NM
    assert localizations.frame is not None
    assert localizations.frame.tolist() == [0, 3]
    assert localizations.uncertainty_nm is not None
    assert localizations.uncertainty_nm.tolist() == [50.0, 50.0]
    assert localizations.table.columns.tolist() == [name for name, _ in DTYPE]
    assert localizations.name == "cell"
    assert localizations.history == (
        "read 2 localizations in 2D from cell.hdf5 (Picasso, pixel size 100 nm)",
    )


@pytest.mark.parametrize(
    "yaml",
    [
        "Pixelsize: 1\n---\nPixelsize: 100\n",
        "Camera.Pixelsize: 100\n",
        "A: !!python/object:nothing.Known [1]\nB: !own {c: 1}\nPixelsize: 100\n",
    ],
)
def test_yaml_of_all_sorts(tmp_path: Path, yaml: str) -> None:
    assert read(picasso(tmp_path, yaml)).positions.tolist() == IN_NM


@pytest.mark.parametrize("document", [{"Pixelsize": 100}, [{"a": 1}, {"Pixelsize": 100}, {}]])
def test_metadata_in_the_file_gives_the_pixel_size(tmp_path: Path, document: Any) -> None:
    text = json.dumps(document)
    assert read(picasso(tmp_path, metadata=text)).positions.tolist() == IN_NM
    as_bytes = np.frombuffer(text.encode(), dtype=np.uint8)
    assert read(picasso(tmp_path, metadata=as_bytes)).positions.tolist() == IN_NM


def test_the_users_pixel_size_counts_before_that_of_the_file(tmp_path: Path) -> None:
    path = picasso(tmp_path, "Pixelsize: 130\n")
    assert read(path, pixel_size_nm=100).positions.tolist() == IN_NM


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        (None, "there is no cell.yaml beside it"),
        ("Width: 32\n", "cell.yaml gives no Pixelsize"),
        ("Pixelsize: -1\n", "cell.yaml gives no Pixelsize"),
        ("Pixelsize: [\n", "cell.yaml cannot be read"),
    ],
)
def test_without_a_pixel_size_pixels_are_refused(
    tmp_path: Path, yaml: str | None, message: str
) -> None:
    path = picasso(tmp_path, yaml)
    with pytest.raises(TableError, match=rf"x, y are in pixels.*{message}.*--pixel-size"):
        read(path)
    assert read(path, pixel_size_nm=100).positions.tolist() == IN_NM


def test_z_of_picasso_is_in_nm(tmp_path: Path) -> None:
    rows = np.array([(1, 2, 300), (2, 3, -50)], dtype=[("x", ">f4"), ("y", ">f8"), ("z", "<f4")])
    localizations = read(picasso(tmp_path, rows=rows), pixel_size_nm=100)
    assert localizations.positions.tolist() == [[100, 200, 300], [200, 300, -50]]


@pytest.mark.parametrize("transposed", [True, False])
def test_a_group_that_pandas_wrote_in_fixed_format(tmp_path: Path, transposed: bool) -> None:
    path = tmp_path / "cell.hdf5"
    with h5py.File(path, "w") as file:
        locs = file.create_group("locs")
        locs["axis0"] = np.array([b"frame", b"x", b"y"])
        locs["axis1"] = np.arange(2)
        locs["block0_items"] = np.array([b"x", b"y"])
        block = np.array([[1.5, 2], [4, 8.5]])
        locs["block0_values"] = block if transposed else block.T
        locs["block0_values"].attrs["transposed"] = np.uint8(transposed)
        locs["block1_items"] = np.array([b"frame"])
        locs["block1_values"] = np.array([[0], [3]])
        locs["block1_values"].attrs["transposed"] = np.uint8(1)
    localizations = read(path, pixel_size_nm=100)
    assert localizations.positions.tolist() == IN_NM
    assert localizations.table.columns.tolist() == ["frame", "x", "y"]
    assert localizations.table["frame"].tolist() == [0, 3]


def test_a_group_that_pandas_wrote_in_table_format(tmp_path: Path) -> None:
    path = tmp_path / "cell.hdf5"
    rows = np.array([(0, 1.5, 2), (1, 4, 8.5)], dtype=[("index", "i8"), ("x", "f8"), ("y", "f8")])
    with h5py.File(path, "w") as file:
        file["locs/table"] = rows
    localizations = read(path, pixel_size_nm=100)
    assert localizations.positions.tolist() == IN_NM
    assert localizations.table.columns.tolist() == ["x", "y"]


def objects(locs: h5py.Group) -> None:
    locs["axis0"] = np.array([b"x", b"y"])
    locs["block0_items"] = np.array([b"x", b"y"])
    locs["block0_values"] = np.zeros(8, dtype=np.uint8)


def gap(locs: h5py.Group) -> None:
    locs["axis0"] = np.array([b"x", b"y"])
    locs["block0_items"] = np.array([b"x"])
    locs["block0_values"] = np.zeros((3, 1))


def blocks(locs: h5py.Group) -> None:
    locs["table"] = np.zeros(2, dtype=[("index", "i8"), ("values_block_0", "f8", (2,))])


def other(locs: h5py.Group) -> None:
    locs["something"] = [1]


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (objects, "the columns x, y are stored as Python objects, which are not loaded"),
        (gap, "/locs lacks the values of y"),
        (blocks, r"/locs/table must be a list of rows with named fields.*data_columns=True"),
        (other, "/locs is not a table that pandas wrote; it holds something"),
    ],
)
def test_groups_that_cannot_be_read_are_refused(tmp_path: Path, fill: Any, message: str) -> None:
    path = tmp_path / "cell.hdf5"
    with h5py.File(path, "w") as file:
        fill(file.create_group("locs"))
    with pytest.raises(TableError, match=message):
        read(path)


def test_hdf5_without_locs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file["weights"] = [1.0]
    with pytest.raises(TableError, match=r"table at /locs; this one holds /weights"):
        read(path)


def test_a_plain_array_at_locs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"/locs must be a list of rows.*shape \(2, 2\)"):
        read(picasso(tmp_path, rows=np.zeros((2, 2))))


def test_hdf5_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no localizations"):
        read(picasso(tmp_path, rows=ROWS[:0]), pixel_size_nm=100)


def test_truncated_hdf5_is_refused(tmp_path: Path) -> None:
    path = picasso(tmp_path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(TableError, match="a damaged HDF5 file"):
        read(path, pixel_size_nm=100)


def parquet(folder: Path, table: pd.DataFrame, **options: Any) -> Path:
    path = folder / "cell.parquet"
    table.to_parquet(path, **options)
    return path


def test_parquet_keeps_every_column_and_type(tmp_path: Path) -> None:
    table = pd.DataFrame({"y_nm": [2.0, 3.0], "x_nm": [1.0, 4.0], "channel": ["red", "blue"]})
    localizations = read(parquet(tmp_path, table, index=False))
    assert localizations.positions.tolist() == [[1, 2], [4, 3]]
    assert localizations.channel is not None
    assert localizations.channel.tolist() == ["red", "blue"]
    assert localizations.table.columns.tolist() == ["y_nm", "x_nm", "channel"]


def test_a_named_index_of_parquet_is_a_column(tmp_path: Path) -> None:
    table = pd.DataFrame({"y": [2.0], "x": [1.0]}, index=pd.Index([5], name="frame"))
    localizations = read(parquet(tmp_path, table))
    assert localizations.frame is not None
    assert localizations.frame.tolist() == [5]


@pytest.mark.parametrize("values", [["1.5", "4"], np.array([1.5, 4], dtype="f4")])
def test_numbers_of_any_type_become_float64(tmp_path: Path, values: Any) -> None:
    localizations = read(parquet(tmp_path, pd.DataFrame({"x": values, "y": [2, 3]})))
    assert localizations.positions.dtype == np.float64
    assert localizations.positions.tolist() == [[1.5, 2], [4, 3]]


@pytest.mark.parametrize(
    "values", [["1", "b"], [True, False], pd.to_datetime(["2020-01-01", "2020-01-02"])]
)
def test_what_is_no_number_is_named_with_its_row(tmp_path: Path, values: Any) -> None:
    path = parquet(tmp_path, pd.DataFrame({"x": [1, 2], "y": values}))
    row = 2 if values[1] == "b" else 1
    with pytest.raises(TableError, match=rf"column 'y' must hold numbers, got .* in row {row}"):
        read(path)


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path, pd.DataFrame({"x": [1.0], "y": [2.0]}))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TableError, match="a damaged parquet file"):
        read(path)


def test_parquet_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no localizations"):
        read(parquet(tmp_path, pd.DataFrame({"x": [], "y": []})))
