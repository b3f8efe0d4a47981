"""Results of one image read back from the folder they were saved in."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import shapely

from caml._arrays import IntArray
from caml._machine import memory_bytes
from caml._words import counted
from caml.analyse.chain import Analysis, named
from caml.analyse.ledger import Outcome
from caml.analyse.one_file import BYTES_PER_LOCALIZATION, MEMORY_PER_BYTE_OF_TEXT
from caml.analyse.record import Settings
from caml.analyse.recorded import recorded_of
from caml.analyse.region import in_any
from caml.classify import Classification
from caml.describe import Description, describe
from caml.errors import CamlWarning, InputError, MissingFileError, TableError
from caml.io import ResultTable, parquet_rows, read_outlines, read_result_table
from caml.io.run_folders import (
    CLUSTERS,
    LOCALIZATIONS,
    OUTLINES,
    OUTLINES_IN_PARTS,
    RECORD,
    SUMMARY,
    read_table,
)
from caml.localizations import Localizations, Region
from caml.models import Model, ModelCard, load_model
from caml.prior import choose_prior, score_histogram
from caml.segment import Segmentation

__all__ = ["load_results", "localizations_in"]

# Columns of the table of clusters that count.
WHOLE = ("cluster", "label", "n_localizations", "first_frame", "last_frame", "frames_spanned")


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
    clusters = _clusters(folder / CLUSTERS)
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
    found = [folder / name for name in LOCALIZATIONS if (folder / name).exists()]
    if not found:
        if (folder / RECORD).is_file():
            raise MissingFileError(
                f"{folder} holds the results of a run: give the folder of one image in it"
            )
        raise MissingFileError(
            f"{folder} holds no results of an image: there is no {' or '.join(LOCALIZATIONS)} in "
            "it; give a folder that caml analyse wrote for a table"
        )
    if len(found) > 1:
        raise InputError(f"{folder} holds {' and '.join(LOCALIZATIONS)}: move one of them away")
    (path,) = found
    size = (
        parquet_rows(path) * BYTES_PER_LOCALIZATION
        if path.suffix == ".parquet"
        else path.stat().st_size * MEMORY_PER_BYTE_OF_TEXT
    )
    if size > memory_bytes() / 2:
        raise InputError(
            f"{path} is too large for memory (it would take some {size / 1e9:,.0f} GB); read a "
            "part of it with caml.read(path, box=…), or its page with caml report"
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
            f"{folder} has scores, and no {RECORD} beside it tells of which network: name it "
            '(load_results(folder, model="LOGNM1"))'
        )
    return model.card if isinstance(model, Model) else load_model(model).card


def _clusters(path: Path) -> pd.DataFrame:
    """Read the table of clusters, of the types that it was written with."""
    table = read_table(path, ("cluster", "label", "n_localizations", "area_nm2"))
    for name in table.columns:
        if name == "region":
            continue
        is_whole = name in WHOLE or name.startswith("n_channel_")
        kind = np.int64 if is_whole else bool if name == "touches_border" else np.float64
        values = table[name]
        if len(values) and (values.dtype == bool) != (kind is bool):
            raise _edited(name, path)
        try:
            table[name] = values.astype(kind)
        except (TypeError, ValueError) as error:
            raise _edited(name, path) from error
        if is_whole and not (table[name] == values).all():
            raise _edited(name, path)
    return table


def _edited(name: str, path: Path) -> TableError:
    return TableError(
        f"{name} holds something else than caml wrote: the file was edited; analyse the table "
        "again",
        path=path,
    )


def _check(
    table: ResultTable,
    clusters: pd.DataFrame,
    card: ModelCard | None,
    regions: Sequence[Region],
    path: Path,
) -> None:
    """Refuse tables that do not belong together."""
    beside = path.parent / CLUSTERS
    again = "it was cut off or edited, or is of other results; analyse the table again"
    ids, sizes = np.unique(table.cluster[table.cluster >= 0], return_counts=True)
    if len(ids) and ids[-1] != len(ids) - 1:
        raise TableError(f"there is no localization in some of its clusters: {again}", path=path)
    if table.has_regions and not regions:
        raise InputError(
            f"{path} is of regions, and no {RECORD} beside its folder tells which: give them "
            "(load_results(folder, regions=…))"
        )
    named_ids = clusters["cluster"].to_numpy()
    is_whole = np.array_equal(named_ids, ids)
    if regions:
        # Clusters outside of all regions have no row.
        is_whole = bool((np.diff(named_ids) > 0).all() and np.isin(named_ids, ids).all())
    if not is_whole:
        raise TableError(
            f"its clusters are not the {counted(len(ids), 'cluster')} of {path.name}: {again}",
            path=beside,
        )
    wrong = np.flatnonzero(clusters["n_localizations"].to_numpy() != sizes[named_ids])
    if len(wrong):
        one = clusters.iloc[int(wrong[0])]
        raise TableError(
            f"cluster {one['cluster']} has {one['n_localizations']} localizations here, and "
            f"{sizes[one['cluster']]} in {path.name}: {again}",
            path=beside,
            line=int(wrong[0]) + 2,
        )
    n_labels = 2 if card is None else len(card.labels)
    shape = () if card is None or n_labels == 2 else (n_labels,)
    if max(table.label.max(initial=0), clusters["label"].max() if len(clusters) else 0) >= n_labels:
        raise TableError(f"it has more labels than the {n_labels} known: {again}", path=path)
    if card is not None and (table.score is None or table.score.shape[1:] != shape):
        raise TableError(f"its scores are not those of {card.name}: {again}", path=path)
    if len(clusters) and clusters["label"].min() < 1:
        raise TableError(f"the label of a cluster is 1 or more: {again}", path=beside)


def _check_whole(
    localizations: Localizations, summary: pd.DataFrame, regions: Sequence[Region], path: Path
) -> None:
    """Refuse a table that ends too early."""
    n, expected = int(localizations.finite.sum()), int(summary["n_localizations"].iloc[0])
    if not regions and n != expected:
        raise TableError(
            f"it has {n:,} localizations with a position, and {SUMMARY} says {expected:,}: it was "
            "cut off or edited, or is of other results; analyse the table again",
            path=path,
        )


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
    try:
        drawn = ds.dataset(path, format="parquet").to_table(columns=["cluster", "geometry"])
        drawn = drawn.sort_by("cluster")
        if not np.array_equal(drawn["cluster"].to_numpy(), ids):
            raise ValueError("they are of other clusters")
        geometry = drawn["geometry"].to_numpy()
        return np.asarray(shapely.from_wkb(geometry), dtype=object)
    except (OSError, ValueError, pa.ArrowException, shapely.errors.ShapelyError) as error:
        raise TableError(
            f"these are no outlines of caml, or are damaged ({error}); analyse the table again",
            path=path,
        ) from error


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
