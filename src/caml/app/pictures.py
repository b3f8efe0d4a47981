"""Pixels and clusters of what a server holds, as a page asks for them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from caml._arrays import FloatArray, IntArray
from caml.analyse import Analysis
from caml.analyse.chain import rounded
from caml.app.scene import Look, draw, kinds_of, packed_clusters, shown_by
from caml.app.things import Image, Run
from caml.errors import InputError
from caml.plot.pixels import Box

__all__ = ["clusters_of", "picture_of", "rows_of"]


def picture_of(image: Image, run: Run | None, asked: Mapping[str, str]) -> bytes:
    """Draw what a page asks for.

    Parameters
    ----------
    image : Image
        Of what.
    run : Run or None
        Whose labels, scores or clusters are drawn.
    asked : mapping of str to str
        ``box`` (four numbers, nm), ``width`` and ``height`` (pixels), ``layer``, and where they are
        chosen ``gamma``, ``blur``, ``colours``, and ``range.MEASURE`` (two numbers).

    Returns
    -------
    bytes
        Four for each pixel, row by row: red, green, blue, opacity.

    Raises
    ------
    InputError
        If the image is not open, or something cannot be drawn.
    """
    if image.localizations is None:
        raise InputError(f"{image.file.path.name} is not open")
    look = Look(
        layer=asked.get("layer", "density"),
        gamma=_number(asked, "gamma", 0.4),
        blur_nm=_number(asked, "blur", 0.0),
        colours=asked.get("colours", "inferno"),
    )
    box = _box(asked.get("box", ""))
    shape = (int(_number(asked, "height", 0)), int(_number(asked, "width", 0)))
    kind: IntArray | None = None
    score: FloatArray | None = None
    localizations = image.localizations
    if look.layer == "channels":
        kind = image.channel if image.channels else None
    elif look.layer != "density":
        if run is None or run.analysis is None:
            raise InputError("analyse the image first")
        analysis = run.analysis
        localizations = analysis.localizations
        if look.layer == "scores":
            score = _probability(analysis.classification.score) if analysis.card else None
        else:
            kind = _kinds(run, analysis, look.layer == "clusters", _ranges(asked))
    pixels = draw(localizations, box, shape, look, kind=kind, score=score)
    return pixels.tobytes()


def _kinds(
    run: Run, analysis: Analysis, by_cluster: bool, ranges: dict[str, tuple[float, float]]
) -> IntArray:
    """Tell in which colour each localization is drawn; moving an image does not change that."""
    wanted = (by_cluster, tuple(sorted(ranges.items())))
    known = run.kinds
    if known is not None and known[0] == wanted:
        return known[1]
    shown = shown_by(analysis, ranges) if ranges else None
    kind = kinds_of(analysis, by_cluster=by_cluster, shown=shown)
    run.kinds = (wanted, kind)
    return kind


def _probability(score: FloatArray) -> FloatArray:
    """Return the probability to be clustered: of several labels, of any but the first."""
    return score if score.ndim == 1 else 1.0 - score[:, 0]


def clusters_of(run: Run) -> bytes:
    """Return the clusters' table and outlines, made once.

    Parameters
    ----------
    run : Run
        Whose.

    Returns
    -------
    bytes
        See `caml.app.scene.packed_clusters`.

    Raises
    ------
    InputError
        If there is nothing yet.
    """
    if run.analysis is None:
        raise InputError("there are no clusters yet")
    if run.packed is None:
        run.packed = packed_clusters(run.analysis)
    return run.packed


def rows_of(run: Run, asked: Mapping[str, str]) -> str:
    """Return the rows of the clusters' table that are shown, as ``clusters.csv`` has them.

    Parameters
    ----------
    run : Run
        Whose.
    asked : mapping of str to str
        ``range.MEASURE`` (two numbers), where there are any.

    Returns
    -------
    str
        Text with commas, a head and a row per cluster.

    Raises
    ------
    InputError
        If there is nothing yet, or no such measure.
    """
    if run.analysis is None:
        raise InputError("there are no clusters yet")
    table = rounded(run.analysis.description.clusters)
    shown = shown_by(run.analysis, _ranges(asked))
    return str(table[shown[table["cluster"].to_numpy()]].to_csv(index=False))


def _number(asked: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(asked.get(name, default))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{name} is a number, got {asked[name]!r}")
    return value


def _box(text: str) -> Box:
    try:
        x_min, y_min, x_max, y_max = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"a part of an image is four numbers, got {text!r}") from error
    return (x_min, y_min, x_max, y_max)


def _ranges(asked: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Read which clusters are shown."""
    found = {}
    for key, text in asked.items():
        if key.startswith("range."):
            low, _, high = text.partition(",")
            try:
                found[key.removeprefix("range.")] = (float(low), float(high))
            except ValueError as error:
                raise InputError(f"a range is two numbers, got {text!r}") from error
    return found
