"""Drift: known paths found again, what cannot be told refused."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from caml.errors import InputError
from caml.localizations import Localizations
from caml.prepare import Drift, correct_drift, estimate_drift
from caml.simulate import Scenario, simulate

CELL = Scenario(
    density=100, field_um=15, detections_per_molecule=3, uncertainty_fwhm_nm=30, radius_nm=50
)
Shifts = npt.NDArray[np.float64]


def path_of(frame: npt.ArrayLike) -> Shifts:
    """Drift in a wave to 112 nm in x, and to −90 nm in y, ever faster."""
    t = np.asarray(frame, dtype=np.float64) / 20_000
    return np.column_stack((150 * t + 40 * np.sin(5 * t), -90 * t**2))


def drifting(seed: int, scenario: Scenario = CELL) -> tuple[Localizations, Localizations]:
    """Simulate a cell, still and adrift."""
    still = simulate(scenario, seed=seed).localizations
    assert still.frame is not None
    positions = still.positions.copy()
    positions[:, :2] += path_of(still.frame)
    table = still.table.assign(x_nm=positions[:, 0], y_nm=positions[:, 1])
    return still, replace(still, positions=positions, table=table)


def error_of(drift: Drift) -> Shifts:
    true = path_of(drift.frame)
    return np.asarray(drift.shift_nm - (true - true[0]))


@pytest.mark.parametrize("seed", range(3))
def test_a_known_path_is_found_again(seed: int) -> None:
    _, moved = drifting(seed)
    drift = estimate_drift(moved)
    # Measured over ten seeds: 1.9 to 2.7 nm.
    error = error_of(drift)
    assert np.sqrt(((error - error.mean(axis=0)) ** 2).mean()) < 5
    assert drift.shift_nm[0].tolist() == [0.0, 0.0]
    assert 0.3 < drift.precision_nm < 6


def test_the_precision_is_that_of_the_bins() -> None:
    # Over ten cells, the error of the bins' shifts against what the halves say of it. Measured:
    # 2.3 nm, said 2.5.
    errors, said = [], []
    for seed in range(10):
        _, moved = drifting(seed, replace_density(40))
        drift = estimate_drift(moved)
        error = drift.bin_shift_nm - path_of(drift.bin_frame)
        errors.append(((error - error.mean(axis=0)) ** 2).sum() / (2 * (len(error) - 1)))
        said.append(drift.precision_nm**2)
    ratio = np.sqrt(np.mean(said) / np.mean(errors))
    assert 0.6 < ratio < 1.6


def replace_density(density: float) -> Scenario:
    return Scenario(density=density, field_um=15, detections_per_molecule=3, uncertainty_fwhm_nm=30)


def test_what_is_corrected_lies_where_it_was() -> None:
    still, moved = drifting(4)
    corrected = correct_drift(moved, estimate_drift(moved))
    apart = corrected.positions - still.positions
    apart -= apart.mean(axis=0)
    assert np.sqrt((apart**2).mean()) < 5
    assert np.sqrt(((moved.positions - still.positions).std(axis=0) ** 2).mean()) > 20
    np.testing.assert_array_equal(corrected.table["x_nm"], corrected.positions[:, 0])
    pd.testing.assert_frame_equal(
        corrected.table.drop(columns=["x_nm", "y_nm"]),
        moved.table.drop(columns=["x_nm", "y_nm"]),
    )
    assert corrected.history[-1].startswith("corrected x and y for a drift of at most 1")


def test_one_molecule_that_blinks_without_end_does_not_decide() -> None:
    _, moved = drifting(5)
    assert moved.frame is not None
    rng = np.random.default_rng(5)
    n = 3_000
    # In the last fifth of the recording, 300 nm from a cluster's place.
    frame = rng.integers(16_000, 20_000, n)
    place = np.median(moved.positions, axis=0) + rng.normal(0, 10, (n, 2)) + path_of(frame)
    given = Localizations(
        np.vstack((moved.positions, place)), frame=np.concatenate((moved.frame, frame))
    )
    error = error_of(estimate_drift(given))
    assert np.sqrt(((error - error.mean(axis=0)) ** 2).mean()) < 10


def test_translation_and_order_do_not_matter() -> None:
    _, moved = drifting(6)
    assert moved.frame is not None
    drift = estimate_drift(moved)
    order = np.random.default_rng(0).permutation(len(moved))
    other = Localizations(moved.positions[order] + 20_480, frame=moved.frame[order] + 100)
    again = estimate_drift(other)
    np.testing.assert_array_equal(again.frame, drift.frame + 100)
    np.testing.assert_allclose(again.shift_nm, drift.shift_nm, atol=0.05)


def test_only_localizations_of_one_channel_are_compared() -> None:
    # The second channel, in turns with the first, is another cell's.
    _, first = drifting(1)
    _, second = drifting(2)
    assert first.frame is not None
    assert second.frame is not None
    given = Localizations(
        np.vstack((first.positions, second.positions)),
        frame=np.concatenate((first.frame, second.frame)),
        channel=np.repeat(["red", "far red"], [len(first), len(second)]),
    )
    error = error_of(estimate_drift(given))
    assert np.sqrt(((error - error.mean(axis=0)) ** 2).mean()) < 5


def test_channels_one_after_the_other_are_refused() -> None:
    _, moved = drifting(1)
    assert moved.frame is not None
    given = replace(moved, channel=np.where(moved.frame < 10_000, 0, 1))
    with pytest.raises(InputError, match="a channel has its localizations in frames 6 to 9999 of"):
        estimate_drift(given)


def test_a_drift_beyond_what_is_looked_for_is_refused() -> None:
    _, moved = drifting(1)
    for furthest_nm in (40.0, 60.0):
        with pytest.raises(InputError, match=f"looked for, {furthest_nm:g} nm: look further, with"):
            estimate_drift(moved, furthest_nm=furthest_nm)


def test_three_dimensions_keep_their_z() -> None:
    scenario = Scenario(
        density=100, field_um=12, n_dimensions=3, detections_per_molecule=3, uncertainty_fwhm_nm=20
    )
    _, moved = drifting(1, scenario)
    corrected = correct_drift(moved, estimate_drift(moved))
    np.testing.assert_array_equal(corrected.positions[:, 2], moved.positions[:, 2])
    assert corrected.history[-1].endswith("; z as it was")


def test_nothing_to_correlate_is_refused() -> None:
    scenario = Scenario(density=50, percent_clustered=0, field_um=12)
    with pytest.raises(InputError, match=r"cannot be told: .* nm of doubt, more than 25; take few"):
        estimate_drift(simulate(scenario, seed=1).localizations)


def test_lost_positions_do_not_count() -> None:
    _, moved = drifting(7)
    positions = moved.positions.copy()
    positions[::50, 0] = np.nan
    holed = Localizations(positions, frame=moved.frame)
    kept = Localizations(
        np.delete(positions, np.s_[::50], axis=0),
        frame=np.delete(moved.frame, np.s_[::50]),  # type: ignore[arg-type]
    )
    assert estimate_drift(holed).precision_nm == estimate_drift(kept).precision_nm
    corrected = correct_drift(holed, estimate_drift(holed))
    assert np.isnan(corrected.positions[::50, 0]).all()


def test_frames_between_and_beyond_take_what_is_near() -> None:
    none = np.empty((0, 2))
    drift = Drift(np.array([2, 4]), np.array([[0.0, 0.0], [10.0, -20.0]]), 1.0, none[:, 0], none)
    given = Localizations(np.zeros((4, 2)), frame=np.array([1, 2, 3, 9]))
    corrected = correct_drift(given, drift)
    assert corrected.positions.tolist() == [[0, 0], [0, 0], [-5, 10], [-10, 20]]
    assert drift.table.columns.tolist() == ["frame", "drift_x_nm", "drift_y_nm"]
    assert "at most 22.4 nm" in corrected.history[-1]


def test_too_little_is_refused() -> None:
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, 3_000, (600, 2))
    frames = rng.integers(0, 100, 600)
    with pytest.raises(InputError, match="drift correction needs the frame"):
        estimate_drift(Localizations(positions))
    with pytest.raises(InputError, match=r"at least 500 .* got 300: take fewer bins"):
        estimate_drift(Localizations(positions[:300], frame=frames[:300]))
    with pytest.raises(InputError, match="got 0: leave the drift"):
        estimate_drift(Localizations(np.empty((0, 2)), frame=np.empty(0, dtype=int)))
    with pytest.raises(InputError, match="in many frames; these lie in 1,"):
        estimate_drift(Localizations(positions, frame=np.ones(600, dtype=int)))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_bins": 1}, "n_bins must be a whole number of at least 2, got 1"),
        ({"pixel_nm": 0.0}, "pixel_nm must be a number of nm above 0, got 0"),
        ({"furthest_nm": float("inf")}, "furthest_nm must be a number of nm above 0, got inf"),
        ({"pixel_nm": 0.01}, "too many for a field of .* give a pixel_nm of at least"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, float], message: str) -> None:
    _, moved = drifting(0)
    with pytest.raises(InputError, match=message):
        estimate_drift(moved, **parameters)  # type: ignore[arg-type]
