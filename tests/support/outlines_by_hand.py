"""What outlines are compared with: discs united one by one, and groups found by every pair."""

import numpy as np
import numpy.typing as npt
import shapely

from caml.segment import Segmentation

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])
FINE = 64  # straight pieces in a quarter of a circle where polygons stand for circles


def blobs(seed: int, n_clusters: int = 6, n_dimensions: int = 2) -> tuple[Array, Ints]:
    """Overlapping clusters of 3 to 60 localizations, and some in none."""
    generator = np.random.default_rng(seed)
    n = generator.integers(3, 60, n_clusters)
    cluster = np.repeat(np.arange(n_clusters), n)
    centres = generator.uniform(0, 600, (n_clusters, n_dimensions))
    positions = centres[cluster] + generator.normal(0, 40, (len(cluster), n_dimensions))
    free = generator.uniform(0, 600, (20, n_dimensions))
    order = generator.permutation(len(cluster) + 20)
    joined = np.concatenate((cluster, np.full(20, -1)))
    return np.concatenate((positions, free))[order], joined[order]


def at(positions: Array, *shift: float) -> Array:
    moved: Array = positions + np.array(shift)
    return moved


def ring(radius: float, n: int, centre: tuple[float, float] = (0.0, 0.0)) -> Array:
    angle = np.arange(n) * 2 * np.pi / n
    around: Array = np.asarray(centre) + radius * np.column_stack((np.cos(angle), np.sin(angle)))
    return around


def epsilon_of(positions: Array) -> float:
    distinct = np.unique(positions, axis=0)
    apart = np.linalg.norm(distinct[:, None] - distinct, axis=2)
    np.fill_diagonal(apart, np.inf)
    return 1.2 * float(apart.min(axis=1).mean())


def brute_force(positions: Array, cluster: Ints) -> list[tuple[set[int], shapely.Polygon]]:
    """Rows and outline of each cluster, disc by disc and part by part."""
    found = []
    for one in range(cluster.max() + 1):
        rows = np.flatnonzero(cluster == one)
        epsilon = epsilon_of(positions[rows])
        each = [shapely.Point(p).buffer(2 * epsilon, quad_segs=FINE) for p in positions[rows]]
        parts = shapely.get_parts(shapely.union_all(each).buffer(-epsilon, quad_segs=FINE))
        for part in parts:
            holes = [h for h in part.interiors if shapely.Polygon(h).area >= 4 * np.pi * epsilon**2]
            inside = rows[shapely.intersects_xy(part, positions[rows, 0], positions[rows, 1])]
            if len(parts) == 1 or len(np.unique(positions[inside], axis=0)) >= 3:
                found.append((set(inside.tolist()), shapely.Polygon(part.exterior, holes)))
    return found


def rows_of(segmentation: Segmentation) -> list[set[int]]:
    return [
        set(np.flatnonzero(segmentation.cluster == one).tolist())
        for one in range(segmentation.n_clusters)
    ]


def areas_by_rows(segmentation: Segmentation) -> dict[frozenset[int], float]:
    areas = shapely.area(segmentation.outlines)
    return dict(zip(map(frozenset, rows_of(segmentation)), areas.tolist(), strict=True))
