"""Filtering by the values of columns."""

import numpy as np
import pandas as pd
import pytest

from caml.errors import InputError, NothingFoundWarning
from caml.localizations import Localizations
from caml.prepare import filter_localizations


def thunderstorm() -> Localizations:
    table = pd.DataFrame(
        {
            "frame": [1, 1, 2, 3, 5],
            "x [nm]": [0.0, 10.0, 20.0, 30.0, 40.0],
            "y [nm]": [0.0, 0.0, 5.0, 5.0, 5.0],
            "sigma [nm]": [120.0, 130.0, 300.0, 140.0, 110.0],
            "intensity [photon]": [600.0, 400.0, 900.0, np.nan, 5_000.0],
            "kind": ["a", "b", "a", "b", "a"],
        }
    )
    return Localizations(
        table[["x [nm]", "y [nm]"]].to_numpy(),
        table=table,
        frame=table["frame"].to_numpy(),
        uncertainty_nm=np.array([5.0, 20.0, 10.0, 8.0, 25.0]),
        channel=np.array([0, 1, 0, 1, 2]),
        name="cell",
    )


@pytest.mark.parametrize(
    ("name", "ends", "rows"),
    [
        ("sigma", (50, 250), [0, 1, 3, 4]),
        ("sigma [nm]", (120, 140), [0, 1, 3]),  # both ends are kept
        ("intensity", (500, 5_000), [0, 2, 4]),
        ("photons", (None, 899.0), [0, 1]),
        ("Intensity", (None, None), [0, 1, 2, 4]),  # those that have a value
        ("uncertainty", (None, 10), [0, 2, 3]),
        ("frame", (2, None), [2, 3, 4]),
        ("x", (10, 30), [1, 2, 3]),
        ("channel", (1, 1), [1, 3]),
    ],
)
def test_what_lies_in_the_range_is_kept(
    name: str, ends: tuple[float | None, float | None], rows: list[int]
) -> None:
    given = thunderstorm()
    kept = filter_localizations(given, ranges={name: ends})
    pd.testing.assert_frame_equal(kept.table, given.table.iloc[rows].reset_index(drop=True))
    assert kept.positions.tolist() == given.positions[rows].tolist()
    assert kept.frame is not None
    assert given.frame is not None
    assert kept.frame.tolist() == given.frame[rows].tolist()
    assert kept.uncertainty_nm is not None
    assert given.uncertainty_nm is not None
    assert kept.uncertainty_nm.tolist() == given.uncertainty_nm[rows].tolist()


def test_history_counts_every_range_and_what_had_no_value() -> None:
    kept = filter_localizations(
        thunderstorm(), ranges={"sigma": (50, 250), "intensity": (500, None), "frame": (None, 4)}
    )
    assert kept.history == (
        "kept 4 of 5 localizations: sigma from 50 to 250",
        "kept 2 of 4 localizations: intensity from 500 (1 without a value left out)",
        "kept 1 of 2 localizations: frame to 4",
    )


def test_a_column_of_the_table_counts_before_what_was_read_from_it() -> None:
    pixels = pd.DataFrame({"x": [1.0, 2.0], "y": [0.0, 0.0]})
    nm = np.array([[100.0, 0.0], [200.0, 0.0]])
    given = Localizations(nm, table=pixels)
    assert len(filter_localizations(given, ranges={"x": (None, 1.5)})) == 1
    named = Localizations(nm, table=pixels.add_suffix(" [px]"))
    assert len(filter_localizations(named, ranges={"x": (None, 150.0)})) == 1


def test_nothing_left_is_an_empty_result_and_a_warning() -> None:
    with pytest.warns(NothingFoundWarning, match="the filter leaves no localization: kept 0 of 5"):
        kept = filter_localizations(thunderstorm(), ranges={"sigma": (1, 2)})
    assert len(kept) == len(kept.table) == 0
    assert list(kept.table) == list(thunderstorm().table)


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({}, "at least one range"),
        (
            {"chi2": (0, 1)},
            r"no column 'chi2' .* 'sigma \[nm\]', .* as they were read, uncertainty",
        ),
        ({"kind": (0, 1)}, "column 'kind' holds no numbers"),
        ({"sigma": (250, 50)}, "in this order; got 250 and 50 for 'sigma'"),
        ({"sigma": (float("nan"), 50)}, "in this order; got nan"),
    ],
)
def test_what_cannot_be_filtered_by_is_refused(
    ranges: dict[str, tuple[float, float]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        filter_localizations(thunderstorm(), ranges=ranges)
