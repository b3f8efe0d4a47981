"""Time what a user waits for before anything happens: the import and the help.

    python benchmarks/bench_startup.py

Each is a fresh process, run once to warm the disk's cache and then several times. A bare
interpreter is the peer that no package can beat. The analysis of 5,000 localizations is that of a
fresh machine: nothing that was compiled before is found. Prints a Markdown table.
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
    "caml analyse": [
        COMMAND,
        "analyse",
        "{folder}/cell.csv",
        "--out",
        "{folder}/out",
        "--overwrite",
    ],
}


def seconds(command: list[str], folder: str) -> float:
    command = [part.format(folder=folder) for part in command]
    environment = os.environ | {"NUMBA_CACHE_DIR": f"{folder}/nothing-compiled"}
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    print("| command | median s | min s | max s |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        positions = cells(5_000, 100, np.random.default_rng(0))[0]
        table = pd.DataFrame(positions, columns=["x [nm]", "y [nm]"])
        table.to_csv(Path(folder, "cell.csv"), index=False)
        for name, command in CASES.items():
            seconds(command, folder)
            times = [seconds(command, folder) for _ in range(runs)]
            size = f", {len(positions):,} localizations" if "{folder}/cell.csv" in command else ""
            print(
                f"| `{name}`{size} | {statistics.median(times):.3f} | {min(times):.3f} "
                f"| {max(times):.3f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
