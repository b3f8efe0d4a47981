"""What takes longer than a look: reading tables and analysing them, beside the page."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from caml._words import counted
from caml.analyse import Analysis
from caml.analyse.by_method import OURS
from caml.analyse.chain import named
from caml.analyse.jobs import plan
from caml.analyse.record import Settings
from caml.app.opening import Question, box_of, open_table, stamp_of
from caml.app.scene import channel_codes
from caml.app.store import Store
from caml.app.things import BatchRun, File, Image, Run
from caml.app.worker import BatchTask, CancelledError, FailedError, FileFound, FileTask, Worker
from caml.errors import CamlError, InputError
from caml.localizations import Localizations

__all__ = ["Jobs", "name_of", "sharing"]

logger = logging.getLogger(__name__)

# How far through each stage begins and ends; classifying takes longest.
STAGES = {
    "read": (0.0, 0.1),
    "classify": (0.1, 0.75),
    "segment": (0.75, 0.85),
    "outline": (0.85, 0.95),
    "send": (0.95, 1.0),
}
WORDS = {
    "read": "looking for neighbours",
    "classify": "classifying",
    "segment": "outlining",
    "outline": "measuring",
    "send": "showing",
}


class Jobs:
    """Reads in threads, analyses one after the other in a process.

    Parameters
    ----------
    store : Store
        Where it is told what came of it.
    worker : Worker
        The process.
    """

    def __init__(self, store: Store, worker: Worker) -> None:
        self._store = store
        self._worker = worker
        self._queue: queue.Queue[Run | BatchRun | None] = queue.Queue()
        self._current: tuple[Run | BatchRun, FileTask | BatchTask] | None = None
        self._lock = threading.Lock()
        # Is told of the folder of a batch that came to its end, whichever.
        self.on_written: Callable[[Path], None] = lambda _folder: None
        self._thread = threading.Thread(target=self._work, daemon=True, name="caml jobs")
        self._thread.start()

    def open(
        self,
        file: File,
        *,
        pixel_size_nm: float | None = None,
        columns: dict[str, str] | None = None,
        wait: bool = False,
    ) -> Image:
        """Open a table, or read it again with what was asked for.

        Parameters
        ----------
        file : File
            Which.
        pixel_size_nm : float, optional
            Camera pixel size, nm.
        columns : dict of str to str, optional
            Which column is x, y, ….
        wait : bool, default False
            Until it is read.

        Returns
        -------
        Image
            Which is being read.
        """
        store = self._store
        with store.changing():
            image = next((one for one in store.images.values() if one.file == file), None)
            if image is not None and image.state in ("open", "reading"):
                return image
            if image is None:
                image = Image(store.new_id("i"), file)
                store.images[image.id] = image
            image.state, image.message = "reading", ""
            image.pixel_size_nm, image.columns = pixel_size_nm, columns
        thread = threading.Thread(target=self._read, args=(image,), daemon=True)
        thread.start()
        if wait:
            thread.join()
        return image

    def _read(self, image: Image) -> None:
        path = image.file.path
        stamp = stamp_of(path)
        try:
            found = open_table(path, pixel_size_nm=image.pixel_size_nm, columns=image.columns)
            if isinstance(found, Question):
                with self._store.changing():
                    image.state, image.question = "asks", found
                return
            localizations, texts = found
            codes, names = channel_codes(localizations)
            box, n_far_off = box_of(localizations)
        except (CamlError, MemoryError) as error:
            text = str(error) or "memory ran out"
            with self._store.changing():
                # What was asked once can be answered again.
                image.state = "failed" if image.question is None else "asks"
                image.message = text.replace(str(path), path.name)
            return
        except Exception as error:
            logger.exception("reading failed")
            with self._store.changing():
                image.state = "failed"
                image.message = f"unexpected {type(error).__name__}: {error}"
            return
        with self._store.changing():
            image.localizations, image.box, image.stamp = localizations, box, stamp
            if n_far_off:
                far = f"{counted(n_far_off, 'localization')} far off: not shown"
                texts = (*texts, far)
            image.warnings = tuple(text.replace(str(path), path.name) for text in texts)
            image.channel, image.channels = codes, names
            image.state, image.question, image.message = "open", None, ""

    def analyse(self, image: Image, settings: Settings) -> Run:
        """Analyse an image, when what was asked for before is done.

        Parameters
        ----------
        image : Image
            Which; its regions as they are now.
        settings : Settings
            How, without regions.

        Returns
        -------
        Run
            Which is waiting.

        Raises
        ------
        InputError
            If the image is not open any more, or its file has changed since it was.
        """
        if image.localizations is None:
            raise InputError(f"{image.file.path.name} is not open")
        if stamp_of(image.file.path) != image.stamp:
            raise InputError(
                f"{image.file.path.name} has changed on disk since it was opened: close it, and "
                "open it again"
            )
        settings = replace(
            settings,
            regions=named([one.region for one in image.regions]),
            pixel_size_nm=image.pixel_size_nm,
            columns=image.columns,
        )
        store = self._store
        run = Run(store.new_id("a"), image.id, settings, name_of(settings))
        with store.changing():
            if image.id not in store.images:
                raise InputError(f"{image.file.path.name} was closed: open it again")
            store.runs[run.id] = run
        self._queue.put(run)
        return run

    def batch(self, paths: tuple[Path, ...], out: Path, settings: Settings) -> BatchRun:
        """Analyse many tables and write their results.

        Parameters
        ----------
        paths : tuple of Path
            The tables.
        out : Path
            The folder of results.
        settings : Settings
            How.

        Returns
        -------
        BatchRun
            Which is waiting.
        """
        store = self._store
        batch = BatchRun(store.new_id("b"), paths, out, settings, name_of(settings))
        with store.changing():
            store.batches[batch.id] = batch
        self._queue.put(batch)
        return batch

    def cancel(self, job: Run | BatchRun) -> None:
        """End an analysis or a batch; what is done already stays.

        Parameters
        ----------
        job : Run or BatchRun
            Which.
        """
        with self._lock:
            with self._store.changing():
                if job.state == "waiting":
                    job.state = "cancelled"
                    return
                if job.state != "running":
                    return
                if self._current is None or self._current[0] is not job:
                    # Results that are being opened: what comes of them is not taken any more.
                    job.state, job.stage = "cancelled", ""
                    return
                job.stage = "stopping"
            self._worker.cancel(self._current[1])

    def close(self) -> None:
        """End everything."""
        self._queue.put(None)
        self._worker.close()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            # Nothing may end this thread: all that is asked for later waits for it.
            try:
                with self._lock:
                    if job.state != "waiting":
                        continue
                    task = self._task(job)
                    self._current = (job, task)
                    with self._store.changing():
                        job.state = "running"
                self._do(job, task)
            except CancelledError:
                self._end(job, "cancelled")
            except FailedError as error:
                self._end(job, "failed", str(error))
            except Exception as error:
                logger.exception("an analysis failed")
                self._end(job, "failed", f"unexpected {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._current = None

    def _task(self, job: Run | BatchRun) -> FileTask | BatchTask:
        if isinstance(job, BatchRun):
            return BatchTask(job.paths, job.out, job.settings)
        image = self._store.images.get(job.image)
        if image is None:
            raise FailedError("its image was closed")
        path = image.file.path
        return FileTask(path, plan([path], self._store.out)[0][1].name, job.settings)

    def _do(self, job: Run | BatchRun, task: FileTask | BatchTask) -> None:
        def report(stage: str, share: float) -> None:
            with self._store.changing():
                if isinstance(job, BatchRun):
                    job.stage, job.share = stage, share
                elif job.stage != "stopping":
                    start, end = STAGES.get(stage, (job.share, job.share))
                    job.share = start + (end - start) * share
                    # A stage is told of when it is over, but for the classifying.
                    job.stage = WORDS.get(stage, stage)

        def on_row(row: dict[str, Any]) -> None:
            if isinstance(job, BatchRun):
                with self._store.changing():
                    job.rows.append(row)

        found = self._worker.run(task, report, on_row)
        if isinstance(job, Run) and isinstance(found, FileFound):
            image = self._store.images.get(job.image)
            if image is None or image.localizations is None:
                return  # closed meanwhile
            path = image.file.path
            with self._store.changing():
                job.analysis = sharing(found.analysis, image.localizations)
                job.warnings = tuple(t.replace(str(path), path.name) for t in found.warnings)
                job.sha256 = found.sha256
        self._end(job, "done")

    def _end(self, job: Run | BatchRun, state: str, message: str = "") -> None:
        if isinstance(job, BatchRun):
            self.on_written(job.out)
        with self._store.changing():
            job.state, job.message, job.stage = state, message, ""
            job.share = 1.0 if state == "done" else job.share


def sharing(analysis: Analysis, opened: Localizations) -> Analysis:
    """Let an analysis of the whole table hold the table that is open already, not another.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    opened : Localizations
        The image.

    Returns
    -------
    Analysis
        The same; as it was where it is of a part of the table.
    """
    own = analysis.localizations
    # Of a part of a table, the index tells the rows of the whole, and becomes a column.
    is_part = own.table.index.name != opened.table.index.name
    if is_part or len(own) != len(opened):
        return analysis
    same = opened if own.n_dimensions == opened.n_dimensions else opened.projected()
    return replace(analysis, localizations=replace(same, name=own.name, history=own.history))


def name_of(settings: Settings) -> str:
    """Name what was asked for in a word.

    Parameters
    ----------
    settings : Settings
        What was asked for.

    Returns
    -------
    str
        The network or the method.
    """
    return Path(settings.model).stem if settings.method == OURS else settings.method
