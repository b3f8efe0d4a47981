"""Simulating cells and measuring those of their localizations that enter a pool, and only those."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from caml._arrays import FloatArray, IntArray
from caml._machine import use_threads
from caml.errors import DataWarning, ScenarioError
from caml.neighbours import Neighbours, NeighbourSearch
from caml.simulate import Scenario, simulate
from caml.train.pool import Cell, Pool, PoolSettings, cells_of, digest

__all__ = ["build_pool"]

Measured = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]

# Area of an average simulated cell as a share of its field's: radii of field/4 + U(0, 1)·field/10.
CELL_SHARE = math.pi * 0.3**2
LABELS = ("not clustered", "in a round cluster", "in a fibre")


def build_pool(
    scenarios: Sequence[Scenario | Cell],
    settings: PoolSettings,
    *,
    n_jobs: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Pool:
    """Simulate every scenario and measure the localizations that enter the pool, and only those.

    Parameters
    ----------
    scenarios : sequence of Scenario or tuple of Scenario
        What each cell holds: a scenario alone, or several together.
    settings : PoolSettings
        Sizes, labels, replicates, neighbours and seed.
    n_jobs : int, default 0
        How many processes; 0 is one per core. The pool does not depend on it.
    progress : callable, optional
        Called with the number of images done and of all.

    Returns
    -------
    Pool
        With the shares of the labels that were asked for in each part.

    Raises
    ------
    ScenarioError
        If the scenarios hold too few localizations of a label, or differ in their dimensions.

    Notes
    -----
    Up to ``n_per_image`` localizations of each label from each image are candidates, 2,000 as in
    the paper; the pool is a random draw from all candidates (Williamson et al. 2020, Methods). The
    draw is made image by image, a little too large, so that nothing but the drawn is ever measured.
    """
    cells = cells_of(scenarios)
    if not cells:
        raise ScenarioError("a pool needs at least one scenario")
    found = {scenario.n_dimensions for cell in cells for scenario in cell}
    if found != {settings.n_dimensions}:
        raise ScenarioError(
            f"the scenarios of this pool must all be {settings.n_dimensions}D, and are "
            f"{' and '.join(f'{n}D' for n in sorted(found))}"
        )
    shares = _draw_shares(cells, settings)
    image = partial(_measure_image, cells, settings, shares)
    n_images = len(cells) * settings.n_replicates
    measured: list[Measured] = []
    for done, one in enumerate(_map(image, n_images, n_jobs), start=1):
        measured.append(one)
        if progress is not None:
            progress(done, n_images)
    label = np.concatenate([labels for _, labels in measured])
    chosen = _draw(label, settings)
    # Row by row into its place: all at once would be held twice.
    place = np.full(len(label), -1)
    place[chosen] = np.arange(len(chosen))
    neighbours = np.empty((len(chosen), *measured[0][0].shape[1:]), dtype=np.float32)
    start = 0
    for number, (near, labels) in enumerate(measured):
        rows = place[start : start + len(labels)]
        neighbours[rows[rows >= 0]] = near[rows >= 0]
        start += len(labels)
        measured[number] = (near[:0], labels)
    return Pool(neighbours, label[chosen], settings, digest(scenarios))


def _map(image: Callable[[int], Measured], n_images: int, n_jobs: int) -> Iterator[Measured]:
    """Measure all images, in order, over processes."""
    n_jobs = n_jobs or os.cpu_count() or 1
    if n_jobs == 1:
        yield from map(image, range(n_images))
        return
    # Spawned, not forked: the training framework's threads do not survive a fork.
    with ProcessPoolExecutor(
        n_jobs, mp_context=get_context("spawn"), initializer=use_threads, initargs=(1,)
    ) as executor:
        yield from executor.map(image, range(n_images), chunksize=8)


def _draw_shares(cells: Sequence[Cell], settings: PoolSettings) -> FloatArray:
    """Return which share of the candidates of each label is drawn, from their expected number."""
    expected = np.zeros(settings.n_labels)
    most = settings.n_per_image or math.inf
    for cell in cells:
        counts = np.zeros(3)
        for scenario in cell:
            extent = CELL_SHARE * scenario.field_um**2
            if scenario.n_dimensions == 3:
                extent *= scenario.axial_range_nm * 1e-3
            clustered = scenario.density * extent * scenario.percent_clustered / 100
            counts[0] += scenario.density * extent - clustered
            counts[2 if scenario.shape == "fibre" else 1] += clustered
        if settings.n_labels == 2:
            counts = np.array([counts[0], counts[1:].sum()])
        expected += np.minimum(counts, most) * settings.n_replicates
    wanted = settings.size * np.array(settings.shares)
    names = ("not clustered", "clustered") if settings.n_labels == 2 else LABELS
    if missing := [name for name, n in zip(names, expected, strict=True) if not n]:
        raise ScenarioError(
            f"the scenarios hold no localization that is {' or '.join(missing)}: a network cannot "
            "learn a label that never occurs; add scenarios that have it"
        )
    # A twentieth more than needed, and of few more: chance makes some images smaller than expected.
    drawn = wanted * np.maximum(1.05, 1 + 4 / np.sqrt(wanted))
    if (expected < drawn).any():
        offered = ", ".join(f"{n:.0f} {name}" for name, n in zip(names, expected, strict=True))
        needed = ", ".join(f"{n:.0f}" for n in wanted)
        raise ScenarioError(
            f"a pool of {settings.size} localizations ({needed} of the labels) cannot be drawn "
            f"from these scenarios, which offer about {offered}: use a smaller pool or more "
            "replicates"
        )
    shares: FloatArray = np.minimum(1, drawn / expected)
    return shares


def _measure_image(
    cells: tuple[Cell, ...], settings: PoolSettings, shares: FloatArray, number: int
) -> Measured:
    """Simulate one image and measure those of its localizations that are drawn."""
    generator = np.random.default_rng(np.random.SeedSequence((settings.seed, number)))
    with warnings.catch_warnings():
        # A cell without room for all of its clusters has fewer, which is all the same here.
        warnings.simplefilter("ignore", DataWarning)
        simulation = simulate(*cells[number % len(cells)], seed=generator)
    search = NeighbourSearch(simulation.localizations)
    truth = np.minimum(simulation.true_label[search.rows], settings.n_labels - 1)
    drawn = []
    for label, share in enumerate(shares):
        candidates = np.flatnonzero(truth == label)
        n_drawn = share * min(len(candidates), settings.n_per_image or len(candidates))
        # Rounded up or down by chance, so that small images keep their weight.
        n_drawn = int(n_drawn + generator.random())
        drawn.append(generator.choice(candidates, min(n_drawn, len(candidates)), replace=False))
    subset = np.concatenate(drawn)
    if len(search) <= settings.k:
        subset = subset[:0]
    return _neighbours(search, subset, settings), truth[subset].astype(np.uint8)


def _neighbours(
    search: NeighbourSearch, subset: IntArray, settings: PoolSettings
) -> npt.NDArray[np.float32]:
    """Measure distances to neighbours, or their coordinates; correctly rounded."""
    n_dimensions = search.positions.shape[1]
    shape = (settings.k, n_dimensions) if settings.coordinates else (settings.k,)
    neighbours = np.empty((len(subset), *shape), dtype=np.float32)
    place = np.full(len(search), -1)
    place[subset] = np.arange(len(subset))

    def measure(chunk: IntArray, near: Neighbours) -> None:
        offsets = search.positions[near.indices] - search.positions[chunk, None]
        apart = np.sqrt((offsets**2).sum(axis=2))
        order = np.argsort(apart, axis=1, kind="stable")
        if settings.coordinates:
            ordered = np.take_along_axis(offsets, order[:, :, None], axis=1)
        else:
            ordered = np.take_along_axis(apart, order, axis=1)
        neighbours[place[chunk]] = ordered

    if len(subset):
        for _ in search.chunks(settings.k, measure, indices=True, wanted=place >= 0):
            pass
    return neighbours


def _draw(label: npt.NDArray[np.uint8], settings: PoolSettings) -> IntArray:
    """Draw the rows of the parts, with the shares of labels asked for, in random order."""
    generator = np.random.default_rng(np.random.SeedSequence((settings.seed, 2**32)))
    of_label = [
        generator.permutation(np.flatnonzero(label == one)) for one in range(len(settings.shares))
    ]
    used = [0] * len(of_label)
    parts = []
    for size in (settings.n_train, settings.n_validation, settings.n_test):
        rows = []
        for one, count in enumerate(_counts(size, settings.shares)):
            rows.append(of_label[one][used[one] : used[one] + count])
            used[one] += count
            if len(rows[-1]) < count:
                raise ScenarioError(
                    f"too few localizations of label {one}: {len(of_label[one])} for a pool of "
                    f"{settings.size}; use a smaller pool or more replicates"
                )
        parts.append(generator.permutation(np.concatenate(rows)))
    return np.concatenate(parts)


def _counts(size: int, shares: Sequence[float]) -> list[int]:
    """Split a number by shares; what is left over goes to the first labels."""
    counts = [int(size * share + 1e-9) for share in shares]
    for one in range(size - sum(counts)):
        counts[one % len(counts)] += 1
    return counts
