"""Time the whole analysis as tables grow, with its peak memory: in memory, and in tiles.

    python benchmarks/bench_scale.py FOLDER           # 10⁵, 10⁶ and 10⁷: 5 minutes, 3 GB of disk
    python benchmarks/bench_scale.py FOLDER --largest # and 10⁸ in tiles: 15 minutes more, 20 GB
    python benchmarks/bench_scale.py FOLDER --all-clustered # 10⁶, all of them clustered

Tables of half-clustered cells in parquet (benchmarks/large_table.py), made in FOLDER where they are
not there yet. ``caml analyse --format parquet`` from process start to written results, outlines,
tables and picture; in tiles (``--tile``) it is out of core. Medians of three runs up to 10⁶, after
one that is not counted. Prints a Markdown table; the exponent is that of the growth of time with
the number of localizations from the row before of the same kind.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from large_table import large_table
from machine import machine

COMMAND = str(Path(sys.executable).with_name("caml"))
REPEATS = 3
STAGES = ("divide", "read", "classify", "segment", "outline", "describe", "write")


def analyse(path: Path, out: Path, *options: str) -> tuple[float, float, dict[str, float]]:
    """Return seconds in all, peak memory in MB, and seconds per stage."""
    shutil.rmtree(out, ignore_errors=True)
    command = [
        COMMAND,
        "analyse",
        str(path),
        "--model",
        "XPILJZ",
        "--out",
        str(out),
        "--format",
        "parquet",
        *options,
    ]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    record = json.loads((out / "run.json").read_text())
    shutil.rmtree(out)
    return seconds, usage.ru_maxrss / 1024, record["inputs"][0]["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--largest", action="store_true")
    parser.add_argument("--all-clustered", action="store_true")
    arguments = parser.parse_args()
    in_tiles = ("--tile", "2000000")
    runs: list[tuple[float, tuple[str, ...]]] = [(1e5, ()), (1e6, ()), (1e7, ()), (1e7, in_tiles)]
    if arguments.largest:
        runs.append((1e8, in_tiles))
    if arguments.all_clustered:
        runs = [(1e6, ()), (1e6, ("--tile", "200000"))]
    percent = 100 if arguments.all_clustered else 50
    print(machine())
    print()
    print(
        "| localizations | how | seconds | µs per localization | exponent | peak MB | "
        + " | ".join(f"{stage} s" for stage in STAGES)
        + " |"
    )
    print("|" + "---|" * (len(STAGES) + 6))
    before: dict[tuple[str, ...], tuple[int, float]] = {}
    for size, options in runs:
        kind = "clustered" if arguments.all_clustered else "table"
        path = arguments.folder / f"{kind}_{size:.0e}.parquet"
        if not path.exists():
            large_table(path, int(size), percent_clustered=percent)
        n = pq.ParquetFile(path).metadata.num_rows
        out = arguments.folder / "out"
        if not before:  # compiled, and in the disk's cache
            analyse(path, out, *options)
        found = [analyse(path, out, *options) for _ in range(REPEATS if n < 2e6 else 1)]
        seconds, memory, stages = sorted(found, key=lambda one: one[0])[len(found) // 2]
        exponent = "–"
        if options in before:
            n_before, s_before = before[options]
            exponent = f"{np.log(seconds / s_before) / np.log(n / n_before):.2f}"
        before[options] = (n, seconds)
        cells = " | ".join(f"{stages.get(stage, 0):.1f}" for stage in STAGES)
        print(
            f"| {n:,} | {'tiles' if options else 'memory'} | {seconds:.1f} "
            f"| {seconds / n * 1e6:.2f} | {exponent} | {memory:.0f} | {cells} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
