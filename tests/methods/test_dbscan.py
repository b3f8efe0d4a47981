"""DBSCAN against scikit-learn and a definition written out; the knee of the k-distance curve."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import poisson
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score

from caml.errors import InputError, NothingFoundWarning
from caml.localizations import Localizations
from caml.methods import dbscan, suggest_eps


def clustered(seed: int, n_dimensions: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 2_000, (8, n_dimensions))
    near = rng.normal(0, 20, (8, 25, n_dimensions)) + centres[:, None]
    return np.vstack([near.reshape(-1, n_dimensions), rng.uniform(0, 2_000, (120, n_dimensions))])


def by_definition(positions: np.ndarray, eps: float, min_samples: int) -> tuple[np.ndarray, ...]:
    """Tell which localizations are cores, and join cores within eps of each other."""
    near = cdist(positions, positions) <= eps
    core = near.sum(axis=1) >= min_samples
    component = np.arange(len(positions))
    while True:
        linked = near & core[:, None] & core[None]
        smallest = np.where(linked, component[None], len(positions)).min(axis=1)
        joined = np.where(core, np.minimum(component, smallest), component)
        if (joined == component).all():
            return core, joined, near
        component = joined


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_clusters_are_those_of_the_definition(seed: int, n_dimensions: int) -> None:
    positions = clustered(seed, n_dimensions)
    found = dbscan(positions, eps_nm=45.0, min_samples=5).cluster
    core, component, near = by_definition(positions, 45.0, 5)
    assert adjusted_rand_score(component[core], found[core]) == 1
    border = ~core & (near & core[None]).any(axis=1)
    assert (found[border] >= 0).all()
    assert (found[~core & ~border] == -1).all()
    for one in np.flatnonzero(border):
        assert found[one] in found[near[one] & core]


def test_it_is_scikit_learns() -> None:
    positions = clustered(7)
    found = dbscan(positions, eps_nm=30.0, min_samples=7)
    assert found.cluster.tolist() == DBSCAN(eps=30.0, min_samples=7).fit(positions).labels_.tolist()
    assert found.made_by == "dbscan, eps 30 nm, min_samples 7"


def test_positions_that_are_not_finite_are_in_no_cluster_and_keep_their_rows() -> None:
    positions = clustered(1)
    whole = dbscan(positions, eps_nm=45.0, min_samples=5).cluster
    holed = np.insert(positions, [0, 10], np.nan, axis=0)
    found = dbscan(Localizations(holed), eps_nm=45.0, min_samples=5).cluster
    assert found[[0, 11]].tolist() == [-1, -1]
    assert np.delete(found, [0, 11]).tolist() == whole.tolist()


def test_few_localizations_are_no_cluster() -> None:
    for n in range(6):
        with pytest.warns(NothingFoundWarning, match="needs more than min_samples, 6"):
            found = dbscan(np.zeros((n, 2)) + np.arange(n)[:, None], min_samples=6)
        assert found.cluster.tolist() == [-1] * n


def test_the_suggested_distance_lies_at_the_knee() -> None:
    # Twenty distances of 10 nm, then 100, 200, … nm: the knee is where the steep part begins.
    grid = np.stack(np.meshgrid(np.arange(5) * 10.0, np.arange(4) * 10.0), axis=-1).reshape(-1, 2)
    alone = np.array([[5_000.0, 0.0], [0.0, 7_000.0], [9_000.0, 9_000.0]])
    assert suggest_eps(np.vstack([grid, alone]), min_samples=2) == pytest.approx(10.0)


def test_chance_is_the_other_criterion() -> None:
    # Written out: the largest gap between the share within r and what is expected of it.
    positions = clustered(5)
    found = suggest_eps(positions, min_samples=4, criterion="chance")
    distance = np.sort(cdist(positions, positions), axis=1)[:, 3]
    density = len(positions) / np.ptp(positions, axis=0).prod()
    radii = np.sort(distance)
    expected = poisson.sf(2, density * np.pi * radii**2)
    gap = np.arange(len(radii)) / (len(radii) - 1) - expected
    assert found == pytest.approx(radii[gap.argmax()])
    # The steps between neighbours within clusters of 20 nm, not those between clusters.
    assert 20 < found < 60


def test_the_suggested_distance_scales_with_the_image_and_recovers_clusters() -> None:
    positions = clustered(3)
    eps = suggest_eps(positions)
    assert suggest_eps(positions * 7) == pytest.approx(7 * eps)
    truth = np.r_[np.repeat(np.arange(8), 25), np.full(120, -1)]
    assert adjusted_rand_score(truth, dbscan(positions).cluster) > 0.8


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"eps_nm": 0.0}, "eps_nm must be a number of nm above 0, got 0"),
        ({"eps_nm": float("nan")}, "eps_nm must be a number of nm above 0, got nan"),
        ({"eps_nm": 10.0, "min_samples": 0}, "min_samples must be a whole number of at least 1"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        dbscan(clustered(0), **parameters)  # type: ignore[arg-type]


def test_ties_everywhere_have_no_knee() -> None:
    ring = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])
    with pytest.raises(InputError, match="no knee; give eps_nm"):
        suggest_eps(ring, min_samples=2)
    with pytest.raises(InputError, match="more than min_samples, 4, localizations"):
        suggest_eps(np.zeros((50, 2)))


def test_what_does_not_fit_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from caml import _cost

    monkeypatch.setattr(_cost, "memory_bytes", lambda: 100_000)
    with pytest.raises(
        InputError, match=r"would take about \d+ MB of memory and 0 seconds for 320"
    ):
        dbscan(clustered(0), eps_nm=1e5, min_samples=5)
