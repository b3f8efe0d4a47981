"""What a simulated cell holds, and the lists of scenarios that the paper trained and tested on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, get_args

from caml.errors import ScenarioError

__all__ = [
    "Scenario",
    "evaluation_scenarios",
    "fibre_scenarios",
    "random_scenarios",
    "training_scenarios",
]

Shape = Literal["disc", "gaussian", "ring", "fibre"]
Depletion = Literal["none", "clusters", "unclustered"]
DetectionLaw = Literal["geometric", "poisson"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way in which localizations may be spread over a cell.

    Parameters
    ----------
    density : float
        Localizations per µm² of cell, or per µm³ in 3D.
    n_per_cluster : int, default 20
        Localizations per cluster.
    percent_clustered : float, default 50
        Share of the localizations that lie in clusters; 0 is complete spatial randomness (CSR).
    radius_nm : float, default 50
        Largest distance from a cluster's centre (from its midline, for a fibre), nm.
    shape : {"disc", "gaussian", "ring", "fibre"}, default "disc"
        How localizations fill a cluster: evenly (a disc, in 3D a ball), by a normal distribution
        of standard deviation ``radius_nm / 2``, evenly between ``inner_radius_nm`` and
        ``radius_nm``, or along a filament.
    inner_radius_nm : float, default 0
        Inner radius of a ring (in 3D a shell), nm.
    fibre_length_nm : float, default 2000
        Length of a fibre along its midline, nm; its width is ``2 * radius_nm``.
    soft_edge : float, default 0
        Share of a disc's radius over which its density falls to nothing, linearly: 0 is a hard
        edge, 1 a cone.
    uncertainty_fwhm_nm : float, default 0
        Full width at half maximum of the normal error of each coordinate, nm.
    detections_per_molecule : float, default 1
        How often a molecule is seen, on average.
    detection_law : {"geometric", "poisson"}, default "geometric"
        How the number of detections varies, where the mean is not 1. Molecules that are never
        seen (Poisson) are left out.
    depleted_centre : {"none", "clusters", "unclustered"}, default "none"
        What the centre of the cell (the cSMAC of an immune synapse) is empty of.
    uneven_background : float, default 0
        How unevenly the unclustered localizations are spread: 0 is evenly, 1 so that there are none
        in places and twice as many as on average in others.
    n_dimensions : {2, 3}, default 2
        Whether localizations have a z.
    axial_range_nm : float, default 500
        Range of z, nm.
    field_um : float, default 40
        Side of the square field of view, µm; the cell's radius is about 0.3 of it.
    crop_um : float, default 0
        Side of a centred square to which the image is cut, µm; 0 keeps it whole.

    Raises
    ------
    ScenarioError
        If a value is out of range; every fault is named.

    Notes
    -----
    Williamson et al., Nature Communications 2020, Methods and Supplementary Note 1.

    Examples
    --------
    >>> scenario = Scenario(density=100, n_per_cluster=20, percent_clustered=50, radius_nm=50)
    >>> scenario.clusters_per_area
    2.5
    """

    density: float
    n_per_cluster: int = 20
    percent_clustered: float = 50.0
    radius_nm: float = 50.0
    shape: Shape = "disc"
    inner_radius_nm: float = 0.0
    fibre_length_nm: float = 2000.0
    soft_edge: float = 0.0
    uncertainty_fwhm_nm: float = 0.0
    detections_per_molecule: float = 1.0
    detection_law: DetectionLaw = "geometric"
    depleted_centre: Depletion = "none"
    uneven_background: float = 0.0
    n_dimensions: int = 2
    axial_range_nm: float = 500.0
    field_um: float = 40.0
    crop_um: float = 0.0

    def __post_init__(self) -> None:
        """Name every value that is out of range."""
        ranges: list[tuple[str, bool, str]] = [
            ("density", self.density > 0, "above 0"),
            ("n_per_cluster", self.n_per_cluster >= 1, "at least 1"),
            ("percent_clustered", 0 <= self.percent_clustered <= 100, "from 0 to 100"),
            ("radius_nm", self.radius_nm > 0, "above 0"),
            ("shape", self.shape in get_args(Shape), "one of " + ", ".join(get_args(Shape))),
            (
                "inner_radius_nm",
                0 <= self.inner_radius_nm < self.radius_nm,
                "from 0 to below radius_nm",
            ),
            (
                "fibre_length_nm",
                # A quarter of the field is less than the radius of most cells.
                self.fibre_length_nm > 0
                and (self.shape != "fibre" or self.fibre_length_nm <= 250 * self.field_um),
                "above 0 and at most a quarter of field_um",
            ),
            ("soft_edge", 0 <= self.soft_edge <= 1, "from 0 to 1"),
            ("uncertainty_fwhm_nm", self.uncertainty_fwhm_nm >= 0, "0 or above"),
            (
                "detections_per_molecule",
                self.detections_per_molecule >= (1 if self.detection_law == "geometric" else 0.01),
                "at least 1 (geometric) or 0.01 (poisson)",
            ),
            (
                "detection_law",
                self.detection_law in get_args(DetectionLaw),
                "one of " + ", ".join(get_args(DetectionLaw)),
            ),
            (
                "depleted_centre",
                self.depleted_centre in get_args(Depletion),
                "one of " + ", ".join(get_args(Depletion)),
            ),
            ("uneven_background", 0 <= self.uneven_background <= 1, "from 0 to 1"),
            ("n_dimensions", self.n_dimensions in (2, 3), "2 or 3"),
            (
                "axial_range_nm",
                self.n_dimensions == 2 or self.axial_range_nm >= 2 * self.radius_nm,
                "at least 2 * radius_nm",
            ),
            ("field_um", self.field_um > 0, "above 0"),
            ("crop_um", 0 <= self.crop_um <= self.field_um, "from 0 to field_um"),
        ]
        faults = [
            f"{name} must be {expected}, got {getattr(self, name)!r}"
            for name, holds, expected in ranges
            if not holds or getattr(self, name) == math.inf
        ]
        if faults:
            raise ScenarioError("; ".join(faults))

    @property
    def clusters_per_area(self) -> float:
        """Clusters per µm² (per µm³ in 3D)."""
        return self.density * (0.01 * self.percent_clustered) / self.n_per_cluster

    @property
    def clustered_fraction(self) -> float:
        """Share of a flat cell's area that discs of `radius_nm` cover."""
        return math.pi * self.radius_nm**2 * self.clusters_per_area * 1e-6

    @property
    def is_viable(self) -> bool:
        """Whether the paper would train on it.

        1 to 5 clusters per µm², and 1.5 to 100 times as dense inside clusters as outside
        (Supplementary Note 1 and Table 1); with nothing outside, the ratio is not asked for. In 3D
        the same is asked of the numbers per µm³.
        """
        area = self.clustered_fraction
        if not (1 <= self.clusters_per_area <= 5 and 0 < area < 1):
            return False
        inside = self.density * 0.01 * self.percent_clustered / area
        outside = self.density * (1 - 0.01 * self.percent_clustered) / (1 - area)
        return outside == 0 or 1.5 < inside / outside < 100


