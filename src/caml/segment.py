"""Labels become clusters: which localizations belong together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from caml._arrays import BoolArray, FloatArray, IntArray
from caml._chain import SMALLEST, join
from caml._machine import compiler_is_loaded, pays_to_compile
from caml.classify import Classification
from caml.errors import InputError
from caml.localizations import Localizations, as_positions
from caml.neighbours import Neighbours, NeighbourSearch

__all__ = ["METHODS", "Segmentation", "nearest_neighbour_chain", "renumber", "segment"]


# A run is only cut at an outlying step where nearly everything is clustered.
CUT_ABOVE = 0.95


def _no_outlines() -> npt.NDArray[np.object_]:
    return np.empty(0, dtype=object)


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Which cluster each localization belongs to, and what each cluster is.

    Parameters
    ----------
    cluster : array-like of shape (n_localizations,)
        Cluster ids: 0 to n_clusters − 1 without a gap, −1 for none.
    label : array-like of shape (n_clusters,), optional
        The label of each cluster's localizations (1 clustered, 2… other kinds); 1 by default.
    outlines : ndarray of shape (n_clusters,) of shapely geometries, optional
        The outline of each cluster in x and y, nm; empty until `caml.outline` made them.
    volumes_nm3 : ndarray of shape (n_clusters,), optional
        The volume of each cluster, nm³; empty in 2D and until `caml.outline` measured them.
    made_by : str, default ""
        What made the clusters and with which parameters, where it chose some by itself.

    Raises
    ------
    InputError
        If ids have gaps or another type, or lengths do not agree.
    """

    cluster: IntArray
    label: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    outlines: npt.NDArray[np.object_] = field(default_factory=_no_outlines)
    volumes_nm3: npt.NDArray[np.floating[Any]] = field(default_factory=lambda: np.empty(0))
    made_by: str = ""

    def __post_init__(self) -> None:
        """Check ids and lengths."""
        cluster = np.asarray(self.cluster)
        if cluster.ndim != 1 or (cluster.size and not np.issubdtype(cluster.dtype, np.integer)):
            raise InputError(
                "cluster ids must be whole numbers, one per localization, −1 for none; got shape "
                f"{cluster.shape} of {cluster.dtype}"
            )
        cluster = cluster.astype(np.int64)
        n_clusters = int(cluster.max(initial=-1)) + 1
        counts = np.bincount(cluster[cluster >= 0], minlength=n_clusters)
        if cluster.min(initial=-1) < -1 or not counts.all():
            raise InputError(
                "cluster ids must run from 0 to n_clusters − 1 without a gap, −1 for none; use "
                "caml.renumber for ids of another kind"
            )
        label = np.asarray(self.label, dtype=np.int64)
        label = label if label.size else np.ones(n_clusters, dtype=np.int64)
        faults = [
            f"{name} has {len(values)} values"
            for name, values in (
                ("label", label),
                ("outlines", self.outlines),
                ("volumes_nm3", self.volumes_nm3),
            )
            if len(values) not in ({n_clusters} if name == "label" else {0, n_clusters})
        ]
        if faults:
            raise InputError(f"one value per cluster is needed, {n_clusters} here; {faults}")
        object.__setattr__(self, "cluster", cluster)
        object.__setattr__(self, "label", label)

    @property
    def n_clusters(self) -> int:
        """How many clusters there are."""
        return len(self.label)

    @property
    def has_outlines(self) -> bool:
        """Whether outlines were made; a segmentation without clusters needs none."""
        return len(self.outlines) == self.n_clusters


