"""A process beside the page that analyses; it can be ended at any moment, and nothing is lost."""

from __future__ import annotations

import signal
import threading
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from caml._machine import end_with_parent
from caml.analyse import Analysis
from caml.analyse.record import Settings, checksum
from caml.analyse.workers import uninterrupted
from caml.errors import CamlError, CamlWarning

__all__ = ["BatchTask", "CancelledError", "FailedError", "FileFound", "FileTask", "Worker"]

# Is told the stage and the share of it that is done; of a batch, more in words.
Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class FileTask:
    """One table to analyse; nothing is written.

    Parameters
    ----------
    path : Path
        The table.
    name : str
        What the image is called in the results.
    settings : Settings
        What is asked for.
    """

    path: Path
    name: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class BatchTask:
    """Many tables to analyse and write, as ``caml analyse`` does.

    Parameters
    ----------
    paths : tuple of Path
        The tables.
    out : Path
        The folder of results.
    settings : Settings
        What is asked for.
    """

    paths: tuple[Path, ...]
    out: Path
    settings: Settings


@dataclass(frozen=True, slots=True, eq=False)
class FileFound:
    """What came of a table.

    Parameters
    ----------
    analysis : Analysis
        All of it.
    warnings : tuple of str
        What should be known of it.
    sha256 : str
        Of the table.
    """

    analysis: Analysis
    warnings: tuple[str, ...]
    sha256: str


class FailedError(Exception):
    """Nothing came of a task; the text is for people."""


class CancelledError(Exception):
    """A task was ended by wish."""


class Worker:
    """A process that does one task after the other.

    It is started beforehand, so that a task does not wait until everything is loaded. It does not
    outlive this process.
    """

    def __init__(self) -> None:
        self._context = get_context("spawn")
        self._lock = threading.Lock()
        self._running: FileTask | BatchTask | None = None
        self._unwanted: FileTask | BatchTask | None = None
        self._start()

    def _start(self) -> None:
        self._stop = self._context.Event()
        self._here, there = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(there, self._stop), daemon=False)
        # Ctrl-C in the terminal is for the server, also while this starts.
        with uninterrupted():
            self._process.start()
        there.close()

    def run(
        self,
        task: FileTask | BatchTask,
        report: Report,
        on_row: Callable[[dict[str, Any]], None] = lambda _row: None,
    ) -> Any:
        """Do a task, and wait for it.

        Parameters
        ----------
        task : FileTask or BatchTask
            What to do.
        report : callable
            Told the stage and the share of it that is done.
        on_row : callable, optional
            Told what became of each file of a batch.

        Returns
        -------
        FileFound or list of dict
            What came of a table, or the rows of a batch.

        Raises
        ------
        FailedError
            If nothing came of it.
        CancelledError
            If `cancel` was called.
        """
        with self._lock:
            if self._unwanted is task:
                raise CancelledError
            if not self._process.is_alive():
                self._start()
            self._stop.clear()
            self._running = task
            self._here.send(task)
        try:
            while True:
                kind, content = self._here.recv()
                if kind == "progress":
                    report(*content)
                elif kind == "row":
                    on_row(content)
                elif kind == "failed":
                    raise FailedError(content)
                elif kind == "cancelled":
                    raise CancelledError
                else:
                    return content
        except (EOFError, OSError) as error:
            with self._lock:
                self._process.join()
                self._start()
            if self._unwanted is task:
                raise CancelledError from error
            raise FailedError(
                "the process that analysed ended without a result; memory may have run out: "
                "draw a region and analyse that, or use caml analyse"
            ) from error
        finally:
            with self._lock:
                self._running = None

    def cancel(self, task: FileTask | BatchTask) -> None:
        """End what is being done.

        A table's analysis ends at once, for nothing of it is written. A batch ends after the step
        it is at, and tells in its record that it did.

        Parameters
        ----------
        task : FileTask or BatchTask
            What is being done, or would be next.
        """
        with self._lock:
            self._unwanted = task
            if self._running is not task:
                return
            if isinstance(task, BatchTask):
                self._stop.set()
            else:
                self._process.kill()

    def close(self, wait_s: float = 20.0) -> None:
        """End the process: a batch at its next step, everything else at once.

        Parameters
        ----------
        wait_s : float, default 20
            For how long a batch may take to stop.
        """
        with self._lock:
            self._unwanted = self._running
            self._stop.set()
            with suppress(OSError):
                self._here.send(None)
            self._process.join(wait_s)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._here.close()


