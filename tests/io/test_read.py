from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caml.errors import DataWarning, InputError, MissingFileError, TableError
from caml.io import read

THUNDERSTORM = """"id","frame","x [nm]","y [nm]","z [nm]","sigma1 [nm]","sigma2 [nm]",\
"intensity [photon]","offset [photon]","bkgstd [photon]","uncertainty_xy [nm]","uncertainty_z [nm]"
1,7.0,100.5,200,-50,120,140,900,10,3,12.5,30
2,8.0,300,400.25,75,120,140,900,10,3,8,30
"""
ONI = """Channel,Frame,X (nm),Y (nm),Z (nm),X precision (nm),Y precision (nm),X (pix),Y (pix)
0,1,100,200,0,10,20,1,2
1,2,300,400,0,5,6,3,4
"""


def written(folder: Path, content: str, name: str = "cell.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def listed(array: Any) -> Any:
    assert array is not None
    return array.tolist()


def test_thunderstorm(tmp_path: Path) -> None:
    localizations = read(written(tmp_path, THUNDERSTORM))
    assert localizations.positions.tolist() == [[100.5, 200, -50], [300, 400.25, 75]]
    assert listed(localizations.frame) == [7, 8]
    assert listed(localizations.uncertainty_nm) == [12.5, 8]
    assert localizations.channel is None
    assert localizations.table.shape == (2, 12)
    assert localizations.name == "cell"
    assert localizations.history == ("read 2 localizations in 3D from cell.csv (ThunderSTORM)",)


def test_oni(tmp_path: Path) -> None:
    localizations = read(written(tmp_path, ONI))
    assert localizations.positions.tolist() == [[100, 200], [300, 400]]
    assert listed(localizations.channel) == [0, 1]
    assert listed(localizations.uncertainty_nm) == [15, 5.5]
    assert localizations.table.columns[-1] == "Y (pix)"


NSTORM = (
    "Channel Name,X,Y,Xc,Yc,Height,Area,Width,Phi,Ax,BG,I,Frame,Length,Link,Valid,Z,Zc,Photons,"
    "Lateral Localization Accuracy,Xw,Yw,Xwc,Ywc\n"
    "647,1,2,100.5,200,9,9,300,0,1,50,900,7,1,-1,1,8,-50,900,12.5,1,2,3,4\n"
    "Z Rejected,5,6,300,400.25,9,9,300,0,1,50,900,8,1,-1,1,9,75,900,8,5,6,7,8\n"
).replace(",", "\t")


def test_nstorm_is_read_as_corrected_for_drift(tmp_path: Path) -> None:
    localizations = read(written(tmp_path, NSTORM, "cell.txt"))
    assert localizations.positions.tolist() == [[100.5, 200, -50], [300, 400.25, 75]]
    assert listed(localizations.frame) == [7, 8]
    assert listed(localizations.channel) == ["647", "Z Rejected"]
    assert listed(localizations.uncertainty_nm) == [12.5, 8]
    assert localizations.table.shape == (2, 24)
    assert localizations.history[0].endswith("in 3D from cell.txt (N-STORM)")
    with pytest.warns(DataWarning, match="positions are in nm, so the pixel size"):
        again = read(written(tmp_path, NSTORM, "cell.txt"), pixel_size_nm=160)
    assert np.array_equal(again.positions, localizations.positions)


def test_insight3_has_the_columns_of_nstorm_in_pixels(tmp_path: Path) -> None:
    content = (
        "Cas2\tX\tY\tXc\tYc\tHeight\tArea\tWidth\tPhi\tAx\tBG\tI\tFrame\tLength\tLink\tValid\tZ\tZc\n"
        "1\t9\t9\t1.5\t2\t9\t9\t300\t0\t1\t50\t900\t7\t1\t-1\t1\t8\t-50\n"
        "1\t9\t9\t3\t4.25\t9\t9\t300\t0\t1\t50\t900\t8\t1\t-1\t1\t9\t75\n"
    )
    path = written(tmp_path, content, "cell.txt")
    with pytest.raises(TableError, match=r"x, y are in pixels .* --pixel-size 130"):
        read(path)
    localizations = read(path, pixel_size_nm=100)
    assert localizations.positions.tolist() == [[150, 200, -50], [300, 425, 75]]
    assert localizations.history[0].endswith("(Insight3, pixel size 100 nm)")


DECODE = """# DECODE EmitterSet
# {"version": "v0.10.0"}
# {"xy_unit": "px", "px_size": [100.0, 100.0]}
x,y,z,phot,frame_ix,id,x_cr
1.5,2,-50,900,7,,
3,4.25,75,800,8,,
"""


def test_a_decode_table_needs_its_unit(tmp_path: Path) -> None:
    path = written(tmp_path, DECODE)
    for pixel_size_nm in (None, 100):
        with pytest.raises(
            TableError,
            match=r"x and y of a DECODE table .* the comment lines .* say which \(xy_unit\): "
            r"'x=x \[px\],y=y \[px\]' or 'x=x \[nm\],y=y \[nm\]'; give it with --columns",
        ):
            read(path, pixel_size_nm=pixel_size_nm)
    with pytest.raises(TableError, match=r"y of a DECODE table .* 'y=y \[px\]' or 'y=y \[nm\]'"):
        read(path, columns={"x": "x [px]", "y": "y"}, pixel_size_nm=100)


@pytest.mark.parametrize(
    ("unit", "pixel_size_nm", "expected"),
    [
        ("px", 100, [[150, 200, -50], [300, 425, 75]]),
        ("nm", None, [[1.5, 2, -50], [3, 4.25, 75]]),
    ],
)
def test_a_decode_table_is_read_once_its_unit_is_given(
    tmp_path: Path, unit: str, pixel_size_nm: float | None, expected: list[list[float]]
) -> None:
    columns = {"x": f"x [{unit}]", "y": f"y [{unit}]"}
    localizations = read(written(tmp_path, DECODE), pixel_size_nm=pixel_size_nm, columns=columns)
    assert localizations.positions.tolist() == expected
    assert listed(localizations.frame) == [7, 8]
    assert "(DECODE" in localizations.history[0]


def test_variances_become_standard_deviations(tmp_path: Path) -> None:
    content = "x,y,variance_x[nm^2],variance_y[nm^2]\n1,2,9,25\n3,4,-1,4\n"
    assert listed(read(written(tmp_path, content)).uncertainty_nm)[0] == 4
    assert np.isnan(listed(read(written(tmp_path, content)).uncertainty_nm)[1])


def test_a_path_may_be_text(tmp_path: Path) -> None:
    assert len(read(str(written(tmp_path, "x,y\n1,2\n")))) == 1


def test_pixels_become_nm(tmp_path: Path) -> None:
    path = written(tmp_path, "x [px],y_px,z,uncertainty [px]\n1,2,10,0.5\n3,4,20,0.25\n")
    localizations = read(path, pixel_size_nm=100)
    assert localizations.positions.tolist() == [[100, 200, 10], [300, 400, 20]]
    assert listed(localizations.uncertainty_nm) == [50, 25]
    with pytest.raises(TableError, match=r"x, y are in pixels .* --pixel-size 130"):
        read(path)


@pytest.mark.parametrize(
    ("content", "columns", "expected"),
    [
        ("x,y\n1,2\n3,4\n", None, [[100, 200], [300, 400]]),
        ("x,y,z\n1,2,5\n3,4,6\n", None, [[100, 200, 5], [300, 400, 6]]),
        ("x,y,z_px\n1,2,5\n3,4,6\n", None, [[100, 200, 500], [300, 400, 600]]),
        ("x [px],y\n1,2\n3,4\n", None, [[100, 200], [300, 400]]),
        ("1,2\n3,4\n", {"x": "0", "y": "1"}, [[100, 200], [300, 400]]),
    ],
)
def test_a_pixel_size_says_that_positions_without_a_unit_are_in_pixels(
    tmp_path: Path, content: str, columns: dict[str, str] | None, expected: list[list[float]]
) -> None:
    localizations = read(written(tmp_path, content), pixel_size_nm=100, columns=columns)
    assert localizations.positions.tolist() == expected
    assert localizations.history[0].endswith(
        "from cell.csv (plain table, positions without a unit taken as pixels, pixel size 100 nm)"
    )


def test_positions_said_to_be_in_pixels_are_not_supposed_to_be(tmp_path: Path) -> None:
    localizations = read(written(tmp_path, "x [px],y [px]\n1,2\n"), pixel_size_nm=100)
    assert localizations.history[0].endswith("cell.csv (plain table, pixel size 100 nm)")


def test_an_uncertainty_without_a_unit_is_in_what_the_positions_are(tmp_path: Path) -> None:
    path = written(tmp_path, "x,y,uncertainty\n1,2,0.5\n")
    assert listed(read(path, pixel_size_nm=100).uncertainty_nm) == [50]
    assert listed(read(path).uncertainty_nm) == [0.5]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("x [nm],y [nm]\n1,2\n", None),
        ("x_nm,y_nm\n1,2\n", None),
        ("x [nm],y\n1,2\n", None),
        ("x,y,x_px,y_px,x_nm,y_nm\n8,9,8,9,1,2\n", None),
        ("x,y,x_px,y_px\n1,2,8,9\n", None),
        ("x,y\n1,2\n", {"x": "x [nm]", "y": "y [nm]"}),
        ("x,y,bkgstd\n1,2,3\n", None),
    ],
)
def test_a_pixel_size_for_positions_known_to_be_in_nm_is_not_used(
    tmp_path: Path, content: str, columns: dict[str, str] | None
) -> None:
    path = written(tmp_path, content)
    with pytest.warns(DataWarning, match=r"in nm, so the pixel size of 130 nm was not used"):
        localizations = read(path, pixel_size_nm=130, columns=columns)
    assert localizations.positions.tolist() == [[1, 2]]


