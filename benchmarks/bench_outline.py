"""Time the outlines of clusters against plain shapely, and measure what coarse circles cost.

    python benchmarks/bench_outline.py

Both unite discs of radius 2ε and erode by ε with the same number of straight pieces to a circle,
all clusters of one size at once: caml by following arcs, shapely by buffering each cluster's
multipoint. Clusters are Gaussian, of 50 nm, from fixed seeds; times are the median of three runs.
The error is the area that is lost against shapely's with 64 pieces to a quarter of a circle; no
holes are closed for it. A lone localization has no ε of its own and shows the error of one disc.
Prints a Markdown table.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import shapely
from scipy.spatial import cKDTree

from caml.outline._clusters import EPSILON
from caml.outline._discs import QUAD_SEGS, erode, union_of_discs

FINE = 64
RUNS = 3
CASES = {1: 1000, 17: 500, 100: 100, 1000: 8}  # localizations of a cluster, and clusters


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
    polygons, owner = union_of_discs(positions, cluster, 2 * epsilon)
    return erode(polygons, owner, epsilon, holes * epsilon**2)[0]


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


if __name__ == "__main__":
    main()
