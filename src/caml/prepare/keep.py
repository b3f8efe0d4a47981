"""Leaving out localizations whose values are out of range."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from caml._arrays import FloatArray
from caml._words import counted
from caml.errors import InputError, NothingFoundWarning
from caml.localizations import Localizations
from caml.prepare._columns import PHOTONS, as_numbers, plain_name, taken

__all__ = ["filter_localizations"]

Range = tuple[float | None, float | None]


def filter_localizations(
    localizations: Localizations, *, ranges: Mapping[str, Range]
) -> Localizations:
    """Keep the localizations whose values lie in ranges.

    Parameters
    ----------
    localizations : Localizations
        What to choose from.
    ranges : mapping of str to (float or None, float or None)
        For each column the least and the largest value to keep, both kept themselves; None leaves
        an end open. A column is named as in the table's header; or ``x``, ``y``, ``z``,
        ``uncertainty`` (in nm), ``frame`` or ``channel``, as they were read; or as in the header
        without its unit; or ``photons``, whatever the table calls them. The first of these that
        there is counts; a column of the table counts in its own unit.

    Returns
    -------
    Localizations
        Those whose values lie in every range, in their order, with a line of history per range.
        A localization without a value in a column that is asked about is left out. With none left,
        an empty result and a warning.

    Raises
    ------
    InputError
        If there is no such column, it holds no numbers, or a range is none.

    Notes
    -----
    Williamson et al. 2020, Methods: intensity 500 to 5,000 photons, sigma 50 to 250 nm,
    uncertainty below 25 nm.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"x [nm]": [0.0, 9.0], "y [nm]": [0.0, 9.0], "sigma [nm]": [120, 300]})
    >>> localizations = Localizations(table[["x [nm]", "y [nm]"]].to_numpy(), table=table)
    >>> kept = filter_localizations(localizations, ranges={"sigma": (50, 250)})
    >>> len(kept), kept.history
    (1, ('kept 1 of 2 localizations: sigma from 50 to 250',))
    """
    if not ranges:
        raise InputError("a filter needs at least one range, such as {'uncertainty': (None, 25)}")
    inside = np.ones(len(localizations), dtype=bool)
    lines = []
    for name, (low, high) in ranges.items():
        least, most = _checked(name, low, high)
        values = _values(localizations, name)
        without = inside & np.isnan(values)
        before = int(inside.sum())
        inside &= (values >= least) & (values <= most)
        empty = f" ({int(without.sum())} without a value left out)" if without.any() else ""
        lines.append(
            f"kept {int(inside.sum()):,} of {counted(before, 'localization')}: "
            f"{name}{_said(least, most)}{empty}"
        )
    if not inside.any():
        warnings.warn(
            NothingFoundWarning(f"the filter leaves no localization: {'; '.join(lines)}"),
            stacklevel=2,
        )
    kept = taken(localizations, inside)
    return replace(kept, history=(*localizations.history, *lines))


def _checked(name: str, low: float | None, high: float | None) -> tuple[float, float]:
    """Return the ends of a range, infinite where it is open."""
    least = -math.inf if low is None else float(low)
    most = math.inf if high is None else float(high)
    if math.isnan(least) or math.isnan(most) or least > most or least == most == math.inf:
        raise InputError(
            f"a range is its least and its largest value, in this order; got {low} and {high} "
            f"for {name!r}"
        )
    return least, most


def _said(least: float, most: float) -> str:
    """Put a range into words."""
    low = "" if least == -math.inf else f" from {least:g}"
    high = "" if most == math.inf else f" to {most:g}"
    return low + high or " known"


def _values(localizations: Localizations, name: str) -> FloatArray:
    """Find the values that a name stands for."""
    table = localizations.table
    headers = [str(header) for header in table.columns]
    roles: dict[str, FloatArray] = dict(zip("xyz", localizations.positions.T, strict=False))
    if localizations.uncertainty_nm is not None:
        roles["uncertainty"] = localizations.uncertainty_nm
    if localizations.frame is not None:
        roles["frame"] = localizations.frame.astype(np.float64)
    if localizations.channel is not None and localizations.channel.dtype.kind in "iuf":
        roles["channel"] = localizations.channel.astype(np.float64)
    wanted = plain_name(name)
    plain = [plain_name(header) for header in headers]
    if name in headers:
        place = headers.index(name)
    elif wanted in roles:
        return roles[wanted]
    elif wanted in plain:
        place = plain.index(wanted)
    elif wanted in PHOTONS and any(one in plain for one in PHOTONS):
        place = next(plain.index(one) for one in PHOTONS if one in plain)
    else:
        also = ", ".join(role for role in roles if role not in plain)
        raise InputError(
            f"no column {name!r} to filter by: the columns are "
            f"{', '.join(map(repr, headers))}" + (f"; and, as they were read, {also}" * bool(also))
        )
    values = as_numbers(table.iloc[:, place])
    if values is None:
        raise InputError(f"column {headers[place]!r} holds no numbers and cannot be filtered by")
    return values
