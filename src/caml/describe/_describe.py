"""Tables of clusters, and of the images or regions they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array

from caml._arrays import FloatArray, IntArray
from caml.describe import _measures, _places
from caml.errors import InputError
from caml.localizations import AXES, Localizations, Region
from caml.segment import Segmentation

__all__ = ["Description", "Scored", "conclude", "describe"]


# The columns of the clusters' table, where known; those of the channels come before the last two.
COLUMNS = (
    "cluster",
    "label",
    "n_localizations",
    "area_nm2",
    "perimeter_nm",
    "volume_nm3",
    "density_per_um2",
    "density_per_um3",
    "relative_density",
    "x_nm",
    "y_nm",
    "z_nm",
    "radius_of_gyration_nm",
    "major_axis_nm",
    "minor_axis_nm",
    "eccentricity",
    "circularity",
    "solidity",
    "score_mean",
    "nearest_cluster_nm",
    "first_frame",
    "last_frame",
    "frames_spanned",
)


class Scored(Protocol):
    """What `describe` asks of a classification: a score per localization, or one per label."""

    @property
    def score(self) -> FloatArray:
        """Scores, of shape (n_localizations,) or (n_localizations, n_labels)."""


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """What the clusters of one image are like.

    Parameters
    ----------
    clusters : DataFrame
        A row per cluster.
    summary : DataFrame
        A row for the image, or one per region.
    """

    clusters: pd.DataFrame
    summary: pd.DataFrame


def describe(
    localizations: Localizations | npt.ArrayLike,
    segmentation: Segmentation,
    classification: Scored | None = None,
    *,
    regions: Sequence[Region] = (),
) -> Description:
    """Measure every cluster, and sum up the image or its regions.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where the localizations are.
    segmentation : Segmentation
        Their clusters, with outlines.
    classification : object with a score, optional
        Scores of shape (n_localizations,), or (n_localizations, n_labels), of which each cluster's
        own label is taken.
    regions : sequence of Region, default ()
        Parts of the image to sum up instead of the whole. One without a name is called by its
        number, from 1. The clusters in a region are those whose centroid is; in overlapping regions
        each counts it, and the table of clusters names the first.

    Returns
    -------
    Description
        The clusters, and the summary. What is not defined is NaN: the density of a cluster without
        area, the nearest cluster of a lone one, medians of no clusters.

    Raises
    ------
    InputError
        If the clusters have no outlines yet, lengths do not agree, or a localization in a cluster
        has no finite position.

    Notes
    -----
    `relative_density` is a cluster's density over that of the image's unclustered localizations:
    their number over the image's area less that of the clusters (volumes in 3D, where the image's
    is its area times the range of z of all localizations). The image's area is its `region` where
    known, else the convex hull of the localizations.

    Axes are those of the ellipse (2D: 4√λ) or the ellipsoid (3D: 2√5·√λ, largest and smallest) with
    the same second moments, λ the eigenvalues of the members' covariance; eccentricity is
    √(1 − minor²/major²). Circularity is 4π·area/perimeter², holes' edges counted; solidity the area
    over that of the convex hull. In 3D area, perimeter, circularity, solidity and `density_per_um2`
    are those of the outline in x and y. `nearest_cluster_nm` is between centroids, in the whole
    image. `touches_border` tells that the outline is not strictly inside the region, or the image.

    A summary's clusters are those with their centroid in the region, or in the image's where known;
    its localizations are all inside, and its quartiles are interpolated linearly.

    Examples
    --------
    >>> import caml
    >>> corners = [[0, 0], [10, 0], [10, 10], [0, 10], [500, 0]]
    >>> segmentation = caml.outline(corners, [0, 0, 0, 0, -1])
    >>> description = describe(corners, segmentation)
    >>> description.clusters[["n_localizations", "x_nm", "y_nm"]].values.tolist()
    [[4.0, 5.0, 5.0]]
    """
    if not isinstance(localizations, Localizations):
        localizations = Localizations(np.asarray(localizations))
    score = None if classification is None else np.asarray(classification.score, dtype=float)
    _check(localizations, segmentation, score)
    rows = _members(segmentation)
    columns = _measures.identity(segmentation, rows)
    columns |= _measures.outlines(
        segmentation, columns["n_localizations"], localizations.n_dimensions
    )
    columns |= _measures.members(localizations, segmentation, rows)
    columns["score_mean"] = _measures.score_mean(segmentation, score, rows)
    centroids = np.column_stack([columns[a] for a in AXES[: localizations.n_dimensions]])
    columns |= _measures.frames(localizations, segmentation, rows)
    columns |= _measures.channels(localizations, segmentation, rows)
    image = _places.whole_image(localizations, segmentation, centroids)
    places = [
        _places.region_place(
            localizations, segmentation, centroids, region, region.name or f"region {number}"
        )
        for number, region in enumerate(regions, start=1)
    ] or [image]
    inside = np.stack([place.clusters for place in places])
    home = inside.argmax(axis=0)
    columns["touches_border"] = _places.touches_border(segmentation, centroids, places, home)
    if regions:
        columns["region"] = pd.Series([places[i].name for i in home], dtype=str)
    description = conclude(columns, image, localizations.name, places=places)
    if regions:
        kept = description.clusters.iloc[np.flatnonzero(inside.any(axis=0))]
        return Description(kept.reset_index(drop=True), description.summary)
    return description


def conclude(
    columns: _measures.Columns,
    image: _places.Place,
    name: str,
    *,
    places: Sequence[_places.Place] = (),
) -> Description:
    """Add what takes all clusters to know, and put everything into tables.

    Parameters
    ----------
    columns : dict of str to ndarray of shape (n_clusters,)
        What each cluster is like by itself, and whether it touches the border.
    image : Place
        What is imaged.
    name : str
        What it is called.
    places : sequence of Place, default ()
        What to sum up instead of the image.

    Returns
    -------
    Description
        The clusters, and the summary.
    """
    columns = dict(columns)
    axes = [axis for axis in AXES if axis in columns]
    columns["nearest_cluster_nm"] = _measures.nearest(np.column_stack([columns[a] for a in axes]))
    columns["relative_density"] = _places.relative_density(columns, image)
    names = [one for one in COLUMNS if one in columns]
    names += [one for one in columns if one.startswith("n_channel_")]
    names += [one for one in ("touches_border", "region") if one in columns]
    clusters = pd.DataFrame({one: columns[one] for one in names})
    sums = [_places.summary(name, columns, place) for place in places or (image,)]
    return Description(clusters, pd.DataFrame(sums))


def _members(segmentation: Segmentation) -> IntArray:
    """List the rows of all members, cluster by cluster, in the order of the table."""
    rows = np.flatnonzero(segmentation.cluster >= 0)
    if not len(rows):
        return rows
    # A sparse matrix with a row per cluster counts where a sort would compare: of 500,000 members
    # it takes 10 ms, not 50.
    at = (segmentation.cluster[rows], np.arange(len(rows)))
    shape = (segmentation.n_clusters, len(rows))
    return np.asarray(csr_array((rows, at), shape=shape).data)


def _check(
    localizations: Localizations, segmentation: Segmentation, score: FloatArray | None
) -> None:
    """Refuse what cannot be described, every fault named."""
    n = len(localizations)
    if not segmentation.has_outlines or (
        localizations.n_dimensions == 3 and len(segmentation.volumes_nm3) != segmentation.n_clusters
    ):
        raise InputError(
            "clusters need outlines, and volumes in 3D, before they are described: call "
            "caml.outline(localizations, segmentation) first"
        )
    faults = []
    if len(segmentation.cluster) != n:
        faults.append(f"the segmentation has {len(segmentation.cluster)}")
    if score is not None:
        if score.ndim not in (1, 2) or len(score) != n:
            faults.append(f"the classification's score has shape {score.shape}")
        elif score.ndim == 2 and segmentation.label.max(initial=0) >= score.shape[1]:
            faults.append(
                f"the classification scores the labels below {score.shape[1]}, and clusters have "
                f"the label {segmentation.label.max()}"
            )
    if faults:
        raise InputError(f"one value per localization is needed, {n} here; " + "; ".join(faults))
    if (~_places.finite(localizations) & (segmentation.cluster >= 0)).any():
        raise InputError(
            "localizations without a finite position can be in no cluster: give them the id −1"
        )
