"""A table too large for memory: tile by tile, with the results of one pass."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from caml._version import __version__
from caml.analyse.chain import RESULTS, rounded
from caml.analyse.crew import Crew, Here
from caml.analyse.tiled import clusters, divide, steps, write
from caml.analyse.tiled.plan import Plan
from caml.analyse.tiled.steps import Work
from caml.analyse.tiled.store import Store
from caml.classify import by_chance_note, check_dimensions, check_threshold, too_few
from caml.errors import CamlWarning, DataWarning, NothingFoundWarning, OutputError
from caml.io import ParquetTable, whole_folder, write_table
from caml.io.run_folders import CLUSTERS, OUTLINES_IN_PARTS, PARTS
from caml.localizations import positions_lost
from caml.models import ModelCard, load_model
from caml.prior import Prior, check_prior

__all__ = ["TILE_SIZE", "analyse_tiled", "unfinished"]

# Localizations in a tile. A step takes some 500 bytes for each; where all are clustered, thrice.
TILE_SIZE = 2_000_000

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class _Stages:
    """Runs the steps that are not done yet."""

    store: Store
    crew: Crew
    progress: Progress
    seconds: dict[str, float]

    def each(self, kind: str, step: Callable[[int], None], n: int, stage: str) -> None:
        """Run a step for every number that has no item yet."""
        start = time.perf_counter()
        todo = [i for i in range(n) if not self.store.has(kind, i)]
        n_done = n - len(todo)
        for _ in self.crew.each(step, todo):
            n_done += 1
            self.progress(stage, n_done / n)
        took = time.perf_counter() - start
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + took, 3)


def unfinished(folder: Path) -> Path:
    """Tell where the steps of a run are kept until its results are whole.

    Parameters
    ----------
    folder : Path
        Of the results.

    Returns
    -------
    Path
        A hidden folder beside it.
    """
    return folder.absolute().with_name(f".{folder.name}.unfinished")


def analyse_tiled(
    path: str | Path,
    folder: str | Path,
    *,
    model: str | Path = "LOGNM1",
    threshold: float = 0.5,
    prior: Prior = "auto",
    pixel_size_nm: float | None = None,
    columns: Mapping[str, str] | None = None,
    tile_size: int = TILE_SIZE,
    crew: Crew | None = None,
    overwrite: bool = False,
    resume: bool = False,
    keep: bool = False,
    progress: Progress | None = None,
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Analyse a table in parquet that does not fit in memory.

    Parameters
    ----------
    path : str or Path
        The table: a file in parquet, or a folder of parts.
    folder : str or Path
        Of the results: ``localizations.parquet`` and ``outlines.parquet``, folders of parts, and
        ``clusters.csv``.
    model : str or Path, default "LOGNM1"
        The network's name or file.
    threshold : float, default 0.5
        A probability of at least this is clustered.
    prior : {"auto", "image", "balanced"} or float, default "auto"
        The share of the clustered that labels assume; see `caml.analyse`.
    pixel_size_nm : float, optional
        Camera pixel size, for tables in pixels.
    columns : mapping of str to str, optional
        Which column (name or number) is x, y, …, where the names do not say.
    tile_size : int, default 2,000,000
        How many localizations a tile should have; the results do not depend on it.
    crew : Crew, optional
        Who does the work; by default this process.
    overwrite : bool, default False
        Whether earlier results are replaced.
    resume : bool, default False
        Whether to go on with what an interrupted run left beside the folder.
    keep : bool, default False
        Whether what the run worked with is left beside the folder, for a caller who has to note
        that it is done before that goes.
    progress : callable, optional
        Called now and then with the name of the stage and the share of it that is done.

    Returns
    -------
    summary : DataFrame
        The row of the image.
    seconds : dict of str to float
        How long each stage took.

    Raises
    ------
    TableError
        If it is no table in parquet, or a part has other columns.
    InputError
        If the threshold is not between 0 and 1, or the network is made for 3D and the table is not.
    OutputError
        If there are results already, an unfinished run is not resumed or was another one, or the
        disk is full.
    WorkersError
        If the workers cannot do it.

    Notes
    -----
    The plane is divided into tiles of as many localizations. Each is classified together with a
    margin around it, which is widened until the k-th neighbour of every localization is nearer than
    what was not looked at. Localizations whose runs share members are joined within a tile where
    that concerns the tile alone, and all others together; so labels and clusters are those of one
    pass over the whole table, whatever the tiles.
    """
    start = time.perf_counter()
    check_threshold(threshold)
    check_prior(prior)
    folder = Path(folder)
    table = ParquetTable.open(path, pixel_size_nm=pixel_size_nm, columns=columns)
    card = load_model(model).card
    if folder.exists() and not overwrite:
        raise OutputError(
            f"{folder} is there already; choose another name, or replace it with --overwrite "
            "(Python: overwrite=True)"
        )
    manifest = {
        "caml": __version__,
        "input": table.identity(),
        "weights": card.sha256,
        "threshold": threshold,
        "prior": prior,
        "pixel_size_nm": pixel_size_nm,
        "columns": dict(columns or {}),
        "tile_size": tile_size,
    }
    store = Store.begin(unfinished(folder), manifest, resume=resume)
    crew = crew or Here()
    crew.check_folder(store.root)
    work = Work(store, str(model), card.sha256, threshold, prior)
    seconds: dict[str, float] = {}
    stages = _Stages(store, crew, progress or (lambda _stage, _share: None), seconds)
    _divide(stages, table, card, tile_size)
    n_tiles = work.plan.n_tiles
    stages.each("score", partial(steps.classify_tile, work), n_tiles, "classify")
    stages.each("label", partial(steps.label_tile, work), n_tiles, "classify")
    stages.each("walk", partial(steps.walk_tile, work), n_tiles, "segment")
    stages.each("join", partial(steps.join_tile, work), n_tiles, "segment")
    stages.each("seam", partial(steps.join_seam, work), 1, "segment")
    # Here: it takes little, and everything after it depends on it.
    image = divide.image(store, table)
    stages.each("clusters", partial(clusters.describe_group, work, image), n_tiles + 1, "outline")
    if not store.has("numbers"):
        clusters.number_clusters(work)
    stages.each("labelled", partial(clusters.label_tile, work), n_tiles, "describe")
    stages.each("part", partial(write.write_part, work, table), table.n_parts, "write")
    stages.each("drawn", partial(write.write_outlines_part, work), n_tiles + 1, "write")
    description = clusters.describe_all(work, image, folder.name)
    with whole_folder(folder, overwrite=overwrite, names=RESULTS) as partial_folder:
        write.move_parts(store, "part", table.n_parts, partial_folder / PARTS)
        write.move_parts(store, "drawn", n_tiles + 1, partial_folder / OUTLINES_IN_PARTS)
        write_table(partial_folder / CLUSTERS, rounded(description.clusters))
    notes = list(_notes(work, table, image, len(description.clusters)))
    if not keep:
        store.end()
    for note in notes:
        warnings.warn(note, stacklevel=2)
    seconds["all"] = round(time.perf_counter() - start, 3)
    return description.summary, seconds


