"""How figures look: light or dark, on a screen or in a journal's column."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb

from caml.errors import InputError

__all__ = ["Theme", "ink", "score_colours", "style"]

Theme = Literal["light", "dark"]

# Background, and text and lines.
THEMES: dict[str, tuple[str, str]] = {
    "light": ("#ffffff", "#1a1a1a"),
    "dark": ("#16181c", "#e8e8e8"),
}


def style(theme: Theme = "light", *, font_pt: float = 9.0) -> AbstractContextManager[None]:
    """Set how figures look that are made and saved within a block.

    Parameters
    ----------
    theme : {"light", "dark"}, default "light"
        Dark text on white, or light text on nearly black.
    font_pt : float, default 9
        The size of text, points; journals ask for 5 to 8 at the size that is printed.

    Returns
    -------
    context manager
        Of Matplotlib's settings. Text in PDF and SVG stays text.

    Raises
    ------
    InputError
        If there is no such theme.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> with style("dark"):
    ...     figure = Figure()
    >>> figure.get_facecolor()[0] < 0.1
    True
    """
    if theme not in THEMES:
        raise InputError(f"there is no theme {theme!r}: {', '.join(THEMES)}")
    background, front = THEMES[theme]
    return mpl.rc_context(
        {
            "font.size": font_pt,
            "figure.facecolor": background,
            "savefig.facecolor": background,
            "axes.facecolor": background,
            "text.color": front,
            "axes.edgecolor": front,
            "axes.labelcolor": front,
            "xtick.color": front,
            "ytick.color": front,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "pdf.fonttype": 42,
            "svg.fonttype": "none",
        }
    )


def ink() -> str:
    """Return the colour of text and lines within the block of a style.

    Returns
    -------
    str
        A colour of Matplotlib.
    """
    return str(mpl.rcParams["text.color"])


def score_colours() -> ListedColormap:
    """Return the colours of scores: the higher, the further from the background.

    Returns
    -------
    ListedColormap
        Viridis, without its end that is like the background of the style.
    """
    dark = sum(to_rgb(mpl.rcParams["figure.facecolor"])) < 1.5
    shades = np.linspace(0.25, 1.0, 256) if dark else np.linspace(0.85, 0.0, 256)
    return ListedColormap(mpl.colormaps["viridis"](shades))
