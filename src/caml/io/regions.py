"""Regions of interest in: GeoJSON in nm, ImageJ's roi and zip in pixels, or four numbers."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import roifile
import shapely
import shapely.affinity
import shapely.geometry
from shapely.geometry.base import BaseGeometry

from caml._remedies import PIXEL_SIZE
from caml._repair import repaired
from caml.errors import RegionError
from caml.io._files import check_exists, check_pixel_size, explained
from caml.io._names import unique_names
from caml.localizations import Region

__all__ = ["parse_region", "read_regions"]

# Of all regions in a zip, unpacked.
MOST_BYTES = 100_000_000

AREA_TYPES = {
    roifile.ROI_TYPE.POLYGON,
    roifile.ROI_TYPE.RECT,
    roifile.ROI_TYPE.OVAL,
    roifile.ROI_TYPE.FREEHAND,
    roifile.ROI_TYPE.TRACED,
}


def parse_region(text: str) -> Region:
    """Make a rectangle of four numbers.

    Parameters
    ----------
    text : str
        ``x_min,y_min,x_max,y_max`` in nm.

    Returns
    -------
    Region
        The rectangle; its name is the text.

    Raises
    ------
    RegionError
        If there are not four numbers, in this order.

    Examples
    --------
    >>> parse_region("0,0,2000,1000").area_um2
    2.0
    """
    try:
        x_min, y_min, x_max, y_max = (float(part) for part in text.split(","))
    except ValueError as error:
        raise RegionError(
            f"a region is four numbers x_min,y_min,x_max,y_max in nm, or a file; got {text!r}"
        ) from error
    return Region.rectangle(x_min, y_min, x_max, y_max, name="".join(text.split()))


def read_regions(
    path: str | os.PathLike[str], *, pixel_size_nm: float | None = None
) -> tuple[Region, ...]:
    r"""Read regions of interest.

    Parameters
    ----------
    path : str or path-like
        GeoJSON with coordinates in nm, or ImageJ's ``.roi`` or ``.zip`` of several.
    pixel_size_nm : float, optional
        The size of a pixel of the image on which a ``.roi`` was drawn, nm; of no use for GeoJSON.

    Returns
    -------
    tuple of Region
        In the order of the file; no two of the same name.

    Raises
    ------
    MissingFileError
        If there is no such file.
    RegionError
        If the file holds no regions, or something that is no area.
    InputError
        If the pixel size is not a positive number.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "regions.geojson")
    ...     _ = path.write_text(
    ...         '{"type": "Polygon", "coordinates": [[[0, 0], [4000, 0], [0, 1000], [0, 0]]]}'
    ...     )
    ...     regions = read_regions(path)
    >>> [(region.name, region.area_um2) for region in regions]
    [('region 1', 2.0)]
    """
    path = Path(path)
    check_pixel_size(pixel_size_nm)
    with explained(lambda problem: RegionError(f"{path}: {problem}")):
        check_exists(path, instead="give the file of regions")
        content = path.read_bytes()
        if content.startswith(b"Iout"):
            found = [_imagej(content, path.stem, pixel_size_nm, path)]
        elif content.startswith(b"PK"):
            found = list(_zipped(content, pixel_size_nm, path))
        else:
            found = list(_geojson(content, path))
        if not found:
            raise RegionError(f"{path} holds no regions")
        named = (name or f"region {i}" for i, (name, _) in enumerate(found, 1))
        names = unique_names(named, separator=" ", first=2)
        regions = []
        for name, (_, polygon) in zip(names, found, strict=True):
            try:
                regions.append(Region(polygon, name))  # type: ignore[arg-type] # checked there
            except RegionError as error:
                raise RegionError(f"{path}: {error}") from error
    return tuple(regions)


def _geojson(content: bytes, path: Path) -> Iterator[tuple[str, BaseGeometry]]:
    """Take the polygons out of GeoJSON, whichever of its objects is outermost."""
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except ValueError as error:
        raise RegionError(
            f"{path}: expected GeoJSON (coordinates in nm), or ImageJ's .roi or .zip; as GeoJSON "
            f"it is faulty: {error}"
        ) from error
    features = document
    if isinstance(document, dict):
        features = document.get("features", [document])
    if not isinstance(features, list):
        raise RegionError(f"{path}: GeoJSON must be a FeatureCollection, a Feature or a polygon")
    for i, feature in enumerate(features, 1):
        if not isinstance(feature, dict):
            raise RegionError(f"{path}: feature {i} is no GeoJSON object: {str(feature)[:60]}")
        is_feature = feature.get("type") == "Feature"
        geometry = feature.get("geometry") if is_feature else feature
        geometry = geometry if isinstance(geometry, dict) else {}
        kind = geometry.get("type")
        if kind not in ("Polygon", "MultiPolygon"):
            raise RegionError(
                f"{path}: feature {i} is a {kind}; a region is a Polygon or a MultiPolygon"
            )
        properties = (feature.get("properties") if is_feature else None) or {}
        name = properties.get("name") if isinstance(properties, dict) else None
        name = feature.get("id") if name in (None, "") and is_feature else name
        try:
            polygon = shapely.force_2d(shapely.geometry.shape(geometry))
        except Exception as error:
            raise RegionError(f"{path}: feature {i} has faulty coordinates: {error}") from error
        yield "" if name is None else str(name), polygon


def _zipped(
    content: bytes, pixel_size_nm: float | None, path: Path
) -> Iterator[tuple[str, BaseGeometry]]:
    """Take every roi out of a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        # macOS adds files of its own to a zip.
        entries = [
            entry
            for entry in archive.infolist()
            if entry.filename.endswith(".roi") and not entry.filename.startswith("__MACOSX")
        ]
        size = sum(entry.file_size for entry in entries)
        if size > MOST_BYTES:
            raise RegionError(
                f"{path}: expected regions of ImageJ, which take a few kB each; these would take "
                f"{size / 1e6:,.0f} MB"
            )
        for entry in entries:
            name = PurePosixPath(entry.filename).stem
            yield _imagej(archive.read(entry), name, pixel_size_nm, path)


