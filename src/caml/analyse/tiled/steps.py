"""The steps of the method on one tile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse.csgraph

from caml._arrays import BoolArray, FloatArray, IntArray
from caml._chain import SMALLEST
from caml._machine import compiler_is_loaded, memory_bytes
from caml.analyse.tiled.beyond import beyond
from caml.analyse.tiled.hood import Extra, Hood, Tiles
from caml.analyse.tiled.plan import Plan
from caml.analyse.tiled.store import Store
from caml.classify import labels
from caml.errors import InputError, WorkersError
from caml.models import Model, load_model
from caml.neighbours import Neighbours, NeighbourSearch
from caml.prior import Prior, choose_prior, score_histogram, threshold_under
from caml.segment import Runs, by_descending_score, drop_small, find_runs, is_cut, join_runs

__all__ = ["Work", "classify_tile", "join_seam", "join_tile", "walk_tile"]

# The first margin is so many times the distance within which k neighbours are expected.
MARGIN = 2.0
# The margin is widened for more than so many, and for more than this share of a tile.
FEW = 1_000
FEW_SHARE = 0.02
# Runs are taken of so many localizations at a time.
BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Work:
    """What every step of one run is told.

    Parameters
    ----------
    store : Store
        Where all items are.
    model : str
        The network's name or file.
    sha256 : str
        Of its weights.
    threshold : float
        A probability of at least this is clustered.
    prior : {"auto", "image", "balanced"} or float
        The share of the clustered that labels assume.
    """

    store: Store
    model: str
    sha256: str
    threshold: float
    prior: Prior

    @property
    def network(self) -> Model:
        """The network."""
        return _network(self.model, self.sha256)

    @property
    def plan(self) -> Plan:
        """The division into tiles."""
        return Plan.load(self.store)

    @property
    def tiles(self) -> Tiles:
        """Where the tiles are."""
        return _tiles(self.store)


@lru_cache(maxsize=2)
def _network(model: str, sha256: str) -> Model:
    network = load_model(Path(model) if model.lower().endswith(".onnx") else model)
    if network.card.sha256 != sha256:
        raise WorkersError(
            f"the network {model} is another one for this worker than it was when the run began: "
            "all workers need the same, and it must not change while they work"
        )
    return network


@lru_cache(maxsize=2)
def _tiles(store: Store) -> Tiles:
    return Tiles.load(store, Plan.load(store).n_tiles)


def classify_tile(work: Work, number: int) -> None:
    """Give the localizations of a tile their scores.

    One is classified for good when everything nearer than its k-th neighbour is known to have been
    looked at. For many that are not, the margin is widened; the neighbours of a few, such as a
    localization far from all others, are looked for one by one, wherever they are.

    Parameters
    ----------
    work : Work
        The run.
    number : int
        Which tile.
    """
    network, store, tiles = work.network, work.store, work.tiles
    card = network.card
    n_own = len(store.load("tile", number, "row"))
    margin = MARGIN * _reach(np.array(store.load("tile", number, "positions")), card.k)
    shape = (n_own,) if len(card.labels) == 2 else (n_own, len(card.labels))
    score = np.full(shape, np.nan, dtype=np.float32)
    pending = np.ones(n_own, dtype=bool)
    extra: Extra | None = None
    while True:
        hood = Hood.around(store, tiles, number, margin, extra)
        search = NeighbourSearch(hood.positions)
        own = hood.own[search.rows]
        # Where in the tile each distinct position is, if it is the tile's.
        place = (np.cumsum(hood.own) - 1)[search.rows]
        open_ = _classify(network, search, own & pending[place], place, hood, score)
        if not open_.any() or hood.is_everything or extra is not None:
            break
        pending[:] = False
        pending[place[open_]] = True
        if open_.sum() > max(FEW, FEW_SHARE * n_own):
            margin *= 2
            continue
        extra = beyond(store, tiles, hood, search.positions, search.positions[open_], card.k)
        if not len(extra[0]):
            break
    # All that share a position get what its first did.
    first = np.full((len(search), *shape[1:]), np.nan, dtype=np.float32)
    first[own] = score[place[own]]
    every = search.expand(first, np.nan)[hood.own]
    store.save(
        "score",
        number,
        score=every,
        histogram=score_histogram(every) if every.ndim == 1 else np.zeros(0, dtype=np.int64),
        first=place[own],
        margin=np.array(margin),
        extra=np.stack(extra) if extra is not None else np.empty((2, 0), dtype=np.int64),
    )


def label_tile(work: Work, number: int) -> None:
    """Give the localizations of a tile their labels.

    Parameters
    ----------
    work : Work
        The run; every tile is scored.
    number : int
        Which tile.
    """
    store = work.store
    score = np.array(store.load("score", number, "score"))
    share = 0.5
    if score.ndim == 1:
        histograms = [store.load("score", i, "histogram") for i in range(work.plan.n_tiles)]
        histogram = np.sum(histograms, axis=0)
        by_chance = work.network.card.share_by_chance(int(histogram.sum()))
        share = choose_prior(work.prior, histogram, by_chance)
    label = labels(score, threshold_under(work.threshold, share))
    first = np.array(store.load("score", number, "first"))
    store.save(
        "label",
        number,
        label=label,
        prior=np.array(share),
        counts=np.array([len(first), (label[first] > 0).sum()]),
    )


def _reach(positions: FloatArray, k: int) -> float:
    """Guess within what distance k neighbours are, were a tile evenly filled."""
    if not len(positions):
        return 1.0
    # Some may be far from all others.
    low, high = np.quantile(positions, (0.05, 0.95), axis=0)
    n_within = int(((positions >= low) & (positions <= high)).all(axis=1).sum())
    volume = float(np.prod(np.maximum(high - low, 1.0)))
    return float((volume * (k + 1) / max(n_within, 1)) ** (1 / positions.shape[1]))


def _classify(
    network: Model,
    search: NeighbourSearch,
    wanted: BoolArray,
    place: IntArray,
    hood: Hood,
    score: npt.NDArray[np.float32],
) -> BoolArray:
    """Score distinct positions, each in its place; return for which that is not certain yet."""
    k = network.card.k
    if len(search) <= k:
        return wanted
    # What rounds to a distance in single precision may be a little nearer or further.
    certain = hood.certain()[search.rows] * (1 - 1e-6)
    open_ = np.zeros(len(search), dtype=bool)

    def predict(subset: IntArray, near: Neighbours) -> None:
        score[place[subset]] = network.score(near, search.positions, subset)
        open_[subset] = near.distances[:, -1] >= certain[subset]

    for _ in search.chunks(k, predict, indices=network.input.of_coordinates, wanted=wanted):
        pass
    return open_


def walk_tile(work: Work, number: int) -> None:
    """Find the runs of a tile's localizations, and which of them other tiles have a part in.

    Localizations whose runs share a member act on each other; what is connected so, and only
    through the tile's own, is joined within the tile. Everything else is open.

    Parameters
    ----------
    work : Work
        The run; every tile is classified.
    number : int
        Which tile.
    """
    store = work.store
    counts = [store.load("label", i, "counts") for i in range(work.plan.n_tiles)]
    n_distinct, n_clustered = np.sum(counts, axis=0).tolist()
    margin = float(store.load("score", number, "margin"))
    extra = store.load("score", number, "extra")
    hood = Hood.around(store, work.tiles, number, margin, (extra[0], extra[1]))
    search = NeighbourSearch(hood.positions)
    own = hood.own[search.rows]
    label = hood.take("label", "label")[search.rows]
    k = min(work.network.card.k, n_distinct - 1)
    cut = is_cut(n_clustered, n_distinct)
    n = len(search)
    runs = Runs(np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int32), *_no_members())
    if k >= SMALLEST:
        runs = _take(find_runs(search, label, k, cut=cut, wanted=own), np.arange(n))
    n_components, component = _components(runs)
    foreign = np.unique(runs.member[~own[runs.member]])
    is_open = np.zeros(n_components, dtype=bool)
    is_open[component[foreign]] = True
    store.save(
        "walk",
        number,
        row=hood.row[search.rows],
        own=own,
        label=label,
        begin=runs.begin,
        n_members=runs.n_members,
        member=runs.member,
        distance=runs.distance,
        component=component.astype(np.int32),
        is_open=is_open,
        touched_row=hood.row[search.rows[foreign]],
        touched_tile=work.plan.tile(search.positions[foreign]),
    )


def join_tile(work: Work, number: int) -> None:
    """Join what is a tile's alone into clusters, and hand on what is open.

    Parameters
    ----------
    work : Work
        The run; the runs of every tile are known.
    number : int
        Which tile.
    """
    store = work.store
    row, own, label, begin, n_members, member, distance, component, is_open = (
        np.array(store.load("walk", number, name))
        for name in (
            "row", "own", "label", "begin", "n_members", "member", "distance", "component",
            "is_open",
        )
    )  # fmt: skip
    touched = [
        np.array(store.load("walk", other, "touched_row"))[
            np.array(store.load("walk", other, "touched_tile")) == number
        ]
        for other in range(work.plan.n_tiles)
        if other != number
    ]
    if touched:
        is_open[component[np.searchsorted(row, np.concatenate(touched))]] = True
    # Of the tile itself: its rows, and of each its first twin's place among the distinct.
    tile_row = np.array(store.load("tile", number, "row"))
    positions = np.array(store.load("tile", number, "positions"))
    score = np.array(store.load("score", number, "score"))
    confidence = score if score.ndim == 1 else score[:, 1:].max(axis=1)
    itself = NeighbourSearch(positions)
    place = np.searchsorted(row, tile_row[itself.rows])
    first = np.full(len(row), -1)
    first[place] = itself.rows
    clustered = own & (label > 0)
    runs = Runs(begin, n_members, member, distance)

    def in_turn(which: BoolArray) -> IntArray:
        some = np.flatnonzero(which)
        at = first[some]
        return some[by_descending_score(confidence[at], positions[at])]

    cluster, founder = join_runs(in_turn(clustered & ~is_open[component]), runs)
    cluster = drop_small(cluster)
    handed = np.flatnonzero(clustered & is_open[component])
    handed_on = _take(runs, handed)
    is_handed = np.zeros(len(row), dtype=bool)
    is_handed[handed] = True
    twins = np.flatnonzero(is_handed[place][itself.twin])
    store.save(
        "join",
        number,
        cluster=cluster[place][itself.twin],
        founder_score=confidence[first[founder]],
        founder_position=positions[first[founder]],
        open_row=row[handed],
        open_score=confidence[first[handed]],
        open_position=positions[first[handed]],
        open_n_members=n_members[handed],
        open_member_row=row[handed_on.member],
        open_distance=handed_on.distance,
        twin=twins,
        twin_row=row[place][itself.twin[twins]],
    )


def join_seam(work: Work, number: int) -> None:
    """Join what several tiles have a part in.

    Parameters
    ----------
    work : Work
        The run; every tile has joined what is its own.
    number : int
        Always 0; there is one seam.
    """
    store, tiles = work.store, range(work.plan.n_tiles)
    row, score, position, n_members = (
        np.concatenate([store.load("join", i, f"open_{name}") for i in tiles])
        for name in ("row", "score", "position", "n_members")
    )
    in_order = np.argsort(row)
    length = n_members.astype(np.int64)
    _check_memory(len(row), int(length.sum()))
    member = np.empty(length.sum(), dtype=np.int32)
    distance = np.concatenate([store.load("join", i, "open_distance") for i in tiles])
    # 4 bytes a row of the table, and no search for each of the many members.
    place = np.full(int(row.max(initial=-1)) + 1, -1, dtype=np.int32)
    place[row] = np.arange(len(row))
    end = 0
    for i in tiles:
        member_row = store.load("join", i, "open_member_row")
        start, end = end, end + len(member_row)
        member[start:end] = place[member_row]
    runs = Runs(np.cumsum(length) - length, n_members, member, distance)
    cluster, founder = join_runs(by_descending_score(score, position), runs)
    cluster = drop_small(cluster)
    store.save(
        "seam",
        number,
        row=row[in_order],
        cluster=cluster[in_order],
        founder_score=score[founder],
        founder_position=position[founder],
    )


def _no_members() -> tuple[IntArray, FloatArray]:
    return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)


def _take(runs: Runs, which: IntArray) -> Runs:
    """Take the runs of some localizations, one after the other."""
    length = runs.n_members[which].astype(np.int64)
    end = np.cumsum(length)
    begin = end - length
    member = np.empty(length.sum(), dtype=runs.member.dtype)
    distance = np.empty(len(member) if len(runs.distance) else 0, dtype=runs.distance.dtype)
    # Some at a time: their places take six times as much memory as they do.
    for first in range(0, len(which), BLOCK):
        some = slice(first, first + BLOCK)
        shift = np.repeat(runs.begin[which[some]] - begin[some], length[some])
        start, stop = (int(begin[first]), int(end[some][-1]))
        place = shift + np.arange(start, stop)
        member[start:stop] = runs.member[place]
        if len(distance):
            distance[start:stop] = runs.distance[place]
    return Runs(begin, runs.n_members[which], member, distance)


def _components(runs: Runs) -> tuple[int, IntArray]:
    """Find what hangs together because runs share members."""
    n = len(runs.begin)
    if compiler_is_loaded():
        from caml._chain_compiled import components

        return components(runs.begin, runs.n_members, runs.member)
    ends = np.append(runs.begin, len(runs.member))
    links = scipy.sparse.csr_matrix((np.ones(len(runs.member), np.int8), runs.member, ends), (n, n))
    return scipy.sparse.csgraph.connected_components(links, directed=False)


def _check_memory(n_open: int, n_members: int) -> None:
    """Refuse to join more across tiles than this machine can hold."""
    needed = 60 * n_open + 12 * n_members
    if needed > memory_bytes():
        raise InputError(
            f"{n_open:,} clustered localizations hang together across tiles, as they do where "
            f"nearly all localizations are clustered: to join them takes {needed / 1e9:.0f} GB of "
            f"memory, and this machine has {memory_bytes() / 1e9:.0f}. Analyse regions of the "
            "table (--region), or take a machine with more memory and go on with --resume"
        )
