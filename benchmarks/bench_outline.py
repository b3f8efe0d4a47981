"""Time the outlines of clusters against plain shapely, and measure what coarse circles cost.

    python benchmarks/bench_outline.py

Both unite discs of radius 2ε and erode by ε with the same number of straight pieces to a circle,
all clusters of one size at once: caml by following arcs, shapely by buffering each cluster's
multipoint. Clusters are Gaussian, of 50 nm, from fixed seeds; times are the median of three runs.
The error is the area that is lost against shapely's with 64 pieces to a quarter of a circle; no
holes are closed for it. A lone localization has no ε of its own and shows the error of one disc.

Then the whole of `caml.outline`, on simulated cells of 100 localizations per µm², half of them in
clusters: the best of three runs, and by how much the process's memory was at its largest above what
it is with the input and the result (Linux only). Prints two Markdown tables.
"""

from __future__ import annotations

import ctypes
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely
from scipy.spatial import cKDTree

from caml.outline import outline
from caml.outline._discs import QUAD_SEGS, erode, union_of_discs
from caml.outline._parts import EPSILON
from caml.simulate import Scenario, simulate

FINE = 64
RUNS = 3
CASES = {1: 1000, 17: 500, 100: 100, 1000: 8}  # localizations of a cluster, and clusters
SIZES = (100_000, 1_000_000)
CELL = 0.28  # of the square field, about


def clusters(size: int, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw clusters; return positions, the cluster of each, and ε of each cluster."""
    generator = np.random.default_rng(size)
    positions = generator.normal(0, 50, (number, size, 2))
    if size == 1:
        epsilon = np.full(number, 10.0)
    else:
        nearest = [cKDTree(own).query(own, 2)[0][:, 1].mean() for own in positions]
        epsilon = EPSILON * np.array(nearest)
    return positions.reshape(-1, 2), np.repeat(np.arange(number), size), epsilon


def by_caml(
    positions: np.ndarray, cluster: np.ndarray, epsilon: np.ndarray, holes: float = 4 * np.pi
) -> np.ndarray:
    polygons, owner, _ = union_of_discs(positions, cluster, 2 * epsilon)
    return erode(polygons, epsilon[owner], holes * epsilon[owner] ** 2)[0]


def by_shapely(
    positions: np.ndarray, cluster: np.ndarray, epsilon: np.ndarray, quad_segs: int = QUAD_SEGS
) -> np.ndarray:
    spots = shapely.multipoints(shapely.points(positions), indices=cluster)
    united = shapely.buffer(spots, 2 * epsilon, quad_segs=quad_segs)
    return shapely.buffer(united, -epsilon, quad_segs=quad_segs)


def seconds(function: Callable[[], object]) -> float:
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def memory_mb(which: str) -> float:
    """Read how much memory this process has (VmRSS) or had at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(which))


def extra_mb(function: Callable[[], object]) -> float:
    """Measure what memory a call takes beyond its result; NaN where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return math.nan
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)
    give_back(0)
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew.
    result = function()
    most = memory_mb("VmHWM")
    give_back(0)
    extra = most - memory_mb("VmRSS")
    del result
    return extra


def whole_stage(n: int) -> None:
    """Print a row for one cell of about n localizations."""
    simulation = simulate(Scenario(density=100, field_um=math.sqrt(n / 100 / CELL)), seed=1)
    positions, cluster = simulation.localizations.positions, simulation.true_cluster
    del simulation
    extra = extra_mb(lambda: outline(positions, cluster))
    n_outlines, times = 0, []
    for _ in range(RUNS):
        start = time.perf_counter()
        found = outline(positions, cluster)
        times.append(time.perf_counter() - start)
        n_outlines = found.n_clusters
    best, n_clustered = min(times), int((cluster >= 0).sum())
    print(
        f"| {len(positions):,} | {n_clustered:,} | {n_outlines:,} | {best:.2f} "
        f"| {1e6 * best / n_clustered:.1f} | {extra:.0f} |",
        flush=True,
    )


def main() -> None:
    print(
        f"| localizations | clusters | caml s | shapely s | shapely / caml | area lost to {FINE} |"
    )
    print("|---:|---:|---:|---:|---:|---:|")
    for size, number in CASES.items():
        drawn = clusters(size, number)
        ours = seconds(lambda drawn=drawn: by_caml(*drawn))
        theirs = seconds(lambda drawn=drawn: by_shapely(*drawn))
        area = shapely.area(by_caml(*drawn, holes=0)).sum()
        fine = shapely.area(by_shapely(*drawn, quad_segs=FINE)).sum()
        print(
            f"| {size} | {number} | {ours:.3f} | {theirs:.3f} | {theirs / ours:.1f} "
            f"| {100 * (1 - area / fine):.2f} % |",
            flush=True,
        )
    print("\n| localizations | clustered | outlines | s | µs per clustered | extra MB |")
    print("|---:|---:|---:|---:|---:|---:|")
    for n in SIZES:
        whole_stage(n)


if __name__ == "__main__":
    main()
