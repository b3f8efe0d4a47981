"""Files of results are those that pandas and shapely write, however large, and read as such."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely

from caml.errors import OutputError
from caml.io import read, write_outlines, write_table
from caml.io._columns import number_texts
from caml.io._csv import N_ROWS
from caml.io._geojson import N_OUTLINES

GENERATOR = np.random.default_rng(0)
WIDE = GENERATOR.integers(0, 2**64, 2000, dtype=np.uint64, endpoint=False).view(np.float64)
FLOATS = np.concatenate(
    (
        WIDE[np.isfinite(WIDE)],
        GENERATOR.uniform(-5e4, 5e4, 2000),
        np.round(GENERATOR.uniform(-5e4, 5e4, 2000), 3),
        10.0 ** np.arange(-30, 30),
        [0.0, -0.0, 0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 2.0**53, 1e22, 123456789012.5],
    )
)
TEXTS = ["", "NA", "00042", "a,b", 'say "no"', "two\nlines", "cr\r", " space", "é µ", None, "1e5"]


def again(folder: Path, frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    path = folder / "a.csv"
    write_table(path, frame)
    table: pd.DataFrame = pd.read_csv(path, **options)
    return table


def test_floats_are_read_back_exactly_and_as_floats(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": FLOATS, "b": FLOATS[::-1]})
    table = again(tmp_path, frame)
    assert np.array_equal(table.to_numpy().view(np.int64), frame.to_numpy().view(np.int64))


@pytest.mark.parametrize("values", [[1.0, 2.0], [1e15, -3e300], [-0.0, 0.0], [10_000.0, np.nan]])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_whole_floats_stay_floats(tmp_path: Path, values: list[float], dtype: str) -> None:
    frame = pd.DataFrame({"x": np.array(values).astype(dtype), "y": [1.0, 2.0]})
    table = again(tmp_path, frame)
    assert table["x"].dtype == np.float64
    assert np.array_equal(table["x"], frame["x"].astype(float), equal_nan=True)
    assert np.array_equal(np.signbit(table["x"]), np.signbit(frame["x"]))


@pytest.mark.parametrize(
    "dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "bool", "Int64", "boolean"]
)
def test_other_numbers_are_written_as_pandas_does(tmp_path: Path, dtype: Any) -> None:
    limits = np.iinfo(dtype) if dtype[0] in "iu" else None
    values = [0, 1, 1, limits.min, limits.max] if limits else [0, 1, 1]
    frame = pd.DataFrame({"a": pd.Series(values).astype(dtype), "b": 0})
    if dtype[0] in "Ib":
        frame.loc[1, "a"] = pd.NA if dtype in ("Int64", "boolean") else True
    write_table(tmp_path / "a.csv", frame)
    assert (tmp_path / "a.csv").read_text() == frame.to_csv(index=False)


@pytest.mark.parametrize("dtype", [object, "str", "category"])
def test_texts_are_quoted_as_pandas_does(tmp_path: Path, dtype: Any) -> None:
    frame = pd.DataFrame({"a": pd.Series(TEXTS, dtype=dtype), "n": 1})
    write_table(tmp_path / "a.csv", frame)
    written = (tmp_path / "a.csv").read_bytes().decode()
    # Readers that allow "x, y" take a space off, and many take a lone \r for the end of a row.
    by_pandas = frame.to_csv(index=False).replace(" space", '" space"')
    assert written == by_pandas.replace(",1\ncr\r,", ',1\n"cr\r",')
    table = pd.read_csv(tmp_path / "a.csv", keep_default_na=False)
    assert table["a"].tolist() == [text or "" for text in TEXTS]


@pytest.mark.parametrize(
    "column",
    [
        pd.to_datetime(["2020-01-01 00:00", "2020-01-02 03:04"]),
        pd.Series([1, "b"], dtype=object),
        pd.Series([1, 2.5], dtype=object),
        pd.Series([b"a", None], dtype=object),
        pd.to_timedelta([1, 2], unit="s"),
        pd.Series([1, None], dtype="category"),
    ],
)
def test_other_columns_are_left_to_pandas(tmp_path: Path, column: Any) -> None:
    frame = pd.DataFrame({"a": column, "b": [0.5, 1.0]})
    write_table(tmp_path / "a.csv", frame)
    assert (tmp_path / "a.csv").read_text() == frame.to_csv(index=False)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": [1.5, np.nan]}),
        pd.DataFrame({"a": [], "b": []}),
        pd.DataFrame({"a": ["x", None]}),
        pd.DataFrame({"a": [None, None], "b": [1, 2]}),
        pd.DataFrame([[1, 2.5], [3, 4.5]], columns=["same", "same"], index=[7, 7]),
        pd.DataFrame([[1, 2.5]], columns=[0, ("a", 1)]),
    ],
)
def test_small_tables_of_all_sorts(tmp_path: Path, frame: pd.DataFrame) -> None:
    write_table(tmp_path / "a.csv", frame)
    assert (tmp_path / "a.csv").read_text() == frame.to_csv(index=False)


@pytest.mark.parametrize("n", [N_ROWS - 1, N_ROWS, N_ROWS + 1, 3 * N_ROWS + 5])
def test_parts_come_in_their_order(tmp_path: Path, n: int) -> None:
    frame = pd.DataFrame(
        {"x": np.arange(n) / 8, "y": np.arange(n)[::-1], "note": np.resize(["a", 'b"', "c"], n)}
    )
    write_table(tmp_path / "a.csv", frame)
    assert (tmp_path / "a.csv").read_text() == frame.to_csv(index=False)
    table = read(tmp_path / "a.csv").table
    pd.testing.assert_frame_equal(table, frame, check_dtype=False, check_exact=True)


def test_a_type_found_late_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    mixed = np.full(N_ROWS + 10, "a", dtype=object)
    mixed[-1] = 7
    frame = pd.DataFrame({"a": mixed, "b": 1})
    write_table(tmp_path / "a.csv", frame)
    assert (tmp_path / "a.csv").read_text() == frame.to_csv(index=False)


def test_a_disk_that_is_full_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("caml.io._csv._lines", full)
    monkeypatch.setattr("caml.io._geojson._objects", full)
    frame = pd.DataFrame({"a": [1.5], "b": [1]})
    with pytest.raises(OutputError, match="the disk is full"):
        write_table(tmp_path / "a.csv", frame)
    with pytest.raises(OutputError, match="the disk is full"):
        write_outlines(tmp_path / "a.geojson", np.array([shapely.box(0, 0, 1, 1)]), frame)
    assert list(tmp_path.iterdir()) == []


def test_numbers_as_text_give_the_value() -> None:
    texts = number_texts(pd.Series(FLOATS)).to_pylist()
    assert np.array_equal(np.array([float(t) for t in texts]), FLOATS)
    assert all(set(".en") & set(text) for text in texts)
    assert number_texts(pd.Series([1.0, np.nan, np.inf])).to_pylist() == ["1.0", None, "inf"]


# --- outlines ---


def old(outlines: Any, properties: pd.DataFrame) -> list[dict[str, Any]]:
    """What the features are by shapely's writer and a dict per row."""
    geometries = shapely.to_geojson(shapely.transform(outlines, lambda xy: np.round(xy, 3)))
    rows = json.loads(properties.to_json(orient="records", double_precision=15))
    ids = properties["cluster"] if "cluster" in properties else range(len(outlines))
    return [
        {
            "type": "Feature",
            "id": int(identity),
            "properties": row,
            "geometry": json.loads(geometry) if geometry else None,
        }
        for identity, row, geometry in zip(ids, rows, geometries, strict=True)
    ]


