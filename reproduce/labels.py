"""Label a sample of a simulated cell with several networks, and count what is right."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from contestants import Contestant, network

import caml
from caml.classify import labels
from caml.errors import DataWarning
from caml.neighbours import Neighbours, NeighbourSearch
from caml.prior import choose_prior, score_histogram, threshold_under
from caml.simulate import Scenario, Simulation, simulate

__all__ = ["FIRST_SEED", "cell", "label_sample", "label_scenario", "text"]

# Seeds far from those of the training pools, which count their images from 0.
FIRST_SEED = 900_000


def text(scenario: Scenario) -> str:
    """Name a scenario by what it holds."""
    parts = f"{scenario.density:g}/{scenario.n_per_cluster}/{scenario.percent_clustered:g}"
    parts += f"/{scenario.radius_nm:g}"
    return parts if scenario.shape == "disc" else f"{parts}/{scenario.shape}"


def cell(scenarios: Sequence[Scenario], replicate: int) -> Simulation:
    """Simulate a replicate that no network learnt from."""
    with warnings.catch_warnings():
        # Cells that have no room for all clusters are the paper's, too.
        warnings.simplefilter("ignore", DataWarning)
        which = zlib.crc32(" ".join(map(text, scenarios)).encode())
        return simulate(*scenarios, seed=np.random.SeedSequence((FIRST_SEED, replicate, which)))


def label_scenario(
    scenarios: Sequence[Scenario], replicate: int, n: int, networks: Sequence[Contestant]
) -> dict[str, dict[str, float]]:
    """Simulate a cell and label a sample of it; see `label_sample`."""
    return label_sample(cell(scenarios, replicate), networks, n, replicate)


def label_sample(
    simulation: Simulation, networks: Sequence[Contestant], n: int, seed: int
) -> dict[str, dict[str, float]]:
    """Label n localizations drawn from a cell, with each network, and count what is right.

    Parameters
    ----------
    simulation : Simulation
        The cell.
    networks : sequence of Contestant
        The networks.
    n : int
        How many localizations are drawn.
    seed : int
        Where chance comes from.

    Returns
    -------
    dict of str to dict
        For each network ``accuracy`` and ``balanced`` (mean over the true labels), of labels as
        trained; the same with ``auto_`` before, of labels that know the share of the clustered, as
        `caml.classify` gives them; and that ``share``, estimated.
    """
    search = NeighbourSearch(simulation.localizations)
    drawn = np.random.default_rng((seed, 1)).permutation(len(search))[:n]
    wanted = np.zeros(len(search), dtype=bool)
    wanted[drawn] = True
    truth = simulation.true_label[search.rows]
    models = {one.name: network(one.file) for one in networks}
    usable = {name: model for name, model in models.items() if model.card.k < len(search)}
    if not usable:
        return {}
    scores = _scores(search, usable, wanted)
    found = {}
    for name, score in scores.items():
        card = usable[name].card
        true = np.minimum(truth[wanted], len(card.labels) - 1)
        label = labels(score)
        found[name] = _counted("", label, true)
        if score.ndim == 1:
            share = choose_prior("auto", score_histogram(score), card.share_by_chance(len(search)))
            under = labels(score, threshold_under(0.5, share))
            found[name] |= _counted("auto_", under, true) | {
                "share": choose_prior("image", score_histogram(score), 0)
            }
    return found


def _scores(
    search: NeighbourSearch, models: dict[str, caml.Model], wanted: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.float32]]:
    k = max(model.card.k for model in models.values())
    coordinates = any(model.input.of_coordinates for model in models.values())
    found: list[tuple[npt.NDArray[np.int64], Neighbours]] = []

    def look(subset: npt.NDArray[np.int64], near: Neighbours) -> None:
        found.append((subset, near))

    for _ in search.chunks(k, look, indices=coordinates, wanted=wanted):
        pass
    # All at once: a part of the cell holds few of the sample, and networks run in batches.
    rows = np.concatenate([subset for subset, _ in found])
    distances = np.concatenate([near.distances for _, near in found])
    indices = np.concatenate([near.indices for _, near in found])
    order = np.argsort(rows)
    scores = {}
    for name, model in models.items():
        own = model.card.k
        near = Neighbours(distances[order, :own], indices[order, :own])
        scores[name] = model.score(near, search.positions, rows[order])
    return scores


def _counted(
    prefix: str, label: npt.NDArray[np.integer[Any]], true: npt.NDArray[np.integer[Any]]
) -> dict[str, float]:
    right = label == true
    kinds = [right[true == kind].mean() for kind in np.unique(true)]
    return {
        f"{prefix}accuracy": round(float(right.mean()), 5),
        f"{prefix}balanced": round(float(np.mean(kinds)), 5),
    }
