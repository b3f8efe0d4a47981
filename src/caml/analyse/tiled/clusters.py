"""Outlines, measures and numbers of the clusters of all tiles and of the seam between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from caml._arrays import FloatArray, IntArray
from caml.analyse.tiled.divide import Image
from caml.analyse.tiled.steps import Work
from caml.analyse.tiled.store import Store
from caml.classify import Classification
from caml.describe import Columns, Description, Place, conclude, describe
from caml.localizations import Localizations, Region
from caml.outline import outline
from caml.segment import Segmentation, renumber

__all__ = ["Group", "describe_all", "describe_group", "label_tile", "number_clusters", "outlines"]


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The members of some clusters, in the table's order: a tile's own, or those of the seam.

    Parameters
    ----------
    row : ndarray of shape (n,)
        Their rows in the table.
    tile : ndarray of shape (n,)
        The tile of each.
    place : ndarray of shape (n,)
        Where each is in its tile.
    cluster : ndarray of shape (n,)
        Which of the clusters, by the number of its founder.
    founder_score : ndarray of shape (n_founders,)
        The scores of the founders.
    founder_position : ndarray of shape (n_founders, 2 or 3), nm
        Where they are.
    """

    row: IntArray
    tile: IntArray
    place: IntArray
    cluster: IntArray
    founder_score: FloatArray
    founder_position: FloatArray

    @classmethod
    def load(cls, work: Work, number: int) -> Group:
        """Collect the members of a group; that of the seam comes after those of the tiles."""
        store, n_tiles = work.store, work.plan.n_tiles
        if number < n_tiles:
            cluster = np.array(store.load("join", number, "cluster"))
            place = np.flatnonzero(cluster >= 0)
            row = np.array(store.load("tile", number, "row"))[place]
            tile = np.full(len(place), number)
            source = ("join", number)
            cluster = cluster[place]
        else:
            seam_row, seam_cluster = (
                np.array(store.load("seam", 0, n)) for n in ("row", "cluster")
            )
            rows, tiles, places, clusters = [], [], [], []
            for other in range(n_tiles):
                twin = np.array(store.load("join", other, "twin"))
                twin_row = np.array(store.load("join", other, "twin_row"))
                own = seam_cluster[np.searchsorted(seam_row, twin_row)]
                inside = own >= 0
                clusters.append(own[inside])
                places.append(twin[inside])
                rows.append(np.array(store.load("tile", other, "row"))[twin[inside]])
                tiles.append(np.full(int(inside.sum()), other))
            row, tile = np.concatenate(rows), np.concatenate(tiles)
            place, cluster = np.concatenate(places), np.concatenate(clusters)
            source = ("seam", 0)
        order = np.argsort(row, kind="stable")
        return cls(
            row[order],
            tile[order],
            place[order],
            cluster[order],
            np.array(store.load(*source, "founder_score")),
            np.array(store.load(*source, "founder_position")),
        )

    def take(self, store: Store, kind: str, name: str) -> npt.NDArray[Any]:
        """Collect what is known of each member from the items of its tile."""
        tiles = np.unique(self.tile).tolist()
        if not tiles:
            return np.array(store.load(kind, 0, name))[:0]
        parts = {i: np.array(store.load(kind, i, name)) for i in tiles}
        if len(tiles) == 1:
            return parts[tiles[0]][self.place]
        first = parts[tiles[0]]
        values = np.empty((len(self.row), *first.shape[1:]), np.result_type(*parts.values()))
        for i, part in parts.items():
            mine = self.tile == i
            values[mine] = part[self.place[mine]]
        return values


def describe_group(work: Work, image: Image, number: int) -> None:
    """Outline and measure the clusters of a tile, or of the seam.

    Parameters
    ----------
    work : Work
        The run; the seam is joined.
    image : Image
        What is imaged, which tells those that touch its border.
    number : int
        Which tile; the number after the last is the seam.
    """
    store = work.store
    group = Group.load(work, number)
    cluster, founder = renumber(group.cluster)
    positions = group.take(store, "tile", "positions")
    frame = group.take(store, "tile", "frame") if store.holds("tile", 0, "frame") else None
    region = Region(image.polygon) if image.polygon.area > 0 else None
    localizations = Localizations(positions, frame=frame, region=region)
    score = group.take(store, "score", "score")
    label = group.take(store, "label", "label")
    firsts = np.unique(cluster, return_index=True)[1]
    segmentation = outline(localizations, Segmentation(cluster, label[firsts]))
    description = describe(localizations, segmentation, Classification(score, label))
    table = description.clusters
    # Which cluster each was a part of, and which part.
    member = segmentation.cluster >= 0
    _, first = np.unique(segmentation.cluster[member], return_index=True)
    owner = cluster[member][first]
    is_next = np.append(True, owner[1:] != owner[:-1])[: len(owner)]
    start = np.maximum.accumulate(np.where(is_next, np.arange(len(owner)), 0))
    wkb = shapely.to_wkb(segmentation.outlines)
    length = np.array([len(one) for one in wkb], dtype=np.int64)
    columns: Columns = {str(name): table[name].to_numpy() for name in table}
    if store.holds("tile", 0, "channel"):
        channel = group.take(store, "tile", "channel")
        columns |= _channels(segmentation, channel, store.load("known", 0, "channels"))
    store.save(
        "clusters",
        number,
        row=group.row,
        tile=group.tile,
        place=group.place,
        cluster=segmentation.cluster,
        founder_score=group.founder_score[founder[owner]],
        founder_position=group.founder_position[founder[owner]],
        part=np.arange(len(owner)) - start,
        names=np.array(list(columns), dtype=str),
        wkb=np.frombuffer(b"".join(wkb), dtype=np.uint8),
        wkb_end=np.cumsum(length),
        **{f"column_{name}": values for name, values in columns.items()},
    )


