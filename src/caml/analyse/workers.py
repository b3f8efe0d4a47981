"""Work in several processes that an interruption ends cleanly."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context, resource_tracker
from types import FrameType
from typing import TypeVar

__all__ = ["in_processes", "uninterrupted"]

Job = TypeVar("Job")
Result = TypeVar("Result")

POSIX = sys.platform != "win32"


def in_processes(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    n_jobs: int,
    failed: Callable[[Job, BaseException], Result],
) -> Iterator[Result]:
    """Apply a function to jobs, several at once, and give each result as it comes.

    Parameters
    ----------
    function : callable
        Takes a job; must be importable, for it runs in other processes.
    jobs : sequence
        What it is applied to.
    n_jobs : int
        How many at once.
    failed : callable
        Makes a result of a job whose process ended without one.

    Yields
    ------
    result
        Of the jobs, in the order in which they finish.

    Notes
    -----
    An interruption (Ctrl-C) is the parent's to handle: it tells the processes to stop, in which
    they clean up, and gives the results of those that finished all the same before it goes on. No
    more jobs are handed out than are under way, so that none begins after that.
    """
    todo = list(jobs)
    running: dict[Future[Result], Job] = {}
    with (
        _signals_held(),
        ProcessPoolExecutor(
            min(n_jobs, len(jobs)), mp_context=get_context("spawn"), initializer=_at_start
        ) as executor,
    ):
        interruption: BaseException | None = None
        while running or (todo and interruption is None):
            try:
                while todo and len(running) < n_jobs and interruption is None:
                    job = todo.pop(0)
                    running[executor.submit(_stoppable, function, job)] = job
                with _signals_taken():
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt as error:
                interruption = interruption or error
                _stop_children()
                done, _ = wait(running)
            for future in done:
                job = running.pop(future)
                error_of_job = future.exception()
                if error_of_job is None:
                    yield future.result()
                elif interruption is None:
                    yield failed(job, error_of_job)
        if interruption is not None:
            raise interruption


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until the block is done."""
    with _signals_held():
        yield


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals back; processes started meanwhile are born that way and never see Ctrl-C."""
    if not POSIX:
        yield
        return
    # It lets Ctrl-C through again as it starts, so it has to run before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGUSR1})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _signals_taken() -> Iterator[None]:
    """Take Ctrl-C within a block in which it is held back."""
    if not POSIX:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop_children() -> None:
    """Tell the processes to stop; each does when a job is under way in it."""
    if POSIX:
        for child in active_children():
            if child.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGUSR1)


def _at_start() -> None:
    """Ignore Ctrl-C, and the parent's word to stop while no job is under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if POSIX:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})


def _stoppable(function: Callable[[Job], Result], job: Job) -> Result:
    """Apply the function, and raise KeyboardInterrupt in it at the parent's word."""
    if not POSIX:
        return function(job)

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGUSR1, stop)
    try:
        return function(job)
    finally:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
