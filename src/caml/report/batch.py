"""The page of a batch: what failed, what to know, every image in a row, and all at a glance."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from caml._version import __version__
from caml._words import counted
from caml.analyse import Batch, Provenance
from caml.analyse.chain import rounded
from caml.io import whole_file
from caml.plot.descriptors import axis_name, in_short
from caml.plot.overview import PANEL
from caml.report.again import shell_line
from caml.report.bars import Strip, strips
from caml.report.page import PAPER, fill

__all__ = ["batch_report", "save_batch_report", "save_first_page"]

# What is compared at a glance, where it is known, and the columns of the table.
COMPARED = (
    "n_clusters", "percent_clustered", "clusters_per_um2", "n_localizations_median",
    "area_nm2_median", "density_per_um2_median",
)  # fmt: skip
COLUMNS = (
    "n_localizations", "area_um2", "n_clusters", "percent_clustered", "clusters_per_um2",
    "n_localizations_median", "area_nm2_median", "volume_nm3_median", "density_per_um2_median",
    "density_per_um3_median", "radius_of_gyration_nm_median", "nearest_cluster_nm_median",
)  # fmt: skip
# Small pictures together, bytes: a page is to be mailed.
MOST_BYTES = 3_000_000
THUMBNAIL = 320


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture of an image.

    Parameters
    ----------
    name : str
        Of the image.
    link : str
        The page it has, relative to this one; empty where it has none.
    picture : str
        A data URI.
    text : str
        What was found.
    """

    name: str
    link: str
    picture: str
    text: str


def batch_report(batch: Batch) -> str:
    """Write what became of many files as one page that needs nothing else.

    Parameters
    ----------
    batch : Batch
        What became of them.

    Returns
    -------
    str
        HTML; links lead to the pages of the images, in folders beside it.
    """
    done = [one for one in batch.outcomes if not one.error]
    failed = [one for one in batch.outcomes if one.error]
    texts = Counter(
        text.removeprefix(f"{one.path}: ") for one in done for text in dict.fromkeys(one.warnings)
    )
    # As summary.csv holds it, so that the page is the same where it is made of that.
    summary = rounded(batch.summary)
    columns = [name for name in COLUMNS if name in summary and summary[name].notna().any()]
    links = {one.folder.name: _link(one.folder) for one in done}
    has_regions = bool(len(summary)) and bool(summary["region"].astype(bool).any())
    rows = [
        (row["image"], links.get(row["image"], ""), row["region"], [row[name] for name in columns])
        for row in summary.to_dict("records")
    ]
    given = {
        "title": f"{len(batch.outcomes)} images",
        "found": _found(batch, summary),
        "failed": [one.error for one in failed],
        "warnings": [(text, n) for text, n in texts.items()],
        "names": [_named(name) for name in columns],
        "has_regions": has_regions,
        "rows": rows,
        "strips": _strips(summary) if len(summary) > 1 else [],
        "thumbnails": _thumbnails(batch),
        "parameters": _parameters(batch),
        "shell": _shell(batch),
        "version": __version__,
        "paper": PAPER,
    }
    return fill("batch.html", given)


def save_batch_report(batch: Batch, path: str | Path) -> None:
    """Write the page of a batch into a file, replacing an earlier one.

    Parameters
    ----------
    batch : Batch
        What became of the files.
    path : str or Path
        The file, in the folder of results.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    text = batch_report(batch)
    with whole_file(path, overwrite=True) as partial:
        # Names of files that are not in UTF-8 cost no report.
        partial.write_text(text, encoding="utf-8", errors="replace")


def save_first_page(batch: Batch, out: Path) -> Path:
    """Return the page to open first: that of the one image, or that of all, which is written.

    Parameters
    ----------
    batch : Batch
        What became of the files.
    out : Path
        The folder of results.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    pages = [one.folder / "report.html" for one in batch.outcomes]
    if len(pages) == 1 and pages[0].is_file():
        return pages[0]
    save_batch_report(batch, out / "report.html")
    return out / "report.html"


def _named(column: str) -> str:
    if column == "n_localizations":
        return "localizations"  # of the image, not of a cluster
    shown = axis_name(column.removesuffix("_median"))
    return f"{shown}, median" if column.endswith("_median") else shown


def _found(batch: Batch, summary: pd.DataFrame) -> str:
    n = len(batch.outcomes)
    n_failed = sum(bool(one.error) for one in batch.outcomes)
    if not len(summary):
        return f"None of {n} images could be analysed." if n > 1 else "It could not be analysed."
    with_clusters = summary[summary["n_clusters"] > 0]["image"].nunique()
    text = f"{counted(int(summary['n_clusters'].sum()), 'cluster')} in {with_clusters:,} of "
    text += f"{counted(n - n_failed, 'image')}{' that could be analysed' if n_failed else ''}."
    shares = summary["percent_clustered"].dropna()
    what = "regions" if len(summary) > n else "images"
    least, most = in_short(shares.min()), in_short(shares.max())
    if len(shares) > 1 and least == most:
        text += f" {least} % of the localizations are in clusters, in all {what}."
    elif len(shares) > 1:
        text += (
            f" From {least} to {most} % of the localizations are in clusters, in half of the "
            f"{what} at least {in_short(shares.median())} %."
        )
    return text


def _strips(summary: pd.DataFrame) -> list[Strip]:
    names = [
        f"{image}, {region}" if region else str(image)
        for image, region in zip(summary["image"], summary["region"], strict=True)
    ]
    columns = [name for name in COMPARED if name in summary]
    return strips(summary[columns], names)


def _link(folder: Path) -> str:
    page = folder / "report.html"
    return f"{quote(folder.name)}/report.html" if page.is_file() else ""


def _thumbnails(batch: Batch) -> list[Thumbnail]:
    """Return small pictures of images, of as many as there is room for."""
    found, room = [], MOST_BYTES
    for one in batch.outcomes:
        picture = "" if one.error else _picture(one.folder / "overview.png")
        room -= len(picture)
        if not picture or room < 0:
            continue
        text = counted(int(one.summary["n_clusters"].sum()), "cluster")
        found.append(Thumbnail(one.folder.name, _link(one.folder), picture, text))
    return found


def _picture(path: Path) -> str:
    try:
        with Image.open(path) as image:
            # The whole image and its scale bar, without the part that is enlarged beside it, and
            # without headline and legend, which nobody could read.
            panel = image.text.get(PANEL) if isinstance(image, PngImageFile) else None
            box = json.loads(panel) if panel else (0, 0, *image.size)
            part = image.convert("RGB").crop(box)
    except (OSError, ValueError):
        return ""
    part.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    with io.BytesIO() as buffer:
        part.save(buffer, "JPEG", quality=82, optimize=True)
        return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"


def _parameters(batch: Batch) -> dict[str, str]:
    told = Provenance(path=Path(), settings=batch.settings).parameters()
    return {name: value for name, value in told.items() if name != "file"}


def _shell(batch: Batch) -> str:
    return shell_line([one.path for one in batch.outcomes], batch.settings)
