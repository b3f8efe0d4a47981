"""Where the steps of a large analysis are done: here, in processes, or on a cluster of machines."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from caml._machine import n_threads, use_threads
from caml._version import __version__
from caml.errors import WorkersError

if TYPE_CHECKING:
    import distributed

__all__ = ["Crew", "Dask", "Here", "crew"]

Job = TypeVar("Job")
Result = TypeVar("Result")
Failed = Callable[[Job, BaseException], Result]

# How long a scheduler may take to answer.
TIMEOUT_S = 10
# How long processes here may take to come back after they died, and to end.
PATIENCE_S = 60
# How often is looked whether a step is done.
POLL_S = 0.02
PACKAGE = "caml-smlm"
AWAY = "the Dask scheduler went away: start it and its workers again, and go on with --resume"
NOBODY = "no worker is left: start some again, and go on with --resume"

# A step uses all cores of its process, and much of its memory: one at a time, however many threads
# a worker has. Warnings are recorded for a process, not for a thread, too.
_alone = threading.Lock()


class Crew(Protocol):
    """Something that calls a function with many jobs."""

    def each(
        self,
        function: Callable[[Job], Result],
        jobs: Sequence[Job],
        failed: Failed[Job, Result] | None = None,
    ) -> Iterator[Result]:
        """Call the function with each job; give the results as they come, in any order.

        Where workers die of a job, its result is what `failed` makes of it and of the error;
        without `failed` a WorkersError is raised.
        """

    def check_folder(self, folder: Path) -> None:
        """Raise WorkersError if a worker does not see a folder."""


class Here:
    """The process that asks, one job after the other."""

    def each(
        self,
        function: Callable[[Job], Result],
        jobs: Sequence[Job],
        failed: Failed[Job, Result] | None = None,  # noqa: ARG002 (nobody dies but this process)
    ) -> Iterator[Result]:
        """Call the function with each job, in order."""
        return map(function, jobs)

    def check_folder(self, folder: Path) -> None:
        """Do nothing: this process made it."""


@dataclass(frozen=True, slots=True)
class Dask:
    """The workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
        Connected to its scheduler.
    n_threads : int, optional
        How many each worker may use; by default as many as it was started with.
    """

    client: Any
    n_threads: int | None = None

    def each(
        self,
        function: Callable[[Job], Result],
        jobs: Sequence[Job],
        failed: Failed[Job, Result] | None = None,
    ) -> Iterator[Result]:
        """Call the function with each job on any worker; one that a worker died of is repeated.

        A worker that dies takes along what else it was to do. All that were lost again and again
        are then done one at a time, and only a job that kills workers by itself has failed.
        """
        lost: list[Job] = []
        yield from self._together(function, jobs, lost)
        for job in lost:
            fatal: list[Job] = []
            yield from self._together(function, [job], fatal)
            if fatal:
                error = WorkersError(
                    "workers ended again and again at the same step: most likely memory ran out. "
                    "Go on with --resume where there is more of it, or start anew in smaller tiles "
                    "(--tile N --overwrite)"
                )
                if failed is None:
                    raise error
                yield failed(job, error)

    def _together(
        self, function: Callable[[Job], Result], jobs: Sequence[Job], lost: list[Job]
    ) -> Iterator[Result]:
        """Give the results of all jobs but those whose workers died again and again."""
        from distributed import CancelledError, KilledWorker
        from distributed.comm import CommClosedError
        from distributed.scheduler import NoWorkerError

        work = partial(_by_itself, __version__, function, self.n_threads)
        futures = self.client.map(work, jobs, pure=False)
        job_of = dict(zip(futures, jobs, strict=True))
        try:
            for future in self._finished(futures):
                try:
                    result = future.result()
                except KilledWorker:
                    lost.append(job_of[future])
                    continue
                yield result
        except NoWorkerError as error:
            raise WorkersError(NOBODY) from error
        except (CancelledError, CommClosedError) as error:
            raise WorkersError(AWAY) from error
        except ModuleNotFoundError as error:
            if not str(error.name).startswith("caml"):
                raise
            raise WorkersError(
                f"a worker has no caml: install it on all workers (pip install {PACKAGE}=="
                f"{__version__})"
            ) from error
        finally:
            with suppress(CancelledError, CommClosedError, OSError, TimeoutError):
                self.client.cancel(futures)

    def _finished(self, futures: Sequence[Any]) -> Iterator[Any]:
        """Give futures as they finish; nobody waits where no worker is left."""
        from distributed import as_completed

        finished = as_completed(futures)
        looked = seen = time.monotonic()
        while finished.count():
            done = finished.next_batch(block=False)
            yield from done
            now = time.monotonic()
            if done:
                seen = now
                continue
            if now - looked > PATIENCE_S / 4:
                looked = now
                seen = now if self._has_workers() else seen
            if now - seen > PATIENCE_S:
                raise WorkersError(NOBODY)
            time.sleep(POLL_S)

    def _has_workers(self) -> bool:
        try:
            return bool(self.client.scheduler_info()["workers"])
        except OSError as error:
            raise WorkersError(AWAY) from error

    def check_folder(self, folder: Path) -> None:
        """Raise WorkersError if a worker does not see a folder."""
        seen = _on_all(self.client, os.path.isdir, str(folder))
        if not seen:
            raise WorkersError(NOBODY)
        blind = [name for name, sees in seen.items() if not sees]
        if blind:
            raise WorkersError(
                f"the worker {blind[0]} does not see {folder}: tables, networks and results must "
                f"lie on a disk that all workers share ({len(blind)} do not see it)"
            )


@contextmanager
def crew(scheduler: str | None = None, n_jobs: int = 1) -> Iterator[Crew]:
    """Find workers.

    Parameters
    ----------
    scheduler : str, optional
        The address of a Dask scheduler.
    n_jobs : int, default 1
        Without a scheduler: how many processes here; one is this process.

    Yields
    ------
    Crew
        Until the block ends.

    Raises
    ------
    WorkersError
        If the extra ``dask`` is not installed, the scheduler cannot be reached, it has no workers,
        or they have no caml or another version of it.
    """
    if scheduler is None and n_jobs == 1:
        yield Here()
        return
    try:
        import distributed  # noqa: F401 (only whether it is there)
    except ImportError as error:
        raise WorkersError(
            "work on several processes or a cluster needs Dask: pip install 'caml-smlm[dask]'"
        ) from error
    with _quiet():
        if scheduler is None:
            with _processes(n_jobs) as local:
                yield local
            return
        with _connect(scheduler) as client:
            _check_versions(client, scheduler)
            yield Dask(client)


def _connect(scheduler: str) -> distributed.Client:
    """Connect to a scheduler, or tell that none is there."""
    from distributed import Client

    try:
        return Client(scheduler, timeout=TIMEOUT_S)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error)
    # A client that could not connect closes when it is collected; where that happens while Dask
    # starts another, both wait for ever. So it is collected now, and no error holds on to it.
    gc.collect()
    raise WorkersError(
        f"no Dask scheduler answers at {scheduler!r} ({reason}): expected an address such as "
        "tcp://192.168.1.5:8786, as `dask scheduler` prints it when it starts"
    )


@contextmanager
def _processes(n_jobs: int) -> Iterator[Dask]:
    """Start workers here, and end them."""
    import dask
    from distributed import Client, LocalCluster

    settings = {
        # Where no process comes back, steps fail and nobody waits forever.
        "distributed.scheduler.no-workers-timeout": f"{PATIENCE_S} s",
        # Memory that did not suffice twice will not the fourth time.
        "distributed.scheduler.allowed-failures": 1,
    }
    with dask.config.set(settings):
        cluster = LocalCluster(
            n_workers=n_jobs,
            threads_per_worker=1,
            # A port that is free, and that only this machine can reach.
            dashboard_address="127.0.0.1:0",
            memory_limit=0,
        )
        try:
            with Client(cluster) as client:
                yield Dask(client, max(1, n_threads() // n_jobs))
        finally:
            with suppress(TimeoutError):
                cluster.close(timeout=PATIENCE_S)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's reports from the terminal: what matters is told in our words."""
    # Its loggers have levels of their own, and one handler.
    handlers = logging.getLogger("distributed").handlers
    before = [handler.level for handler in handlers]
    for handler in handlers:
        handler.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for handler, level in zip(handlers, before, strict=True):
            handler.setLevel(level)


