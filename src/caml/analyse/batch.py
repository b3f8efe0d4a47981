"""Many files into one folder of results: what fails is told, the rest is written."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import logging
import os
import platform
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from caml._version import __version__
from caml.analyse.chain import RESULTS, Analysis, Format, analyse, rounded
from caml.analyse.workers import check_stop, in_processes, uninterrupted
from caml.errors import CamlError, CamlWarning, MissingFileError, OutputError
from caml.io import read, whole_folder, write_json, write_table
from caml.localizations import Region
from caml.models import ModelCard, load_model

__all__ = ["Batch", "Outcome", "Picture", "analyse_files"]

logger = logging.getLogger(__name__)

# Draws an analysis into a folder; the figures live above this floor and are handed down.
Picture = Callable[[Analysis, Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is the same for all files of a batch."""

    model: str = "XPILJZ"
    threshold: float = 0.5
    regions: tuple[Region, ...] = ()
    pixel_size_nm: float | None = None
    columns: Mapping[str, str] | None = None
    file_format: Format = "csv"
    overwrite: bool = False


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Outcome:
    """What became of one file.

    Parameters
    ----------
    path : Path
        The input.
    folder : Path
        Where its results are, if there are any.
    error : str
        Why there are none; empty if all went well.
    warnings : tuple of str
        What should be known of the results.
    summary : DataFrame
        Its rows of the summary.
    sha256 : str
        Of the input.
    seconds : dict of str to float
        How long each stage took.
    details : str
        The traceback of an error that caml did not foresee.
    """

    path: Path
    folder: Path
    error: str = ""
    warnings: tuple[str, ...] = ()
    summary: pd.DataFrame = field(default_factory=pd.DataFrame)
    sha256: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    details: str = ""


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
    overwrite: bool = False,
    picture: Picture | None = None,
    on_outcome: Callable[[Outcome, int, int], None] | None = None,
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
        How many files at once, each in a process of its own.
    overwrite : bool, default False
        Whether earlier results in `out` are replaced.
    picture : callable, optional
        Draws each analysis into its folder.
    on_outcome : callable, optional
        Called as each file is done, with the outcome, how many are done, and how many there are.

    Returns
    -------
    Batch
        What became of each file. One that fails does not stop the others.

    Raises
    ------
    ModelError
        If there is no such network.
    OutputError
        If `out` holds earlier results and `overwrite` is false, or cannot be written.
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
        overwrite=overwrite,
    )
    jobs = _plan([Path(path) for path in paths], out)
    is_new = _check_free(out, jobs, overwrite=overwrite)
    start = time.perf_counter()
    outcomes: dict[Path, Outcome] = {}
    interrupted = True
    try:
        for outcome in _run(jobs, settings, picture, n_jobs):
            outcomes[outcome.folder] = outcome
            if on_outcome is not None:
                on_outcome(outcome, len(outcomes), len(jobs))
        interrupted = False
    finally:
        done = tuple(outcomes[folder] for _, folder in jobs if folder in outcomes)
        batch = Batch(done, _join([one.summary for one in done]))
        record = _record(batch, settings, card, jobs, interrupted=interrupted)
        record["arguments"] |= {"out": _text(out), "n_jobs": n_jobs}
        record["seconds"] = round(time.perf_counter() - start, 3)
        _conclude(batch, out, record, overwrite=overwrite, is_new=is_new)
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


