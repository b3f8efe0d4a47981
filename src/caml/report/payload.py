"""What the picture of a page shows, packed small: pixels, dots, outlines and measures."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from matplotlib import colormaps
from matplotlib.colors import to_rgba
from PIL import Image

from caml.analyse.found import Found
from caml.localizations import AXES
from caml.plot import density_rgba, pixel_counts
from caml.plot.colours import KINDS, NOT_CLUSTERED, OUTSIDE
from caml.plot.extent import left_out, square_of
from caml.plot.images import BLUR_NM
from caml.plot.pixels import Box

__all__ = ["payload", "png"]

Counts = npt.NDArray[np.int32]

# Up to so many localizations are there one by one, each of five bytes.
MOST_DOTS = 150_000
# Pixels of the image: more where localizations are not there one by one; and the letters that an
# image may have, which noise needs many of: it is made with fewer pixels until it fits.
PIXELS, MORE_PIXELS = 1_200, 2_400
MOST_LETTERS = 1_600_000
# Corners of all outlines together, of four bytes each; coarser ones where there would be more.
MOST_CORNERS = 200_000
# Clusters in the picture and the table: the largest of more.
MOST_CLUSTERS = 12_000
STEPS = 65_535

# What the table of clusters shows, in this order, where it is known.
COLUMNS = (
    "cluster",
    "label",
    "region",
    "n_localizations",
    "area_nm2",
    "volume_nm3",
    "density_per_um2",
    "density_per_um3",
    "radius_of_gyration_nm",
    "circularity",
    "nearest_cluster_nm",
    "score_mean",
    "x_nm",
    "y_nm",
    "z_nm",
)


def payload(found: Found) -> dict[str, Any]:
    """Pack what the picture and the table show.

    Parameters
    ----------
    found : Found
        What was found.

    Returns
    -------
    dict
        Of what JSON holds: ``box`` (nm), ``density`` (an image), ``blur_nm``, ``dots`` or
        ``clustered`` (an image), ``outlines``, ``regions``, ``columns`` and ``rows``. Places are
        steps of 1/65,535 of the box's side.
    """
    shown = found.clusters
    if len(shown) > MOST_CLUSTERS:
        shown = shown.nlargest(MOST_CLUSTERS, "n_localizations").sort_index()
    are_dots = found.n_localizations <= MOST_DOTS
    box = square_of((positions for positions, _ in found.pieces()), found.regions)
    side = PIXELS if are_dots else MORE_PIXELS
    # Outside the regions, not clustered, and clustered.
    counts, n_left_out = np.zeros((3, side, side), dtype=np.int32), 0
    for positions, kind in found.pieces():
        what = 1 + np.sign(kind).astype(np.int32)
        counts += pixel_counts(positions, box, (side, side), kind=what, n_kinds=3)
        n_left_out += left_out(positions, box)
    packed: dict[str, Any] = {
        "box": [round(edge, 3) for edge in box],
        "density": _fitting(lambda some: _density(some, box), counts),
        "blur_nm": BLUR_NM,
        "n_clusters": len(found.clusters),
        "n_left_out": n_left_out,
        "outlines": _rings(found.outlines(shown["cluster"].to_numpy()), box),
        "regions": _rings(np.array([one.polygon for one in found.regions], dtype=object), box),
        **_table(shown, found),
    }
    if are_dots:
        packed["dots"] = _dots(found, box)
    else:
        packed["clustered"] = _fitting(_clustered, counts)
    return packed


def _dots(found: Found, box: Box) -> dict[str, str]:
    """Pack all localizations that are drawn, one by one."""
    pieces = list(found.pieces())
    positions = np.concatenate([np.zeros((0, 2)), *(positions for positions, _ in pieces)])
    kind = np.concatenate([np.zeros(0, dtype=np.int8), *(kind for _, kind in pieces)])
    # A dot on the border stands for what is beyond it, and would say that it is there.
    rows = (positions >= box[:2]).all(axis=1) & (positions <= box[2:]).all(axis=1)
    steps = _steps(positions[rows], box)
    return {
        "x": _base64(steps[:, 0]),
        "y": _base64(steps[:, 1]),
        # 255 outside the regions.
        "kind": _base64(kind[rows].astype(np.int8)),
    }


def _fitting(make: Callable[[Counts], str], counts: Counts) -> str:
    """Make an image of counts in pixels, or in larger ones until it is short enough."""
    text = make(counts)
    while len(text) > MOST_LETTERS and counts.shape[1] % 2 == 0:
        half = counts.shape[1] // 2
        counts = counts.reshape(3, half, 2, half, 2).sum(axis=(2, 4), dtype=np.int32)
        text = make(counts)
    return text


def _table(clusters: pd.DataFrame, found: Found) -> dict[str, Any]:
    """Return names and rows of what is shown of clusters; what is not known is None."""
    names = [name for name in COLUMNS if name in clusters and not clusters[name].isna().all()]
    if "label" in names and clusters["label"].nunique() < 2:
        names.remove("label")
    if "region" in names and len(found.regions) < 2:
        names.remove("region")  # it is told above
    columns = []
    for name in names:
        values = clusters[name]
        if values.dtype.kind == "f":
            numbers = values.to_numpy()
            places = 1 if name in AXES else 4
            columns.append([_number(float(one), places) for one in numbers])
        elif name == "label":
            columns.append([found.labels[one] for one in values])
        else:
            columns.append(values.tolist())
    return {"columns": names, "rows": [list(row) for row in zip(*columns, strict=True)]}


def _number(value: float, digits: int) -> float | None:
    if not np.isfinite(value):
        return None
    return round(value, 1) if digits == 1 else float(f"{value:.{digits}g}")


def _rings(polygons: npt.NDArray[np.object_], box: Box) -> dict[str, Any]:
    """Return the corners of all rings, and which polygon each ring is of."""
    step = (box[2] - box[0]) / STEPS
    simple, tolerance = polygons, 2 * step
    while shapely.get_num_coordinates(simple).sum() > MOST_CORNERS and tolerance < STEPS * step:
        # What is simplified already takes less to simplify further.
        simple = shapely.simplify(simple, tolerance, preserve_topology=True)
        tolerance *= 3
    parts, of_part = shapely.get_parts(simple, return_index=True)
    rings, of_ring = shapely.get_rings(parts, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    steps = _steps(corners, box)
    return {
        "x": _base64(steps[:, 0]),
        "y": _base64(steps[:, 1]),
        "length": np.bincount(ring, minlength=len(rings)).tolist(),
        "of": of_part[of_ring].tolist(),
    }


def _steps(positions: npt.NDArray[np.floating[Any]], box: Box) -> npt.NDArray[np.uint16]:
    share = (positions[:, :2] - box[:2]) / (box[2] - box[0])
    return np.rint(np.clip(share, 0.0, 1.0) * STEPS).astype("<u2")


def _base64(values: npt.NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def _density(counts: Counts, box: Box) -> str:
    """Return how dense localizations are, as an image."""
    pixel_nm = (box[2] - box[0]) / counts.shape[1]
    rgba = density_rgba(counts.sum(axis=0), blur_px=max(BLUR_NM / pixel_nm, 0.5))
    # The colours are those of a map of 256: none is lost.
    palette = np.asarray(colormaps["inferno"](np.arange(256), bytes=True), dtype=np.uint8)[:, :3]
    key = palette.astype(np.int64) @ [1 << 16, 1 << 8, 1]
    order = np.argsort(key)
    own = rgba[..., :3].astype(np.int64) @ [1 << 16, 1 << 8, 1]
    image = Image.fromarray(order[np.searchsorted(key, own, sorter=order)].astype(np.uint8), "P")
    image.putpalette(palette.tobytes())
    return png(image)


def _clustered(counts: Counts) -> str:
    """Return where localizations are as an image, clustered ones on top."""
    shown = np.zeros(counts.shape[1:], dtype=np.uint8)
    for number, count in enumerate(counts, start=1):
        shown[count > 0] = number
    colours = np.array([to_rgba(one) for one in ("#0000", OUTSIDE, NOT_CLUSTERED, KINDS[0])])
    palette = np.rint(255 * colours).astype(np.uint8)
    image = Image.fromarray(shown, "P")
    image.putpalette(palette[:, :3].tobytes())
    return png(image, transparency=palette[:, 3].tobytes())


def png(image: Image.Image, **options: Any) -> str:
    """Return an image as the text that a page holds it in.

    Parameters
    ----------
    image : Image
        Of Pillow.
    **options : object
        Of Pillow's PNG.

    Returns
    -------
    str
        A data URI.
    """
    with io.BytesIO() as buffer:
        image.save(buffer, "PNG", compress_level=6, **options)
        return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
