"""What loading results and writing their pages part by part have in common: tables checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import shapely

from caml._arrays import IntArray
from caml._words import counted
from caml.errors import InputError, MissingFileError, TableError
from caml.io import parquet_rows
from caml.io.run_folders import CLUSTERS, LOCALIZATIONS, RECORD, SUMMARY, read_table

__all__ = [
    "AGAIN",
    "check_count",
    "check_ids",
    "check_outlines",
    "check_sizes",
    "outlines_in_parts",
    "read_clusters",
    "table_in",
]

# Columns of the table of clusters that count.
WHOLE = ("cluster", "label", "n_localizations", "first_frame", "last_frame", "frames_spanned")
# What is the matter with files that do not agree, and what to do.
AGAIN = "it was cut off or edited, or is of other results; analyse the table again"


def table_in(folder: Path) -> Path:
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
        If there are two.
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
    return found[0]


def read_clusters(folder: Path) -> pd.DataFrame:
    """Read the table of clusters, of the types that it was written with.

    Parameters
    ----------
    folder : Path
        Of one image.

    Returns
    -------
    DataFrame
        A row per cluster.

    Raises
    ------
    MissingFileError
        If it is not there.
    TableError
        If it is damaged or was edited.
    """
    path = folder / CLUSTERS
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
    if len(table) and table["label"].min() < 1:
        raise TableError(f"the label of a cluster is 1 or more: {AGAIN}", path=path)
    return table


def _edited(name: str, path: Path) -> TableError:
    return TableError(
        f"{name} holds something else than caml wrote: the file was edited; analyse the table "
        "again",
        path=path,
    )


def check_ids(
    clusters: pd.DataFrame, n_clusters: int, folder: Path, said_by: str, *, some: bool = False
) -> None:
    """Refuse a table of clusters that does not hold all that there are.

    Parameters
    ----------
    clusters : DataFrame
        As it was read.
    n_clusters : int
        How many there are.
    folder : Path
        Of the image.
    said_by : str
        The name of the file that says so.
    some : bool, default False
        Whether a cluster may have no row: those outside of all regions have none.

    Raises
    ------
    TableError
        If other clusters have a row.
    """
    ids = clusters["cluster"].to_numpy()
    is_whole = np.array_equal(ids, np.arange(n_clusters))
    if some:
        is_whole = bool((np.diff(ids) > 0).all() and ((ids >= 0) & (ids < n_clusters)).all())
    if not is_whole:
        raise TableError(
            f"its clusters are not the {counted(n_clusters, 'cluster')} of {said_by}: {AGAIN}",
            path=folder / CLUSTERS,
        )


def check_sizes(clusters: pd.DataFrame, sizes: IntArray, path: Path) -> None:
    """Refuse a table of clusters that have other numbers of localizations.

    Parameters
    ----------
    clusters : DataFrame
        As it was read.
    sizes : ndarray of shape (n_clusters,)
        How many localizations are in each.
    path : Path
        The table of localizations.

    Raises
    ------
    TableError
        If one differs.
    """
    ids = clusters["cluster"].to_numpy()
    wrong = np.flatnonzero(clusters["n_localizations"].to_numpy() != sizes[ids])
    if len(wrong):
        one = clusters.iloc[int(wrong[0])]
        raise TableError(
            f"cluster {one['cluster']} has {one['n_localizations']} localizations here, and "
            f"{sizes[one['cluster']]} in {path.name}: {AGAIN}",
            path=path.parent / CLUSTERS,
            line=int(wrong[0]) + 2,
        )


def check_count(n: int, expected: int, path: Path, region: str = "") -> None:
    """Refuse a table that has other numbers of localizations than its summary says.

    Parameters
    ----------
    n : int
        How many have a finite position.
    expected : int
        How many should have.
    path : Path
        The table of localizations.
    region : str, default ""
        Where they are; the whole image by default.

    Raises
    ------
    TableError
        If they differ.
    """
    if n != expected:
        where = f" in {region}" if region else ""
        raise TableError(
            f"it has {n:,} localizations with a position{where}, and {SUMMARY} says "
            f"{expected:,}: {AGAIN}",
            path=path,
        )


def check_outlines(path: Path, n_clusters: int) -> None:
    """Refuse a folder of outlines that does not hold as many as there are clusters.

    Parameters
    ----------
    path : Path
        The folder.
    n_clusters : int
        How many there are.

    Raises
    ------
    MissingFileError
        If it is not there.
    TableError
        If it is damaged, or a part of it is missing.
    """
    if not path.exists():
        raise MissingFileError(f"{path} is not there; analyse the table again")
    n = parquet_rows(path)
    if n != n_clusters:
        raise TableError(
            f"it has the outlines of {counted(n, 'cluster')}, and {CLUSTERS} has {n_clusters:,}: "
            f"{AGAIN}",
            path=path,
        )


def outlines_in_parts(path: Path, ids: IntArray) -> npt.NDArray[np.object_]:
    """Read the outlines of some clusters from a folder of parts.

    Parameters
    ----------
    path : Path
        The folder.
    ids : ndarray of shape (n_clusters,)
        Of clusters, in ascending order.

    Returns
    -------
    ndarray of shape (n_clusters,) of shapely geometries, nm
        Their outlines.

    Raises
    ------
    TableError
        If it is damaged, or one is not in it.
    """
    try:
        drawn = ds.dataset(path, format="parquet").to_table(
            columns=["cluster", "geometry"], filter=pc.field("cluster").isin(ids)
        )
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
