"""What a statistic of distances is: a function of the radius, with what chance would give."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml._arrays import FloatArray
from caml._geometry import unit_ball
from caml._window import Window
from caml.errors import InputError
from caml.spatial._window import largest_radius

__all__ = ["RadialFunction", "default_radii"]

N_RADII = 100
# A window of ever more localizations is not made to count ever more neighbours.
N_NEIGHBOURS = {"pairs": 100, "nearest": 10}


def _none() -> FloatArray:
    return np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class RadialFunction:
    """A statistic of distances at a number of radii.

    Parameters
    ----------
    name : str
        Which: K, L, L-r, g, G; of two channels K_AB, g_AB.
    radius_nm : ndarray of shape (n_radii,), nm
        The radii.
    value : ndarray of shape (n_radii,)
        What was measured: K in nm² (3D: nm³), L and L − r in nm, g and G without unit.
    theory : ndarray of shape (n_radii,)
        What is expected of localizations without any structure.
    low, high : ndarray of shape (n_radii,) or (0,)
        The envelope of simulations; empty without any.
    correction : str, default "none"
        For the border of the region.
    n_localizations : int, default 0
        How many were looked at; of two channels those of the first.
    n_simulations : int, default 0
        How many simulations there were.
    p_value : float, default NaN
        Of the global test.

    Raises
    ------
    InputError
        If lengths do not agree.
    """

    name: str
    radius_nm: FloatArray
    value: FloatArray
    theory: FloatArray
    low: FloatArray = field(default_factory=_none)
    high: FloatArray = field(default_factory=_none)
    correction: str = "none"
    n_localizations: int = 0
    n_simulations: int = 0
    p_value: float = float("nan")

    def __post_init__(self) -> None:
        """Check lengths."""
        n = len(self.radius_nm)
        faults = [
            f"{name} has {len(values)}"
            for name, values, allowed in (
                ("value", self.value, {n}),
                ("theory", self.theory, {n}),
                ("low", self.low, {0, n}),
                ("high", self.high, {0, n}),
            )
            if len(values) not in allowed
        ]
        if faults:
            raise InputError(f"one value per radius is needed, {n} here; {', '.join(faults)}")

    @property
    def has_envelope(self) -> bool:
        """Whether simulations were made."""
        return self.n_simulations > 0

    def table(self) -> pd.DataFrame:
        """Return it as a tidy table.

        Returns
        -------
        DataFrame
            A row per radius: statistic, radius_nm, value, theory, and where there are simulations
            low and high.
        """
        columns = {"radius_nm": self.radius_nm, "value": self.value, "theory": self.theory}
        if self.has_envelope:
            columns |= {"low": self.low, "high": self.high}
        table = pd.DataFrame(columns)
        table.insert(0, "statistic", self.name)
        return table


def default_radii(window: Window, n: int, *, of: str, correction: str = "rigid") -> FloatArray:
    """Choose radii where there is something to see.

    Parameters
    ----------
    window : Window
        Where the localizations are.
    n : int
        How many they are.
    of : {"pairs", "nearest"}
        Whether all pairs are looked at, or nearest neighbours.
    correction : {"rigid", "border", "none"}, default "rigid"
        For the border of the region.

    Returns
    -------
    ndarray of shape (100,), nm
        Evenly spaced, up to a quarter of the region's shortest side, or to where there are 100
        neighbours (10 for those to nearest neighbours) if they were spread evenly; less where the
        correction leaves less than a tenth of the region to measure in.

    Notes
    -----
    The rule of Baddeley et al. 2015, section 7.2.4, with 100 neighbours in the place of 1,000:
    images of localizations have more of them, and clusters far smaller than the image.
    """
    n_dimensions = window.n_dimensions
    ball = unit_ball(n_dimensions)
    wanted = (N_NEIGHBOURS[of] * window.size / max(n, 1) / ball) ** (1 / n_dimensions)
    furthest = min(window.shorter_side_nm / 4, wanted)
    if n_dimensions == 3:
        furthest = min(furthest, window.depth_nm)
    furthest = largest_radius(window, float(furthest), correction)
    return np.linspace(0, furthest, N_RADII + 1)[1:]


def as_radii(radii_nm: npt.ArrayLike) -> FloatArray:
    """Check radii.

    Parameters
    ----------
    radii_nm : array-like of shape (n_radii,), nm
        The radii.

    Returns
    -------
    ndarray of shape (n_radii,), nm
        The same.

    Raises
    ------
    InputError
        If they are not finite numbers above 0 that increase.
    """
    radii = np.asarray(radii_nm, dtype=np.float64)
    good = radii.ndim == 1 and len(radii) and np.isfinite(radii).all()
    if not (good and radii[0] > 0 and (np.diff(radii) > 0).all()):
        raise InputError("radii_nm must be increasing, finite numbers of nm, all above 0")
    return radii
