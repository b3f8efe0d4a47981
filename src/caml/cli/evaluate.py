"""``caml evaluate``: results against the truth."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["evaluate"]

# What is printed; the table that is written has all.
SHOWN = {
    "n_localizations": "localizations",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "ari": "ARI",
    "iou": "IoU",
    "jaccard": "JIc",
    "n_true_clusters": "true clusters",
    "n_clusters": "clusters",
    "rmsre_n_localizations": "RMSRE of localizations",
    "centroid_rmse_nm": "centroids, nm",
}


@click.command(short_help="Compare results with the truth.")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    help="Table of the truth, in the order of the results; for several images a folder of tables "
    "of their names. By default the truth is in columns that the results kept of their input.",
)
@click.option(
    "--column",
    help="Column of the truth: ids of clusters, negative for none, or, if its name ends in label, "
    "labels.  [default: true_cluster, or else true_label]",
)
@click.option(
    "--labels",
    type=click.Choice(["cluster", "label"]),
    help="Column of the results that says what is clustered, for accuracy, F1 and the like: what "
    "lies in a cluster, or what the network labelled so before clusters were made.  [default: "
    "cluster where the truth holds clusters, label where it holds labels]",
)
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), help="Table of all scores, a row per image."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier table.")
def evaluate(
    results: tuple[Path, ...],
    truth: Path | None,
    column: str | None,
    labels: Any,
    out: Path | None,
    overwrite: bool,
) -> int:
    """Compare RESULTS of caml analyse with the truth.

    RESULTS are folders of images, folders of such folders, or tables with a column cluster or
    label, those of other tools too. Localizations without a usable position are left out.
    docs/methods.md says what the scores mean.
    """
    import pandas as pd

    from caml.evaluate import evaluate_results, result_tables
    from caml.io import check_free_path, write_table

    if out is not None:
        check_free_path(out, kind="file", overwrite=overwrite)
    rows: list[dict[str, Any]] = []
    # A table that is given twice counts once.
    tables = {
        table.resolve(): (name, table) for path in results for name, table in result_tables(path)
    }
    names = _told_apart(list(tables.values()))
    for (name, table), shown in zip(tables.values(), names, strict=True):
        scores = evaluate_results(table, truth=_truth_of(name, truth), column=column, labels=labels)
        rows.append({"image": shown, **scores.row()})
    scored = pd.DataFrame(rows)
    _show(scored)
    if out is not None:
        write_table(out, scored, overwrite=overwrite)
        click.echo(f"scores: {out}")
    return 0


def _told_apart(tables: list[tuple[str, Path]]) -> list[str]:
    """Name images, those of equal names with the folder before it, or the whole path."""
    names = [name for name, _ in tables]
    # A table that is not called as the image lies in the folder that is.
    images = [table if table.stem == name else table.parent for name, table in tables]
    longer = [
        f"{image.resolve().parent.name}/{name}" for image, name in zip(images, names, strict=True)
    ]
    for others in (longer, [str(table) for _, table in tables]):
        count = Counter(names)
        names = [
            other if count[name] > 1 else name for name, other in zip(names, others, strict=True)
        ]
    return names


def _truth_of(name: str, truth: Path | None) -> Path | None:
    """Return the table of the truth of an image."""
    from caml.errors import MissingFileError

    if truth is None or not truth.is_dir():
        return truth
    of_this_name = sorted(one for one in truth.iterdir() if one.stem == name)
    if len(of_this_name) != 1:
        raise MissingFileError(
            f"{truth}: expected one table called {name}, with any ending; there are "
            f"{len(of_this_name)}"
        )
    return of_this_name[0]


def _show(scored: pd.DataFrame) -> None:
    """Print the scores that people look at first, and their means over several images."""
    known = [name for name in SHOWN if name in scored.columns]
    rows = [(str(row["image"]), row) for row in scored.to_dict("records")]
    if len(rows) > 1:
        rows.append((f"mean of {len(rows)}", scored[known].mean().to_dict()))
    lines = [["", *(SHOWN[name] for name in known)]]
    for name, scores in rows:
        texts = (
            f"{round(scores[one], 1):,.10g}" if one.startswith("n_") else f"{scores[one]:.3f}"
            for one in known
        )
        lines.append([name, *texts])
    wide = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for name, *values in lines:
        cells = (f"{text:>{n}}" for text, n in zip(values, wide[1:], strict=True))
        click.echo("  ".join([f"{name:<{wide[0]}}", *cells]))
