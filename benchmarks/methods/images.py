"""Images of known truth, and how one method does on one of them."""

from __future__ import annotations

import time
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from settings import SUGGESTED

import caml
from caml.evaluate import evaluate
from caml.localizations import Localizations
from caml.methods import run_method
from caml.models import list_models, load_model
from caml.simulate import Scenario, simulate

__all__ = ["DATA", "PAIRS", "image", "score"]

# Data of others, beside the repository and never in it.
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "nieves2023"
# Localizations per µm² and per cluster: the panels of Fig. 3.
PAIRS = ((50, 10), (100, 20), (300, 100), (500, 80))
CROP_UM = 6.0

IntArray = npt.NDArray[np.int64]


@cache
def _table(name: str) -> pd.DataFrame:
    return pd.read_parquet(DATA / f"{name}.parquet")


def image(name: str, number: int) -> tuple[Localizations, IntArray]:
    """Return an image of the public benchmark, or a simulated one, and its true clusters.

    Parameters
    ----------
    name : str
        ``molecules_02``, ``blinking_10``, or the density and number per cluster, ``100 20``.
    number : int
        Which image, from 1.

    Returns
    -------
    localizations : Localizations
        The image.
    true_cluster : ndarray of shape (n_localizations,)
        Ids, −1 for none.
    """
    if "_" in name:
        table = _table(name)
        part = table[table["image"] == number]
        positions = part[["x_nm", "y_nm"]].to_numpy(dtype=float)
        return Localizations(positions), part["true_cluster"].to_numpy(dtype=np.int64)
    density, per_cluster = map(int, name.split())
    scenario = Scenario(
        density=density, n_per_cluster=per_cluster, percent_clustered=50, radius_nm=50,
        crop_um=CROP_UM,
    )  # fmt: skip
    made = simulate(scenario, seed=700_000 + number)
    return Localizations(made.localizations.positions), made.true_cluster


def find(
    method: str, setting: str, parameters: dict[str, Any], localizations: Localizations
) -> caml.Segmentation:
    """Find clusters by a method or a network.

    Parameters
    ----------
    method : str
        One of `caml.methods.METHODS` or a network.
    setting : {"default", "suggested", "best"}
        What parameters are.
    parameters : dict
        Those that were chosen.
    localizations : Localizations
        Where to look.

    Returns
    -------
    Segmentation
        The clusters; none where a network looks at more neighbours than there are.
    """
    if method in {card.name for card in list_models()}:
        network = load_model(method)
        classification = caml.classify(localizations, network)
        return caml.segment(localizations, classification, k=network.card.k)
    if setting == "suggested":
        parameters = dict(SUGGESTED[method](localizations.positions))
    return run_method(method, localizations, parameters)


def score(
    name: str, number: int, method: str, setting: str, parameters: dict[str, Any]
) -> dict[str, float]:
    """Score a method on an image.

    Parameters
    ----------
    name : str
        The scenario; see `image`.
    number : int
        Which image, from 1.
    method : str
        One of `caml.methods.METHODS` or a network.
    setting : {"default", "suggested", "best"}
        What parameters are.
    parameters : dict
        Those that were chosen.

    Returns
    -------
    dict of str to float
        The scores of `caml.evaluate`, and seconds.
    """
    localizations, truth = image(name, number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Of the processor: on one core the seconds of the clock, whatever else is running.
        start = time.process_time()
        found = find(method, setting, parameters, localizations)
        seconds = time.process_time() - start
        # As `caml analyse` writes them: outlines take apart what hangs together by nothing.
        found = caml.outline(localizations, found)
    row = evaluate(localizations, found, truth).row()
    rounded = {key: round(float(value), 5) for key, value in row.items()}
    return rounded | {"seconds": round(seconds, 4)}
