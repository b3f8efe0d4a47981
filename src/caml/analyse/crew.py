"""Where the steps of a large analysis are done: here, in processes, or on a cluster of machines."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from caml._machine import n_threads, use_threads
from caml._version import __version__
from caml.errors import WorkersError

__all__ = ["Crew", "Dask", "Here", "crew"]

Job = TypeVar("Job")
Result = TypeVar("Result")

# How long a scheduler may take to answer.
TIMEOUT_S = 10


class Crew(Protocol):
    """Something that calls a function with many jobs."""

    def each(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
        """Call the function with each job; give the results as they come, in any order."""

    def check_folder(self, folder: Path) -> None:
        """Raise WorkersError if a worker does not see a folder."""


class Here:
    """The process that asks, one job after the other."""

    def each(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
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
    """

    client: Any

    def each(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
        """Call the function with each job on any worker; one that a worker died of is repeated."""
        from distributed import KilledWorker, as_completed

        futures = self.client.map(function, jobs, pure=False)
        try:
            for future in as_completed(futures):
                yield future.result()
        except KilledWorker as error:
            raise WorkersError(
                f"workers ended again and again at the same step ({error}): most likely memory ran "
                "out; take fewer --jobs or smaller tiles (--tile), and go on with --resume"
            ) from error
        finally:
            self.client.cancel(futures)

    def check_folder(self, folder: Path) -> None:
        """Raise WorkersError if a worker does not see a folder."""
        blind = [
            name for name, sees in self.client.run(os.path.isdir, str(folder)).items() if not sees
        ]
        if blind:
            raise WorkersError(
                f"the worker {blind[0]} does not see {folder}: results must lie on a disk that all "
                f"workers share ({len(blind)} do not see it)"
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
    Workers
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
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise WorkersError(
            "work on several processes or a cluster needs Dask: pip install 'caml-smlm[dask]'"
        ) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler is None:
        local = LocalCluster(
            n_workers=n_jobs, threads_per_worker=1, dashboard_address=None, memory_limit=0
        )
        with local, Client(local) as client:
            client.run(use_threads, max(1, n_threads() // n_jobs))
            yield Dask(client)
        return
    try:
        client = Client(scheduler, timeout=TIMEOUT_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise WorkersError(
            f"no Dask scheduler answers at {scheduler!r} ({error}): expected an address such as "
            "tcp://192.168.1.5:8786, as `dask scheduler` prints it when it starts"
        ) from error
    with client:
        _check_versions(client, scheduler)
        yield Dask(client)


def _check_versions(client: Any, scheduler: str) -> None:
    """Refuse workers that would not do the same."""
    found = client.run(_version)
    if not found:
        raise WorkersError(
            f"the scheduler at {scheduler!r} has no workers: start some with "
            f"`dask worker {scheduler}`"
        )
    for name, version in found.items():
        if version != __version__:
            has = f"has caml {version}" if version else "has no caml"
            raise WorkersError(
                f"the worker {name} {has}, and this is caml {__version__}: install the same on "
                f"all workers (pip install caml-smlm=={__version__})"
            )


def _version() -> str:
    return __version__
