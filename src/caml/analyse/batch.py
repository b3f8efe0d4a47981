"""Many files into one folder of results: what fails is told, the rest is written."""

from __future__ import annotations

import functools
import hashlib
import logging
import shutil
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from caml._machine import memory_bytes
from caml._version import __version__
from caml.analyse.chain import RESULTS, Analysis, Format, analyse, rounded
from caml.analyse.crew import Crew, Dask, crew
from caml.analyse.jobs import Job, as_text, check_free, plan, remove_partial
from caml.analyse.ledger import Ledger, Outcome, identity
from caml.analyse.record import Settings, arguments, record
from caml.analyse.region import classify_regions
from caml.analyse.tiled import TILE_SIZE, analyse_tiled, unfinished
from caml.analyse.workers import check_stop, in_processes, uninterrupted
from caml.errors import CamlError, CamlWarning, MissingFileError, OutputError
from caml.io import is_parquet, parquet_rows, read, whole_folder, write_json, write_table
from caml.localizations import Region
from caml.models import load_model

__all__ = ["Batch", "Outcome", "Picture", "analyse_files"]

logger = logging.getLogger(__name__)

# Files that are done, while others are not.
UNFINISHED = ".unfinished"

# What an analysis in memory takes, its table included (benchmarks/bench_scale.py: 320).
BYTES_PER_LOCALIZATION = 400

