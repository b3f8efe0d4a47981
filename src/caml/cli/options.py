"""Options that several commands have."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from caml.localizations import Region

__all__ = [
    "COLUMNS",
    "FILE_FORMAT",
    "MODEL",
    "PIXEL_SIZE",
    "PRIOR",
    "REGION",
    "REGION_PIXEL_SIZE",
    "SEED",
    "THRESHOLD",
    "Number",
    "columns_of",
    "regions_of",
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
SEED = click.option(
    "--seed",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="Of the simulations; each file begins with it.",
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
REGION = click.option(
    "--region",
    "region_texts",
    multiple=True,
    metavar="REGION",
    help="Part to describe: X_MIN,Y_MIN,X_MAX,Y_MAX in nm, or a polygon file (GeoJSON in nm; "
    "ImageJ .roi or RoiSet .zip in pixels). May be given more than once.",
)
REGION_PIXEL_SIZE = click.option(
    "--region-pixel-size",
    "region_pixel_size_nm",
    type=Number(min=0, min_open=True),
    metavar="NM",
    help="Pixel size of the image an ImageJ region was drawn on; --pixel-size by default.",
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


def regions_of(texts: tuple[str, ...], pixel_size_nm: float | None) -> list[Region]:
    """Read every ``--region``: a file where there is one of that name, else a rectangle.

    Parameters
    ----------
    texts : tuple of str
        What was given.
    pixel_size_nm : float or None
        Of the image that ImageJ regions were drawn on, nm.

    Returns
    -------
    list of Region
        The regions.
    """
    from caml.io import parse_region, read_regions

    regions: list[Region] = []
    for text in texts:
        if re.fullmatch(r"[-+\d.,eE\s]+", text) and not Path(text).exists():
            regions.append(parse_region(text))
        else:
            regions += read_regions(Path(text), pixel_size_nm=pixel_size_nm)
    return regions
