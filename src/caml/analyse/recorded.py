"""Runs that were recorded: their ``run.json`` read back, with what became of each file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import shapely

from caml.analyse.batch import Batch
from caml.analyse.by_method import OURS
from caml.analyse.ledger import Outcome
from caml.analyse.record import Provenance, Settings
from caml.classify import check_threshold
from caml.errors import CamlError, InputError, MissingFileError, TableError
from caml.io.run_folders import RECORD, SUMMARY, read_record, read_table
from caml.localizations import Region
from caml.models import ModelCard
from caml.prior import check_prior

# What goes wrong with JSON that holds something else than expected.
FAULTS = (ValueError, KeyError, TypeError, AttributeError, shapely.errors.ShapelyError)

__all__ = ["Recorded", "provenance_of", "read_recorded", "recorded_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A run that is over, or what was finished of one that was interrupted.

    Parameters
    ----------
    batch : Batch
        What became of each file; the summary is rounded as ``summary.csv`` is.
    card : ModelCard or None
        Of the network; None where another method found the clusters.
    """

    batch: Batch
    card: ModelCard | None

    def outcome(self, folder: str) -> Outcome | None:
        """Return what became of the file whose results are in a folder; None of another folder."""
        return next((one for one in self.batch.outcomes if one.folder.name == folder), None)


def read_recorded(out: Path) -> Recorded:
    """Read what a run did into its folder of results.

    Parameters
    ----------
    out : Path
        The folder, with ``run.json`` and ``summary.csv``.

    Returns
    -------
    Recorded
        What was done.

    Raises
    ------
    MissingFileError
        If there is no such folder, or no record in it.
    InputError
        If the run was interrupted.
    TableError
        If its record or its summary is damaged.
    """
    if not (out / RECORD).is_file():
        raise MissingFileError(
            f"{out} holds no results: there is no {RECORD} in it; give a folder that caml analyse "
            "wrote (its --out)"
        )
    record = read_record(out)
    if _is_interrupted(record):
        raise _interrupted(out)
    return _recorded(record, out)


def recorded_of(folder: Path) -> tuple[Outcome, Recorded] | None:
    """Read what a run tells of the results of one image.

    Parameters
    ----------
    folder : Path
        Of the image; the run may have been interrupted after it was finished.

    Returns
    -------
    (Outcome, Recorded) or None
        What became of it, and the run; None where no run tells of it.

    Raises
    ------
    InputError
        If its table could not be analysed, or the run was interrupted before it was.
    MissingFileError
        If the run has no summary.
    TableError
        If the record or the summary of the run is damaged.
    """
    folder = folder.resolve()
    out = folder.parent
    if not (out / RECORD).is_file():
        return None
    record = read_record(out)
    recorded = _recorded(record, out)
    outcome = recorded.outcome(folder.name)
    if outcome is None:
        if _is_interrupted(record):
            raise _interrupted(out)
        return None
    if outcome.error:
        raise InputError(f"{folder}: its table could not be analysed ({outcome.error})")
    return outcome, recorded


def _is_interrupted(record: Mapping[str, Any]) -> bool:
    return bool(record["interrupted"] or record["not_analysed"])


def _interrupted(out: Path) -> InputError:
    return InputError(
        f"{out} holds a run that was interrupted; go on with it first: caml analyse … --out "
        f"{out} --resume"
    )


def _recorded(record: Mapping[str, Any], out: Path) -> Recorded:
    """Take from a record what a run did."""
    summary = pd.DataFrame()
    if not all(one["error"] for one in record["inputs"]):
        summary = read_table(
            out / SUMMARY, ("image", "n_localizations", "n_clusters", "n_clustered")
        )
    try:
        settings = _settings(record["arguments"])
        card = None if record["model"] is None else ModelCard.of(record["model"])
        if (card is None) != (settings.method != OURS):
            raise ValueError("it names no network")
        outcomes = tuple(_outcome(one, out, summary) for one in record["inputs"])
    except (CamlError, *FAULTS) as error:
        raise TableError(
            f"it is no record of a run of caml analyse, or is damaged ({error}); analyse the "
            "tables again",
            path=out / RECORD,
        ) from error
    empty = [one.folder.name for one in outcomes if not one.error and not len(one.summary)]
    if empty:
        raise TableError(f"there is no row for {', '.join(empty[:5])}", path=out / SUMMARY)
    return Recorded(Batch(outcomes, summary, settings), card)


def provenance_of(outcome: Outcome, settings: Settings) -> Provenance:
    """Tell where results came from, as their page tells it.

    Parameters
    ----------
    outcome : Outcome
        What became of the file.
    settings : Settings
        What was asked for.

    Returns
    -------
    Provenance
        The file, what was asked for, and what should be known.
    """
    return Provenance(
        path=outcome.path, sha256=outcome.sha256, settings=settings, warnings=outcome.warnings
    )


def _outcome(given: Mapping[str, Any], out: Path, summary: pd.DataFrame) -> Outcome:
    """Take from a record what became of a file."""
    name, error = str(given["folder"]), str(given["error"] or "")
    if name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(f"{name!r} is no name of a folder")
    rows = pd.DataFrame() if error else summary[summary["image"] == name].reset_index(drop=True)
    return Outcome(
        path=Path(str(given["path"])),
        folder=out / name,
        error=error,
        warnings=tuple(map(str, given.get("warnings", ()))),
        summary=rows,
        sha256=str(given.get("sha256", "")),
        seconds={str(stage): float(took) for stage, took in given.get("seconds", {}).items()},
        details=str(given.get("details", "")),
        found_by=str(given.get("found_by", "")),
        history=tuple(map(str, given.get("history", ()))),
    )


def _settings(given: Mapping[str, Any]) -> Settings:
    """Take from a record what was asked for."""
    asked: dict[str, Any] = {"method": str(given["method"])}
    if asked["method"] == OURS:
        prior = given["prior"]
        asked |= {
            "model": str(given["model"]),
            "threshold": float(given["threshold"]),
            "prior": prior if isinstance(prior, str) else float(prior),
        }
        check_threshold(asked["threshold"])
        check_prior(asked["prior"])
    else:
        # JSON knows no infinity.
        asked["parameters"] = {
            str(name): float(value) if value in ("inf", "-inf") else value
            for name, value in given["parameters"].items()
        }
    regions = tuple(
        Region(shapely.from_wkt(one["wkt"]), str(one["name"])) for one in given["regions"]
    )
    size, columns, tile = given["pixel_size_nm"], given["columns"], given.get("tile_size")
    return Settings(
        **asked,
        regions=regions,
        pixel_size_nm=None if size is None else float(size),
        columns=None if columns is None else {str(k): str(v) for k, v in columns.items()},
        file_format="parquet" if given["format"] == "parquet" else "csv",
        tile_size=None if tile is None else int(tile),
    )
