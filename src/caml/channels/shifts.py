"""What chance gives: one channel moved as a whole against the other, again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely
from shapely.affinity import translate

from caml._arrays import FloatArray
from caml._cost import check_count
from caml.channels.relations import covered
from caml.errors import InputError
from caml.localizations import Localizations, Region
from caml.segment import Segmentation
from caml.spatial import RadialFunction, cross_pair_correlation, with_envelope

__all__ = ["SHIFT_NM", "OverlapTest", "cross_envelope", "overlap_test"]

# How far a channel is moved where its image is no rectangle: further than clusters are large, and
# not so far that it leaves the cell.
SHIFT_NM = (1_000.0, 3_000.0)
Null = Literal["torus", "shift"]


@dataclass(frozen=True, slots=True)
class OverlapTest:
    """How much the clusters of one channel overlap those of another, and how much by chance.

    Parameters
    ----------
    fraction : float
        The share of the first's clusters that overlap any of the second's.
    fraction_expected : float
        The mean of that over the simulations.
    fraction_p : float
        How often it is at least as large by chance.
    area_fraction : float
        The share of the area of the first's clusters that overlaps.
    area_fraction_expected, area_fraction_p : float
        The same of it.
    n_simulations : int
        How many there were.
    """

    fraction: float
    fraction_expected: float
    fraction_p: float
    area_fraction: float
    area_fraction_expected: float
    area_fraction_p: float
    n_simulations: int


def overlap_test(
    first: Segmentation,
    second: Segmentation,
    *,
    region: Region,
    seed: int | np.random.Generator,
    null: Null = "shift",
    shift_nm: tuple[float, float] | None = None,
    n_simulations: int = 199,
) -> OverlapTest:
    """Test whether the clusters of two channels overlap more than by chance.

    Parameters
    ----------
    first, second : Segmentation
        The clusters of each, with outlines.
    region : Region
        Where they could have been.
    seed : int or numpy.random.Generator
        Of the simulations.
    null : {"shift", "torus"}, default "shift"
        How the second is moved, as a whole: so far as `shift_nm` says, where what then lies in the
        region on both sides is looked at; or anywhere, with what leaves a rectangle on one side
        coming in on the other.
    shift_nm : tuple of float, optional
        How far it is moved at least and at most, nm: by default 1 to 3 µm, or in a small region an
        eighth to a third of its shorter side.
    n_simulations : int, default 199
        How often.

    Returns
    -------
    OverlapTest
        NaN where the first has no clusters.

    Raises
    ------
    InputError
        If clusters have no outlines, the region is no rectangle for a torus, or a number is out of
        its range.

    Notes
    -----
    Moving a channel as a whole keeps its own clusters and their arrangement, and breaks only what
    ties it to the other (Lotwick & Silverman 1982). P = (1 + the number of simulations with at
    least as much overlap)/(n_simulations + 1). On a torus a cluster is moved by its centroid and
    not cut. The shift keeps, up to its length, that both channels lie in the same cell; P is then
    of what is more alike than that. It is exact for neither border: a shift changes which clusters
    are compared.

    Examples
    --------
    >>> squares = shapely.box([0, 2_000, 5_000], 0, [100, 2_100, 5_100], 100)
    >>> same = Segmentation([0, 1, 2], outlines=squares)
    >>> image = Region.rectangle(0, 0, 9_000, 9_000)
    >>> overlap_test(same, same, region=image, null="torus", seed=1, n_simulations=19).fraction_p
    0.05
    """
    check_count(n_simulations=n_simulations)
    if not (first.has_outlines and second.has_outlines):
        raise InputError(
            "clusters need outlines: call caml.outline(localizations, segmentation) first"
        )
    shift_nm = _checked(null, region, shift_nm)
    generator = np.random.default_rng(seed)
    nan = float("nan")
    if first.n_clusters == 0:
        return OverlapTest(nan, nan, nan, nan, nan, nan, n_simulations)
    observed = _shares(first.outlines, second.outlines)
    middles = [_middles(one.outlines) for one in (first, second)]
    found = np.empty((n_simulations, 2))
    for number, offset in enumerate(_offsets(generator, n_simulations, null, region, shift_nm)):
        moved = np.broadcast_to(offset, middles[1].shape)
        kept = [np.ones(len(one), dtype=bool) for one in middles]
        if null == "torus":
            moved = _wrapped(middles[1] + offset, region) - middles[1]
        else:
            kept[0] = region.contains(middles[0] - offset)
            kept[1] = region.contains(middles[1] + offset)
        others = _moved(second.outlines[kept[1]], moved[kept[1]])
        found[number] = _shares(first.outlines[kept[0]], others)
    (fraction, fraction_p), (area, area_p) = (
        _compared(*one) for one in zip(observed, found.T, strict=True)
    )
    return OverlapTest(observed[0], fraction, fraction_p, observed[1], area, area_p, n_simulations)


def cross_envelope(
    first: Localizations | npt.ArrayLike,
    second: Localizations | npt.ArrayLike,
    *,
    region: Region,
    seed: int | np.random.Generator,
    radii_nm: npt.ArrayLike,
    null: Null = "shift",
    shift_nm: tuple[float, float] | None = None,
    n_simulations: int = 99,
) -> RadialFunction:
    """Measure the cross pair correlation, and what it is of one channel moved against the other.

    Parameters
    ----------
    first, second : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        The localizations of each; those outside the region are not looked at.
    region : Region
        Where they could have been.
    seed : int or numpy.random.Generator
        Of the simulations.
    radii_nm : array-like of shape (n_radii,), nm
        Increasing.
    null : {"shift", "torus"}, default "shift"
        As for `overlap_test`.
    shift_nm : tuple of float, optional
        As for `overlap_test`.
    n_simulations : int, default 99
        How often.

    Returns
    -------
    RadialFunction
        g_AB with its envelope; as theory the mean of the simulations.

    Raises
    ------
    InputError
        As `overlap_test` and `caml.spatial.cross_pair_correlation` do.

    Notes
    -----
    Of a shift, only the region that is covered before and after it is looked at. P is of the
    maximum absolute deviation from the mean of all curves, measured and simulated (Baddeley et al.
    2014).

    Examples
    --------
    >>> generator = np.random.default_rng(1)
    >>> a = generator.uniform(10, 3_990, (400, 2))
    >>> image = Region.rectangle(0, 0, 4_000, 4_000)
    >>> options = {"null": "torus", "radii_nm": [20, 40], "n_simulations": 19}
    >>> cross_envelope(a, a + 5, region=image, seed=1, **options).p_value
    0.05
    """
    from caml.spatial._window import samples_of

    check_count(n_simulations=n_simulations)
    shift_nm = _checked(null, region, shift_nm)
    a, b = samples_of(first, second, region=region)
    z_range = a.window.z_range_nm
    generator = np.random.default_rng(seed)
    measured = cross_pair_correlation(
        a.positions, b.positions, region=region, radii_nm=radii_nm, z_range_nm=z_range
    )
    curves = []
    for offset in _offsets(generator, n_simulations, null, region, shift_nm):
        one, other, place = a.positions, b.positions.copy(), region
        other[:, :2] += offset
        if null == "torus":
            other[:, :2] = _wrapped(other[:, :2], region)
        else:
            left = shapely.intersection(region.polygon, translate(region.polygon, *offset))
            if not left.area > 0:
                continue
            place = Region(left)  # type: ignore[arg-type]
            one, other = one[place.contains(one)], other[place.contains(other)]
        if len(one) and len(other):
            found = cross_pair_correlation(
                one, other, region=place, radii_nm=radii_nm, z_range_nm=z_range
            )
            curves.append(found.value)
    if not curves:
        raise InputError(
            f"nothing of the region is left after it was moved by {shift_nm} nm: give a smaller "
            "shift_nm"
        )
    every = np.vstack([measured.value, curves])
    tested = with_envelope(replace(measured, theory=every.mean(axis=0)), np.array(curves))
    return replace(tested, theory=np.mean(curves, axis=0))


def is_rectangle(region: Region) -> bool:
    """Tell whether a region is a rectangle along x and y.

    Parameters
    ----------
    region : Region
        The region.

    Returns
    -------
    bool
        True if so.
    """
    return bool(region.polygon.area >= shapely.box(*region.polygon.bounds).area * (1 - 1e-9))


def _offsets(
    generator: np.random.Generator,
    n: int,
    null: Null,
    region: Region,
    shift_nm: tuple[float, float],
) -> Iterator[FloatArray]:
    """Draw how far the second is moved."""
    low, high = np.reshape(region.polygon.bounds, (2, 2))
    for _ in range(n):
        if null == "torus":
            yield generator.uniform(0, high - low)
        else:
            angle, length = generator.uniform(0, 2 * np.pi), generator.uniform(*shift_nm)
            yield length * np.array([np.cos(angle), np.sin(angle)])


def _wrapped(positions: FloatArray, region: Region) -> FloatArray:
    """Bring positions back into a rectangle from its other side."""
    low, high = np.reshape(region.polygon.bounds, (2, 2))
    return np.asarray(low + (positions - low) % (high - low))


def _middles(outlines: npt.NDArray[np.object_]) -> FloatArray:
    """Return the centroid of each outline; of an empty one no position."""
    centroids = shapely.centroid(outlines)
    return np.column_stack((shapely.get_x(centroids), shapely.get_y(centroids)))


def _moved(outlines: npt.NDArray[np.object_], offsets: FloatArray) -> npt.NDArray[np.object_]:
    """Return outlines, each moved by its own offset."""
    coordinates = shapely.get_coordinates(outlines)
    n_each = shapely.get_num_coordinates(outlines)
    moved: npt.NDArray[np.object_] = shapely.set_coordinates(
        outlines.copy(), coordinates + np.repeat(offsets, n_each, axis=0)
    )
    return moved


def _shares(first: npt.NDArray[np.object_], second: npt.NDArray[np.object_]) -> tuple[float, float]:
    """Return which share of the first overlaps, by number and by area."""
    if len(first) == 0:
        return float("nan"), float("nan")
    n_overlapping, total = covered(first, second)
    area = float(shapely.area(first).sum())
    return float((n_overlapping > 0).mean()), float(total.sum()) / area if area else float("nan")


def _compared(value: float, by_chance: FloatArray) -> tuple[float, float]:
    """Return what is expected by chance, and how often it is at least the value."""
    # A shift after which nothing is left to compare says nothing.
    by_chance = by_chance[np.isfinite(by_chance)]
    if len(by_chance) == 0:
        return float("nan"), float("nan")
    # Equal but for the last digit of a sum is as much.
    n_as_much = int((by_chance >= value * (1 - 1e-9)).sum())
    return float(by_chance.mean()), (1 + n_as_much) / (len(by_chance) + 1)


def _checked(
    null: Null, region: Region, shift_nm: tuple[float, float] | None
) -> tuple[float, float]:
    """Return how far a channel is moved, or refuse what is no way to move it."""
    if null not in ("torus", "shift"):
        raise InputError(f"null is torus or shift, got {null!r}")
    if null == "torus" and not is_rectangle(region):
        raise InputError("a torus is made of a rectangle along x and y: choose null='shift'")
    if shift_nm is None:
        x_min, y_min, x_max, y_max = region.polygon.bounds
        side = min(x_max - x_min, y_max - y_min)
        return min(SHIFT_NM[0], side / 8), min(SHIFT_NM[1], side / 3)
    low, high = shift_nm
    if not 0 < low <= high < np.inf:
        raise InputError(f"shift_nm is two distances, 0 < least <= most, in nm; got {shift_nm}")
    return low, high
