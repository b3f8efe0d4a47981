"""What a training needs to go on after it was killed, kept in one file after each pass."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from caml.errors import ModelError

__all__ = ["Checkpoint"]

CURVES = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")


class Checkpoint:
    """The state of a training: weights, optimizer, learning curves, and the best weights so far.

    Parameters
    ----------
    path : Path or None
        Where it is kept; None keeps it in memory alone.
    network : keras.Sequential
        Compiled, its optimizer built.
    what : str
        Which training it is: the state of another one is refused.

    Attributes
    ----------
    curves : dict of str to list of float
        A value per pass.
    epochs_since_best : int
        Passes since the validation loss was smallest.
    """

    def __init__(self, path: Path | None, network: keras.Sequential, what: str) -> None:
        self._path = path
        self._network = network
        self._what = what
        self._best = [np.asarray(one) for one in network.get_weights()]
        self.curves: dict[str, list[float]] = {name: [] for name in CURVES}

    @property
    def epochs_since_best(self) -> int:
        """Passes since the validation loss was smallest."""
        losses = self.curves["val_loss"]
        return len(losses) - 1 - int(np.argmin(losses)) if losses else 0

    def note(self, logs: dict[str, float]) -> None:
        """Take note of a pass, and keep all of it.

        Parameters
        ----------
        logs : dict of str to float
            A value for each of the curves.
        """
        is_best = logs["val_loss"] < min(self.curves["val_loss"], default=math.inf)
        for name in CURVES:
            self.curves[name].append(logs[name])
        if is_best:
            self._best = [np.asarray(one) for one in self._network.get_weights()]
        if self._path is not None:
            self._save(self._path)

    def restore_best(self) -> None:
        """Give the network the weights of the smallest validation loss."""
        self._network.set_weights(self._best)

    def load(self) -> None:
        """Go on from what was kept, if anything was.

        Raises
        ------
        ModelError
            If the file is damaged, or of another training.
        """
        if self._path is None or not self._path.exists():
            return
        try:
            # Opened here: NumPy would leave a damaged file open.
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                what = str(held["what"])
                curves = json.loads(str(held["curves"]))
                state = [held[f"state{number}"] for number in range(len(self._variables()))]
                best = [held[f"best{number}"] for number in range(len(self._best))]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ModelError(
                f"{self._path}: what was kept of an earlier training cannot be read ({error}); "
                "remove the file, or train without --resume"
            ) from error
        if what != self._what:
            raise ModelError(
                f"{self._path}: was kept of a training with other layers, settings or pool; give "
                "those again, or train without --resume"
            )
        for variable, value in zip(self._variables(), state, strict=True):
            variable.assign(value)
        self._best = best
        self.curves = curves

    def _variables(self) -> list[Any]:
        """List all that changes: weights, what was dropped last, the optimizer."""
        return [*self._network.variables, *self._network.optimizer.variables]

    def _save(self, path: Path) -> None:
        arrays: dict[str, npt.NDArray[Any]] = {
            "what": np.array(self._what),
            "curves": np.array(json.dumps(self.curves)),
        }
        state = [np.asarray(one) for one in self._variables()]
        arrays |= {f"state{number}": one for number, one in enumerate(state)}
        arrays |= {f"best{number}": one for number, one in enumerate(self._best)}
        partial = path.with_name(f".{path.name}.partial.npz")
        np.savez(partial, **arrays)  # type: ignore[arg-type]
        partial.replace(path)
