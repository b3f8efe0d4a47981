"""Options that several commands have."""

from __future__ import annotations

import math
from typing import Any

import click

__all__ = [
    "COLUMNS",
    "FILE_FORMAT",
    "MODEL",
    "PIXEL_SIZE",
    "PRIOR",
    "THRESHOLD",
    "Number",
    "columns_of",
]


class Number(click.FloatRange):
    """A number in a range; NaN and infinity, which click lets through, are none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


MODEL = click.option(
    "--model", "-m", default="LOGNM1", show_default=True, help="Network: a name or an .onnx file."
)


class Share(click.ParamType):  # type: ignore[type-arg]
    """A share, or the name of a way to find it."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | str:
        """Return the number or the name."""
        if value in ("auto", "image", "balanced"):
            return str(value)
        try:
            share = float(value)
        except ValueError:
            share = math.nan
        if not 0 < share < 1:
            self.fail(
                f"{value!r} is neither auto, image, balanced nor a number between 0 and 1.",
                param,
                ctx,
            )
        return share


PRIOR = click.option(
    "--prior",
    default="auto",
    show_default=True,
    type=Share(),
    metavar="SHARE",
    help="Share of the clustered that labels assume: a number; balanced (one half, as the paper "
    "does); image (estimated); or auto: balanced, unless scores are such as chance gives where "
    "nothing is clustered.",
)
THRESHOLD = click.option(
    "--threshold",
    default=0.5,
    show_default=True,
    type=Number(0, 1),
    help="Probabilities of at least this are clustered.",
)
PIXEL_SIZE = click.option(
    "--pixel-size",
    "pixel_size_nm",
    type=Number(min=0, min_open=True),
    metavar="NM",
    help="Camera pixel size, for tables in pixels or whose x and y have no unit.",
)
COLUMNS = click.option(
    "--columns",
    metavar="x=NAME,y=NAME,…",
    help="Which column (name, or number from 0) is x, y, z, frame, channel, uncertainty.",
)
FILE_FORMAT = click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="Of the localizations' tables.",
)


def columns_of(text: str | None) -> dict[str, str] | None:
    """Read ``--columns x=0,y=1``.

    Parameters
    ----------
    text : str or None
        What was given.

    Returns
    -------
    dict of str to str, or None
        The column of each role.

    Raises
    ------
    click.BadParameter
        If it is something else.
    """
    if text is None:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    columns = {role.strip(): name.strip() for role, _, name in pairs}
    known = ("x", "y", "z", "frame", "channel", "uncertainty")
    if not all(columns.values()) or len(columns) < len(pairs) or not columns.keys() <= set(known):
        raise click.BadParameter(
            f"expected x=NAME,y=NAME with each of {', '.join(known)} at most once, got {text!r}",
            param_hint="--columns",
        )
    return columns
