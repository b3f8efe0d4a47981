"""Two channels of one table: each analysed by itself, then held against the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import shapely

from caml._arrays import BoolArray, FloatArray
from caml._cost import check_length
from caml.analyse.chain import Analysis, analyse, rounded
from caml.analyse.saved import Format, Saved
from caml.channels import (
    Channel,
    OverlapTest,
    cluster_relations,
    coordinate_based_colocalization,
    cross_envelope,
    outline_distances,
    overlap_test,
    split_channels,
)
from caml.errors import CamlWarning, InputError
from caml.io import result_table, write_outlines, write_table
from caml.io.run_folders import CLUSTERS, LOCALIZATIONS, OUTLINES
from caml.localizations import Localizations, Region
from caml.models import Model
from caml.prior import Prior
from caml.segment import Segmentation
from caml.spatial import RadialFunction

__all__ = ["CHANNEL_RESULTS", "ChannelAnalysis", "OneOfTwo", "analyse_channels"]

# What a folder of results holds; one with anything else is never replaced.
CHANNEL_RESULTS = frozenset(
    {
        *LOCALIZATIONS,
        CLUSTERS,
        OUTLINES,
        "channels.csv",
        "correlation.csv",
        "channels.png",
        "record.json",
    }
)
# Columns that localizations get beside those of an analysis.
ADDED = ("colocalization", "other_outline_nm")
N_RADII = 50
# From so much on a localization is counted as colocalized, as Malkusch et al. 2012 read theirs.
COLOCALIZED = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class OneOfTwo:
    """What was found in one channel, and how it lies to the other.

    Parameters
    ----------
    channel : Channel
        Its localizations.
    analysis : Analysis
        Its clusters.
    relations : DataFrame
        A row per cluster; see `caml.channels.cluster_relations`.
    colocalization : ndarray of shape (n_localizations,)
        Of each with the other channel; see `caml.channels.coordinate_based_colocalization`.
    other_outline_nm : ndarray of shape (n_localizations,), nm
        From each to the nearest cluster of the other channel; 0 inside.
    overlap : OverlapTest
        How many of its clusters overlap the other's, and how many by chance.
    """

    channel: Channel
    analysis: Analysis
    relations: pd.DataFrame
    colocalization: FloatArray
    other_outline_nm: FloatArray
    overlap: OverlapTest


@dataclass(frozen=True, slots=True, eq=False)
class ChannelAnalysis(Saved):
    """Everything that was found in two channels of one image.

    Parameters
    ----------
    localizations : Localizations
        Of both, and of what is in neither.
    first, second : OneOfTwo
        The two.
    correlation : RadialFunction
        The cross pair correlation, with what chance gives.
    region : Region
        What was summed up.
    """

    names: ClassVar[frozenset[str]] = CHANNEL_RESULTS

    localizations: Localizations
    first: OneOfTwo
    second: OneOfTwo
    correlation: RadialFunction
    region: Region

    def summary(self) -> pd.DataFrame:
        """Return a row per channel.

        Returns
        -------
        DataFrame
            Of what lies in the region; docs/spatial.md explains every column.
        """
        return pd.DataFrame(
            [
                _row(self.first, self.second, self.region, self.correlation),
                _row(self.second, self.first, self.region, self.correlation),
            ]
        )

    def write(self, folder: Path, *, file_format: Format = "csv") -> None:
        """Write the tables and outlines into a folder that exists."""
        write_table(folder / f"localizations.{file_format}", self._rows(), file_format=file_format)
        clusters = []
        for one in (self.first, self.second):
            table = pd.concat([one.analysis.description.clusters, one.relations], axis=1)
            table.insert(0, "channel", one.channel.name)
            clusters.append(rounded(table))
        every = pd.concat(clusters, ignore_index=True)
        write_table(folder / CLUSTERS, every)
        outlines = [one.analysis.segmentation.outlines for one in (self.first, self.second)]
        write_outlines(folder / OUTLINES, np.concatenate(outlines), every)
        write_table(folder / "channels.csv", rounded(self.summary()))
        write_table(folder / "correlation.csv", rounded(self.correlation.table()))

    def _rows(self) -> pd.DataFrame:
        """Return the table that came, with what was found of each row."""
        n = len(self.localizations)
        shape = self.first.analysis.classification.score.shape[1:]
        score = np.full((n, *shape), np.nan)
        label, cluster = np.full(n, -1), np.full(n, -1)
        added = {name: np.full(n, np.nan) for name in ADDED}
        for one in (self.first, self.second):
            rows = one.channel.rows
            score[rows] = np.round(one.analysis.classification.score.astype(np.float64), 6)
            label[rows] = one.analysis.classification.label
            cluster[rows] = one.analysis.segmentation.cluster
            added["colocalization"][rows] = np.round(one.colocalization, 6)
            added["other_outline_nm"][rows] = np.round(one.other_outline_nm, 3)
        table = self.localizations.table.rename(columns={name: f"{name}_input" for name in ADDED})
        found = result_table(replace(self.localizations, table=table), score, label, cluster)
        return found.assign(**added)


def analyse_channels(
    localizations: Localizations,
    *,
    seed: int | np.random.Generator,
    channels: Sequence[str] = (),
    region: Region | None = None,
    model: Model | str | Path = "LOGNM1",
    threshold: float = 0.5,
    prior: Prior = "auto",
    max_radius_nm: float = 500.0,
    n_simulations: int = 99,
    progress: Callable[[str, float], None] | None = None,
) -> ChannelAnalysis:
    """Analyse two channels of one image each by itself, and hold one against the other.

    Parameters
    ----------
    localizations : Localizations
        Of two channels, or more.
    seed : int or numpy.random.Generator
        Of the simulations.
    channels : sequence of str, optional
        Which two; needed where there are more.
    region : Region, optional
        What to sum up and to simulate in: by default that of the localizations, else the convex
        hull of both channels. Everything is analysed, in the region or not.
    model : Model, str or Path, default "LOGNM1"
        The network, its name, or its file.
    threshold : float, default 0.5
        A probability of at least this is clustered.
    prior : {"auto", "image", "balanced"} or float, default "auto"
        See `caml.analyse`.
    max_radius_nm : float, default 500
        How far colocalization and the cross pair correlation look, nm.
    n_simulations : int, default 99
        How often one channel is moved against the other.
    progress : callable, optional
        Called now and then with the name of the stage and the share of it that is done.

    Returns
    -------
    ChannelAnalysis
        All of it. A channel without clusters has none, with a warning.

    Raises
    ------
    InputError
        If there are not two channels, one has no position or nothing in the region, there is no
        region and localizations lie on a line, or the region leaves too little for the radius.

    Warns
    -----
    NothingFoundWarning
        If a channel has no clusters.

    Examples
    --------
    >>> from caml.simulate import Scenario, simulate
    >>> cell = simulate(Scenario(density=100, n_per_cluster=20, radius_nm=30, crop_um=3), seed=1)
    >>> positions = cell.localizations.positions
    >>> both = Localizations(positions, channel=np.arange(len(positions)) % 2)
    >>> found = analyse_channels(both, seed=1, n_simulations=9, max_radius_nm=200)
    >>> bool((found.summary()["percent_of_clusters_overlapping"] > 80).all())
    True
    """
    check_length(max_radius_nm=max_radius_nm)
    report = progress or (lambda _stage, _share: None)
    pair = split_channels(localizations, channels)
    lost = [one.name for one in pair if not one.localizations.finite.any()]
    if lost:
        raise InputError(
            f"no localization of channel {' or '.join(lost)} has a usable position: choose others"
        )
    region = region or localizations.region or _hull(pair)
    inside = [_inside(one.localizations, region) for one in pair]
    # Before the analysis, which may take minutes.
    empty = [one.name for one, some in zip(pair, inside, strict=True) if not some.any()]
    if empty:
        raise InputError(
            f"no localization of channel {' or '.join(empty)} lies in the region"
            f"{f' {region.name}' if region.name else ''}: choose another one, in nm"
        )
    generator = np.random.default_rng(seed)
    analyses = []
    for number, one in enumerate(pair):
        analyses.append(_analysed(one, model=model, threshold=threshold, prior=prior))
        report("classify", (number + 1) / 2)
    parts = []
    for own, other in ((0, 1), (1, 0)):
        mine, theirs = analyses[own], analyses[other]
        relations = cluster_relations(
            mine.localizations, mine.segmentation, theirs.localizations, theirs.segmentation
        )
        colocalization = coordinate_based_colocalization(
            pair[own].localizations, pair[other].localizations, max_radius_nm=max_radius_nm
        )
        parts.append(
            OneOfTwo(
                pair[own],
                mine,
                relations,
                colocalization,
                outline_distances(mine.localizations, theirs.segmentation),
                overlap_test(
                    _those_in(mine, region),
                    _those_in(theirs, region),
                    region=region,
                    seed=generator,
                    n_simulations=n_simulations,
                ),
            )
        )
        report("describe", (own + 1) / 2)
    correlation = cross_envelope(
        pair[0].localizations.positions[inside[0]],
        pair[1].localizations.positions[inside[1]],
        region=region,
        seed=generator,
        radii_nm=np.linspace(0, max_radius_nm, N_RADII + 1)[1:],
        n_simulations=n_simulations,
    )
    report("write", 0.5)
    return ChannelAnalysis(localizations, parts[0], parts[1], correlation, region)


def _analysed(channel: Channel, *, model: Model | str | Path, threshold: float,
              prior: Prior) -> Analysis:  # fmt: skip
    """Analyse one channel; what is warned of names it."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", CamlWarning)
        # Of one channel a count per channel says nothing.
        found = analyse(
            replace(channel.localizations, channel=None),
            model=model,
            threshold=threshold,
            prior=prior,
        )
    for note in notes:
        if issubclass(note.category, CamlWarning):
            text = f"channel {channel.name}: {note.message}"
            warnings.warn(note.category(text), stacklevel=3)
    return found


