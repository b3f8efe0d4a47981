"""The pool of measured localizations that a network is trained, validated and tested on."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from caml._arrays import IntArray
from caml._version import __version__
from caml.errors import ModelError, ScenarioError
from caml.features import network_input
from caml.simulate import Scenario

__all__ = ["PARTS", "Cell", "Pool", "PoolSettings", "Rows", "cells_of", "digest"]

RECORD = "pool.json"
PARTS = ("train", "validation", "test")
# Rows measured at once, so that what lies between distances and inputs stays small.
ROWS = 20_000

# What one simulated cell holds: one scenario, or several together.
Cell = tuple[Scenario, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """What decides the content of a pool.

    Parameters
    ----------
    k : int, default 100
        How many neighbours are measured.
    n_labels : {2, 3}, default 2
        How many labels are told apart: not clustered and clustered, or not clustered, in a round
        cluster, in a fibre.
    mix : tuple of float, default ()
        The share of each label in every part; () is as many of each.
    n_dimensions : {2, 3}, default 2
        Of the localizations.
    coordinates : bool, default False
        Whether neighbours' relative coordinates are kept, and not only their distances.
    n_train, n_validation, n_test : int
        Localizations in each part.
    n_replicates : int, default 5
        Images of each scenario.
    n_per_image : int, default 2000
        Candidates of each label from one image, at most; 0 takes all, so that images weigh as much
        as they hold.
    seed : int, default 0
        Where chance comes from.

    Raises
    ------
    ScenarioError
        If a value is out of range; every fault is named.
    """

    k: int = 100
    n_labels: int = 2
    mix: tuple[float, ...] = ()
    n_dimensions: int = 2
    coordinates: bool = False
    n_train: int = 500_000
    n_validation: int = 100_000
    n_test: int = 100_000
    n_replicates: int = 5
    n_per_image: int = 2_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Name every value that is out of range."""
        ranges = [
            ("k", self.k, self.k >= 1, "at least 1"),
            ("n_labels", self.n_labels, self.n_labels in (2, 3), "2 or 3"),
            (
                "mix",
                self.mix,
                not self.mix
                or (len(self.mix) == self.n_labels and all(0 < one < math.inf for one in self.mix)),
                f"{self.n_labels} shares above 0, one for each label",
            ),
            *(
                (
                    name,
                    getattr(self, name),
                    getattr(self, name) >= self.n_labels,
                    "at least n_labels",
                )
                for name in ("n_train", "n_validation", "n_test")
            ),
            ("n_replicates", self.n_replicates, self.n_replicates >= 1, "at least 1"),
            ("n_per_image", self.n_per_image, self.n_per_image >= 0, "0 or above"),
            ("seed", self.seed, self.seed >= 0, "0 or above"),
        ]
        faults = [
            f"{name} must be {expected}, got {value!r}"
            for name, value, holds, expected in ranges
            if not holds
        ]
        if faults:
            raise ScenarioError("a pool cannot be made: " + "; ".join(faults))

    @property
    def size(self) -> int:
        """All localizations of the pool."""
        return self.n_train + self.n_validation + self.n_test

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of each label in every part."""
        mix = self.mix or (1.0,) * self.n_labels
        return tuple(share / sum(mix) for share in mix)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Measured localizations with their true labels, in random order.

    Parameters
    ----------
    neighbours : ndarray of shape (size, k) or (size, k, n_dimensions), float32, nm
        Sorted distances to the nearest neighbours, or their coordinates relative to the
        localization, nearest first.
    label : ndarray of shape (size,), uint8
        0 not clustered, 1 clustered (in a round cluster), 2 in a fibre.
    settings : PoolSettings
        How it was made; training, validation and test parts follow each other.
    scenarios : str, default ""
        The `digest` of what was simulated.
    """

    neighbours: npt.NDArray[np.float32]
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
        return dict(
            zip(
                PARTS,
                (slice(0, first), slice(first, second), slice(second, self.settings.size)),
                strict=True,
            )
        )[name]

    def features(
        self, name: str, k: int, rows: slice | IntArray = slice(None)
    ) -> npt.NDArray[np.float32]:
        """Compute the input of a network.

        Parameters
        ----------
        name : str
            Which of `caml.features.INPUTS`.
        k : int
            How many neighbours the network looks at, at most as many as were measured.
        rows : slice or ndarray of int, default all
            Of which localizations.

        Returns
        -------
        ndarray of shape (n, k) or (n, k, n_dimensions), float32
            The input.

        Raises
        ------
        ModelError
            If the pool holds fewer neighbours, or distances where coordinates are needed.
        """
        wanted = network_input(name)
        if k > self.neighbours.shape[1]:
            raise ModelError(
                f"the network looks at {k} neighbours and the pool holds {self.neighbours.shape[1]}"
            )
        if wanted.of_coordinates and self.neighbours.ndim == 2:
            raise ModelError(f"{name} needs a pool of coordinates; this one holds distances")
        chosen = np.arange(len(self.label))[rows]
        shape = self.neighbours.shape[2:] if wanted.of_coordinates else ()
        computed = np.empty((len(chosen), k, *shape), dtype=np.float32)
        for start in range(0, len(chosen), ROWS):
            near = np.asarray(self.neighbours[chosen[start : start + ROWS], :k])
            if near.ndim == 3 and not wanted.of_coordinates:
                near = np.sqrt((near.astype(np.float64) ** 2).sum(axis=2)).astype(np.float32)
            computed[start : start + ROWS] = wanted.function(near)
        return computed

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
        for name, array in (("neighbours", self.neighbours), ("label", self.label)):
            # Another training may have the old one open, and keeps it.
            partial = folder / f".{name}.partial.npy"
            np.save(partial, array)
            partial.replace(folder / f"{name}.npy")
        record = {**asdict(self.settings), "scenarios": self.scenarios, "caml": __version__}
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Pool:
        """Open the pool that a folder holds, without reading all of it into memory.

        Parameters
        ----------
        folder : Path
            Where `save` wrote it.

        Returns
        -------
        Pool
            The pool, read from disk as it is needed.

        Raises
        ------
        ModelError
            If there is none, or only part of one.
        """
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            scenarios = record.pop("scenarios")
            record.pop("caml")
            settings = PoolSettings(**{**record, "mix": tuple(record["mix"])})
            neighbours = np.load(folder / "neighbours.npy", mmap_mode="r", allow_pickle=False)
            label = np.load(folder / "label.npy", allow_pickle=False)
        except (OSError, ValueError, TypeError, KeyError, EOFError) as error:
            raise ModelError(f"{folder}: holds no whole pool ({error})") from error
        if neighbours.shape[:2] != (settings.size, settings.k) or label.shape != (settings.size,):
            raise ModelError(f"{folder}: the pool is not as its record says")
        return cls(neighbours, label, settings, scenarios)

    def lacks(self, wanted: PoolSettings, scenarios: str) -> str:
        """Tell why the pool cannot stand for another one.

        Parameters
        ----------
        wanted : PoolSettings
            How the other is made.
        scenarios : str
            The `digest` of what it is simulated from.

        Returns
        -------
        str
            The reason; empty where it can: neighbours may be more, and coordinates stand for
            distances.
        """
        if scenarios != self.scenarios:
            return "it was simulated from other scenarios"
        if self.settings.k < wanted.k:
            return f"it holds {self.settings.k} neighbours, not {wanted.k}"
        if wanted.coordinates and not self.settings.coordinates:
            return "it holds distances, not coordinates"
        others = (
            "n_dimensions",
            "n_labels",
            "shares",
            "n_train",
            "n_validation",
            "n_test",
            "n_replicates",
            "n_per_image",
            "seed",
        )
        different = [
            f"{name} {getattr(self.settings, name)}, not {getattr(wanted, name)}"
            for name in others
            if getattr(self.settings, name) != getattr(wanted, name)
        ]
        return f"it was made with {'; '.join(different)}" if different else ""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Which rows of a pool a network is fitted to.

    Parameters
    ----------
    train, validation, test : ndarray of int
        To learn from, to stop by, to be judged by.
    """

    train: IntArray
    validation: IntArray
    test: IntArray

    @classmethod
    def of(cls, pool: Pool) -> Rows:
        """Take the pool's own parts.

        Parameters
        ----------
        pool : Pool
            The pool.

        Returns
        -------
        Rows
            Of its three parts.
        """
        every = np.arange(pool.settings.size)
        return cls(*(every[pool.part(name)] for name in ("train", "validation", "test")))


def cells_of(scenarios: Sequence[Scenario | Cell]) -> tuple[Cell, ...]:
    """Return what each simulated cell holds, as a tuple.

    Parameters
    ----------
    scenarios : sequence of Scenario or tuple of Scenario
        A scenario alone, or several that share a cell.

    Returns
    -------
    tuple of tuple of Scenario
        Of each cell.
    """
    return tuple((one,) if isinstance(one, Scenario) else tuple(one) for one in scenarios)


def digest(scenarios: Sequence[Scenario | Cell]) -> str:
    """Return a short name of a list of scenarios, another one for any other list.

    Parameters
    ----------
    scenarios : sequence of Scenario or tuple of Scenario
        The list.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    return hashlib.sha256(repr(cells_of(scenarios)).encode()).hexdigest()[:16]
