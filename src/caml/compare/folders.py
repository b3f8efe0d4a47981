"""Folders of results that ``caml analyse`` wrote: read, with everything wrong with them told."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from caml._words import counted
from caml.errors import DataWarning, InputError, MissingFileError, TableError
from caml.io.run_folders import CLUSTERS, RECORD, SUMMARY, read_record, read_table

__all__ = ["Run", "is_run", "read_image", "read_run", "tell_differences"]

# What a run that did not end leaves.
UNFINISHED = ".unfinished"

# Arguments on which no result depends, or that differ rightly between tables.
NO_MATTER = frozenset(
    {"out", "overwrite", "n_jobs", "scheduler", "tile_size", "format", "columns", "pixel_size_nm",
     "model"}
)  # fmt: skip

# What a summary must hold, for shares and densities to be summed up.
NEEDED = ("n_localizations", "n_clustered", "n_clusters", "area_um2")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A folder of results, with a folder in it for each image.

    Parameters
    ----------
    path : Path
        Where it is.
    images : tuple of str
        The folders of the images that were analysed.
    failed : tuple of str
        Those of images that could not be.
    settings : dict of str to str
        What the results depend on, each as a text.
    summary : DataFrame
        A row per image or region.
    """

    path: Path
    images: tuple[str, ...]
    failed: tuple[str, ...]
    settings: dict[str, str]
    summary: pd.DataFrame


def is_run(path: Path) -> bool:
    """Tell whether a folder holds the results of a run, finished or not.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    bool
        Whether it does.
    """
    return (path / RECORD).is_file() or (path / UNFINISHED).is_dir()


def read_run(path: Path) -> Run:
    """Read the record and the summary of a folder of results.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    Run
        What it holds. Images that failed are warned of.

    Raises
    ------
    InputError
        If it is no folder of results, or the run was interrupted.
    MissingFileError
        If it is not there.
    TableError
        If its summary is damaged.
    """
    if not path.is_dir():
        raise MissingFileError(f"{path} is no folder; give a folder that caml analyse wrote")
    if not is_run(path):
        raise InputError(
            f"{path} holds no results: there is no {RECORD} in it. Give a folder that caml analyse "
            "wrote (its --out), not the folder of one image or of tables"
        )
    record = read_record(path)
    if record["interrupted"] or record["not_analysed"]:
        raise InputError(
            f"{path} holds a run that was interrupted; go on with it first: caml analyse … "
            f"--out {path} --resume"
        )
    failed = tuple(one["folder"] for one in record["inputs"] if one["error"])
    images = tuple(one["folder"] for one in record["inputs"] if not one["error"])
    if failed:
        warnings.warn(
            DataWarning(
                f"{path}: {len(failed)} of {len(failed) + len(images)} images could not be "
                f"analysed, and are not compared ({', '.join(failed[:5])})"
            ),
            stacklevel=2,
        )
    if not images:
        raise InputError(f"{path} holds no images: all of them failed; see its {RECORD}")
    summary = read_table(path / SUMMARY, ("image", *NEEDED))
    missing = sorted(set(images) - set(summary["image"]))
    if missing:
        raise TableError(f"there is no row for {', '.join(missing[:5])}", path=path / SUMMARY)
    return Run(path, images, failed, _settings(record), summary)


def read_image(run: Run, image: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read what was found in an image.

    Parameters
    ----------
    run : Run
        That has it.
    image : str
        The name of its folder.

    Returns
    -------
    clusters, summary : DataFrame
        A row per cluster, and one for the image or each of its regions.

    Raises
    ------
    MissingFileError
        If there is no table of its clusters.
    TableError
        If it is damaged.
    """
    path = run.path / image / CLUSTERS
    clusters = read_table(path, ("cluster", "n_localizations", "area_nm2"))
    summary = run.summary[run.summary["image"] == image].reset_index(drop=True)
    least = int(summary["n_clusters"].max())
    if len(clusters) < least:
        raise TableError(
            f"it has {counted(len(clusters), 'cluster')}, and {run.path / SUMMARY} says {least}: "
            "a part of it is lost, or was deleted; analyse the image again",
            path=path,
        )
    return clusters, summary


def tell_differences(runs: Sequence[Run]) -> None:
    """Warn where results were made in different ways.

    Parameters
    ----------
    runs : sequence of Run
        What is compared.
    """
    for name in dict.fromkeys(one for run in runs for one in run.settings):
        ways: dict[str, list[str]] = {}
        for run in runs:
            ways.setdefault(run.settings.get(name, "none"), []).append(run.path.name)
        if len(ways) > 1:
            shown = "; ".join(
                f"{way} ({', '.join(paths[:3])}{', …' if len(paths) > 3 else ''})"
                for way, paths in ways.items()
            )
            warnings.warn(
                DataWarning(
                    f"results were not made in the same way, and may differ by that. {name}: "
                    f"{shown}"
                ),
                stacklevel=2,
            )


def _settings(record: dict[str, Any]) -> dict[str, str]:
    """Take from a record what results depend on."""
    # Other methods than networks have no model; what was chosen of them is among the arguments.
    model, given = record["model"] or {"name": "none"}, record["arguments"]
    settings = {
        "network": f"{model.get('name', '?')} {str(model.get('sha256', ''))[:8]}".strip(),
        "version": str(record.get("caml", "?")),
    }
    settings |= {
        name: str(value)
        for name, value in given.items()
        if name not in NO_MATTER and name != "regions"
    }
    # Regions are drawn for each image; but whole images beside regions are another matter.
    settings["regions"] = "regions" if given.get("regions") else "whole images"
    return settings
