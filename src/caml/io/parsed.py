"""What a parser hands over, and numbers out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml.errors import TableError

__all__ = ["NO_VALUE", "ROW", "Check", "Parsed", "Ranges", "numbers"]

# What stands for no number in a column of numbers.
NO_VALUE = ["", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "nan", "NaN", "NAN", "-nan", "-NaN"]

# What the index of a table is called that holds the number of each row in a larger table.
ROW = "row"

# A parser calls it with the names of the columns as soon as it knows them; it raises if they
# cannot be used, before a large file is read for nothing.
Check = Callable[[Sequence[str]], object]

# A parser that can leave rows out calls it with the names of the columns; it tells in which range,
# in the unit of the file, the values of a column (by its number) must lie. None: all rows.
Ranges = Callable[[Sequence[str]], Mapping[int, tuple[float, float]]] | None


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """A table as it is in a file.

    Parameters
    ----------
    table : DataFrame
        Every column, named as in the file, and every row, or those that can lie in the ranges.
    pixel_size_nm : float, optional
        The pixel size that the file gives, nm.
    no_pixel_size : str, default ""
        Where a pixel size was looked for and not found, for messages.
    line_of : callable, optional
        Gives the line in the file, from 1, of a row of the table, from 0.
    rows : ndarray of shape (n_rows,), optional
        Where some were left out: the number of each row in the whole table, from 0.
    n_rows : int, optional
        Where some were left out: how many there are in the whole table.
    varying : mapping of int to bool, optional
        Where some were left out: of columns, whether their values vary in the whole table.
    """

    table: pd.DataFrame
    pixel_size_nm: float | None = None
    no_pixel_size: str = ""
    line_of: Callable[[int], int] | None = None
    rows: npt.NDArray[np.int64] | None = None
    n_rows: int | None = None
    varying: Mapping[int, bool] = field(default_factory=dict)


def numbers(parsed: Parsed, column: int, path: Path) -> npt.NDArray[np.float64]:
    """Take a column as numbers.

    Parameters
    ----------
    parsed : Parsed
        The table.
    column : int
        Which column, from 0.
    path : Path
        The file, for messages.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        The values; NaN where there is none.

    Raises
    ------
    TableError
        If there is something else than a number; the first such row is named.
    """
    name, values = str(parsed.table.columns[column]), parsed.table.iloc[:, column]
    if pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind in "iuf":
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    texts = values.astype("object")
    known = values.notna().to_numpy() & ~texts.isin(NO_VALUE).to_numpy()
    converted = np.full(len(values), np.nan)
    bad = known.copy()
    if values.dtype.kind not in "bcmM":
        found = pd.to_numeric(texts.where(known, None), errors="coerce")
        converted = np.asarray(found, dtype=np.float64)
        bad &= np.isnan(converted)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        line = parsed.line_of(row) if parsed.line_of else None
        number = row if parsed.rows is None else int(parsed.rows[row])
        where = "" if line else f" in row {number + 1}"
        raise TableError(
            f"column {name!r} must hold numbers, got {str(texts.iloc[row])[:60]!r}{where}",
            path=path,
            line=line,
        )
    return converted
