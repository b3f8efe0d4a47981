"""What every method promises, whatever it does."""

import importlib
import inspect
import time
import typing
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from caml.errors import InputError, NothingFoundWarning
from caml.evaluate import match_clusters
from caml.localizations import Localizations, Region
from caml.methods import (
    METHODS,
    checked_parameters,
    method_parameters,
    parse_parameters,
    run_method,
)
from caml.segment import Segmentation

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# What suits the clusters of these tests, whose standard deviation is 20 nm.
SUITED: dict[str, dict[str, Any]] = {
    "dbscan": {"eps_nm": 30.0, "min_samples": 5},
    "hdbscan": {"min_cluster_size": 20},
    "optics": {"min_samples": 10, "max_eps_nm": 60.0},
    "tomato": {"radius_nm": 30.0, "persistence": 5},
    "getis-franklin": {"radius_nm": 30.0, "threshold_nm": 80.0},
    "bayesian": {"uncertainty_nm": 5.0, "p_background": 0.9},
    "voronoi": {},
    "kde": {"bandwidth_nm": 15.0},
    "focal": {"grid_nm": 20.0, "min_l": 5},
    "pointnet": {},
    "dominant-sets": {"scale_nm": 100.0, "min_localizations": 15},
}


KINDS = [(name, d) for name in SUITED for d in (2, 3) if (name, d) != ("pointnet", 3)]


def clustered(seed: int, *, n_dimensions: int = 2) -> tuple[FloatArray, IntArray]:
    """Return eight clusters of forty in a background, and which is which."""
    rng = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(*[np.arange(4)] * n_dimensions), axis=-1)
    centres = 250.0 + 500 * rng.permutation(corners.reshape(-1, n_dimensions))[:8]
    near = rng.normal(0, 20, (8, 40, n_dimensions)) + centres[:, None]
    far = rng.uniform(0, 2_000, (150, n_dimensions))
    truth = np.r_[np.repeat(np.arange(8), 40), np.full(150, -1)]
    return np.vstack([near.reshape(-1, n_dimensions), far]), truth


def found(name: str, positions: Any) -> Segmentation:
    return run_method(name, positions, SUITED[name])


def test_every_method_is_tried() -> None:
    assert set(METHODS) == set(SUITED)


@pytest.mark.parametrize(("name", "n_dimensions"), KINDS)
def test_clusters_are_found(name: str, n_dimensions: int) -> None:
    positions, truth = clustered(0, n_dimensions=n_dimensions)
    segmentation = found(name, positions)
    assert segmentation.made_by.startswith(name)
    matches = match_clusters(positions, segmentation, truth)
    assert len(matches.true) == 8
    # One too many is forgiven.
    assert matches.jaccard >= 8 / 9


@pytest.mark.parametrize("name", SUITED)
def test_moving_all_moves_nothing_and_rows_may_come_in_any_order(name: str) -> None:
    positions, _ = clustered(1)
    base = found(name, positions).cluster
    # Pixels' sides come out a little otherwise where doubles are 2 pm apart.
    for far, share in (([5_000, -300], 1.0), ([1e7, -1e7], 0.99)):
        moved = found(name, positions + np.array(far)).cluster
        assert adjusted_rand_score(base, moved) >= share
    order = np.random.default_rng(1).permutation(len(base))
    shuffled = found(name, positions[order]).cluster
    # Localizations on a border may go to the one or the other cluster; and the steep parts of
    # the reachability, which end OPTICS' clusters, come in the order in which rows came.
    if name != "optics":
        assert adjusted_rand_score(base[order], shuffled) > 0.98


@pytest.mark.parametrize("name", SUITED)
def test_turning_by_a_quarter_turns_nothing(name: str) -> None:
    positions, _ = clustered(2)
    turned = positions @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    share = adjusted_rand_score(found(name, positions).cluster, found(name, turned).cluster)
    # Grids begin at another corner, and PTNET1 learnt nothing of directions.
    assert share > (0.9 if name in ("kde", "focal", "pointnet") else 0.995)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
