"""Many files into one folder of results: what fails is told, the rest is written."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from caml._version import __version__
from caml.analyse.by_method import OURS
from caml.analyse.chain import rounded
from caml.analyse.crew import Crew, Dask, crew
from caml.analyse.jobs import Job, as_text, check_free, plan
from caml.analyse.ledger import Ledger, Outcome, identity
from caml.analyse.one_file import (
    Picture,
    Progress,
    Report,
    analyse_file,
    analyse_in_tiles,
    forget_tiles,
    has_tiles,
    is_tiled,
    without_result,
)
from caml.analyse.record import Settings, arguments, record, regions_geojson
from caml.analyse.saved import Format
from caml.analyse.workers import in_processes, uninterrupted
from caml.errors import InputError, OutputError
from caml.io import (
    remove_leftovers,
    whole_file,
    write_json,
    write_table,
)
from caml.io.run_folders import PAGE, RECORD, REGIONS, SUMMARY
from caml.localizations import Region
from caml.models import load_model
from caml.prior import Prior

__all__ = ["Batch", "Outcome", "Picture", "Report", "analyse_files"]

# Files that are done, while others are not.
UNFINISHED = ".unfinished"

# What is written beside the folders.
BESIDE = (SUMMARY, RECORD, PAGE, REGIONS)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What became of all files, in the order they were given.

    Parameters
    ----------
    outcomes : tuple of Outcome
        One per file.
    summary : DataFrame
        A row per image or region.
    settings : Settings
        What was asked for.
    """

    outcomes: tuple[Outcome, ...]
    summary: pd.DataFrame
    settings: Settings


def analyse_files(
    paths: Iterable[str | Path],
    out: str | Path,
    *,
    model: str | Path = "LOGNM1",
    threshold: float = 0.5,
    prior: Prior = "auto",
    method: str = OURS,
    parameters: Mapping[str, Any] | None = None,
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
    report: Report | None = None,
    on_outcome: Callable[[Outcome, int, int], None] | None = None,
    on_progress: Progress | None = None,
) -> Batch:
    """Analyse files and write a folder of results for each, a summary and a record of the run.

    Parameters
    ----------
    paths : iterable of str or Path
        The localization tables.
    out : str or Path
        The folder of results; made if it is not there.
    model : str or Path, default "LOGNM1"
        The network's name or file.
    threshold : float, default 0.5
        A probability of at least this is clustered.
    prior : {"auto", "image", "balanced"} or float, default "auto"
        The share of the clustered that labels assume; see `caml.analyse`.
    method : str, default "caml"
        One of `caml.methods.METHODS` to find clusters by another method than a network; see
        `caml.analyse`.
    parameters : mapping of str to object, optional
        What is chosen of that method.
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
        Analyse tables of parquet or text in tiles of about so many localizations, with the same
        results. By default those that would not fit in memory are.
    overwrite : bool, default False
        Whether earlier results in `out` are replaced.
    resume : bool, default False
        Whether to go on with what an interrupted run left in `out`.
    picture : callable, optional
        Draws each analysis into its folder: called with an `Analysis` (of a table in tiles with a
        `Found`, which reads them one by one) and the folder.
    report : callable, optional
        Writes a page about each analysis into its folder: called with the same, and where it came
        from (`Provenance`).
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
    InputError
        If there is no such method or parameter, or the method is to work in tiles.
    OutputError
        If `out` holds earlier results and `overwrite` is false, an unfinished run is not resumed or
        was another one, or it cannot be written.
    WorkersError
        If the scheduler cannot be reached, or its workers cannot do it.
    """
    out = Path(out)
    card = load_model(model).card if method == OURS else None
    if method != OURS:
        from caml.methods import checked_parameters

        parameters = checked_parameters(method, parameters or {})
        if tile_size is not None:
            raise InputError(f"{method} looks at whole images: leave out the size of tiles")
    settings = Settings(
        model=_anywhere(model),
        threshold=threshold,
        prior=prior,
        method=method,
        parameters=dict(parameters or {}),
        regions=tuple(regions),
        pixel_size_nm=pixel_size_nm,
        columns=columns,
        file_format=file_format,
        tile_size=tile_size,
        overwrite=overwrite,
    )
    jobs = plan([Path(path) for path in paths], out)
    ledger = Ledger(out / UNFINISHED)
    manifest = {
        "version": __version__,
        "network": "" if card is None else card.sha256,
        "inputs": identity([path for path, _ in jobs]),
        "arguments": arguments(settings),
    }
    start = time.perf_counter()
    is_new, outcomes = _begin(out, jobs, ledger, manifest, overwrite=overwrite, resume=resume)
    resumed = sorted(outcomes)
    todo = [job for job in jobs if job[1].name not in outcomes]
    # The way is free, so what stands in it from here on is this run's own: of a process that died,
    # or a run that was killed, between writing a result and telling of it.
    settings = replace(settings, overwrite=True)
    interrupted = True
    try:
        tiled = [job for job in todo if is_tiled(job[0], settings)]
        with crew(scheduler, n_jobs if tiled else 1) as hands:
            for folder in _needed(out, todo, model if method == OURS else ""):
                hands.check_folder(folder)
            whole = functools.partial(
                analyse_file, settings=settings, picture=picture, report=report
            )
            parts = functools.partial(
                analyse_in_tiles, settings=settings, hands=hands, picture=picture, report=report
            )
            for outcome in _run(todo, tiled, whole, parts, n_jobs, hands, on_progress):
                outcomes[outcome.folder.name] = outcome
                ledger.note(outcome)
                if not outcome.error:
                    forget_tiles(outcome.folder)
                if on_outcome is not None:
                    on_outcome(outcome, len(outcomes), len(jobs))
        interrupted = False
    finally:
        done = tuple(outcomes[folder.name] for _, folder in jobs if folder.name in outcomes)
        batch = Batch(done, _join([one.summary for one in done]), settings)
        kept = record(done, settings, card, jobs, interrupted=interrupted)
        kept["arguments"] |= {
            "out": as_text(out),
            "overwrite": overwrite,
            "n_jobs": n_jobs,
            "scheduler": scheduler,
        }
        kept["resumed"] = resumed
        kept["seconds"] = round(time.perf_counter() - start, 3)
        in_tiles = any(has_tiles(folder) for _, folder in jobs)
        is_whole = not interrupted and not any(one.error for one in done)
        _conclude(batch, out, kept, overwrite=overwrite or resume)
        if is_whole or (all(one.error for one in done) and not in_tiles):
            ledger.end()
        if is_new:
            with suppress(OSError):
                out.rmdir()  # only if it is empty
    return batch