def features(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=pytest.fail)
    first, *lines, last = text.splitlines()
    assert (first, last) == ('{"type": "FeatureCollection", "features": [', "]}")
    # A feature a line.
    assert [json.loads(line.removesuffix(",")) for line in lines] == document["features"]
    return document["features"]  # type: ignore[no-any-return]


def discs(n: int, seed: int, spread: float) -> Any:
    generator = np.random.default_rng(seed)
    centres = shapely.points(generator.uniform(-spread, spread, (n, 2)))
    return shapely.buffer(centres, generator.uniform(1, 50, n), quad_segs=3)


@pytest.mark.parametrize("n", [1, N_OUTLINES, N_OUTLINES + 1, 2 * N_OUTLINES + 3])
def test_outlines_are_those_that_shapely_writes(tmp_path: Path, n: int) -> None:
    polygons = discs(n, n, 300)
    properties = pd.DataFrame(
        {"cluster": np.arange(n) * 3, "area_nm2": np.round(shapely.area(polygons), 3), "a": "é\"'"}
    )
    write_outlines(tmp_path / "a.geojson", polygons, properties)
    assert features(tmp_path / "a.geojson") == old(polygons, properties)


def test_outlines_of_all_sorts(tmp_path: Path) -> None:
    ring = shapely.box(-1, -1, 1, 1)
    polygons = np.array(
        [
            shapely.box(0, 0, 10, 10) - shapely.box(2, 2, 8, 8) - shapely.box(8.5, 8.5, 9, 9),
            shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)]),
            None,
            shapely.Polygon(),
            shapely.Point(1, 2.0005),
            shapely.LineString([(0, 0), (1, 1)]),
            shapely.Polygon([(0, 0, 1), (1, 0, 2), (0, 1, 3)]),
            shapely.box(-0.0004, -0.5, -0.25, 0.9996),
            shapely.box(1e13, 0, 1e13 + 64, 1),
            shapely.transform(ring, lambda xy: xy * 1e11),
            ring,
        ],
        dtype=object,
    )
    properties = pd.DataFrame({"area_nm2": np.arange(len(polygons)) / 4})
    write_outlines(tmp_path / "a.geojson", polygons, properties)
    assert features(tmp_path / "a.geojson") == old(polygons, properties)


