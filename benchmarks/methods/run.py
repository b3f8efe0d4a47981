"""Every method and network on images of known truth, and how long each takes.

    python benchmarks/methods/run.py                    # all; goes on where it was interrupted
    python benchmarks/methods/run.py --only accuracy    # the scores; or: timing, memory
    python benchmarks/methods/run.py --quick            # one image of three scenarios, in a minute

The public benchmark of Nieves et al. 2023 (../shared/data/nieves2023; skipped where it is not at
hand) and the four densities of Fig. 3 of Williamson et al. 2020, simulated. Images 1 to 10 are
scored; "best" parameters are those of the highest mean ARI on images 11 and 12 of the same kind.
Slow methods see two images, as they come, of all but the quickest. Networks are run as they come:
their default prior, no parameter. Writes docs/benchmark_methods.md, a table of every mean (csv) and
pictures.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from images import DATA, PAIRS, score
from memory import memories
from report import write
from settings import GRIDS, NETWORKS, SLOW, SUGGESTED
from timing import timings
from tqdm import tqdm

from caml._machine import end_with_parent, use_threads
from caml.methods import METHODS

MEASURED = ("accuracy", "timing", "memory")
SCORED, CHOSEN_ON, FEW = range(1, 11), range(11, 13), range(1, 3)
# Dominant sets take minutes where detections lie over each other.
LEFT_OUT = {"dominant-sets": "blinking"}
# Where the slow methods are quick enough to be treated as the others are.
QUICK_ENOUGH = "molecules"
Job = tuple[str, int, str, str, dict[str, Any]]


def key(job: Job) -> str:
    """Name a job in the file of results."""
    return json.dumps(job, sort_keys=True)


def measure(jobs: Iterable[Job], path: Path, n_jobs: int) -> dict[str, dict[str, float]]:
    """Do what is not done yet, and keep each result as it comes."""
    known = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            one = json.loads(line)
            known[one["key"]] = one["result"]
        except (ValueError, KeyError):
            continue  # cut off by an interruption
    todo = [job for job in jobs if key(job) not in known]
    pool = ProcessPoolExecutor(n_jobs, get_context("spawn"), initializer=start)
    with pool, path.open("a", encoding="utf-8") as file:
        futures = {pool.submit(score, *job): job for job in todo}
        for future in tqdm(as_completed(futures), total=len(todo), desc=path.stem):
            name = key(futures[future])
            known[name] = future.result()
            file.write(json.dumps({"key": name, "result": known[name]}) + "\n")
            file.flush()
    return known


def start() -> None:
    """Begin a process: one thread, and an end when its parent ends."""
    end_with_parent()
    use_threads(1)


def scenarios(*, quick: bool) -> list[str]:
    """List the images' names."""
    simulated = [f"{density} {n}" for density, n in PAIRS]
    public = []
    if DATA.exists():
        public = [f"molecules_{n:02d}" for n in range(1, 11)]
        public += [f"blinking_{n:02d}" for n in range(2, 11)]
    return (public[1:2] + simulated[:2]) if quick else public + simulated


def accuracy(out: Path, n_jobs: int, *, quick: bool) -> pd.DataFrame:
    """Score every method and network; return a row per scenario, method and setting."""
    names = scenarios(quick=quick)
    scored = SCORED[:1] if quick else SCORED
    trials: dict[tuple[str, str], list[dict[str, Any]]] = {
        (name, method): [dict(one) for one in grid[:: 6 if quick else 1]]
        for name in names
        for method, grid in GRIDS.items()
        # Where nothing is clustered, nothing can be chosen.
        if name != "molecules_01" and (method not in SLOW or name.startswith(QUICK_ENOUGH))
    }
    chosen_on = CHOSEN_ON[:1] if quick else CHOSEN_ON
    known = measure(
        (
            (name, number, method, "trial", parameters)
            for (name, method), grid in trials.items()
            for parameters in grid
            for number in chosen_on
        ),
        out / "trials.jsonl",
        n_jobs,
    )
    jobs: list[Job] = []
    for name in names:
        for method in (*METHODS, *NETWORKS):
            if name.startswith(LEFT_OUT.get(method, " ")):
                continue
            is_slow = method in SLOW and not name.startswith(QUICK_ENOUGH)
            numbers = FEW[: len(scored)] if is_slow else scored
            jobs += [(name, number, method, "default", {}) for number in numbers]
            if method in SUGGESTED:
                jobs += [(name, number, method, "suggested", {}) for number in numbers]
            if (name, method) in trials:
                best = max(
                    trials[name, method],
                    key=lambda one: np.mean(
                        [known[key((name, i, method, "trial", one))]["ari"] for i in chosen_on]
                    ),
                )
                jobs += [(name, number, method, "best", best) for number in numbers]
    found = measure(jobs, out / "scores.jsonl", n_jobs)
    rows = [
        {"images": name, "method": method, "setting": setting, "parameters": json.dumps(parameters)}
        | found[key((name, number, method, setting, parameters))]
        for name, number, method, setting, parameters in jobs
    ]
    by = ["images", "method", "setting", "parameters"]
    groups = pd.DataFrame(rows).groupby(by, sort=False)
    means = groups.mean().assign(seconds=groups["seconds"].median()).reset_index()
    return means.drop(columns=["n_matched"])


def main() -> None:
    """Measure what is missing, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one image of three scenarios")
    parser.add_argument("--out", type=Path, default=None, help="folder of what is measured")
    parser.add_argument("--only", choices=MEASURED, help="measure this alone")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    arguments = parser.parse_args()
    out = arguments.out or Path("methods-quick" if arguments.quick else "methods-results")
    out.mkdir(parents=True, exist_ok=True)
    for name in MEASURED if arguments.only is None else (arguments.only,):
        if name == "accuracy":
            table = accuracy(out, arguments.jobs, quick=arguments.quick)
        elif name == "timing":
            table = timings(out / "timing.jsonl", quick=arguments.quick)
        else:
            table = memories(out / "memory.jsonl", quick=arguments.quick)
        table.to_csv(out / f"{name}.csv", index=False)
    known = {
        name: pd.read_csv(out / f"{name}.csv")
        for name in MEASURED
        if (out / f"{name}.csv").exists()
    }
    docs = out if arguments.quick else Path(__file__).resolve().parents[2] / "docs"
    print(f"wrote {write(known, docs)}")


if __name__ == "__main__":
    main()
