"""Labels become clusters: which localizations belong together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from caml._arrays import BoolArray, IntArray
from caml.classify import Classification
from caml.errors import InputError
from caml.localizations import Localizations, as_positions
from caml.neighbours import CHUNK, NeighbourSearch

__all__ = ["METHODS", "Segmentation", "nearest_neighbour_chain", "renumber", "segment"]


# Fewer localizations than this are no cluster (method: "fewer than 3 in that run").
SMALLEST = 3
# A run is only cut at an outlying step where nearly everything is clustered.
CUT_ABOVE = 0.95
OUTLYING = 5
# Most runs end early: so many neighbours are looked at first, all k where that is not enough.
WINDOW = 16


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

    Raises
    ------
    InputError
        If ids have gaps or another type, or lengths do not agree.
    """

    cluster: IntArray
    label: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    outlines: npt.NDArray[np.object_] = field(default_factory=_no_outlines)
    volumes_nm3: npt.NDArray[np.floating[Any]] = field(default_factory=lambda: np.empty(0))

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
    # Chance of saturated scores: equal ones are told apart by position, so that the order of the
    # table's rows does not matter.
    keys = (*search.positions.T[::-1], -classification.confidence[search.rows])
    order = np.lexsort(keys)
    order = order[label[order] > 0]
    cluster = METHODS[method](search, label, order, min(k, len(search) - 1))
    cluster, _ = renumber(_drop_small(cluster))
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

    This is one pass over localizations by its nature; here it is the same result from whole-array
    steps. Who is demoted depends only on higher scores, so that repeating all decisions at once
    until none changes gives each its final one. Ids are resolved in blocks of the order, see
    `_take_ids`.
    """
    rank = np.full(len(label), len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    cut = len(order) > CUT_ABOVE * len(label)
    demoted = _demoted(search, label, order, rank, k, cut=cut)
    cluster = np.full(len(label), -1, dtype=np.int64)
    takers = order[~demoted[order]]
    n_ids = 0
    for start in range(0, len(takers), CHUNK):
        block = takers[start : start + CHUNK]
        step, member = _runs(search, block, label, rank, demoted, k, cut=cut)
        n_ids = _take_ids(cluster, step, member, len(block), n_ids)
    cluster[demoted] = -1
    return cluster


METHODS = {"nearest_neighbour_chain": nearest_neighbour_chain}


def _demoted(
    search: NeighbourSearch,
    label: IntArray,
    order: IntArray,
    rank: IntArray,
    k: int,
    *,
    cut: bool,
) -> BoolArray:
    """Tell which clustered localizations have a run of fewer than three."""
    demoted = np.zeros(len(label), dtype=bool)
    if k < SMALLEST:
        demoted[order] = True
        return demoted
    blocks = [order[start : start + CHUNK] for start in range(0, len(order), CHUNK)]
    # Whether the three nearest join is all that matters, unless a run may be cut short by steps
    # further out.
    nearest = [] if cut else [search.query(block, SMALLEST).indices for block in blocks]
    while True:
        before = demoted.copy()
        for number, block in enumerate(blocks):
            if cut:
                step, _ = _runs(search, block, label, rank, demoted, k, cut=True)
                demoted[block] = np.bincount(step, minlength=len(block)) <= SMALLEST
            else:
                joins = _joins(nearest[number], block, label, rank, demoted)
                demoted[block] = ~joins.all(axis=1)
        if (demoted == before).all():
            return demoted


def _joins(
    indices: IntArray, own: IntArray, label: IntArray, rank: IntArray, demoted: BoolArray
) -> BoolArray:
    """Tell which neighbours have the label of their localization when its turn comes."""
    same = label[indices] == label[own, None]
    return np.asarray(same & ~(demoted[indices] & (rank[indices] < rank[own, None])))


def _runs(
    search: NeighbourSearch,
    block: IntArray,
    label: IntArray,
    rank: IntArray,
    demoted: BoolArray,
    k: int,
    *,
    cut: bool,
) -> tuple[IntArray, IntArray]:
    """Return the runs of a block of localizations as pairs of step and member, itself first."""
    steps, members = [np.arange(len(block))], [block]
    todo = np.arange(len(block))
    for window in (k,) if cut else (min(WINDOW, k), k):
        near = search.query(block[todo], window)
        joins = _joins(near.indices, block[todo], label, rank, demoted)
        length = np.where(joins.all(axis=1), window, joins.argmin(axis=1))
        if cut:
            length = _cut_short(near.distances, length)
        # Those whose run fills the window are looked at again with all k neighbours.
        done = (length < window) | (window == k)
        taken = np.arange(window) < length[:, None]
        taken[~done] = False
        steps.append(np.repeat(todo, taken.sum(axis=1)))
        members.append(near.indices[taken])
        todo = todo[~done]
        if len(todo) == 0:
            break
    return np.concatenate(steps), np.concatenate(members)


def _cut_short(distances: npt.NDArray[np.floating[Any]], length: IntArray) -> IntArray:
    """Cut each run after the neighbour from which on the next step is outlying."""
    steps = np.diff(distances, axis=1)
    steps[np.arange(1, distances.shape[1]) >= length[:, None]] = np.nan
    short = length.copy()
    several = length > 1
    of_run = steps[several]
    deviation = np.abs(of_run - np.nanmedian(of_run, axis=1, keepdims=True))
    outlying = deviation > OUTLYING * np.nanmedian(deviation, axis=1, keepdims=True)
    short[several] = np.where(outlying.any(axis=1), outlying.argmax(axis=1) + 1, length[several])
    return short


def _take_ids(cluster: IntArray, step: IntArray, member: IntArray, n_steps: int, n_ids: int) -> int:
    """Let the steps of a block take ids, one after the other, and write them to `cluster`.

    Each step gives all its members the lowest id that any of them has, or a new one. The id a
    member has is that of the last step before which had the same member; so a step's id is the
    lowest among those it can be traced back to. Steps pass ids on to the next that share a member
    until nothing changes; following one ancestor at twice the distance each time (`ancestor`)
    takes the logarithm of the longest chain of steps instead of its length.

    Returns the number of ids given so far.
    """
    by_member = np.lexsort((step, member))
    step, member = step[by_member], member[by_member]
    is_first = np.r_[True, member[1:] != member[:-1]]
    none = np.iinfo(np.int64).max
    had = cluster[member[is_first]]
    value = np.full(n_steps, none)
    known = had >= 0
    np.minimum.at(value, step[is_first][known], had[known])
    later = np.flatnonzero(~is_first)
    source, target = step[later - 1], step[later]
    # Every step passes an id on, so that only those without a known id and without a step before
    # them start a new cluster.
    is_new = value == none
    is_new[target] = False
    value[is_new] = n_ids + np.arange(is_new.sum())
    ancestor = np.arange(n_steps)
    ancestor[target] = source
    while True:
        before = value.copy()
        np.minimum.at(value, target, value[source])
        np.minimum(value, value[ancestor], out=value)
        ancestor = ancestor[ancestor]
        if (value == before).all():
            break
    is_last = np.r_[member[1:] != member[:-1], True]
    cluster[member[is_last]] = value[step[is_last]]
    return n_ids + int(is_new.sum())


def _drop_small(cluster: IntArray) -> IntArray:
    """Take the id from clusters of fewer than three."""
    counts = np.bincount(cluster[cluster >= 0], minlength=1)
    small = (cluster >= 0) & (counts[cluster] < SMALLEST)
    return np.where(small, -1, cluster)