def training_scenarios(
    *, n_dimensions: int = 2, most_per_cluster: int = 90
) -> tuple[Scenario, ...]:
    """List the 711 scenarios that the paper's networks were trained on, or their like.

    Parameters
    ----------
    n_dimensions : {2, 3}, default 2
        In 3D the same numbers, per µm³, in cells with an axial range of 500 nm, and balls in the
        place of discs.
    most_per_cluster : int, default 90
        Localizations in the largest clusters: with 50 the grid ends there, with 200 it goes on in
        steps of ten to 100 and of twenty beyond.

    Returns
    -------
    tuple of Scenario
        The viable ones of the grid, in the order density, localizations per cluster, percent
        clustered, radius.

    Notes
    -----
    Williamson et al. 2020, Supplementary Note 1: "711 viable scenarios"; "Extension of the model"
    for 3D; Supplementary Figs 9 and 10 for other sizes of clusters.

    Examples
    --------
    >>> len(training_scenarios())
    711
    """
    sizes = (5, *range(10, 101, 10), *range(120, 201, 20))
    grid = product(
        (5, 10, 50, 100, 300, 500),
        [n for n in sizes if n <= most_per_cluster],
        (100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 5),
        (100, 75, 50, 40, 25, 15, 10, 5),
    )
    scenarios = (
        Scenario(density=d, n_per_cluster=n, percent_clustered=p, radius_nm=r)
        for d, n, p, r in grid
    )
    viable = tuple(scenario for scenario in scenarios if scenario.is_viable)
    return viable if n_dimensions == 2 else tuple(map(_in_3d, viable))