def _hull(pair: Sequence[Channel]) -> Region:
    """Return the convex hull of both channels."""
    xy = np.concatenate([one.localizations.positions[:, :2] for one in pair])
    hull = shapely.MultiPoint(xy[np.isfinite(xy).all(axis=1)]).convex_hull
    # Thinner than a ten thousandth of its length, rounded coordinates make its area.
    if hull.area <= 1e-4 * hull.length**2 / 4:
        raise InputError(
            "the localizations of both channels lie on a line, or at one place, and nothing says "
            "how large a region they were looked for in: give it with --region (Python: region=…)"
        )
    # A little wider, for corners that are rounded inwards.
    return Region(hull.buffer(1e-6, join_style="mitre"), "convex hull")


def _inside(localizations: Localizations, region: Region) -> BoolArray:
    return region.contains(localizations.positions) & localizations.finite


def _clusters_in(analysis: Analysis, region: Region) -> BoolArray:
    """Tell which clusters have their centroid in the region."""
    return region.contains(analysis.description.clusters[["x_nm", "y_nm"]].to_numpy(dtype=float))


def _those_in(analysis: Analysis, region: Region) -> Segmentation:
    """Return the clusters in the region by themselves; only their outlines are looked at."""
    outlines = analysis.segmentation.outlines[_clusters_in(analysis, region)]
    return Segmentation(np.arange(len(outlines)), outlines=outlines)


