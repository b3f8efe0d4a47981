"""Fig. 2g: described clusters against the simulated ones."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from accuracy import Size
from contestants import Contestant, contestants, network
from labels import cell, text
from store import Item, Store

import caml
from caml.segment import Segmentation
from caml.simulate import Scenario

__all__ = ["recovery"]

SCENARIOS = tuple(
    Scenario(density=d, n_per_cluster=n, percent_clustered=p, radius_nm=r)
    # Fig. 2g has 10 within 40 nm. In the last nothing lies between the clusters: runs are cut.
    for d, n, p, r in (
        (50, 10, 50, 40),
        (100, 10, 30, 40),
        (50, 10, 50, 25),
        (100, 20, 50, 25),
        (100, 20, 50, 50),
        (300, 50, 50, 50),
        (500, 80, 50, 75),
        (100, 20, 100, 50),
    )
)


def recovery(store: Store, size: Size, pictures: Path) -> str:
    """Compare medians of size and area, and numbers of clusters, found over true."""
    del pictures
    networks = contestants("XPILJZ", "07VEJJ", "LOGNM1")
    scenarios = SCENARIOS[:2] if size.quick else SCENARIOS
    replicates = min(size.replicates, 5)
    items = [
        Item(f"{text(scenario)} {one.key} {replicate}", (scenario, replicate, one))
        for scenario in scenarios
        for one in networks
        for replicate in range(replicates)
    ]
    results = store.measure("recovery", items, ratios)
    lines = [
        (
            "| per µm² | per cluster | % clustered | radius nm | network | localizations per "
            "cluster, found/true | area, found/true | clusters, found/true | accuracy after "
            "segmentation |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for scenario in scenarios:
        for one in networks:
            values = np.array(
                [
                    list(results[item.key].values())
                    for item in items
                    if item.arguments[0] == scenario and item.arguments[2] == one
                ]
            )
            cells = [
                f"{mean:.3f} ± {deviation:.3f}"
                for mean, deviation in zip(values.mean(axis=0), values.std(axis=0), strict=True)
            ]
            where = text(scenario).replace("/", " | ")
            lines.append(f"| {where} | {one.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def ratios(scenario: Scenario, replicate: int, contestant: Contestant) -> dict[str, float]:
    """Return found over true: localizations per cluster, area, number; and the accuracy."""
    simulation = cell((scenario,), replicate)
    truth = caml.describe(
        simulation.localizations,
        caml.outline(simulation.localizations, Segmentation(simulation.true_cluster)),
    ).clusters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = caml.analyse(simulation.localizations, model=network(contestant.file))
    found = analysis.description.clusters
    clustered = analysis.segmentation.cluster >= 0
    values = {
        "localizations": found["n_localizations"].median() / truth["n_localizations"].median(),
        "area": found["area_nm2"].median() / truth["area_nm2"].median(),
        "clusters": len(found) / (int(simulation.true_cluster.max()) + 1),
        "accuracy": float((clustered == (simulation.true_label > 0)).mean()),
    }
    return {name: round(float(value), 5) for name, value in values.items()}
