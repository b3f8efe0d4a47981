"""What was asked, of what, and with which versions: what ``run.json`` holds."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from caml._version import __version__
from caml.analyse.by_method import OURS
from caml.analyse.jobs import Job, as_text
from caml.analyse.ledger import Outcome
from caml.analyse.saved import Format
from caml.localizations import Region
from caml.models import ModelCard
from caml.prior import Prior

__all__ = [
    "Provenance",
    "Settings",
    "arguments",
    "checksum",
    "corners_of",
    "record",
    "record_of",
    "regions_geojson",
]

PACKAGES = ("numpy", "scipy", "pandas", "shapely", "onnxruntime", "scikit-learn", "numba")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is the same for all files of a batch; see `caml.analyse.analyse_files`.

    Parameters
    ----------
    model : str, default "LOGNM1"
        The network's name or file.
    threshold : float, default 0.5
        A probability of at least this is clustered.
    prior : {"auto", "image", "balanced"} or float, default "auto"
        The share of the clustered that labels assume.
    method : str, default "caml"
        How clusters are found: by a network, or by one of `caml.methods.METHODS`.
    parameters : mapping of str to object, optional
        What is chosen of that method.
    regions : tuple of Region, default ()
        The parts to describe.
    pixel_size_nm : float, optional
        Camera pixel size, for tables in pixels.
    columns : mapping of str to str, optional
        Which column is x, y, ….
    file_format : {"csv", "parquet"}, default "csv"
        Of the localizations' tables.
    tile_size : int, optional
        Localizations in a tile, where tables are analysed in tiles.
    overwrite : bool, default False
        Whether earlier results are replaced.
    """

    model: str = "LOGNM1"
    threshold: float = 0.5
    prior: Prior = "auto"
    method: str = OURS
    parameters: Mapping[str, Any] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    pixel_size_nm: float | None = None
    columns: Mapping[str, str] | None = None
    file_format: Format = "csv"
    tile_size: int | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where an analysis came from.

    Parameters
    ----------
    path : Path
        The table.
    sha256 : str, default ""
        Of the table.
    settings : Settings
        What was asked for.
    warnings : tuple of str, default ()
        What should be known.
    """

    path: Path
    sha256: str = ""
    settings: Settings = field(default_factory=lambda: Settings())
    warnings: tuple[str, ...] = ()

    def parameters(self) -> dict[str, str]:
        """Tell what was asked for, as it is read.

        Returns
        -------
        dict of str to str
            The file and every parameter that has a value.
        """
        asked = arguments(self.settings) | {"format": None}
        asked |= asked.pop("parameters", {})
        if asked["method"] == OURS:
            asked["method"] = "network"
        asked["regions"] = ", ".join(one["name"] or "unnamed" for one in asked["regions"])
        if asked["columns"]:
            asked["columns"] = ", ".join(f"{k}: {v}" for k, v in asked["columns"].items())
        told = {"file": as_text(self.path), "SHA-256": self.sha256} | asked
        return {name.replace("_", " "): str(value) for name, value in told.items() if value}


def arguments(settings: Settings) -> dict[str, Any]:
    """Tell what the results depend on beside the files and the network.

    Parameters
    ----------
    settings : Settings
        What is the same for all files.

    Returns
    -------
    dict
        Of what JSON holds.
    """
    network = {
        "model": settings.model,
        "threshold": settings.threshold,
        "prior": settings.prior,
    }
    return {
        "method": settings.method,
        **(network if settings.method == OURS else {"parameters": _parameters(settings)}),
        "regions": [
            {"name": region.name, "wkt": region.polygon.wkt} for region in settings.regions
        ],
        "pixel_size_nm": settings.pixel_size_nm,
        "columns": dict(settings.columns) if settings.columns else None,
        "format": settings.file_format,
        "tile_size": settings.tile_size,
    }


def _parameters(settings: Settings) -> dict[str, Any]:
    """Return the parameters of a method; infinity, which JSON does not know, as text."""
    given = settings.parameters
    return {k: str(v) if isinstance(v, float) and math.isinf(v) else v for k, v in given.items()}


def record(
    outcomes: Sequence[Outcome],
    settings: Settings,
    card: ModelCard | None,
    jobs: Sequence[Job],
    *,
    interrupted: bool,
) -> dict[str, Any]:
    """Write down what was run on what, so that it can be repeated and cited.

    Parameters
    ----------
    outcomes : sequence of Outcome
        What became of the files that were analysed.
    settings : Settings
        What was the same for all.
    card : ModelCard or None
        Of the network; None where another method found the clusters.
    jobs : sequence of (Path, Path)
        All files, and their folders.
    interrupted : bool
        Whether the run was.

    Returns
    -------
    dict
        Of what JSON holds.
    """
    finished = {one.folder for one in outcomes}
    return {
        **_here_and_now(),
        "interrupted": interrupted,
        "arguments": arguments(settings),
        "model": None if card is None else asdict(card),
        "inputs": [
            {
                "path": as_text(one.path),
                "folder": one.folder.name,
                "sha256": one.sha256,
                "error": one.error,
                "details": one.details,
                "warnings": list(one.warnings),
                "seconds": dict(one.seconds),
                "found_by": one.found_by,
                "history": list(one.history),
            }
            for one in outcomes
        ],
        "not_analysed": [as_text(path) for path, folder in jobs if folder not in finished],
    }


def record_of(path: Path, command: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Write down what was run on one file by itself.

    Parameters
    ----------
    path : Path
        The file.
    command : str
        What was run.
    arguments : mapping
        What the results depend on beside the file; of what JSON holds.

    Returns
    -------
    dict
        Of what JSON holds.
    """
    return {
        **_here_and_now(),
        "command": command,
        "arguments": dict(arguments),
        "input": {"path": as_text(path), "sha256": checksum(path)},
    }


def checksum(path: Path) -> str:
    """Sum up a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        Its SHA-256; empty where it cannot be read, which reading it will tell.
    """
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        pass
    return ""


def _here_and_now() -> dict[str, Any]:
    """Tell when this is, and with which versions."""
    return {
        "caml": __version__,
        "date": dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in PACKAGES},
        },
    }


def regions_geojson(settings: Settings) -> str:
    """Write the regions as the file that the command reads, if any is no rectangle.

    Parameters
    ----------
    settings : Settings
        What was asked for.

    Returns
    -------
    str
        GeoJSON in nm; empty where the command takes them by their corners.
    """
    if all(map(corners_of, settings.regions)):
        return ""
    features = [
        {
            "type": "Feature",
            "properties": {"name": region.name},
            "geometry": json.loads(shapely.to_geojson(region.polygon)),
        }
        for region in settings.regions
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})


def corners_of(region: Region) -> str:
    """Return a rectangle as the command takes it and names it.

    Parameters
    ----------
    region : Region
        Any.

    Returns
    -------
    str
        x_min, y_min, x_max, y_max, nm; empty for other regions, and where the name says more.
    """
    bounds = region.polygon.bounds
    if not region.polygon.equals(shapely.box(*bounds)):
        return ""
    if not region.name:
        return ",".join(np.format_float_positional(one, trim="-") for one in bounds)
    try:
        named = tuple(float(one) for one in region.name.split(","))
    except ValueError:
        return ""
    return region.name if named == bounds else ""
