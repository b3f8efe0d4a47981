"""Time ``caml analyse`` from start to finish, stage by stage, with its peak memory.

    python benchmarks/bench_analyse.py                 # 10⁴, 62 thousand and 10⁶ localizations
    python benchmarks/bench_analyse.py FILE            # a file of your own

The simulated tables hold half-clustered cells (20 localizations within 50 nm). scikit-learn's
DBSCAN (45 nm, 7) on the same positions, alone and without reading or writing, is the peer. Prints
a Markdown table.
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
from sklearn.cluster import DBSCAN

import caml
from caml.simulate import Scenario, simulate

COMMAND = str(Path(sys.executable).with_name("caml"))
STAGES = ("read", "neighbours", "classify", "segment", "outline", "describe", "write")
SIZES = (10_000, 62_000, 1_000_000)


def make_table(n: int, folder: Path) -> Path:
    """Write a half-clustered cell of about n localizations."""
    # 100 per µm² in a cell of about 0.28 of its field.
    scenario = Scenario(density=100, field_um=float(np.sqrt(n / 100 / 0.28)))
    path = folder / f"cell_{n}.parquet"
    simulate(scenario, seed=n).localizations.table.to_parquet(path)
    return path


def analyse(path: Path, folder: Path) -> tuple[float, float, dict[str, float]]:
    """Return seconds in all, peak memory in MB, and seconds per stage."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [COMMAND, "analyse", str(path), "--out", str(folder), "--overwrite"],
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"caml analyse failed on {path}")
    record = json.loads((folder / "run.json").read_text())
    return time.perf_counter() - start, usage.ru_maxrss / 1024, record["inputs"][0]["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    files = parser.parse_args().files
    print(
        "| localizations | start to finish s | peak MB | "
        + " | ".join(f"{stage} s" for stage in STAGES)
        + " | DBSCAN alone s |"
    )
    print("|" + "---|" * (len(STAGES) + 4))
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        for path in files or [make_table(n, folder) for n in SIZES]:
            total, memory, stages = analyse(path, folder / "results")
            positions = caml.read(path).positions
            start = time.perf_counter()
            DBSCAN(eps=45, min_samples=7, n_jobs=-1).fit(positions)
            peer = time.perf_counter() - start
            cells = " | ".join(f"{stages.get(stage, 0):.2f}" for stage in STAGES)
            print(
                f"| {len(positions):,} | {total:.1f} | {memory:.0f} | {cells} | {peer:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
