"""Names of which no two are the same."""

from __future__ import annotations

from collections.abc import Container, Iterable

__all__ = ["free_name", "unique_names"]


def free_name(name: str, taken: Container[str], *, separator: str = ".", first: int = 1) -> str:
    """Put a number behind a name that is taken.

    Parameters
    ----------
    name : str
        The name to have.
    taken : container of str
        The names to avoid.
    separator : str, default "."
        What comes between the name and the number.
    first : int, default 1
        The number to try first.

    Returns
    -------
    str
        The name, with the first number that makes it free if it is not.

    Examples
    --------
    >>> free_name("x", {"y"}), free_name("x", {"x", "x.1"})
    ('x', 'x.2')
    """
    free, n = name, first
    while free in taken:
        free, n = f"{name}{separator}{n}", n + 1
    return free


def unique_names(names: Iterable[str], *, separator: str = ".", first: int = 1) -> list[str]:
    """Tell things of one name apart: the second ``x`` becomes ``x.1``.

    Parameters
    ----------
    names : iterable of str
        Names.
    separator : str, default "."
        What comes between a name and its number.
    first : int, default 1
        The number of the second thing of a name.

    Returns
    -------
    list of str
        As many names, no two of them the same.

    Examples
    --------
    >>> unique_names(["x", "y", "x", "x"])
    ['x', 'y', 'x.1', 'x.2']
    >>> unique_names(["cell", "cell"], separator=" ", first=2)
    ['cell', 'cell 2']
    """
    found: dict[str, None] = {}
    for name in names:
        found[free_name(name, found, separator=separator, first=first)] = None
    return list(found)
