"""The chain for one table: classify, segment, outline, describe."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from caml._arrays import BoolArray
from caml.analyse.by_method import OURS, find_by_method
from caml.analyse.region import classify_regions, in_any
from caml.analyse.saved import Format, Saved
from caml.analyse.totals import Totals, totals_of
from caml.classify import Classification, classify
from caml.describe import Description, describe
from caml.errors import DataWarning, NothingFoundWarning
from caml.io import is_parquet, read, result_table, write_outlines, write_table
from caml.io.run_folders import (
    CLUSTERS,
    LOCALIZATIONS,
    OUTLINES,
    OUTLINES_IN_PARTS,
    PAGE,
    PICTURE,
)
from caml.localizations import AXES, Localizations, Region, as_positions
from caml.models import Model, ModelCard, load_model
from caml.neighbours import NeighbourSearch
from caml.outline import outline
from caml.prior import Prior
from caml.segment import Segmentation, segment

__all__ = ["RESULTS", "Analysis", "analyse", "named", "rounded"]

# What a folder of results may hold, of one pass or of tiles; one with anything else is never
# replaced.
RESULTS = frozenset({*LOCALIZATIONS, CLUSTERS, OUTLINES, OUTLINES_IN_PARTS, PICTURE, PAGE})


@dataclass(frozen=True, slots=True, eq=False)
class Analysis(Saved):
    """Everything that was found in one image.

    Parameters
    ----------
    localizations : Localizations
        What was analysed.
    classification : Classification
        The score and label of each localization.
    segmentation : Segmentation
        The cluster of each localization, and the outlines.
    description : Description
        A row per cluster, and a row per image or region.
    card : ModelCard or None
        Of the network that classified; None where another method found the clusters.
    regions : tuple of Region
        What was asked for; empty for the whole image.
    seconds : dict of str to float
        How long each stage took.
    """

    names: ClassVar[frozenset[str]] = RESULTS

    localizations: Localizations
    classification: Classification
    segmentation: Segmentation
    description: Description
    card: ModelCard | None
    regions: tuple[Region, ...]
    seconds: dict[str, float]

    @property
    def labels(self) -> tuple[str, ...]:
        """What labels mean, from 0."""
        return ("not clustered", "clustered") if self.card is None else self.card.labels

    @property
    def kind(self) -> npt.NDArray[np.integer[Any]]:
        """What each localization is, shape (n_localizations,): 0 in no cluster, else its label."""
        label = np.maximum(self.classification.label, 1)
        return np.where(self.segmentation.cluster >= 0, label, 0)

    @property
    def in_regions(self) -> BoolArray:
        """Whether each localization is spoken of, shape (n_localizations,).

        Those in a region, and those outside of all that belong to a cluster of one; everywhere
        where no region was asked for.
        """
        if not self.regions:
            return np.ones(len(self.localizations), dtype=bool)
        # The last place is that of localizations in no cluster.
        of_one = np.zeros(self.segmentation.n_clusters + 1, dtype=bool)
        of_one[self.description.clusters["cluster"].to_numpy()] = True
        inside = in_any(self.regions, self.localizations)
        return np.asarray(inside | of_one[self.segmentation.cluster])

    @property
    def totals(self) -> Totals:
        """How much there is in the image, or in all of its regions together."""
        clustered = self.segmentation.cluster >= 0
        return totals_of(self.description.summary, self.regions, self.localizations, clustered)

    @property
    def found_by(self) -> str:
        """The network, or the method with the parameters it used."""
        return self.segmentation.made_by if self.card is None else self.card.name

    def write(self, folder: Path, *, file_format: Format = "csv") -> None:
        """Write the tables and outlines into a folder that exists."""
        # Six digits are what a score means; a float32 as text has up to seventeen.
        score = np.round(self.classification.score.astype(np.float64), 6)
        table = result_table(
            self.localizations,
            None if self.card is None else score,
            self.classification.label,
            self.segmentation.cluster,
            region=self._region_names() if self.regions else None,
        )
        write_table(folder / f"localizations.{file_format}", table, file_format=file_format)
        clusters = rounded(self.description.clusters)
        write_table(folder / CLUSTERS, clusters)
        outlines = self.segmentation.outlines[clusters["cluster"].to_numpy()]
        write_outlines(folder / OUTLINES, outlines, clusters)

    def _region_names(self) -> npt.NDArray[np.object_]:
        """Name the first region that each localization lies in; empty outside all."""
        names = np.full(len(self.localizations), "", dtype=object)
        for number in range(len(self.regions), 0, -1):
            region = self.regions[number - 1]
            names[region.contains(self.localizations.positions)] = region.name
        return names


def analyse(
    localizations: Localizations | npt.ArrayLike | str | Path,
    *,
    model: Model | str | Path = "LOGNM1",
    threshold: float = 0.5,
    prior: Prior = "auto",
    method: str = OURS,
    parameters: Mapping[str, Any] | None = None,
    regions: Sequence[Region] = (),
    classification: Classification | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Analysis:
    """Find, outline and describe the clusters of one image.

    Parameters
    ----------
    localizations : Localizations, array-like of shape (n_localizations, 2 or 3) in nm, or path
        What to analyse.
    model : Model, str or Path, default "LOGNM1"
        The network, its name, or its file.
    threshold : float, default 0.5
        A probability of at least this is clustered.
    prior : {"auto", "image", "balanced"} or float, default "auto"
        The share of the clustered that labels assume: a number, or balanced (one half, as the
        paper does), image (estimated from the scores, those in the regions if there are any), or
        auto: balanced, unless the scores are such as chance gives where nothing is clustered.
    method : str, default "caml"
        One of `caml.methods.METHODS` to find clusters by another method than a network: model,
        threshold, prior and classification are then not looked at, localizations have no scores,
        and each region is looked at by itself.
    parameters : mapping of str to object, optional
        What is chosen of that method; the rest is as it suggests.
    regions : sequence of Region, optional
        The parts to describe; the whole image by default. Every localization is classified with
        all its neighbours, in the region or not. Of a table in parquet, given as a path, no more is
        read than that takes; what a cluster's density and distance are compared with is then what
        was read, and whether more than 95 % are clustered is told from it. Names are made unique.
    classification : Classification, optional
        Of the localizations, where they are classified already.
    progress : callable, optional
        Called now and then with the name of the stage and the share of it that is done.

    Returns
    -------
    Analysis
        All stages' results. Without clusters, of the same shape, and a warning. Of localizations in
        3D a network made for 2D sees x and y, with a warning.

    Examples
    --------
    >>> from caml.simulate import Scenario, simulate
    >>> cell = simulate(Scenario(density=100, n_per_cluster=20, radius_nm=30, crop_um=3), seed=1)
    >>> analysis = analyse(cell.localizations)
    >>> len(analysis.description.clusters) > 10
    True
    """
    seconds: dict[str, float] = {}
    report = progress or (lambda _stage, _share: None)
    network = None
    if method == OURS:
        network = model if isinstance(model, Model) else load_model(model)
    else:
        # Not all analyses load what the methods need.
        from caml.methods import checked_parameters

        parameters = checked_parameters(method, parameters or {})
    if isinstance(localizations, str | Path):
        with _timed(seconds, "read"):
            if network and regions and is_parquet(Path(localizations)):
                localizations, classification = classify_regions(
                    localizations, regions, network, threshold=threshold, prior=prior
                )
            else:
                localizations = read(localizations)
    elif not isinstance(localizations, Localizations):
        localizations = Localizations(as_positions(localizations))
    regions = named(regions)
    if network is None:
        with _timed(seconds, method):
            classification, segmentation = find_by_method(
                localizations, method, parameters or {}, regions
            )
        found_by = segmentation.made_by
    else:
        localizations = _fitting(localizations, network.card)
        with _timed(seconds, "neighbours"):
            search = NeighbourSearch(localizations)
        with _timed(seconds, "classify"):
            classification = classification or classify(
                localizations,
                network,
                threshold=threshold,
                prior=prior,
                among=in_any(regions, localizations) if regions else None,
                search=search,
                progress=lambda share: report("classify", share),
            )
        with _timed(seconds, "segment"):
            segmentation = segment(localizations, classification, k=network.card.k, search=search)
        found_by = (
            f"{network.card.name}, threshold {threshold:g}, "
            f"prior {prior} ({classification.prior:.3g})"
        )
    report("segment", 1.0)
    with _timed(seconds, "outline"):
        segmentation = outline(localizations, segmentation)
    report("outline", 1.0)
    with _timed(seconds, "describe"):
        scored = None if network is None else classification
        description = describe(localizations, segmentation, scored, regions=regions)
    if len(description.clusters) == 0:
        where = "the regions" if regions else "the image"
        warnings.warn(NothingFoundWarning(f"no clusters were found in {where}"), stacklevel=2)
    return Analysis(
        localizations.with_history(f"analysed with {found_by}"),
        classification,
        segmentation,
        description,
        None if network is None else network.card,
        regions,
        seconds,
    )


def _fitting(localizations: Localizations, card: ModelCard) -> Localizations:
    """Return localizations as a network can see them."""
    if localizations.n_dimensions <= card.n_dimensions:
        return localizations
    message = (
        f"{card.name} is made for 2D: z was not used, and the clusters are those of "
        "the projection on x and y"
    )
    warnings.warn(DataWarning(message), stacklevel=3)
    return localizations.projected()


def named(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Give every region a name of its own.

    Parameters
    ----------
    regions : sequence of Region
        Some may have none, or the same.

    Returns
    -------
    tuple of Region
        The same, by names that are their own.
    """
    found: list[Region] = []
    taken: set[str] = set()
    for number, region in enumerate(regions, start=1):
        name = region.name or f"region {number}"
        candidate, repeat = name, 1
        while candidate in taken:
            repeat += 1
            candidate = f"{name} ({repeat})"
        taken.add(candidate)
        found.append(replace(region, name=candidate))
    return tuple(found)


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Round measures to six digits for people to read; positions to 0.001 nm, wherever they are.

    Parameters
    ----------
    table : DataFrame
        Of clusters or of a summary.

    Returns
    -------
    DataFrame
        The same, rounded.
    """
    table = table.copy()
    for name in table.select_dtypes("float64"):
        values = table[name].to_numpy()
        if name in AXES:
            table[name] = np.round(values, 3)
            continue
        size = np.where(
            np.isfinite(values) & (values != 0), np.maximum(np.abs(values), 1e-200), 1.0
        )
        # Only ever multiplied or divided by whole powers of ten, which are exact: 0.1 stays 0.1.
        power = np.floor(np.log10(size)) - 5
        up, down = 10.0 ** np.maximum(-power, 0), 10.0 ** np.maximum(power, 0)
        table[name] = np.round(values / down * up) / up * down
    return table


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = round(time.perf_counter() - start, 3)
