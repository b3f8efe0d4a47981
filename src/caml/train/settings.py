"""How a network is fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from caml.errors import ModelError

__all__ = ["FitSettings", "Schedule"]

Schedule = Literal["cosine", "decay", "constant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How a network is fitted.

    Parameters
    ----------
    n_epochs : int, default 30
        Passes over the training part, at most.
    patience : int, default 10
        Passes without a better validation loss after which it stops; the best weights are kept.
    batch_size : int, default 256
        Localizations per step.
    learning_rate : float, default 0.002
        Of Adam, at the start.
    schedule : {"cosine", "decay", "constant"}, default "cosine"
        How the learning rate changes: to a hundredth of it along a cosine, over all steps as the
        paper's (``rate/(1 + 0.001/n_epochs · step)``), or not at all.
    n_per_epoch : int, default 0
        Localizations of a pass, drawn anew for each; 0 takes the whole training part.

    Raises
    ------
    ModelError
        If a value is out of range; every fault is named.
    """

    n_epochs: int = 30
    patience: int = 10
    batch_size: int = 256
    learning_rate: float = 0.002
    schedule: Schedule = "cosine"
    n_per_epoch: int = 0

    def __post_init__(self) -> None:
        """Name every value that is out of range."""
        ranges = [
            ("n_epochs", self.n_epochs >= 1, "at least 1"),
            ("patience", self.patience >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 1, "at least 1"),
            ("learning_rate", 0 < self.learning_rate < 10, "above 0 and below 10"),
            ("schedule", self.schedule in get_args(Schedule), f"one of {get_args(Schedule)}"),
            ("n_per_epoch", self.n_per_epoch >= 0, "0 or above"),
        ]
        faults = [
            f"{name} must be {expected}, got {getattr(self, name)!r}"
            for name, holds, expected in ranges
            if not holds
        ]
        if faults:
            raise ModelError("a network cannot be fitted so: " + "; ".join(faults))
