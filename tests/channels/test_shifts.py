"""What chance gives: shifts that keep each channel, on sets that share something or nothing."""

import numpy as np
import pytest
import shapely

from caml.channels import cross_envelope, is_rectangle, overlap_test
from caml.errors import InputError
from caml.localizations import Region
from caml.segment import Segmentation

IMAGE = Region.rectangle(0, 0, 10_000, 10_000)
CELL = Region(shapely.Point(5_000, 5_000).buffer(4_500))


def discs(centres: np.ndarray, radius: float = 60.0) -> Segmentation:
    outlines = np.array([shapely.Point(*one).buffer(radius) for one in centres], dtype=object)
    return Segmentation(np.arange(len(centres)), outlines=outlines)


def centres(seed: int, n: int = 150) -> np.ndarray:
    drawn = np.random.default_rng(seed).uniform(500, 9_500, (4 * n, 2))
    return drawn[CELL.contains(drawn)][:n]


@pytest.mark.parametrize(("null", "region"), [("torus", IMAGE), ("shift", IMAGE), ("shift", CELL)])
def test_clusters_on_clusters_overlap_more_than_by_chance(null: str, region: Region) -> None:
    first = centres(1)
    second = np.vstack([first[:60] + 30, centres(2, 90)])
    found = overlap_test(
        discs(first), discs(second), region=region, seed=1, null=null, n_simulations=99  # type: ignore[arg-type]
    )  # fmt: skip
    assert found.fraction >= 0.4
    assert found.fraction_p == found.area_fraction_p == 0.01
    # Discs of 60 nm overlap where centres are within 120 nm: by chance 150·π·120²/A.
    by_chance = 1 - np.exp(-150 * np.pi * 120**2 / 4_500**2 / np.pi)
    assert found.fraction_expected == pytest.approx(by_chance, rel=0.4)


def test_an_area_that_overlaps_by_hand() -> None:
    first = Segmentation(
        np.arange(2), outlines=np.array([shapely.box(x, 0, x + 100, 100) for x in (0, 900)])
    )
    second = Segmentation(
        np.zeros(1, dtype=int), outlines=np.array([shapely.box(50, 0, 150, 100)], dtype=object)
    )
    region = Region.rectangle(0, 0, 5_000, 5_000)
    found = overlap_test(first, second, region=region, seed=1, n_simulations=9)
    assert (found.fraction, found.area_fraction) == (0.5, 0.25)


@pytest.mark.parametrize("null", ["torus", "shift"])
def test_p_is_not_small_too_often_under_chance(null: str) -> None:
    p = []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        first, second = generator.uniform(0, 10_000, (2, 200, 2))
        found = overlap_test(
            discs(first), discs(second), region=IMAGE, seed=seed, null=null, n_simulations=19  # type: ignore[arg-type]
        )  # fmt: skip
        p.append(found.fraction_p)
    # Equal numbers count as at least as many, so that P is rather too large.
    assert 0.4 < np.mean(p) < 0.8
    assert np.mean(np.array(p) <= 0.05) < 0.2


def test_the_same_seed_gives_the_same() -> None:
    first, second = discs(centres(1)), discs(centres(2))
    one, two, other = (
        overlap_test(first, second, region=CELL, seed=seed, n_simulations=19) for seed in (3, 3, 4)
    )
    assert one == two
    assert one != other


def test_without_clusters_there_is_nothing_to_test() -> None:
    none = Segmentation(np.empty(0, dtype=int))
    found = overlap_test(none, discs(centres(1)), region=CELL, seed=1, n_simulations=9)
    assert np.isnan(found.fraction)
    other = overlap_test(discs(centres(1)), none, region=CELL, seed=1, n_simulations=9)
    assert (other.fraction, other.fraction_expected, other.fraction_p) == (0, 0, 1)


@pytest.mark.parametrize(("null", "region"), [("torus", IMAGE), ("shift", CELL)])
def test_the_cross_correlation_leaves_its_envelope_where_clusters_are_shared(
    null: str, region: Region
) -> None:
    generator = np.random.default_rng(5)
    shared = centres(1, 60).repeat(12, axis=0)
    a, b = (shared + generator.normal(0, 20, shared.shape) for _ in range(2))
    c = centres(7, 60).repeat(12, axis=0) + generator.normal(0, 20, shared.shape)
    radii = [20.0, 60.0, 200.0]
    together, apart = (
        cross_envelope(
            a[region.contains(a)], one[region.contains(one)], region=region, seed=1,
            radii_nm=radii, null=null, n_simulations=19,  # type: ignore[arg-type]
        )
        for one in (b, c)
    )  # fmt: skip
    assert together.p_value == 0.05
    assert together.value[0] > 5 * together.high[0]
    assert apart.p_value > 0.05
    assert together.theory[2] == pytest.approx(1, abs=0.7)


def test_a_rectangle_is_told() -> None:
    assert is_rectangle(IMAGE)
    assert not is_rectangle(CELL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"null": "torus"}, "a torus is made of a rectangle along x and y"),
        ({"null": "labels"}, "null is torus or shift, got 'labels'"),
        ({"shift_nm": (300, 200)}, r"0 < least <= most, in nm; got \(300, 200\)"),
        ({"n_simulations": 0}, "n_simulations must be a whole number"),
    ],
)
def test_what_is_no_chance_is_refused(options: dict[str, object], message: str) -> None:
    clusters = discs(centres(1))
    with pytest.raises(InputError, match=message):
        overlap_test(clusters, clusters, **{"region": CELL, "seed": 1, **options})  # type: ignore[arg-type]


def test_clusters_without_outlines_are_refused() -> None:
    with pytest.raises(InputError, match=r"call caml\.outline"):
        overlap_test(Segmentation(np.zeros(2, dtype=int)), discs(centres(1)), region=CELL, seed=1)


def test_a_shift_out_of_the_image_is_refused() -> None:
    a = np.random.default_rng(1).uniform(0, 1_000, (50, 2))
    with pytest.raises(InputError, match="nothing of the region is left after it was moved"):
        cross_envelope(
            a, a, region=Region.rectangle(0, 0, 1_000, 1_000), seed=1, radii_nm=[50.0],
            shift_nm=(5_000, 6_000), n_simulations=3,
        )  # fmt: skip