def _by_itself(
    version: str, function: Callable[[Job], Result], n_threads: int | None, job: Job
) -> Result:
    """Do a job on a worker, be it one that came after the others were looked at."""
    if version != __version__:
        raise WorkersError(_other_version("a worker", __version__, version))
    from distributed import get_worker

    with _alone:
        use_threads(n_threads or get_worker().state.nthreads)
        return function(job)


def _other_version(worker: str, found: object, ours: str) -> str:
    has = f"has caml {found}" if isinstance(found, str) else "has no caml"
    return (
        f"{worker} {has}, and this is caml {ours}: install the same on all workers (pip install "
        f"{PACKAGE}=={ours})"
    )


def _on_all(client: Any, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Call a function on every worker; errors are results."""
    from distributed import CancelledError

    try:
        found: dict[str, Any] = client.run(function, *arguments, on_error="return")
    except (OSError, CancelledError) as error:
        raise WorkersError(AWAY) from error
    return found


def _check_versions(client: Any, scheduler: str) -> None:
    """Refuse workers that would not do the same."""
    # A function that every Python has: one of ours could not even be sent to a worker without us.
    found = _on_all(client, metadata.version, PACKAGE)
    if not found:
        raise WorkersError(
            f"the scheduler at {scheduler!r} has no workers: start some with "
            f"`dask worker {scheduler}`"
        )
    for name, version in found.items():
        if version != __version__:
            raise WorkersError(_other_version(f"the worker {name}", version, __version__))
