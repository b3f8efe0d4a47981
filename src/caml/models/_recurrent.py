"""Recurrent layers as one ONNX operator each, in one direction or both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from caml.models._graph import (
    ACTIVATIONS,
    HARD_SIGMOIDS,
    Array,
    Graph,
    Shape,
    UnknownSettingError,
    expect_weights,
    single,
    steps_of,
)

if TYPE_CHECKING:
    from caml.models.stack import Layer

__all__ = ["bidirectional", "recurrent"]

# Those that a recurrent operator can have inside.
RECURRENT = ("elu", "hard_sigmoid", "hard_sigmoid_keras2", "relu", "sigmoid", "softplus",
             "softsign", "tanh")  # fmt: skip


# The gates of a recurrent layer in the order of Keras, as ONNX wants them.
GATES = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "SimpleRNN": (0,)}
OPERATORS = {"LSTM": "LSTM", "GRU": "GRU", "SimpleRNN": "RNN"}


def recurrent(graph: Graph, layer: Layer) -> None:
    reverse = bool(layer.config.get("go_backwards", False))
    _recur(graph, (layer,), "reverse" if reverse else "forward")
    if layer.config.get("return_sequences", False):
        graph.add("Squeeze", np.array([1]))
        if reverse:
            # Keras gives what it met last first and keeps it there.
            graph.add(
                "Slice", np.array([-1]), np.array([np.iinfo(np.int64).min]), np.array([0]),
                np.array([-1]),
            )  # fmt: skip
    else:
        graph.add("Squeeze", np.array([0]))


def bidirectional(graph: Graph, layer: Layer) -> None:
    if len(layer.within) != 2:
        raise UnknownSettingError("it needs a layer forwards and one backwards")
    forwards, backwards = layer.within
    if forwards.kind not in OPERATORS or forwards.kind != backwards.kind:
        raise UnknownSettingError(f"it goes both ways over a {forwards.kind}, which is not known")
    _recur(graph, layer.within, "bidirectional")
    sequences = bool(forwards.config.get("return_sequences", False))
    units = graph.shape[-1]
    mode = layer.config.get("merge_mode", "concat")
    # (steps, 2, n, units), or (2, n, units) of the last step.
    if mode == "concat":
        graph.add("Transpose", perm=[0, 2, 1, 3] if sequences else [1, 0, 2])
        graph.add("Reshape", np.array([0, 0, 2 * units] if sequences else [0, 2 * units]))
        graph.shape = (*graph.shape[:-1], 2 * units)
    elif mode in ("sum", "ave", "mul"):
        operator = {"sum": "ReduceSum", "ave": "ReduceMean", "mul": "ReduceProd"}[mode]
        axis = 1 if sequences else 0
        if operator == "ReduceSum":
            graph.add(operator, np.array([axis]), keepdims=0)
        else:
            graph.add(operator, axes=[axis], keepdims=0)
    else:
        raise UnknownSettingError(f"merge_mode {mode!r} is not known")


def _recur(graph: Graph, layers: Sequence[Layer], direction: str) -> None:
    """Add a recurrent operator and say what shape its output will have without the directions."""
    steps, channels = steps_of(graph)
    layer = layers[0]
    config = layer.config
    for setting in ("stateful", "return_state", "time_major"):
        if config.get(setting):
            raise UnknownSettingError(f"{setting} cannot be written as ONNX")
    inner = ["activation"] if layer.kind == "SimpleRNN" else ["recurrent_activation", "activation"]
    if layer.kind == "LSTM":
        inner.append("activation")
    names, alphas, betas = [], [], []
    for one in layers:
        for key in inner:
            name = one.config.get(key, "tanh")
            if name not in RECURRENT:
                raise UnknownSettingError(
                    f"{key} {name!r} is not known; known: {', '.join(RECURRENT)}"
                )
            names.append(ACTIVATIONS[name][0])
            # Each takes the next of these that nobody took, if it reads any.
            if name in HARD_SIGMOIDS:
                alphas.append(HARD_SIGMOIDS[name])
                betas.append(0.5)
            elif name == "elu":
                alphas.append(1.0)
    units = int(config["units"])
    for one in layers:
        _check_weights(one, channels, units)
    parts = [_recurrent_weights(one) for one in layers]
    graph.arrange((1, 0, 2))
    options: dict[str, Any] = {}
    if layer.kind == "GRU":
        options["linear_before_reset"] = int(bool(config.get("reset_after", True)))
    if alphas:
        options["activation_alpha"] = alphas
    if betas:
        options["activation_beta"] = betas
    sequences = bool(config.get("return_sequences", False))
    graph.add(
        OPERATORS[layer.kind],
        *(np.stack(part) for part in zip(*parts, strict=True)),
        output=0 if sequences else 1,
        hidden_size=units,
        activations=names,
        direction=direction,
        **options,
    )
    graph.shape = (steps, units) if sequences else (units,)
    graph.axes = (1, 0, 2) if sequences else (0, 1)


def _check_weights(layer: Layer, channels: int, units: int) -> None:
    """Refuse weights of other shapes than so many channels and units have."""
    width = len(GATES[layer.kind]) * units
    shapes: list[Shape] = [(channels, width), (units, width)]
    if layer.config.get("use_bias", True):
        after = layer.kind == "GRU" and layer.config.get("reset_after", True)
        shapes.append((2, width) if after else (width,))
    expect_weights(layer.weights, *shapes)


def _recurrent_weights(layer: Layer) -> tuple[Array, Array, Array]:
    """Return input, recurrent and bias weights with ONNX' gates one below the other."""
    kernel, recurrent, *bias = map(single, layer.weights)
    units = recurrent.shape[0]
    order = np.concatenate([np.arange(units) + gate * units for gate in GATES[layer.kind]])
    n_gates = len(GATES[layer.kind])
    # One bias is added to the input; a GRU that resets after the product has one for each.
    both = np.zeros((2, n_gates * units), dtype=np.float32)
    if bias:
        both[: len(np.atleast_2d(bias[0]))] = bias[0]
    return kernel.T[order], recurrent.T[order], both[:, order].ravel()
