"""Pictures of recordings."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from caml import plot
from caml.prepare import Drift

DRIFT = Drift(
    np.array([1, 5, 9]),
    np.array([[0.0, 0.0], [4.0, -2.0], [8.0, -4.0]]),
    1.25,
    np.array([3.0, 7.0]),
    np.array([[2.0, -1.0], [6.0, -3.0]]),
)


def test_drift_has_a_line_for_each_axis(tmp_path: Path) -> None:
    ax = Figure().subplots()
    assert plot.drift(ax, DRIFT) is ax
    lines = {str(line.get_label()): line for line in ax.lines}
    for axis, name in enumerate("xy"):
        np.testing.assert_array_equal(lines[name].get_xdata(), DRIFT.frame)
        np.testing.assert_array_equal(lines[name].get_ydata(), DRIFT.shift_nm[:, axis])
    assert ax.get_title(loc="left") == "bins repeat to 1.2 nm"
    plot.save_drift(DRIFT, tmp_path / "drift.partial")
    assert (tmp_path / "drift.partial").read_bytes().startswith(b"\x89PNG")
