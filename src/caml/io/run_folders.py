"""What lies in folders of results: the record of a run, and tables of clusters and images."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from caml.errors import MissingFileError, TableError

__all__ = [
    "CLUSTERS",
    "LOCALIZATIONS",
    "OUTLINES",
    "OUTLINES_IN_PARTS",
    "PAGE",
    "PARTS",
    "PICTURE",
    "RECORD",
    "REGIONS",
    "SUMMARY",
    "read_record",
    "read_table",
]

# Of a run.
RECORD = "run.json"
SUMMARY = "summary.csv"
# Holds regions where not all are rectangles.
REGIONS = "regions.geojson"
# Of a run, and of an image.
PAGE = "report.html"
# Of an image: one table; in tiles a folder of PARTS, and so the outlines.
PARTS = "localizations.parquet"
LOCALIZATIONS = ("localizations.csv", PARTS)
CLUSTERS = "clusters.csv"
OUTLINES = "outlines.geojson"
OUTLINES_IN_PARTS = "outlines.parquet"
PICTURE = "overview.png"

TEXTS = ("image", "region")


def read_record(path: Path) -> dict[str, Any]:
    """Read run.json, and make sure that it is one.

    Parameters
    ----------
    path : Path
        The folder of results.

    Returns
    -------
    dict
        What it holds; where there is none, that the run was interrupted.

    Raises
    ------
    TableError
        If it is no such record.
    """
    file = path / RECORD
    if not file.is_file():
        return {"interrupted": True, "not_analysed": []}
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        inputs = [(one["folder"], one["error"]) for one in record["inputs"]]
        whole = {"interrupted", "not_analysed", "arguments", "model"} <= set(record)
        if not whole or not all(isinstance(folder, str) for folder, _ in inputs):
            raise KeyError
    except (ValueError, KeyError, TypeError) as error:
        raise TableError(
            "it is no record of a run of caml analyse, or is damaged; analyse the tables again",
            path=file,
        ) from error
    return dict(record)


def read_table(path: Path, needed: Collection[str]) -> pd.DataFrame:
    """Read a table of clusters or images that caml wrote, and refuse one that is not whole.

    Parameters
    ----------
    path : Path
        The file.
    needed : collection of str
        The columns that it must have, with a value in every row.

    Returns
    -------
    DataFrame
        Its rows.

    Raises
    ------
    MissingFileError
        If it is not there.
    TableError
        If it is damaged; the line is named where there is one.
    """
    try:
        ends = _ends_whole(path)
        table = pd.read_csv(
            path, dtype=dict.fromkeys(TEXTS, str), keep_default_na=False, na_values=[""]
        )
    except FileNotFoundError as error:
        raise MissingFileError(f"{path} is not there; analyse the image again") from error
    except (OSError, ValueError) as error:  # empty, no csv, or no text
        raise TableError(f"it cannot be read as a table ({error})", path=path) from error
    missing = [name for name in needed if name not in table]
    if missing:
        raise TableError(f"it has no column {', '.join(missing)}", path=path)
    texts = [name for name in TEXTS if name in table]
    table[texts] = table[texts].fillna("")
    for name in table.columns.difference([*TEXTS, "touches_border"], sort=False):
        if table[name].dtype.kind not in "iufb":
            wrong = pd.to_numeric(table[name], errors="coerce").isna() & table[name].notna()
            if not wrong.any():
                table[name] = pd.to_numeric(table[name])
                continue
            line = int(np.flatnonzero(wrong)[0]) + 2
            raise TableError(
                f"{name} must be a number, got {table[name][wrong].iloc[0]!r}", path=path, line=line
            )
    # Fields that are missing at the end of a line are read as empty ones.
    empty = table[[*needed, *(name for name in ("touches_border",) if name in table)]].isna()
    short = np.flatnonzero(empty.any(axis=1))
    if len(short) or not ends:
        line = int(short[0]) + 2 if len(short) else len(table) + 1
        raise TableError("the line is not whole: the file was cut off", path=path, line=line)
    return table


def _ends_whole(path: Path) -> bool:
    """Tell whether the last line of a file has an end."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 1, 0))
        return file.read() == b"\n"
