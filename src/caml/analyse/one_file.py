"""One file of a batch: read, analysed and written, or told why not."""

from __future__ import annotations

import functools
import logging
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from caml._machine import memory_bytes
from caml.analyse.by_method import OURS
from caml.analyse.chain import RESULTS, Analysis, analyse
from caml.analyse.crew import Crew
from caml.analyse.found import Found
from caml.analyse.jobs import Job, as_text
from caml.analyse.ledger import Outcome
from caml.analyse.record import Provenance, Settings, checksum
from caml.analyse.region import classify_regions
from caml.analyse.tiled import TILE_SIZE, analyse_tiled, unfinished
from caml.analyse.workers import check_stop
from caml.errors import (
    CamlError,
    CamlWarning,
    DataWarning,
    MissingFileError,
    OutputError,
    WorkersError,
)
from caml.io import (
    check_replaceable,
    convert_to_parquet,
    is_parquet,
    is_text,
    parquet_rows,
    read,
    remove_leftovers,
    remove_whole,
    whole_folder,
)
from caml.models import load_model

__all__ = [
    "Picture",
    "Progress",
    "Report",
    "analyse_file",
    "analyse_in_tiles",
    "analysis_of",
    "beside",
    "converted_table",
    "forget_tiles",
    "has_tiles",
    "is_tiled",
    "texts_of",
    "without_result",
]

logger = logging.getLogger(__name__)

# What an analysis in memory takes, its table included (benchmarks/bench_scale.py: 320).
BYTES_PER_LOCALIZATION = 400
# The same for a byte of text: a row of a ThunderSTORM table has about 80.
MEMORY_PER_BYTE_OF_TEXT = 5

# Draws an analysis, or what was found in tiles, into a folder; the figures live above this floor
# and are handed down.
Picture = Callable[[Analysis | Found, Path], None]
# Writes a page about it, and where it came from, into a folder.
Report = Callable[[Analysis | Found, Path, Provenance], None]
# Is told the file, the stage and the share of it that is done.
Progress = Callable[[Path, str, float], None]
# The summary, how long each stage took, the network or method with its parameters, what was done.
Done = tuple[pd.DataFrame, dict[str, float], str, tuple[str, ...]]
# Of the checksum of a file, and what tells the warnings so far.
Work = Callable[[str, Callable[[], tuple[str, ...]]], Done]


def is_tiled(path: Path, settings: Settings) -> bool:
    """Tell whether a file is analysed in tiles: by wish or by its size, where it can be.

    Parameters
    ----------
    path : Path
        The table.
    settings : Settings
        What is asked for.

    Returns
    -------
    bool
        False also where the file cannot be read.
    """
    if settings.method != OURS:
        return False
    try:
        if is_parquet(path):
            # Of regions no more than they need is read.
            needed = 0 if settings.regions else parquet_rows(path) * BYTES_PER_LOCALIZATION
        elif is_text(path) and not settings.regions:
            needed = path.stat().st_size * MEMORY_PER_BYTE_OF_TEXT
        else:
            return False
    except (CamlError, OSError):
        return False  # reading it will tell why
    return needed > memory_bytes() / 2 or (needed > 0 and settings.tile_size is not None)


def without_result(job: Job, error: BaseException) -> Outcome:
    """Tell that nothing came of a file.

    Parameters
    ----------
    job : (Path, Path)
        The file and its folder.
    error : BaseException
        What the process that worked on it ended with.

    Returns
    -------
    Outcome
        With the error.
    """
    path, folder = job
    why = (
        str(error)
        if isinstance(error, WorkersError)
        else f"its process ended without a result ({error}); memory may have run out: "
        "analyse it in tiles (--tile), or a part of it (--region)"
    )
    return Outcome(path=path, folder=folder, error=f"{path}: {why}")


