"""Results in folders against truth in files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from caml._arrays import IntArray
from caml.errors import MissingFileError, TableError
from caml.evaluate.evaluation import Evaluation, evaluate
from caml.evaluate.labels import LabelScores, score_labels
from caml.io import read
from caml.io.run_folders import LOCALIZATIONS
from caml.localizations import Localizations

__all__ = ["evaluate_results", "result_tables"]

TRUE_CLUSTER, TRUE_LABEL = "true_cluster", "true_label"
# What a position may differ by between the table of results and the truth, nm: what is lost where
# one of them was written with three digits.
TOLERANCE_NM = 0.01


def result_tables(path: str | Path) -> list[tuple[str, Path]]:
    """Find the tables of localizations that an analysis wrote.

    Parameters
    ----------
    path : str or Path
        A table, the folder of an image, or a folder of such folders.

    Returns
    -------
    list of (str, Path)
        The name of each image, and its table.

    Raises
    ------
    MissingFileError
        If there is none.

    Examples
    --------
    >>> result_tables("nowhere")
    Traceback (most recent call last):
        ...
    caml.errors.MissingFileError: nowhere: no such file or folder
    """
    path = Path(path)
    if path.is_file():
        # The folder has the image's name where caml analyse wrote it.
        return [(path.resolve().parent.name if path.name in LOCALIZATIONS else path.stem, path)]
    if not path.exists():
        raise MissingFileError(f"{path}: no such file or folder")
    candidates = [(path.resolve().name, path)]
    if not any((path / name).exists() for name in LOCALIZATIONS):
        candidates = [(one.name, one) for one in sorted(path.iterdir())]
    found = [
        (name, next(folder / one for one in LOCALIZATIONS if (folder / one).exists()))
        for name, folder in candidates
        if any((folder / one).exists() for one in LOCALIZATIONS)
    ]
    if not found:
        raise MissingFileError(
            f"{path}: expected results of caml analyse, a folder with {' or '.join(LOCALIZATIONS)} "
            "or folders that have one; there is none"
        )
    return found


def evaluate_results(
    table: str | Path,
    *,
    truth: str | Path | None = None,
    column: str | None = None,
    labels: Literal["cluster", "label"] | None = None,
) -> Evaluation | LabelScores:
    """Compare a table of results with the truth.

    Parameters
    ----------
    table : str or Path
        Localizations with a column ``cluster`` or ``label``, as `caml.analyse` writes them.
    truth : str or Path, optional
        A table with a row per localization, in the same order; by default the truth is in columns
        that the results kept of their input.
    column : str, optional
        The column of the truth; ``true_cluster`` or, where there is none, ``true_label`` by
        default. One whose name ends in label holds labels, any other the ids of clusters.
    labels : {"cluster", "label"}, optional
        The column of the results that says what is clustered: what lies in a cluster is, or what
        has a label above 0, as a network gave it before clusters were made. By default cluster
        where the truth holds clusters, and label where it holds labels; or the one that there is.

    Returns
    -------
    Evaluation or LabelScores
        Where only true labels, or only labels found, are known, the scores of labels. What has no
        usable position is left out of all scores.

    Raises
    ------
    TableError
        If a column is not there or holds no whole numbers, or rows do not line up.
    """
    path = Path(table)
    found = read(path)
    source, path_of_truth = (found, path) if truth is None else (read(truth), Path(truth))
    if len(source) != len(found):
        raise TableError(
            f"expected the truth of the {len(found):,} localizations in {path}, got "
            f"{len(source):,} rows: the truth is a table of the same localizations in the same "
            "order",
            path=path_of_truth,
        )
    _check_order(found, path, source, path_of_truth)
    name = column or next(
        (one for one in (TRUE_CLUSTER, TRUE_LABEL) if one in source.table.columns), TRUE_CLUSTER
    )
    if name not in source.table.columns:
        raise TableError(
            f"the truth is sought in the column {name!r}, and there {_are(source.table)}: name the "
            "table of the truth with --truth, or its column with --column (Python: truth, column)",
            path=path_of_truth,
        )
    true = _whole_numbers(source.table, name, path_of_truth)
    columns, asked = found.table.columns, found.finite
    if "region" in columns:
        # Outside of the regions nothing was asked.
        asked = asked & (found.table["region"].fillna("").astype(str).to_numpy() != "")
    found, true = found.taken(asked), true[asked]
    of_labels = name.endswith("label")
    if labels is None:
        preferred = ("label", "cluster") if of_labels else ("cluster", "label")
        chosen = next((one for one in preferred if one in columns), "label")
    else:
        chosen = labels
    values = _whole_numbers(found.table, chosen, path)
    is_clustered = values > 0 if chosen == "label" else values >= 0
    if of_labels or "cluster" not in columns:
        return score_labels(is_clustered, true > 0 if of_labels else true >= 0)
    return evaluate(found, _whole_numbers(found.table, "cluster", path), true, label=is_clustered)


def _check_order(found: Localizations, path: Path, source: Localizations, truth: Path) -> None:
    """Refuse a truth whose rows are others."""
    n = min(found.n_dimensions, source.n_dimensions)
    ours, theirs = found.positions[:, :n], source.positions[:, :n]
    apart = np.abs(ours - theirs).max(axis=1, initial=0)
    one_is_lost = np.isfinite(ours).all(axis=1) != np.isfinite(theirs).all(axis=1)
    differs = np.flatnonzero((apart > TOLERANCE_NM) | one_is_lost)
    if len(differs):
        raise TableError(
            f"row {differs[0] + 1} lies elsewhere than in {path}, and so do {len(differs) - 1:,} "
            "more: the truth is a table of the same localizations in the same order",
            path=truth,
        )


def _are(table: pd.DataFrame) -> str:
    """List the columns that there are."""
    return f"are: {', '.join(map(str, table.columns))}"


def _whole_numbers(table: pd.DataFrame, name: str, path: Path) -> IntArray:
    """Return a column of ids or labels; those that are not known are none."""
    if name not in table.columns:
        raise TableError(f"there is no column {name!r}; there {_are(table)}", path=path)
    try:
        values = pd.to_numeric(table[name]).to_numpy(np.float64, na_value=-1)
        whole: IntArray = np.nan_to_num(values, nan=-1).astype(np.int64)
    except (TypeError, ValueError) as error:
        raise TableError(f"column {name!r} must hold whole numbers: {error}", path=path) from error
    broken = np.flatnonzero((whole != values) & ~np.isnan(values))
    if len(broken):
        row = broken[0]
        raise TableError(
            f"column {name!r} must hold whole numbers, row {row + 1} has {values[row]:g}", path=path
        )
    return whole
