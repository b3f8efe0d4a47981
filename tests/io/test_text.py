import codecs
import os
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from caml.errors import DataWarning, MissingFileError, TableError
from caml.io import read

XY = [[1.5, 2.5], [3.0, 4.25]]


def written(folder: Path, content: str | bytes, name: str = "cell.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        "x,y\n1.5,2.5\n3,4.25\n",
        "x,y\r\n1.5,2.5\r\n3,4.25\r\n",
        "x,y\r1.5,2.5\r3,4.25\r",
        "x,y\n1.5,2.5\n3,4.25",
        '"x [nm]","y [nm]"\n"1.5","2.5"\n"3","4.25"\n',
        "x [nm], y [nm]\n1.5, 2.5\n3.0, 4.25\n",
        "X (nm);Y (nm)\n1.5;2.5\n3;4.25\n",
        "X;Y\n1,5;2,5\n3;4,25\n",
        "x\ty\n1,5\t2,5\n3\t4,25\n",
        "x y\n1,5 2,5\n3,0 4,25\n",
        "x\ty\n1.5\t2.5\n3\t4.25\n",
        "x y\n 1.5   2.5 \n3 4.25\n",
        "x [nm] y [nm]\n1.5 2.5\n3 4.25\n",
        "# x y\n1.5 2.5\n3 4.25\n",
        "#x,y\n1.5,2.5\n3,4.25\n",
        "# by a program\n# x[nm],y[nm]\n1.5,2.5\n3,4.25\n",
        "# by a program, of 2020\n\nx,y\n\n1.5,2.5\n   \n3,4.25\n\n",
        "\n\nx,y\n1.5,2.5\n3,4.25\n",
        "x [um],y_um\n0.0015,0.0025\n0.003,0.00425\n",
        "x,y\n1.5,2.5,\n3,4.25,\n",
        "x,y,\n1.5,2.5,\n3,4.25,\n",
        '"x,""y"",""note"""\n1.5,2.5,a\n3,4.25,b\n',
        "y,id,x\n2.5,7,1.5\n4.25,8,3\n",
        'x,y,note\n1.5,2.5,"a, b"\n3,4.25,"c\nd"\n',
        "x;y;pair\n1.5;2.5;1,2\n3;4.25;3,4\n",
        "# x,y,region\n1.5,2.5,cell\n3,4.25,cell\n",
    ],
)
def test_text_is_read_however_it_is_written(tmp_path: Path, content: str) -> None:
    localizations = read(written(tmp_path, content))
    np.testing.assert_allclose(localizations.positions, XY, rtol=1e-15)


@pytest.mark.parametrize("name", ["cell.csv", "cell.tsv", "cell.txt", "cell.dat", "cell", "c.gz"])
def test_the_ending_of_the_name_does_not_matter(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, "x\ty\n1.5\t2.5\n3\t4.25\n", name)
    assert read(path).positions.tolist() == XY


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + "x [µm],y [µm],naïve\n0.0015,0.0025,1\n".encode(),
        "x [µm],y [µm],naïve\n0.0015,0.0025,1\n".encode("latin-1"),
        "x [µm],y [µm],naïve\n0.0015,0.0025,1\n".encode("utf-16"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes) -> None:
    localizations = read(written(tmp_path, content))
    np.testing.assert_allclose(localizations.positions, [[1.5, 2.5]], rtol=1e-15)
    assert localizations.table.columns.tolist() == ["x [µm]", "y [µm]", "naïve"]


def test_bytes_that_are_not_utf8_far_into_a_file(tmp_path: Path) -> None:
    rows = b"1,2,a\n" * 20_000
    localizations = read(written(tmp_path, b"x,y,note\n" + rows + "3,4,é\n".encode("latin-1")))
    assert len(localizations) == 20_001
    assert localizations.table["note"].iloc[-1] == "é"


def test_names_of_columns_are_those_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '"id", "x [nm]" ,Y,a,a,\n1,2,3,4,5,\n')
    table = read(path).table
    assert table.columns.tolist() == ["id", "x [nm]", "Y", "a", "a.1", ""]
    assert table.iloc[0, :5].tolist() == [1, 2, 3, 4, 5]


def test_values_survive_exactly(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0, 5e4, (1000, 2))
    path = written(tmp_path, "x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in values.tolist()))
    assert np.array_equal(read(path).positions, values)


def test_without_a_header_the_user_names_the_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "7 1.5 2.5\n8 3 4.25\n", "cell.txt")
    localizations = read(path, columns={"x": "1", "y": "2", "frame": "0"})
    assert localizations.positions.tolist() == XY
    assert localizations.frame is not None
    assert localizations.frame.tolist() == [7, 8]
    assert localizations.table.columns.tolist() == ["0", "1", "2"]
    in_pixels = read(path, columns={"x": "1 [px]", "y": "2 [px]"}, pixel_size_nm=100)
    assert in_pixels.positions.tolist() == [[150.0, 250.0], [300.0, 425.0]]


