"""Pages of results that lie in a folder already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from caml.analyse import Analysis, Found, load_results, provenance_of, recorded_of
from caml.errors import InputError
from caml.io import whole_file
from caml.io.run_folders import OUTLINES_IN_PARTS, PAGE, PARTS, PICTURE
from caml.localizations import Region
from caml.models import Model
from caml.plot import save_overview
from caml.report.page import report

__all__ = ["save_report_of_results"]


def save_report_of_results(
    folder: str | Path,
    path: str | Path | None = None,
    *,
    model: Model | str | Path | None = None,
    regions: Sequence[Region] = (),
    overwrite: bool = False,
) -> Path:
    """Write the page of an image that was analysed before.

    Parameters
    ----------
    folder : str or Path
        Of its results, also of those in tiles.
    path : str or Path, optional
        The page, ending in ``.html``. By default ``report.html`` in the folder, replaced if it is
        there; and ``overview.png`` where it is missing.
    model : Model, str or Path, optional
        The network that gave the scores; looked at where no ``run.json`` tells, and needed there.
    regions : sequence of Region, optional
        Those that were analysed; the same.
    overwrite : bool, default False
        Whether a page at `path` is replaced.

    Returns
    -------
    Path
        The page: that which ``caml analyse`` writes. Without ``run.json`` beside the folder it does
        not tell how to do the same again.

    Raises
    ------
    CamlError
        If the results cannot be read (see `caml.load_results`), or the page cannot be written.
    """
    folder = Path(folder)
    page = folder / PAGE if path is None else Path(path)
    if page.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{page}: a report is a file that ends in .html")
    provenance, told = None, recorded_of(folder)
    found: Analysis | Found | None = None
    if told is not None:
        outcome, recorded = told
        provenance = provenance_of(outcome, recorded.batch.settings)
        # A folder that lacks one of them is told so.
        if any((folder / name).is_dir() for name in (PARTS, OUTLINES_IN_PARTS)):
            found = Found.in_parts(folder.resolve(), outcome.summary, provenance, recorded.card)
    if found is None:
        found = load_results(folder, model=model, regions=regions)
    if path is None and not (folder / PICTURE).exists():
        save_overview(found, folder)
    text = report(found, provenance)
    with whole_file(page, overwrite=overwrite or path is None) as partial:
        partial.write_text(text, encoding="utf-8")
    return page
