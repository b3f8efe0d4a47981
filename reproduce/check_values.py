"""Score the chain on the public benchmark of Nieves et al. 2023, against known values.

    python reproduce/check_values.py

The known values are those of the authors' weights of XPILJZ, images 1 to 5 of scenarios 2 to 10:
share of labels right before segmentation, ARI and JIc after it (clusters of at least 3), and
clusters found in each image of scenario 1, which has none. Prints a Markdown table, with the
shipped network beside the authors'.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from authors import SHARED, authors_xpiljz
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

import caml

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


def scores(kind: str, model: caml.Model) -> dict[str, float]:
    """Score a network on one kind of the benchmark's images.

    Parameters
    ----------
    kind : {"molecules", "blinking"}
        Each molecule once, or repeatedly.
    model : Model
        The network.

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
            classification = caml.classify(positions, model)
            found = caml.segment(positions, classification, k=model.card.k)
            if scenario == 1:
                csr.append(found.n_clusters)
                continue
            accuracy.append(((classification.label == 1) == (truth >= 0)).mean())
            ari.append(adjusted_rand_score(truth, found.cluster))
            jic.append(jaccard_of_centroids(positions, truth, found.cluster))
    means = {"accuracy": accuracy, "ari": ari, "jic": jic} | ({"csr_clusters": csr} if csr else {})
    return {name: float(np.mean(values)) for name, values in means.items()}


def main() -> None:
    """Print the table."""
    networks = {"authors' weights": authors_xpiljz(), "shipped": caml.load_model("XPILJZ")}
    print("| images | score | known | " + " | ".join(networks) + " |")
    print("|---|---|---|" + "---|" * len(networks))
    for kind, known in KNOWN.items():
        found = [scores(kind, model) for model in networks.values()]
        for name, value in known.items():
            cells = " | ".join(f"{one[name]:.3f}" for one in found)
            print(f"| {kind} | {name} | {value:.3f} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
