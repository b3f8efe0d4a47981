"""What every stage takes: localizations and regions, validated once, here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from caml._arrays import BoolArray, FloatArray, IntArray
from caml._repair import repaired
from caml.errors import InputError, RegionError

__all__ = ["FURTHEST_NM", "Localizations", "Region", "as_positions", "positions_lost"]


AXES = ("x_nm", "y_nm", "z_nm")

# A kilometre: no position of a microscope, and squares of far larger numbers overflow.
FURTHEST_NM = 1e12


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of an image: a polygon in x and y, with a name.

    Parameters
    ----------
    polygon : shapely.Polygon or shapely.MultiPolygon
        Its outline, in nm. An outline that crosses itself, up to 1,000 times, is repaired.
    name : str
        What it is called in the results.

    Raises
    ------
    RegionError
        If the outline encloses no area, or crosses itself too often.

    Examples
    --------
    >>> Region.rectangle(0, 0, 2000, 1000).area_um2
    2.0
    """

    polygon: shapely.Polygon | shapely.MultiPolygon
    name: str = ""

    def __post_init__(self) -> None:
        """Repair and check the outline."""
        polygon = repaired(self.polygon, self.name)
        if polygon.geom_type == "GeometryCollection":
            parts = shapely.get_parts(polygon)
            polygon = shapely.union_all(parts[shapely.area(parts) > 0])
        if polygon.geom_type not in ("Polygon", "MultiPolygon") or not polygon.area > 0:
            raise RegionError(
                f"region {self.name!r} encloses no area: expected a polygon of at least three "
                "corners, in nm"
            )
        object.__setattr__(self, "polygon", polygon)

    @classmethod
    def rectangle(
        cls, x_min: float, y_min: float, x_max: float, y_max: float, *, name: str = ""
    ) -> Region:
        """Make the rectangle between two corners.

        Parameters
        ----------
        x_min, y_min, x_max, y_max : float
            The corners, nm.
        name : str, default ""
            What it is called in the results.

        Returns
        -------
        Region
            The rectangle.

        Raises
        ------
        RegionError
            If the corners are not finite or not in this order.
        """
        if not (
            np.isfinite([x_min, y_min, x_max, y_max]).all() and x_min < x_max and y_min < y_max
        ):
            raise RegionError(
                "a rectangle is x_min, y_min, x_max, y_max in nm, with x_min < x_max and "
                f"y_min < y_max; got {x_min:g}, {y_min:g}, {x_max:g}, {y_max:g}"
            )
        return cls(shapely.box(x_min, y_min, x_max, y_max), name)

    @property
    def area_um2(self) -> float:
        """Its area, µm²."""
        return float(self.polygon.area) * 1e-6

    def contains(self, positions: FloatArray) -> BoolArray:
        """Tell which positions lie inside or on the outline.

        Parameters
        ----------
        positions : ndarray of shape (n, 2 or 3), nm
            Where; z is not looked at.

        Returns
        -------
        ndarray of shape (n,), bool
            False where a position is not finite.
        """
        inside: BoolArray = shapely.intersects_xy(self.polygon, positions[:, 0], positions[:, 1])
        return inside


