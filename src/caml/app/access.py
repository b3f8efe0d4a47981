"""Who may ask, and for what: the token, the host, names of files, sizes of uploads."""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

from caml.errors import InputError

__all__ = ["HOST", "is_here", "is_token", "new_token", "safe_name", "within"]

# No other machine can reach it.
HOST = "127.0.0.1"

# Bytes: of most file systems a name may have 255, and we add to it.
LONGEST_NAME, LONGEST_ENDING = 100, 20

# Names that Windows keeps for devices, whatever their ending.
DEVICES = {"con", "prn", "aux", "nul", *(f"{one}{i}" for one in ("com", "lpt") for i in range(10))}


def new_token() -> str:
    """Make up a token that nobody guesses.

    Returns
    -------
    str
        Letters, digits, - and _.
    """
    return secrets.token_urlsafe(24)


def is_token(given: str, token: str) -> bool:
    """Tell whether a token is the right one, in a time that does not tell how much of it is.

    Parameters
    ----------
    given : str
        What came.
    token : str
        What is right.

    Returns
    -------
    bool
        True if so.
    """
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def is_here(host: str) -> bool:
    """Tell whether a request was meant for this machine by name.

    A page of the internet whose name was made to lead here (DNS rebinding) sends its own name.

    Parameters
    ----------
    host : str
        The header.

    Returns
    -------
    bool
        True if so.
    """
    return host.rpartition(":")[0] in (HOST, "localhost") or host in (HOST, "localhost")


def safe_name(given: str) -> str:
    r"""Make of a name that came from outside one of a file in one folder, and nothing else.

    Parameters
    ----------
    given : str
        Such as ``../../cell 1.csv``.

    Returns
    -------
    str
        Such as ``cell 1.csv``.

    Raises
    ------
    InputError
        If nothing is left of it.

    Examples
    --------
    >>> safe_name("../../etc/cell 1.csv"), safe_name("C:\\cells\\a<b>.csv")
    ('cell 1.csv', 'a_b_.csv')
    """
    last = PureWindowsPath(PurePosixPath(given).name).name
    kept = "".join(
        "_" if one in '<>:"/\\|?*' or unicodedata.category(one)[0] == "C" else one for one in last
    )
    kept = re.sub(r"\s+", " ", kept).strip(" .")
    stem, dot, ending = kept.rpartition(".")
    if dot and stem and len(ending) <= LONGEST_ENDING:
        kept = _cut(stem, LONGEST_NAME - len(dot + ending)) + dot + ending
    else:
        kept = _cut(kept, LONGEST_NAME)
    if not kept:
        raise InputError(f"{given[:60]!r} is no name for a file")
    if kept.partition(".")[0].lower() in DEVICES:
        kept = f"_{kept}"
    return kept


def _cut(name: str, most: int) -> str:
    """Shorten a name to so many bytes, which file systems count, and end it with a letter."""
    return name.encode("utf-8", "ignore")[:most].decode("utf-8", "ignore").rstrip(" .")


def within(path: Path, folder: Path) -> bool:
    """Tell whether a path leads into a folder, all links followed.

    Parameters
    ----------
    path : Path
        The path.
    folder : Path
        The folder.

    Returns
    -------
    bool
        True if so.
    """
    return path.resolve().is_relative_to(folder.resolve())
