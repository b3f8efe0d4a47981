import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile

from caml.errors import InputError, MissingFileError, RegionError
from caml.io import parse_region, read_regions

SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1000, 0], [1000, 1000], [0, 1000], [0, 0]]]}
TRIANGLE = [[[5000, 0], [7000, 0], [5000, 1000]]]
TWO = {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"], TRIANGLE]}


def feature(geometry: Any, **others: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": None} | others


def collection(*features: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def written(folder: Path, document: Any, name: str = "regions.geojson") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("document", "names", "areas_um2"),
    [
        (SQUARE, ["region 1"], [1]),
        (TWO, ["region 1"], [2]),
        (feature(SQUARE), ["region 1"], [1]),
        (feature(SQUARE, id="a"), ["a"], [1]),
        (feature(SQUARE, id="a", properties={"name": "b"}), ["b"], [1]),
        (feature(SQUARE, id="a", properties={"name": ""}), ["a"], [1]),
        (collection(feature(SQUARE, id=0), feature(TWO)), ["0", "region 2"], [1, 2]),
        ([feature(SQUARE), SQUARE], ["region 1", "region 2"], [1, 1]),
        (
            collection(*[feature(SQUARE, properties={"name": "cell"})] * 3),
            ["cell", "cell 2", "cell 3"],
            [1, 1, 1],
        ),
    ],
)
def test_geojson(tmp_path: Path, document: Any, names: list[str], areas_um2: list[float]) -> None:
    regions = read_regions(written(tmp_path, document))
    assert [region.name for region in regions] == names
    assert [region.area_um2 for region in regions] == areas_um2


def test_geojson_with_a_mark_of_utf8_and_heights(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    triangle = {"type": "Polygon", "coordinates": [[[0, 0, 5], [2000, 0, 5], [0, 1000, 5]]]}
    path.write_text("\ufeff" + json.dumps(triangle), encoding="utf-8")
    (region,) = read_regions(path)
    assert region.area_um2 == 1
    assert not region.polygon.has_z


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("", "expected GeoJSON .* faulty"),
        ("{", "expected GeoJSON .* faulty"),
        ("3", "must be a FeatureCollection, a Feature or a polygon"),
        ([1], "feature 1 is no GeoJSON object: 1"),
        ({"features": 3}, "must be a FeatureCollection"),
        (collection(), "holds no regions"),
        (collection(feature(None)), "feature 1 is a None; a region is a Polygon"),
        (feature({"type": "Point", "coordinates": [0, 0]}), "feature 1 is a Point; a region is"),
        ({"type": "Polygon"}, "feature 1 has faulty coordinates"),
        ({"type": "Polygon", "coordinates": [[[0, "a"]]]}, "feature 1 has faulty coordinates"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]},
            "'region 1' encloses no area",
        ),
    ],
)
def test_faulty_geojson_is_refused(tmp_path: Path, document: Any, message: str) -> None:
    path = written(tmp_path, document)
    with pytest.raises(RegionError, match=f"{path.name}.*{message}"):
        read_regions(path)


def roi(kind: str = "polygon", **values: Any) -> roifile.ImagejRoi:
    made = roifile.ImagejRoi.frompoints(
        np.array([[1, 2], [5, 2], [5, 4], [1, 4]], dtype=values.pop("dtype", "i4"))
    )
    made.roitype = roifile.ROI_TYPE[kind.upper()]
    for name, value in values.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("kind", ["polygon", "freehand", "traced"])
@pytest.mark.parametrize("dtype", ["i4", "f4"])
def test_imagej_outlines_are_scaled(tmp_path: Path, kind: str, dtype: str) -> None:
    path = tmp_path / "cell.roi"
    path.write_bytes(roi(kind, dtype=dtype, name="").tobytes())
    (region,) = read_regions(path, pixel_size_nm=100)
    assert list(region.polygon.bounds) == [100, 200, 500, 400]
    assert region.area_um2 == pytest.approx(0.08)
    assert region.name == "cell"


def box(kind: str) -> roifile.ImagejRoi:
    made = roifile.ImagejRoi()
    made.roitype = roifile.ROI_TYPE[kind]
    made.left, made.top, made.right, made.bottom = 1, 2, 5, 4
    made.name = "mine"
    return made


@pytest.mark.parametrize(("kind", "area_um2"), [("RECT", 0.08), ("OVAL", math.pi * 0.02)])
def test_imagej_rectangles_and_ovals(tmp_path: Path, kind: str, area_um2: float) -> None:
    path = tmp_path / "cell.roi"
    path.write_bytes(box(kind).tobytes())
    (region,) = read_regions(path, pixel_size_nm=100)
    assert region.polygon.bounds == pytest.approx((100, 200, 500, 400))
    assert region.area_um2 == pytest.approx(area_um2, rel=1e-3)
    assert region.name == "mine"


