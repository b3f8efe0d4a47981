"""The lines that give the same: for a shell, and for Python."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import shapely

from caml.analyse import OURS, Settings
from caml.analyse.record import corners_of
from caml.io.run_folders import REGIONS
from caml.localizations import Region

__all__ = ["python_lines", "shell_line"]

DEFAULT = Settings()


def shell_line(
    paths: Sequence[Path],
    settings: Settings,
    *,
    out: Path = Path("results"),
    regions: Path = Path(REGIONS),
) -> str:
    """Write the command that gives the same results.

    Parameters
    ----------
    paths : sequence of Path
        The tables.
    settings : Settings
        What was asked for.
    out : Path, default "results"
        The folder of results.
    regions : Path, default "regions.geojson"
        The file that regions are in where not all are rectangles.

    Returns
    -------
    str
        For a POSIX shell.
    """
    # A name that begins with a dash would be taken for an option.
    files = [f"./{path}" if str(path).startswith("-") else path for path in paths]
    words: list[object] = ["caml", "analyse", *files, "--out", out]
    if settings.method == OURS:
        for name in ("model", "threshold", "prior"):
            if getattr(settings, name) != getattr(DEFAULT, name):
                words += [f"--{name}", getattr(settings, name)]
    else:
        words += ["--method", settings.method]
        for name, value in _chosen(settings).items():
            words += ["--set", f"{name}={value}"]
    if all(map(corners_of, settings.regions)):
        for region in settings.regions:
            words += ["--region", corners_of(region)]
    else:
        words += ["--region", regions]
    if settings.pixel_size_nm is not None:
        words += ["--pixel-size", repr(settings.pixel_size_nm)]
    if settings.columns:
        words += ["--columns", ",".join(f"{k}={v}" for k, v in settings.columns.items())]
    if settings.tile_size is not None:
        words += ["--tile", settings.tile_size]
    if settings.file_format != DEFAULT.file_format:
        words += ["--format", settings.file_format]
    return shlex.join(str(word) for word in words)


def python_lines(path: Path, settings: Settings, *, out: Path = Path("results")) -> str:
    """Write the program that gives the same results.

    Parameters
    ----------
    path : Path
        The table.
    settings : Settings
        What was asked for.
    out : Path, default "results"
        The folder that the folder of the image goes into.

    Returns
    -------
    str
        A few lines of Python.
    """
    read: dict[str, Any] = {"pixel_size_nm": settings.pixel_size_nm, "columns": settings.columns}
    asked: dict[str, Any] = {}
    if settings.method == OURS:
        for name in ("model", "threshold", "prior"):
            asked[name] = getattr(settings, name)
    else:
        asked |= {"method": settings.method, "parameters": _chosen(settings)}
    given = [f"{k}={v!r}" for k, v in asked.items() if v != getattr(DEFAULT, k)]
    lines = ["import caml", ""]
    if settings.regions:
        names = [_region(region) for region in settings.regions]
        if any("from_wkt" in one for one in names):
            lines.insert(1, "import shapely")
        lines += ["regions = [", *(f"    {one}," for one in names), "]"]
        given.append("regions=regions")
    options = [f"{k}={v!r}" for k, v in read.items() if v]
    # Of a path, no more of a table in parquet is read than regions need, as the command does.
    source = repr(str(path))
    if options:
        lines.append(f"localizations = caml.read({', '.join([source, *options])})")
        source = "localizations"
    lines.append(f"analysis = caml.analyse({', '.join([source, *given])})")
    lines.append(f"analysis.save({str(out / path.stem)!r})")
    return "\n".join(lines)


def _chosen(settings: Settings) -> dict[str, Any]:
    """Return the parameters of a method that are not what they are by default."""
    from caml.methods import method_parameters

    known = method_parameters(settings.method)
    given = settings.parameters
    return {name: value for name, value in given.items() if value != known[name].default}


def _region(region: Region) -> str:
    name = f", name={region.name!r}" if region.name else ""
    if region.polygon.equals(shapely.box(*region.polygon.bounds)):
        return f"caml.Region.rectangle({', '.join(map(repr, region.polygon.bounds))}{name})"
    return f"caml.Region(shapely.from_wkt({region.polygon.wkt!r}){name})"