def _row(
    own: OneOfTwo, other: OneOfTwo, region: Region, correlation: RadialFunction
) -> dict[str, object]:
    """Sum up one channel."""
    inside = _inside(own.channel.localizations, region)
    n = int(inside.sum())
    clustered = own.analysis.segmentation.cluster[inside] >= 0
    relations = own.relations[_clusters_in(own.analysis, region)]
    value = own.colocalization[inside]
    known = value[np.isfinite(value)]
    to_outline = own.other_outline_nm[inside]

    def percent(share: float) -> float:
        return 100 * share

    def median(values: pd.Series | FloatArray) -> float:
        finite = np.asarray(values, dtype=float)
        finite = finite[np.isfinite(finite)]
        return float(np.median(finite)) if len(finite) else float("nan")

    overlap, nan = own.overlap, float("nan")
    return {
        "channel": own.channel.name,
        "other": other.channel.name,
        "region": region.name,
        "n_localizations": n,
        "n_clusters": len(relations),
        "percent_clustered": percent(float(clustered.mean())) if n else nan,
        "percent_of_clusters_overlapping": percent(overlap.fraction),
        "percent_of_clusters_expected": percent(overlap.fraction_expected),
        "p_clusters": overlap.fraction_p,
        "percent_of_area_overlapping": percent(overlap.area_fraction),
        "percent_of_area_expected": percent(overlap.area_fraction_expected),
        "p_area": overlap.area_fraction_p,
        "percent_in_other_clusters": percent(float((to_outline == 0).mean())) if n else nan,
        "nearest_outline_nm_median": median(relations["nearest_outline_nm"]),
        "nearest_centroid_nm_median": median(relations["nearest_centroid_nm"]),
        "other_outline_nm_median": median(to_outline),
        "colocalization_median": median(value),
        "n_with_colocalization": len(known),
        "percent_colocalized": percent(float((known >= COLOCALIZED).mean())) if len(known) else nan,
        "p_correlation": correlation.p_value,
    }
