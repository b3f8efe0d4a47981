"""The page of an image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caml._version import __version__
from caml._words import counted
from caml.analyse import Analysis, Provenance
from caml.analyse.found import Found
from caml.analyse.record import regions_geojson
from caml.errors import InputError
from caml.io import whole_file
from caml.models import ModelCard
from caml.plot.colours import KINDS, NOT_CLUSTERED, OUTSIDE
from caml.plot.descriptors import axis_name, in_short
from caml.report.again import python_lines, shell_line
from caml.report.bars import histograms
from caml.report.payload import payload
from caml.report.words import numbers, what_was_asked, what_was_found

if TYPE_CHECKING:
    import jinja2

__all__ = ["fill", "report", "save_report"]

# Rows that a page has before anything runs in it: what is read without a browser, and printed.
ROWS = 20
PAPER = (
    "Williamson DJ, Burn GL, Simoncelli S, Griffié J, Peters R, Davis DM, Owen DM. Machine "
    "learning for cluster analysis of localization microscopy data. Nature Communications 11, 1493 "
    "(2020). doi:10.1038/s41467-020-15293-x"
)


def report(analysis: Analysis | Found, provenance: Provenance | None = None) -> str:
    """Write an analysis as one page that needs nothing else: picture, distributions, table, words.

    Parameters
    ----------
    analysis : Analysis or Found
        What was found.
    provenance : Provenance, optional
        Where it came from: the file, what was asked for, warnings. Without it the page leaves out
        how to do the same again.

    Returns
    -------
    str
        HTML, mostly below 5 MB: of more than 150,000 localizations an image takes the place of
        single ones, of more than 12,000 clusters the largest are shown.
    """
    found = analysis if isinstance(analysis, Found) else Found.of(analysis)
    shown = payload(found)
    largest = found.clusters.nlargest(ROWS, "n_localizations")["cluster"]
    row_of = {row[0]: row for row in shown["rows"]}
    first = [row_of[one] for one in largest if one in row_of]
    summary = found.summary
    given: dict[str, Any] = {
        "title": found.name or "image",
        "asked": what_was_asked(found),
        "found": what_was_found(found),
        "numbers": numbers(found),
        "warnings": provenance.warnings if provenance else (),
        "histograms": histograms(found.clusters),
        "shown": shown,
        "key": _key(found, one_by_one="dots" in shown),
        "first_rows": [[str(row[0]), *row[1:]] for row in first],
        "names": [axis_name(name) for name in shown["columns"]],
        "regions": summary.to_dict("records") if len(summary) > 1 else [],
        "history": found.history,
        "card": found.card,
        "accuracy": _accuracy(found.card),
        "parameters": {},
        "version": __version__,
        "paper": PAPER,
    }
    if provenance:
        given |= {
            "parameters": provenance.parameters(),
            "shell": shell_line([provenance.path], provenance.settings),
            "python": python_lines(provenance.path, provenance.settings),
            "geojson": regions_geojson(provenance.settings),
        }
    return fill("page.html", given)


def save_report(
    analysis: Analysis | Found, path: str | Path, provenance: Provenance | None = None
) -> None:
    """Write the page of an analysis into a file, or as ``report.html`` into a folder.

    Parameters
    ----------
    analysis : Analysis or Found
        What was found.
    path : str or Path
        The file, ending in ``.html``, replaced if it is there; or a folder.
    provenance : Provenance, optional
        Where it came from.

    Raises
    ------
    InputError
        If the path is neither a folder nor ends in ``.html``.
    OutputError
        If it cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        path /= "report.html"
    elif path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path}: a report is a file that ends in .html, or goes into a folder")
    text = report(analysis, provenance)
    with whole_file(path, overwrite=True) as partial:
        # Names of files that are not in UTF-8 cost no report.
        partial.write_text(text, encoding="utf-8", errors="replace")


def fill(template: str, given: Mapping[str, Any]) -> str:
    """Fill a template, all texts escaped.

    Parameters
    ----------
    template : str
        Its name in ``assets/``.
    given : mapping of str to object
        What it asks for.

    Returns
    -------
    str
        HTML.
    """
    return _environment().get_template(template).render(given)


def _key(found: Found, *, one_by_one: bool) -> list[tuple[str, str]]:
    """Tell what the colours of localizations mean."""
    # Where they are not there one by one, all labels have one colour.
    kinds = found.labels[1:] if one_by_one else ("clustered",)
    key = [(NOT_CLUSTERED, "not clustered"), *zip(cycle(KINDS), kinds)]
    return [*key, (OUTSIDE, "not looked at")] if found.regions else key


@cache
def _environment() -> jinja2.Environment:
    import jinja2
    import markupsafe

    assets = files("caml.report") / "assets"

    def loaded(name: str) -> str:
        return (assets / name).read_text("utf-8")

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(loaded), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"counted": counted, "data": _data, "short": _short}
    environment.globals["asset"] = lambda name: markupsafe.Markup(loaded(name))
    return environment


def _data(value: object) -> Any:
    """Write JSON that cannot end the element it stands in."""
    import markupsafe

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return markupsafe.Markup(text.replace("<", "\\u003c").replace("&", "\\u0026"))


def _short(value: object) -> str:
    """Write a number as people read it, and a text as it is."""
    if value is None:
        return "–"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return in_short(value)
    return str(value)


def _accuracy(card: ModelCard | None) -> str:
    """Return how often the network was right on its test data, if its card says."""
    value = card.metrics.get("accuracy") if card else None
    return f"{100 * float(value):.1f} %" if value is not None else ""
