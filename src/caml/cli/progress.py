"""A progress bar on a terminal, and none elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Progress", "share_bar"]

# How much of an analysis each stage is. Tables that are analysed in tiles are divided instead of
# read; those of text are converted first, which is their reading.
STAGES = {"read": 10, "classify": 25, "segment": 20, "outline": 20, "describe": 10, "write": 15}
STAGES |= {"divide": STAGES["read"]}


class Progress:
    """A bar for the file that is analysed, with what is done and the time left.

    One bar counts files instead where several are under way.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._path: Path | None = None
        self._shares: dict[str, float] = {}
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        """Show nothing yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._close()

    def show(self, path: Path, stage: str, share: float) -> None:
        """Show how far a file is.

        Parameters
        ----------
        path : Path
            The file.
        stage : str
            What is done now.
        share : float
            How much of that is done, from 0 to 1.
        """
        if not self._shown:
            return
        if path != self._path:
            self._close()
            self._path, self._shares = path, {}
            self._bar = _bar(total=100, desc=path.name, unit="%")
        self._shares[stage] = max(share, self._shares.get(stage, 0))
        others = STAGES.keys() - {"read", "divide"}
        whole = sum(STAGES[one] for one in others | (self._shares.keys() & {"read", "divide"}))
        done = sum(STAGES[one] * of_it for one, of_it in self._shares.items()) / whole * 100
        self._bar.set_postfix_str(stage, refresh=False)
        self._bar.update(max(0, done - self._bar.n))

    def clear(self, n_done: int, n_all: int) -> None:
        """Make room for a line, and count files where they are not shown one by one.

        Parameters
        ----------
        n_done, n_all : int
            How many files are done, and how many there are.
        """
        if self._path is not None or not self._shown:
            self._close()
        elif n_all > 1:
            if self._bar is None:
                self._bar = _bar(total=n_all, unit="file")
            self._bar.clear()
            self._bar.update(n_done - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = self._path = None


@contextmanager
def share_bar(name: str) -> Iterator[Callable[[float], None]]:
    """Show how much of one piece of work is done.

    Parameters
    ----------
    name : str
        What it is called.

    Yields
    ------
    callable
        To be told the share that is done, from 0 to 1.
    """
    if not sys.stderr.isatty():
        yield lambda _share: None
        return
    bar = _bar(total=100, desc=name, unit="%")
    try:
        yield lambda share: bar.update(max(0, 100 * share - bar.n))
    finally:
        bar.close()


def _bar(**options: Any) -> Any:
    from tqdm import tqdm

    if options["unit"] == "%":
        options["bar_format"] = (
            "{desc}: {percentage:3.0f} %|{bar}| {elapsed}, {remaining} left, {rate_fmt}{postfix}"
        )
    return tqdm(leave=False, dynamic_ncols=True, **options)
