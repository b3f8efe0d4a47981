"""Names of networks: six capital letters and digits, as Williamson et al. 2020 have them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from caml.errors import ModelError

__all__ = ["check_name", "generated_name", "is_name"]

NAME = re.compile(r"[0-9A-Z]{6}")
NUMBER = re.compile(r"[0-9]+(E[0-9]+)?")
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def is_name(text: str) -> bool:
    """Tell whether a text could be a network's name.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    bool
        True for six capital letters and digits.
    """
    return NAME.fullmatch(text) is not None


def generated_name(content: str, taken: Iterable[str]) -> str:
    """Make up a name of six characters, the same for the same content.

    Parameters
    ----------
    content : str
        What is named.
    taken : iterable of str
        Names that it must not have.

    Returns
    -------
    str
        Six capital letters and digits.

    Examples
    --------
    >>> len(generated_name("a network", ["XPILJZ"]))
    6
    """
    held = set(taken)
    number = 0
    while True:
        value = int.from_bytes(hashlib.sha256(f"{content}{number}".encode()).digest()[:8])
        characters = []
        for _ in range(6):
            value, index = divmod(value, len(CHARACTERS))
            characters.append(CHARACTERS[index])
        name = "".join(characters)
        # 123456 and 1272E1 are numbers to spreadsheets.
        if name not in held and not NUMBER.fullmatch(name):
            return name
        number += 1


def check_name(name: str) -> str:
    """Refuse a name that is not six capital letters and digits.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    str
        The same, in capitals.

    Raises
    ------
    ModelError
        If it is another kind of name.
    """
    if not (name.isascii() and is_name(name.upper())):
        raise ModelError(f"a network's name has six letters and digits, got {name!r}; try auto")
    return name.upper()
