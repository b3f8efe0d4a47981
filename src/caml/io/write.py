"""Results out: tables, outlines and records."""

from __future__ import annotations

import json
import math
import os
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from caml.errors import InputError
from caml.io._csv import write_csv
from caml.io._geojson import write_features
from caml.io.whole import whole_file

__all__ = ["write_json", "write_outlines", "write_table"]

# Of a region, only the row groups that can hold some of it are read: many are better; but each
# stores its columns by itself, and of small ones more is names than numbers.
N_ROWS_PER_GROUP = 1 << 17


def write_table(
    path: str | os.PathLike[str],
    frame: pd.DataFrame,
    *,
    file_format: Literal["csv", "parquet"] = "csv",
    overwrite: bool = False,
    schema: pa.Schema | None = None,
) -> None:
    """Write a table.

    Parameters
    ----------
    path : str or path-like
        The file.
    frame : DataFrame
        The table; its index is not written.
    file_format : {"csv", "parquet"}, default "csv"
        How. Numbers keep their value exactly in both.
    overwrite : bool, default False
        Whether a file that is there already is replaced.
    schema : pyarrow.Schema, optional
        The types of the columns in parquet; by default those that fit their values.

    Raises
    ------
    InputError
        If the format is another one, or parquet cannot hold a column.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     path = Path(home, "clusters.csv")
    ...     write_table(path, pd.DataFrame({"cluster": [0, 1], "area_nm2": [900.5, 1e4]}))
    ...     path.read_text().split()
    ['cluster,area_nm2', '0,900.5', '1,10000.0']
    """
    if file_format not in ("csv", "parquet"):
        raise InputError(f"a table is written as csv or parquet; got {file_format!r}")
    with whole_file(path, overwrite=overwrite) as partial:
        if file_format == "parquet":
            try:
                frame.to_parquet(
                    partial,
                    index=False,
                    schema=schema,
                    row_group_size=N_ROWS_PER_GROUP,
                    # Numbers hardly repeat: to look for it takes 0.49 s of a million rows, not
                    # 0.10 s, and saves nothing.
                    use_dictionary=[str(c) for c, t in frame.dtypes.items() if t.kind not in "iuf"],
                )
            except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
                raise InputError(
                    f"parquet cannot hold this table, write csv instead: {error}"
                ) from error
            return
        write_csv(partial, frame)


def write_outlines(
    path: str | os.PathLike[str],
    outlines: npt.NDArray[np.object_],
    properties: pd.DataFrame,
    *,
    overwrite: bool = False,
) -> None:
    """Write the outlines of clusters as GeoJSON, in nm.

    Parameters
    ----------
    path : str or path-like
        The file.
    outlines : ndarray of shape (n_clusters,) of shapely geometries, nm
        The outline of each cluster; None where there is none.
    properties : DataFrame of n_clusters rows
        What else is known of each cluster. Its column ``cluster`` gives the ids; without one they
        count from 0.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Raises
    ------
    InputError
        If there is not one row per outline.
    OutputError
        If the file cannot be written.

    Notes
    -----
    Coordinates are rounded to 0.001 nm. NaN and infinite properties are null: JSON has no others.

    Examples
    --------
    >>> from pathlib import Path
    >>> import shapely
    >>> from tempfile import TemporaryDirectory
    >>> outlines = np.array([shapely.box(0, 0, 30, 20)], dtype=object)
    >>> with TemporaryDirectory() as home:
    ...     path = Path(home, "outlines.geojson")
    ...     write_outlines(path, outlines, pd.DataFrame({"area_nm2": [600.0]}))
    ...     json.loads(path.read_text())["features"][0]["properties"]
    {'area_nm2': 600.0}
    """
    outlines = np.asarray(outlines, dtype=object)
    if len(outlines) != len(properties):
        raise InputError(
            f"one row of properties per outline is needed; got {len(properties)} for "
            f"{len(outlines)} outlines"
        )
    with whole_file(path, overwrite=overwrite) as partial:
        write_features(partial, outlines, properties, _json)


def write_json(path: str | os.PathLike[str], obj: object, *, overwrite: bool = False) -> None:
    """Write numbers, texts, arrays, lists and dicts as JSON.

    Parameters
    ----------
    path : str or path-like
        The file.
    obj : object
        What to write; NaN and infinite numbers become null.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Raises
    ------
    InputError
        If there is something else in it.
    OutputError
        If the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     write_json(Path(home, "a.json"), {"counts": np.array([1, 2]), "area": np.nan})
    ...     json.loads(Path(home, "a.json").read_text())
    {'counts': [1, 2], 'area': None}
    """
    text = _json(obj, indent=2)
    with whole_file(path, overwrite=overwrite) as partial:
        partial.write_text(text + "\n", encoding="utf-8", newline="\n")


def _json(obj: object, indent: int | None = None) -> str:
    """Return JSON."""
    return json.dumps(_plain(obj), ensure_ascii=False, allow_nan=False, indent=indent)


def _plain(obj: object) -> Any:
    """Return what JSON can hold."""
    if isinstance(obj, np.ndarray):
        obj = obj.tolist()
    elif isinstance(obj, np.generic):
        obj = obj.item()
    if isinstance(obj, dict):
        return {str(key): _plain(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [_plain(value) for value in obj]
    if obj is None or obj is pd.NA or obj is pd.NaT:
        return None
    if isinstance(obj, float):
        return obj if math.isfinite(obj) else None
    if isinstance(obj, (str, int)):
        return obj
    if isinstance(obj, os.PathLike):
        return os.fspath(obj)
    raise InputError(f"JSON holds numbers, texts, lists and dicts; got {type(obj).__name__}")
