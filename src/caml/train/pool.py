"""The pool of measured localizations that a network is trained, validated and tested on."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from caml._arrays import IntArray
from caml._machine import use_threads
from caml._version import __version__
from caml.errors import ScenarioError
from caml.neighbours import Neighbours, NeighbourSearch
from caml.simulate import Scenario, simulate

__all__ = ["Pool", "PoolSettings", "build_pool", "digest"]

RECORD = "pool.json"

# At most so many localizations of each label from an image (Williamson et al. 2020, Methods).
PER_LABEL_AND_IMAGE = 2_000
# Area of an average simulated cell as a share of its field's: radii of field/4 + U(0, 1)·field/10.
CELL_SHARE = math.pi * 0.3**2


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """What decides the content of a pool.

    Parameters
    ----------
    k : int, default 100
        How many neighbours are measured.
    n_train, n_validation, n_test : int
        Localizations in each part, labels balanced in each.
    n_replicates : int, default 5
        Images of each scenario.
    seed : int, default 0
        Where chance comes from.
    """

    k: int = 100
    n_train: int = 500_000
    n_validation: int = 100_000
    n_test: int = 100_000
    n_replicates: int = 5
    seed: int = 0

    @property
    def size(self) -> int:
        """All localizations of the pool."""
        return self.n_train + self.n_validation + self.n_test


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Measured localizations with their true labels, in random order.

    Parameters
    ----------
    distances : ndarray of shape (size, k), float32, nm
        Sorted distances to the nearest neighbours.
    label : ndarray of shape (size,), uint8
        0 not clustered, 1 clustered.
    settings : PoolSettings
        How it was made; training, validation and test parts follow each other.
    scenarios : str, default ""
        The `digest` of what was simulated.
    """

    distances: npt.NDArray[np.float32]
    label: npt.NDArray[np.uint8]
    settings: PoolSettings
    scenarios: str = ""

    def part(self, name: str) -> slice:
        """Return the rows of a part.

        Parameters
        ----------
        name : {"train", "validation", "test"}
            Which part.

        Returns
        -------
        slice
            Its rows.
        """
        first = self.settings.n_train
        second = first + self.settings.n_validation
        return {
            "train": slice(0, first),
            "validation": slice(first, second),
            "test": slice(second, None),
        }[name]

    def save(self, folder: Path) -> None:
        """Write the pool to a folder.

        Parameters
        ----------
        folder : Path
            Where; made if it is not there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # The record goes first and comes last: without it a pool is known to be incomplete.
        (folder / RECORD).unlink(missing_ok=True)
        np.save(folder / "distances.npy", self.distances)
        np.save(folder / "label.npy", self.label)
        (folder / RECORD).write_text(json.dumps(_record(self.settings, self.scenarios), indent=2))

    @staticmethod
    def load(folder: Path, settings: PoolSettings, scenarios: str) -> Pool | None:
        """Read a pool, if the folder holds the one that is wanted.

        Parameters
        ----------
        folder : Path
            Where `save` wrote it.
        settings : PoolSettings
            How it must have been made.
        scenarios : str
            The `digest` of what must have been simulated.

        Returns
        -------
        Pool or None
            None where there is no such pool, or one made otherwise.
        """
        try:
            if json.loads((folder / RECORD).read_text()) != _record(settings, scenarios):
                return None
            distances, label = np.load(folder / "distances.npy"), np.load(folder / "label.npy")
        except (OSError, ValueError, EOFError):
            return None
        return Pool(distances, label, settings, scenarios)


def digest(scenarios: Sequence[Scenario]) -> str:
    """Return a short name of a list of scenarios, another one for any other list.

    Parameters
    ----------
    scenarios : sequence of Scenario
        The list.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    return hashlib.sha256(repr(tuple(scenarios)).encode()).hexdigest()[:16]


def build_pool(
    scenarios: Sequence[Scenario],
    settings: PoolSettings,
    *,
    n_jobs: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Pool:
    """Simulate every scenario and measure the localizations that enter the pool, and only those.

    Parameters
    ----------
    scenarios : sequence of Scenario
        What is simulated.
    settings : PoolSettings
        Sizes, replicates, neighbours and seed.
    n_jobs : int, default 0
        How many processes; 0 is one per core. The pool does not depend on it.
    progress : callable, optional
        Called with the number of images done and of all.

    Returns
    -------
    Pool
        Labels balanced in each part.

    Raises
    ------
    ScenarioError
        If the scenarios hold too few localizations of a label.

    Notes
    -----
    Up to 2,000 localizations of each label from each image are candidates; the pool is a random
    draw from all candidates (Williamson et al. 2020, Methods). The draw is made image by image, a
    little too large, so that nothing but the drawn is ever measured.
    """
    shares = _draw_shares(scenarios, settings)
    image = partial(_measure_image, tuple(scenarios), settings, shares)
    n_images = len(scenarios) * settings.n_replicates
    measured = []
    for done, one in enumerate(_map(image, n_images, n_jobs), start=1):
        measured.append(one)
        if progress is not None:
            progress(done, n_images)
    distances = np.concatenate([d for d, _ in measured])
    label = np.concatenate([one for _, one in measured])
    chosen = _balanced_draw(label, settings)
    return Pool(distances[chosen], label[chosen], settings, digest(scenarios))


def _map(
    image: Callable[[int], tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]],
    n_images: int,
    n_jobs: int,
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]]:
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