def _notes(
    work: Work, table: ParquetTable, image: divide.Image, n_clusters: int
) -> Iterator[CamlWarning]:
    """Say what should be known of the results, in the words of one pass."""
    store, card = work.store, work.network.card
    n_bad = table.n_rows - image.n_localizations
    if n_bad:
        yield DataWarning(positions_lost(n_bad, table.n_rows))
    if "frame" in table.sources and not bool(store.load("known", 0, "kept")[0]):
        name = table.schema.names[table.sources["frame"][0].column]
        yield DataWarning(
            f"{table.path}: column {name!r} is not used as frame: not all values are whole numbers"
        )
    n_distinct = sum(int(store.load("label", i, "counts")[0]) for i in range(work.plan.n_tiles))
    if n_distinct <= card.k:
        yield DataWarning(too_few(card, n_distinct))
    if card.n_dimensions == 2 and bool(store.load("known", 0, "is_3d")):
        yield DataWarning(
            f"{card.name} is made for 2D: z was not used, and the clusters are those of the "
            "projection on x and y"
        )
    if note := by_chance_note(work.prior, float(store.load("label", 0, "prior"))):
        yield DataWarning(note)
    if n_clusters == 0:
        yield NothingFoundWarning("no clusters were found in the image")


def _divide(stages: _Stages, table: ParquetTable, card: ModelCard, tile_size: int) -> None:
    """Sort the table into tiles."""
    store, n_parts = stages.store, table.n_parts
    stages.each("look", partial(divide.look_at_part, store, table), n_parts, "divide")
    if not store.has("known"):
        divide.sum_up_looks(store, table)
    if card.n_dimensions == 3 and not bool(store.load("known", 0, "is_3d")):
        store.end()
        check_dimensions(card, 2)
    if not store.has("plan"):
        divide.plan_tiles(store, table, card.n_dimensions, tile_size)
    split = partial(divide.split_part, store, table, card.n_dimensions)
    stages.each("split", split, n_parts, "divide")
    if not store.has("in_nm"):
        divide.sum_up_splits(store, table)
    n_tiles = Plan.load(store).n_tiles
    stages.each("tile", partial(divide.collect_tile, store, table), n_tiles, "divide")
