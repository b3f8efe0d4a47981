"""Columns of numbers as text, many values at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["all_of", "joined", "number_texts"]


def number_texts(values: pd.Series[Any]) -> Any:
    """Write numbers and truth values as text that is read back as the same value.

    Parameters
    ----------
    values : Series of an integer, a floating or a boolean type
        What to write.

    Returns
    -------
    pyarrow.Array of large_string
        The texts, the shortest that give the value; null where there is no value.

    Examples
    --------
    >>> number_texts(pd.Series([0.1, 2.0, np.nan])).to_pylist()
    ['0.1', '2.0', None]
    """
    if values.dtype in (np.float16, np.float32):
        # A narrow float is written with fewer digits than its value has once it is read as the
        # wide one that every reader makes of it.
        values = values.astype(np.float64)
    array = pa.array(values, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_boolean(array.type):
        return pc.if_else(array, pa.scalar("True", pa.large_string()), "False")
    texts = array.cast(pa.large_string())
    if not pa.types.is_floating(array.type):
        return texts
    # Arrow writes 2.0 as 2, which in a column of whole numbers would be read as an integer.
    whole = pc.and_(pc.equal(pc.floor(array), array), pc.less(pc.abs(array), 1e10))
    if not pc.any(whole).as_py():
        return texts
    return pc.if_else(whole, joined(texts, ".0"), texts)


def joined(*parts: Any, separator: str = "") -> Any:
    """Put texts behind each other, row by row.

    Parameters
    ----------
    *parts : pyarrow.Array of large_string or str
        The texts; a str is the same in every row.
    separator : str, default ""
        What comes between two of them.

    Returns
    -------
    pyarrow.Array of large_string
        The joined texts; a null adds nothing.
    """
    scalars = [pa.scalar(p, pa.large_string()) if isinstance(p, str) else p for p in parts]
    return pc.binary_join_element_wise(
        *scalars, pa.scalar(separator, pa.large_string()), null_handling="replace"
    )


def all_of(texts: Any) -> memoryview:
    """Take all texts, one behind the other, as they lie in memory.

    Parameters
    ----------
    texts : pyarrow.Array of large_string
        The texts.

    Returns
    -------
    memoryview
        Their bytes, in UTF-8.
    """
    if len(texts) == 0:
        return memoryview(b"")
    _, offsets, data = texts.buffers()
    at = np.frombuffer(offsets, dtype=np.int64)
    return memoryview(data)[at[texts.offset] : at[texts.offset + len(texts)]]
