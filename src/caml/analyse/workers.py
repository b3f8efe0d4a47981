"""Work in several processes that an interruption ends cleanly, and a dead process does not."""

from __future__ import annotations

import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from typing import Protocol, TypeVar

from caml._machine import end_with_parent, n_threads, share_memory, use_threads

__all__ = ["check_stop", "in_processes", "uninterrupted"]

Job = TypeVar("Job")
Result = TypeVar("Result")

POSIX = sys.platform != "win32"


class _Event(Protocol):
    def is_set(self) -> bool: ...


# In a process that works for another: set when that one wants it to stop.
_stop: _Event | None = None


def check_stop() -> None:
    """Raise KeyboardInterrupt if the process that this one works for was interrupted.

    Called between steps of a job. Nothing is raised in the middle of one: threads of compiled code
    may be at work there on arrays that would go.
    """
    if _stop is not None and _stop.is_set():
        raise KeyboardInterrupt


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
        Takes a job; must be importable, for it runs in other processes. It calls `check_stop` as
        often as it can be stopped.
    jobs : sequence
        What it is applied to.
    n_jobs : int
        How many at once.
    failed : callable
        Makes a result of a job whose process died, and of the error.

    Yields
    ------
    result
        Of the jobs, in the order in which they finish.

    Notes
    -----
    An interruption (Ctrl-C) is the parent's to handle: it asks the processes to stop, and gives the
    results of those that finished all the same before it goes on. No more jobs are handed out than
    are under way, so that none begins after that.

    When a process dies (of memory, mostly), those beside it are lost too. All that were under way
    are then done again, one at a time, and only one that dies by itself has failed.
    """
    todo, suspects = deque(jobs), deque[Job]()
    # Cores and memory are shared among those that work, not among more.
    n_jobs = min(n_jobs, max(1, len(jobs)))
    with uninterrupted():
        while todo or suspects:
            if suspects:
                alone = deque([suspects.popleft()])
                for job in (yield from _in_pool(function, alone, 1)):
                    yield failed(job, BrokenProcessPool("the process died"))
            else:
                suspects.extend((yield from _in_pool(function, todo, n_jobs)))


def _in_pool(
    function: Callable[[Job], Result], todo: deque[Job], n_jobs: int
) -> Generator[Result, None, list[Job]]:
    """Work through jobs until none is left or a process dies; return those that it took along."""
    context = get_context("spawn")
    stop = context.Event()
    running: dict[Future[Result], Job] = {}
    lost: list[Job] = []
    interruption: KeyboardInterrupt | None = None
    with ProcessPoolExecutor(
        n_jobs,
        mp_context=context,
        initializer=_at_start,
        initargs=(stop, n_jobs, n_threads() // n_jobs),
    ) as executor:
        while running or (todo and interruption is None and not lost):
            try:
                while todo and len(running) < n_jobs and interruption is None and not lost:
                    job = todo.popleft()
                    try:
                        running[executor.submit(function, job)] = job
                    except BrokenProcessPool:
                        lost.append(job)
                with _interrupts_taken():
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
            except KeyboardInterrupt as error:
                interruption = error
                stop.set()
                done, _ = wait(running)
            for future in done:
                job = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    lost.append(job)
                except KeyboardInterrupt:
                    continue
                else:
                    yield result
    if interruption is not None:
        raise interruption
    return lost


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until the block is done; processes started in it never see one.

    Yields
    ------
    None
        Nothing; it is the block that counts.
    """
    if not POSIX:
        yield
        return
    # It lets Ctrl-C through again as it starts, so it has to run before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupts_taken() -> Iterator[None]:
    """Take Ctrl-C within a block in which it is held back."""
    if not POSIX:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _at_start(stop: _Event, n_jobs: int, n_of_threads: int) -> None:
    """Leave Ctrl-C to the parent, end with it, remember how it asks to stop, share the machine."""
    global _stop
    use_threads(n_of_threads)
    share_memory(n_jobs)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stop = stop
    # It may be killed, and its run resumed meanwhile.
    end_with_parent()
