"""Time the search of 100 neighbours, by the order of the queries.

    python benchmarks/bench_neighbours.py

Half-clustered localizations (20 within 50 nm). `caml.neighbours` takes queries in the tree's own
order; SciPy's k-d tree asked in the order of the table is the peer. Prints a Markdown table.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.spatial import cKDTree

from caml.neighbours import NeighbourSearch
from caml.simulate import Scenario, simulate

K = 100
SIZES = (20_000, 100_000, 500_000)


def main() -> None:
    print(
        "| localizations | build s | caml µs per localization | SciPy in the table's order µs "
        "| ratio |"
    )
    print("|---|---|---|---|---|")
    for n in SIZES:
        scenario = Scenario(density=100, field_um=float(np.sqrt(n / 100 / 0.28)))
        positions = np.asarray(simulate(scenario, seed=n).localizations.positions)
        generator = np.random.default_rng(0)
        positions = generator.permutation(positions)
        start = time.perf_counter()
        search = NeighbourSearch(positions)
        build = time.perf_counter() - start
        tree = cKDTree(positions)
        start = time.perf_counter()
        for _ in search.chunks(K):
            pass
        ours = time.perf_counter() - start
        start = time.perf_counter()
        for first in range(0, n, 16_384):
            tree.query(positions[first : first + 16_384], K + 1, workers=-1)
        peer = time.perf_counter() - start
        count = len(positions)
        print(
            f"| {count:,} | {build:.2f} | {ours / count * 1e6:.1f} "
            f"| {peer / count * 1e6:.1f} | {peer / ours:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
