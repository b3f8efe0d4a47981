"""Write tables of any size: simulated cells, side by side.

python benchmarks/large_table.py 10000000 table.parquet
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from caml.simulate import Scenario, simulate

__all__ = ["large_table", "write_csv"]

CELL = 1_000_000
N_CELLS = 8


def cells(
    n: int, density: float, generator: np.random.Generator, percent_clustered: float = 50
) -> list[np.ndarray]:
    """Simulate a few cells (20 within 50 nm; within 30 nm where it is dense)."""
    size = min(n, CELL)
    scenario = Scenario(
        density=density,
        n_per_cluster=20,
        radius_nm=50 if density <= 100 else 30,
        percent_clustered=percent_clustered,
        field_um=float(np.sqrt(size / density / 0.28)),
    )
    seeds = range(min(N_CELLS, max(1, round(n / size))))
    return [
        generator.permutation(simulate(scenario, seed=seed).localizations.positions)
        for seed in seeds
    ]


def large_table(path: Path, n: int, density: float = 100, percent_clustered: float = 50) -> int:
    """Write about n localizations to parquet, and return how many.

    Cells lie on a square grid, each moved by a part of a nanometre of its own, so that no position
    comes twice and no two are alike. Rows come cell by cell, in no order within one.
    """
    generator = np.random.default_rng(n)
    some = cells(n, density, generator, percent_clustered)
    step = max(float(np.ptp(cell, axis=0).max()) for cell in some) + 1000
    n_copies = max(1, round(n / len(some[0])))
    side = int(np.ceil(np.sqrt(n_copies)))
    schema = pa.schema([("x [nm]", pa.float64()), ("y [nm]", pa.float64()), ("frame", pa.int32())])
    n_rows = 0
    with pq.ParquetWriter(path, schema) as writer:
        for copy in range(n_copies):
            cell = some[copy % len(some)]
            noise = generator.uniform(-0.05, 0.05, cell.shape)
            moved = cell + noise + np.array([copy % side, copy // side]) * step
            frame = generator.integers(1, 50_000, len(moved), dtype=np.int32)
            table = pa.Table.from_arrays([*map(pa.array, (*moved.T, frame))], schema=schema)
            writer.write_table(table, row_group_size=250_000)
            n_rows += len(moved)
    return n_rows


def write_csv(path: Path, parquet: Path) -> None:
    """Write such a table as csv."""
    from pyarrow import csv

    csv.write_csv(pq.read_table(parquet), path)


if __name__ == "__main__":
    size, target = int(float(sys.argv[1])), Path(sys.argv[2])
    if target.suffix == ".csv":
        with tempfile.TemporaryDirectory() as home:
            large_table(Path(home, "table.parquet"), size)
            write_csv(target, Path(home, "table.parquet"))
    else:
        large_table(target, size)
