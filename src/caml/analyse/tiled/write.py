"""Results of a tiled analysis: the parts of the tables, and what sums them up."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from caml.analyse.tiled.clusters import outlines
from caml.analyse.tiled.divide import flat
from caml.analyse.tiled.steps import Work
from caml.analyse.tiled.store import Store
from caml.io import ParquetTable, result_table, write_table

__all__ = ["move_parts", "write_outlines_part", "write_part"]


FILE = "part.parquet"


def write_part(work: Work, table: ParquetTable, number: int) -> None:
    """Write a part of the table with what was found, every row and column of it in its order.

    Parameters
    ----------
    work : Work
        The run; every tile is labelled.
    table : ParquetTable
        What was analysed.
    number : int
        Which part of it.
    """
    store = work.store
    part = table.read(number)
    is_3d = bool(store.load("known", 0, "is_3d"))
    n_dimensions = work.network.card.n_dimensions
    part = replace(part, positions=flat(part.positions, is_3d=is_3d, n_dimensions=n_dimensions))
    order = np.array(store.load("split", number, "order"))
    ends = np.array(store.load("split", number, "ends"))
    like = store.load("score", 0, "score")
    score = np.full((len(part), *like.shape[1:]), np.nan, dtype=np.float64)
    label = np.full(len(part), -1, dtype=np.int8)
    cluster = np.full(len(part), -1, dtype=np.int64)
    for tile in range(work.plan.n_tiles):
        rows = order[ends[tile] : ends[tile + 1]]
        if len(rows):
            start = int(store.load("tile", tile, "part_start")[number])
            there = slice(start, start + len(rows))
            score[rows] = store.load("score", tile, "score")[there]
            label[rows] = store.load("label", tile, "label")[there]
            cluster[rows] = store.load("labelled", tile, "cluster")[there]
    in_nm = bool(store.load("in_nm", 0, "value"))
    found = result_table(part, np.round(score, 6), label, cluster, with_positions=not in_nm)
    # Every part has the same columns of the same types, whatever it holds: the table's own first.
    n_own = len(table.schema)
    ours = pa.Schema.from_pandas(found.iloc[:, n_own:], preserve_index=False)
    own = map(pa.field, found.columns[:n_own].tolist(), table.schema.types)
    with store.writing("part", number) as folder:
        write_table(folder / FILE, found, file_format="parquet", schema=pa.schema([*own, *ours]))


def write_outlines_part(work: Work, number: int) -> None:
    """Write the outlines of a group of clusters as GeoParquet, nm.

    Parameters
    ----------
    work : Work
        The run; all clusters are numbered.
    number : int
        Which group.
    """
    store = work.store
    final = np.array(store.load("numbers", 0, f"group_{number}"))
    order = np.argsort(final)
    geometry = shapely.to_wkb(outlines(store, number)[order])
    described: dict[str, Any] = {"encoding": "WKB", "geometry_types": [], "crs": None}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": described}}
    schema = pa.schema(
        [("cluster", pa.int64()), ("geometry", pa.binary())], metadata={"geo": json.dumps(geo)}
    )
    columns = [pa.array(final[order]), pa.array(list(geometry), pa.binary())]
    with store.writing("drawn", number) as folder:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), folder / FILE)


def move_parts(store: Store, kind: str, n: int, folder: Path) -> None:
    """Move the files that were written part by part into one folder, in their order.

    Parameters
    ----------
    store : Store
        Where they were written.
    kind : str
        Which.
    n : int
        How many there are.
    folder : Path
        Where to; made here.
    """
    folder.mkdir()
    for number in range(n):
        item, path = store.path(kind, number), folder / f"part-{number:05d}.parquet"
        try:
            # They stay where they are until all is in its place, so that a run that is killed here
            # can be resumed.
            os.link(item / FILE, path)
        except OSError:
            shutil.copyfile(item / FILE, path)
