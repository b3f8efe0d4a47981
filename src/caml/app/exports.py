"""What leaves a page: results as ``caml analyse`` writes them, and how to have them without it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import shapely

from caml.analyse import Analysis, Outcome, Provenance, Settings
from caml.analyse.chain import rounded
from caml.analyse.jobs import as_text, plan
from caml.analyse.one_file import beside, texts_of
from caml.analyse.record import record, regions_geojson
from caml.app.things import Run
from caml.errors import CamlWarning
from caml.io import whole_folder, write_json, write_table
from caml.io.run_folders import RECORD, REGIONS, SUMMARY
from caml.localizations import Region
from caml.plot import save_overview
from caml.report import save_report
from caml.report.again import python_lines, shell_line

__all__ = ["region_of", "save", "source_of", "words_of"]

# To a hundredth of a nanometre, which is what a person sees in a command.
DIGITS = 2


def region_of(kind: str, corners: Sequence[Sequence[float]], name: str) -> Region:
    """Make a region of what was drawn.

    Parameters
    ----------
    kind : {"rectangle", "polygon"}
        A rectangle is called by its four numbers, as ``--region`` calls it.
    corners : sequence of (float, float)
        Of a polygon, in order; of a rectangle, two that face each other. nm.
    name : str
        Of a polygon.

    Returns
    -------
    Region
        Its corners are rounded to 0.01 nm, so that they are the same in a command.

    Raises
    ------
    RegionError
        If it has no area.
    """
    points = [(round(float(x), DIGITS), round(float(y), DIGITS)) for x, y in corners]
    if kind == "rectangle":
        xs, ys = zip(*points, strict=True)
        text = ",".join(f"{one:.10g}" for one in (min(xs), min(ys), max(xs), max(ys)))
        x_min, y_min, x_max, y_max = (float(part) for part in text.split(","))
        return Region.rectangle(x_min, y_min, x_max, y_max, name=text)
    polygon = shapely.Polygon(points) if len(set(points)) >= 3 else shapely.Polygon()
    return Region(polygon, name)


def source_of(path: Path, run: Run) -> Provenance:
    """Tell where an analysis came from.

    Parameters
    ----------
    path : Path
        The table.
    run : Run
        The analysis.

    Returns
    -------
    Provenance
        As a batch tells it.
    """
    return Provenance(
        path=path, sha256=run.sha256, settings=run.settings, warnings=tuple(run.warnings)
    )


def save(analysis: Analysis, folder: Path, source: Provenance) -> None:
    """Write what ``caml analyse`` writes for one file, and the regions it was asked for.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    folder : Path
        The folder of results to be; must not exist.
    source : Provenance
        Where it came from.

    Raises
    ------
    OutputError
        If it exists already or cannot be written; nothing of it is there then.
    """
    path, settings = source.path, source.settings
    ((_, image),) = plan([path], folder)
    with whole_folder(folder) as partial:
        inside = partial / image.name
        inside.mkdir()
        analysis.write(inside, file_format=settings.file_format)
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always", CamlWarning)
            beside(lambda: save_overview(analysis, inside), "picture was drawn", path)
            beside(lambda: save_report(analysis, inside, source), "page was written", path)
        write_table(partial / SUMMARY, rounded(analysis.description.summary))
        outcome = Outcome(
            path=path,
            folder=image,
            warnings=(*source.warnings, *texts_of(noted)),
            summary=analysis.description.summary,
            sha256=source.sha256,
            seconds=analysis.seconds,
            found_by=analysis.found_by,
            history=tuple(map(as_text, analysis.localizations.history)),
        )
        kept = record([outcome], replace(settings, overwrite=False), analysis.card,
                      [(path, image)], interrupted=False)  # fmt: skip
        kept["arguments"] |= {
            "out": as_text(folder),
            "overwrite": False,
            "n_jobs": 1,
            "scheduler": None,
        }
        kept["resumed"] = []
        kept["seconds"] = round(sum(analysis.seconds.values()), 3)
        write_json(partial / RECORD, kept)
        if polygons := regions_geojson(settings):
            (partial / REGIONS).write_text(polygons + "\n", encoding="utf-8")


def words_of(
    path: Path, folder: Path, settings: Settings, saved: Path | None
) -> dict[str, str | bool]:
    """Tell the command and the lines of Python that give the same results.

    Parameters
    ----------
    path : Path
        The table.
    folder : Path
        The folder of results to be.
    settings : Settings
        What was asked for.
    saved : Path or None
        The folder they were saved in, where they were: the file of regions is there.

    Returns
    -------
    dict
        ``command`` and ``python``, and whether the command ``needs_saving`` before it can be run.
    """
    regions = (saved or folder) / REGIONS
    command = shell_line([path], settings, out=folder, regions=regions)
    return {
        "command": command,
        "python": python_lines(path, settings, out=folder),
        "needs_saving": bool(regions_geojson(settings)) and not regions.is_file(),
    }
