"""Time what a user waits for before anything happens: the import and the help.

    python benchmarks/bench_startup.py

Each is a fresh process, run once to warm the disk's cache and then several times. A bare
interpreter is the peer that no package can beat. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("caml"))
CASES = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import caml": [sys.executable, "-c", "import caml"],
    "caml --help": [COMMAND, "--help"],
    "caml analyse --help": [COMMAND, "analyse", "--help"],
    "caml models": [COMMAND, "models"],
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    print("| command | median s | min s | max s |")
    print("|---|---|---|---|")
    for name, command in CASES.items():
        seconds(command)
        times = [seconds(command) for _ in range(runs)]
        print(
            f"| `{name}` | {statistics.median(times):.3f} | {min(times):.3f} | {max(times):.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