def _draw_shares(scenarios: Sequence[Scenario], settings: PoolSettings) -> tuple[float, float]:
    """Return which share of the candidates of each label is drawn, from their expected number."""
    expected = np.zeros(2)
    for scenario in scenarios:
        area = CELL_SHARE * scenario.field_um**2
        extent = area * (scenario.axial_range_nm * 1e-3 if scenario.n_dimensions == 3 else 1)
        clustered = scenario.density * extent * scenario.percent_clustered / 100
        counts = (scenario.density * extent - clustered, clustered)
        expected += np.minimum(counts, PER_LABEL_AND_IMAGE) * settings.n_replicates
    wanted = settings.size / 2
    if (expected < 1.05 * wanted).any():
        raise ScenarioError(
            f"{settings.size} localizations, half of them clustered, cannot be drawn from these "
            f"scenarios, which offer about {expected[0]:.0f} not clustered and {expected[1]:.0f} "
            "clustered: use a smaller pool or more replicates"
        )
    # A twentieth more than needed: chance makes some images smaller than expected.
    unclustered, clustered = np.minimum(1, 1.05 * wanted / expected)
    return float(unclustered), float(clustered)


def _measure_image(
    scenarios: tuple[Scenario, ...],
    settings: PoolSettings,
    shares: tuple[float, float],
    number: int,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Simulate one image and measure those of its localizations that are drawn."""
    generator = np.random.default_rng(np.random.SeedSequence((settings.seed, number)))
    simulation = simulate(scenarios[number % len(scenarios)], seed=generator)
    search = NeighbourSearch(simulation.localizations)
    truth = np.minimum(simulation.true_label[search.rows], 1)
    drawn = []
    for label, share in enumerate(shares):
        candidates = np.flatnonzero(truth == label)
        n_drawn = share * min(len(candidates), PER_LABEL_AND_IMAGE)
        # Rounded up or down by chance, so that small images keep their weight.
        n_drawn = int(n_drawn + generator.random())
        drawn.append(generator.choice(candidates, min(n_drawn, len(candidates)), replace=False))
    subset = np.concatenate(drawn)
    if len(search) <= settings.k:
        subset = subset[:0]
    return _distances(search, subset, settings.k), truth[subset].astype(np.uint8)


def _distances(search: NeighbourSearch, subset: IntArray, k: int) -> npt.NDArray[np.float32]:
    """Measure the distances of some positions to their neighbours, correctly rounded."""
    distances = np.empty((len(search), k), dtype=np.float32)

    def measure(chunk: IntArray, near: Neighbours) -> None:
        apart = np.zeros(near.indices.shape)
        for axis in search.positions.T:
            apart += (axis[near.indices] - axis[chunk, None]) ** 2
        distances[chunk] = np.sort(np.sqrt(apart), axis=1)

    wanted = np.zeros(len(search), dtype=bool)
    wanted[subset] = True
    if len(subset):
        for _ in search.chunks(k, measure, indices=True, wanted=wanted):
            pass
    return distances[subset]


def _balanced_draw(label: npt.NDArray[np.uint8], settings: PoolSettings) -> npt.NDArray[np.int64]:
    """Draw the rows of the parts, labels balanced in each, in random order."""
    generator = np.random.default_rng(np.random.SeedSequence((settings.seed, 2**32)))
    of_label = [generator.permutation(np.flatnonzero(label == one)) for one in (0, 1)]
    used = [0, 0]
    parts = []
    for size in (settings.n_train, settings.n_validation, settings.n_test):
        rows = []
        for one, count in enumerate((size - size // 2, size // 2)):
            rows.append(of_label[one][used[one] : used[one] + count])
            used[one] += count
            if len(rows[-1]) < count:
                raise ScenarioError(
                    f"too few localizations of label {one}: {len(of_label[one])} for a pool of "
                    f"{settings.size}; use a smaller pool or more replicates"
                )
        parts.append(generator.permutation(np.concatenate(rows)))
    return np.concatenate(parts)


def _record(settings: PoolSettings, scenarios: str) -> dict[str, int | str]:
    made = {name: getattr(settings, name) for name in PoolSettings.__slots__}
    return made | {"scenarios": scenarios, "caml": __version__}
