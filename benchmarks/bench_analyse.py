"""Time commands on files from process start to written results, with their peak memory.

    python benchmarks/bench_analyse.py            # sizes from 10⁴ to 10⁶; 4 minutes
    python benchmarks/bench_analyse.py FILE.csv   # a file of your own, x [nm] and y [nm] in it

On the same csv, by processes of their own, repeats interleaved, medians shown: ``caml classify``
(every localization gets its score and label), ``caml analyse`` (clusters, outlines, tables and the
picture too), and what a user of scikit-learn runs: DBSCAN (30 nm, 10 samples, n_jobs = −1) and, up
to 10⁵, HDBSCAN (10). The simulated tables hold half-clustered cells (20 localizations within
50 nm). Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from large_table import large_table, write_csv
from machine import machine

import caml
from caml.neighbours import NeighbourSearch

COMMAND = str(Path(sys.executable).with_name("caml"))
PEER = str(Path(__file__).with_name("dbscan_file.py"))
STAGES = ("read", "neighbours", "classify", "segment", "outline", "describe", "write")
SIZES = (10_000, 100_000, 500_000, 1_000_000)
REPEATS = 3
# HDBSCAN of more takes minutes.
HDBSCAN_UP_TO = 150_000


def measured(*command: str) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def bound(path: Path, folder: Path) -> float:
    """Return twice the time of the bare neighbours, and that of reading and writing."""
    start = time.perf_counter()
    localizations = caml.read(path)
    score, label = np.zeros(len(localizations)), np.zeros(len(localizations), dtype=np.int8)
    table = caml.io.result_table(localizations, score, label)
    caml.io.write_table(folder / "bare.csv", table, overwrite=True)
    files = time.perf_counter() - start
    start = time.perf_counter()
    for _ in NeighbourSearch(localizations).chunks(100, lambda *_: None):
        pass
    return files + 2 * (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    files = parser.parse_args().files
    print(machine())
    print()
    print("Seconds from process start to written results (MB of memory at the peak)")
    print()
    print(
        "| localizations | caml classify | caml analyse | DBSCAN | HDBSCAN "
        "| DBSCAN over caml classify | reading, writing and twice the neighbours |"
    )
    print("|---|---|---|---|---|---|---|")
    stages = []
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        out = str(folder / "out")
        bound_path = None
        for size in files or SIZES:
            if isinstance(size, Path):
                path = size
            else:
                path = folder / f"cell_{size}.csv"
                large_table(folder / "cell.parquet", size)
                write_csv(path, folder / "cell.parquet")
            n = len(caml.read(path))
            commands = {
                "classify": (COMMAND, "classify", str(path), "--out", out, "--overwrite"),
                "analyse": (COMMAND, "analyse", str(path), "--out", out + "_a", "--overwrite"),
                "DBSCAN": (sys.executable, PEER, str(path), str(folder / "peer.csv")),
            }
            if n <= HDBSCAN_UP_TO:
                commands["HDBSCAN"] = (*commands["DBSCAN"], "--hdbscan")
            if bound_path is None:
                for command in commands.values():  # compiled and in the disk's cache
                    measured(*command)
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
            bounds = []
            for _ in range(REPEATS):
                for name, command in commands.items():
                    found[name].append(measured(*command))
                bounds.append(bound(path, folder))
            bound_path = path
            medians = {name: np.median(times, axis=0) for name, times in found.items()}
            cells = [f"{seconds:.2f} ({memory:.0f})" for seconds, memory in medians.values()]
            cells += ["–"] * (4 - len(cells))
            ratio = medians["DBSCAN"][0] / medians["classify"][0]
            print(
                f"| {n:,} | {' | '.join(cells)} | {ratio:.2f} | {np.median(bounds):.2f} |",
                flush=True,
            )
            record = json.loads((folder / "out_a" / "run.json").read_text())
            stages.append((n, record["inputs"][0]["seconds"]))
    print()
    print("`caml analyse` stage by stage, seconds")
    print()
    print("| localizations | " + " | ".join(STAGES) + " |")
    print("|" + "---|" * (len(STAGES) + 1))
    for n, seconds in stages:
        print(f"| {n:,} | " + " | ".join(f"{seconds.get(one, 0):.2f}" for one in STAGES) + " |")


if __name__ == "__main__":
    main()
