"""Images in 3D: which axis is where, to one scale, and what is refused."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from caml import plot
from caml.errors import InputError
from caml.plot import space

RNG = np.random.default_rng(0)
PLACED = RNG.uniform(0, 1, (200, 3)) * [4_000, 2_000, 500]
CLUSTER = RNG.integers(-1, 3, 200)


def test_three_sides_show_the_axes_they_say() -> None:
    figure = plot.three_sides(PLACED, CLUSTER, by="cluster")
    shown = [ax for ax in figure.axes if ax.axison]
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in shown] == [
        ("x", "y"), ("z", "y"), ("x", "z"),
    ]  # fmt: skip
    for ax, (across, down) in zip(shown, ((0, 1), (2, 1), (0, 2)), strict=True):
        marks = [line for line in ax.lines if line.get_marker() == "."]
        dots = np.concatenate([np.column_stack(line.get_data()) for line in marks])
        expected = PLACED[:, [across, down]]
        assert np.sort(dots, axis=0) == pytest.approx(np.sort(expected, axis=0))
        assert ax.get_xlim()[0] <= expected[:, 0].min()
        assert ax.get_ylim()[0] >= expected[:, 1].max(), "y and z grow downwards"


def test_a_space_that_can_be_turned_holds_every_localization() -> None:
    ax = Figure().add_subplot(projection="3d")
    assert plot.localizations_3d(ax, PLACED, CLUSTER >= 0) is ax
    dots = np.hstack([np.asarray(line.get_data_3d()) for line in ax.lines])
    assert np.sort(dots.T, axis=0) == pytest.approx(np.sort(PLACED, axis=0))


def test_of_many_localizations_a_part_is_drawn_and_the_same_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(space, "MOST", 50)
    drawn = []
    for _ in range(2):
        ax = Figure().add_subplot(projection="3d")
        plot.localizations_3d(ax, PLACED, CLUSTER >= 0)
        drawn.append(np.hstack([np.asarray(line.get_data_3d()) for line in ax.lines]))
    assert drawn[0].shape == (3, 50)
    assert np.array_equal(drawn[0], drawn[1])


def test_two_dimensions_are_refused() -> None:
    with pytest.raises(InputError, match="x, y and z"):
        plot.three_sides(PLACED[:, :2], CLUSTER)
    with pytest.raises(InputError, match="finite position"):
        plot.three_sides(np.full((3, 3), np.nan), CLUSTER[:3])
    with pytest.raises(InputError, match="200 localizations and values of shape"):
        plot.localizations_3d(Figure().add_subplot(projection="3d"), PLACED, CLUSTER[:3])
