"""What each method is run with: as it comes, as its helpers suggest, and a grid to choose from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from caml.methods import suggest_eps, suggest_radius

__all__ = ["GRIDS", "NETWORKS", "SLOW", "SUGGESTED"]

FloatArray = npt.NDArray[np.float64]
Parameters = Mapping[str, Any]

# All networks of two labels in 2D; those of 1000 neighbours have nothing to say of fewer.
NETWORKS = ("LOGNM1", "07VEJJ", "XPILJZ", "IN050S", "IN200S", "XYREL1", "SHB8HY", "87B144")

# Seconds to minutes an image where there are many localizations.
SLOW = ("optics", "bayesian", "dominant-sets")


# Helpers, where they differ from what a method does by itself; none sees the truth.
SUGGESTED: dict[str, Callable[[FloatArray], Parameters]] = {
    "dbscan": lambda positions: {"eps_nm": suggest_eps(positions)},
    "getis-franklin": lambda positions: {"radius_nm": suggest_radius(positions)},
}


def _grid(**values: tuple[Any, ...]) -> list[Parameters]:
    return [dict(zip(values, one, strict=True)) for one in product(*values.values())]


# Chosen by ARI, for each scenario, on other images than those that are scored.
GRIDS: dict[str, list[Parameters]] = {
    "dbscan": _grid(
        eps_nm=(10.0, 20.0, 30.0, 40.0, 50.0, 65.0, 80.0), min_samples=(3, 5, 7, 10, 20, 40)
    ),
    "hdbscan": _grid(min_cluster_size=(5, 10, 20, 40), min_samples=(3, 5, 10, 20)),
    "tomato": _grid(radius_nm=(15.0, 25.0, 40.0, 60.0), persistence=(3, 5, 8, 12, 20, 40)),
    "getis-franklin": _grid(
        radius_nm=(20.0, 40.0, 60.0), threshold_nm=(60.0, 90.0, 130.0, 200.0), link_nm=(30.0, 60.0)
    ),
    "voronoi": _grid(density_factor=(1.0, 1.5, 2.0, 3.0, 5.0), min_localizations=(3, 5, 10)),
    "kde": _grid(bandwidth_nm=(10.0, 15.0, 20.0, 30.0), density_factor=(1.5, 2.0, 3.0, 5.0, 8.0)),
    "focal": _grid(grid_nm=(10.0, 15.0, 20.0, 30.0), min_l=(3, 5, 8, 12, 20, 40)),
    "optics": _grid(min_samples=(5, 10, 20), xi=(0.02, 0.05, 0.1, 0.2)),
    "bayesian": _grid(p_background=(0.5, 0.7, 0.9, 0.97), alpha=(5.0, 20.0, 80.0)),
    "dominant-sets": _grid(
        scale_nm=(15.0, 25.0, 40.0), min_cohesiveness=(0.3, 0.5, 0.7), min_localizations=(3, 5, 10)
    ),
}
