"""Localizations counted in pixels, compiled: millions are drawn again as fast as one can look."""

from __future__ import annotations

import numpy as np

from caml._arrays import FloatArray, IntArray
from caml._compile import compiled

__all__ = ["counted", "summed"]


@compiled
def counted(
    x: FloatArray,
    y: FloatArray,
    kind: IntArray,
    n_kinds: int,
    box: FloatArray,
    rows: int,
    columns: int,
) -> IntArray:
    """Count localizations of each kind in each pixel of a box; see `caml.plot.pixel_counts`."""
    found = np.zeros((n_kinds, rows, columns), dtype=np.int32)
    across, down = columns / (box[2] - box[0]), rows / (box[3] - box[1])
    for i in range(len(x)):
        # NaN is in no pixel: each of these comparisons is false.
        if box[0] <= x[i] <= box[2] and box[1] <= y[i] <= box[3]:
            of = kind[i] if len(kind) else 0
            if 0 <= of < n_kinds:
                row = min(int((y[i] - box[1]) * down), rows - 1)
                column = min(int((x[i] - box[0]) * across), columns - 1)
                found[of, row, column] += 1
    return found


@compiled
def summed(
    x: FloatArray, y: FloatArray, value: FloatArray, box: FloatArray, rows: int, columns: int
) -> tuple[FloatArray, IntArray]:
    """Sum values in each pixel of a box, and count those that are not NaN."""
    total = np.zeros((rows, columns), dtype=np.float64)
    count = np.zeros((rows, columns), dtype=np.int32)
    across, down = columns / (box[2] - box[0]), rows / (box[3] - box[1])
    for i in range(len(x)):
        if box[0] <= x[i] <= box[2] and box[1] <= y[i] <= box[3] and not np.isnan(value[i]):
            row = min(int((y[i] - box[1]) * down), rows - 1)
            column = min(int((x[i] - box[0]) * across), columns - 1)
            total[row, column] += value[i]
            count[row, column] += 1
    return total, count
