"""Scores of clusters: scikit-learn, brute force, and squares one can draw on paper."""

from itertools import permutations

import numpy as np
import pytest
import shapely
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from caml.errors import InputError
from caml.evaluate import evaluate, hull_iou, match_clusters, score_clusters
from caml.segment import Segmentation

SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])


def shifted(x: float, y: float) -> np.ndarray:
    moved: np.ndarray = SQUARE + np.array([x, y])
    return moved


def cell(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return positions and two partitions with much in common."""
    rng = np.random.default_rng(seed)
    true = rng.integers(-1, 6, n)
    positions = rng.normal(0, 30, (n, 2)) + 150 * np.stack([true % 3, true // 3], axis=1)
    found = np.where(rng.random(n) < 0.8, true, rng.integers(-1, 7, n))
    return positions, found, true


def by_brute_force(
    positions: np.ndarray, found: np.ndarray, true: np.ndarray
) -> tuple[list[tuple[int, int]], float]:
    """Try every assignment; most pairs first, then the least cost. Return the pairs, and JIc."""

    def box(ids: np.ndarray, one: int) -> tuple[np.ndarray, np.ndarray]:
        members = positions[ids == one]
        return members.mean(axis=0), members.max(axis=0) - members.min(axis=0)

    ours = [box(found, one) for one in np.unique(found[found >= 0])]
    theirs = [box(true, one) for one in np.unique(true[true >= 0])]
    free = [None] * len(theirs)
    best, pairs = (1.0, 0.0), list[tuple[int, int]]()
    for chosen in set(permutations([*range(len(ours)), *free], len(theirs))):
        cost = n_pairs = 0.0
        for (centre, extent), one in zip(theirs, chosen, strict=True):
            if one is None:
                continue
            distance = float(np.hypot(*(centre - ours[one][0])))
            if distance > extent.mean() / 2:
                break
            cost += 0.9 * distance + 0.1 * float(np.abs(extent - ours[one][1]).sum())
            n_pairs += 1
        else:
            if (-n_pairs, cost) < best:
                best = (-n_pairs, cost)
                pairs = [(i, one) for i, one in enumerate(chosen) if one is not None]
    return pairs, len(pairs) / (len(ours) + len(theirs) - len(pairs))


@pytest.mark.parametrize("seed", range(4))
def test_partitions_are_scored_as_scikit_learn_does(seed: int) -> None:
    positions, found, true = cell(seed)
    scores = score_clusters(positions, found, true)
    inside = true >= 0
    assert scores.ari == pytest.approx(adjusted_rand_score(true, found))
    assert scores.ari_clustered == pytest.approx(adjusted_rand_score(true[inside], found[inside]))
    assert scores.ami == pytest.approx(adjusted_mutual_info_score(true, found))


@pytest.mark.parametrize("seed", range(4))
def test_the_best_of_all_assignments_is_found(seed: int) -> None:
    positions, found, true = cell(seed, 24)
    found, true = np.minimum(found, 3), np.minimum(true, 3)
    # Close together, so that a true cluster has several that it may match.
    positions = positions / 4
    matches = match_clusters(positions, found, true)
    pairs, jaccard = by_brute_force(positions, found, true)
    assert list(zip(matches.true.tolist(), matches.found.tolist(), strict=True)) == pairs
    assert matches.jaccard == pytest.approx(jaccard)


def test_what_is_drawn_on_paper() -> None:
    # Two true squares; one is found but for a corner, which makes a triangle of half its area, the
    # other one not; and something is found where nothing is.
    elsewhere = shifted(0, 500)[:3]
    positions = np.vstack([SQUARE, shifted(200, 0), elsewhere])
    true = np.r_[np.full(4, 0), np.full(4, 1), np.full(3, -1)]
    found = np.r_[0, 0, 0, -1, np.full(4, -1), np.full(3, 4)]
    scores = score_clusters(positions, found, true)
    assert (scores.n_true_clusters, scores.n_clusters, scores.n_matched) == (2, 2, 1)
    # One of three: the one that matches, the one missed, the one too many.
    assert scores.jaccard == pytest.approx(1 / 3)
    # 50 nm² of 100 + 100, and 50 that are nowhere true.
    assert scores.iou == pytest.approx(50 / 250)
    # Three of four localizations.
    assert scores.rmsre_n_localizations == pytest.approx(1 / 4)
    # From (5, 5) to (20/3, 10/3).
    assert scores.centroid_rmse_nm == pytest.approx(np.hypot(5 / 3, 5 / 3))
    assert scores.centroid_mean_nm == pytest.approx(scores.centroid_rmse_nm)


def test_centroids_further_apart_than_half_an_extent_do_not_match() -> None:
    # The true square is 10 nm wide: up to 5 nm may lie between the centroids.
    both = np.vstack([SQUARE, shifted(4.9, 0), shifted(5.1, 200), shifted(0, 200)])
    true = np.r_[np.full(4, 0), np.full(8, -1), np.full(4, 1)]
    found = np.r_[np.full(4, -1), np.full(4, 0), np.full(4, 1), np.full(4, -1)]
    matches = match_clusters(both, found, true)
    assert matches.true.tolist() == [0]
    assert matches.distance_nm == pytest.approx([4.9])


def test_overlapping_hulls_count_once() -> None:
    positions = np.vstack([SQUARE, shifted(5, 0)])
    found = np.repeat([0, 1], 4)
    assert hull_iou(positions, found, np.zeros(8, dtype=int)) == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(3))
def test_areas_are_those_of_shapely_one_by_one(seed: int) -> None:
    positions, found, true = cell(seed)
    areas = [
        shapely.union_all(
            [
                shapely.MultiPoint(positions[ids == one]).convex_hull
                for one in range(ids.max() + 1)
                if (ids == one).sum() >= 3
            ]
        )
        for ids in (found, true)
    ]
    expected = areas[0].intersection(areas[1]).area / areas[0].union(areas[1]).area
    assert hull_iou(positions, found, true) == pytest.approx(expected)


def test_truth_agrees_with_itself_and_with_other_numbers() -> None:
    positions, _, true = cell(0)
    scores = score_clusters(positions, np.where(true >= 0, 90 - 7 * true, -5), true)
    assert scores.ari == scores.ari_clustered == scores.jaccard == 1
    assert scores.ami == pytest.approx(1)
    assert scores.iou == pytest.approx(1)
    assert scores.centroid_rmse_nm == scores.rmsre_n_localizations == 0


@pytest.mark.parametrize("seed", range(2))
def test_moving_turning_and_reordering_change_nothing(seed: int) -> None:
    positions, found, true = cell(seed)
    base = score_clusters(positions, found, true)
    quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
    order = np.random.default_rng(seed).permutation(len(true))
    for moved in (positions + 1e4, positions @ quarter):
        other = score_clusters(moved[order], found[order], true[order])
        for name in ("ari", "ari_clustered", "ami", "iou", "jaccard", "centroid_rmse_nm"):
            assert getattr(other, name) == pytest.approx(getattr(base, name)), name


def test_nothing_found_and_nothing_there() -> None:
    positions, _, true = cell(1)
    nothing = np.full(len(true), -1)
    missed = score_clusters(positions, Segmentation(nothing), true)
    assert (missed.n_clusters, missed.jaccard, missed.iou, missed.ari) == (0, 0, 0, 0)
    assert np.isnan([missed.rmsre_n_localizations, missed.centroid_rmse_nm]).all()
    empty = score_clusters(positions, nothing, nothing)
    assert empty.ari == 1
    assert np.isnan([empty.jaccard, empty.iou, empty.ari_clustered]).all()
    none = score_clusters(np.empty((0, 2)), [], [])
    assert np.isnan([none.ari, none.ami, none.jaccard, none.iou]).all()


def test_three_dimensions_have_no_areas() -> None:
    positions, found, true = cell(2)
    solid = np.c_[positions, np.zeros(len(true))]
    flat, deep = score_clusters(positions, found, true), score_clusters(solid, found, true)
    assert np.isnan(deep.iou)
    assert (deep.ari, deep.ami) == (flat.ari, flat.ami)
    with pytest.raises(InputError, match=r"give localizations\.projected"):
        hull_iou(solid, found, true)


def test_positions_that_are_not_finite_are_left_out() -> None:
    positions, found, true = cell(3)
    holed = positions.copy()
    holed[5] = np.nan
    rest = np.delete(np.arange(len(true)), 5)
    whole = evaluate(holed, found, true).clusters
    part = score_clusters(positions[rest], found[rest], true[rest])
    assert whole.ari == part.ari
    assert whole.jaccard == part.jaccard


@pytest.mark.parametrize("n", [0, 5, 61])
def test_truth_of_another_length_is_refused(n: int) -> None:
    positions, found, _ = cell(0)
    with pytest.raises(InputError, match=rf"60 here; got shapes \(60,\) and \({n},\)"):
        evaluate(positions, found, np.zeros(n))