# Draws an analysis into a folder; the figures live above this floor and are handed down.
Picture = Callable[[Analysis, Path], None]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What became of all files, in the order they were given.

    Parameters
    ----------
    outcomes : tuple of Outcome
        One per file.
    summary : DataFrame
        A row per image or region.
    """

    outcomes: tuple[Outcome, ...]
    summary: pd.DataFrame


def analyse_files(
    paths: Iterable[str | Path],
    out: str | Path,
    *,
    model: str | Path = "XPILJZ",
    threshold: float = 0.5,
    regions: Sequence[Region] = (),
    pixel_size_nm: float | None = None,
    columns: Mapping[str, str] | None = None,
    file_format: Format = "csv",
    n_jobs: int = 1,
    scheduler: str | None = None,
    tile_size: int | None = None,
    overwrite: bool = False,
    resume: bool = False,
    picture: Picture | None = None,
    on_outcome: Callable[[Outcome, int, int], None] | None = None,
    on_progress: Callable[[Path, str, float], None] | None = None,
) -> Batch:
    """Analyse files and write a folder of results for each, a summary and a record of the run.

    Parameters
    ----------
    paths : iterable of str or Path
        The localization tables.
    out : str or Path
        The folder of results; made if it is not there.
    model : str or Path, default "XPILJZ"
        The network's name or file.
    threshold : float, default 0.5
        A score of at least this is clustered.
    regions : sequence of Region, optional
        The parts to describe.
    pixel_size_nm : float, optional
        Camera pixel size, for tables in pixels.
    columns : mapping of str to str, optional
        Which column (name or number) is x, y, …, where the header does not say.
    file_format : {"csv", "parquet"}, default "csv"
        Of the localizations' tables.
    n_jobs : int, default 1
        How many files at once, each in a process of its own; of a table that is analysed in tiles,
        how many tiles.
    scheduler : str, optional
        The address of a Dask scheduler whose workers do the work instead.
    tile_size : int, optional
        Analyse tables in parquet in tiles of about so many localizations, with the same results. By
        default those that would not fit in memory are.
    overwrite : bool, default False
        Whether earlier results in `out` are replaced.
    resume : bool, default False
        Whether to go on with what an interrupted run left in `out`.
    picture : callable, optional
        Draws each analysis into its folder.
    on_outcome : callable, optional
        Called as each file is done, with the outcome, how many are done, and how many there are.
    on_progress : callable, optional
        Called now and then, where files are analysed one after the other, with the file, the stage
        and the share of it that is done.

    Returns
    -------
    Batch
        What became of each file. One that fails does not stop the others.

    Raises
    ------
    ModelError
        If there is no such network.
    OutputError
        If `out` holds earlier results and `overwrite` is false, an unfinished run is not resumed or
        was another one, or it cannot be written.
    WorkersError
        If the scheduler cannot be reached, or its workers cannot do it.
    """
    out = Path(out)
    card = load_model(model).card
    settings = Settings(
        model=str(model),
        threshold=threshold,
        regions=tuple(regions),
        pixel_size_nm=pixel_size_nm,
        columns=columns,
        file_format=file_format,
        tile_size=tile_size,
        overwrite=overwrite,
    )
    jobs = plan([Path(path) for path in paths], out)
    ledger = Ledger(out / UNFINISHED)
    is_new = check_free(out, jobs, overwrite=overwrite, resume=resume and ledger.root.is_dir())
    start = time.perf_counter()
    manifest = {
        "version": __version__,
        "network": card.sha256,
        "inputs": identity([path for path, _ in jobs]),
        "arguments": arguments(settings),
    }
    try:
        outcomes = ledger.begin(manifest, resume=resume, overwrite=overwrite)
    except BaseException:
        if is_new:
            out.rmdir()
        raise
    path_of = {folder.name: path for path, folder in jobs}
    outcomes = {name: replace(one, path=path_of[name]) for name, one in outcomes.items()}
    resumed = sorted(outcomes)
    todo = [job for job in jobs if job[1].name not in outcomes]
    for _, folder in todo:
        remove_partial(folder)
        if not resume:
            shutil.rmtree(unfinished(folder), ignore_errors=True)
    interrupted = True
    try:
        has_tiles = any(_is_tiled(job, settings) for job in todo)
        with crew(scheduler, n_jobs if has_tiles else 1) as hands:
            for outcome in _run(todo, settings, picture, n_jobs, hands, on_progress):
                outcomes[outcome.folder.name] = outcome
                ledger.note(outcome)
                if on_outcome is not None:
                    on_outcome(outcome, len(outcomes), len(jobs))
        interrupted = False
    finally:
        done = tuple(outcomes[folder.name] for _, folder in jobs if folder.name in outcomes)
        batch = Batch(done, _join([one.summary for one in done]))
        kept = record(done, settings, card, jobs, interrupted=interrupted)
        kept["arguments"] |= {
            "out": as_text(out),
            "overwrite": overwrite,
            "n_jobs": n_jobs,
            "scheduler": scheduler,
        }
        kept["resumed"] = resumed
        kept["seconds"] = round(time.perf_counter() - start, 3)
        goes_on = any(unfinished(folder).exists() for _, folder in jobs)
        is_whole = not interrupted and not any(one.error for one in done)
        if is_whole or (all(one.error for one in done) and not goes_on):
            ledger.end()
        _conclude(batch, out, kept, overwrite=overwrite or resume, is_new=is_new)
    return batch


def _conclude(
    batch: Batch, out: Path, record: dict[str, Any], *, overwrite: bool, is_new: bool
) -> None:
    """Write the summary and the record of what was done, if anything was."""
    with uninterrupted():
        if not all(one.error for one in batch.outcomes):
            write_table(out / "summary.csv", rounded(batch.summary), overwrite=overwrite)
        # Also where nothing succeeded but caml itself failed: it holds the details.
        if not all(one.error and not one.details for one in batch.outcomes):
            write_json(out / "run.json", record, overwrite=overwrite)
        if is_new:
            with suppress(OSError):
                out.rmdir()  # only if it is empty


def _run(
    jobs: Sequence[Job],
    settings: Settings,
    picture: Picture | None,
    n_jobs: int,
    hands: Crew,
    on_progress: Callable[[Path, str, float], None] | None,
) -> Iterator[Outcome]:
    """Analyse all files, here or in processes of their own, and give each outcome when it is."""
    tiled = [job for job in jobs if _is_tiled(job, settings)]
    others = [job for job in jobs if job not in tiled]
    one = functools.partial(_analyse_file, settings=settings, picture=picture)
    if isinstance(hands, Dask) and not tiled:
        yield from hands.each(one, others)
    elif n_jobs <= 1 or len(others) <= 1:
        yield from (one(job, on_progress=on_progress) for job in others)
    else:
        yield from in_processes(one, others, n_jobs, _without_result)
    for job in tiled:
        yield _analyse_in_tiles(job, settings, hands, on_progress)


def _is_tiled(job: Job, settings: Settings) -> bool:
    """Tell whether a file is analysed in tiles: a table in parquet, by wish or by its size."""
    path, _ = job
    if settings.regions or not is_parquet(path):
        return False
    if settings.tile_size is not None:
        return True
    try:
        return parquet_rows(path) * BYTES_PER_LOCALIZATION > memory_bytes() / 2
    except CamlError:
        return False  # reading it will tell why


def _without_result(job: tuple[Path, Path], error: BaseException) -> Outcome:
    path, folder = job
    return Outcome(
        path=path,
        folder=folder,
        error=f"{path}: its process ended without a result ({error}); memory may have run out: try "
        "a smaller --jobs",
    )


def _analyse_file(
    job: Job,
    *,
    settings: Settings,
    picture: Picture | None,
    on_progress: Callable[[Path, str, float], None] | None = None,
) -> Outcome:
    """Analyse one file and write its folder."""
    path, folder = job

    def report(stage: str, share: float) -> None:
        check_stop()
        if on_progress is not None:
            on_progress(path, stage, share)

    def work() -> tuple[pd.DataFrame, dict[str, float]]:
        start = time.perf_counter()
        classification = None
        if settings.regions and is_parquet(path):
            localizations, classification = classify_regions(
                path,
                settings.regions,
                load_model(settings.model),
                threshold=settings.threshold,
                pixel_size_nm=settings.pixel_size_nm,
                columns=settings.columns,
            )
        else:
            localizations = read(
                path, pixel_size_nm=settings.pixel_size_nm, columns=settings.columns
            )
        seconds = {"read": round(time.perf_counter() - start, 3)}
        analysis = analyse(
            replace(localizations, name=folder.name),
            model=settings.model,
            threshold=settings.threshold,
            regions=settings.regions,
            classification=classification,
            progress=report,
        )
        start = time.perf_counter()
        with whole_folder(folder, overwrite=settings.overwrite, names=RESULTS) as partial:
            analysis.write(partial, file_format=settings.file_format)
            if picture is not None:
                picture(analysis, partial)
        seconds |= analysis.seconds
        seconds["write"] = round(time.perf_counter() - start, 3)
        return analysis.description.summary, seconds

    return _outcome(job, work)


def _analyse_in_tiles(
    job: Job,
    settings: Settings,
    hands: Crew,
    on_progress: Callable[[Path, str, float], None] | None,
) -> Outcome:
    """Analyse one table tile by tile, going on with what an earlier run left of it."""
    path, folder = job

    def report(stage: str, share: float) -> None:
        if on_progress is not None:
            on_progress(path, stage, share)

    def work() -> tuple[pd.DataFrame, dict[str, float]]:
        return analyse_tiled(
            path,
            folder,
            model=settings.model,
            threshold=settings.threshold,
            pixel_size_nm=settings.pixel_size_nm,
            columns=settings.columns,
            tile_size=settings.tile_size or TILE_SIZE,
            crew=hands,
            overwrite=settings.overwrite,
            resume=True,
            progress=report,
        )

    return _outcome(job, work)


def _outcome(job: Job, work: Callable[[], tuple[pd.DataFrame, dict[str, float]]]) -> Outcome:
    """Do the work on one file; a failure is an outcome too."""
    path, folder = job
    noted: list[warnings.WarningMessage] = []
    sha256 = ""
    try:
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always", CamlWarning)
            sha256 = _sha256(path)
            check_stop()
            summary, seconds = work()
        return Outcome(
            path=path,
            folder=folder,
            warnings=_texts(noted),
            summary=summary,
            sha256=sha256,
            seconds=seconds,
        )
    except CamlError as error:
        text = _with_path(error, path)
        return Outcome(path=path, folder=folder, error=text, warnings=_texts(noted), sha256=sha256)
    except MemoryError:
        return Outcome(path=path, folder=folder, error=f"{path}: memory ran out")
    except Exception as error:  # one file's fault, whatever it is, must not cost the others
        return Outcome(
            path=path,
            folder=folder,
            error=f"{path}: unexpected {type(error).__name__}: {error}. This is a fault of caml: "
            "please report it with the details in run.json",
            details=traceback.format_exc(),
        )


def _with_path(error: CamlError, path: Path) -> str:
    """Return an error's text, naming the file that was read where it does not say."""
    text = str(error)
    named = isinstance(error, MissingFileError | OutputError) or str(path) in text
    return text if named else f"{path}: {text}"


def _texts(noted: Sequence[warnings.WarningMessage]) -> tuple[str, ...]:
    """Return the texts of caml's own warnings, each once; others go to the log."""
    for one in noted:
        if not issubclass(one.category, CamlWarning):
            logger.debug("%s: %s", one.category.__name__, one.message)
    texts = (str(one.message) for one in noted if issubclass(one.category, CamlWarning))
    return tuple(dict.fromkeys(texts))


def _join(summaries: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [summary for summary in summaries if len(summary)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def _sha256(path: Path) -> str:
    """Return a file's checksum; empty where it cannot be read, which reading it will tell."""
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        pass
    return ""
