"""Outlines in: the GeoJSON that caml wrote, a feature a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely

from caml._arrays import IntArray
from caml.errors import MissingFileError, TableError

__all__ = ["read_outlines"]

# What stands between an id and a geometry are measures, which the table of clusters has too.
FEATURE = re.compile(r'\{"type": "Feature", "id": (\d+), .*"geometry": (.*)\},?\n')
FIRST, LAST = '{"type": "FeatureCollection", "features": [\n', "]}\n"
# No outline has a million corners, of some twenty letters each.
LONGEST_LINE = 20_000_000


def read_outlines(path: Path, ids: IntArray) -> npt.NDArray[np.object_]:
    """Read the outlines of clusters that `write_outlines` wrote.

    Parameters
    ----------
    path : Path
        The file.
    ids : ndarray of shape (n_clusters,)
        The clusters it must hold, in this order.

    Returns
    -------
    ndarray of shape (n_clusters,) of shapely geometries, nm
        The outlines, whose coordinates were rounded to 0.001 nm; None where there is none.

    Raises
    ------
    MissingFileError
        If there is no such file.
    TableError
        If it holds other clusters, or is not as caml wrote it; the line is named.

    Notes
    -----
    Line by line: the properties are not parsed, and what is wrong ends the reading at once, however
    large the file is.
    """
    if not path.is_file():
        raise MissingFileError(f"{path} is not there; analyse the table again")
    try:
        texts = list(_geometries(path, ids))
    except UnicodeDecodeError as error:
        raise TableError(f"it is no text ({error}); analyse the table again", path=path) from error
    try:
        return np.asarray(shapely.from_geojson(np.array(texts, dtype=object)), dtype=object)
    except shapely.errors.GEOSException as error:
        raise TableError(
            f"an outline is damaged ({error}); analyse the table again", path=path
        ) from error


def _geometries(path: Path, ids: IntArray) -> Iterator[str | None]:
    """Give the JSON of each geometry, None for null."""
    with path.open(encoding="utf-8", newline="\n") as file:
        if file.readline(len(FIRST)) != FIRST:
            raise _edited(path, 1)
        for number, expected in enumerate(ids.tolist(), start=2):
            line = file.readline(LONGEST_LINE)
            if line == LAST:
                raise TableError(
                    f"it ends after {number - 2} of {len(ids)} outlines; analyse the table again",
                    path=path,
                    line=number,
                )
            found = FEATURE.fullmatch(line)
            if found is None:
                raise _edited(path, number)
            if int(found[1]) != expected:
                raise TableError(
                    f"expected the outline of cluster {expected}, got that of {found[1]}: it "
                    "belongs to other results; analyse the table again",
                    path=path,
                    line=number,
                )
            yield None if found[2] == "null" else found[2]
        if file.readline(len(LAST) + 1) != LAST:
            raise _edited(path, len(ids) + 2)


def _edited(path: Path, line: int) -> TableError:
    return TableError(
        "it is not as caml wrote it: it was cut off, or saved anew by another program; analyse "
        "the table again",
        path=path,
        line=line,
    )