def test_an_uncertainty_in_pixels_alone_is_left_out_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, "x_nm,y_nm,uncertainty [px]\n1,2,0.5\n")
    with pytest.warns(DataWarning, match=r"uncertainty is in pixels and was not used.*--pixel-s"):
        assert read(path).uncertainty_nm is None
    assert listed(read(path, pixel_size_nm=100).uncertainty_nm) == [50]


@pytest.mark.parametrize("pixel_size_nm", [0, -1, float("nan"), float("inf")])
def test_a_pixel_size_must_be_positive(tmp_path: Path, pixel_size_nm: float) -> None:
    with pytest.raises(InputError, match="a pixel size is a positive number of nm; got"):
        read(written(tmp_path, "x,y\n1,2\n"), pixel_size_nm=pixel_size_nm)


@pytest.mark.parametrize(
    ("z", "n_dimensions"),
    [("0,0,0", 2), ("7,7,7", 2), (",,", 2), ("5,,5", 2), ("0,0,1", 3), ("0,1,1", 3)],
)
def test_a_z_that_does_not_vary_is_no_coordinate(tmp_path: Path, z: str, n_dimensions: int) -> None:
    rows = "".join(f"{i},{2 * i},{value}\n" for i, value in enumerate(z.split(",")))
    localizations = read(written(tmp_path, f"x,y,z [nm]\n{rows}"))
    assert localizations.n_dimensions == n_dimensions
    assert "z [nm]" in localizations.table