@pytest.mark.parametrize(("name", "n_dimensions"), KINDS)
def test_next_to_nothing_is_never_refused(name: str, n_dimensions: int, n: int) -> None:
    even = np.random.default_rng(n).uniform(0, 1, (n, n_dimensions))
    images = [even * 2_000, even * 30, even * 0 + 500, even * 500 * [1, *[0] * (n_dimensions - 1)]]
    for positions in images:
        for region in (None, Region.rectangle(0, 0, 2_000, 2_000)):
            with warnings.catch_warnings(record=True) as noted:
                warnings.simplefilter("always")
                found = run_method(name, Localizations(positions, region=region))
            assert len(found.cluster) == n
            if n < 3:
                assert found.n_clusters == 0
            if noted:
                assert found.n_clusters == 0
                (one,) = noted
                assert one.category is NothingFoundWarning
                assert str(one.message).startswith(f"{name} could not look for clusters: ")
        if n == 0:
            assert noted


@pytest.mark.parametrize("name", ["getis-franklin", "bayesian"])
def test_a_radius_that_was_chosen_is_refused_and_a_default_is_not(name: str) -> None:
    positions = np.random.default_rng(0).uniform(0, 50, (30, 2))
    radius = {"getis-franklin": "radius_nm", "bayesian": "radius_max_nm"}[name]
    with pytest.warns(NothingFoundWarning, match=f"{radius} is .* nm, and the region's shorter"):
        assert run_method(name, positions).cluster.tolist() == [-1] * 30
    with pytest.raises(InputError, match=f"{radius} is 40 nm, and the region's shorter side only"):
        run_method(name, positions, {radius: 40.0})


@pytest.mark.parametrize("name", SUITED)
def test_what_is_not_finite_is_in_no_cluster_and_changes_nothing(name: str) -> None:
    positions, _ = clustered(3)
    holed = np.insert(positions, [0, 7, 7], [np.nan, np.inf], axis=0)
    segmentation = found(name, Localizations(holed))
    lost = ~np.isfinite(holed).all(axis=1)
    assert (segmentation.cluster[lost] == -1).all()
    assert segmentation.cluster[~lost].tolist() == found(name, positions).cluster.tolist()


@pytest.mark.parametrize("name", SUITED)
def test_what_lies_outside_the_region_is_in_no_cluster_and_changes_nothing(name: str) -> None:
    positions, _ = clustered(5)
    region = Region.rectangle(0, 0, 2_000, 2_000)
    inside = region.contains(positions)
    far = np.random.default_rng(5).uniform(2_500, 2_700, (1_500, 2))
    both = Localizations(np.vstack([far, positions]), region=region)
    alone = found(name, Localizations(positions, region=region)).cluster
    segmentation = found(name, both)
    assert (segmentation.cluster[:1_500] == -1).all()
    assert segmentation.cluster[1_500:].tolist() == alone.tolist()
    assert (alone[~inside] == -1).all()
    assert alone.max() >= 7


def test_dimensions_that_a_method_does_not_know_are_refused() -> None:
    message = r"for 2D and these .* 3D: .* a table without its column, in Python by .*projected\(\)"
    with pytest.raises(InputError, match=message):
        run_method("pointnet", np.zeros((200, 3)))


@pytest.mark.filterwarnings("ignore:the scores are such as chance gives")
@pytest.mark.filterwarnings("ignore:.* could not look for clusters")
@pytest.mark.parametrize("name", SUITED)
@pytest.mark.parametrize("kind", ["line", "same", "lattice"])
def test_ties_everywhere_end_well(name: str, kind: str) -> None:
    grid = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), axis=-1).reshape(-1, 2) * 100
    positions = {"line": grid * [1, 0], "same": grid * 0 + 5, "lattice": grid}[kind]
    segmentation = found(name, np.vstack([positions, positions[::3]]))
    twins = segmentation.cluster[len(positions) :]
    assert twins.tolist() == segmentation.cluster[: len(positions) : 3].tolist()


