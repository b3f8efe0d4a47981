"""What this machine is asked to do: on how many cores, in threads, compiled or not."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

__all__ = [
    "compiler_is_loaded",
    "end_with_parent",
    "in_threads",
    "memory_bytes",
    "n_processes",
    "n_threads",
    "pays_to_compile",
    "share_memory",
    "use_threads",
]

Item = TypeVar("Item")
Result = TypeVar("Result")

# From so many values on, compiled functions are used. Below, SciPy and NumPy take half a second at
# most, and nobody waits for a compiler. Both give the same, to the last bit.
COMPILED_FROM = 6_000_000

# Where Linux says how much memory the processes of a container may take, now and formerly.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")

_chosen: list[int] = []
_sharing: list[int] = []


def pays_to_compile(n_values: int) -> bool:
    """Tell whether so many values are worth a compiled function.

    Parameters
    ----------
    n_values : int
        How many: localizations times neighbours.

    Returns
    -------
    bool
        True if so.
    """
    return n_values >= COMPILED_FROM


def end_with_parent() -> None:
    """Have this process end where its parent was killed, which then cannot ask it to."""
    # Here, for what only processes need would lengthen every start.
    from multiprocessing import parent_process

    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def compiler_is_loaded() -> bool:
    """Tell whether this process has paid for the compiler already.

    Returns
    -------
    bool
        True once any compiled function was used.
    """
    return "caml._compile" in sys.modules


def memory_bytes() -> int:
    """Tell how much memory this process may take: that of the machine, or of its container.

    Returns
    -------
    int
        In bytes; where nothing says, that of a laptop.
    """
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        total = 8 << 30
    return min([total, *_limits()])


def _limits() -> Iterator[int]:
    """Read what a container allows, where it says so."""
    for path in LIMITS:
        with suppress(OSError, ValueError):  # "max" is no number
            yield int(Path(path).read_text(encoding="ascii"))


def n_threads() -> int:
    """Tell how many threads to use: the cores that this process may run on, unless it was told.

    Returns
    -------
    int
        At least 1.
    """
    if _chosen:
        return _chosen[0]
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_threads(n: int) -> None:
    """Choose how many threads this process uses, where it shares the cores with others.

    Parameters
    ----------
    n : int
        How many.
    """
    _chosen[:] = [max(1, n)]


def share_memory(n: int) -> None:
    """Remember with how many this process shares the memory, where several work at once.

    Parameters
    ----------
    n : int
        How many they are, this one among them.
    """
    _sharing[:] = [max(1, n)]


def n_processes() -> int:
    """Tell how many processes share the memory.

    Returns
    -------
    int
        1 unless it was told.
    """
    return _sharing[0] if _sharing else 1


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Call a function with each item, in threads.

    Parameters
    ----------
    function : callable
        What to do; worth it where it lets go of the interpreter's lock.
    items : iterable
        What to do it with.

    Yields
    ------
    object
        The results, in the order of the items. Only a few are computed ahead of the one that is
        taken, so that memory does not grow with the number of items.
    """
    n = n_threads()
    if n == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(n, thread_name_prefix="caml") as pool:
        ahead: deque[Future[Result]] = deque()
        try:
            for item in items:
                ahead.append(pool.submit(function, item))
                if len(ahead) > 2 * n:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
