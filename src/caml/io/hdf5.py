"""Picasso's HDF5 files: the table at /locs, and the pixel size from what lies beside it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from caml.errors import TableError
from caml.io._names import unique_names
from caml.io.parsed import Check, Parsed, Ranges

__all__ = ["parse", "recognises"]

PIXEL_SIZE_KEYS = ("Pixelsize", "Camera.Pixelsize")


def recognises(path: Path, head: bytes) -> bool:  # noqa: ARG001 (parsers share one signature)
    r"""Tell whether a file is HDF5.

    Parameters
    ----------
    path : Path
        The file.
    head : bytes
        How it begins; a block of the user's (of 512 bytes in MATLAB's files) may come first.

    Returns
    -------
    bool
        True if so.
    """
    return any(head[at : at + 8] == b"\x89HDF\r\n\x1a\n" for at in (0, 512, 1024, 2048))


def parse(path: Path, head: bytes, check: Check, ranges: Ranges = None) -> Parsed:  # noqa: ARG001
    """Read the table at /locs.

    Parameters
    ----------
    path : Path
        The file.
    head : bytes
        How it begins.
    check : callable
        Takes the names of the columns, and raises if they cannot be used.
    ranges : callable, optional
        Not used: every row is read.

    Returns
    -------
    Parsed
        Its columns and rows, and the pixel size from the yaml file beside it or from /metadata.

    Raises
    ------
    TableError
        If the file is damaged, or holds no table that can be read.
    """
    try:
        # Where a network folder cannot lock files, reading needs no lock.
        with h5py.File(path, "r", locking="best-effort") as file:
            if "locs" not in file:
                raise TableError(
                    "an HDF5 file is read as Picasso's, with the table at /locs; this one holds "
                    + (", ".join(f"/{name}" for name in file) or "nothing"),
                    path=path,
                )
            columns = _columns(file["locs"], path)
            names = unique_names(name for name, _ in columns)
            check(names)
            table = pd.DataFrame(
                {name: _plain(values) for name, (_, values) in zip(names, columns, strict=True)}
            )
            documents = _metadata(file)
    except (OSError, RuntimeError, KeyError) as error:
        raise TableError(f"a damaged HDF5 file: {error}", path=path) from error
    pixel_size_nm, tried = _pixel_size(documents), "/metadata"
    if pixel_size_nm is None:
        beside = path.with_suffix(".yaml")
        documents, tried = _yaml(beside)
        pixel_size_nm = _pixel_size(documents)
    return Parsed(table, pixel_size_nm, "" if pixel_size_nm else tried)


def _columns(locs: h5py.Group | h5py.Dataset, path: Path) -> list[tuple[str, npt.NDArray[Any]]]:
    """Take the columns out of whatever /locs is."""
    if isinstance(locs, h5py.Dataset):
        return _fields(locs, path)
    if "axis0" in locs:
        return _fixed(locs, path)
    if "table" in locs and isinstance(locs["table"], h5py.Dataset):
        return [(name, values) for name, values in _fields(locs["table"], path) if name != "index"]
    raise TableError(
        "the group /locs is not a table that pandas wrote; it holds " + ", ".join(locs), path=path
    )


def _fields(dataset: h5py.Dataset, path: Path) -> list[tuple[str, npt.NDArray[Any]]]:
    """Take the named fields of a compound dataset."""
    names = dataset.dtype.names
    wide = [name for name in names or () if dataset.dtype[name].subdtype is not None]
    if names is None or dataset.ndim != 1 or wide:
        raise TableError(
            f"{dataset.name} must be a list of rows with named fields, got shape {dataset.shape} "
            f"of {dataset.dtype}; pandas names the fields with to_hdf(…, data_columns=True)",
            path=path,
        )
    rows = dataset[()]
    return [(name, rows[name]) for name in names]


def _fixed(group: h5py.Group, path: Path) -> list[tuple[str, npt.NDArray[Any]]]:
    """Take the columns of a table in pandas's fixed format: blocks of columns of one type."""
    found: dict[str, npt.NDArray[Any]] = {}
    for key in group:
        if not (key.startswith("block") and key.endswith("_items")):
            continue
        items = _texts(group[key][()])
        values = group[key.replace("_items", "_values")]
        if values.ndim != 2 or values.dtype.kind not in "biuf":
            raise TableError(
                f"the columns {', '.join(items)} are stored as Python objects, which are not "
                "loaded, for safety; save the table as csv or parquet",
                path=path,
            )
        block = values[()] if values.attrs.get("transposed", 1) else values[()].T
        found |= {name: block[:, i] for i, name in enumerate(items)}
    order = _texts(group["axis0"][()])
    missing = [name for name in order if name not in found]
    if missing:
        raise TableError(f"/locs lacks the values of {', '.join(missing)}", path=path)
    return [(name, found[name]) for name in order]


def _plain(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return values in this machine's byte order, and bytes as text."""
    if values.dtype.kind in "SO":
        return np.asarray(_texts(values), dtype=object)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("="))


def _texts(values: npt.NDArray[Any]) -> list[str]:
    """Decode names."""
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]


def _metadata(file: h5py.File) -> list[Any]:
    """Read the JSON at /metadata: a dataset, or an attribute of the file or of /locs."""
    found: list[Any] = []
    for holder in (file, file["locs"].attrs, file.attrs):
        if "metadata" not in holder:
            continue
        item = holder["metadata"]
        value = item[()] if isinstance(item, h5py.Dataset) else item
        if isinstance(value, np.ndarray):
            value = value.tobytes() if value.dtype.kind == "u" else value.ravel()[0]
        try:
            document = json.loads(value)
        except (TypeError, ValueError):
            continue
        found += document if isinstance(document, list) else [document]
    return found


class _Loader(yaml.SafeLoader):
    """Reads plain values, and nothing where a tag asks for a Python object."""


_Loader.add_multi_constructor("", lambda *_: None)


def _yaml(path: Path) -> tuple[list[Any], str]:
    """Read every document of a yaml file, and say what was tried."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return list(yaml.load_all(file, Loader=_Loader)), f"{path.name} gives no Pixelsize"
    except FileNotFoundError:
        return [], f"there is no {path.name} beside it"
    except (OSError, ValueError, yaml.YAMLError) as error:
        return [], f"{path.name} cannot be read ({' '.join(str(error).split())})"


def _pixel_size(documents: Iterable[Any]) -> float | None:
    """Find the pixel size, nm, in the last document that gives one."""
    for document in reversed(list(documents)):
        for key in PIXEL_SIZE_KEYS if isinstance(document, dict) else ():
            try:
                value = float(document[key])
            except (KeyError, TypeError, ValueError):
                continue
            if math.isfinite(value) and value > 0:
                return value
    return None
