"""What the columns of a table hold, told by their names; rows and positions of it replaced."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml._arrays import BoolArray, FloatArray, IntArray
from caml.errors import InputError
from caml.localizations import Localizations

__all__ = [
    "PHOTONS",
    "as_numbers",
    "channels_of",
    "frames_of",
    "plain_name",
    "position_columns",
    "taken",
    "with_positions",
]

# What localization software calls the photons of a localization.
PHOTONS = ("intensity", "photons", "photon", "phot", "photon_count", "n_photons", "number_photons")

# Of fewer positions another column can be a multiple by chance.
FEWEST = 3

BRACKETS = re.compile(r"\s*[\[(][^\])]*[\])]\s*$")
SUFFIX = re.compile(r"_(nm|um|µm|px|pixels?)$")
POSITION = re.compile(r"(?:position_)?([xyz])(?:c|nm|nano)?")


def plain_name(header: str) -> str:
    """Return the name in a column's head, in lower case and without its unit.

    Parameters
    ----------
    header : str
        As it is in the table.

    Returns
    -------
    str
        The name, with underscores for spaces.

    Examples
    --------
    >>> plain_name("uncertainty [nm]"), plain_name("Number Photons"), plain_name("x_nm")
    ('uncertainty', 'number_photons', 'x')
    """
    name = BRACKETS.sub("", header.strip(" \t\"'#\ufeff").lower())
    return SUFFIX.sub("", re.sub(r"[\s-]+", "_", name.strip()))


def as_numbers(column: pd.Series) -> npt.NDArray[np.float64] | None:
    """Return a column as numbers.

    Parameters
    ----------
    column : Series
        Of the table.

    Returns
    -------
    ndarray of shape (n_localizations,), float64, or None
        NaN where there is no value; None if they are no numbers.
    """
    if not pd.api.types.is_numeric_dtype(column.dtype) or column.dtype.kind not in "iuf":
        return None
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def position_columns(localizations: Localizations) -> dict[int, tuple[int, float]]:
    """Find the columns that hold the positions, in whatever unit.

    Parameters
    ----------
    localizations : Localizations
        Of the table.

    Returns
    -------
    dict of int to (int, float)
        Of each such column, by its place, the axis and how many of its unit are a nm. A column is
        one by its name and by its values, so that N-STORM's raw X beside the corrected Xc is none;
        by its values alone where no name says so, for users can name columns as they like.
    """
    table, positions = localizations.table, localizations.positions
    names = [plain_name(str(header)) for header in table.columns]
    found: dict[int, tuple[int, float]] = {}
    for axis in range(localizations.n_dimensions):
        called = [
            place
            for place, match in enumerate(map(POSITION.fullmatch, names))
            if match is not None and "xyz".index(match[1]) == axis
        ]
        ours = _multiples(table, positions[:, axis], called)
        if not ours and len(np.unique(positions[:, axis])) >= FEWEST:
            others = [place for place in range(len(names)) if place not in {*called, *found}]
            ours = _multiples(table, positions[:, axis], others, unlike=localizations.frame)
        found |= {place: (axis, factor) for place, factor in ours.items()}
    return found


def _multiples(
    table: pd.DataFrame,
    nm: FloatArray,
    places: Iterable[int],
    *,
    unlike: IntArray | None = None,
) -> dict[int, float]:
    """Find columns that are these lengths in any unit, and not what is given besides."""
    found = {}
    for place in places:
        values = as_numbers(table.iloc[:, place])
        if values is None or (unlike is not None and np.array_equal(values, unlike)):
            continue
        factor = _factor(values, nm)
        if factor is not None:
            found[place] = factor
    return found


def _factor(values: FloatArray, nm: FloatArray) -> float | None:
    """Tell by what to multiply nm to get the values; None if it is not the same for all."""
    known = np.isfinite(nm)
    values, nm = values[known], nm[known]
    if np.array_equal(values, nm):
        return 1.0
    furthest = int(np.abs(nm).argmax()) if len(nm) else 0
    if not len(nm) or nm[furthest] == 0 or not np.isfinite(values).all():
        return None
    factor = float(values[furthest] / nm[furthest])
    # Single precision, which some formats store, is right to 6e-8 of the value.
    return factor if np.allclose(values, nm * factor, rtol=1e-6, atol=1e-9) else None


def with_positions(
    table: pd.DataFrame, positions: FloatArray, columns: Mapping[int, tuple[int, float]]
) -> pd.DataFrame:
    """Return a table whose columns of positions hold others.

    Parameters
    ----------
    table : DataFrame of n_localizations rows
        The table.
    positions : ndarray of shape (n_localizations, 2 or 3), nm
        What they are to hold; where it is not finite, the table's values stay.
    columns : mapping of int to (int, float)
        Of `position_columns`.

    Returns
    -------
    DataFrame
        A new table, of the same columns in the same units.
    """
    table = table.copy(deep=False)
    for place, (axis, factor) in columns.items():
        new = positions[:, axis] if factor == 1 else positions[:, axis] * factor
        old = as_numbers(table.iloc[:, place])
        table.isetitem(place, new if old is None else np.where(np.isfinite(new), new, old))
    return table


def taken(localizations: Localizations, rows: IntArray | BoolArray) -> Localizations:
    """Return some of the localizations.

    Parameters
    ----------
    localizations : Localizations
        All of them.
    rows : ndarray of int or bool
        Which rows, in which order.

    Returns
    -------
    Localizations
        Those, with their rows of the table.
    """
    named = localizations.table.index.name is not None
    table = localizations.table.iloc[rows]

    def of(values: npt.NDArray[np.generic] | None) -> npt.NDArray[np.generic] | None:
        return None if values is None else values[rows]

    return replace(
        localizations,
        positions=localizations.positions[rows],
        table=table if named else table.reset_index(drop=True),
        frame=of(localizations.frame),  # type: ignore[arg-type]
        channel=of(localizations.channel),
        uncertainty_nm=of(localizations.uncertainty_nm),  # type: ignore[arg-type]
    )


def frames_of(localizations: Localizations, step: str) -> npt.NDArray[np.int64]:
    """Return the frame of every localization, which a step cannot do without.

    Parameters
    ----------
    localizations : Localizations
        Of one image.
    step : str
        What needs it, for errors.

    Returns
    -------
    ndarray of shape (n_localizations,), int64
        The frames.

    Raises
    ------
    InputError
        If there are none, or they are not whole numbers.
    """
    frame = localizations.frame
    if frame is None:
        raise InputError(
            f"{step} needs the frame of every localization, and no usable column holds it: name "
            "one of whole numbers with --columns frame=NAME (Python: columns={'frame': NAME})"
        )
    if frame.dtype.kind not in "iu":
        numbers = np.asarray(frame, dtype=np.float64)
        whole = np.isfinite(numbers)
        whole[whole] = numbers[whole] == np.floor(numbers[whole])
        if not whole.all():
            raise InputError(
                f"{step} needs frames that are whole numbers; {int((~whole).sum())} of "
                f"{len(whole)} are not"
            )
    return frame.astype(np.int64)


def channels_of(localizations: Localizations) -> npt.NDArray[np.int64]:
    """Return a number for each channel.

    Parameters
    ----------
    localizations : Localizations
        Of one image.

    Returns
    -------
    ndarray of shape (n_localizations,), int64
        From 0; −1 for localizations without a channel, which are one of their own.
    """
    if localizations.channel is None:
        return np.zeros(len(localizations), dtype=np.int64)
    codes, _ = pd.factorize(localizations.channel)
    return codes.astype(np.int64)
