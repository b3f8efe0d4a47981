"""What answers hold: JSON that any value can be made into, so that none of them ends the page."""

from __future__ import annotations

import math
from typing import Any

from starlette import responses

__all__ = ["JSONResponse", "clean_text"]


class JSONResponse(responses.JSONResponse):
    """JSON of anything: what it cannot hold is replaced, and the rest is told all the same.

    Parameters
    ----------
    content : object
        Of dicts, lists, texts and numbers.
    status_code : int, default 200
        Whether it is an answer or a refusal.
    headers : mapping of str to str, optional
        See Starlette, as for the others.
    media_type : str, optional
        What it is said to be.
    background : BackgroundTask, optional
        What is done afterwards.
    """

    def render(self, content: Any) -> bytes:
        """Write it.

        Parameters
        ----------
        content : object
            Of dicts, lists, texts and numbers.

        Returns
        -------
        bytes
            JSON, in UTF-8; numbers that are not finite are null in it.
        """
        try:
            return super().render(content)
        except ValueError:  # seldom, and looking at every value takes time
            return super().render(_clean(content))


def clean_text(text: str) -> str:
    r"""Replace what no file and no answer can hold: halves of characters.

    Parameters
    ----------
    text : str
        Such as the name of a file that is not in UTF-8, as Python has it.

    Returns
    -------
    str
        The same, with U+FFFD in their places.

    Examples
    --------
    >>> clean_text("Zelle_\udcfc.csv") == "Zelle_\ufffd.csv"
    True
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _clean(content: Any) -> Any:
    """Make of a value what JSON can hold."""
    if isinstance(content, str):
        return clean_text(content)
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {clean_text(str(key)): _clean(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_clean(one) for one in content]
    return content
