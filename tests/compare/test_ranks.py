"""Tests of ranks, Cliff's δ and resampled medians, against published and hand-worked values."""

import itertools

import numpy as np
import pytest
from scipy import stats

from caml._arrays import FloatArray
from caml.compare import (
    cliffs_delta,
    dunn,
    false_discovery,
    kruskal_wallis,
    median_difference,
    ranks,
)
from caml.errors import InputError

# R's airquality: ozone by month, May to September 1973, without the days that have none.
OZONE = [
    np.array([float(one) for one in month.split()])
    for month in (
        "41 36 12 18 28 23 19 8 7 16 11 14 18 14 34 6 30 11 1 11 4 32 23 45 115 37",
        "29 71 39 23 21 37 20 12 13",
        "135 49 32 64 40 77 97 97 85 10 27 7 48 35 61 79 63 16 80 108 20 52 82 50 64 59",
        "39 9 16 78 35 66 122 89 110 44 28 65 22 59 23 31 44 21 9 45 168 73 76 118 84 85",
        "96 78 73 91 47 32 20 23 21 24 44 21 28 9 13 46 18 13 24 16 13 23 36 7 14 30 14 18 20",
    )
]


def test_kruskal_wallis_is_that_of_rs_documentation() -> None:
    # example(kruskal.test): chi-squared = 29.267, df = 4, p-value = 6.901e-06
    found = kruskal_wallis(OZONE)
    assert (round(found.h, 3), found.df) == (29.267, 4)
    assert f"{found.p:.3e}" == "6.901e-06"
    assert found.epsilon2 == pytest.approx(found.h / (116 - 1))


def test_dunn_is_that_of_rs_dunn_test() -> None:
    # dunn.test(airquality$Ozone, airquality$Month), whose sign is the first less the second.
    published = {
        (0, 1): -0.925158, (0, 2): -4.419470, (1, 2): -2.244208, (0, 3): -4.132813,
        (1, 3): -2.038635, (2, 3): 0.286657, (0, 4): -1.321202, (1, 4): 0.002538,
        (2, 4): 3.217199, (3, 4): 2.922827,
    }  # fmt: skip
    found = dunn(OZONE)
    for pair, z in zip(ranks.pairs_of(5), found.z, strict=True):
        assert -z == pytest.approx(published[pair], abs=2e-6)


def test_dunn_with_ties_by_hand() -> None:
    # Ranks 1, 2.5 | 2.5, 4 | 5, 6: means 1.75, 3.25, 5.5; one tie of two of n = 6.
    groups = [np.array([1.0, 2]), np.array([2.0, 3]), np.array([4.0, 5])]
    error = np.sqrt((6 * 7 - 6 / 5) / 12 * (1 / 2 + 1 / 2))
    z = np.array([1.5, 3.75, 2.25]) / error
    p = 2 * stats.norm.sf(z)
    found = dunn(groups, adjust="bonferroni")
    np.testing.assert_allclose(found.z, z)
    np.testing.assert_allclose(found.p, p)
    np.testing.assert_allclose(found.p_adjusted, np.minimum(3 * p, 1))
    # Holm: the smallest times 3, the next times 2, the last times 1, never falling.
    first, second, third = np.sort(p)
    holm = dict(zip((first, second, third), np.maximum.accumulate([3 * first, 2 * second, third])))  # noqa: B905
    adjusted = dunn(groups, adjust="holm").p_adjusted
    np.testing.assert_allclose(adjusted, [min(holm[one], 1) for one in p])


@pytest.mark.parametrize("seed", range(3))
def test_of_two_groups_dunn_is_kruskal_wallis_is_mann_whitney(seed: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = generator.integers(0, 9, 12) * 1.0, generator.integers(2, 9, 7) * 1.0
    whole, pair = kruskal_wallis([first, second]), dunn([first, second])
    assert pair.z[0] ** 2 == pytest.approx(whole.h)
    other = stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=False)
    assert pair.p[0] == pytest.approx(whole.p) == pytest.approx(float(other.pvalue))


def test_order_of_groups_only_turns_signs() -> None:
    found, turned = dunn(OZONE), dunn(OZONE[::-1])
    np.testing.assert_allclose(sorted(found.z), sorted(-turned.z))
    np.testing.assert_allclose(sorted(found.p_adjusted), sorted(turned.p_adjusted))


def test_monotonous_changes_change_no_test() -> None:
    logs = [np.log(one) for one in OZONE]
    assert kruskal_wallis(logs) == kruskal_wallis(OZONE)
    np.testing.assert_array_equal(dunn(logs).z, dunn(OZONE).z)


