"""How much there is in all regions together, each place counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import shapely

from caml._arrays import BoolArray
from caml.analyse.region import in_any
from caml.localizations import Localizations, Region

__all__ = ["Totals", "totals_of"]

# Regions that share less of their area than this only touch.
SHARED = 1e-9


@dataclass(frozen=True, slots=True)
class Totals:
    """What lies in an image, or in any of its regions.

    Parameters
    ----------
    n_localizations : int
        With a position.
    n_clustered : int
        Those in a cluster.
    area_um2 : float
        Of all regions together, µm².
    """

    n_localizations: int
    n_clustered: int
    area_um2: float

    @property
    def percent_clustered(self) -> float:
        """The share of localizations in clusters, %; NaN of none."""
        n = self.n_localizations
        return 100 * self.n_clustered / n if n else float("nan")


def totals_of(
    summary: pd.DataFrame,
    regions: Sequence[Region],
    localizations: Localizations,
    clustered: BoolArray,
) -> Totals:
    """Add up a summary; of regions that overlap, count what is in several of them once.

    Parameters
    ----------
    summary : DataFrame
        A row for the image, or one per region.
    regions : sequence of Region
        What was asked for.
    localizations : Localizations
        All.
    clustered : ndarray of bool of shape (n_localizations,)
        Whether each is in a cluster.

    Returns
    -------
    Totals
        Of all together.
    """
    area = float(summary["area_um2"].sum())
    union = shapely.union_all([one.polygon for one in regions]).area * 1e-6
    if len(regions) < 2 or union > area * (1 - SHARED):
        n, inside = summary["n_localizations"].sum(), summary["n_clustered"].sum()
        return Totals(int(n), int(inside), area)
    somewhere = in_any(regions, localizations) & localizations.finite
    return Totals(int(somewhere.sum()), int((somewhere & clustered).sum()), float(union))
