"""``caml prepare``: localization tables in, the same filtered, drift-corrected and merged out."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import platform
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from caml._words import counted
from caml.cli.files import named
from caml.cli.options import COLUMNS, FILE_FORMAT, PIXEL_SIZE, Number, columns_of

if TYPE_CHECKING:
    from caml.localizations import Localizations
    from caml.prepare import Drift

__all__ = ["prepare"]

RECORD = "prepare.json"

Ranges = dict[str, tuple[float | None, float | None]]


class _Range(click.ParamType):  # type: ignore[type-arg]
    """A column and the values of it to keep: ``NAME=LOW:HIGH``."""

    name = "range"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[float | None, float | None]]:
        """Return the name and the two ends, None where it is open."""
        name, _, span = str(value).rpartition("=")
        ends = span.split(":")
        try:
            low, high = (float(end) if end.strip() else None for end in ends)
        except ValueError:
            low = high = math.nan
        numbers = [end for end in (low, high) if end is not None]
        if not name.strip() or not numbers or any(map(math.isnan, numbers)):
            self.fail(f"{value!r} is not NAME=LOW:HIGH with one end or both.", param, ctx)
        if numbers[0] > numbers[-1]:
            self.fail(f"{value!r} ends below where it begins.", param, ctx)
        return name.strip(), (low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """What is asked for."""

    ranges: Ranges
    n_bins: int | None
    furthest_nm: float
    merge: bool
    distance_nm: float
    frames_off: int

    def record(self) -> dict[str, Any]:
        """Tell what the tables depend on beside the files."""
        found: dict[str, Any] = {}
        if self.ranges:
            found["keep"] = {name: list(ends) for name, ends in self.ranges.items()}
        if self.n_bins is not None:
            found["drift"] = {"n_bins": self.n_bins, "furthest_nm": self.furthest_nm}
        if self.merge:
            found["merge"] = {"distance_nm": self.distance_nm, "frames_off": self.frames_off}
        return found


@click.command(short_help="Filter, correct for drift, and merge what reappears.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of the tables."
)
@click.option(
    "--keep",
    "kept",
    multiple=True,
    type=_Range(),
    metavar="NAME=LOW:HIGH",
    help="Keep localizations whose value in a column lies in a range, either end of which may be "
    "left open. May be given more than once.",
)
@click.option("--drift", is_flag=True, help="Correct x and y for drift, by cross-correlation.")
@click.option(
    "--drift-bins",
    default=5,
    show_default=True,
    type=click.IntRange(min=2),
    help="Images that the recording is divided into.",
)
@click.option(
    "--drift-furthest",
    default=500.0,
    show_default=True,
    type=Number(min=0, min_open=True),
    metavar="NM",
    help="How far two of them may be shifted from each other.",
)
@click.option("--merge", is_flag=True, help="Merge localizations that reappear: a molecule's.")
@click.option(
    "--merge-distance",
    default=50.0,
    show_default=True,
    type=Number(min=0, min_open=True),
    metavar="NM",
    help="Closer than this to the last detection.",
)
@click.option(
    "--merge-frames",
    default=25,
    show_default=True,
    type=click.IntRange(min=0),
    help="Dark frames in between, at most.",
)
@PIXEL_SIZE
@COLUMNS
@FILE_FORMAT
@click.option("--overwrite", is_flag=True, help="Replace earlier tables.")
def prepare(
    files: tuple[Path, ...],
    out: Path,
    kept: tuple[tuple[str, tuple[float | None, float | None]], ...],
    drift: bool,
    drift_bins: int,
    drift_furthest: float,
    merge: bool,
    merge_distance: float,
    merge_frames: int,
    pixel_size_nm: float | None,
    columns: str | None,
    file_format: str,
    overwrite: bool,
) -> int:
    """Prepare tables for the search for clusters: filter, correct for drift, merge, in this order.

    For each of FILES a table of the same name, with every column of it; with --drift also
    drift/NAME.csv and drift/NAME.png. prepare.json says what was done. Nothing is done that is not
    asked for.

    \b
    The paper's steps, for a table of ThunderSTORM's:
      caml prepare cell.csv --out prepared --keep intensity=500:5000
        --keep sigma=50:250 --keep uncertainty=:25 --drift --merge
    """
    from caml.analyse.jobs import check_free, plan

    steps = _Steps(
        ranges=dict(kept),
        n_bins=drift_bins if drift else None,
        furthest_nm=drift_furthest,
        merge=merge,
        distance_nm=merge_distance,
        frames_off=merge_frames,
    )
    if not steps.record():
        raise click.UsageError(
            "nothing to do: ask for --keep NAME=LOW:HIGH, --drift, --merge, or several of them"
        )
    if len(steps.ranges) < len(kept):
        raise click.UsageError("--keep takes each column once: give both ends of its range")
    roles = columns_of(columns)
    jobs = [
        (path, place.with_name(f"{place.name}.{file_format}"))
        for path, place in plan(list(files), out)
    ]
    beside = [RECORD]
    if drift:
        beside += [f"drift/{place.stem}{end}" for _, place in jobs for end in (".csv", ".png")]
    check_free(out, jobs, beside, replace=overwrite)
    how = {"pixel_size_nm": pixel_size_nm, "columns": roles}
    done: list[dict[str, Any]] = []
    for path, place in jobs:
        done.append(_prepare_file(path, place, steps, how, overwrite=overwrite))
        # Written anew after each file, so that it is there whenever the run ends.
        _write_record(out / RECORD, {**steps.record(), **how, "format": file_format}, done)
    return 1 if any(one["error"] for one in done) else 0


def _prepare_file(
    path: Path, place: Path, steps: _Steps, how: dict[str, Any], *, overwrite: bool
) -> dict[str, Any]:
    """Prepare one file, say what became of it, and return what the record has of it."""
    from caml.analyse.jobs import as_text
    from caml.errors import CamlError, CamlWarning
    from caml.io import read

    found: dict[str, Any] = {"path": as_text(path), "sha256": "", "error": "", "warnings": []}
    try:
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always", CamlWarning)
            localizations = read(path, **how)
            prepared, drift = _apply(localizations, steps)
        found["warnings"] = [
            named(path, str(note.message))
            for note in notes
            if issubclass(note.category, CamlWarning)
        ]
        _write(place, prepared, drift, overwrite=overwrite)
        if path.is_file():
            with path.open("rb") as file:
                found["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    except CamlError as error:
        found["error"] = named(path, str(error))
        click.echo(f"caml: error: {found['error']}", err=True)
        return found
    found |= {
        "table": place.name,
        "n_read": len(localizations),
        "n_prepared": len(prepared),
        "drift_precision_nm": None if drift is None else drift.precision_nm,
        "history": list(prepared.history),
    }
    for text in found["warnings"]:
        click.echo(f"caml: warning: {text}", err=True)
    n_read = counted(len(localizations), "localization")
    click.echo(f"{path}: {n_read}, {len(prepared):,} left -> {place}")
    for line in prepared.history[len(localizations.history) :]:
        click.echo(f"  {line}")
    return found


def _apply(localizations: Localizations, steps: _Steps) -> tuple[Localizations, Drift | None]:
    """Do what is asked for, in the order of the paper."""
    from caml.prepare import (
        correct_drift,
        estimate_drift,
        filter_localizations,
        merge_reappearing,
    )

    drift = None
    if steps.ranges:
        localizations = filter_localizations(localizations, ranges=steps.ranges)
    if steps.n_bins is not None:
        drift = estimate_drift(localizations, n_bins=steps.n_bins, furthest_nm=steps.furthest_nm)
        localizations = correct_drift(localizations, drift)
    if steps.merge:
        localizations = merge_reappearing(
            localizations, distance_nm=steps.distance_nm, frames_off=steps.frames_off
        )
    return localizations, drift


def _write(
    place: Path, localizations: Localizations, drift: Drift | None, *, overwrite: bool
) -> None:
    """Write the table, and the drift beside it: all of them or none."""
    from caml.io import position_table, whole_file, write_table
    from caml.plot import save_drift

    with ExitStack() as files:
        if drift is not None:
            base = place.parent / "drift" / place.stem
            for end in (".csv", ".png"):
                partial = files.enter_context(
                    whole_file(base.with_name(f"{base.name}{end}"), overwrite=overwrite)
                )
                if end == ".csv":
                    write_table(partial, drift.table.round(3))
                else:
                    save_drift(drift, partial)
        write_table(
            place,
            position_table(localizations),
            file_format="parquet" if place.suffix == ".parquet" else "csv",
            overwrite=overwrite,
        )


def _write_record(path: Path, arguments: dict[str, Any], inputs: list[dict[str, Any]]) -> None:
    """Write down what was done to what, so that it can be repeated and cited."""
    from caml._version import __version__
    from caml.io import write_json

    record = {
        "caml": __version__,
        "date": dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
        "arguments": arguments,
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("numpy", "scipy", "pandas")},
        },
        "inputs": inputs,
    }
    write_json(path, record, overwrite=True)
