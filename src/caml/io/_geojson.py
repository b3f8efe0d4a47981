"""Outlines as GeoJSON, a feature a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from caml._machine import in_threads
from caml.io._columns import all_of, joined, number_texts

__all__ = ["write_features"]

# So many outlines at a time: their text, of some 4 kB each, and what it is made of is 30 MB.
N_OUTLINES = 1 << 11
# Coordinates are whole numbers of 0.001 nm, up to where floats hold them exactly.
PER_NM = 1000
FURTHEST_NM = 1e12
FRACTIONS = [f".{i:03d}".rstrip("0") if i else "" for i in range(PER_NM)]
# What comes behind the whole nm of x and of y, with what comes behind that.
BEHIND = [pa.array([f + then for f in FRACTIONS], pa.large_string()) for then in (",", "")]


def write_features(
    path: Path,
    outlines: npt.NDArray[np.object_],
    properties: pd.DataFrame,
    as_json: Callable[[object], str],
) -> None:
    """Write a collection of features.

    Parameters
    ----------
    path : Path
        The file.
    outlines : ndarray of shape (n,) of shapely geometries, nm
        The geometry of each feature, or None.
    properties : DataFrame of n rows
        Their properties; the column ``cluster``, if there is one, is their ids.
    as_json : callable
        Gives the JSON of a value that is no number.

    Notes
    -----
    The text of 25,000 outlines with 3.7 million corners, on disk, took 0.7 s on two cores; that
    of `shapely.to_geojson` and of a dict per cluster 2.5 s.
    """
    n = len(outlines)
    ids = properties["cluster"] if "cluster" in properties else pd.Series(np.arange(n))

    def features(start: int) -> memoryview:
        part = slice(start, start + N_OUTLINES)
        head = _texts(ids.iloc[part], as_json)
        body = _objects(properties.iloc[part], as_json, len(head))
        ends = ["},\n"] * (len(head) - 1) + ["},\n" if start + N_OUTLINES < n else "}\n"]
        lines = joined(
            '{"type": "Feature", "id": ',
            head,
            ', "properties": ',
            body,
            ', "geometry": ',
            _geometries(outlines[part]),
            pa.array(ends, pa.large_string()),
        )
        return all_of(lines)

    with path.open("wb") as file:
        file.write(b'{"type": "FeatureCollection", "features": [\n')
        for text in in_threads(features, range(0, n, N_OUTLINES)):
            file.write(text)
        file.write(b"]}\n")


def _objects(properties: pd.DataFrame, as_json: Callable[[object], str], n: int) -> Any:
    """Write the properties of some features, column by column."""
    parts: list[Any] = ["{"]
    for column, name in enumerate(properties.columns):
        key = f"{', ' if column else ''}{as_json(str(name))}: "
        parts += [key, _texts(properties.iloc[:, column], as_json)]
    # An array at the end says how many rows there are where there are no properties.
    return joined(*parts, pa.array(["}"] * n, pa.large_string()))


def _texts(values: pd.Series[Any], as_json: Callable[[object], str]) -> Any:
    """Write the values of a column; what is no number, or not finite, is null."""
    if values.dtype.kind in "iuf" and isinstance(values.dtype, np.dtype):
        if values.dtype.kind == "f":
            values = values.where(np.isfinite(values))
        return pc.fill_null(number_texts(values), "null")
    return pa.array([as_json(value) for value in values.tolist()], pa.large_string())


def _geometries(outlines: npt.NDArray[np.object_]) -> Any:
    """Write the outlines; plain polygons quickly, anything else as shapely does."""
    plain = (shapely.get_type_id(outlines) == shapely.GeometryType.POLYGON) & ~(
        shapely.is_empty(outlines) | shapely.has_z(outlines)
    )
    # A bound that is no number is not below either.
    plain[plain] = (np.abs(shapely.bounds(outlines[plain])) < FURTHEST_NM).all(axis=1)
    others = np.flatnonzero(~plain)
    rounded = shapely.transform(outlines[others], lambda xy: np.round(xy, 3))
    texts = pa.array([t or "null" for t in shapely.to_geojson(rounded)], pa.large_string())
    if len(others) == len(outlines):
        return texts
    polygons = _polygons(outlines[plain])
    if not len(others):
        return polygons
    order = np.empty(len(outlines), dtype=np.int64)
    order[plain] = np.arange(len(polygons))
    order[others] = len(polygons) + np.arange(len(others))
    return pc.take(pa.concat_arrays([polygons, texts]), pa.array(order))


def _polygons(polygons: npt.NDArray[np.object_]) -> Any:
    """Write polygons in the plane."""
    _, coordinates, (of_rings, of_polygons) = shapely.to_ragged_array(polygons, include_z=False)
    steps = np.rint(coordinates * PER_NM).astype(np.int64)
    whole, part = np.divmod(np.abs(steps), PER_NM)
    texts = []
    for axis in range(2):
        units = pa.array(whole[:, axis]).cast(pa.large_string())
        below = steps[:, axis] < 0
        if below.any():
            units = pc.if_else(pa.array(below), joined("-", units), units)
        texts += [units, pc.take(BEHIND[axis], pa.array(part[:, axis]))]
    rings = _lists(joined(*texts), of_rings, "],[")
    return joined(
        '{"type":"Polygon","coordinates":[[[', _lists(rings, of_polygons, "]],[["), "]]]}"
    )


def _lists(texts: Any, offsets: npt.NDArray[Any], separator: str) -> Any:
    """Join the texts of each list."""
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), texts)
    return pc.binary_join(lists, pa.scalar(separator, pa.large_string()))
