"""Weights and card together: a network that can be run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from caml.errors import ModelError
from caml.features import INPUTS, NetworkInput, features
from caml.models.card import ModelCard
from caml.models.separable import SeparableNetwork
from caml.neighbours import Neighbours

__all__ = ["WEIGHTS", "Model", "list_models", "load_model"]

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT = "LOGNM1"

# Neighbours of all localizations in one run of a network: what lies between two layers stays in a
# core's nearest cache. 07VEJJ takes 14.6 µs per localization with 128 of them at once and 17.4 with
# 1,024, 87B144 140 with 16 and 162 with 128: benchmarks/bench_network.py.
BATCH = 12_800
SMALLEST_BATCH = 16


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained network: what it is (`card`) and how to run it.

    Parameters
    ----------
    card : ModelCard
        What is known of it.
    weights : bytes
        The network in ONNX.

    Raises
    ------
    ModelError
        If the weights are not those the card describes, or no network.
    """

    card: ModelCard
    weights: bytes = field(repr=False)
    _session: Any = field(init=False, repr=False)
    _separable: SeparableNetwork | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check the weights against the card and make them ready to run."""
        import onnxruntime as ort

        if hashlib.sha256(self.weights).hexdigest() != self.card.sha256:
            raise ModelError(
                f"the weights of {self.card.name} are not those its card describes: take the "
                ".onnx and the .json of the same training"
            )
        if self.card.input not in INPUTS:
            raise ModelError(
                f"{self.card.name} is fed with {self.card.input!r}, which this version of caml "
                f"does not know; it knows: {', '.join(INPUTS)}"
            )
        _check_whole(self.card.name, self.weights)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        # Chunks run side by side; more threads in each would only wait for each other.
        options.intra_op_num_threads = 1
        try:
            session = ort.InferenceSession(
                self.weights, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime raises its own, unrelated classes
            raise ModelError(f"{self.card.name}: not a network in ONNX: {error}") from error
        n_outputs = 1 if len(self.card.labels) == 2 else len(self.card.labels)
        shapes = [put.shape[1:] for put in (*session.get_inputs(), *session.get_outputs())]
        expected = [list(self.input_shape), [n_outputs]]
        if shapes != expected:
            raise ModelError(
                f"{self.card.name} takes and gives values of shape {shapes}, and its card says "
                f"{expected}: k, n_dimensions, the input or the labels on the card are wrong"
            )
        object.__setattr__(self, "_session", session)
        separable = None
        if not self.input.of_coordinates:
            bounds = (self.input.lowest, self.input.highest)
            separable = SeparableNetwork.read(self.weights, bounds)
        object.__setattr__(self, "_separable", separable)

    @property
    def input(self) -> NetworkInput:
        """What the network is fed with."""
        return INPUTS[self.card.input]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """What the network sees of one localization: (k,), or (k, n_dimensions) of coordinates."""
        return self.input.shape(self.card.k, self.card.n_dimensions)

    def score(
        self,
        neighbours: Neighbours,
        positions: npt.NDArray[np.floating[Any]],
        subset: npt.NDArray[np.integer[Any]],
    ) -> npt.NDArray[np.float32]:
        """Score localizations by their neighbours.

        Parameters
        ----------
        neighbours : Neighbours
            Of n localizations, each with k; with indices where `input` is of coordinates.
        positions : ndarray of shape (n_positions, 2 or 3), nm
            Where all localizations are.
        subset : ndarray of shape (n,)
            Which of them the n are.

        Returns
        -------
        ndarray of shape (n,) or (n, n_labels), float32
            As of `predict`.
        """
        seen = features(neighbours, self.card.input, positions=positions, subset=subset)
        return self.predict(seen)

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Run the network.

        Parameters
        ----------
        features : ndarray of shape (n_localizations, k) or (…, n_dimensions), float32
            What `caml.features.features` computed.

        Returns
        -------
        ndarray of shape (n_localizations,) or (n_localizations, n_labels), float32
            The score of being clustered, or of each label, from 0 to 1.

        Raises
        ------
        ModelError
            If the input has another shape than the network's.
        """
        if features.shape[1:] != self.input_shape:
            raise ModelError(
                f"{self.card.name} looks at {self.card.k} neighbours and takes input of shape "
                f"(n, {', '.join(map(str, self.input_shape))}); got {features.shape}"
            )
        if self._separable is not None:
            return self._separable.predict(features)
        name = self._session.get_inputs()[0].name
        size = max(SMALLEST_BATCH, BATCH // self.card.k)
        batches = (features[start : start + size] for start in range(0, len(features), size))
        scores = [self._session.run(None, {name: batch})[0] for batch in batches]
        if not scores:
            scores = [np.empty((0, self._session.get_outputs()[0].shape[1]), dtype=np.float32)]
        # Its sigmoid comes out as much as 1e-7 above 1.
        score: npt.NDArray[np.float32] = np.clip(np.concatenate(scores), 0, 1)
        return score[:, 0] if score.shape[1] == 1 else score


def _check_whole(name: str, weights: bytes) -> None:
    """Refuse a network some of whose weights are to be read from other files."""
    import onnx

    try:
        tensors = onnx.load_from_string(weights).graph.initializer
    except Exception as error:  # protobuf raises its own, unrelated classes
        raise ModelError(f"{name}: not a network in ONNX: {error}") from error
    if any(one.data_location == onnx.TensorProto.EXTERNAL for one in tensors):
        raise ModelError(f"{name}: keeps weights in other files, which are not read")


def list_models() -> tuple[ModelCard, ...]:
    """List the networks that come with this package.

    Returns
    -------
    tuple of ModelCard
        In the order of their names.

    Examples
    --------
    >>> "XPILJZ" in [card.name for card in list_models()]
    True
    """
    return tuple(ModelCard.read(path) for path in sorted(WEIGHTS.glob("*.json")))


def load_model(name: str | Path = DEFAULT) -> Model:
    """Load a network by its name or from a file.

    Parameters
    ----------
    name : str or Path, default "LOGNM1"
        The name of a network of this package, or the path of an ``.onnx`` file with its card (the
        same name, ``.json``) beside it.

    Returns
    -------
    Model
        Ready to run.

    Raises
    ------
    ModelError
        If there is no such network.

    Examples
    --------
    >>> load_model("XPILJZ").card.k
    100
    """
    path = Path(name)
    if path.suffix.lower() != ".onnx":
        path = WEIGHTS / f"{str(name).upper()}.onnx"
        if not path.is_file():
            known = ", ".join(card.name for card in list_models())
            raise ModelError(
                f"no network is called {str(name)!r}; there are: {known}, or give the path of an "
                ".onnx file"
            )
    elif not path.is_file():
        raise ModelError(
            f"{path}: no such file; a network is an .onnx file with its card beside it"
        )
    return Model(ModelCard.read(path.with_suffix(".json")), path.read_bytes())