@pytest.mark.parametrize("seed", range(5))
def test_cliffs_delta_is_brute_force(seed: int) -> None:
    generator = np.random.default_rng(seed)
    first = generator.integers(0, 6, 9).astype(float)
    second = generator.integers(0, 6, 14).astype(float)
    signs = [np.sign(b - a) for a, b in itertools.product(first, second)]
    assert cliffs_delta(first, second) == pytest.approx(np.mean(signs))
    assert cliffs_delta(second, first) == pytest.approx(-cliffs_delta(first, second))


def test_where_all_values_are_the_same_nothing_is_told() -> None:
    same = [np.ones(3), np.ones(4)]
    found = kruskal_wallis(same)
    assert np.isnan([found.h, found.p, found.epsilon2]).all()
    assert np.isnan(dunn(same).p_adjusted).all()
    assert cliffs_delta(*same) == 0


@pytest.mark.parametrize(
    ("groups", "text"),
    [
        ([np.ones(3)], r"at least two groups of at least one value .* groups of \[3\]"),
        ([np.ones(3), np.ones(0)], r"groups of \[3, 0\]"),
        ([np.ones(3), np.array([1, np.nan])], "leave out NaN"),
    ],
)
def test_groups_that_cannot_be_compared(groups: list[FloatArray], text: str) -> None:
    with pytest.raises(InputError, match=text):
        kruskal_wallis(groups)
    with pytest.raises(InputError, match=text):
        dunn(groups)


def test_an_unknown_adjustment_is_refused() -> None:
    with pytest.raises(InputError, match="P is adjusted by holm or bonferroni; got 'fdr'"):
        dunn(OZONE, adjust="fdr")  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8])
def test_medians_are_those_of_resamples(n: int) -> None:
    # All n^n resamples of few values, against many draws.
    values = np.array([1.0, 2, 4, 8, 16, 32, 64, 128])[:n] ** 2
    if n <= 4:
        medians = np.median(list(itertools.product(values, repeat=n)), axis=1)
    else:
        drawn = np.random.default_rng(0).choice(values, (200_000, n))
        medians = np.median(drawn, axis=1)
    found = ranks.resampled_medians(values[::-1], 200_000, np.random.default_rng(1))
    every = np.unique(medians)
    assert set(found) <= set(every)
    shares = [np.mean(medians == one) - np.mean(found == one) for one in every]
    # Five standard errors of a share of 200,000, twice.
    assert np.abs(shares).max() < 5 * np.sqrt(2 * 0.25 / 200_000)


def test_the_interval_holds_the_difference_and_moves_with_it() -> None:
    generator = np.random.default_rng(2)
    first, second = generator.normal(size=40), generator.normal(1, 1, 50)

    def interval(a: FloatArray, b: FloatArray) -> FloatArray:
        again = np.random.default_rng(3)
        return np.array(median_difference(a, b, n_bootstrap=4_000, generator=again))

    difference, low, high = found = interval(first, second)
    assert low < difference < high
    assert difference == np.median(second) - np.median(first)
    np.testing.assert_allclose(interval(first, second + 5), found + 5)
    np.testing.assert_allclose(interval(3 * first, 3 * second), 3 * found)
    np.testing.assert_array_equal(interval(first, second), found)
    by_scipy = stats.bootstrap(
        (first, second),
        lambda a, b, axis: np.median(b, axis=axis) - np.median(a, axis=axis),
        method="percentile",
        n_resamples=4_000,
        rng=np.random.default_rng(4),
    ).confidence_interval
    np.testing.assert_allclose([low, high], by_scipy, atol=0.06)


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.05, "ns"), (0.0499, "*"), (0.01, "*"), (0.0099, "**"), (0.00099, "***"),
     (0.000099, "****"), (np.nan, "")],
)  # fmt: skip
def test_stars_are_prisms(p: float, text: str) -> None:
    assert ranks.stars(p) == text


def test_p_is_adjusted_for_the_number_of_tests_by_hand() -> None:
    # Ascending: 0.005 · 4/1, 0.03 · 4/2, 0.04 · 4/3, 0.5 · 4/4; 0.06 falls to the next, 0.0533….
    found = false_discovery(np.array([0.04, np.nan, 0.005, 0.5, 0.03]))
    assert found.tolist() == pytest.approx([0.16 / 3, np.nan, 0.02, 0.5, 0.16 / 3], nan_ok=True)
    assert np.isnan(false_discovery(np.full(2, np.nan))).all()
