"""What is known of a network: its model card."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from caml.errors import ModelError

__all__ = ["ModelCard"]

# Where a card does not say: half of the smallest share of the clustered that networks learn from.
BY_CHANCE = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a network is, what it was trained on and how well it does.

    Parameters
    ----------
    name : str
        Six characters, unique.
    description : str
        When to use it, in a sentence or two.
    k : int
        How many neighbours it looks at.
    n_dimensions : int
        2 or 3.
    input : str
        Which of `caml.features` it is fed with.
    labels : tuple of str
        What its labels 0, 1, … mean.
    layers : tuple of str
        Its layers, from input to output.
    n_parameters : int
        How many weights and biases it has.
    scenarios : str
        What it was trained on.
    seed : int or None
        Of the simulation, the pool and the first weights; None where it is not known.
    created : str
        Date of training or import, YYYY-MM-DD.
    sha256 : str
        Of the weights' file.
    training : mapping
        Sizes of the pool and settings of the fit.
    metrics : mapping
        Accuracy, F1, precision, recall and the confusion matrix, on test data.
    versions : mapping
        Of the software that trained it.
    """

    name: str
    description: str
    k: int
    n_dimensions: int
    input: str
    labels: tuple[str, ...]
    layers: tuple[str, ...]
    n_parameters: int
    scenarios: str
    seed: int | None
    created: str
    sha256: str
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def share_by_chance(self, n: int) -> float:
        """Return below which estimated share of the clustered an image may hold no cluster at all.

        Parameters
        ----------
        n : int
            How many localizations it has: among few, chance looks more like clusters.

        Returns
        -------
        float
            What was measured in simulated cells, between two sizes in between; 0.025 where the card
            does not say.
        """
        known = self.metrics.get("calibration", {}).get("shares_by_chance")
        if not known:
            return BY_CHANCE
        sizes, shares = np.array(known).T
        # Among fewer localizations chance is no less likely to look like clusters.
        shares = np.maximum.accumulate(shares[::-1])[::-1]
        return float(np.interp(np.log(max(n, 1)), np.log(sizes), shares))

    def as_json(self) -> str:
        """Return the card as indented JSON.

        Returns
        -------
        str
            What `read` takes.
        """
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> ModelCard:
        """Read a card from its JSON file.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        ModelCard
            The card.

        Raises
        ------
        ModelError
            If the file is missing or no model card.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ModelError(
                f"{path}: a network needs its card beside it, and this one cannot be read "
                f"({error.strerror})"
            ) from error
        except ValueError as error:
            raise ModelError(f"{path}: not a model card: {error}") from error
        try:
            return cls.of(content)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error

    @classmethod
    def of(cls, content: Any) -> ModelCard:
        """Take a card from what JSON held.

        Parameters
        ----------
        content : dict
            A value for each field.

        Returns
        -------
        ModelCard
            The card.

        Raises
        ------
        ModelError
            If it is no model card.
        """
        try:
            content = dict(content)
            wrong = [k for k in ("k", "n_dimensions") if not isinstance(content.get(k, 0), int)]
            if wrong:
                raise TypeError(f"{' and '.join(wrong)} must be whole numbers")
            if not isinstance(content.get("metrics", {}), dict):
                raise TypeError("metrics must be a table of numbers")
            content["labels"] = tuple(content["labels"])
            content["layers"] = tuple(content["layers"])
            return cls(**content)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"not a model card: {error}") from error