def _plan(paths: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Give every file a folder of its own, even where file names are the same."""
    unique = list({path.resolve(): path for path in reversed(paths)}.values())[::-1]
    # Picasso writes a yaml beside each table, and both come with a pattern such as folder/*.
    tables = {path.with_suffix("") for path in unique if path.suffix.lower() in (".hdf5", ".h5")}
    unique = [
        path
        for path in unique
        if not (path.suffix.lower() in (".yaml", ".yml") and path.with_suffix("") in tables)
    ]
    stems = Counter(_folder_name(path).casefold() for path in unique)
    jobs: list[tuple[Path, Path]] = []
    taken = {"summary.csv", "run.json"}
    for path in unique:
        name = _folder_name(path)
        if stems[name.casefold()] > 1:
            # Most often cell_1.csv of several conditions' folders: the folder tells them apart.
            name = f"{path.absolute().parent.name}_{name}"
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.casefold())
        jobs.append((path, out / candidate))
    return jobs


def _folder_name(path: Path) -> str:
    """Return a file's name without its ending, as a name that every file system takes."""
    return _text(path.stem).strip(". ") or "table"


def _text(path: str | Path) -> str:
    """Return a path as text; bytes in it that are no text become question marks."""
    return os.fsencode(path).decode("utf-8", "replace").replace("\ufffd", "_")


def _check_free(out: Path, jobs: Sequence[tuple[Path, Path]], *, overwrite: bool) -> bool:
    """Refuse to touch earlier results or inputs before anything is computed.

    Returns whether the folder of results was made here.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file: --out takes a folder")
    wanted = [*(folder for _, folder in jobs), out / "summary.csv", out / "run.json"]
    existing = [path for path in wanted if path.exists()]
    if existing and not overwrite:
        names = ", ".join(path.name for path in existing[:5])
        more = f" and {len(existing) - 5} more" if len(existing) > 5 else ""
        raise OutputError(
            f"{out} holds earlier results ({names}{more}): choose another --out, or replace them "
            "with --overwrite"
        )
    replaced = {path.resolve() for path in existing}
    for path, _ in jobs:
        if not replaced.isdisjoint((path.resolve(), *path.resolve().parents)):
            raise OutputError(
                f"{path} is an input and lies in results that would be replaced: choose another "
                "--out"
            )
    is_new = not out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}") from error
    return is_new


def _run(
    jobs: Sequence[tuple[Path, Path]], settings: Settings, picture: Picture | None, n_jobs: int
) -> Iterator[Outcome]:
    """Analyse all files, here or in processes of their own, and give each outcome when it is."""
    one = functools.partial(_analyse_file, settings=settings, picture=picture)
    if n_jobs <= 1 or len(jobs) == 1:
        return map(one, jobs)
    return in_processes(one, jobs, n_jobs, _without_result)


def _without_result(job: tuple[Path, Path], error: BaseException) -> Outcome:
    path, folder = job
    return Outcome(
        path=path,
        folder=folder,
        error=f"{path}: its process ended without a result ({error}); memory may have run out: try "
        "a smaller --jobs",
    )


def _analyse_file(
    job: tuple[Path, Path], *, settings: Settings, picture: Picture | None
) -> Outcome:
    """Analyse one file and write its folder; a failure is an outcome too."""
    path, folder = job
    noted: list[warnings.WarningMessage] = []
    sha256 = ""
    try:
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always", CamlWarning)
            start = time.perf_counter()
            sha256 = _sha256(path)
            check_stop()
            localizations = read(
                path, pixel_size_nm=settings.pixel_size_nm, columns=settings.columns
            )
            seconds = {"read": round(time.perf_counter() - start, 3)}
            analysis = analyse(
                replace(localizations, name=folder.name),
                model=settings.model,
                threshold=settings.threshold,
                regions=settings.regions,
                progress=lambda _stage, _share: check_stop(),
            )
            start = time.perf_counter()
            with whole_folder(folder, overwrite=settings.overwrite, names=RESULTS) as partial:
                analysis.write(partial, file_format=settings.file_format)
                if picture is not None:
                    picture(analysis, partial)
            seconds |= analysis.seconds
            seconds["write"] = round(time.perf_counter() - start, 3)
        return Outcome(
            path=path,
            folder=folder,
            warnings=_texts(noted),
            summary=analysis.description.summary,
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


def _record(
    batch: Batch,
    settings: Settings,
    card: ModelCard,
    jobs: Sequence[tuple[Path, Path]],
    *,
    interrupted: bool,
) -> dict[str, Any]:
    """Write down what was run on what, so that it can be repeated and cited."""
    packages = ("numpy", "scipy", "pandas", "shapely", "onnxruntime")
    finished = {one.folder for one in batch.outcomes}
    return {
        "caml": __version__,
        "date": dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
        "interrupted": interrupted,
        "arguments": {
            "model": settings.model,
            "threshold": settings.threshold,
            "regions": [
                {"name": region.name, "wkt": region.polygon.wkt} for region in settings.regions
            ],
            "pixel_size_nm": settings.pixel_size_nm,
            "columns": dict(settings.columns) if settings.columns else None,
            "format": settings.file_format,
            "overwrite": settings.overwrite,
        },
        "model": asdict(card),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in packages},
        },
        "inputs": [
            {
                "path": _text(one.path),
                "folder": one.folder.name,
                "sha256": one.sha256,
                "error": one.error,
                "details": one.details,
                "warnings": list(one.warnings),
                "seconds": dict(one.seconds),
            }
            for one in batch.outcomes
        ],
        "not_analysed": [_text(path) for path, folder in jobs if folder not in finished],
    }
