"""Merging by hand, against the definition written out, and against simulated molecules."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from caml.errors import DataWarning, InputError
from caml.localizations import Localizations
from caml.prepare import _link, merge_reappearing
from caml.simulate import Scenario, simulate


def at(*where: tuple[float, float, int], **more: object) -> Localizations:
    """Make localizations of x, y and frame."""
    x, y, frame = zip(*where, strict=True)
    return Localizations(np.column_stack((x, y)), frame=np.array(frame), **more)  # type: ignore[arg-type]


def counts(merged: Localizations) -> list[int]:
    return [int(n) for n in merged.table["detections"]]


def test_a_molecule_is_followed_from_detection_to_detection() -> None:
    # Each is 40 nm from the last, so the chain reaches further than 50 nm from its first.
    merged = merge_reappearing(at((0, 0, 1), (40, 0, 2), (80, 0, 3), (200, 0, 3)))
    assert merged.positions.tolist() == [[40.0, 0.0], [200.0, 0.0]]
    assert counts(merged) == [3, 1]
    assert merged.frame is not None
    assert merged.frame.tolist() == [1, 3]
    assert merged.history == (
        "merged 4 localizations into 2: closer than 50 nm, dark for at most 25 frames",
    )


@pytest.mark.parametrize(("frames_off", "n"), [(0, 3), (1, 2), (2, 2), (3, 1)])
def test_frames_off_are_the_dark_ones_in_between(frames_off: int, n: int) -> None:
    # One dark frame (2), then three (4, 5, 6).
    given = at((0, 0, 1), (0, 0, 3), (0, 0, 7))
    assert len(merge_reappearing(given, frames_off=frames_off)) == n


def test_the_distance_itself_is_too_far() -> None:
    given = at((0, 0, 1), (30, 40, 2))
    assert len(merge_reappearing(given, distance_nm=50)) == 2
    assert len(merge_reappearing(given, distance_nm=50.001)) == 1


def test_the_nearest_of_a_frame_joins_and_the_other_begins_a_molecule() -> None:
    merged = merge_reappearing(at((0, 0, 1), (20, 0, 2), (10, 0, 2), (18, 0, 3)))
    assert merged.positions.tolist() == [[5.0, 0.0], [19.0, 0.0]]
    assert counts(merged) == [2, 2]


def test_who_loses_the_nearest_molecule_takes_the_next() -> None:
    merged = merge_reappearing(at((0, 0, 1), (45, 0, 1), (1, 0, 2), (20, 0, 2)))
    assert merged.positions.tolist() == [[0.5, 0.0], [32.5, 0.0]]


def test_columns_merge_each_in_its_way() -> None:
    table = pd.DataFrame(
        {
            "id": [7, 8, 9],
            "frame": [1, 2, 2],
            "x [nm]": [0.0, 10.0, 900.0],
            "y [nm]": [4.0, 8.0, 900.0],
            "sigma [nm]": [100.0, 140.0, 90.0],
            "intensity [photon]": [500, 700, 300],
            "offset [photon]": [10.0, 20.0, 5.0],
            "bkgstd [photon]": [3.0, 4.0, 2.0],
            "chi2": [1.0, 2.0, 3.0],
            "uncertainty [nm]": [6.0, 8.0, 12.0],
            "note": ["a", "b", "c"],
        }
    )
    given = Localizations(
        table[["x [nm]", "y [nm]"]].to_numpy(),
        table=table,
        frame=table["frame"].to_numpy(),
        uncertainty_nm=table["uncertainty [nm]"].to_numpy(),
    )
    merged = merge_reappearing(given).table
    expected = pd.DataFrame(
        {
            "id": [7, 9],
            "frame": [1, 2],
            "x [nm]": [5.0, 900.0],
            "y [nm]": [6.0, 900.0],
            "sigma [nm]": [120.0, 90.0],
            "intensity [photon]": [1200, 300],
            "offset [photon]": [15.0, 5.0],
            "bkgstd [photon]": [7.0, 2.0],
            "chi2": [np.nan, 3.0],
            "uncertainty [nm]": [5.0, 12.0],
            "note": ["a", "c"],
            "detections": [2, 1],
        }
    )
    pd.testing.assert_frame_equal(merged, expected)


def test_detections_of_a_merged_table_add_up() -> None:
    once = merge_reappearing(at((0, 0, 1), (0, 0, 2), (0, 0, 40)))
    assert counts(once) == [2, 1]
    assert counts(merge_reappearing(once, frames_off=50)) == [3]
    lost = replace(once, table=once.table.assign(detections="?"))
    assert counts(merge_reappearing(lost)) == [1, 1]


def test_variances_are_those_of_the_mean() -> None:
    table = pd.DataFrame({"x[nm]": [0.0, 2.0], "y[nm]": 0.0, "variance_x[nm^2]": [16.0, 48.0]})
    given = Localizations(table[["x[nm]", "y[nm]"]].to_numpy(), table=table, frame=np.array([1, 2]))
    assert merge_reappearing(given).table["variance_x[nm^2]"].tolist() == [16.0]


def test_positions_stay_in_the_units_of_their_columns() -> None:
    table = pd.DataFrame(
        {
            "x": np.array([1, 2], dtype=np.float32),
            "y": np.array([3, 3], dtype=np.float32),
            "x_nm": [100.0, 200.0],
        }
    )
    given = Localizations(
        np.array([[100.0, 300.0], [200.0, 300.0]]), table=table, frame=np.array([1, 2])
    )
    merged = merge_reappearing(given, distance_nm=101)
    assert merged.positions.tolist() == [[150.0, 300.0]]
    assert merged.table.iloc[0].tolist() == [1.5, 3.0, 150.0, 2]


def test_what_failed_fits_leave_in_columns_stays_with_their_molecule() -> None:
    table = pd.DataFrame(
        {"sigma": [np.inf, 5.0, 7.0, np.inf], "uncertainty": [1e300, 3, 4, np.nan]}
    )
    where = ((0, 0, 1), (900, 0, 1), (900, 0, 2), (5_000, 0, 2))
    merged = merge_reappearing(replace(at(*where), table=table)).table
    assert merged["sigma"].tolist() == [np.inf, 6.0, np.inf]
    np.testing.assert_array_equal(merged["uncertainty"], [1e300, 2.5, np.nan])


def test_channels_and_lost_positions_are_left_alone() -> None:
    given = at(
        (0, 0, 1), (0, 0, 2), (0, 0, 3), (np.nan, 0, 2), (np.nan, 0, 3),
        channel=np.array(["a", "b", "a", "a", "a"]),
    )  # fmt: skip
    merged = merge_reappearing(given)
    assert counts(merged) == [2, 1, 1, 1]
    assert merged.channel is not None
    assert merged.channel.tolist() == ["a", "b", "a", "a"]
    without = replace(given, channel=np.array(["a", None, None, "a", "a"], dtype=object))
    assert counts(merge_reappearing(without)) == [1, 2, 1, 1]


def test_z_counts_a_tenth() -> None:
    given = Localizations(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 400.0]]), frame=np.array([1, 2]))
    assert merge_reappearing(given).positions.tolist() == [[0.0, 0.0, 200.0]]
    assert len(merge_reappearing(given, z_weight=1)) == 2


def blinking(seed: int, n_dimensions: int = 2) -> Localizations:
    """Make molecules so close in place and time that detections compete."""
    rng = np.random.default_rng(seed)
    molecules = rng.uniform(0, 600, (60, n_dimensions))
    which = rng.integers(0, 60, 300)
    frame = rng.integers(0, 150, 300)
    seen = molecules[which] + rng.normal(0, 15, (300, n_dimensions))
    return Localizations(seen, frame=frame, channel=rng.integers(0, 2, 300))


def by_definition(given: Localizations, distance: float, frames_off: int) -> list[list[int]]:
    """Go through the frames, always joining the nearest free pair of molecule and detection."""
    assert given.frame is not None
    assert given.channel is not None
    scaled = given.positions * ([1, 1] if given.n_dimensions == 2 else [1, 1, 0.1])
    molecules: list[list[int]] = []
    for frame in np.unique(given.frame):
        waiting = [int(row) for row in np.flatnonzero(given.frame == frame)]
        free = [one for one in molecules if frame - given.frame[one[-1]] - 1 <= frames_off]
        while True:
            pairs = [
                (float(np.linalg.norm(scaled[one[-1]] - scaled[row])), one, row)
                for one in free
                for row in waiting
                if given.channel[one[-1]] == given.channel[row]
            ]
            nearest = min(pairs, key=lambda pair: pair[0], default=None)
            if nearest is None or nearest[0] >= distance:
                break
            nearest[1].append(nearest[2])
            free.remove(nearest[1])
            waiting.remove(nearest[2])
        molecules += [[row] for row in waiting]
    return sorted(molecules, key=lambda one: one[0])


@pytest.mark.parametrize("by_tree", [False, True])
@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_molecules_are_those_of_the_definition(
    seed: int, n_dimensions: int, by_tree: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_tree:
        monkeypatch.setattr(_link, "ALL_PAIRS", 0)
    given = blinking(seed, n_dimensions)
    merged = merge_reappearing(given, distance_nm=45, frames_off=6)
    expected = by_definition(given, 45, 6)
    assert counts(merged) == [len(one) for one in expected]
    means = np.array([given.positions[one].mean(axis=0) for one in expected])
    np.testing.assert_allclose(merged.positions, means, rtol=1e-12)


def as_set(merged: Localizations) -> list[tuple[float, ...]]:
    return sorted(
        (*map(float, place.round(6)), n)
        for place, n in zip(merged.positions, counts(merged), strict=True)
    )


def test_neither_order_nor_place_matters() -> None:
    given = blinking(9)
    assert given.frame is not None
    assert given.channel is not None
    merged = merge_reappearing(given, distance_nm=45, frames_off=6)
    order = np.random.default_rng(1).permutation(len(given))
    shuffled = Localizations(
        given.positions[order], frame=given.frame[order], channel=given.channel[order]
    )
    assert as_set(merge_reappearing(shuffled, distance_nm=45, frames_off=6)) == as_set(merged)
    moved = replace(given, positions=given.positions + 1024.0, frame=given.frame + 77)
    moved = replace(moved, table=pd.DataFrame(moved.positions, columns=["x_nm", "y_nm"]))
    again = merge_reappearing(moved, distance_nm=45, frames_off=6)
    np.testing.assert_allclose(again.positions, merged.positions + 1024.0, rtol=0, atol=1e-9)


def test_what_is_seen_once_stays_to_the_last_bit() -> None:
    given = at((0.1, 1 / 3, 1), (9_000.7, 2 / 3, 2), uncertainty_nm=np.array([0.1, 0.7]))
    merged = merge_reappearing(given)
    np.testing.assert_array_equal(merged.positions, given.positions)
    assert merged.uncertainty_nm is not None
    assert merged.uncertainty_nm.tolist() == [0.1, 0.7]


def test_merging_brings_counts_near_the_number_of_molecules() -> None:
    # Three detections per molecule, 50 dark frames apart on average (geometric). With 200 frames
    # 98 % of the gaps are bridged (0.98^200 = 0.018), and few molecules meet. Measured: 20,413
    # localizations of 6,860 molecules, merged into 6,960, 1.5 % too many; with other seeds 1.7 and
    # 2.0 %. With 25 frames only 41 % are bridged, and 14,887 are left.
    scenario = Scenario(
        density=15, detections_per_molecule=3, uncertainty_fwhm_nm=20, field_um=40, n_per_cluster=5
    )
    given = simulate(scenario, seed=1).localizations
    n_molecules = given.table["molecule"].nunique()
    assert len(given) > 2.8 * n_molecules
    merged = merge_reappearing(given, frames_off=200)
    assert len(merged) == pytest.approx(n_molecules, rel=0.03)
    assert sum(counts(merged)) == len(given)


def test_a_hundred_thousand_take_seconds() -> None:
    rng = np.random.default_rng(0)
    given = Localizations(rng.uniform(0, 2e4, (100_000, 2)), frame=rng.integers(0, 3_000, 100_000))
    start = time.perf_counter()
    merge_reappearing(given)
    # 0.5 s on two busy cores; a search that goes over all pairs takes minutes.
    assert time.perf_counter() - start < 20


def test_few_or_no_localizations() -> None:
    none = Localizations(np.empty((0, 2)), frame=np.empty(0, dtype=int))
    assert len(merge_reappearing(none)) == 0
    assert list(merge_reappearing(none).table) == ["x_nm", "y_nm", "detections"]
    assert counts(merge_reappearing(at((1, 2, 3)))) == [1]


def test_one_frame_has_nothing_to_merge_and_says_so() -> None:
    with pytest.warns(DataWarning, match="all localizations are of frame 4"):
        merged = merge_reappearing(at((0, 0, 4), (1, 0, 4)))
    assert counts(merged) == [1, 1]


def test_input_that_cannot_be_merged_is_refused() -> None:
    with pytest.raises(InputError, match=r"merging needs the frame .* --columns frame=NAME"):
        merge_reappearing(Localizations(np.zeros((1, 2))))
    torn = replace(at((0, 0, 1), (0, 0, 2), (0, 0, 3)), frame=np.array([1.0, 1.5, np.nan]))
    with pytest.raises(InputError, match="whole numbers; 2 of 3 are not"):
        merge_reappearing(torn)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"distance_nm": 0}, "distance_nm must be a number of nm above 0, got 0"),
        ({"distance_nm": float("inf")}, "distance_nm must be a number of nm above 0, got inf"),
        ({"frames_off": -1}, "frames_off must be a whole number of at least 0, got -1"),
        ({"frames_off": 1.5}, "frames_off must be a whole number"),
        ({"distance_nm": -1, "z_weight": -1}, "distance_nm must .*; z_weight must"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        merge_reappearing(at((0, 0, 1)), **parameters)  # type: ignore[arg-type]
