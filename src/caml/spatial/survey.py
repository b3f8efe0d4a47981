"""All statistics of one image or region at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml._cost import check_length
from caml.errors import DataWarning
from caml.localizations import Localizations, Region
from caml.spatial._window import sample_of
from caml.spatial.envelopes import Statistic, envelope
from caml.spatial.nearest import Hopkins, hopkins, nearest_neighbour_distribution
from caml.spatial.radial import N_RADII, RadialFunction
from caml.spatial.second_order import pair_correlation, ripley_l

__all__ = ["Survey", "survey"]

# The statistics, and what each is called in a column of its own.
SURVEYED: dict[Statistic, str] = {
    "L-r": "l_minus_r",
    "g": "pair_correlation",
    "G": "nearest_neighbour",
}


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """How the localizations of one image or region are spread.

    Parameters
    ----------
    functions : tuple of RadialFunction
        L − r, g and G.
    hopkins : Hopkins
        Hopkins's statistic.
    n_localizations : int
        How many are inside.
    region : Region
        Where they could have been.
    depth_nm : float
        In 3D, how deep that is; NaN in 2D.
    """

    functions: tuple[RadialFunction, ...]
    hopkins: Hopkins
    n_localizations: int
    region: Region
    depth_nm: float

    def table(self) -> pd.DataFrame:
        """Return the functions as one tidy table.

        Returns
        -------
        DataFrame
            A row per statistic and radius: region, statistic, radius_nm, value, theory, and where
            there are simulations low and high.
        """
        table = pd.concat([one.table() for one in self.functions], ignore_index=True)
        table.insert(0, "region", self.region.name)
        return table

    def summary(self) -> pd.DataFrame:
        """Return a row of numbers.

        Returns
        -------
        DataFrame
            Of one row: region, n_localizations, area_um2, in 3D depth_nm, the density, the L − r
            that is largest and where, P of each function's test, and Hopkins's statistic.
        """
        l_minus_r = next(one for one in self.functions if one.name == "L-r")
        peak = int(l_minus_r.value.argmax())
        row: dict[str, object] = {
            "region": self.region.name,
            "n_localizations": self.n_localizations,
            "area_um2": self.region.area_um2,
        }
        density = self.n_localizations / self.region.area_um2
        if np.isfinite(self.depth_nm):
            row["depth_nm"] = self.depth_nm
            row["density_per_um3"] = density / (self.depth_nm * 1e-3)
        else:
            row["density_per_um2"] = density
        row["l_minus_r_max_nm"] = float(l_minus_r.value[peak])
        row["radius_of_max_nm"] = float(l_minus_r.radius_nm[peak])
        row["hopkins"] = self.hopkins.value
        row["hopkins_p"] = self.hopkins.p_value
        columns = {str(name): column for name, column in SURVEYED.items()}
        for one in self.functions:
            if one.has_envelope:
                row[f"p_{columns[one.name]}"] = one.p_value
        return pd.DataFrame([row])


def survey(
    localizations: Localizations | npt.ArrayLike,
    *,
    seed: int | np.random.Generator,
    region: Region | None = None,
    max_radius_nm: float | None = None,
    n_simulations: int = 99,
    progress: Callable[[float], None] | None = None,
) -> Survey:
    """Measure L − r, g, G and Hopkins's statistic of one image or region.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where they are.
    seed : int or numpy.random.Generator
        Of the simulations and of Hopkins's statistic.
    region : Region, optional
        Where they could have been: by default that of the localizations, else their convex hull.
        Those outside are not looked at.
    max_radius_nm : float, optional
        The largest radius of L and g, nm; see `caml.spatial.default_radii`.
    n_simulations : int, default 99
        For the envelopes; 0 for none.
    progress : callable, optional
        Called with the share that is done.

    Returns
    -------
    Survey
        All of them.

    Raises
    ------
    InputError
        As each statistic does.

    Warns
    -----
    DataWarning
        If localizations lie outside the region, or are of several channels.

    Examples
    --------
    >>> even = np.random.default_rng(1).uniform(0, 1_000, (300, 2))
    >>> found = survey(even, region=Region.rectangle(0, 0, 1_000, 1_000), seed=1, n_simulations=19)
    >>> [one.name for one in found.functions]
    ['L-r', 'g', 'G']
    """
    if isinstance(localizations, Localizations):
        _warn_of_channels(localizations)
    generator = np.random.default_rng(seed)
    radii = None
    if max_radius_nm is not None:
        check_length(max_radius_nm=max_radius_nm)
        radii = np.linspace(0, max_radius_nm, N_RADII + 1)[1:]
    sample = sample_of(localizations, region=region)
    window = sample.window
    place = {"region": window.region, "z_range_nm": window.z_range_nm}
    # Before the simulations, so that it is the same however many there are.
    one_number = hopkins(sample.positions, seed=generator, **place)  # type: ignore[arg-type]

    def measure(number: int, statistic: Statistic) -> RadialFunction:
        # G is of nearest neighbours, which are nearer than that.
        at = None if statistic == "G" else radii
        if n_simulations:
            return envelope(
                sample.positions,
                statistic,
                seed=generator,
                n_simulations=n_simulations,
                radii_nm=at,
                progress=lambda share: (
                    progress((number + share) / len(SURVEYED)) if progress else None
                ),
                **place,  # type: ignore[arg-type]
            )
        if statistic == "G":
            return nearest_neighbour_distribution(sample.positions, **place)  # type: ignore[arg-type]
        if statistic == "g":
            return pair_correlation(sample.positions, radii_nm=at, **place)  # type: ignore[arg-type]
        return ripley_l(sample.positions, minus_r=True, radii_nm=at, **place)  # type: ignore[arg-type]

    return Survey(
        tuple(measure(number, statistic) for number, statistic in enumerate(SURVEYED)),
        one_number,
        len(sample),
        window.region,
        window.depth_nm if window.n_dimensions == 3 else float("nan"),
    )


def _warn_of_channels(localizations: Localizations) -> None:
    """Say that channels are not told apart, where there are several."""
    if localizations.channel is None:
        return
    names = [str(name) for name in pd.unique(pd.Series(localizations.channel).dropna())]
    if len(names) > 1:
        message = (
            f"channels {', '.join(names[:9])}{', …' if len(names) > 9 else ''} are taken together: "
            "give each a table of its own, or hold two against each other (caml channels)"
        )
        warnings.warn(DataWarning(message), stacklevel=3)
