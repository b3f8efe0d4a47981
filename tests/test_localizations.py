"""Localizations and regions."""

import numpy as np
import pandas as pd
import pytest
import shapely

from caml.errors import InputError, RegionError
from caml.localizations import Localizations, Region, as_positions


def test_positions_make_the_default_table() -> None:
    localizations = Localizations([[1, 2, 3], [4, 5, 6]])  # type: ignore[arg-type]
    assert localizations.table.columns.tolist() == ["x_nm", "y_nm", "z_nm"]
    assert localizations.n_dimensions == 3
    assert len(localizations) == 2


def test_rows_without_a_finite_position_stay() -> None:
    localizations = Localizations([[0, 0], [np.nan, 1], [1, np.inf]])  # type: ignore[arg-type]
    assert localizations.finite.tolist() == [True, False, False]
    assert len(localizations) == 3


def test_arrays_are_frozen_without_freezing_the_callers() -> None:
    positions = np.zeros((3, 2))
    localizations = Localizations(positions)
    with pytest.raises(ValueError, match="read-only"):
        localizations.positions[0, 0] = 1
    positions[0, 0] = 1


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(InputError, match=r"2 here; table has 1 rows; frame has shape \(3,\)"):
        Localizations(np.zeros((2, 2)), table=pd.DataFrame({"x": [1.0]}), frame=np.array([1, 2, 3]))


@pytest.mark.parametrize(
    ("positions", "text"),
    [
        (np.zeros(4), r"shape \(n_localizations, 2\).*got \(4,\)"),
        (np.zeros((4, 4)), r"got \(4, 4\)"),
        ([["a", "b"]], "must be numbers in nm"),
        ([[1, 2], [3]], "must be numbers in nm"),
    ],
)
def test_positions_of_another_kind_are_refused(positions: object, text: str) -> None:
    with pytest.raises(InputError, match=text):
        as_positions(positions)  # type: ignore[arg-type]


def test_history_grows_on_a_copy() -> None:
    first = Localizations(np.zeros((1, 2)), history=("read",))
    second = first.with_history("analysed")
    assert (first.history, second.history) == (("read",), ("read", "analysed"))


def test_a_region_contains_its_border_and_nothing_that_is_not_finite() -> None:
    region = Region.rectangle(0, 0, 10, 20, name="a")
    positions = np.array([[0.0, 0], [5, 5], [10, 20], [10.001, 5], [np.nan, 5]])
    assert region.contains(positions).tolist() == [True, True, True, False, False]
    assert region.area_um2 == pytest.approx(200e-6)


def test_a_self_crossing_outline_is_repaired() -> None:
    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    assert Region(bow_tie).area_um2 == pytest.approx(2e-6)


@pytest.mark.parametrize("kind", ["polygon", "hole", "several"])
def test_an_outline_that_crosses_itself_too_often_is_refused(kind: str) -> None:
    tangle = np.random.default_rng(1).uniform(1, 9, (120, 2))
    square = [(0, 0), (10, 0), (10, 10), (0, 10)]
    outlines: dict[str, shapely.Polygon | shapely.MultiPolygon] = {
        "polygon": shapely.Polygon(tangle),
        "hole": shapely.Polygon(square, [tangle]),
        "several": shapely.MultiPolygon([shapely.Polygon(square), shapely.Polygon(tangle)]),
    }
    with pytest.raises(RegionError, match="'knot' crosses itself more than 1,000 times"):
        Region(outlines[kind], "knot")


def test_an_outline_that_crosses_itself_a_thousand_times_is_repaired() -> None:
    # A zigzag up and down on the way there, and a line on the way back.
    there = [(float(i), (-1.0) ** i) for i in range(1000)]
    outline = shapely.Polygon([*there, (1000.0, 0.0), (-1.0, 0.0)])
    assert Region(outline).area_um2 == pytest.approx(500e-6, rel=0.01)


def test_edges_that_are_all_near_each_other_are_not_all_looked_at() -> None:
    diagonal = [(float(i // 2), float(i % 2) * 1e4) for i in range(8_000)]
    bow_tie = [(3e4, -10.0), (3e4 + 5, -5.0), (3e4, -5.0), (3e4 + 5, -10.0), (0.0, -10.0)]
    with pytest.raises(RegionError, match="crosses itself"):
        Region(shapely.Polygon([(x + (y > 0) * 1e4, y) for x, y in diagonal] + bow_tie))


@pytest.mark.parametrize("polygon", [shapely.Polygon(), shapely.Polygon([(0, 0), (1, 1), (2, 2)])])
def test_a_region_without_area_is_refused(polygon: shapely.Polygon) -> None:
    with pytest.raises(RegionError, match="'r' encloses no area"):
        Region(polygon, "r")


@pytest.mark.parametrize("corners", [(5, 0, 5, 1), (0, 3, 1, 2), (0, 0, np.inf, 1)])
def test_a_rectangle_needs_its_corners_in_order(corners: tuple[float, ...]) -> None:
    with pytest.raises(RegionError, match="x_min < x_max and y_min < y_max"):
        Region.rectangle(*corners)