def _needed(out: Path, jobs: Sequence[Job], model: str | Path) -> set[Path]:
    """List the folders that workers must see; what is not there is told of its file."""
    files = [path for path, _ in jobs] + ([Path(model)] if _is_file(model) else [])
    return {out.absolute(), *(path.absolute().parent for path in files if path.exists())}


def _begin(
    out: Path,
    jobs: Sequence[Job],
    ledger: Ledger,
    manifest: Mapping[str, Any],
    *,
    overwrite: bool,
    resume: bool,
) -> tuple[bool, dict[str, Outcome]]:
    """Refuse what must not be, or make a start.

    Returns whether the folder of results was made, and what became of the files that are done.
    """
    ledger.refuse(resume=resume, overwrite=overwrite)
    goes_on = resume and ledger.root.is_dir()
    if resume and not goes_on and (out / RECORD).exists():
        raise OutputError(
            f"{out} holds a run that is finished: there is nothing to go on with; start anew with "
            "--overwrite, or choose another --out"
        )
    is_new = check_free(out, jobs, BESIDE, replace=overwrite or goes_on)
    try:
        found = ledger.begin(manifest, resume=resume, overwrite=overwrite)
    except BaseException:
        if is_new:
            out.rmdir()
        raise
    outcomes = {
        folder.name: replace(found[folder.name], path=path)
        for path, folder in jobs
        if folder.name in found
    }
    # What processes that were killed left, and work for what is done, or begun anew.
    for _, folder in jobs:
        remove_leftovers(folder)
        if folder.name in outcomes or not goes_on:
            forget_tiles(folder)
    for path in (ledger.root, *(out / name for name in BESIDE)):
        remove_leftovers(path)
    return is_new, outcomes


def _anywhere(model: str | Path) -> str:
    """Name a network so that workers find it: its file, if it is one, from the root on."""
    return str(Path(model).absolute()) if _is_file(model) else str(model)


def _is_file(model: str | Path) -> bool:
    return Path(model).suffix.lower() == ".onnx"


def _conclude(batch: Batch, out: Path, record: dict[str, Any], *, overwrite: bool) -> None:
    """Write the summary and the record of what was done, if anything was."""
    with uninterrupted():
        if not all(one.error for one in batch.outcomes):
            write_table(out / SUMMARY, rounded(batch.summary), overwrite=overwrite)
        # Also where nothing succeeded but caml itself failed: it holds the details.
        if not all(one.error and not one.details for one in batch.outcomes):
            write_json(out / RECORD, record, overwrite=overwrite)
            # Of an earlier run that is replaced.
            (out / REGIONS).unlink(missing_ok=True)
            if polygons := regions_geojson(batch.settings):
                with whole_file(out / REGIONS) as partial:
                    partial.write_text(f"{polygons}\n", encoding="utf-8")


def _run(
    jobs: Sequence[Job],
    tiled: Sequence[Job],
    one: Callable[..., Outcome],
    in_tiles: Callable[..., Outcome],
    n_jobs: int,
    hands: Crew,
    on_progress: Progress | None,
) -> Iterator[Outcome]:
    """Analyse all files, here or in processes of their own, and give each outcome when it is."""
    whole = [job for job in jobs if job not in tiled]
    if isinstance(hands, Dask):
        # Workers have working directories of their own.
        given = {folder.absolute(): (path, folder) for path, folder in whole}
        jobs = [(path.absolute(), folder) for folder, (path, _) in given.items()]
        for outcome in hands.each(one, jobs, without_result):
            path, folder = given[outcome.folder]
            yield replace(outcome, path=path, folder=folder)
    elif n_jobs <= 1 or len(whole) <= 1:
        yield from (one(job, on_progress=on_progress) for job in whole)
    else:
        yield from in_processes(one, whole, n_jobs, without_result)
    for job in tiled:
        yield in_tiles(job, on_progress=on_progress)


def _join(summaries: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [summary for summary in summaries if len(summary)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
