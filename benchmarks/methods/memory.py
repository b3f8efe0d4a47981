"""What each method's memory grows by, for each localization.

    python benchmarks/methods/memory.py              # every method, 20,000 and 80,000 localizations
    python benchmarks/methods/memory.py voronoi 1000000

Half of the localizations in clusters of twenty, 100/µm²; a process for each. The peak beyond what
it had after a first small image, which loads and compiles. Prints a Markdown table.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import warnings

import numpy as np

from caml.methods import METHODS, run_method

SIZES = (20_000, 80_000)


def peak(name: str, n: int) -> float:
    """Run a method here, and return by how many bytes the peak of memory grew."""
    rng = np.random.default_rng(0)
    side = float(np.sqrt(n / 100) * 1_000)
    centres = rng.uniform(0, side, (n // 40, 1, 2))
    near = (centres + rng.normal(0, 25, (n // 40, 20, 2))).reshape(-1, 2)
    positions = np.vstack([near, rng.uniform(0, side, (n - len(near), 2))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_method(name, positions[:200] / 10)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        run_method(name, positions)
    return 1024.0 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def measured(name: str, n: int) -> str:
    """Run a method in a process of its own, and return bytes for each localization."""
    command = [sys.executable, __file__, name, str(n)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout.strip() if run.returncode == 0 else run.stderr.strip().splitlines()[-1]


def main() -> None:
    """Print the table, or the one that was asked for."""
    if len(sys.argv) == 3:
        name, n = sys.argv[1], int(sys.argv[2])
        print(f"{peak(name, n) / n:.0f}")
        return
    print("| method | " + " | ".join(f"{n:,}: bytes each" for n in SIZES) + " |")
    print("|---|" + "---|" * len(SIZES))
    for name in METHODS:
        # Minutes, and no more memory than of few.
        sizes = [n if name != "optics" else n // 4 for n in SIZES]
        print(f"| {name} | " + " | ".join(measured(name, n) for n in sizes) + " |", flush=True)


if __name__ == "__main__":
    main()