def _in_3d(scenario: Scenario) -> Scenario:
    """Take the numbers per µm² of a flat cell for those per µm³ of one 500 nm high."""
    return replace(scenario, n_dimensions=3, axial_range_nm=500)


def fibre_scenarios() -> tuple[tuple[Scenario, Scenario], ...]:
    """List cells in which both round clusters and fibres lie among unclustered localizations.

    Returns
    -------
    tuple of tuple of Scenario
        The discs and the fibres of each cell.

    Notes
    -----
    Williamson et al. 2020, "Extension of the model": circular clusters and long filamentous
    structures. The paper does not say of which sizes; here half of the localizations belong to
    either kind, discs have radii of 25 to 50 nm, fibres are 2 µm long and 20 to 100 nm wide, and
    both are 4 to 100 times as dense as what surrounds them.

    Examples
    --------
    >>> discs, fibres = fibre_scenarios()[0]
    >>> discs.shape, fibres.shape
    ('disc', 'fibre')
    """
    cells = []
    for density, percent, (n, radius), (n_fibre, half_width) in product(
        (100, 300),
        (20, 40, 60, 80),
        ((10, 25), (20, 25), (20, 40), (40, 40), (40, 50)),
        ((200, 10), (200, 25), (400, 25), (400, 50), (800, 50)),
    ):
        discs = Scenario(
            density=density / 2, n_per_cluster=n, percent_clustered=percent, radius_nm=radius
        )
        fibres = Scenario(
            density=density / 2,
            n_per_cluster=n_fibre,
            percent_clustered=percent,
            radius_nm=half_width,
            shape="fibre",
        )
        if _stands_out(discs, fibres):
            cells.append((discs, fibres))
    return tuple(cells)


def _stands_out(discs: Scenario, fibres: Scenario) -> bool:
    """Whether both kinds of clusters are 4 to 100 times as dense as what surrounds them."""
    areas = (
        math.pi * discs.radius_nm**2 * 1e-6,
        2 * fibres.radius_nm * fibres.fibre_length_nm * 1e-6,
    )
    kinds = tuple(zip((discs, fibres), areas, strict=True))
    covered = sum(kind.clusters_per_area * area for kind, area in kinds)
    if not (covered < 0.5 and 0.5 <= discs.clusters_per_area <= 5):
        return False
    outside = sum(kind.density * (1 - kind.percent_clustered / 100) for kind, _ in kinds)
    outside /= 1 - covered
    return all(4 < kind.n_per_cluster / area / outside < 100 for kind, area in kinds)


def evaluation_scenarios() -> tuple[Scenario, ...]:
    """List the scenarios of the paper's Figure 3a, d, e and f.

    Returns
    -------
    tuple of Scenario
        4 pairs of density and localizations per cluster, times 11 shares clustered, times 11
        radii.

    Examples
    --------
    >>> len(evaluation_scenarios())
    484
    """
    steps = (5, *range(10, 101, 10))
    pairs = ((50, 10), (100, 20), (300, 100), (500, 80))
    return tuple(
        Scenario(density=d, n_per_cluster=n, percent_clustered=p, radius_nm=r)
        for (d, n), p, r in product(pairs, steps, steps)
    )


def random_scenarios(
    densities: Sequence[float] = (10, 50, 100, 500, 1000),
) -> tuple[Scenario, ...]:
    """List scenarios without clusters; by default the five of the paper's Figure 3g.

    Parameters
    ----------
    densities : sequence of float, default (10, 50, 100, 500, 1000)
        Localizations per µm².

    Returns
    -------
    tuple of Scenario
        Complete spatial randomness at these densities.

    Examples
    --------
    >>> [scenario.density for scenario in random_scenarios()]
    [10, 50, 100, 500, 1000]
    """
    return tuple(Scenario(density=d, percent_clustered=0) for d in densities)
