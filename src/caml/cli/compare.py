"""``caml compare``: results of several conditions in, tests of their differences out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caml._words import counted

if TYPE_CHECKING:
    from caml.compare import Cell, Comparison

__all__ = ["compare"]


@click.command(short_help="Test whether clusters differ between conditions.")
@click.argument("folders", nargs=-1, metavar="[NAME=]DIR…")
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of the comparison."
)
@click.option(
    "--samples",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sample sheet, a csv with the columns folder and condition, and replicate and cell where "
    "known: a row per image.",
)
@click.option(
    "--pattern",
    metavar="REGEX",
    help="What the names of images say, by groups called condition, replicate and cell: "
    "'(?P<condition>[^_]+)_day(?P<replicate>[0-9]+)'.",
)
@click.option(
    "--unit",
    type=click.Choice(["cell", "replicate", "cluster"]),
    default="cell",
    show_default=True,
    help="What is a sample: the median of a cell, that of a replicate's cells, or every cluster "
    "(which are not independent, and make P far too small).",
)
@click.option(
    "--adjust",
    type=click.Choice(["holm", "bonferroni"]),
    default="holm",
    show_default=True,
    help="How P is adjusted for the number of pairs of conditions.",
)
@click.option("--mixed", is_flag=True, help="Fit a mixed model of all clusters too.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0),
              help="Of the bootstrap.")  # fmt: skip
@click.option(
    "--bootstrap",
    "n_bootstrap",
    default=10_000,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Resamples of each interval.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier comparison.")
def compare(
    folders: tuple[str, ...],
    out: Path,
    samples: Path | None,
    pattern: str | None,
    unit: Any,
    adjust: Any,
    mixed: bool,
    seed: int,
    n_bootstrap: int,
    overwrite: bool,
) -> int:
    """Test whether the clusters of several conditions differ, and by how much.

    Each DIR holds what `caml analyse` wrote for a condition, which is called as the folder, or
    NAME. With --samples or --pattern the images in them are of the conditions that these say.

    \b
    In the folder of the comparison:
      cells.csv     medians and quartiles of every cell
      tests.csv     a row per descriptor: Kruskal–Wallis, P by itself and adjusted
                    for the number of descriptors (Benjamini–Hochberg)
      pairs.csv     a row per descriptor and pair: Dunn, effect size, difference
      mixed.csv     the same by a mixed model of all clusters (--mixed)
      prism/        tables with a column per condition, as GraphPad Prism takes them
      figures/      a picture of each descriptor
      compare.json  what was done
    """
    from caml.compare import RESULTS, read_cells
    from caml.compare import compare as compare_cells
    from caml.errors import CamlWarning
    from caml.io import check_free_path, check_replaceable, whole_folder, write_json
    from caml.plot import save_conditions

    # Before the work, which may take minutes.
    check_free_path(out, kind="folder", overwrite=overwrite)
    check_replaceable(out, RESULTS)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", CamlWarning)
        cells = read_cells(_named(folders), samples=samples, pattern=pattern)
        found = compare_cells(
            cells, unit=unit, adjust=adjust, mixed=mixed, seed=seed, n_bootstrap=n_bootstrap
        )
    told = list(dict.fromkeys(str(one.message) for one in notes))
    for text in told:
        click.echo(f"caml: warning: {text}", err=True)
    arguments = {
        "folders": list(folders),
        "out": out,
        "samples": samples,
        "pattern": pattern,
        "unit": unit,
        "adjust": adjust,
        "mixed": mixed,
        "seed": seed,
        "n_bootstrap": n_bootstrap,
        "overwrite": overwrite,
    }
    with whole_folder(out, overwrite=overwrite, names=RESULTS) as partial:
        found.write(partial)
        (partial / "figures").mkdir()
        save_conditions(found, partial / "figures")
        write_json(partial / "compare.json", _record(found, cells, arguments, told))
    _report(found, out)
    return 0


def _named(folders: tuple[str, ...]) -> Any:
    """Take names off folders; without any, the folders only."""
    from caml.errors import InputError

    pairs = []
    for text in folders:
        name, equals, path = text.partition("=")
        # What is there under the whole name needs no other.
        if not equals or Path(text).exists():
            name, path = "", text
        elif not name or not path:
            raise click.UsageError(f"a condition is given as DIR or NAME=DIR; got {text!r}")
        pairs.append((name, path))
    if not any(name for name, _ in pairs):
        return [path for _, path in pairs]
    named: dict[str, str] = {}
    for name, path in pairs:
        condition = name or Path(path).absolute().name
        if condition in named:
            raise InputError(
                f"the condition {condition!r} is there twice: give one of them another name "
                "(NAME=DIR), or put several folders to a condition by a sample sheet"
            )
        named[condition] = path
    return named


def _report(found: Comparison, out: Path) -> None:
    """Say what differs."""
    cells = found.cells.drop_duplicates(["condition", "replicate", "cell"])["condition"]
    counts = cells.value_counts()
    click.echo(", ".join(f"{one}: {counted(counts[one], 'cell')}" for one in found.conditions))
    n_tested = int(found.tests["p"].notna().sum())
    for row in found.tests.to_dict("records"):
        if row["p"] < 0.05:
            adjusted = f", adjusted {row['p_fdr']:.2g}" if n_tested > 1 else ""
            click.echo(f"{row['descriptor']}: P {row['p']:.2g} {row['stars']}{adjusted}")
    n, n_fdr = (int((found.tests[name] < 0.05).sum()) for name in ("p", "p_fdr"))
    text = f"P < 0.05 for {n} of {counted(n_tested, 'descriptor')}"
    if n_tested == 0:
        text = (
            f"none of {counted(len(found.tests), 'descriptor')} could be tested; tests.csv has why"
        )
    elif n_tested > 1:
        text += f", and for {n_fdr} when adjusted for their number (Benjamini–Hochberg)"
    click.echo(f"{text} -> {out}")


def _record(
    found: Comparison, cells: tuple[Cell, ...], arguments: dict[str, Any], told: list[str]
) -> dict[str, Any]:
    """Write down what was compared and how, so that it can be repeated and cited."""
    import datetime as dt
    import hashlib
    import platform
    from importlib import metadata

    from caml._version import __version__

    runs = dict.fromkeys(folder.parent for cell in cells for folder in cell.folders)
    packages = ("numpy", "scipy", "pandas", "matplotlib", "scikit-posthocs", "statsmodels")
    return {
        "caml": __version__,
        "date": dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
        "arguments": arguments,
        "conditions": list(found.conditions),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        "warnings": told,
        "runs": [
            {"path": run, "sha256": hashlib.sha256((run / "run.json").read_bytes()).hexdigest()}
            for run in runs
        ],
        "cells": [
            {
                "condition": cell.condition,
                "replicate": cell.replicate,
                "cell": cell.name,
                "folders": list(cell.folders),
                "n_clusters": len(cell.clusters),
            }
            for cell in cells
        ],
    }
