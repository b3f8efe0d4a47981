"""How counts are put into words."""

from __future__ import annotations

__all__ = ["counted"]


def counted(n: int, noun: str) -> str:
    """Count things: the noun in the plural, but for one.

    Parameters
    ----------
    n : int
        How many.
    noun : str
        What, in the singular; its plural ends in s.

    Returns
    -------
    str
        For people to read.

    Examples
    --------
    >>> [counted(n, "cluster") for n in (0, 1, 2345)]
    ['0 clusters', '1 cluster', '2,345 clusters']
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
