"""What pictures and pages show: an analysis in memory, or results in a folder, part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds
import shapely

from caml.analyse.chain import Analysis, rounded
from caml.analyse.record import Provenance
from caml.analyse.totals import Totals
from caml.io import ParquetTable
from caml.localizations import Region
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

        def pieces() -> Iterator[Piece]:
            finite = analysis.localizations.finite
            kind = np.where(analysis.in_regions, analysis.kind, -1)
            yield analysis.localizations.positions[finite][:, :2], kind[finite]

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
        """
        table = ParquetTable.open(folder / "localizations.parquet", columns=_columns(folder))
        card = card or load_model(provenance.settings.model).card
        asked = provenance.settings
        how = f"threshold {asked.threshold:g}, prior {asked.prior}"

        def pieces() -> Iterator[Piece]:
            for number in range(table.n_parts):
                part = table.read(number, whole=False, beside=("cluster", "label"))
                cluster = part.table["cluster"].to_numpy()
                label = part.table["label"].to_numpy()
                kind = np.where(cluster >= 0, np.maximum(label, 1), 0)
                finite = part.finite
                yield part.positions[finite][:, :2], kind[finite]

        def outlines(ids: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
            drawn = ds.dataset(folder / "outlines.parquet", format="parquet")
            rows = drawn.to_table(filter=pc.field("cluster").isin(ids)).to_pandas()
            rows = rows.sort_values("cluster")
            return _rounded(np.asarray(shapely.from_wkb(rows["geometry"].to_numpy()), dtype=object))

        return cls(
            name=folder.name,
            n_localizations=table.n_rows,
            clusters=pd.read_csv(folder / "clusters.csv"),
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


def _columns(folder: Path) -> dict[str, str] | None:
    """Tell which columns of results hold positions in nm, where the table's own do not."""
    schema = ds.dataset(folder / "localizations.parquet", format="parquet").schema
    names = set(schema.names)
    return {axis: f"{axis}_nm" for axis in "xy"} if {"x_nm", "y_nm"} <= names else None
