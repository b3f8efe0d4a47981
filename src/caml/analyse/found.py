"""What pictures and pages show: an analysis in memory, or results in a folder, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from caml.analyse.chain import Analysis, rounded
from caml.analyse.read_back import (
    AGAIN,
    check_count,
    check_ids,
    check_outlines,
    check_sizes,
    outlines_in_parts,
    read_clusters,
    table_in,
)
from caml.analyse.record import Provenance
from caml.analyse.totals import Totals
from caml.errors import TableError
from caml.io import ParquetTable
from caml.io.parquet import parts_of
from caml.io.run_folders import CLUSTERS, OUTLINES_IN_PARTS, SUMMARY
from caml.localizations import Localizations, Region
from caml.models import ModelCard, load_model

__all__ = ["Found", "Piece"]

# Positions in x and y, all finite, nm, and their kinds: 0 in no cluster, 1… of which label, and
# outside the regions −1.
Piece = tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.integer[Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Results, wherever they are: rounded as files are, so that a page is the same from both.

    Parameters
    ----------
    name : str
        Of the image.
    n_localizations : int
        How many there are, with or without a position.
    clusters : DataFrame
        A row per cluster.
    summary : DataFrame
        A row for the image, or one per region.
    totals : Totals
        How much there is in all of them together.
    regions : tuple of Region
        What was asked for; empty for the whole image.
    card : ModelCard or None
        Of the network; None where another method found the clusters.
    found_by : str
        The network, or the method with its parameters.
    history : tuple of str
        What was done, a line each.
    pieces : callable
        Gives positions and kinds, some at a time, each time it is called.
    outlines : callable
        Takes ids of clusters, in ascending order, and gives their outlines.

    Notes
    -----
    Of results part by part both raise a `TableError` where a part is damaged or does not belong to
    the others; `pieces` counts as it goes, and tells at the end.
    """

    name: str
    n_localizations: int
    clusters: pd.DataFrame
    summary: pd.DataFrame
    totals: Totals
    regions: tuple[Region, ...]
    card: ModelCard | None
    found_by: str
    history: tuple[str, ...]
    pieces: Callable[[], Iterator[Piece]]
    outlines: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.object_]]

    @property
    def labels(self) -> tuple[str, ...]:
        """What labels mean, from 0."""
        return ("not clustered", "clustered") if self.card is None else self.card.labels

    @classmethod
    def of(cls, analysis: Analysis) -> Found:
        """Take an analysis in memory.

        Parameters
        ----------
        analysis : Analysis
            What was found.

        Returns
        -------
        Found
            The same.
        """

        def outlines(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
            return _rounded(analysis.segmentation.outlines[ids])

        @cache
        def piece() -> Piece:
            finite = analysis.localizations.finite
            kind = np.where(analysis.in_regions, analysis.kind, -1)
            return analysis.localizations.positions[finite][:, :2], kind[finite]

        def pieces() -> Iterator[Piece]:
            yield piece()

        return cls(
            name=analysis.localizations.name,
            n_localizations=len(analysis.localizations),
            clusters=rounded(analysis.description.clusters),
            summary=rounded(analysis.description.summary),
            totals=analysis.totals,
            regions=analysis.regions,
            card=analysis.card,
            found_by=analysis.found_by,
            history=analysis.localizations.history,
            pieces=pieces,
            outlines=outlines,
        )

    @classmethod
    def in_parts(
        cls,
        folder: Path,
        summary: pd.DataFrame,
        provenance: Provenance,
        card: ModelCard | None = None,
    ) -> Found:
        """Take the results of a table that was analysed in tiles.

        Parameters
        ----------
        folder : Path
            With ``localizations.parquet``, ``outlines.parquet`` and ``clusters.csv``.
        summary : DataFrame
            The row of the image.
        provenance : Provenance
            Where it came from.
        card : ModelCard, optional
            Of the network; by default that of the network of the name that was asked for.

        Returns
        -------
        Found
            What reads the parts when they are needed; no more than one of them is in memory.

        Raises
        ------
        MissingFileError
            If a table is missing.
        TableError
            If one is damaged, was edited, or does not belong to the others.
        """
        asked = provenance.settings
        clusters = read_clusters(folder)
        path, drawn = table_in(folder), folder / OUTLINES_IN_PARTS
        n_clusters = int(summary["n_clusters"].iloc[0])
        check_ids(clusters, n_clusters, folder, SUMMARY)
        with _told_to_analyse_again():
            table = ParquetTable.open(
                path, pixel_size_nm=asked.pixel_size_nm, columns=_columns(path)
            )
            check_outlines(drawn, n_clusters)
        card = card or load_model(asked.model).card
        how = f"threshold {asked.threshold:g}, prior {asked.prior}"

        def pieces() -> Iterator[Piece]:
            count = _Count(n_clusters, path)
            for number in range(table.n_parts):
                with _told_to_analyse_again():
                    part = table.read(number, whole=False, beside=("cluster", "label"))
                cluster = count.add(part)
                label = part.table["label"].to_numpy()
                kind = np.where(cluster >= 0, np.maximum(label, 1), 0)
                finite = part.finite
                yield part.positions[finite][:, :2], kind[finite]
            count.check(clusters, int(summary["n_localizations"].iloc[0]))

        def outlines(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
            return _rounded(outlines_in_parts(drawn, ids))

        return cls(
            name=folder.name,
            n_localizations=table.n_rows,
            clusters=clusters,
            summary=rounded(summary),
            totals=Totals(
                int(summary["n_localizations"].iloc[0]),
                int(summary["n_clustered"].iloc[0]),
                float(summary["area_um2"].iloc[0]),
            ),
            regions=(),
            card=card,
            found_by=card.name,
            history=(f"analysed in tiles with {card.name}, {how}",),
            pieces=pieces,
            outlines=outlines,
        )


def _rounded(outlines: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Round outlines to 0.001 nm, as they are written."""
    return np.asarray(shapely.transform(outlines, lambda xy: np.round(xy, 3)), dtype=object)


def _columns(path: Path) -> dict[str, str] | None:
    """Tell which columns of results hold positions in nm, where the table's own do not."""
    names = parts_of(path)[1].names
    if names[-2:] != ["label", "cluster"]:
        raise TableError("it is no table that caml analyse wrote in tiles", path=path)
    return {axis: f"{axis}_nm" for axis in "xy"} if {"x_nm", "y_nm"} <= set(names) else None


class _Count:
    """Localizations counted part by part, to be held against the other tables."""

    def __init__(self, n_clusters: int, path: Path) -> None:
        self._path = path
        self._sizes = np.zeros(n_clusters, dtype=np.int64)
        self._n = self._n_seen_from_above = 0

    def add(self, part: Localizations) -> npt.NDArray[np.int64]:
        """Count those of a part, and return the cluster of each."""
        cluster = part.table["cluster"].to_numpy()
        if cluster.dtype.kind != "i" or cluster.max(initial=-1) >= len(self._sizes):
            raise TableError(f"it has clusters that {CLUSTERS} has not: {AGAIN}", path=self._path)
        self._sizes += np.bincount(cluster[cluster >= 0], minlength=len(self._sizes))
        self._n += int(part.finite.sum())
        self._n_seen_from_above += int(np.isfinite(part.positions[:, :2]).all(axis=1).sum())
        return np.asarray(cluster, dtype=np.int64)

    def check(self, clusters: pd.DataFrame, expected: int) -> None:
        """Refuse what does not belong together."""
        # A z that is missing costs nothing where z is the same in all of the table.
        if self._n_seen_from_above != expected:
            check_count(self._n, expected, self._path)
        check_sizes(clusters, self._sizes, self._path)


@contextmanager
def _told_to_analyse_again() -> Iterator[None]:
    """Say of parts that cannot be read what can be done."""
    try:
        yield
    except TableError as error:
        text = str(error)
        raise TableError(text if AGAIN in text else f"{text}; analyse the table again") from error