def _imagej(
    content: bytes, name: str, pixel_size_nm: float | None, path: Path
) -> tuple[str, BaseGeometry]:
    """Make a polygon of one roi."""
    if pixel_size_nm is None:
        raise RegionError(
            f"{path}: ImageJ's regions are in pixels of the image they were drawn on; give the "
            f"size of such a pixel in nm: {PIXEL_SIZE}"
        )
    roi = roifile.ImagejRoi.frombytes(content)
    name = roi.name or name
    if roi.roitype not in AREA_TYPES:
        raise RegionError(
            f"{path}: {name!r} is of type {roi.roitype.name.lower()}, which has no area; draw a "
            "polygon, rectangle, oval or freehand region"
        )
    scaled: BaseGeometry = shapely.affinity.scale(
        _outline(roi, name), pixel_size_nm, pixel_size_nm, origin=(0, 0)
    )
    return name, scaled


def _outline(roi: Any, name: str) -> BaseGeometry:
    """Return the outline of a roi, in pixels; a composite has holes where its parts overlap."""
    if roi.roitype == roifile.ROI_TYPE.OVAL or (
        roi.roitype == roifile.ROI_TYPE.RECT and roi.subpixelrect
    ):
        left, top, right, bottom = roi.left, roi.top, roi.right, roi.bottom
        if roi.subpixelrect:
            left, top, right, bottom = roi.xd, roi.yd, roi.xd + roi.widthd, roi.yd + roi.heightd
        if roi.roitype == roifile.ROI_TYPE.RECT:
            box: BaseGeometry = shapely.box(left, top, right, bottom)
            return box
        circle = shapely.Point((left + right) / 2, (top + bottom) / 2).buffer(1, quad_segs=64)
        oval: BaseGeometry = shapely.affinity.scale(circle, (right - left) / 2, (bottom - top) / 2)
        return oval
    rings = [ring for ring in roi.coordinates(multi=True) if len(ring) > 2]
    outline: BaseGeometry = shapely.Polygon()
    for ring in rings:
        outline = outline.symmetric_difference(repaired(shapely.Polygon(ring), name))
    return outline
