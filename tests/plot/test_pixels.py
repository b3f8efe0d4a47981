"""Localizations as pixels: counts and means by hand and by NumPy, colours by what they mean."""

import matplotlib as mpl
import numpy as np
import pytest

from caml.errors import InputError
from caml.plot import density_rgba, kinds_rgba, pixel_counts, pixel_means, values_rgba

FOUR = np.array([[0.0, 0.0], [9.0, 1.0], [10.0, 20.0], [4.0, 11.0], [np.nan, 5.0], [11.0, 5.0]])
BOX = (0.0, 0.0, 10.0, 20.0)


def test_counts_by_hand_edges_included_and_rows_from_the_least_y() -> None:
    found = pixel_counts(FOUR, BOX, (2, 2))
    assert found.tolist() == [[[1, 1], [1, 1]]]


def test_kinds_are_counted_apart_and_others_left_out() -> None:
    kind = np.array([0, 1, 1, -1, 0, 0])
    found = pixel_counts(FOUR, BOX, (2, 2), kind=kind, n_kinds=2)
    assert found.tolist() == [[[1, 0], [0, 0]], [[0, 1], [0, 1]]]


@pytest.mark.parametrize("seed", range(3))
def test_counts_and_means_equal_numpys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positions = np.asarray(rng.normal(0, 100, (5_000, 3)), dtype="f4" if seed else "f8")
    values = rng.uniform(size=5_000)
    box, shape = (-150.0, -80.0, 120.0, 200.0), (37, 53)
    bins = [np.linspace(box[1], box[3], 38), np.linspace(box[0], box[2], 54)]
    where = (positions[:, 1].astype(float), positions[:, 0].astype(float))
    expected, *_ = np.histogram2d(*where, bins=bins)
    sums, *_ = np.histogram2d(*where, bins=bins, weights=values)
    assert np.array_equal(pixel_counts(positions, box, shape)[0], expected)
    found = pixel_means(positions, box, shape, values)
    assert np.array_equal(np.isnan(found), expected == 0)
    held = expected > 0
    assert found[held] == pytest.approx(sums[held] / expected[held])


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="x_min, y_min, x_max, y_max"):
        pixel_counts(FOUR, (0.0, 0.0, 0.0, 1.0), (2, 2))
    with pytest.raises(InputError, match="at least one row"):
        pixel_counts(FOUR, BOX, (0, 2))
    with pytest.raises(InputError, match="gamma must be above 0"):
        density_rgba(np.ones((2, 2), dtype=int), gamma=0)


def test_empty_pixels_are_the_first_colour_and_full_ones_the_last() -> None:
    counts = np.array([[0, 1], [4, 16]])
    found = density_rgba(counts, brightest=16)
    colours = mpl.colormaps["inferno"](np.array([0, 0.25, 0.5, 1.0]), bytes=True)
    assert found.reshape(-1, 4).tolist() == colours.tolist()


def test_an_image_without_localizations_is_dark() -> None:
    found = density_rgba(np.zeros((3, 3), dtype=int), blur_px=1.0)
    assert (found == mpl.colormaps["inferno"](0.0, bytes=True)).all()


def test_blurring_moves_no_localization_away() -> None:
    counts = np.zeros((41, 41), dtype=int)
    counts[20, 20] = 1
    grey = density_rgba(counts, blur_px=3.0, gamma=1.0, colours="gray")[:, :, 0].astype(int)
    assert grey[20, 20] == grey.max()
    assert np.array_equal(grey, grey.T)
    # exp(-1/2) of the peak, one standard deviation away; the last colour is a quantile just below.
    assert grey[20, 23] == pytest.approx(np.exp(-0.5) * grey[20, 20], abs=12)


def test_values_and_kinds_are_transparent_where_nothing_is() -> None:
    found = values_rgba(np.array([[0.0, 1.0, np.nan]]), low=0.0, high=1.0)
    ends = mpl.colormaps["viridis"](np.array([0.0, 1.0]), bytes=True)
    assert found[0, :2].tolist() == ends.tolist()
    assert found[0, 2, 3] == 0
    counts = np.zeros((2, 3, 3), dtype=int)
    counts[0, 0, 0] = counts[0, 1, 1] = counts[1, 1, 1] = 1
    found = kinds_rgba(counts, ["#ff0000", "#0000ff"])
    assert found[0, 0].tolist() == [255, 0, 0, 255]
    assert found[1, 1].tolist() == [0, 0, 255, 255]
    assert found[2, 2, 3] == 0
    crosses = kinds_rgba(counts[1:], ["#0000ff"], spread=True)
    assert (crosses[:, :, 3] > 0).tolist() == [
        [False, True, False],
        [True] * 3,
        [False, True, False],
    ]
