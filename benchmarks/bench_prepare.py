"""Time the steps before clustering: merging by the number of localizations, drift by the bins.

    python benchmarks/bench_prepare.py            # a minute; --quick for seconds

Molecules evenly in a field of 40 µm, seen three times on average within 20 frames (merging), and
simulated clusters (drift); 30,000 frames. Prints Markdown tables.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from machine import machine

from caml.localizations import Localizations
from caml.prepare import estimate_drift, merge_reappearing
from caml.simulate import Scenario, simulate

N_FRAMES = 30_000


def molecules(n: int, n_dimensions: int) -> Localizations:
    """Make about so many localizations of molecules that reappear."""
    generator = np.random.default_rng(n)
    where = generator.uniform(0, 40_000, (n // 3, n_dimensions))
    which = np.repeat(np.arange(len(where)), generator.geometric(1 / 3, len(where)))
    frame = generator.integers(0, N_FRAMES, len(where))[which]
    frame += generator.integers(0, 20, len(which))
    seen = where[which] + generator.normal(0, 8, (len(which), n_dimensions))
    return Localizations(seen, frame=frame)


def main() -> None:
    quick = "--quick" in sys.argv
    print(f"{machine()}\n")
    print("| localizations | dimensions | merged | s |\n|---:|---:|---:|---:|")
    for n in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000, 3_000_000):
        for n_dimensions in (2, 3):
            given = molecules(n, n_dimensions)
            start = time.perf_counter()
            merged = merge_reappearing(given)
            seconds = time.perf_counter() - start
            print(f"| {len(given):,} | {n_dimensions} | {len(merged):,} | {seconds:.2f} |")
    field_um = 15 if quick else 40
    scenario = Scenario(density=200, field_um=field_um, detections_per_molecule=3)
    given = simulate(scenario, seed=1).localizations
    print("\n| localizations | field, µm | bins | s |\n|---:|---:|---:|---:|")
    for n_bins in (5, 10, 20):
        start = time.perf_counter()
        estimate_drift(given, n_bins=n_bins)
        seconds = time.perf_counter() - start
        print(f"| {len(given):,} | {field_um} | {n_bins} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
