"""Methods that libraries do: that they are asked what we say; ToMATo against its definition."""

import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.cluster import HDBSCAN, OPTICS
from sklearn.metrics import adjusted_rand_score

from caml.errors import InputError, MissingExtraError
from caml.methods import dominant_sets, hdbscan, optics, run_method, tomato
from caml.segment import Segmentation

FloatArray = npt.NDArray[np.float64]


def blobs(seed: int, n: int = 5) -> FloatArray:
    rng = np.random.default_rng(seed)
    centres = rng.uniform(100, 900, (n, 2))
    near = (rng.normal(0, 15, (n, 30, 2)) + centres[:, None]).reshape(-1, 2)
    return np.vstack([near, rng.uniform(0, 1_000, (60, 2))])


def test_hdbscan_is_scikit_learns() -> None:
    positions = blobs(0)
    for parameters in ({"min_cluster_size": 12}, {"min_cluster_size": 8, "min_samples": 4}):
        expected = HDBSCAN(copy=True, **parameters).fit_predict(positions)
        assert (
            adjusted_rand_score(expected, run_method("hdbscan", positions, parameters).cluster) == 1
        )
    leaves = HDBSCAN(min_cluster_size=5, cluster_selection_method="leaf", copy=True)
    found = hdbscan(positions, min_cluster_size=5, cluster_selection_method="leaf").cluster
    assert adjusted_rand_score(leaves.fit_predict(positions), found) == 1


def test_optics_is_scikit_learns() -> None:
    positions = blobs(1)
    expected = OPTICS(min_samples=8, max_eps=80.0, xi=0.1).fit_predict(positions)
    found = optics(positions, min_samples=8, max_eps_nm=80.0, xi=0.1).cluster
    assert adjusted_rand_score(expected, found) == 1


def by_definition(positions: FloatArray, radius: float, persistence: float) -> FloatArray:
    """ToMATo as Chazal et al. write it: from the densest down, merging what does not stand out."""
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    near = distance <= radius
    density = near.sum(axis=1) - 1
    order = np.lexsort((np.arange(len(positions)), -density))
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(len(order))
    root: dict[int, int] = {}

    def top(one: int) -> int:
        while root[one] != one:
            one = root[one]
        return one

    for one in order.tolist():
        higher = [other for other in np.flatnonzero(near[one]).tolist() if rank[other] < rank[one]]
        if not higher:
            root[one] = one
            continue
        root[one] = top(min(higher, key=lambda other: rank[other]))
        for other in higher:
            a, b = top(one), top(other)
            low, high = (a, b) if rank[a] > rank[b] else (b, a)
            if low != high and density[low] < density[one] + persistence:
                root[low] = high
    tops = np.array([top(one) for one in range(len(positions))])
    return np.where(density[tops] >= persistence, tops, -1)


@pytest.mark.parametrize("seed", range(4))
def test_tomato_is_its_definition(seed: int) -> None:
    # Distinct densities are rare with counts: ties may go either way, but for few localizations.
    positions = blobs(seed)
    found = tomato(positions, radius_nm=30.0, persistence=5)
    expected = by_definition(positions, 30.0, 5)
    assert adjusted_rand_score(expected, found.cluster) > 0.97
    assert found.n_clusters == len(set(expected[expected >= 0]))


def test_tomato_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gudhi.clustering.tomato", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'caml-smlm\[tomato\]'"):
        tomato(blobs(0))


def test_a_dominant_set_is_where_no_localization_gains() -> None:
    # Pavan and Pelillo: within the group the payoff is its cohesiveness, outside it is less.
    positions = np.vstack([np.random.default_rng(0).normal(0, 10, (20, 2)), [[60.0, 0.0]]])
    scale = 25.0
    members = np.flatnonzero(dominant_sets(positions, scale_nm=scale).cluster == 0)
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    similarity = np.exp(-0.5 * (distance / scale) ** 2) * (distance <= 3 * scale)
    np.fill_diagonal(similarity, 0)
    within = similarity[np.ix_(members, members)]
    weight = np.linalg.solve(within, np.ones(len(members)))
    weight /= weight.sum()
    assert (weight > 0).all()
    payoff = similarity[:, members] @ weight
    assert payoff[members] == pytest.approx(payoff[members].mean())
    outside = np.delete(np.arange(len(positions)), members)
    assert (payoff[outside] < payoff[members].mean()).all()


@pytest.mark.parametrize(
    ("method", "parameters", "message"),
    [
        (hdbscan, {"min_cluster_size": 1}, "min_cluster_size must be a whole number of at least 2"),
        (hdbscan, {"min_samples": 0}, "min_samples must be a whole number of at least 1"),
        (optics, {"min_samples": 1}, "min_samples must be a whole number of at least 2"),
        (optics, {"xi": 1.0}, "xi must be a number above 0 and below 1, got 1"),
        (optics, {"max_eps_nm": 0.0}, "max_eps_nm must be a number of nm above 0, got 0"),
        (tomato, {"radius_nm": np.inf}, "radius_nm must be a number of nm above 0, got inf"),
        (tomato, {"persistence": 0}, "persistence must be a whole number of at least 1"),
        (dominant_sets, {"scale_nm": -3.0}, "scale_nm must be a number of nm above 0, got -3"),
        (dominant_sets, {"min_cohesiveness": 1.0}, "min_cohesiveness must be from 0 to below 1"),
        (dominant_sets, {"min_localizations": 1}, "min_localizations must be a whole number of"),
    ],
)
def test_parameters_out_of_range_are_refused(
    method: Callable[..., Segmentation], parameters: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        method(blobs(0), **parameters)