@pytest.mark.filterwarnings("ignore:.* could not look for clusters")
@pytest.mark.parametrize("parameters", ["default", "suited"])
@pytest.mark.parametrize(("name", "n_dimensions"), KINDS)
def test_one_position_is_no_cluster_however_often(
    name: str, n_dimensions: int, parameters: str
) -> None:
    chosen = SUITED[name] if parameters == "suited" else {}
    for region in (None, Region.rectangle(0, 0, 2_000, 2_000)):
        stack = Localizations(np.full((60, n_dimensions), 1_000.0), region=region)
        assert run_method(name, stack, chosen).n_clusters == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SUITED)
def test_twins_share_a_cluster(name: str, seed: int) -> None:
    positions, _ = clustered(seed)
    rng = np.random.default_rng(seed)
    again = rng.integers(0, len(positions), 200)
    both = np.vstack([positions, positions[again]])
    order = rng.permutation(len(both))
    cluster = np.empty(len(both), dtype=np.int64)
    cluster[order] = found(name, both[order]).cluster
    assert cluster.max() >= 3
    assert np.array_equal(cluster[len(positions) :], cluster[again])


@pytest.mark.parametrize("name", SUITED)
def test_inputs_are_left_as_they_were(name: str) -> None:
    positions, _ = clustered(4)
    before = positions.copy()
    found(name, positions)
    assert np.array_equal(positions, before)


@pytest.mark.parametrize("name", SUITED)
def test_parameters_are_typed_and_can_be_written(name: str) -> None:
    known = method_parameters(name)
    assert known
    assert all(one.default is not inspect.Parameter.empty for one in known.values())
    for key, one in known.items():
        choices = typing.get_args(one.annotation) if "Literal" in str(one.annotation) else ()
        text = choices[0] if choices else "3"
        assert parse_parameters(name, [f"{key}={text}"])[key] == (text if choices else 3)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["eps_nm"], "a parameter is written NAME=VALUE, got 'eps_nm'"),
        (["eps=3"], "dbscan has no parameter 'eps'; it has: eps_nm, min_samples"),
        (["eps_nm=a"], "eps_nm is a number, got 'a'"),
        (["min_samples=2.5"], "min_samples is a whole number, got '2.5'"),
        (["eps_nm=3", "eps_nm=4"], "eps_nm is given twice"),
    ],
)
def test_parameters_that_cannot_be_read_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_parameters("dbscan", texts)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("dbscan", {"eps_nm": -3.0}, "eps_nm must be a number of nm above 0, got -3"),
        ("dbscan", {"min_samples": 0}, "min_samples must be a whole number of at least 1, got 0"),
        (
            "dbscan",
            {"min_samples": 2.5},
            "min_samples must be a whole number of at least 1, got 2.",
        ),
        ("dbscan", {"eps_nm": "20"}, "eps_nm is a number, got '20'"),
        ("dbscan", {"eps_nm": np.nan}, "eps_nm must be a number of nm above 0, got nan"),
        ("hdbscan", {"min_cluster_size": 1}, "min_cluster_size must be a whole number of at least"),
        ("hdbscan", {"min_cluster_size": None}, "min_cluster_size is a number, got None"),
        ("hdbscan", {"cluster_selection_method": "all"}, "is one of eom, leaf, got 'all'"),
        ("optics", {"xi": 1.0}, "xi must be a number above 0 and below 1, got 1"),
        ("optics", {"max_eps_nm": np.nan}, "max_eps_nm must be a number of nm above 0, got nan"),
        ("tomato", {"radius_nm": 0.0}, "radius_nm must be a number of nm above 0, got 0"),
        ("tomato", {"persistence": 0}, "persistence must be a whole number of at least 1, got 0"),
        ("getis-franklin", {"link_nm": np.inf}, "link_nm must be a number of nm above 0, got inf"),
        ("bayesian", {"p_background": 1.0}, "p_background must be a number between 0 and 1, got 1"),
        (
            "bayesian",
            {"radius_step_nm": 301.0},
            "radius_max_nm must be 1 to 10,000 times radius_st",
        ),
        ("voronoi", {"level": 3}, r"level is 1 \(objects\) or 2 \(clusters in objects\), got 3"),
        ("voronoi", {"min_area_nm2": -1.0}, "min_area_nm2 must be an area of at least 0 nm²"),
        ("kde", {"density_factor": 0.0}, "density_factor must be a number above 0, got 0"),
        ("focal", {"grid_nm": -1.0}, "grid_nm must be a number of nm above 0, got -1"),
        ("focal", {"min_l": 0}, "min_l must be a whole number of at least 1, got 0"),
        ("dominant-sets", {"min_cohesiveness": 1.0}, "min_cohesiveness must be from 0 to below 1"),
        ("dominant-sets", {"min_localizations": 1}, "min_localizations must be a whole number of"),
        ("pointnet", {"threshold": 1.5}, "threshold must be from 0 to 1, got 1.5"),
        ("pointnet", {"prior": "none"}, "prior is one of auto, image, balanced, got 'none'"),
    ],
)
def test_parameters_out_of_range_are_refused_before_anything_is_looked_at(
    name: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        checked_parameters(name, parameters)


@pytest.mark.parametrize("name", SUITED)
def test_defaults_and_what_suits_pass_the_check(name: str) -> None:
    defaults = {key: one.default for key, one in method_parameters(name).items()}
    assert checked_parameters(name, {}) == defaults
    assert checked_parameters(name, SUITED[name]) == defaults | SUITED[name]


def test_names_that_are_none_are_told_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"no method is called 'dbscam'; there are: dbscan, "):
        run_method("dbscam", np.zeros((3, 2)))
    with pytest.raises(InputError, match="hdbscan has no parameter 'eps_nm'"):
        run_method("hdbscan", np.zeros((3, 2)), {"eps_nm": 3})
    with pytest.raises(InputError, match="cluster_selection_method is one of eom, leaf"):
        parse_parameters("hdbscan", ["cluster_selection_method=all"])


