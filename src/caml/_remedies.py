"""What to do about a fault, as the command and Python spell it; a page has words of its own."""

from __future__ import annotations

__all__ = [
    "COLUMNS_BY_NAME",
    "COLUMNS_BY_NUMBER",
    "COLUMNS_WITH_UNIT",
    "FLAT_Z",
    "IN_PIXELS",
    "LEAVE_Z_OUT",
    "NAME_NETWORK",
    "NAME_REGION",
    "NAME_REGIONS",
    "OVERWRITE",
    "PIXEL_SIZE",
    "PRIOR_BALANCED",
    "READ_A_PART",
    "UNCERTAINTY_SIZE",
]

# Messages contain these as they are, so that `caml.app.words` can put others in their place.
PIXEL_SIZE = "--pixel-size 130 (Python: pixel_size_nm=130)"
UNCERTAINTY_SIZE = "give the size of a pixel with --pixel-size (Python: pixel_size_nm)"
IN_PIXELS = "say so in the header (x [px]) or with --columns 'x=NAME [px]'"
COLUMNS_BY_NUMBER = (
    "name the columns by their number, from 0: --columns x=0,y=1 (Python: columns={'x': '0', "
    "'y': '1'})"
)
COLUMNS_BY_NAME = (
    "name those that hold positions: --columns x=NAME,y=NAME (Python: columns={'x': NAME, "
    "'y': NAME})"
)
COLUMNS_WITH_UNIT = "give it with --columns (Python: columns), and px with --pixel-size"
PRIOR_BALANCED = '--prior balanced (Python: prior="balanced")'
LEAVE_Z_OUT = (
    "leave z out, on the command line by a table without its column, in Python by "
    "localizations.projected()"
)
FLAT_Z = (
    "leave z out (a table without it, or localizations.projected()); caml.spatial takes z_range_nm"
)
NAME_NETWORK = 'name it with --model LOGNM1 (Python: model="LOGNM1")'
NAME_REGIONS = "give them with --region (Python: regions=…)"
NAME_REGION = "give it (--region, or Localizations(…, region=…))"
READ_A_PART = (
    "read a part of it with caml.read(path, box=…), or write its page, of tiles, with caml report"
)
OVERWRITE = "choose another name, or replace it with --overwrite (Python: overwrite=True)"