def _channels(segmentation: Segmentation, channel: IntArray, channels: npt.NDArray[Any]) -> Columns:
    """Count the members in each of the channels that the whole table has."""
    counted = (segmentation.cluster >= 0) & (channel >= 0)
    counts = np.zeros((segmentation.n_clusters, len(channels)), dtype=np.int64)
    np.add.at(counts, (segmentation.cluster[counted], channel[counted]), 1)
    return {f"n_channel_{name}": counts[:, i] for i, name in enumerate(channels)}


def number_clusters(work: Work) -> None:
    """Give the clusters of all groups their numbers, those of the highest founder first.

    Parameters
    ----------
    work : Work
        The run; the clusters of every group are described.
    """
    store, groups = work.store, range(work.plan.n_tiles + 1)
    score, position, part = (
        np.concatenate([store.load("clusters", i, name) for i in groups])
        for name in ("founder_score", "founder_position", "part")
    )
    order = np.lexsort((part, *position.T[::-1], -score))
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    ends = np.cumsum([len(store.load("clusters", i, "part")) for i in groups])
    pieces = np.split(number, ends[:-1])
    store.save("numbers", 0, **{f"group_{i}": piece for i, piece in enumerate(pieces)})


def label_tile(work: Work, number: int) -> None:
    """Give each localization of a tile the number of its cluster.

    Parameters
    ----------
    work : Work
        The run; all clusters are numbered.
    number : int
        Which tile.
    """
    store, seam = work.store, work.plan.n_tiles
    cluster = np.full(len(store.load("tile", number, "row")), -1, dtype=np.int64)
    for group in (number, seam):
        final = np.array(store.load("numbers", 0, f"group_{group}"))
        tile, place, own = (
            np.array(store.load("clusters", group, name)) for name in ("tile", "place", "cluster")
        )
        mine = (tile == number) & (own >= 0)
        cluster[place[mine]] = final[own[mine]]
    store.save("labelled", number, cluster=cluster)


def outlines(store: Store, group: int) -> npt.NDArray[np.object_]:
    """Read the outlines of a group.

    Parameters
    ----------
    store : Store
        Where the clusters are described.
    group : int
        Which group.

    Returns
    -------
    ndarray of shape (n_clusters,) of shapely geometries, nm
        The outlines.
    """
    wkb = store.load("clusters", group, "wkb").tobytes()
    ends = np.array(store.load("clusters", group, "wkb_end")).tolist()
    pieces = [wkb[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    found: npt.NDArray[np.object_] = np.asarray(shapely.from_wkb(np.array(pieces, dtype=object)))
    return found


def cluster_columns(work: Work) -> Columns:
    """Put the columns of all groups together, in the order of the clusters' numbers.

    Parameters
    ----------
    work : Work
        The run; all clusters are numbered.

    Returns
    -------
    dict of str to ndarray of shape (n_clusters,)
        What each cluster is like, as far as the others do not matter.
    """
    store, groups = work.store, range(work.plan.n_tiles + 1)
    number = np.concatenate([store.load("numbers", 0, f"group_{i}") for i in groups])
    order = np.argsort(number)
    columns: Columns = {
        name: np.concatenate([store.load("clusters", i, f"column_{name}") for i in groups])[order]
        for name in store.load("clusters", 0, "names").tolist()
    }
    columns["cluster"] = np.arange(len(order))
    return columns


def describe_all(work: Work, image: Image, name: str) -> Description:
    """Put the descriptions of all groups together.

    Parameters
    ----------
    work : Work
        The run; every tile is labelled.
    image : Image
        What is imaged.
    name : str
        What it is called.

    Returns
    -------
    Description
        Of the whole table.
    """
    store = work.store
    n_clustered = sum(
        int((store.load("labelled", i, "cluster") >= 0).sum()) for i in range(work.plan.n_tiles)
    )
    columns = cluster_columns(work)
    place = Place(
        "",
        image.polygon,
        image.n_localizations,
        n_clustered,
        np.ones(len(columns["cluster"]), dtype=bool),
        image.depth_nm,
    )
    return conclude(columns, place, name)