def renumber(cluster: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """Renumber clusters from 0 without a gap, in the order of their old ids.

    Parameters
    ----------
    cluster : array-like of shape (n_localizations,)
        Whole numbers; every negative one means no cluster.

    Returns
    -------
    cluster : ndarray of shape (n_localizations,)
        The new ids, −1 for none.
    old : ndarray of shape (n_clusters,)
        The old id of each new one.

    Examples
    --------
    >>> renumber([7, -1, 3, 7])[0].tolist()
    [1, -1, 0, 1]
    """
    ids = np.asarray(cluster)
    inside = ids >= 0
    old, new = np.unique(ids[inside], return_inverse=True)
    numbered = np.full(ids.shape, -1, dtype=np.int64)
    numbered[inside] = new
    return numbered, old


def segment(
    localizations: Localizations | npt.ArrayLike,
    classification: Classification,
    *,
    method: str = "nearest_neighbour_chain",
    k: int = 100,
    search: NeighbourSearch | None = None,
) -> Segmentation:
    """Join clustered localizations into clusters.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        What was classified.
    classification : Classification
        Their scores and labels.
    method : str, default "nearest_neighbour_chain"
        Which of `METHODS`.
    k : int, default 100
        How many neighbours of a localization may join its cluster at once; the paper takes as many
        as the network looks at.
    search : NeighbourSearch, optional
        Of these localizations, where it was made before.

    Returns
    -------
    Segmentation
        Clusters of at least three localizations at different positions, numbered by their
        localizations of highest score.

    Raises
    ------
    InputError
        If lengths do not agree or there is no such method.
    """
    positions = as_positions(localizations)
    if len(classification.label) != len(positions):
        raise InputError(
            f"{len(positions)} localizations and {len(classification.label)} labels: segment takes "
            "the classification of these localizations"
        )
    if method not in METHODS:
        raise InputError(f"no method is called {method!r}; there are: {', '.join(METHODS)}")
    search = search or NeighbourSearch(positions)
    label = classification.label[search.rows]
    clustered = np.flatnonzero(label > 0)
    score = classification.confidence[search.rows[clustered]]
    order = clustered[by_descending_score(score, search.positions[clustered])]
    cluster = METHODS[method](search, label, order, min(k, len(search) - 1))
    cluster, _ = renumber(drop_small(cluster))
    members = np.flatnonzero(cluster >= 0)
    firsts = members[np.unique(cluster[members], return_index=True)[1]]
    return Segmentation(search.expand(cluster, -1), label=label[firsts])


def nearest_neighbour_chain(
    search: NeighbourSearch, label: IntArray, order: IntArray, k: int
) -> IntArray:
    """Join each clustered localization with the run of clustered neighbours nearest to it.

    Parameters
    ----------
    search : NeighbourSearch
        Of the localizations.
    label : ndarray of shape (n_distinct,)
        The label of each distinct position; above 0 is clustered.
    order : ndarray of shape (n_clustered,)
        The clustered ones, by descending score.
    k : int
        How many neighbours a run may have.

    Returns
    -------
    ndarray of shape (n_distinct,)
        Cluster ids, −1 for none; ids may have gaps.

    Notes
    -----
    Localizations are taken by descending score. Each walks its neighbours, nearest first, while
    they have its label, and stops at the first that does not. With fewer than three in that run it
    is demoted to not clustered, which those after it see. Otherwise it and its run take the lowest
    cluster id among them, or a new one. Where more than 95 % of all localizations are clustered, a
    run is also cut at its first outlying step: where the difference between one neighbour's
    distance and the next's is more than 5 median absolute deviations from the run's median
    difference (Williamson et al. 2020, Methods and Supplementary Methods). The distance to the
    first neighbour is no such difference.
    """
    if k < SMALLEST or len(order) == 0:
        return np.full(len(label), -1, dtype=np.int64)
    # Label −1 was not looked at: what lies around regions that were read alone.
    cut = is_cut(len(order), int((label >= 0).sum()))
    cluster, _ = join_runs(order, find_runs(search, label, k, cut=cut))
    return cluster


METHODS = {"nearest_neighbour_chain": nearest_neighbour_chain}


def is_cut(n_clustered: int, n_distinct: int) -> bool:
    """Tell whether so much is clustered that runs are cut at outlying steps.

    Parameters
    ----------
    n_clustered, n_distinct : int
        How many distinct positions are clustered, and how many have a label.

    Returns
    -------
    bool
        True above 95 %.
    """
    return n_clustered > CUT_ABOVE * n_distinct


class Runs(NamedTuple):
    """How far each clustered localization may walk before anything is demoted.

    Parameters
    ----------
    begin, n_members : ndarray of shape (n_distinct,)
        Where the run of each position begins in `member`, and how many members it has.
    member : ndarray of shape (n_members_of_all,)
        The neighbours of all runs, one run after the other.
    distance : ndarray of shape (n_members_of_all,) or (0,), nm
        Of the members, where runs are to be cut; empty where not.
    """

    begin: IntArray
    n_members: IntArray
    member: IntArray
    distance: FloatArray


def find_runs(
    search: NeighbourSearch,
    label: IntArray,
    k: int,
    *,
    cut: bool,
    wanted: BoolArray | None = None,
) -> Runs:
    """Find the runs of clustered localizations.

    Parameters
    ----------
    search : NeighbourSearch
        Of the localizations.
    label : ndarray of shape (n_distinct,)
        The label of each distinct position; above 0 is clustered.
    k : int
        How many neighbours a run may have.
    cut : bool
        Whether runs are to be cut, which takes their distances.
    wanted : ndarray of shape (n_distinct,), bool, optional
        Whose runs are wanted; by default those of all that are clustered.

    Returns
    -------
    Runs
        Of no members for all others.
    """

    def walk(subset: IntArray, near: Neighbours) -> tuple[IntArray, IntArray, Neighbours]:
        other = label[near.indices] != label[subset, None]
        length = np.where(other.any(axis=1), other.argmax(axis=1), k)
        taken = np.arange(k) < length[:, None]
        distances = near.distances[taken] if cut else np.empty(0, dtype=np.float32)
        return subset, length, Neighbours(distances, near.indices[taken])

    wanted = label > 0 if wanted is None else wanted & (label > 0)
    found = list(search.chunks(k, walk, indices=True, wanted=wanted)) if wanted.any() else []
    n_members = np.zeros(len(label), dtype=np.int32)
    begin = np.zeros(len(label), dtype=np.int64)
    n_before = 0
    for subset, length, _ in found:
        n_members[subset] = length
        begin[subset] = n_before + np.cumsum(length) - length
        n_before += int(length.sum())
    member = np.empty(n_before, dtype=np.int32)
    distance = np.empty(n_before if cut else 0, dtype=np.float32)
    end = n_before
    while found:
        # From the end on, so that what is copied goes.
        _, length, near = found.pop()
        start = end - int(length.sum())
        member[start:end] = near.indices
        if cut:
            distance[start:end] = near.distances
        end = start
    return Runs(begin, n_members, member, distance)


def join_runs(order: IntArray, runs: Runs) -> tuple[IntArray, IntArray]:
    """Take localizations one after the other and give them and their runs cluster ids.

    Parameters
    ----------
    order : ndarray of shape (n_clustered,)
        The clustered ones, by descending score.
    runs : Runs
        Theirs.

    Returns
    -------
    cluster : ndarray of shape (n_distinct,)
        The id of each, −1 for none; some ids may have no localization left.
    founder : ndarray of shape (n_ids,)
        The localization that each id was first given to.
    """
    cluster = np.full(len(runs.begin), -1, dtype=np.int64)
    founder = np.empty(len(order), dtype=np.int64)
    if compiler_is_loaded() or pays_to_compile(len(runs.member)):
        from caml._chain_compiled import join_arrays

        n_ids = join_arrays(order, *runs, cluster, founder)
        return cluster, founder[:n_ids]
    ids, founders = cluster.tolist(), founder.tolist()
    n_ids = join(
        order.tolist(),
        runs.begin.tolist(),
        runs.n_members.tolist(),
        runs.member.tolist(),
        runs.distance.tolist(),
        ids,
        founders,
    )
    return np.array(ids, dtype=np.int64), np.array(founders[:n_ids], dtype=np.int64)


def by_descending_score(score: npt.NDArray[np.floating[Any]], positions: FloatArray) -> IntArray:
    """Order localizations by score, equal ones by position.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Their scores.
    positions : ndarray of shape (n, 2 or 3), nm
        Where they are.

    Returns
    -------
    ndarray of shape (n,)
        Their indices, the highest score first.

    Notes
    -----
    Scores saturate: without the position, the order of the table's rows would matter.
    """
    order = np.argsort(-score)
    in_order = score[order]
    equal = in_order[1:] == in_order[:-1]
    tied = np.flatnonzero(np.append(equal, False) | np.append(False, equal))
    # Few are; a sort of all by three keys would take several times as long.
    rows = order[tied]
    order[tied] = rows[np.lexsort((*positions[rows].T[::-1], -score[rows]))]
    return order


def drop_small(cluster: IntArray) -> IntArray:
    """Take the id from clusters of fewer than three.

    Parameters
    ----------
    cluster : ndarray of shape (n_distinct,)
        Cluster ids, −1 for none.

    Returns
    -------
    ndarray of shape (n_distinct,)
        The ids of larger ones.
    """
    counts = np.bincount(cluster[cluster >= 0], minlength=1)
    small = (cluster >= 0) & (counts[cluster] < SMALLEST)
    return np.where(small, -1, cluster)