def analyse_file(
    job: Job,
    *,
    settings: Settings,
    picture: Picture | None = None,
    report: Report | None = None,
    on_progress: Progress | None = None,
) -> Outcome:
    """Analyse one file and write its folder.

    Parameters
    ----------
    job : (Path, Path)
        The file and its folder.
    settings : Settings
        What is asked for.
    picture : callable, optional
        Draws the analysis into its folder; a fault of it is a warning, and so of the page.
    report : callable, optional
        Writes a page about it into its folder.
    on_progress : callable, optional
        Called now and then.

    Returns
    -------
    Outcome
        What became of it.
    """
    path, folder = job

    def tell(stage: str, share: float) -> None:
        check_stop()
        if on_progress is not None:
            on_progress(path, stage, share)

    def work(sha256: str, warned: Callable[[], tuple[str, ...]]) -> Done:
        analysis = analysis_of(path, folder.name, settings, tell)
        start = time.perf_counter()
        with whole_folder(folder, overwrite=settings.overwrite, names=RESULTS) as partial:
            analysis.write(partial, file_format=settings.file_format)
            if picture is not None:
                beside(lambda: picture(analysis, partial), "picture was drawn", path)
            if report is not None:
                source = Provenance(path=path, sha256=sha256, settings=settings, warnings=warned())
                beside(lambda: report(analysis, partial, source), "page was written", path)
        seconds = analysis.seconds | {"write": round(time.perf_counter() - start, 3)}
        history = tuple(map(as_text, analysis.localizations.history))
        return analysis.description.summary, seconds, analysis.found_by, history

    return _outcome(job, work)


def analysis_of(
    path: Path, name: str, settings: Settings, report: Callable[[str, float], None]
) -> Analysis:
    """Read and analyse one file as a batch does, and write nothing.

    Parameters
    ----------
    path : Path
        The table.
    name : str
        What the image is called in the results.
    settings : Settings
        What is asked for.
    report : callable
        Called now and then with the stage and the share of it that is done; what it raises ends
        the analysis.

    Returns
    -------
    Analysis
        What was found; its seconds count the reading too.
    """
    start = time.perf_counter()
    classification = None
    if settings.regions and is_parquet(path) and settings.method == OURS:
        localizations, classification = classify_regions(
            path,
            settings.regions,
            load_model(settings.model),
            threshold=settings.threshold,
            prior=settings.prior,
            pixel_size_nm=settings.pixel_size_nm,
            columns=settings.columns,
        )
    else:
        localizations = read(path, pixel_size_nm=settings.pixel_size_nm, columns=settings.columns)
    read_s = round(time.perf_counter() - start, 3)
    report("read", 1.0)
    analysis = analyse(
        replace(localizations, name=name),
        model=settings.model,
        threshold=settings.threshold,
        prior=settings.prior,
        method=settings.method,
        parameters=settings.parameters,
        regions=settings.regions,
        classification=classification,
        progress=report,
    )
    return replace(analysis, seconds={"read": read_s} | analysis.seconds)


def analyse_in_tiles(
    job: Job,
    *,
    settings: Settings,
    hands: Crew,
    picture: Picture | None = None,
    report: Report | None = None,
    on_progress: Progress | None = None,
) -> Outcome:
    """Analyse one table tile by tile, going on with what an earlier run left of it.

    Parameters
    ----------
    job : (Path, Path)
        The file and its folder.
    settings : Settings
        What is asked for.
    hands : Crew
        Who works on the tiles.
    picture : callable, optional
        Draws what was found into its folder; a fault of it is a warning, and so of the page.
    report : callable, optional
        Writes a page about it into its folder.
    on_progress : callable, optional
        Called now and then.

    Returns
    -------
    Outcome
        What became of it. When that is noted, `forget_tiles` removes what the run worked with.
    """
    path, folder = job
    converted = converted_table(folder)

    def tell(stage: str, share: float) -> None:
        if on_progress is not None:
            on_progress(path, stage, share)

    def work(sha256: str, warned: Callable[[], tuple[str, ...]]) -> Done:
        start = time.perf_counter()
        table = path.absolute()
        if not is_parquet(path):
            table = converted
            if not table.exists():
                convert_to_parquet(
                    path,
                    table,
                    pixel_size_nm=settings.pixel_size_nm,
                    columns=settings.columns,
                    progress=functools.partial(tell, "read"),
                )
        read_s = round(time.perf_counter() - start, 3)
        try:
            summary, seconds = analyse_tiled(
                table,
                folder,
                model=settings.model,
                threshold=settings.threshold,
                prior=settings.prior,
                pixel_size_nm=settings.pixel_size_nm,
                columns=settings.columns,
                tile_size=settings.tile_size or TILE_SIZE,
                crew=hands,
                overwrite=settings.overwrite,
                resume=True,
                keep=True,
                progress=tell,
            )
        except OutputError as error:
            if has_tiles(folder) and "unfinished run" not in str(error):
                text = f"{error}; what is done is kept: go on with --resume"
                raise OutputError(text) from error
            raise
        if picture is not None or report is not None:
            start = time.perf_counter()
            tell("report", 0.0)
            source = Provenance(path=path, sha256=sha256, settings=settings)
            found = Found.in_parts(folder, summary, source)
            if picture is not None:
                beside(lambda: picture(found, folder), "picture was drawn", path)
            if report is not None:
                told = replace(source, warnings=tuple(map(in_the_users_words, warned())))
                beside(lambda: report(found, folder, told), "page was written", path)
            seconds["report"] = round(time.perf_counter() - start, 3)
        return summary, {"read": read_s} | seconds, load_model(settings.model).card.name, ()

    def in_the_users_words(text: str) -> str:
        return text.replace(str(converted), str(path)).replace(str(path.absolute()), str(path))

    outcome = _outcome(job, work)
    error = in_the_users_words(outcome.error)
    if error and not unfinished(folder).exists():
        forget_tiles(folder)
    return replace(outcome, error=error, warnings=tuple(map(in_the_users_words, outcome.warnings)))