def test_imagej_rectangles_between_pixels(tmp_path: Path) -> None:
    made = box("RECT")
    made.version, made.options = 228, roifile.ROI_OPTIONS.SUB_PIXEL_RESOLUTION
    made.xd, made.yd, made.widthd, made.heightd = 1.5, 2.25, 2, 1
    path = tmp_path / "cell.roi"
    path.write_bytes(made.tobytes())
    (region,) = read_regions(path, pixel_size_nm=100)
    assert list(region.polygon.bounds) == [150, 225, 350, 325]


def test_a_zip_of_imagej_regions(tmp_path: Path) -> None:
    path = tmp_path / "RoiSet.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/._a.roi", b"nothing")
        archive.writestr("readme.txt", b"nothing")
        archive.writestr("b.roi", box("RECT").tobytes())
        archive.writestr("folder/a.roi", roi(name="").tobytes())
        archive.writestr("c.roi", box("RECT").tobytes())
    regions = read_regions(path, pixel_size_nm=100)
    assert [region.name for region in regions] == ["mine", "a", "mine 2"]


def test_a_zip_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "RoiSet.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.roi", bytes(101_000_000))
    with pytest.raises(RegionError, match="would take 101 MB"):
        read_regions(path, pixel_size_nm=100)


def test_an_empty_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "RoiSet.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", b"nothing")
    with pytest.raises(RegionError, match=r"RoiSet.zip holds no regions"):
        read_regions(path, pixel_size_nm=100)


def test_parts_of_a_composite_that_lie_in_another_are_holes(tmp_path: Path) -> None:
    made = box("RECT")
    # ImageJ's path: 0 x y moves, 1 x y draws a line, 4 closes.
    rings = [[(0, 0), (10, 0), (10, 10), (0, 10)], [(2, 2), (4, 2), (4, 4), (2, 4)]]
    steps: list[float] = []
    for ring in rings:
        for i, (x, y) in enumerate(ring):
            steps += [1 if i else 0, x, y]
        steps.append(4)
    made.multi_coordinates = np.array(steps, dtype=np.float32)
    made.shape_roi_size = len(steps)
    path = tmp_path / "cell.roi"
    path.write_bytes(made.tobytes())
    (region,) = read_regions(path, pixel_size_nm=100)
    assert region.area_um2 == pytest.approx(1 - 0.04)


@pytest.mark.parametrize("kind", ["point", "polyline", "freeline", "angle"])
def test_imagej_lines_and_points_have_no_area(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "cell.roi"
    path.write_bytes(roi(kind, name="it").tobytes())
    with pytest.raises(RegionError, match=rf"cell.roi: 'it' is of type {kind}, which has no area"):
        read_regions(path, pixel_size_nm=100)


def test_imagej_regions_need_a_pixel_size(tmp_path: Path) -> None:
    path = tmp_path / "cell.roi"
    path.write_bytes(roi().tobytes())
    with pytest.raises(RegionError, match=r"in pixels of the image .* --pixel-size 130"):
        read_regions(path)
    with pytest.raises(InputError, match="a pixel size is a positive number"):
        read_regions(path, pixel_size_nm=-1)


@pytest.mark.parametrize("content", [b"Iout", roi().tobytes()[:66], b"PK\x03\x04 and no zip"])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cell.roi"
    path.write_bytes(content)
    with pytest.raises(RegionError, match=r"cell.roi: cannot be read: "):
        read_regions(path, pixel_size_nm=100)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="there is no such file"):
        read_regions(tmp_path / "no.roi")
    with pytest.raises(MissingFileError, match="is a folder; give the file of regions"):
        read_regions(tmp_path)


def test_a_rectangle_of_four_numbers() -> None:
    region = parse_region(" 0, 100,2000 ,1.1e3")
    assert list(region.polygon.bounds) == [0, 100, 2000, 1100]
    assert region.name == "0,100,2000,1.1e3"


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "0 0 1 1"])
def test_what_is_not_four_numbers_is_refused(text: str) -> None:
    with pytest.raises(RegionError, match=r"four numbers x_min,y_min,x_max,y_max in nm"):
        parse_region(text)


@pytest.mark.parametrize("text", ["5,0,1,1", "0,0,nan,1"])
def test_four_numbers_must_be_in_order(text: str) -> None:
    with pytest.raises(RegionError, match="x_min < x_max"):
        parse_region(text)
