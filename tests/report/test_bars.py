"""Histograms and strips of pages: where bars, dots and numbers are."""

import numpy as np
import pandas as pd
import pytest

from caml.report.bars import histograms, strips


@pytest.mark.parametrize("skewed", [False, True])
def test_bars_fill_the_width_and_hold_every_cluster(skewed: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.lognormal(3, 2, 400) if skewed else rng.uniform(1, 2, 400)
    (one,) = histograms(pd.DataFrame({"circularity": values}).assign(
        n_localizations=np.nan, area_nm2=np.nan, density_per_um2=np.nan,
        radius_of_gyration_nm=np.nan, nearest_cluster_nm=np.nan,
    ))  # fmt: skip
    assert one.is_log == skewed
    assert one.bars[0].left == 0
    assert one.bars[-1].left + one.bars[-1].width == pytest.approx(1, abs=1e-3)
    assert max(bar.height for bar in one.bars) == 1
    assert sum(int(bar.text.rpartition(": ")[2]) for bar in one.bars) == 400
    assert 0 < one.quartiles[0] < one.quartiles[1] < one.quartiles[2] < 1
    assert 2 <= len(one.ticks) <= 8
    assert all(-0.001 <= at <= 1.001 for at, _ in one.ticks)


def test_numbers_stand_where_they_belong() -> None:
    table = pd.DataFrame({"n_clusters": [0.0, 50.0, 100.0, np.nan]})
    (one,) = strips(table, ["a", "b", "c", "d"])
    at = {text: place for place, text in one.ticks}
    places = {text: place for place, _, text in one.dots}
    assert places["b: 50"] == pytest.approx(0.5)
    assert places["c: 100"] == pytest.approx(at["100"], abs=1e-4)
    assert places["a: 0"] == pytest.approx(at["0"], abs=1e-4)
    assert len(one.dots) == 3


def test_a_quantity_of_one_image_has_no_strip() -> None:
    table = pd.DataFrame({"n_clusters": [3.0, np.nan], "area_nm2_median": [7.0, 7.0]})
    (one,) = strips(table, ["a", "b"])
    assert one.name == "area (nm²), median"
    assert [place for place, *_ in one.dots] == [0.5, 0.5]


def test_of_one_cluster_there_is_no_distribution() -> None:
    assert histograms(pd.DataFrame({"n_localizations": [3]})) == []
