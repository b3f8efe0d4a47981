"""Files large enough to be read in parts give what they give when they are read all at once."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caml.errors import TableError
from caml.io import read, text
from caml.io._layout import HEAD_BYTES, Layout
from caml.io._layout import layout_of as layout_of_head
from caml.io._text_rows import widths_agree

# pandas reads in parts from 5 MB on.
N = 150_000
X = np.random.default_rng(0).uniform(0, 5e4, N)
# As text, so that they are formatted once.
XY = ("\n".join(map(repr, X.tolist())), "\n".join(map(repr, (X / 3).tolist())))


def layout_of(path: Path) -> Layout:
    with path.open("rb") as file:
        return layout_of_head(path, file.read(HEAD_BYTES))


def written(folder: Path, *columns: list[str], delimiter: str = ",") -> Path:
    """A file of x, y and more columns, called c0, c1, …"""
    path = folder / "cell.csv"
    names = ["x", "y", *(f"c{i}" for i in range(len(columns)))]
    rows = zip(*(numbers.split("\n") for numbers in XY), *columns, strict=True)
    path.write_text("\n".join([delimiter.join(names), *map(delimiter.join, rows)]) + "\n")
    assert path.stat().st_size > 1.05 * 5 * 2**20
    return path


def late(usual: str, odd: str, n_odd: int = 1) -> list[str]:
    """A column that is one thing for most of the file."""
    return [usual] * (N - 1000 - n_odd) + [odd] * n_odd + [usual] * 1000


def whole(values: range) -> list[str]:
    return [str(value) for value in values]


COLUMNS = {
    "whole numbers": whole(range(N)),
    "whole numbers then one with a point": late("7", "7.5"),
    "whole numbers then one without a value": late("7", ""),
    "whole numbers then a text": late("7", "seven"),
    "large whole numbers": late("7", "18446744073709551615"),
    "whole numbers beyond 64 bits": late("7", "28446744073709551615"),
    "whole numbers of both signs beyond 63 bits": late("-7", "18446744073709551615"),
    "whole numbers that a float does not hold": late("9007199254740993", "9007199254740995"),
    "the same without one value": late("9007199254740993", "NA"),
    "truth values": ["True", "False"] * (N // 2),
    "truth values then none": late("True", ""),
    "truth values then a number": late("True", "1"),
    "texts": ["red", "green"] * (N // 2),
    "texts that mean nothing": late("red", "NA"),
    "texts that are empty": late("red", ""),
    "texts that become numbers": ["a"] * 1000 + ["5"] * (N - 1000),
    "identifiers": [f"{i:07d}" for i in range(N)],
    "identifiers late": late("7", "007"),
    "quoted texts": late('"a, b"', '"say ""no"""'),
    "texts over two lines": late("a", '"a\nb"', 5000),
    "nothing": [""] * N,
    "nothing then a number": late("", "5"),
    "no number anywhere": ["NA"] * N,
    "infinite": late("1.5", "inf"),
    "spaces": late(" 1.5", " 2.5 "),
    "numbers of all sorts": late("1e5", "+.5E-3"),
    "decimal commas among points": late("1.5", '"2,5"'),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_parts_give_what_the_whole_gives(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, COLUMNS[name], ["1"] * N)
    layout = layout_of(path)
    quick, careful = text._quick_table(path, layout), text._careful_table(path, layout)
    if quick is not None:
        pd.testing.assert_frame_equal(quick, careful, check_exact=True)
    table = read(path).table
    careful.columns = table.columns
    pd.testing.assert_frame_equal(table, careful, check_exact=True)
    assert np.array_equal(table["x"], X)


@pytest.mark.parametrize(
    "name",
    [
        "whole numbers",
        "whole numbers then one with a point",
        "texts that mean nothing",
        "identifiers",
        "nothing",
        "quoted texts",
    ],
)
def test_what_is_usual_is_read_in_parts(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, COLUMNS[name], ["1"] * N)
    assert text._quick_table(path, layout_of(path)) is not None


@pytest.mark.parametrize("delimiter", [";", "\t", " "])
def test_other_delimiters(tmp_path: Path, delimiter: str) -> None:
    colours = ["b", "a"] * (N // 2)
    path = written(tmp_path, COLUMNS["whole numbers"], colours, delimiter=delimiter)
    table = read(path).table
    assert np.array_equal(table["x"], X)
    assert table["c0"].tolist() == list(range(N))
    assert table["c1"].tolist() == colours


@pytest.mark.parametrize(
    ("row", "found"), [("1,2,3", 3), ("1", 1), ("1,2,3,4", 4), ("1,2,,", 4), ("1,2,,9", 4)]
)
@pytest.mark.parametrize("at", [10, N - 1])
def test_rows_of_another_width_are_found_anywhere(
    tmp_path: Path, row: str, found: int, at: int
) -> None:
    path = written(tmp_path)
    lines = path.read_text().splitlines()
    lines[at] = row
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(TableError, match=f"expected 2 fields, .* found {found}") as caught:
        read(path)
    assert caught.value.line == at + 1


def test_rows_that_pandas_cuts_off_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("x,y\n1,2\n3,4\n")
    read_csv = pd.read_csv

    def cutting(*args: object, **options: object) -> object:
        warnings.warn("Length of header", pd.errors.ParserWarning, stacklevel=2)
        return read_csv(*args, **options)  # type: ignore[call-overload]

    layout = layout_of(path)
    assert text._quick_table(path, layout) is not None
    monkeypatch.setattr("caml.io.text.pd.read_csv", cutting)
    assert text._quick_table(path, layout) is None


def test_the_filters_of_warnings_are_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("x,y\n1,2\n3,4\n")
    before = list(warnings.filters)
    read(path)
    assert list(warnings.filters) == before


@pytest.mark.parametrize(
    ("content", "agree"),
    [
        ("x,y,n\n1,2,\n3,4,5\n", True),
        ("x,y,n\n1,2,\n\n3,4,5", True),
        ("x,y,n\r\n1,2,\r\n3,4,5\r\n", True),
        ("x;y;n\n1,5;2;\n3;4;5\n", True),
        ("x\ty\tn\n1\t2\té\n3\t4\t\n", True),
        ("x,y,n\n1,2\n3,4,5\n", False),
        ("x,y,n\n1,2,\n3,4,5,6\n", False),
        ("x,y,n\n1,2,\n3,4,5,\n", False),
        ('x,y,n\n1, "2,3"\n3,4,5\n', False),
        ("x y n\n1 2 3\n3 4\n", False),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_widths_are_known_quickly_where_fields_are_plain(
    tmp_path: Path, content: str, agree: bool, encoding: str
) -> None:
    path = tmp_path / "cell.csv"
    path.write_bytes(content.encode(encoding))
    assert widths_agree(path, layout_of(path)) is agree
