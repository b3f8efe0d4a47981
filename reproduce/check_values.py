"""The chain on the public benchmark of Nieves et al. 2023, against known values.

The known values are those of the authors' weights of XPILJZ, images 1 to 5 of scenarios 2 to 10:
share of labels right before segmentation, ARI and JIc after it (clusters of at least 3), and
clusters found in each image of scenario 1, which has none.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy import Size
from contestants import SHARED, contestants, network
from store import Item, Store

import caml
from caml.prior import Prior

KNOWN = {
    "molecules": {"accuracy": 0.810, "ari": 0.548, "jic": 0.522, "csr_clusters": 5.0},
    "blinking": {"accuracy": 0.544, "ari": 0.106, "jic": 0.252},
}
IMAGES = range(1, 6)


def scores(kind: str, model: caml.Model, prior: Prior = "balanced") -> dict[str, float]:
    """Score a network on one kind of the benchmark's images.

    Parameters
    ----------
    kind : {"molecules", "blinking"}
        Each molecule once, or repeatedly.
    model : Model
        The network.
    prior : {"balanced", "auto", "image"} or float, default "balanced"
        As of `caml.classify`.

    Returns
    -------
    dict
        Means over all images, named as in `KNOWN`.
    """
    accuracy, ari, jic, csr = [], [], [], []
    for scenario in range(1 if kind == "molecules" else 2, 11):
        table = pd.read_parquet(SHARED / "nieves2023" / f"{kind}_{scenario:02d}.parquet")
        for image in IMAGES:
            part = table[table["image"] == image]
            positions = part[["x_nm", "y_nm"]].to_numpy(dtype=float)
            truth = part["true_cluster"].to_numpy(dtype=np.int64)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                classification = caml.classify(positions, model, prior=prior)
            found = caml.segment(positions, classification, k=model.card.k)
            if scenario == 1:
                csr.append(found.n_clusters)
                continue
            accuracy.append(((classification.label == 1) == (truth >= 0)).mean())
            clusters = caml.evaluate(positions, found, truth).clusters
            ari.append(clusters.ari)
            jic.append(clusters.jaccard)
    means = {"accuracy": accuracy, "ari": ari, "jic": jic} | ({"csr_clusters": csr} if csr else {})
    return {name: float(np.mean(values)) for name, values in means.items()}


def public_benchmark(store: Store, size: Size, pictures: Path) -> str:
    """Score the networks on both kinds of images, as trained and with the default prior."""
    del pictures
    if not (SHARED / "nieves2023").exists():
        return "The benchmark is not at hand.\n"
    networks = contestants("XPILJZ", "07VEJJ", "LOGNM1")
    if size.quick:
        networks = networks[:1]
    settings = [(one, prior) for one in networks for prior in ("balanced", "auto")]
    items = {
        (kind, one.name, prior): Item(f"{kind} {one.key} {prior}", (kind, one.file, prior))
        for kind in KNOWN
        for one, prior in settings
    }
    results = store.measure("public", items.values(), look)
    lines = [
        "| images | network | prior | accuracy | ARI | JIc | clusters where none are |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, known in KNOWN.items():
        for one, prior in settings:
            found = results[items[kind, one.name, prior].key]
            cells = [f"{found[name]:.3f}" if name in found else "–" for name in known]
            cells += ["–"] * (4 - len(cells))
            lines.append(f"| {kind} | {one.name} | {prior} | " + " | ".join(cells) + " |")
        cells = [f"{value:.3f}" for value in known.values()] + ["–"] * (4 - len(known))
        lines.append(
            f"| {kind} | XPILJZ (authors'), known | balanced | " + " | ".join(cells) + " |"
        )
    return "\n".join(lines) + "\n"


def look(kind: str, file: str, prior: Prior) -> dict[str, float]:
    """Score a network; see `scores`."""
    return {name: round(value, 5) for name, value in scores(kind, network(file), prior).items()}
