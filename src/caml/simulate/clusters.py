"""Where clusters lie, and how localizations fill them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from caml.errors import DataWarning, ScenarioError
from caml.simulate.cell import uniform_in
from caml.simulate.scenario import Scenario

__all__ = ["Cores", "fill", "is_outside", "place"]

FloatArray = npt.NDArray[np.float64]

N_TRIES = 10
# The share of clusters given up for lack of room from which on it is worth a warning.
NOTABLE = 0.1
SEPARATION = 1.1  # times the sum of two clusters' radii: 2.2 radii between equals


@dataclass(frozen=True, slots=True, eq=False)
class Cores:
    """The midlines of the clusters of one scenario: a single position each, or a fibre's path.

    Parameters
    ----------
    vertices : ndarray of shape (n_clusters, n_vertices, n_dimensions), nm
        The positions along each midline; one vertex for a round cluster.
    scenario : Scenario
        What fills them.
    """

    vertices: FloatArray
    scenario: Scenario

    def __len__(self) -> int:
        """Count the clusters."""
        return len(self.vertices)


def place(
    scenarios: tuple[Scenario, ...],
    room: shapely.geometry.base.BaseGeometry,
    generator: np.random.Generator,
    *,
    area_um2: float,
) -> tuple[Cores, ...]:
    """Place the clusters of every scenario in a cell, none too close to another.

    Parameters
    ----------
    scenarios : tuple of Scenario
        What to place.
    room : shapely.Polygon or shapely.MultiPolygon
        The part of the cell in which clusters may lie, nm.
    generator : numpy.random.Generator
        Where chance comes from.
    area_um2 : float
        Area of the whole cell, µm², from which the numbers of clusters follow.

    Returns
    -------
    tuple of Cores
        One per scenario.

    Notes
    -----
    Centres lie in the outline shrunk by 2.1 radii. A cluster whose place is too close to another's
    (2.2 radii between equals) is drawn again, ten times at most, then given up.
    """
    placed: list[Cores] = []
    for scenario in scenarios:
        extent = area_um2 * (scenario.axial_range_nm * 1e-3 if scenario.n_dimensions == 3 else 1.0)
        missing = round(scenario.clusters_per_area * extent)
        if scenario.percent_clustered > 0:
            missing = max(missing, 1)
        shrunk = room.buffer(-2.1 * scenario.radius_nm)
        if missing and not shrunk.area > 0:
            raise ScenarioError(
                f"clusters of radius_nm {scenario.radius_nm:g} do not fit into the cell: use a "
                "larger field_um or smaller clusters"
            )
        kept = Cores(_propose(scenario, shrunk, 0, generator), scenario)
        for _ in range(N_TRIES):
            if missing == 0:
                break
            proposal = Cores(_propose(scenario, shrunk, missing, generator), scenario)
            accepted = _accept(proposal, [*placed, kept])
            kept = Cores(np.concatenate((kept.vertices, proposal.vertices[accepted])), scenario)
            missing -= int(accepted.sum())
        if missing > NOTABLE * (missing + len(kept)):
            message = (
                f"only {len(kept)} of {missing + len(kept)} clusters found room; the cell has as "
                "many fewer localizations"
            )
            warnings.warn(DataWarning(message), stacklevel=3)
        placed.append(kept)
    return tuple(placed)


def fill(cores: Cores, generator: np.random.Generator) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Draw the localizations of every cluster of one scenario.

    Parameters
    ----------
    cores : Cores
        Where the clusters lie.
    generator : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    positions : ndarray of shape (n, n_dimensions), nm
        The localizations.
    cluster : ndarray of shape (n,)
        Which cluster each belongs to, from 0.
    """
    scenario = cores.scenario
    cluster = np.repeat(np.arange(len(cores)), scenario.n_per_cluster)
    if scenario.shape == "fibre":
        middle = _along(cores, cluster, generator)
    else:
        middle = cores.vertices[cluster, 0]
    return middle + _offsets(scenario, len(cluster), generator), cluster


