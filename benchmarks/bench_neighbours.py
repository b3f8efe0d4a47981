"""Time the search for nearest neighbours against the trees that people use.

    pip install pykdtree
    python benchmarks/bench_neighbours.py            # 25 minutes; --quick for a minute
    python benchmarks/bench_neighbours.py --chunks   # by the size of a chunk; 10 s

Half-clustered localizations (20 within 50 nm). Every search is asked for the distances to k
neighbours of each localization, its tree built anew each time; repeats of all are interleaved, and
medians shown. SciPy's tree is asked in the order of its own leaves (its best) and in that of the
table. A peer that would take minutes is asked for a sample of the localizations, those of some
whole neighbourhoods, and its tree for all. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from large_table import cells
from machine import machine
from scipy.spatial import cKDTree

from caml.neighbours import _chunks, _tree

SIZES = (10_000, 100_000, 500_000, 1_000_000, 10_000_000)
DENSITIES = (50, 500)
# So many queries times neighbours are asked of a peer at most.
SAMPLE = 20_000_000
REPEATS = 3


def positions_of(n: int, density: float) -> np.ndarray:
    """Simulate cells, and lay as many of them side by side as it takes."""
    generator = np.random.default_rng(n)
    some = cells(n, density, generator)
    step = max(np.ptp(cell, axis=0).max() for cell in some) + 1000
    n_copies = max(1, round(n / len(some[0])))
    copies = [
        some[i % len(some)] + generator.uniform(-0.05, 0.05, 2) + np.array([i % 4, i // 4]) * step
        for i in range(n_copies)
    ]
    return generator.permutation(np.concatenate(copies))


def ours(positions: np.ndarray, k: int) -> float:
    start = time.perf_counter()
    for _ in _chunks(_tree(positions, k), k, lambda *_: None, indices=False):
        pass
    return (time.perf_counter() - start) / len(positions)


def scipy_sorted(positions: np.ndarray, k: int) -> float:
    return _scipy(positions, k, in_order=True)


def scipy_unsorted(positions: np.ndarray, k: int) -> float:
    return _scipy(positions, k, in_order=False)


def _scipy(positions: np.ndarray, k: int, *, in_order: bool) -> float:
    start = time.perf_counter()
    tree = cKDTree(positions)
    build = time.perf_counter() - start
    n = min(len(positions), SAMPLE // k)
    asked = tree.indices[:n] if in_order else np.arange(n)
    start = time.perf_counter()
    for first in range(0, n, 16_384):
        tree.query(positions[asked[first : first + 16_384]], k + 1, workers=-1)
    return build / len(positions) + (time.perf_counter() - start) / n


def pykdtree(positions: np.ndarray, k: int) -> float:
    from pykdtree.kdtree import KDTree

    start = time.perf_counter()
    tree = KDTree(positions)
    build = time.perf_counter() - start
    n = min(len(positions), SAMPLE // k)
    order = np.lexsort(np.floor(positions[:n] / 1000).T)
    start = time.perf_counter()
    for first in range(0, n, 16_384):
        tree.query(positions[order[first : first + 16_384]], k + 1)
    return build / len(positions) + (time.perf_counter() - start) / n


SEARCHES: dict[str, Callable[[np.ndarray, int], float]] = {
    "caml": ours,
    "SciPy, leaf by leaf": scipy_sorted,
    "SciPy, in the table's order": scipy_unsorted,
    "pykdtree": pykdtree,
}


def print_chunks() -> None:
    """Time the search for 1000 neighbours by how many queries a chunk has."""
    module = sys.modules["caml.neighbours"]
    positions = positions_of(100_000, 50)
    times: dict[int, list[float]] = {size: [] for size in (64, 128, 256, 512, 1024)}
    ours(positions, 1000)
    for _ in range(REPEATS):
        for size, found in times.items():
            module.FEWEST = size
            found.append(ours(positions, 1000) * 1e6)
    print(f"| queries in a chunk | {' | '.join(map(str, times))} |")
    print("|---|" + "---|" * len(times))
    print("| µs per localization | ", end="")
    print(" | ".join(f"{np.median(found):.2f}" for found in times.values()), "|")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunks", action="store_true", help="by the size of a chunk")
    parser.add_argument("--quick", action="store_true", help="two sizes, once each")
    arguments = parser.parse_args()
    quick = arguments.quick
    print(machine())
    print()
    if arguments.chunks:
        print_chunks()
        return
    print("µs per localization, tree and queries; in brackets how many times as long as caml")
    print()
    print(f"| localizations | per µm² | k | {' | '.join(SEARCHES)} |")
    print("|---|---|---|" + "---|" * len(SEARCHES))
    # Compiled once for good; that is no part of a search.
    ours(positions_of(100_000, 100), 100)
    for n in SIZES[:2] if quick else SIZES:
        for density in DENSITIES:
            positions = positions_of(n, density)
            for k in (100, 1000):
                times: dict[str, list[float]] = {name: [] for name in SEARCHES}
                for _ in range(1 if quick or n * k > 2e9 else REPEATS):
                    for name, search in SEARCHES.items():
                        times[name].append(search(positions, k) * 1e6)
                medians = {name: float(np.median(found)) for name, found in times.items()}
                best = medians["caml"]
                cells = [f"{best:.2f}"] + [
                    f"{value:.1f} ({value / best:.1f}×)" for value in list(medians.values())[1:]
                ]
                print(f"| {len(positions):,} | {density} | {k} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
