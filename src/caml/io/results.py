"""The table of results: the table that came, with what caml found out about each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml.errors import InputError, TableError
from caml.io._names import free_name, unique_names
from caml.io.formats import NM, assign, recognise
from caml.io.parsed import ROW
from caml.localizations import AXES, Localizations

__all__ = ["is_in_nm", "position_table", "result_table"]

OURS = ("region", "score", "label", "cluster")


def result_table(
    localizations: Localizations,
    score: npt.ArrayLike | None,
    label: npt.ArrayLike,
    cluster: npt.ArrayLike | None = None,
    *,
    region: npt.ArrayLike | None = None,
    with_positions: bool | None = None,
) -> pd.DataFrame:
    """Put what was found beside the table that was read.

    Parameters
    ----------
    localizations : Localizations
        What was analysed.
    score : array-like of shape (n_localizations,) or (n_localizations, n_labels), or None
        The network's output; None where there was none, and then no column.
    label : array-like of shape (n_localizations,)
        0 not clustered, 1 clustered, 2… other kinds.
    cluster : array-like of shape (n_localizations,), optional
        Cluster ids, −1 for none.
    region : str or array-like of shape (n_localizations,), optional
        The name of the region that each localization is in.
    with_positions : bool, optional
        Whether to add x_nm, y_nm (z_nm); by default where the input has no positions in nm.

    Returns
    -------
    DataFrame
        Every row and column of the input, in its order; then row, the number of each in the whole
        table, where only those in a box were read; x_nm, y_nm (z_nm) where the input has no
        positions in nm; and region, score (score_0, score_1, …), label and cluster.

    Raises
    ------
    InputError
        If there is not one value per localization.

    Notes
    -----
    A column of the input that is called as one of ours is kept as ``<name>_input``.

    Examples
    --------
    >>> localizations = Localizations([[0.0, 0.0], [30.0, 40.0]])
    >>> result_table(localizations, [0.9, 0.1], [1, 0], [0, -1]).columns.tolist()
    ['x_nm', 'y_nm', 'score', 'label', 'cluster']
    """
    n = len(localizations)
    added: dict[str, npt.NDArray[Any]] = {}
    if localizations.table.index.name == ROW:
        added[ROW] = localizations.table.index.to_numpy()
    if with_positions is None:
        with_positions = not is_in_nm(localizations)
    if with_positions:
        added |= {AXES[axis]: column for axis, column in enumerate(localizations.positions.T)}
    if region is not None:
        names = np.asarray(region, dtype=object)
        added["region"] = np.full(n, names[()], dtype=object) if names.ndim == 0 else names
    if score is not None:
        scores = np.asarray(score)
        if scores.ndim == 2:
            added |= {f"score_{i}": column for i, column in enumerate(scores.T)}
        else:
            added["score"] = scores
    added["label"] = np.asarray(label)
    if cluster is not None:
        added["cluster"] = np.asarray(cluster)
    wrong = [f"{name} has shape {v.shape}" for name, v in added.items() if v.shape != (n,)]
    if wrong:
        raise InputError(f"one value per localization is needed, {n} here; " + "; ".join(wrong))
    table = localizations.table.reset_index(drop=True)
    table.columns = pd.Index(_renamed(map(str, table.columns), {*OURS, *added}))
    return pd.concat([table, pd.DataFrame(added)], axis=1)


def position_table(localizations: Localizations) -> pd.DataFrame:
    """Return the table of localizations, which will be read again with the same positions.

    Parameters
    ----------
    localizations : Localizations
        As they were read, or prepared.

    Returns
    -------
    DataFrame
        Every row and column of the table, in its order; then x_nm, y_nm (z_nm) where it has no
        positions in nm. A column that is called as one of these is kept as ``<name>_input``.

    Examples
    --------
    >>> table = pd.DataFrame({"x [px]": [1.0], "y [px]": [2.0]})
    >>> position_table(Localizations([[100.0, 200.0]], table=table)).columns.tolist()
    ['x [px]', 'y [px]', 'x_nm', 'y_nm']
    """
    table = localizations.table.reset_index(drop=True)
    if is_in_nm(localizations):
        return table
    added = {AXES[axis]: column for axis, column in enumerate(localizations.positions.T)}
    table.columns = pd.Index(_renamed(map(str, table.columns), set(added)))
    return pd.concat([table, pd.DataFrame(added)], axis=1)


def _renamed(names: Iterable[str], ours: set[str]) -> list[str]:
    """Give columns of the input that are called as ours another name."""
    names = unique_names(names)
    taken = {*names, *ours}
    found = []
    for name in names:
        if name not in ours:
            found.append(name)
            continue
        free = free_name(f"{name}_input", taken, separator="_", first=2)
        taken.add(free)
        found.append(free)
    return found


def is_in_nm(localizations: Localizations, names: Sequence[str] | None = None) -> bool:
    """Tell whether the table would be read again with the same positions, without being told.

    Parameters
    ----------
    localizations : Localizations
        Of the table.
    names : sequence of str, optional
        The columns of the table of which these localizations have some.

    Returns
    -------
    bool
        True if it has them in nm, under names that say so.
    """
    table, positions = localizations.table, localizations.positions
    own = [str(name) for name in table.columns]
    names = names or own
    try:
        sources = assign(recognise(names, "text"), names)
    except TableError:
        return False
    for axis, role in zip(positions.T, ("x", "y", "z"), strict=False):
        if role not in sources or sources[role][0].unit != NM:
            return False
        name = names[sources[role][0].column]
        if name not in own:
            return False
        values = table.iloc[:, own.index(name)]
        if values.dtype.kind not in "iuf" or not np.array_equal(
            values.to_numpy(dtype=np.float64, na_value=np.nan), axis, equal_nan=True
        ):
            return False
    return True