def _serve(connection: Connection, stop: Any) -> None:
    """Do tasks until there is none."""
    # The server tells this process what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        if task is None:
            return
        connection.send(_answer(task, connection, stop))


def _answer(task: FileTask | BatchTask, connection: Connection, stop: Any) -> tuple[str, Any]:
    """Do a task; a failure is an answer too."""

    def report(stage: str, share: float) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        connection.send(("progress", (stage, share)))

    try:
        if isinstance(task, FileTask):
            return "done", _find(task, report)
        return "done", _batch(task, report, lambda row: connection.send(("row", row)))
    except KeyboardInterrupt:
        return "cancelled", ""
    except CamlError as error:
        path = task.path if isinstance(task, FileTask) else task.out
        return "failed", str(error).replace(str(path), path.name)
    except MemoryError:
        return "failed", "memory ran out: draw a region and analyse that, or use caml analyse"
    except Exception as error:  # the page says that it is no fault of the user's
        details = traceback.format_exc(limit=-3)
        return "failed", (
            f"unexpected {type(error).__name__}: {error}. This is a fault of caml: please report "
            f"it with these lines: {details}"
        )


def _find(task: FileTask, report: Report) -> FileFound:
    from caml.analyse.one_file import analysis_of, texts_of

    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", CamlWarning)
        sha256 = checksum(task.path)
        analysis = analysis_of(task.path, task.name, task.settings, report)
    report("send", 1.0)
    return FileFound(analysis, texts_of(noted), sha256)


def _batch(
    task: BatchTask, report: Report, tell: Callable[[dict[str, Any]], None]
) -> list[dict[str, Any]]:
    """Analyse and write many tables; tell of each as it is done."""
    from caml.analyse import Outcome, analyse_files
    from caml.plot import save_overview
    from caml.report import save_first_page, save_report

    rows: list[dict[str, Any]] = []
    n = len(task.paths)

    def on_outcome(outcome: Outcome, n_done: int, _n_all: int) -> None:
        rows.append(_row(outcome))
        tell(rows[-1])
        report(outcome.path.name, n_done / n)

    def on_progress(path: Path, stage: str, share: float) -> None:
        del share
        report(f"{path.name}: {stage}", len(rows) / n)

    given = task.settings
    batch = analyse_files(
        task.paths,
        task.out,
        model=given.model,
        threshold=given.threshold,
        prior=given.prior,
        method=given.method,
        parameters=given.parameters,
        pixel_size_nm=given.pixel_size_nm,
        columns=given.columns,
        picture=save_overview,
        report=save_report,
        on_outcome=on_outcome,
        on_progress=on_progress,
    )
    if not all(one.error for one in batch.outcomes):
        save_first_page(batch, task.out)
    return rows


def _row(outcome: Any) -> dict[str, Any]:
    """Sum up what became of a file, for a page."""
    row: dict[str, Any] = {
        "path": outcome.path.name,
        "error": outcome.error.replace(str(outcome.path), outcome.path.name),
        "warnings": [
            text.replace(str(outcome.path), outcome.path.name) for text in outcome.warnings
        ],
    }
    if len(outcome.summary):
        first = outcome.summary.iloc[0]
        for name in (
            "n_localizations",
            "n_clusters",
            "percent_clustered",
            "area_nm2_median",
            "n_localizations_median",
            "density_per_um2_median",
        ):
            value = float(first.get(name, float("nan")))
            row[name] = value if value == value else None
    return row
