"""One descriptor: the rows that say how its samples differ between conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from caml._arrays import FloatArray
from caml._words import counted
from caml.compare.ranks import (
    Adjustment,
    cliffs_delta,
    dunn,
    kruskal_wallis,
    median_difference,
    pairs_of,
    stars,
)

__all__ = ["compare_groups"]

# With fewer per condition, χ² and the normal distribution are rough for ranks.
FEW = 5

Row = dict[str, Any]


def compare_groups(
    descriptor: str,
    unit: str,
    groups: Mapping[str, FloatArray],
    *,
    adjust: Adjustment,
    n_bootstrap: int,
    generator: np.random.Generator,
) -> tuple[Row, list[Row]]:
    """Test a descriptor.

    Parameters
    ----------
    descriptor : str
        Its name.
    unit : str
        What a sample is.
    groups : mapping of str to ndarray of shape (n_samples,)
        The finite samples of each condition.
    adjust : {"holm", "bonferroni"}
        How P is adjusted for the number of pairs.
    n_bootstrap : int
        How many resamples an interval is made of.
    generator : numpy.random.Generator
        What draws them.

    Returns
    -------
    test : dict
        The row of the descriptor.
    pairs : list of dict
        A row per pair of conditions; NaN, and a note, where nothing can be told.
    """
    used = [name for name, values in groups.items() if len(values) > 1]
    notes = [
        f"{name} has {counted(len(values), unit)} and is left out"
        for name, values in groups.items()
        if name not in used
    ]
    test: Row = {"descriptor": descriptor, "unit": unit}
    test |= dict.fromkeys(("h", "df", "p", "epsilon2"), np.nan) | {"stars": "", "note": ""}
    found: dict[tuple[str, str], Row] = {}
    if len(used) < 2:
        notes.append("fewer than two conditions are left: not tested")
    else:
        chosen = [groups[name] for name in used]
        whole, each = kruskal_wallis(chosen), dunn(chosen, adjust=adjust)
        test |= {"h": whole.h, "df": float(whole.df), "p": whole.p, "epsilon2": whole.epsilon2}
        test["stars"] = stars(whole.p)
        if np.isnan(whole.p):
            notes.append("all values are the same: not tested")
        elif few := [name for name in used if len(groups[name]) < FEW]:
            notes.append(f"P is rough: fewer than {FEW} {unit}s in {', '.join(few)}")
        for place, (i, j) in enumerate(pairs_of(len(used))):
            found[used[i], used[j]] = {
                "z": each.z[place],
                "p": each.p[place],
                "p_adjusted": each.p_adjusted[place],
                "stars": stars(each.p_adjusted[place]),
            } | _sizes(chosen[i], chosen[j], n_bootstrap, generator)
    test["note"] = "; ".join(notes)
    test |= {f"n_{name}": len(values) for name, values in groups.items()}
    test |= {f"median_{name}": _median(values) for name, values in groups.items()}
    names = list(groups)
    pairs = [
        _pair(descriptor, unit, (names[i], names[j]), groups)
        | found.get((names[i], names[j]), _nothing())
        for i, j in pairs_of(len(names))
    ]
    return test, pairs


def _pair(
    descriptor: str, unit: str, names: tuple[str, str], groups: Mapping[str, FloatArray]
) -> Row:
    first, second = (groups[name] for name in names)
    return {
        "descriptor": descriptor,
        "unit": unit,
        "condition_1": names[0],
        "condition_2": names[1],
        "n_1": len(first),
        "n_2": len(second),
        "median_1": _median(first),
        "median_2": _median(second),
    }


def _sizes(
    first: FloatArray, second: FloatArray, n_bootstrap: int, generator: np.random.Generator
) -> Row:
    difference, low, high = median_difference(
        first, second, n_bootstrap=n_bootstrap, generator=generator
    )
    delta = cliffs_delta(first, second)
    return {"cliffs_delta": delta, "difference": difference, "ci_low": low, "ci_high": high}


def _nothing() -> Row:
    """Return what is known of a pair that was not tested."""
    row: Row = dict.fromkeys(("z", "p", "p_adjusted"), np.nan) | {"stars": ""}
    return row | dict.fromkeys(("cliffs_delta", "difference", "ci_low", "ci_high"), np.nan)


def _median(values: FloatArray) -> float:
    return float(np.median(values)) if len(values) else np.nan
