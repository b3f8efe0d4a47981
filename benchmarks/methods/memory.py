"""What each method's memory grows by for each localization, of few and of four times as many."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from images import find
from tqdm import tqdm

from caml.localizations import Localizations
from caml.methods import METHODS

__all__ = ["memories"]

SIZES = (50_000, 200_000)
# Those that take minutes of so many.
FEWER = {"optics": 10, "bayesian": 5, "dominant-sets": 5, "hdbscan": 2}
OURS = ("LOGNM1",)


def memories(path: Path, *, quick: bool) -> pd.DataFrame:
    """Measure the peak of memory of methods, each in a process of its own; go on where it stopped.

    Parameters
    ----------
    path : Path
        Where results are kept as they come.
    quick : bool
        Whether only two methods are looked at.

    Returns
    -------
    DataFrame
        A row per method and size; ``bytes_each`` is NaN where it failed, with the reason in `why`.
    """
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(row["method"], row["n"]) for row in rows}
    names = ["dbscan", "voronoi"] if quick else [*METHODS, *OURS]
    jobs = [(name, size // FEWER.get(name, 1)) for name in names for size in SIZES]
    for name, n in tqdm([job for job in jobs if job not in done], desc="memory"):
        command = [sys.executable, __file__, name, str(n)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        failed = run.returncode != 0
        row = {
            "method": name,
            "n": n,
            "bytes_each": float("nan") if failed else float(run.stdout),
            "why": run.stderr.strip().splitlines()[-1] if failed else "",
        }
        rows.append(row)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return pd.DataFrame(rows)


def peak_growth(name: str, n: int) -> float:
    """Run a method here; return by how many bytes the peak grew beyond a first, small image's."""
    rng = np.random.default_rng(0)
    side = float(np.sqrt(n / 100) * 1_000)
    centres = rng.uniform(0, side, (n // 40, 1, 2))
    near = (centres + rng.normal(0, 25, (n // 40, 20, 2))).reshape(-1, 2)
    positions = np.vstack([near, rng.uniform(0, side, (n - len(near), 2))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        find(name, "default", {}, Localizations(positions[:200] / 10))
        # Compiling took more than a small image does: the peak begins anew (proc(5), Linux).
        Path("/proc/self/clear_refs").write_text("5")
        before = _peak()
        find(name, "default", {}, Localizations(positions))
    return _peak() - before


def _peak() -> float:
    """Return the peak of this process's memory, bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024.0 * int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    print(peak_growth(sys.argv[1], int(sys.argv[2])) / int(sys.argv[2]))
