"""Time what a user waits for before anything happens: the import and the help.

    python benchmarks/bench_startup.py

Each is a fresh process, run once to warm the disk's cache and then several times. A bare
interpreter is the peer that no package can beat. Files are analysed as on a fresh machine: nothing
that was compiled before is found. Prints a Markdown table; 2 minutes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from large_table import cells

COMMAND = str(Path(sys.executable).with_name("caml"))
CASES = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import caml": [sys.executable, "-c", "import caml"],
    "caml --help": [COMMAND, "--help"],
    "caml analyse --help": [COMMAND, "analyse", "--help"],
    "caml models": [COMMAND, "models"],
}
# On files of so many localizations; from 60,000 on the compiler is asked.
ON_FILES = [("analyse", 5_000), ("classify", 100_000), ("analyse", 100_000)]
RUNS_ON_FILES = 3


def seconds(command: list[str]) -> float:
    """Time a command that finds nothing compiled."""
    with tempfile.TemporaryDirectory() as nothing:
        environment = os.environ | {"NUMBA_CACHE_DIR": nothing}
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        return time.perf_counter() - start


def print_row(name: str, command: list[str], runs: int) -> None:
    times = [seconds(command) for _ in range(runs)]
    median = statistics.median(times)
    print(f"| {name} | {median:.3f} | {min(times):.3f} | {max(times):.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    print("| command | median s | min s | max s |")
    print("|---|---|---|---|")
    for name, command in CASES.items():
        seconds(command)
        print_row(f"`{name}`", command, runs)
    with tempfile.TemporaryDirectory() as folder:
        for name, n in ON_FILES:
            positions = cells(n, 100, np.random.default_rng(0))[0]
            path = Path(folder, "cell.csv")
            pd.DataFrame(positions, columns=["x [nm]", "y [nm]"]).to_csv(path, index=False)
            command = [COMMAND, name, str(path), "--out", f"{folder}/{name}", "--overwrite"]
            # What docs/performance.md was measured with; the default is another network since.
            command += ["--model", "XPILJZ"]
            print_row(f"`caml {name}`, {len(positions):,} localizations", command, RUNS_ON_FILES)


if __name__ == "__main__":
    main()
