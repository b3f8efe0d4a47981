"""Results of one image read back from the folder they were saved in."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from caml._arrays import IntArray
from caml._machine import memory_bytes
from caml._remedies import NAME_NETWORK, NAME_REGIONS, READ_A_PART
from caml.analyse.chain import Analysis, named
from caml.analyse.ledger import Outcome
from caml.analyse.one_file import BYTES_PER_LOCALIZATION, MEMORY_PER_BYTE_OF_TEXT
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
from caml.analyse.record import Settings
from caml.analyse.recorded import recorded_of
from caml.analyse.region import in_any
from caml.classify import Classification
from caml.describe import Description, describe
from caml.errors import CamlWarning, InputError, TableError
from caml.io import ResultTable, parquet_rows, read_outlines, read_result_table
from caml.io.run_folders import OUTLINES, OUTLINES_IN_PARTS, RECORD, SUMMARY
from caml.localizations import Localizations, Region
from caml.models import Model, ModelCard, load_model
from caml.prior import choose_prior, score_histogram
from caml.segment import Segmentation

__all__ = ["load_results", "localizations_in"]


def load_results(
    folder: str | Path, *, model: Model | str | Path | None = None, regions: Sequence[Region] = ()
) -> Analysis:
    """Read the results of one image that ``caml analyse`` or `Analysis.save` wrote.

    Parameters
    ----------
    folder : str or Path
        The folder of the image, with ``localizations.csv`` (or ``.parquet``), ``clusters.csv`` and
        ``outlines.geojson``. ``run.json`` and ``summary.csv``, one level up, tell what was asked.
    model : Model, str or Path, optional
        The network that gave the scores; looked at where no ``run.json`` tells, and needed there.
    regions : sequence of Region, optional
        Those that were analysed; the same.

    Returns
    -------
    Analysis
        As it was saved, up to what files round: scores to six decimals, measures to six digits,
        centroids and outlines to 0.001 nm. Everything else is exact; numbers in single precision
        are those that a csv shows.

    Raises
    ------
    MissingFileError
        If a file is missing.
    InputError
        If the network or regions are not known, or the results are too large for memory.
    TableError
        If a file is damaged, was edited, or does not belong to the others.

    Notes
    -----
    Not saved, and therefore not known again: outlines and volumes of clusters outside all regions
    (empty, NaN), the region of the `Localizations`, and, without ``run.json``, the seconds and the
    history, the threshold and the prior (taken for the default). The prior of the labels is
    estimated again, from the scores as they were rounded.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import caml
    >>> corners = [[0, 0], [10, 0], [10, 10], [0, 10], [500, 0]]
    >>> analysis = caml.analyse(corners, method="dbscan", parameters={"eps_nm": 20.0})
    >>> with TemporaryDirectory() as home:
    ...     analysis.save(Path(home, "corners"))
    ...     again = load_results(Path(home, "corners"))
    >>> again.segmentation.cluster.tolist()
    [0, 0, 0, 0, -1]
    """
    folder = Path(folder).resolve()
    path = localizations_in(folder)
    outcome, settings, card = _asked(folder, regions)
    clusters = read_clusters(folder)
    with warnings.catch_warnings():
        # What is wrong with some rows was told when they were analysed.
        warnings.simplefilter("ignore", CamlWarning)
        table = read_result_table(
            path,
            n_dimensions=3 if "z_nm" in clusters else 2,
            scored=None if outcome is None else card is not None,
            pixel_size_nm=settings.pixel_size_nm,
            columns=settings.columns,
        )
    if outcome is None:
        card = _card_of(model, table, folder)
    regions = named(settings.regions)
    _check(table, clusters, card, regions, path)
    found_by = "a method that is not recorded" if outcome is None else outcome.found_by
    segmentation = replace(
        _segmentation(table, clusters, folder), made_by="" if card is not None else found_by
    )
    classification = _classification(table, card, settings, regions)
    history = () if outcome is None else outcome.history
    if not history:
        by = found_by if card is None else card.name
        history = (*table.localizations.history, f"analysed with {by}")
    localizations = replace(table.localizations, name=folder.name, history=history)
    if outcome is None:
        scored = None if card is None else classification
        summary = describe(localizations, segmentation, scored, regions=regions).summary
        seconds = {}
    else:
        summary = outcome.summary
        # How long saving took is the run's, not the analysis's.
        seconds = {stage: took for stage, took in outcome.seconds.items() if stage != "write"}
        _check_whole(localizations, summary, regions, path)
    description = Description(clusters, summary)
    return Analysis(
        localizations, classification, segmentation, description, card, regions, seconds
    )


def localizations_in(folder: Path) -> Path:
    """Find the table of localizations in a folder of results.

    Parameters
    ----------
    folder : Path
        Of one image.

    Returns
    -------
    Path
        A file, or a folder of parts.

    Raises
    ------
    MissingFileError
        If there is none.
    InputError
        If there are two, or it is too large for memory.
    """
    path = table_in(folder)
    size = (
        parquet_rows(path) * BYTES_PER_LOCALIZATION
        if path.suffix == ".parquet"
        else path.stat().st_size * MEMORY_PER_BYTE_OF_TEXT
    )
    if size > memory_bytes() / 2:
        raise InputError(
            f"{path} is too large for memory (it would take some {size / 1e9:,.0f} GB); "
            f"{READ_A_PART}"
        )
    return path


def _asked(
    folder: Path, regions: Sequence[Region]
) -> tuple[Outcome | None, Settings, ModelCard | None]:
    """Read what was asked for, where it is recorded."""
    told = recorded_of(folder)
    if told is None:
        return None, Settings(regions=tuple(regions)), None
    outcome, recorded = told
    return outcome, recorded.batch.settings, recorded.card


def _card_of(
    model: Model | str | Path | None, table: ResultTable, folder: Path
) -> ModelCard | None:
    """Return the card of the network that is said to have given the scores."""
    if table.score is None:
        return None
    if model is None:
        raise InputError(
            f"{folder} has scores, and no {RECORD} beside it tells of which network: {NAME_NETWORK}"
        )
    return model.card if isinstance(model, Model) else load_model(model).card


def _check(
    table: ResultTable,
    clusters: pd.DataFrame,
    card: ModelCard | None,
    regions: Sequence[Region],
    path: Path,
) -> None:
    """Refuse tables that do not belong together."""
    ids, sizes = np.unique(table.cluster[table.cluster >= 0], return_counts=True)
    if len(ids) and ids[-1] != len(ids) - 1:
        raise TableError(f"there is no localization in some of its clusters: {AGAIN}", path=path)
    if table.has_regions and not regions:
        raise InputError(
            f"{path} is of regions, and no {RECORD} beside its folder tells which: {NAME_REGIONS}"
        )
    check_ids(clusters, len(ids), path.parent, path.name, some=bool(regions))
    check_sizes(clusters, sizes, path)
    n_labels = 2 if card is None else len(card.labels)
    shape = () if card is None or n_labels == 2 else (n_labels,)
    if max(table.label.max(initial=0), clusters["label"].max() if len(clusters) else 0) >= n_labels:
        raise TableError(f"it has more labels than the {n_labels} known: {AGAIN}", path=path)
    if card is not None and (table.score is None or table.score.shape[1:] != shape):
        raise TableError(f"its scores are not those of {card.name}: {AGAIN}", path=path)


def _check_whole(
    localizations: Localizations, summary: pd.DataFrame, regions: Sequence[Region], path: Path
) -> None:
    """Refuse a table that has other numbers of localizations than the summary."""
    counts = dict(zip(summary["region"], summary["n_localizations"].astype(int), strict=True))
    if counts.keys() != ({one.name for one in regions} or {""}):
        raise TableError(
            "its rows for the image are not those of what was analysed: it was cut off or edited; "
            "analyse the table again",
            path=path.parent.parent / SUMMARY,
        )
    positions = localizations.positions[localizations.finite]
    if not regions:
        check_count(len(positions), counts[""], path)
    for one in regions:
        n = int(one.contains(positions).sum())
        check_count(n, counts[one.name], path, f"region {one.name}")


def _segmentation(table: ResultTable, clusters: pd.DataFrame, folder: Path) -> Segmentation:
    """Put the clusters together with their outlines; those without a row have empty ones."""
    n = int(table.cluster.max(initial=-1)) + 1
    ids = clusters["cluster"].to_numpy()
    # The first member's where there is no row.
    label = np.ones(n, dtype=np.int64)
    members = np.flatnonzero(table.cluster >= 0)
    firsts = members[np.unique(table.cluster[members], return_index=True)[1]]
    label[:] = np.maximum(table.label[firsts], 1)
    label[ids] = clusters["label"]
    outlines = np.full(n, shapely.Polygon(), dtype=object)
    outlines[ids] = _outlines(folder, ids)
    volumes = np.empty(0)
    if "volume_nm3" in clusters:
        volumes = np.full(n, np.nan)
        volumes[ids] = clusters["volume_nm3"]
    return Segmentation(table.cluster, label, outlines, volumes)


def _outlines(folder: Path, ids: IntArray) -> npt.NDArray[np.object_]:
    """Read the outlines of clusters, in one file or in parts."""
    path = folder / OUTLINES_IN_PARTS
    if not path.exists():
        return read_outlines(folder / OUTLINES, ids)
    check_outlines(path, len(ids))
    return outlines_in_parts(path, ids)


def _classification(
    table: ResultTable, card: ModelCard | None, settings: Settings, regions: Sequence[Region]
) -> Classification:
    """Put scores and labels together, with the share of the clustered that labels assume."""
    if card is None or table.score is None:
        return Classification(np.full(len(table.label), np.nan, dtype=np.float32), table.label)
    share = 0.5
    if table.score.ndim == 1:
        among = in_any(regions, table.localizations) if regions else slice(None)
        histogram = score_histogram(table.score[among])
        share = choose_prior(settings.prior, histogram, card.share_by_chance(int(histogram.sum())))
    return Classification(table.score, table.label, share)
