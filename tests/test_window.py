"""What is told of a region from its localizations: at every angle the same."""

import numpy as np
import pytest

from caml._window import is_flat, why_no_size
from caml.errors import InputError
from caml.localizations import Region
from caml.methods import kde, voronoi
from caml.methods.dbscan import suggest_eps
from caml.methods.getis_franklin import local_l
from caml.spatial import cross_k, survey

ANGLES = [0.0, 0.1, 0.6, np.pi / 4, np.pi / 2]


def turned(flat: np.ndarray, angle: float) -> np.ndarray:
    """Turn about the y axis in 3D, else in the plane; then round as tables do."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    if flat.shape[1] == 3:
        turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return np.asarray(np.round(flat @ turn.T + 5_000, 1))


def line(angle: float, n: int = 60) -> np.ndarray:
    along = np.random.default_rng(2).uniform(0, 3_000, n)
    return turned(np.column_stack((along, np.zeros(n))), angle)


def plane(angle: float, n: int = 60) -> np.ndarray:
    across = np.random.default_rng(2).uniform(0, 3_000, (n, 2))
    return turned(np.column_stack((across, np.zeros(n))), angle)


@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("flat", [line, plane])
def test_lines_and_planes_are_flat_at_every_angle(flat: object, angle: float) -> None:
    positions = flat(angle)  # type: ignore[operator]
    assert is_flat(positions)
    bent = positions.copy()
    bent[7] += 3.0 * np.array([-np.sin(angle), *[0.0] * (positions.shape[1] - 2), np.cos(angle)])
    assert not is_flat(bent)


def test_few_or_at_one_place_are_flat() -> None:
    corners = np.array([[0.0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9]])
    assert not is_flat(corners)
    assert not is_flat(corners[:3, :2])
    for n in range(4):
        assert is_flat(corners[:n])
    for n in range(3):
        assert is_flat(corners[:n, :2])
    assert is_flat(np.full((50, 2), 1e9))


def test_a_region_says_how_large_it_is_and_z_how_deep() -> None:
    region = Region.rectangle(0, 0, 9_000, 9_000)
    assert why_no_size(line(0.3), region) == ""
    assert why_no_size(plane(0.3), region) == ""
    assert "have the same z" in why_no_size(plane(0.0), region)
    assert "give it (z_range_nm), or leave z out" in why_no_size(
        plane(0.0), None, depth="z_range_nm"
    )
    assert "have the same z" in why_no_size(np.empty((0, 3)), region)


@pytest.mark.parametrize("angle", ANGLES)
def test_lines_are_refused_at_every_angle_where_a_size_is_needed(angle: float) -> None:
    positions = line(angle)
    message = r"localizations lie on a line .* give it \(--region, or Localizations"
    with pytest.raises(InputError, match=message):
        survey(positions, seed=1)
    with pytest.raises(InputError, match=message):
        cross_k(positions[:20], positions[20:])
    with pytest.raises(InputError, match=message):
        local_l(positions, radius_nm=30)
    with pytest.raises(InputError, match=message):
        suggest_eps(positions, criterion="chance")


@pytest.mark.parametrize("angle", ANGLES)
def test_planes_are_refused_at_every_angle_where_a_size_is_needed(angle: float) -> None:
    message = "in a plane or at one place" if angle else "have the same z"
    with pytest.raises(InputError, match=message):
        local_l(plane(angle), radius_nm=30)
    with pytest.raises(InputError, match=message):
        survey(plane(angle), seed=1)


@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("method", [kde, voronoi])
@pytest.mark.filterwarnings("ignore::caml.errors.NothingFoundWarning")
def test_methods_find_nothing_on_a_line_at_every_angle(method: object, angle: float) -> None:
    assert method(line(angle)).n_clusters == 0  # type: ignore[operator]
