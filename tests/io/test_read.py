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


def test_a_pixel_size_for_a_table_in_nm_is_not_used(tmp_path: Path) -> None:
    path = written(tmp_path, "x,y\n1,2\n")
    with pytest.warns(DataWarning, match=r"in nm, so the pixel size of 130 nm was not used"):
        assert read(path, pixel_size_nm=130).positions.tolist() == [[1, 2]]


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
    with pytest.raises(MissingFileError, match="is a folder; give the files in it"):
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