def is_outside(cores: tuple[Cores, ...], positions: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell which positions lie in no cluster's disc (ball in 3D, or fibre).

    Parameters
    ----------
    cores : tuple of Cores
        Where the clusters lie.
    positions : ndarray of shape (n, n_dimensions), nm
        The positions to check.

    Returns
    -------
    ndarray of shape (n,), bool
        Whether each is further than `radius_nm` from every midline.
    """
    outside = np.ones(len(positions), dtype=bool)
    for kind in cores:
        if len(kind):
            radius = kind.scenario.radius_nm
            tree = cKDTree(kind.vertices.reshape(-1, positions.shape[1]))
            outside &= np.isinf(tree.query(positions, distance_upper_bound=radius)[0])
    return outside


def _propose(
    scenario: Scenario,
    room: shapely.geometry.base.BaseGeometry,
    n: int,
    generator: np.random.Generator,
) -> FloatArray:
    """Draw n midlines without looking at any other."""
    start = uniform_in(room, n, generator)
    if scenario.n_dimensions == 3:
        low, high = scenario.radius_nm, scenario.axial_range_nm - scenario.radius_nm
        start = np.column_stack((start, generator.uniform(low, high, n)))
    if scenario.shape != "fibre":
        return start[:, None, :]
    # A path whose direction wanders by a random walk, about 60° (1 rad) over its length, stepped
    # finely enough that the discs of `radius_nm` around its vertices cover it. z stays level.
    step = min(scenario.radius_nm / 2, scenario.fibre_length_nm / 8)
    n_steps = int(np.ceil(scenario.fibre_length_nm / step))
    turns = generator.normal(0, 1 / np.sqrt(n_steps), (n, n_steps))
    turns[:, 0] = generator.uniform(0, 2 * np.pi, n)
    angle = np.cumsum(turns, axis=1)
    length = scenario.fibre_length_nm / n_steps
    path = np.zeros((n, n_steps + 1, scenario.n_dimensions))
    path[:, 1:, 0] = np.cumsum(length * np.cos(angle), axis=1)
    path[:, 1:, 1] = np.cumsum(length * np.sin(angle), axis=1)
    path += start[:, None, :] - path[:, n_steps // 2, None, :]
    leaves = ~shapely.contains_xy(room, path[..., 0], path[..., 1]).all(axis=1)
    path[leaves] = np.nan
    return path


def _accept(proposal: Cores, others: list[Cores]) -> npt.NDArray[np.bool_]:
    """Tell which proposals keep their distance from all others and from earlier proposals."""
    accepted = np.asarray(np.isfinite(proposal.vertices).all(axis=(1, 2)))
    n_dimensions = proposal.vertices.shape[2]
    n_vertices = proposal.vertices.shape[1]
    rows = np.flatnonzero(accepted)
    if len(rows) == 0:
        return accepted
    tree = cKDTree(proposal.vertices[rows].reshape(-1, n_dimensions))
    radius = proposal.scenario.radius_nm
    for other in others:
        if len(other):
            reach = SEPARATION * (radius + other.scenario.radius_nm)
            near, _ = cKDTree(other.vertices.reshape(-1, n_dimensions)).query(
                tree.data, distance_upper_bound=reach
            )
            accepted[rows[np.flatnonzero(near < reach) // n_vertices]] = False
    pairs = rows[tree.query_pairs(2 * SEPARATION * radius, output_type="ndarray") // n_vertices]
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    # The earlier of two that are too close stays, if it was not given up itself: in order of the
    # later one, so that every decision about the earlier one has been taken.
    for first, second in pairs[np.argsort(pairs[:, 1], kind="stable")]:
        accepted[second] &= not accepted[first]
    return accepted


def _along(
    cores: Cores, cluster: npt.NDArray[np.int64], generator: np.random.Generator
) -> FloatArray:
    """Draw positions evenly along the midlines."""
    n_segments = cores.vertices.shape[1] - 1
    segment, part = np.divmod(generator.random(len(cluster)) * n_segments, 1)
    segment = segment.astype(int)
    start, end = cores.vertices[cluster, segment], cores.vertices[cluster, segment + 1]
    along: FloatArray = start + part[:, None] * (end - start)
    return along


def _offsets(scenario: Scenario, n: int, generator: np.random.Generator) -> FloatArray:
    """Draw displacements from the centre of a cluster, or from a fibre's midline."""
    n_dimensions = scenario.n_dimensions
    normal = generator.standard_normal((n, n_dimensions))
    if scenario.shape == "gaussian":
        return normal * scenario.radius_nm / 2
    direction = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    inner = (scenario.inner_radius_nm / scenario.radius_nm) ** n_dimensions
    inner = inner if scenario.shape == "ring" else 0.0
    distance = (inner + (1 - inner) * generator.random(n)) ** (1 / n_dimensions)
    soft = scenario.soft_edge
    if soft > 0:
        redraw = np.arange(n)
        while len(redraw):
            kept = generator.random(len(redraw)) * soft <= 1 - distance[redraw]
            redraw = redraw[~kept]
            distance[redraw] = (inner + (1 - inner) * generator.random(len(redraw))) ** (
                1 / n_dimensions
            )
    offsets: FloatArray = direction * (scenario.radius_nm * distance)[:, None]
    return offsets
