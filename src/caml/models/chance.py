"""What a network makes of images in which nothing is clustered."""

from __future__ import annotations

import warnings

import numpy as np

from caml._arrays import IntArray
from caml.errors import DataWarning
from caml.models.model import Model
from caml.neighbours import Neighbours, NeighbourSearch
from caml.prior import clustered_share, score_histogram
from caml.simulate import Scenario, simulate

__all__ = ["random_shares", "share_by_chance"]

# Localizations per µm², images of each, and localizations looked at in each of them.
DENSITIES = (10, 30, 100, 300, 1_000)
N_IMAGES = 4
N_LOOKED_AT = 5_000
# What is counted as chance is a little more than the most that was met.
MARGIN = 1.25
SMALLEST = 0.002


def share_by_chance(model: Model, seed: int = 0) -> float:
    """Measure how large a share of images without clusters seems to be clustered.

    Parameters
    ----------
    model : Model
        A network of two labels.
    seed : int, default 0
        Where chance comes from.

    Returns
    -------
    float
        A quarter more than the largest share that `caml.prior.clustered_share` estimates for
        completely random cells of 10 to 1000 localizations per µm²; at least 0.002.
    """
    return max(SMALLEST, MARGIN * max(random_shares(model, seed)))


def random_shares(model: Model, seed: int = 0) -> list[float]:
    """Estimate the share of the clustered in cells in which nothing is.

    Parameters
    ----------
    model : Model
        A network of two labels.
    seed : int, default 0
        Where chance comes from.

    Returns
    -------
    list of float
        Of each cell.
    """
    card = model.card
    shares = []
    for number, density in enumerate(np.repeat(DENSITIES, N_IMAGES)):
        generator = np.random.default_rng(np.random.SeedSequence((seed, 2**33, number)))
        # In 3D as many per µm² of cell: spread over half a micrometre.
        per_volume = float(density) if card.n_dimensions == 2 else density / 0.5
        scenario = Scenario(density=per_volume, percent_clustered=0, n_dimensions=card.n_dimensions)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            search = NeighbourSearch(simulate(scenario, seed=generator).localizations)
        if len(search) <= card.k:
            continue
        wanted = np.zeros(len(search), dtype=bool)
        n = min(N_LOOKED_AT, len(search))
        wanted[generator.choice(len(search), n, replace=False)] = True
        shares.append(clustered_share(score_histogram(_scores(model, search, wanted))))
    return shares


def _scores(model: Model, search: NeighbourSearch, wanted: np.ndarray) -> np.ndarray:
    score = np.full(len(search), np.nan, dtype=np.float32)

    def look(subset: IntArray, near: Neighbours) -> None:
        score[subset] = model.score(near, search.positions, subset)

    indices = model.input.of_coordinates
    for _ in search.chunks(model.card.k, look, indices=indices, wanted=wanted):
        pass
    return score
