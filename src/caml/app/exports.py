"""What leaves a page: results as ``caml analyse`` writes them, and how to have them without it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import shapely

from caml.analyse import Analysis, Outcome
from caml.analyse.by_method import OURS
from caml.analyse.chain import rounded
from caml.analyse.jobs import as_text, plan
from caml.analyse.record import Settings, record
from caml.io import whole_folder, write_json, write_table
from caml.localizations import Region
from caml.methods import method_parameters
from caml.plot import save_overview

__all__ = ["command_of", "python_of", "region_of", "regions_geojson", "save"]

REGIONS = "regions.geojson"
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


def _is_rectangle(region: Region) -> bool:
    """Tell whether a region can be given as four numbers."""
    return region.name.count(",") == 3


def regions_geojson(regions: Sequence[Region]) -> str:
    """Write regions as GeoJSON that `caml.read_regions` reads.

    Parameters
    ----------
    regions : sequence of Region
        Some.

    Returns
    -------
    str
        With coordinates in nm, to the last digit.
    """
    features = [
        {
            "type": "Feature",
            "properties": {"name": region.name},
            "geometry": shapely.geometry.mapping(region.polygon),
        }
        for region in regions
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}) + "\n"


def save(
    analysis: Analysis,
    path: Path,
    folder: Path,
    settings: Settings,
    *,
    warnings: Sequence[str] = (),
    sha256: str = "",
) -> None:
    """Write what ``caml analyse`` writes for one file, and the regions it was asked for.

    Parameters
    ----------
    analysis : Analysis
        What was found.
    path : Path
        The table.
    folder : Path
        The folder of results to be; must not exist.
    settings : Settings
        What was asked for.
    warnings : sequence of str
        What should be known of it.
    sha256 : str, default ""
        Of the table.

    Raises
    ------
    OutputError
        If it exists already or cannot be written; nothing of it is there then.
    """
    ((_, image),) = plan([path], folder)
    with whole_folder(folder) as partial:
        inside = partial / image.name
        inside.mkdir()
        analysis.write(inside, file_format=settings.file_format)
        save_overview(analysis, inside)
        _write_report(analysis, inside)
        write_table(partial / "summary.csv", rounded(analysis.description.summary))
        outcome = Outcome(
            path=path,
            folder=image,
            warnings=tuple(warnings),
            summary=analysis.description.summary,
            sha256=sha256,
            seconds=analysis.seconds,
            found_by=analysis.found_by,
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
        write_json(partial / "run.json", kept)
        if settings.regions and not all(map(_is_rectangle, settings.regions)):
            (partial / REGIONS).write_text(regions_geojson(settings.regions), encoding="utf-8")


def _write_report(analysis: Analysis, folder: Path) -> None:
    """Write the page of results into a folder, once there is what writes it."""
    del analysis, folder


def command_of(path: Path, folder: Path, settings: Settings) -> str:
    """Tell the command that writes the same results.

    Parameters
    ----------
    path : Path
        The table.
    folder : Path
        The folder of results.
    settings : Settings
        What was asked for.

    Returns
    -------
    str
        For a shell, quoted where it must be.
    """
    parts = ["caml", "analyse", as_text(path), "--out", as_text(folder)]
    if settings.method == OURS:
        parts += ["--model", settings.model]
        if settings.threshold != 0.5:
            parts += ["--threshold", f"{settings.threshold:g}"]
        if settings.prior != "auto":
            parts += ["--prior", str(settings.prior)]
    else:
        parts += ["--method", settings.method]
        for key, value in _chosen(settings).items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            parts += ["--set", f"{key}={text}"]
    if settings.pixel_size_nm is not None:
        parts += ["--pixel-size", f"{settings.pixel_size_nm:.10g}"]
    if settings.columns:
        given = ",".join(f"{role}={name}" for role, name in settings.columns.items())
        parts += ["--columns", given]
    if settings.regions and all(map(_is_rectangle, settings.regions)):
        for region in settings.regions:
            # With =, for it may begin with a minus sign.
            parts.append(f"--region={region.name}")
    elif settings.regions:
        parts += ["--region", as_text(folder / REGIONS)]
    return shlex.join(parts)


def python_of(path: Path, folder: Path, settings: Settings) -> str:
    """Tell the lines of Python that find and write the same.

    Parameters
    ----------
    path : Path
        The table.
    folder : Path
        The folder of results.
    settings : Settings
        What was asked for.

    Returns
    -------
    str
        Some lines.
    """
    lines = ["import caml", ""]
    asked = [repr(as_text(path))]
    if settings.pixel_size_nm is not None or settings.columns:
        reading = list(asked)
        if settings.pixel_size_nm is not None:
            reading.append(f"pixel_size_nm={settings.pixel_size_nm:.10g}")
        if settings.columns:
            reading.append(f"columns={dict(settings.columns)!r}")
        lines.append(f"localizations = caml.read({', '.join(reading)})")
        asked = ["localizations"]
    if settings.method == OURS:
        asked.append(f"model={settings.model!r}")
        if settings.threshold != 0.5:
            asked.append(f"threshold={settings.threshold!r}")
        if settings.prior != "auto":
            asked.append(f"prior={settings.prior!r}")
    else:
        asked.append(f"method={settings.method!r}")
        if chosen := _chosen(settings):
            asked.append(f"parameters={chosen!r}")
    if settings.regions:
        asked.append("regions=regions")
        if all(map(_is_rectangle, settings.regions)):
            rectangles = ", ".join(
                f"caml.Region.rectangle({region.name.replace(',', ', ')}, name={region.name!r})"
                for region in settings.regions
            )
            lines.append(f"regions = [{rectangles}]")
        else:
            lines.append(f"regions = caml.read_regions({as_text(folder / REGIONS)!r})")
    lines.append(f"analysis = caml.analyse({', '.join(asked)})")
    lines.append(f"analysis.save({as_text(plan([path], folder)[0][1])!r})")
    return "\n".join(lines) + "\n"


def _chosen(settings: Settings) -> dict[str, object]:
    """Return the parameters that are not as the method suggests."""
    known = method_parameters(settings.method)
    return {key: one for key, one in settings.parameters.items() if one != known[key].default}