def converted_table(folder: Path) -> Path:
    """Tell where a table of text is kept in parquet while it is analysed in tiles.

    Parameters
    ----------
    folder : Path
        Of its results.

    Returns
    -------
    Path
        A hidden file beside it.
    """
    return unfinished(folder).with_suffix(".parquet")


def has_tiles(folder: Path) -> bool:
    """Tell whether an analysis in tiles has left something to go on with.

    Parameters
    ----------
    folder : Path
        Of its results.

    Returns
    -------
    bool
        True if so.
    """
    return unfinished(folder).exists() or converted_table(folder).exists()


def forget_tiles(folder: Path) -> None:
    """Remove what an analysis in tiles worked with, and what one that was killed left of it.

    Parameters
    ----------
    folder : Path
        Of its results, which stay.
    """
    for hidden in (unfinished(folder), converted_table(folder)):
        if hidden.is_dir():
            remove_whole(hidden)
        else:
            hidden.unlink(missing_ok=True)
        remove_leftovers(hidden)


def beside(make: Callable[[], None], what: str, path: Path) -> None:
    """Make what lies beside the results, which are not lost with a fault of it.

    Parameters
    ----------
    make : callable
        Makes it.
    what : str
        What was not made, in the warning that says so: "picture was drawn", "page was written".
    path : Path
        The table.

    Raises
    ------
    CamlError, OSError
        If the disk is full, or such: no other result would be whole.
    """
    try:
        make()
    except (CamlError, OSError):
        raise
    except MemoryError:
        warnings.warn(DataWarning(f"no {what}: memory ran out"), stacklevel=2)
    except Exception as error:
        logger.exception("no %s of %s", what, path)
        text = f"no {what}: {type(error).__name__}: {error}; please report this fault"
        warnings.warn(DataWarning(text), stacklevel=2)


def _outcome(job: Job, work: Work) -> Outcome:
    """Do the work on one file; a failure is an outcome too."""
    path, folder = job
    noted: list[warnings.WarningMessage] = []
    sha256 = ""
    try:
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always", CamlWarning)
            check_replaceable(folder, RESULTS)
            sha256 = checksum(path)
            check_stop()
            summary, seconds, found_by, history = work(sha256, lambda: texts_of(noted))
        return Outcome(
            path=path,
            folder=folder,
            warnings=texts_of(noted),
            summary=summary,
            sha256=sha256,
            seconds=seconds,
            found_by=found_by,
            history=history,
        )
    except CamlError as error:
        text = _with_path(error, path)
        return Outcome(
            path=path, folder=folder, error=text, warnings=texts_of(noted), sha256=sha256
        )
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


def texts_of(noted: Sequence[warnings.WarningMessage]) -> tuple[str, ...]:
    """Return the texts of caml's own warnings, each once; others go to the log.

    Parameters
    ----------
    noted : sequence of WarningMessage
        What `warnings.catch_warnings` recorded.

    Returns
    -------
    tuple of str
        In order.
    """
    for one in noted:
        if not issubclass(one.category, CamlWarning):
            logger.debug("%s: %s", one.category.__name__, one.message)
    texts = (str(one.message) for one in noted if issubclass(one.category, CamlWarning))
    return tuple(dict.fromkeys(texts))
