"""Text that is converted to parquet piece by piece gives the table that `read` gives."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caml.errors import MissingFileError, OutputError, TableError
from caml.io import ParquetTable, convert, read
from caml.io.convert import convert_to_parquet, is_text

N = 100


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "N_ROWS", 7)


def late(usual: str, odd: str) -> list[str]:
    """A column that is one thing but for a single row."""
    return [usual] * (N - 11) + [odd] + [usual] * 10


COLUMNS = {
    "whole numbers": [str(i) for i in range(N)],
    "whole numbers then one with a point": late("7", "7.5"),
    "whole numbers then one without a value": late("7", ""),
    "whole numbers then a text": late("7", "seven"),
    "large whole numbers": late("7", "18446744073709551615"),
    "large whole numbers then a fraction": ["18446744073709551615", *late("7", "1.5")[1:]],
    "whole numbers that a float does not hold": late("9007199254740993", "9007199254740995"),
    "truth values": ["True", "False"] * (N // 2),
    "truth values then none": late("True", ""),
    "truth values then a number": late("True", "1"),
    "texts": ["red", "green"] * (N // 2),
    "texts that mean nothing": late("red", "NA"),
    "texts that are empty": late("red", ""),
    "texts that become numbers": ["a"] * 10 + ["5"] * (N - 10),
    "identifiers": [f"{i:07d}" for i in range(N)],
    "quoted texts": late('"a, b"', '"say ""no"""'),
    "texts over two lines": late("a", '"a\nb"'),
    "nothing": [""] * N,
    "nothing then a number": late("", "5"),
    "no number anywhere": ["NA"] * N,
    "infinite": late("1.5", "inf"),
    "numbers of all sorts": late("1e5", "+.5E-3"),
}


def written(folder: Path, extra: list[str], delimiter: str = ",") -> Path:
    path = folder / "cell.csv"
    x = np.random.default_rng(0).uniform(0, 5e4, N).tolist()
    rows = [delimiter.join((repr(a), repr(a / 3), b)) for a, b in zip(x, extra, strict=True)]
    path.write_text("\n".join([delimiter.join(("x [nm]", "y [nm]", "extra")), *rows]) + "\n")
    return path


def converted(path: Path, **options: object) -> pd.DataFrame:
    target = path.with_suffix(".parquet")
    convert_to_parquet(path, target, **options)  # type: ignore[arg-type]
    parts = ParquetTable.open(target, **options)  # type: ignore[arg-type]
    assert parts.n_parts > 1
    found = [parts.read(i) for i in range(parts.n_parts)]
    expected = read(path, **options)  # type: ignore[arg-type]
    assert np.array_equal(np.concatenate([one.positions for one in found]), expected.positions)
    tables = [one.table for one in found if one.table is not None]
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize("name", COLUMNS)
def test_every_kind_of_column(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, COLUMNS[name])
    found, expected = converted(path), read(path).table
    assert expected is not None
    # Numbers have the same type; texts are texts, whatever pandas keeps them in.
    assert [t.kind in "iufb" and t for t in found.dtypes] == [
        t.kind in "iufb" and t for t in expected.dtypes
    ]
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)


@pytest.mark.parametrize("delimiter", [";", "\t", " "])
def test_other_delimiters(delimiter: str, tmp_path: Path) -> None:
    path = written(tmp_path, COLUMNS["whole numbers"], delimiter)
    found, expected = converted(path), read(path).table
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_the_encodings_of_spreadsheets(tmp_path: Path) -> None:
    rows = "".join(f"{i},5;{i};µ{i}\n" for i in range(30))
    for number, encoding in enumerate(["utf-8-sig", "utf-16", "latin-1"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "cell.csv"
        path.write_bytes(f"x [nm];y [nm];dye µ\n{rows}".encode(encoding))
        found = converted(path)
        assert found["x [nm]"].tolist() == [i + 0.5 for i in range(30)]
        assert found["dye µ"].tolist() == [f"µ{i}" for i in range(30)]


def test_letters_of_another_encoding_far_into_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "N_ROWS", 1_000)
    path = tmp_path / "cell.csv"
    rows = "".join(f"{i},{i},a\n" for i in range(9_000))
    path.write_bytes(f"x,y,dye\n{rows}1,2,µ\n".encode("latin-1"))
    assert converted(path)["dye"].iloc[-1] == "µ"


def test_a_table_without_a_header_and_one_in_pixels(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("".join(f"{i},{i * 2},5\n" for i in range(30)))
    found = converted(path, columns={"x": "0 [px]", "y": "1 [px]"}, pixel_size_nm=100.0)
    assert found["0"].tolist() == list(range(30))
    assert list(found) == ["0", "1", "2"]


def test_a_delimiter_at_the_end_of_each_row(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("x,y\n" + "".join(f"{i},{i * 2},\n" for i in range(30)))
    assert list(converted(path)) == ["x", "y"]


@pytest.mark.parametrize(("row", "found"), [("1,2,3,4", 4), ("1,2", 2), ("1", 1), ("1,2,,9", 4)])
@pytest.mark.parametrize("at", [0, 6, 7, 8, N - 1])
def test_rows_of_another_width_are_named(tmp_path: Path, row: str, found: int, at: int) -> None:
    path = written(tmp_path, COLUMNS["whole numbers"])
    lines = path.read_text().splitlines()
    lines[1 + at] = row
    path.write_text("\n".join(lines) + "\n")
    target = tmp_path / "t.parquet"
    with pytest.raises(TableError, match=rf"line {at + 2}: expected 3 fields.*found {found}"):
        convert_to_parquet(path, target)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("quote", ['"', ""])
def test_a_text_among_the_positions_is_named(tmp_path: Path, quote: str) -> None:
    path = written(tmp_path, late(f"{quote}a{quote}", "b"))
    lines = path.read_text().splitlines()
    lines[51] = "12.5,twelve,a"
    path.write_text("\n".join(lines))
    with pytest.raises(TableError, match=r"line 52: column 'y \[nm\]' must hold numbers.*'twelve'"):
        convert_to_parquet(path, tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_converted_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, COLUMNS["whole numbers"])
    target = tmp_path / "t.parquet"
    with pytest.raises(MissingFileError, match="no such file"):
        convert_to_parquet(tmp_path / "other.csv", target)
    with pytest.raises(TableError, match="no column 'nothing' for x"):
        convert_to_parquet(path, target, columns={"x": "nothing"})
    target.write_text("mine")
    with pytest.raises(OutputError, match="is there already"):
        convert_to_parquet(path, target)
    assert target.read_text() == "mine"
    path.write_text("x,y\n")
    with pytest.raises(TableError, match="a header and no localizations"):
        convert_to_parquet(path, tmp_path / "other.parquet")


def test_text_is_told_from_other_files(tmp_path: Path) -> None:
    path = written(tmp_path, COLUMNS["whole numbers"])
    convert_to_parquet(path, tmp_path / "t.parquet")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "other.bin").write_bytes(b"\x00\x01\x02" * 100)
    assert {one.name for one in tmp_path.iterdir() if is_text(one)} == {"cell.csv"}
    assert not is_text(tmp_path)
    assert not is_text(tmp_path / "nothing")


def test_progress_only_grows_and_ends_at_one(tmp_path: Path) -> None:
    shares: list[float] = []
    path = written(tmp_path, COLUMNS["whole numbers"])
    convert_to_parquet(path, tmp_path / "t.parquet", progress=shares.append)
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == 1
