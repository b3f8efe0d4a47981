"""The channels of one table, each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from caml._arrays import IntArray
from caml.errors import InputError
from caml.localizations import Localizations

__all__ = ["Channel", "split_channels"]


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """The localizations of one channel.

    Parameters
    ----------
    name : str
        What it is called in the table.
    localizations : Localizations
        Its localizations.
    rows : ndarray of shape (n_localizations,)
        Which rows of the table they are.
    """

    name: str
    localizations: Localizations
    rows: IntArray


def split_channels(
    localizations: Localizations, names: Sequence[str] = ()
) -> tuple[Channel, Channel]:
    """Take two channels of a table.

    Parameters
    ----------
    localizations : Localizations
        Of two channels, or more.
    names : sequence of str, optional
        Which two, and in which order; needed where there are more.

    Returns
    -------
    tuple of Channel
        The two; by default in the order of their names. Localizations without a channel are in
        none.

    Raises
    ------
    InputError
        If channels are not known, there are not two, or one is not there.

    Examples
    --------
    >>> both = Localizations([[0, 0], [1, 1], [2, 2]], channel=["red", "green", "red"])
    >>> [(one.name, one.rows.tolist()) for one in split_channels(both)]
    [('green', [1]), ('red', [0, 2])]
    """
    if localizations.channel is None:
        raise InputError(
            "this table has no channel: two are needed; if a column holds them, name it with "
            "--columns channel=NAME (Python: columns={'channel': NAME})"
        )
    codes, kinds = pd.factorize(pd.Series(localizations.channel), sort=True)
    known = [_name(kind) for kind in kinds]
    if names:
        check_names(names)
    if not known:
        raise InputError("two channels are needed, and no localization of this table is in any")
    wanted = [name.strip() for name in names] or known
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError(
            f"no channel is called {' or '.join(map(repr, missing))}; "
            f"there {'are' if len(known) > 1 else 'is only'} {', '.join(known)}"
        )
    if len(wanted) != 2:
        raise InputError(
            f"two channels are needed, and this table has {len(known)} ({', '.join(known)}): "
            "choose two with --channels A,B (Python: channels=('A', 'B'))"
            if len(known) > 2
            else f"two channels are needed, and this table has one, {known[0]}"
        )
    found = []
    for name in wanted:
        rows = np.flatnonzero(codes == known.index(name))
        found.append(Channel(name, _part(localizations, rows), rows))
    return found[0], found[1]


def check_names(names: Sequence[str]) -> None:
    """Refuse names that are not those of two channels, whatever the table.

    Parameters
    ----------
    names : sequence of str
        What was given.

    Raises
    ------
    InputError
        If they are not two, one is empty, or both are the same.

    Examples
    --------
    >>> check_names(["red", "red"])
    Traceback (most recent call last):
        ...
    caml.errors.InputError: channel red is given twice: a channel is held against another one
    """
    given = [name.strip() for name in names]
    if len(given) != 2 or not all(given):
        some = ", ".join(filter(None, given)) or "nothing"
        raise InputError(
            f"two channels are held against each other, A,B; got {some}: give the names of two"
        )
    if given[0] == given[1]:
        raise InputError(
            f"channel {given[0]} is given twice: a channel is held against another one"
        )


def _name(kind: object) -> str:
    """Name a channel; one that was read as 1.0 is channel 1."""
    return f"{kind:g}" if isinstance(kind, float) else str(kind)


def _part(localizations: Localizations, rows: IntArray) -> Localizations:
    """Return some rows, in a table whose rows are numbered anew."""
    part = localizations.taken(rows)
    return replace(part, table=part.table.reset_index(drop=True))
