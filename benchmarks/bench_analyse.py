"""Time commands on files from process start to written results, with their peak memory.

    python benchmarks/bench_analyse.py            # sizes from 10⁴ to 10⁷; 10 minutes
    python benchmarks/bench_analyse.py FILE.csv   # a file of your own, x [nm] and y [nm] in it

On the same csv, by processes of their own, repeats interleaved, medians shown: ``caml classify``
(every localization gets its score and label), ``caml analyse`` (clusters, outlines, tables and the
picture too), and what a user of scikit-learn runs: DBSCAN (30 nm, 10 samples, n_jobs = −1) and, up
to 10⁵ and once, HDBSCAN (10). "neighbours twice" reads, finds 100 neighbours of each localization
two times and writes: twice the bare neighbours, with reading and writing. The simulated tables hold
half-clustered cells (20 localizations within 50 nm). Prints Markdown tables.
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
from machine import machine

CAML = str(Path(sys.executable).with_name("caml"))
PEER = str(Path(__file__).with_name("dbscan_file.py"))
TABLES = str(Path(__file__).with_name("large_table.py"))
# What docs/performance.md was measured with; the default is another network since.
MODEL = ("--model", "XPILJZ")
COMMANDS = {
    "caml classify": (
        CAML,
        "classify",
        "{path}",
        "--model",
        "XPILJZ",
        "--out",
        "{out}",
        "--overwrite",
    ),
    "caml analyse": (
        CAML,
        "analyse",
        "{path}",
        "--model",
        "XPILJZ",
        "--out",
        "{out}_a",
        "--overwrite",
    ),
    "DBSCAN": (sys.executable, PEER, "{path}", "{peer}"),
    "HDBSCAN": (sys.executable, PEER, "{path}", "{peer}", "--hdbscan"),
    "neighbours twice": (sys.executable, __file__, "--bound", "{path}", "{peer}"),
}
STAGES = ("read", "neighbours", "classify", "segment", "outline", "describe", "write")
SIZES = (10_000, 100_000, 500_000, 1_000_000, 10_000_000)
REPEATS = 3
# Of more the whole takes minutes, and is timed once.
REPEATED_UP_TO = 2_000_000
# HDBSCAN of more takes minutes.
HDBSCAN_UP_TO = 150_000


def make_table(folder: Path, size: int) -> Path:
    """Write a csv, in a process of its own: a child's peak is never below its parent's size."""
    path = folder / f"cell_{size}.csv"
    subprocess.run([sys.executable, TABLES, str(size), str(path)], check=True, capture_output=True)
    return path


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak memory in MB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def bound(path: str, result: str) -> None:
    """Read, find the neighbours twice, and write: what labels could take at best."""
    import caml
    from caml.io import result_table, write_table
    from caml.neighbours import NeighbourSearch

    localizations = caml.read(path)
    for _ in range(2):
        for _ in NeighbourSearch(localizations).chunks(100, lambda *_: None):
            pass
    n = len(localizations)
    table = result_table(localizations, np.zeros(n), np.zeros(n, dtype=np.int8))
    write_table(result, table, overwrite=True)


def main() -> None:
    if sys.argv[1:2] == ["--bound"]:
        bound(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    files = parser.parse_args().files
    print(machine())
    print()
    print("Seconds from process start to written results (MB of memory at the peak)")
    print()
    print(f"| localizations | {' | '.join(COMMANDS)} | DBSCAN over caml classify |")
    print("|---|" + "---|" * (len(COMMANDS) + 1))
    stages = []
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        for size in files or SIZES:
            path = size if isinstance(size, Path) else make_table(folder, size)
            with path.open("rb") as file:
                n = sum(1 for _ in file) - 1
            places = {"path": str(path), "out": str(folder / "out"), "peer": str(folder / "p.csv")}
            commands = {
                name: [part.format(**places) for part in command]
                for name, command in COMMANDS.items()
                if name != "HDBSCAN" or n <= HDBSCAN_UP_TO
            }
            for name, command in commands.items():  # compiled, and in the disk's cache
                if not stages and name != "HDBSCAN":
                    measured(command)
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
            for repeat in range(REPEATS if n <= REPEATED_UP_TO else 1):
                for name, command in commands.items():
                    if repeat == 0 or name != "HDBSCAN":
                        found[name].append(measured(command))
            medians = {name: np.median(times, axis=0) for name, times in found.items() if times}
            cells = [
                f"{medians[name][0]:.2f} ({medians[name][1]:.0f})" if name in medians else "–"
                for name in COMMANDS
            ]
            ratio = medians["DBSCAN"][0] / medians["caml classify"][0]
            print(f"| {n:,} | {' | '.join(cells)} | {ratio:.2f} |", flush=True)
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
