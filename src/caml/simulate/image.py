"""One simulated image: a cell, its clusters, what lies between them, and the truth of each row."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from caml.errors import ScenarioError
from caml.localizations import AXES, Localizations, Region
from caml.simulate.cell import Waves, blob, cell_outline, uniform_in
from caml.simulate.clusters import Cores, fill, is_outside, place
from caml.simulate.detection import FWHM_PER_SIGMA, detect
from caml.simulate.scenario import Scenario

__all__ = ["Simulation", "simulate"]

Seed = int | np.random.SeedSequence | np.random.Generator

# What all scenarios of one cell must agree on: it belongs to the cell, not to its clusters.
SHARED = (
    "n_dimensions",
    "axial_range_nm",
    "field_um",
    "crop_um",
    "depleted_centre",
    "uneven_background",
    "uncertainty_fwhm_nm",
    "detections_per_molecule",
    "detection_law",
)


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """A simulated image and the truth about it.

    Parameters
    ----------
    localizations : Localizations
        What a microscope would have recorded; its table has the truth in the columns `molecule`,
        `true_label` and `true_cluster`.
    true_label : ndarray of shape (n_localizations,)
        0 not clustered, 1 in a round cluster, 2 in a fibre.
    true_cluster : ndarray of shape (n_localizations,)
        Which cluster each localization belongs to, from 0; −1 none.
    outline : shapely.Polygon
        The outline of the cell, nm.
    scenarios : tuple of Scenario
        What was simulated.
    """

    localizations: Localizations
    true_label: npt.NDArray[np.int64]
    true_cluster: npt.NDArray[np.int64]
    outline: shapely.Polygon
    scenarios: tuple[Scenario, ...]


def simulate(scenario: Scenario, *others: Scenario, seed: Seed, name: str = "") -> Simulation:
    """Simulate one image.

    Parameters
    ----------
    scenario, *others : Scenario
        What the cell holds. Several scenarios share one cell: their clusters and their unclustered
        localizations together.
    seed : int, numpy.random.SeedSequence or numpy.random.Generator
        Where chance comes from; the same seed gives the same image.
    name : str, default ""
        What the image is called.

    Returns
    -------
    Simulation
        The localizations, in the order of their frames, with the truth.

    Raises
    ------
    ScenarioError
        If clusters do not fit, or the scenarios disagree about the cell.

    Notes
    -----
    Williamson et al. 2020, Methods. A cluster with p % of the localizations has ``ceil(n_clustered
    / (p/100)) − n_clustered`` unclustered ones beside it, evenly in the cell's outline and never
    inside a cluster.

    Examples
    --------
    >>> simulation = simulate(Scenario(density=50, percent_clustered=50), seed=1)
    >>> round(float((simulation.true_label > 0).mean()), 2)
    0.5
    """
    scenarios = (scenario, *others)
    disagree = [s for s in SHARED if len({getattr(one, s) for one in scenarios}) > 1]
    if disagree:
        raise ScenarioError("scenarios that share a cell must agree on " + ", ".join(disagree))
    generator = np.random.default_rng(seed)
    outline = cell_outline(scenario.field_um * 1e3, generator)
    centre = _centre(scenario, generator)
    room = outline.difference(centre) if scenario.depleted_centre == "clusters" else outline
    cores = place(scenarios, room, generator, area_um2=outline.area * 1e-6)

    positions: list[npt.NDArray[np.float64]] = []
    cluster: list[npt.NDArray[np.int64]] = []
    label: list[npt.NDArray[np.int64]] = []
    n_clusters = 0
    for kind in cores:
        filled, which = fill(kind, generator)
        positions.append(filled)
        cluster.append(which + n_clusters)
        label.append(np.full(len(filled), 2 if kind.scenario.shape == "fibre" else 1))
        n_clusters += len(kind)
    n_outside = sum(_n_unclustered(kind, outline.area * 1e-6) for kind in cores)
    free = outline.difference(centre) if scenario.depleted_centre == "unclustered" else outline
    positions.append(_unclustered(n_outside, free, cores, generator))
    cluster.append(np.full(n_outside, -1))
    label.append(np.zeros(n_outside, dtype=np.int64))

    seen, molecule, frame = detect(np.concatenate(positions), scenario, generator)
    true_cluster = np.concatenate(cluster)[molecule]
    true_label = np.concatenate(label)[molecule]
    region = Region(outline, "cell")
    if scenario.crop_um:
        middle, half = scenario.field_um * 500, scenario.crop_um * 500
        region = Region.rectangle(
            middle - half, middle - half, middle + half, middle + half, name="crop"
        )
        inside = region.contains(seen)
        seen, molecule, frame = seen[inside], molecule[inside], frame[inside]
        true_cluster, true_label = true_cluster[inside], true_label[inside]
    return _assemble(
        seen, molecule, frame, true_label, true_cluster, outline, scenarios, region, seed, name
    )


def _centre(scenario: Scenario, generator: np.random.Generator) -> shapely.Polygon:
    """Draw the depleted centre: circle-like, of radius field/8 ± half of it."""
    if scenario.depleted_centre == "none":
        return shapely.Polygon()
    field_nm = scenario.field_um * 1e3
    return blob(field_nm / 8 * generator.uniform(0.5, 1.5, 12), field_nm / 2)


def _n_unclustered(cores: Cores, area_um2: float) -> int:
    """Count the unclustered localizations that belong beside the clusters of one scenario."""
    scenario = cores.scenario
    if scenario.percent_clustered == 0:
        extent = scenario.axial_range_nm * 1e-3 if scenario.n_dimensions == 3 else 1.0
        return round(scenario.density * area_um2 * extent)
    clustered = len(cores) * scenario.n_per_cluster
    return math.ceil(clustered / (scenario.percent_clustered / 100)) - clustered


def _unclustered(
    n: int,
    room: shapely.geometry.base.BaseGeometry,
    cores: tuple[Cores, ...],
    generator: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Draw localizations in the cell, evenly or in waves, and never inside a cluster."""
    scenario = cores[0].scenario
    found = [np.empty((0, scenario.n_dimensions))]
    missing, n_drawn, limit = n, 0, 1000 * (n + 100)
    uneven = scenario.uneven_background
    waves = Waves(scenario.field_um * 1e3, generator) if uneven > 0 else None
    while missing > 0:
        positions = uniform_in(room, missing + missing // 8 + 8, generator)
        n_drawn += len(positions)
        if scenario.n_dimensions == 3:
            z = generator.uniform(0, scenario.axial_range_nm, len(positions))
            positions = np.column_stack((positions, z))
        positions = positions[is_outside(cores, positions)]
        if waves is not None:
            density = 1 + uneven * waves.height(positions)
            positions = positions[generator.random(len(positions)) * (1 + uneven) < density]
        positions = positions[:missing]
        found.append(positions)
        missing -= len(positions)
        if n_drawn > limit:
            raise ScenarioError("clusters fill the cell: no room for unclustered localizations")
    return np.concatenate(found)


def _assemble(
    positions: npt.NDArray[np.float64],
    molecule: npt.NDArray[np.int64],
    frame: npt.NDArray[np.int64],
    true_label: npt.NDArray[np.int64],
    true_cluster: npt.NDArray[np.int64],
    outline: shapely.Polygon,
    scenarios: tuple[Scenario, ...],
    region: Region,
    seed: Seed,
    name: str,
) -> Simulation:
    """Put the columns into a table, as localization software would."""
    sigma = scenarios[0].uncertainty_fwhm_nm / FWHM_PER_SIGMA
    columns: dict[str, npt.NDArray[np.generic]] = {"frame": frame}
    columns |= {AXES[axis]: positions[:, axis] for axis in range(positions.shape[1])}
    if sigma > 0:
        columns["uncertainty_nm"] = np.full(len(positions), sigma)
    columns |= {"molecule": molecule, "true_label": true_label, "true_cluster": true_cluster}
    what = "; ".join(map(str, scenarios))
    localizations = Localizations(
        positions,
        table=pd.DataFrame(columns),
        frame=frame,
        uncertainty_nm=columns.get("uncertainty_nm"),  # type: ignore[arg-type]
        region=region,
        name=name,
        history=(f"simulated with seed {seed}: {what}",),
    )
    return Simulation(localizations, true_label, true_cluster, outline, scenarios)
