"""Files one after the other, and what is said of each."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click

__all__ = ["each_file", "named", "percent"]


def each_file(jobs: Sequence[tuple[Path, Path]], do: Callable[[Path, Path], Iterable[str]]) -> int:
    """Do every file, say what became of it, and go on after one that cannot be used.

    Parameters
    ----------
    jobs : sequence of (Path, Path)
        Each file, and where its results go.
    do : callable
        Takes both and returns the lines to print. What it warns of is printed before them, or
        before its error.

    Returns
    -------
    int
        The command's exit status: 1 where a file failed, else 0.
    """
    from caml.errors import CamlError, CamlWarning

    status = 0
    for path, place in jobs:
        lines: Iterable[str] = ()
        failure = ""
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always", CamlWarning)
            try:
                lines = do(path, place)
            except CamlError as error:
                status, failure = 1, str(error)
        for text in dict.fromkeys(
            str(note.message) for note in notes if issubclass(note.category, CamlWarning)
        ):
            click.echo(f"caml: warning: {named(path, text)}", err=True)
        if failure:
            click.echo(f"caml: error: {named(path, failure)}", err=True)
        for line in lines:
            click.echo(line)
    return status


def named(path: Path, text: str) -> str:
    """Put the name of a file before what is said of it, if it is not in it already.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        A message.

    Returns
    -------
    str
        Both.
    """
    return text if str(path) in text else f"{path}: {text}"


def percent(share: float, of: str) -> str:
    """Say a share in words, to be put at the end of a sentence.

    Parameters
    ----------
    share : float
        In percent; NaN where there is nothing to have a share of.
    of : str
        What is said of it.

    Returns
    -------
    str
        With a comma before it; empty where the share is not known.

    Examples
    --------
    >>> percent(12.34, "clustered"), percent(float("nan"), "clustered")
    (', 12.3 % clustered', '')
    """
    return f", {share:.1f} % {of}" if math.isfinite(share) else ""
