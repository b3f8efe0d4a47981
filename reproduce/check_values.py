"""The chain on the public benchmark of Nieves et al. 2023, against known values.

The known values are those of the authors' weights of XPILJZ, images 1 to 5 of scenarios 2 to 10:
share of labels right before segmentation, ARI and JIc after it (clusters of at least 3), and
clusters found in each image of scenario 1, which has none.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from accuracy import Size
from contestants import SHARED, contestants, network
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score
from store import Item, Store

import caml
from caml.prior import Prior

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

KNOWN = {
    "molecules": {"accuracy": 0.810, "ari": 0.548, "jic": 0.522, "csr_clusters": 5.0},
    "blinking": {"accuracy": 0.544, "ari": 0.106, "jic": 0.252},
}
IMAGES = range(1, 6)


def jaccard_of_centroids(positions: FloatArray, truth: IntArray, found: IntArray) -> float:
    """Match clusters by centroid and extent, and return matched / (true + found − matched).

    Nieves et al. 2023, JIc: Hungarian matching on 0.9 × distance of centroids + 0.1 × city-block
    difference of extents; pairs further apart than half the true cluster's mean extent never match.
    """
    (centre, extent), (other, other_extent) = (_boxes(positions, ids) for ids in (truth, found))
    if len(centre) == 0 or len(other) == 0:
        return 0.0
    distance = np.linalg.norm(centre[:, None] - other[None], axis=2)
    cost = 0.9 * distance + 0.1 * np.abs(extent[:, None] - other_extent[None]).sum(axis=2)
    forbidden = distance > extent.mean(axis=1)[:, None] / 2
    rows, columns = linear_sum_assignment(np.where(forbidden, 1e9, cost))
    matched = int((~forbidden[rows, columns]).sum())
    return matched / (len(centre) + len(other) - matched)


def _boxes(positions: FloatArray, ids: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the centroid and extent of each cluster."""
    members = [positions[ids == one] for one in np.unique(ids[ids >= 0])]
    centre = np.array([one.mean(axis=0) for one in members]).reshape(-1, 2)
    extent = np.array([np.ptp(one, axis=0) for one in members]).reshape(-1, 2)
    return centre, extent


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
            ari.append(adjusted_rand_score(truth, found.cluster))
            jic.append(jaccard_of_centroids(positions, truth, found.cluster))
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
