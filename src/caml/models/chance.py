"""What a network makes of images in which nothing is clustered."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from caml._arrays import BoolArray, IntArray
from caml.errors import DataWarning
from caml.models.model import Model
from caml.neighbours import Neighbours, NeighbourSearch
from caml.prior import clustered_share, score_histogram
from caml.simulate import Scenario, simulate

__all__ = ["random_shares", "shares_by_chance"]

# Localizations per µm² and side of the field, µm: from 500 localizations to half a million.
CELLS = ((100, 4.2), (100, 7.3), (10, 40), (30, 40), (100, 40), (300, 40), (1_000, 40))
# Images of each, more of the small ones, and localizations looked at in each of them.
N_IMAGES = 4
N_SMALL = 12
SMALL = 10_000
N_LOOKED_AT = 5_000
# Area of an average simulated cell as a share of its field's.
CELL_SHARE = math.pi * 0.3**2
# What is counted as chance is a little more than the most that was met.
MARGIN = 1.25
SMALLEST = 0.002


def shares_by_chance(model: Model, seed: int = 0) -> list[list[float]]:
    """Measure how large a share of images without clusters seems to be clustered.

    Parameters
    ----------
    model : Model
        A network of two labels.
    seed : int, default 0
        Where chance comes from.

    Returns
    -------
    list of [n, share]
        For images of n localizations, a quarter more than the largest share that
        `caml.prior.clustered_share` estimates for completely random cells; at least 0.002, and at
        most 0.9.
    """
    found = []
    for density, field_um in CELLS:
        if shares := random_shares(model, density, field_um, seed):
            n = density * CELL_SHARE * field_um**2
            share = min(max(SMALLEST, MARGIN * max(shares)), 0.9)
            found.append([round(n), round(share, 4)])
    return found


def random_shares(model: Model, density: float, field_um: float, seed: int = 0) -> list[float]:
    """Estimate the share of the clustered in cells in which nothing is.

    Parameters
    ----------
    model : Model
        A network of two labels.
    density : float
        Localizations per µm²; in 3D too, where they are spread over half a micrometre.
    field_um : float
        Side of the field, µm.
    seed : int, default 0
        Where chance comes from.

    Returns
    -------
    list of float
        Of each cell; none where the network looks at more neighbours than a cell has.
    """
    card = model.card
    scenario = Scenario(
        density=density if card.n_dimensions == 2 else density / 0.5,
        percent_clustered=0,
        n_dimensions=card.n_dimensions,
        field_um=field_um,
    )
    n_expected = density * CELL_SHARE * field_um**2
    shares = []
    for number in range(N_SMALL if n_expected < SMALL else N_IMAGES):
        drawn = (seed, 2**33, round(n_expected), number)
        generator = np.random.default_rng(np.random.SeedSequence(drawn))
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


def _scores(model: Model, search: NeighbourSearch, wanted: BoolArray) -> npt.NDArray[Any]:
    score = np.full(len(search), np.nan, dtype=np.float32)

    def look(subset: IntArray, near: Neighbours) -> None:
        score[subset] = model.score(near, search.positions, subset)

    indices = model.input.of_coordinates
    for _ in search.chunks(model.card.k, look, indices=indices, wanted=wanted):
        pass
    return score
