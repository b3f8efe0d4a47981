"""Seconds against the number of localizations, every method in one run (Supplementary Fig. 8)."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from images import find
from settings import NETWORKS
from tqdm import tqdm

from caml.errors import InputError
from caml.localizations import Localizations
from caml.methods import METHODS
from caml.simulate import Scenario, simulate

__all__ = ["timings"]

SIZES = (1_000, 10_000, 100_000, 1_000_000)
DENSITY = 100
RUNS = 3
# What takes longer than the first is run once, than the second not tried with ten times as many.
ONCE_S, PATIENCE_S = 2.0, 3.0
OURS = ("LOGNM1", *(name for name in NETWORKS if name != "LOGNM1"))


def cell(n: int) -> Localizations:
    """Simulate about so many localizations, half of them in clusters of twenty."""
    side = float(np.sqrt(n / DENSITY))
    scenario = Scenario(
        density=DENSITY, n_per_cluster=20, radius_nm=50, percent_clustered=50,
        field_um=max(4 * side, 8.0), crop_um=side,
    )  # fmt: skip
    return Localizations(simulate(scenario, seed=n).localizations.positions)


def timings(path: Path, *, quick: bool) -> pd.DataFrame:
    """Time methods one after the other, alone; go on where it was interrupted.

    Parameters
    ----------
    path : Path
        Where results are kept as they come.
    quick : bool
        Whether only the two smallest sizes are looked at.

    Returns
    -------
    DataFrame
        A row per method and size; seconds are the median of three runs, after one that loads and
        compiles, or NaN with the reason in `why`.
    """
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(row["method"], row["n"]) for row in rows}
    names = [*METHODS, *(OURS[:1] if quick else OURS)]
    for n in SIZES[: 2 if quick else None]:
        todo = [name for name in names if (name, n) not in done]
        localizations = cell(n if todo else SIZES[0])
        for name in tqdm(todo, desc=f"{n:,}"):
            before = [row["seconds"] for row in rows if row["method"] == name]
            row = {"method": name, "n": n, "n_localizations": len(localizations)}
            row |= _timed(name, localizations, max([0.0, *filter(np.isfinite, before)]), before)
            rows.append(row)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
    return pd.DataFrame(rows)


def _timed(
    name: str, localizations: Localizations, longest: float, before: list[float]
) -> dict[str, float | str]:
    """Time a method, unless it is known to take too long."""
    if longest > PATIENCE_S or (before and np.isnan(before[-1])):
        return {"seconds": float("nan"), "why": f"{longest:.1f} s with a tenth"}
    seconds = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for _ in range(RUNS + 1):
                start = time.perf_counter()
                find(name, "default", {}, localizations)
                seconds.append(time.perf_counter() - start)
                if seconds[-1] > ONCE_S:
                    return {"seconds": seconds[-1], "why": "one run"}
        except InputError as error:
            return {"seconds": float("nan"), "why": str(error)}
    return {"seconds": float(np.median(seconds[1:])), "why": ""}