def test_frames_that_are_not_whole_are_left_out_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, "x,y,frame\n1,2,3\n4,5,6.5\n7,8,\n")
    with pytest.warns(DataWarning, match=r"'frame' is not used as frame: 2 of 3 values are not"):
        localizations = read(path)
    assert localizations.frame is None
    assert "frame" in localizations.table


@pytest.mark.parametrize(
    ("content", "role", "message"),
    [
        ("x,y,frame\n1,2,7\n1,2,one\n1,2,?\n", "frame", "line 3: column 'frame' .* got 'one'"),
        ("x,y,uncertainty\n1,2,?\n", "uncertainty", r"line 2: column 'uncertainty' .* got '\?'"),
        (
            "x,y,x_precision,y_precision\n1,2,3,4\n\n1,2,3,bad\n",
            "uncertainty",
            "line 4: column 'y_precision' must hold numbers, got 'bad'",
        ),
    ],
)
def test_text_in_a_column_that_is_not_needed_costs_the_column_and_not_the_file(
    tmp_path: Path, content: str, role: str, message: str
) -> None:
    path = written(tmp_path, content)
    with pytest.warns(
        DataWarning, match=rf"cell.csv, {message}; it is kept in the table and not used as {role}"
    ) as caught:
        localizations = read(path)
    assert [warning.filename for warning in caught] == [__file__]
    assert localizations.frame is None
    assert localizations.uncertainty_nm is None
    assert localizations.positions[0].tolist() == [1, 2]
    assert localizations.table.columns.tolist() == content.split("\n")[0].split(",")


@pytest.mark.parametrize(
    ("channels", "expected"), [("0,1", [0, 1]), ("0.0,1.0", [0, 1]), ("red,blue", ["red", "blue"])]
)
def test_channels_are_numbers_or_names(tmp_path: Path, channels: str, expected: list[Any]) -> None:
    first, second = channels.split(",")
    localizations = read(written(tmp_path, f"x,y,channel\n1,2,{first}\n3,4,{second}\n"))
    assert listed(localizations.channel) == expected
    assert [type(value) for value in listed(localizations.channel)] == list(map(type, expected))


def test_renamed_columns_play_no_role(tmp_path: Path) -> None:
    content = "x,y,frame_input,uncertainty_input_2,channel_input\n1,2,3,4,5\n"
    localizations = read(written(tmp_path, content))
    assert localizations.frame is localizations.channel is localizations.uncertainty_nm is None


def test_columns_that_the_user_names_count_first(tmp_path: Path) -> None:
    path = written(tmp_path, "x,y,xc,yc [um]\n1,2,3,4\n5,6,7,8\n")
    localizations = read(path, columns={"x": "xc", "y": "yc [um]", "channel": "x"})
    assert localizations.positions.tolist() == [[3, 4000], [7, 8000]]
    assert listed(localizations.channel) == [1, 5]


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"no.csv: there is no such file"):
        read(tmp_path / "no.csv")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="this is a folder; give the files in it"):
        read(tmp_path)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "x,y\n1,2\n")

    def refuse(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(TableError, match="there is no permission to read the file"):
        read(path)


def test_whatever_a_library_raises_is_an_error_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr("caml.io.text.pd.read_csv", fail)
    with pytest.raises(TableError, match=r"cell.csv: cannot be read: ZeroDivisionError: inside"):
        read(written(tmp_path, "x,y\n1,2\n"))