def test_corners_lie_where_they_were_to_a_thousandth(tmp_path: Path) -> None:
    polygons = discs(500, 1, 1e5)
    write_outlines(tmp_path / "a.geojson", polygons, pd.DataFrame(index=range(500)))
    read_back = shapely.from_geojson((tmp_path / "a.geojson").read_text())
    before = np.round(shapely.get_coordinates(polygons), 3)
    assert np.array_equal(shapely.get_coordinates(read_back), before)


def test_properties_of_all_sorts(tmp_path: Path) -> None:
    properties = pd.DataFrame(
        {
            "whole": [1, 2],
            "float": [1.0, np.nan],
            "small": np.array([0.1, np.inf], dtype=np.float32),
            "flag": [True, False],
            "text": ['a "quoted"\n', "é"],
            "missing": [None, "x"],
            "masked": pd.array([1, None], dtype="Int64"),
            "mixed": pd.Series([1, "b"], dtype=object),
            'a "name"': [1, 2],
        }
    )
    write_outlines(tmp_path / "a.geojson", np.array([None, None]), properties)
    first, second = (feature["properties"] for feature in features(tmp_path / "a.geojson"))
    assert first == {
        "whole": 1, "float": 1.0, "small": float(np.float32(0.1)), "flag": True,
        "text": 'a "quoted"\n', "missing": None, "masked": 1, "mixed": 1, 'a "name"': 1,
    }  # fmt: skip
    assert isinstance(first["float"], float)
    assert second == {
        "whole": 2, "float": None, "small": None, "flag": False, "text": "é", "missing": "x",
        "masked": None, "mixed": "b", 'a "name"': 2,
    }  # fmt: skip


def test_parquet_has_row_groups_with_their_range(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(300_000) / 2, "note": "a"})
    write_table(tmp_path / "a.parquet", frame, file_format="parquet")
    metadata = pq.read_metadata(tmp_path / "a.parquet")
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    assert all(100_000 <= group.num_rows <= 250_000 for group in groups[:-1])
    assert len(groups) > 1
    assert groups[0].column(0).statistics.min == 0
    assert groups[-1].column(0).statistics.max == 299_999 / 2
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), frame)