@dataclass(frozen=True, slots=True, eq=False)
class Localizations:
    """The localizations of one image, in the order of the table they came from.

    Rows whose position is not finite stay, so that everything measured later lines up with the
    table; no stage measures them (`finite` tells which they are).

    Parameters
    ----------
    positions : array-like of shape (n_localizations, 2 or 3), nm
        x, y and, in 3D, z.
    table : DataFrame, optional
        Every column of the input, n_localizations rows; by default the positions themselves.
    frame : array-like of shape (n_localizations,), optional
        The camera frame of each localization.
    channel : array-like of shape (n_localizations,), optional
        The colour channel of each localization, numbers or names.
    uncertainty_nm : array-like of shape (n_localizations,), optional
        The localization uncertainty (standard deviation), nm.
    region : Region, optional
        The part of the image that was imaged, where it is known.
    name : str, default ""
        What the image is called in the results.
    history : tuple of str, default ()
        What was done to get here, a line each.

    Raises
    ------
    InputError
        If shapes do not agree; every fault is named.

    Examples
    --------
    >>> localizations = Localizations([[0.0, 0.0], [30.0, 40.0]])
    >>> len(localizations), localizations.n_dimensions
    (2, 2)
    """

    positions: FloatArray
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    frame: IntArray | None = None
    channel: npt.NDArray[Any] | None = None
    uncertainty_nm: FloatArray | None = None
    region: Region | None = None
    name: str = ""
    history: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that everything lines up, and freeze it."""
        positions = as_positions(self.positions)
        table = self.table
        if table.shape == (0, 0):
            table = pd.DataFrame(positions, columns=list(AXES[: positions.shape[1]]))
        faults = []
        if len(table) != len(positions):
            faults.append(f"table has {len(table)} rows")
        for name in ("frame", "channel", "uncertainty_nm"):
            values = getattr(self, name)
            if values is not None:
                values = _frozen(np.asarray(values))
                object.__setattr__(self, name, values)
                if values.shape != (len(positions),):
                    faults.append(f"{name} has shape {values.shape}")
        if faults:
            raise InputError(
                f"one value per localization is needed, {len(positions)} here; " + "; ".join(faults)
            )
        object.__setattr__(self, "positions", _frozen(positions))
        object.__setattr__(self, "table", table)

    def __len__(self) -> int:
        """Count the localizations, those without a finite position too."""
        return len(self.positions)

    @property
    def n_dimensions(self) -> int:
        """How many coordinates a position has: 2 or 3."""
        return int(self.positions.shape[1])

    @property
    def finite(self) -> BoolArray:
        """Which localizations have a finite position, shape (n_localizations,)."""
        return np.asarray(np.isfinite(self.positions).all(axis=1))

    def projected(self) -> Localizations:
        """Return the same localizations seen from above: their positions without z.

        Returns
        -------
        Localizations
            A new object in 2D. Where z was not finite, x and y are not either.
        """
        flat = np.where(self.finite[:, None], self.positions[:, :2], np.nan)
        return replace(self, positions=flat)

    def taken(self, rows: npt.ArrayLike) -> Localizations:
        """Return some of the localizations.

        Parameters
        ----------
        rows : array-like of shape (m,)
            Which, as numbers from 0, or of shape (n_localizations,) and bool.

        Returns
        -------
        Localizations
            A new object, with their rows of the table.
        """
        rows = np.asarray(rows)

        def part(values: npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
            return None if values is None else values[rows]

        return replace(
            self,
            positions=self.positions[rows],
            table=self.table.iloc[rows],
            frame=part(self.frame),
            channel=part(self.channel),
            uncertainty_nm=part(self.uncertainty_nm),
        )

    def with_history(self, line: str) -> Localizations:
        """Return the same localizations with one more line of history.

        Parameters
        ----------
        line : str
            What was done.

        Returns
        -------
        Localizations
            A new object; the arrays are shared.
        """
        return replace(self, history=(*self.history, line))


def as_positions(positions: Localizations | npt.ArrayLike) -> FloatArray:
    """Return positions as a float64 array, whatever they came as.

    Parameters
    ----------
    positions : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        The positions.

    Returns
    -------
    ndarray of shape (n_localizations, 2 or 3), float64, nm
        The positions; rows that are not finite are kept. A coordinate beyond a kilometre is a
        failed fit's, and becomes NaN.

    Raises
    ------
    InputError
        If they are no numbers or have another shape.
    """
    if isinstance(positions, Localizations):
        return positions.positions
    try:
        array = np.asarray(positions, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"positions must be numbers in nm: {error}") from error
    if array.ndim != 2 or array.shape[1] not in (2, 3):
        raise InputError(
            "positions must have shape (n_localizations, 2) or (n_localizations, 3), in nm; "
            f"got {array.shape}"
        )
    absurd = np.abs(array) > FURTHEST_NM
    return np.where(absurd, np.nan, array) if absurd.any() else array


def positions_lost(n_lost: int, n: int) -> str:
    """Say that some rows have no usable position; it holds whatever is done with the others.

    Parameters
    ----------
    n_lost, n : int
        How many have none, and of how many.

    Returns
    -------
    str
        For a warning.
    """
    return (
        f"{n_lost} of {n} localizations have no usable position (missing, infinite, or beyond "
        f"{FURTHEST_NM:g} nm); they are left out of all that needs one"
    )


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a read-only view, so that no stage changes another's input."""
    view = array.view()
    view.flags.writeable = False
    return view
