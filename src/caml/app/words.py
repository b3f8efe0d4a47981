"""What messages of caml say in a page: the same faults, and what can be done about them there."""

from __future__ import annotations

from caml import _remedies as remedies

__all__ = ["in_page", "needs_columns", "needs_pixel_size"]

# What the page asks by itself where an image is opened, a batch of many files cannot ask.
BY_ITSELF = "open it by itself, where they are asked for"
IN_PAGE = {
    remedies.PIXEL_SIZE: "open it by itself, where it is asked for, or type it where files are "
    "chosen to be analysed together",
    remedies.UNCERTAINTY_SIZE: "only bayesian and focal would use it",
    remedies.IN_PIXELS: "say so in the header (x [px])",
    remedies.COLUMNS_BY_NUMBER: BY_ITSELF,
    remedies.COLUMNS_BY_NAME: BY_ITSELF,
    remedies.COLUMNS_WITH_UNIT: BY_ITSELF,
    remedies.PRIOR_BALANCED: "the prior “balanced”, under Parameters,",
    remedies.LEAVE_Z_OUT: "open a table without z",
    remedies.FLAT_Z: "open a table without z",
    remedies.NAME_NETWORK: "open its table and analyse it",
    remedies.NAME_REGION: "draw it",
    remedies.NAME_REGIONS: "open its table and draw them",
    remedies.READ_A_PART: "look at report.html and overview.png in its folder",
    remedies.OVERWRITE: "choose another name",
}
COLUMNS = (remedies.COLUMNS_BY_NUMBER, remedies.COLUMNS_BY_NAME, remedies.COLUMNS_WITH_UNIT)


def in_page(text: str) -> str:
    """Put what a page can do in the place of what the command and Python can.

    Parameters
    ----------
    text : str
        A message of an error or a warning.

    Returns
    -------
    str
        The same with other remedies, or as it was.

    Examples
    --------
    >>> from caml._remedies import OVERWRITE
    >>> in_page(f"a is there already; {OVERWRITE}")
    'a is there already; choose another name'
    """
    for remedy, words in IN_PAGE.items():
        text = text.replace(remedy, words)
    return text


def needs_columns(error: Exception) -> bool:
    """Tell whether a table could be read if its columns were known.

    Parameters
    ----------
    error : Exception
        Why it could not.

    Returns
    -------
    bool
        Whether they must be asked for.
    """
    return any(remedy in str(error) for remedy in COLUMNS)


def needs_pixel_size(error: Exception) -> bool:
    """Tell whether a file could be read if the size of a pixel were known.

    Parameters
    ----------
    error : Exception
        Why it could not.

    Returns
    -------
    bool
        Whether it must be asked for.
    """
    return remedies.PIXEL_SIZE in str(error)