def test_without_a_header_a_column_of_text_makes_no_header(tmp_path: Path) -> None:
    path = written(tmp_path, "1.5,2.5,a\n3,4.25,b\n")
    assert read(path, columns={"x": "0", "y": "1"}).positions.tolist() == XY


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", None, "the file is empty"),
        ("\n \n\r\n", None, "the file is empty"),
        ("x,y\n", None, "a header and no localizations"),
        ("# x,y\n", None, "a header and no localizations"),
        ("x,y\n\n\n", None, "a header and no localizations"),
        ("1,2\n3,4\n", None, r"no header; name the columns .* --columns x=0,y=1"),
        ("a,b\n1,2\n", None, r"no column is called x or y: the columns are 'a', 'b'.*--columns"),
        ("x,y\n1,2\n3,four\n", 3, "column 'y' must hold numbers, got 'four'"),
        ("# a\n\nx,y\n\n1,2\n\nthree,4\n", 7, "column 'x' must hold numbers, got 'three'"),
        ('x,y,n\n1,2,"a\nb"\n3,4 nm,c\n', 4, "column 'y' must hold numbers, got '4 nm'"),
        ("x y\n1 2\n3 four\n", 3, "column 'y' must hold numbers, got 'four'"),
        ("x;y\n1,5;2\n2,5;b\n", 3, "column 'y' must hold numbers, got 'b'"),
        ("x,y,z\n1,2,3\n1,2,?\n", 3, r"column 'z' must hold numbers, got '\?'"),
        ("x,y\nTrue,2\nFalse,3\n", 2, "column 'x' must hold numbers, got 'True'"),
        ("x,y,z\n1,2,3\n4,5\n", 3, "expected 3 fields, as in the header, found 2"),
        ("x,y,z\n1,2,3\n4,5,6,7\n", 3, "expected 3 fields, as in the header, found 4"),
        ("x,y,z\n1,2,3,4\n4,5,6\n", 2, "expected 3 fields, as in the header, found 4"),
        ("x,y\n1,2\n\n3,4,,6\n", 4, "expected 2 fields, as in the header, found 4"),
        ("x,y\n1,2,,\n3,4\n", 2, "expected 2 fields, as in the header, found 4"),
        ("x,y\n1,2,,9\n3,4\n", 2, "expected 2 fields, as in the header, found 4"),
        ("x y\n1 2\n3\n", 3, "expected 2 fields, as in the header, found 1"),
        ('x,y\n1,2\n"3,4\n', 3, "expected 2 fields, as in the header, found 1"),
        ("x,y\n1,2\nend of table\n", 3, "expected 2 fields, as in the header, found 1"),
    ],
)
def test_bad_text_is_refused_with_its_line(
    tmp_path: Path, content: str, line: int | None, message: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(TableError, match=message) as caught:
        read(path)
    assert (caught.value.path, caught.value.line) == (path, line)
    assert str(caught.value).startswith(f"{path}: " if line is None else f"{path}, line {line}: ")


def test_an_empty_last_column_is_no_short_row(tmp_path: Path) -> None:
    table = read(written(tmp_path, "x,y,note\n1.5,2.5,\n3,4.25,a\n")).table
    assert table["note"].isna().tolist() == [True, False]


def test_positions_that_are_not_finite_are_kept_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "x,y\n1,2\nnan,3\n,\n4,inf\n5,6\n")
    with pytest.warns(DataWarning) as caught:
        localizations = read(path)
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith(f"{path}: 3 of 5 localizations have no usable position (missing, ")
    # True whatever is done: not everything has an output, or labels.
    assert message.endswith("; they are left out of all that needs one")
    assert localizations.finite.tolist() == [True, False, False, False, True]
    assert len(localizations.table) == 5


@pytest.mark.parametrize(
    "content", [bytes(range(256)) * 8, b"\x89PNG\r\n\x1a\n\x00\x00", b"PK\x03\x04\x14\x00\x00\x00"]
)
def test_other_kinds_of_file_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(TableError, match="not a kind of file that caml reads: expected csv"):
        read(written(tmp_path, content))


@pytest.mark.parametrize("seed", range(20))
def test_noise_never_raises_anything_else(tmp_path: Path, seed: int) -> None:
    generator = np.random.default_rng(seed)
    letters = np.frombuffer(b'xy,;\t 0123456789.-"#\n\r\xe9\x00', dtype=np.uint8)
    noise = b"x,y\n1,2\n" * (seed % 2) + generator.choice(letters, 400).tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        # Anything but a table or an error of the table fails the test.
        with suppress(TableError):
            assert len(read(written(tmp_path, noise))) > 0


def test_texts_are_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("x,y,molecule,note,n\n1,2,00042,NA,7\n3,4,00043,null,NA\n5,6,1,,8\n")
    table = read(path).table
    assert table["molecule"].tolist() == ["00042", "00043", "1"]
    assert table["note"].tolist()[:2] == ["NA", "null"]
    assert table["note"].isna().tolist() == [False, False, True]
    assert table["n"].isna().tolist() == [False, True, False]


def test_padded_numbers_can_still_be_coordinates(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("x,y\n007,2\nNA,4\n")
    with pytest.warns(DataWarning, match="1 of 2"):
        assert read(path).positions[0].tolist() == [7, 2]


def test_a_spreadsheets_separator_line_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("sep=;\nx;y\n1,5;2\n3;4\n")
    assert read(path).positions.tolist() == [[1.5, 2], [3, 4]]


def test_a_coordinate_beyond_a_kilometre_is_no_position(tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    path.write_text("x,y\n1e200,2\n3,4\n-2e12,1\n1e12,1\n")
    with pytest.warns(DataWarning, match=r"2 of 4 .* beyond 1e\+12 nm"):
        assert read(path).finite.tolist() == [False, True, False, True]


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(MissingFileError, match="is a pipe or device; save its contents"):
        read(path)
