"""Results that were saved: found in folders, and tied to the table that they are of."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from caml.analyse import Outcome, Settings, load_results, recorded_of
from caml.analyse.load import localizations_in
from caml.analyse.record import checksum
from caml.app.access import within
from caml.app.jobs import Jobs, name_of, sharing
from caml.app.opening import column_names, holds_results, stamp_of
from caml.app.store import Store
from caml.app.things import File, Image, Results, Run
from caml.errors import CamlError, InputError
from caml.io.run_folders import RECORD, SUMMARY, read_record

__all__ = [
    "asked_of",
    "check_confined",
    "forget_replaced",
    "is_results",
    "open_results",
    "original_of",
    "results_in",
]

logger = logging.getLogger(__name__)

TICK_S = 0.02
OTHER_TABLE = (
    "{} was not found in what this page was started with, or has changed: this is the table saved "
    "with its results"
)
# Records of more images than anybody lists.
MOST_BYTES = 50_000_000
MANY_RESULTS = 2_000


def is_results(folder: Path) -> bool:
    """Tell whether a folder is one of an image that a run wrote.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    bool
        True if so; whether they are whole shows when they are opened.
    """
    return holds_results(folder) and (folder.resolve().parent / RECORD).is_file()


def results_in(folder: Path, *, deep: bool = True) -> list[Path]:
    """List the folders of images that runs wrote into a folder and those below it.

    Parameters
    ----------
    folder : Path
        Where.
    deep : bool, default True
        However deep below; else runs in the folder itself and those of its own folders.

    Returns
    -------
    list of Path
        In order; no hidden ones, and none that a link leads to from outside the folder.
    """
    found: list[Path] = []
    records = folder.rglob(RECORD) if deep else (folder / RECORD, *folder.glob(f"*/{RECORD}"))
    for path in sorted(records):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            found += _homes_of(path, folder)
        if len(found) >= MANY_RESULTS:
            break
    return found[:MANY_RESULTS]


def _homes_of(record: Path, folder: Path) -> list[Path]:
    """List the folders of images that a record tells of; none where it cannot be read."""
    found: list[Path] = []
    # Of another command, damaged, or made to do harm: no file ends the page that lists it.
    with suppress(Exception):
        if not (record.is_file() and within(record, folder)) or record.stat().st_size > MOST_BYTES:
            return []
        for one in read_record(record.parent)["inputs"]:
            home = record.parent / one["folder"]
            # Not what a name leads to, but what lies there.
            is_name = one["folder"] != ".." and home.parent == record.parent
            with suppress(Exception):
                if is_name and is_results(home) and within(home, folder):
                    found.append(home)
    return found


def open_results(
    store: Store, jobs: Jobs, results: Results, folders: Sequence[Path]
) -> tuple[Image, Run]:
    """Open results that were saved, as a finished analysis of their table.

    Parameters
    ----------
    store : Store
        Where it is told what came of it.
    jobs : Jobs
        Who reads the table.
    results : Results
        Which.
    folders : sequence of Path
        Where their table may be; elsewhere the one among the results takes its place.

    Returns
    -------
    image : Image
        Which is being read, if it is not open already.
    run : Run
        Which is running until they are read.

    Raises
    ------
    CamlError
        If they are no results, or lead out of their folder.
    """
    home = results.path.resolve()
    check_confined(home)
    forget_replaced(store)
    stamp = stamp_of(home.parent / RECORD)
    outcome, settings = asked_of(home)
    listed = {one.path: one for one in list(store.files.values())}
    original = original_of(outcome, listed, folders)
    if original is None:
        path = localizations_in(home)
        size, columns = None, columns_in(column_names(path), settings)
        file = File(store.new_id("f"), path, "", results.name)
    else:
        size, columns = settings.pixel_size_nm, dict(settings.columns or {}) or None
        file = listed.get(original) or File(store.new_id("f"), original, "")
    told = (text.replace(str(outcome.path), outcome.path.name) for text in outcome.warnings)
    # Of two that ask at once one finds what the other opened.
    with store.changing():
        for run in store.runs.values():
            open_in = store.images.get(run.image)
            same = run.saved is not None and run.saved.resolve() == home.parent
            same = same and run.image_name == home.name and run.state in ("running", "done")
            if same and open_in is not None:
                return open_in, run
        image = _image_of(store, jobs, file, size, columns)
        run = Run(
            store.new_id("a"), image.id, settings, name_of(settings), state="running",
            stage="opening", warnings=tuple(told), sha256=outcome.sha256, saved=home.parent,
            stamp=stamp, image_name=home.name, table=outcome.path if original is None else None,
        )  # fmt: skip
        store.runs[run.id] = run
    given = (store, image, run, home)
    threading.Thread(target=_reopen, args=given, daemon=True, name="caml opening").start()
    return image, run


def _image_of(
    store: Store, jobs: Jobs, file: File, size: float | None, columns: dict[str, str] | None
) -> Image:
    """Open a table, or take it as it is open, if it was read in the same way."""
    own = [one for one in store.images.values() if one.file.path == file.path]
    for image in own:
        same = (image.pixel_size_nm, image.columns or None) == (size, columns)
        is_now = image.state == "reading" or image.stamp == stamp_of(file.path)
        if same and is_now and image.state in ("reading", "open"):
            return image
    if any(image.file == file and image.state in ("reading", "open") for image in own):
        file = File(store.new_id("f"), file.path, file.group, file.name)
    return jobs.open(file, pixel_size_nm=size, columns=columns)


def _reopen(store: Store, image: Image, run: Run, home: Path) -> None:
    """Read results when their table is read."""

    def end(state: str, message: str = "") -> None:
        with store.changing():
            if run.state == "running":
                run.state, run.message, run.stage = state, message, ""

    while image.state == "reading" and run.state == "running":
        time.sleep(TICK_S)
    if run.state != "running":
        return None
    if image.localizations is None:
        return end("failed", image.message or "its table cannot be read")
    try:
        analysis = load_results(home)
    except (CamlError, MemoryError) as error:
        return end("failed", str(error).replace(f"{home}/", "") or "memory ran out")
    except Exception as error:
        logger.exception("opening results failed")
        return end("failed", f"unexpected {type(error).__name__}: {error}")
    texts = () if run.table is None else (OTHER_TABLE.format(run.table.name),)
    if run.table is None:
        analysis = sharing(analysis, image.localizations)
    with store.changing():
        if run.state != "running":
            return None
        try:
            store.show_regions(image, analysis.regions)
        except InputError as error:
            texts = (*texts, str(error))
        image.warnings = tuple(dict.fromkeys((*image.warnings, *texts)))
        run.analysis, run.share = analysis, 1.0
    return end("done")


def forget_replaced(store: Store) -> None:
    """Forget where analyses were saved that something else lies at now, or nothing.

    Parameters
    ----------
    store : Store
        Whose analyses; they stay, as not saved.
    """
    with store.changing():
        for run in store.runs.values():
            if run.saved is not None and stamp_of(run.saved / RECORD) != run.stamp:
                run.saved, run.image_name = None, ""


def check_confined(home: Path) -> None:
    """Refuse results of which a link leads out of their folder, or that hold what is no file.

    Parameters
    ----------
    home : Path
        The folder of the image.

    Raises
    ------
    InputError
        If one does, or if something in it would have to be waited for.
    """
    run = home.resolve().parent
    used: Iterable[Path] = (*home.rglob("*"), run / RECORD, run / SUMMARY)
    for path in used:
        if not within(path, run):
            raise InputError(f"{path} is a link that leads out of {run}: it is not followed")
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(f"{path} is no file, but a pipe or a device: it is not read")


def asked_of(home: Path) -> tuple[Outcome, Settings]:
    """Tell what was asked for, and what became of it.

    Parameters
    ----------
    home : Path
        The folder of the image.

    Returns
    -------
    outcome : Outcome
        What became of its table.
    settings : Settings
        What was asked for.

    Raises
    ------
    CamlError
        If that is not known.
    """
    told = recorded_of(home)
    if told is None:
        raise InputError(f"{home} is no folder of an image that its run tells of")
    outcome, recorded = told
    return outcome, recorded.batch.settings


def original_of(outcome: Outcome, tables: Iterable[Path], folders: Sequence[Path]) -> Path | None:
    """Find the table that was analysed, where it is or was moved to, if it has not changed.

    Parameters
    ----------
    outcome : Outcome
        What became of it.
    tables : iterable of Path
        Those that are listed.
    folders : sequence of Path
        What else may be looked into: what a record says of other places is not followed.

    Returns
    -------
    Path or None
        The table, as it is listed; None where it is not there, or is another one now.
    """
    if not outcome.sha256:
        return None
    tables = list(tables)
    wanted = os.path.abspath(outcome.path)  # noqa: PTH100 - no link is followed yet
    listed = [one for one in tables if os.path.abspath(one) == wanted]  # noqa: PTH100
    roots = [Path(os.path.abspath(one)) for one in folders]  # noqa: PTH100
    inside = (root for root in roots if Path(wanted).is_relative_to(root))
    with suppress(OSError, ValueError):  # what a record says can be no path at all
        place = Path(wanted)
        if not listed and place.is_file() and any(within(place, root) for root in inside):
            listed = [place]
    # The command may have been run elsewhere, and the table lie in another folder by now.
    moved = [one for one in tables if one.name == outcome.path.name and one not in listed]
    found = (one for one in (*listed, *moved) if one.is_file())
    return next((one for one in found if checksum(one) == outcome.sha256), None)


def columns_in(names: Sequence[str], settings: Settings) -> dict[str, str] | None:
    """Tell which columns of a table of results are x, y, …, where their names do not say so.

    Parameters
    ----------
    names : sequence of str
        Its columns.
    settings : Settings
        With which its own table was read.

    Returns
    -------
    dict of str to str or None
        The columns by their role.
    """
    known = dict(settings.columns or {})
    # Positions that had to be told are there in nm too, under names that say so.
    known |= {axis: f"{axis}_nm" for axis in "xyz" if axis in known}
    return {role: name for role, name in known.items() if name in names} or None