@pytest.mark.parametrize("name", ["hdbscan", "optics"])
def test_a_million_is_refused_where_time_grows_with_its_square(name: str) -> None:
    positions = np.random.default_rng(0).uniform(0, 1e5, (1_000_000, 2))
    with pytest.raises(InputError, match=r"would take about .* and \d+ (minutes|hours) for 1,000,"):
        run_method(name, positions)


# A million in ten thousand clusters, of which each has all of its pairs within reach.
BLOWN_UP: dict[str, dict[str, Any]] = {
    "dbscan": {"eps_nm": 50_000.0},
    "tomato": {"radius_nm": 50_000.0},
    "getis-franklin": {"radius_nm": 50_000.0},
    "focal": {"grid_nm": 1.0},
    "dominant-sets": {"scale_nm": 300.0},
}


@pytest.mark.parametrize("name", BLOWN_UP)
def test_what_would_blow_up_is_refused_in_seconds(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from caml import _cost

    monkeypatch.setattr(_cost, "memory_bytes", lambda: 2 << 30)
    rng = np.random.default_rng(0)
    centres = rng.uniform(0, 1e5, (20_000, 1, 2))
    positions = (centres + rng.normal(0, 50, (20_000, 50, 2))).reshape(-1, 2)
    began = time.perf_counter()
    with pytest.raises(
        InputError, match=r"would take about [\d,]+ [GM]B of memory and [\d,]+ .* for"
    ):
        run_method(name, positions, BLOWN_UP[name])
    # Of a few seconds at most; the pairs alone take minutes.
    assert time.perf_counter() - began < 30


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_pixels_never_say_that_dominant_sets_take_longer_than_they_do(n_dimensions: int) -> None:
    module = importlib.import_module("caml.methods.dominant_sets")
    for seed in range(5):
        positions, _ = clustered(seed, n_dimensions=n_dimensions)
        near = cdist(positions, positions) <= 60
        np.fill_diagonal(near, False)
        component = connected_components(near, directed=False)[1]
        exact = (np.bincount(component, near.sum(axis=1)) * np.bincount(component)).sum()
        told = module._least_seconds(positions, 60.0) / module.SECONDS
        assert 0.02 * exact < told <= exact
