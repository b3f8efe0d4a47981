"""Compare described clusters with the simulated ones (Fig. 2g of the paper, and beyond).

    python reproduce/recovery.py

Simulates scenarios that no parameter was chosen on, analyses them with the shipped network, and
compares the medians of localizations per cluster and area per cluster, and the number of clusters,
with those of the true clusters, outlined in the same way. Where the authors' weights are at hand,
they go through the same chain. Prints a Markdown table.
"""

from __future__ import annotations

import argparse

import numpy as np
from authors import SHARED, authors_xpiljz

import caml
from caml.segment import Segmentation
from caml.simulate import Scenario, simulate

# Seeds far from those of the training pool, which counts its images from 0.
FIRST_SEED = 900_000
SCENARIOS = (
    # (per µm², per cluster, % clustered, radius): Fig. 2g has 10 within 40 nm.
    (50, 10, 50, 40),
    (100, 10, 30, 40),
    (50, 10, 50, 25),
    (100, 20, 50, 25),
    (100, 20, 50, 50),
    (300, 50, 50, 50),
    (500, 80, 50, 75),
    # Nothing between the clusters: more than 95 % are clustered, and runs are cut.
    (100, 20, 100, 50),
)


def ratios(scenario: Scenario, seed: int, model: caml.Model) -> tuple[float, float, float, float]:
    """Return found over true: localizations per cluster, area, number; and the accuracy."""
    simulation = simulate(scenario, seed=seed)
    truth = caml.describe(
        simulation.localizations,
        caml.outline(simulation.localizations, Segmentation(simulation.true_cluster)),
    ).clusters
    analysis = caml.analyse(simulation.localizations, model=model)
    found = analysis.description.clusters
    clustered = analysis.segmentation.cluster >= 0
    return (
        found["n_localizations"].median() / truth["n_localizations"].median(),
        found["area_nm2"].median() / truth["area_nm2"].median(),
        len(found) / (int(simulation.true_cluster.max()) + 1),
        float((clustered == (simulation.true_label > 0)).mean()),
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicates", type=int, default=5)
    arguments = parser.parse_args()
    networks = {"shipped": caml.load_model("XPILJZ")}
    if (SHARED / "caml_original").exists():
        networks["authors'"] = authors_xpiljz()
    print(
        "| weights | per µm² | per cluster | % clustered | radius nm | localizations per cluster, "
        "found/true | area, found/true | clusters, found/true | accuracy after segmentation |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for density, n_per_cluster, percent, radius in SCENARIOS:
        scenario = Scenario(
            density=density,
            n_per_cluster=n_per_cluster,
            percent_clustered=percent,
            radius_nm=radius,
        )
        seeds = range(FIRST_SEED, FIRST_SEED + arguments.replicates)
        for name, model in networks.items():
            values = np.array([ratios(scenario, seed, model) for seed in seeds])
            cells = " | ".join(
                f"{mean:.3f} ± {deviation:.3f}"
                for mean, deviation in zip(values.mean(axis=0), values.std(axis=0), strict=True)
            )
            where = f"{density} | {n_per_cluster} | {percent} | {radius}"
            print(f"| {name} | {where} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
