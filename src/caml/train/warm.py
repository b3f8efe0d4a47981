"""Beginning where another network ended: its weights, layer by layer, where shapes agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from caml.errors import ModelError
from caml.models import Model
from caml.models._recurrent import GATES

__all__ = ["take_weights"]

Array = npt.NDArray[Any]


def take_weights(network: keras.Sequential, model: Model) -> int:
    """Give the layers of a stack the weights of a trained network, where their shapes agree.

    Parameters
    ----------
    network : keras.Sequential
        A built stack; changed in place.
    model : Model
        A trained network, whose normalization, dense, convolutional and LSTM layers are compared
        with those of the stack, each with the next of its kind.

    Returns
    -------
    int
        How many layers were given weights.

    Raises
    ------
    ModelError
        If there is no layer of the same kind and shape.
    """
    held = list(_layers(model))
    n_taken = 0
    for layer in network.layers:
        kind = type(layer).__name__
        place = next((i for i, (name, _) in enumerate(held) if name == kind), None)
        if place is None:
            continue
        _, weights = held.pop(place)
        if [one.shape for one in weights] == [one.shape for one in layer.get_weights()]:
            layer.set_weights(weights)
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()
            n_taken += 1
    if not n_taken:
        raise ModelError(
            f"no layer of {model.card.name} has the kind and shape of one of {network.name}: it "
            "cannot start from there"
        )
    return n_taken


def _layers(model: Model) -> Iterator[tuple[str, list[Array]]]:
    """Yield the kind and the weights, in Keras' order, of each layer that has some."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_from_string(model.weights).graph
    values = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    nodes = list(graph.node)
    for node, after in zip(nodes, [*nodes[1:], None], strict=True):
        own = [values[name] for name in node.input if name in values]
        if node.op_type == "Conv":
            yield "Conv1D", [own[0].transpose(2, 1, 0), *own[1:]]
        elif node.op_type == "LSTM":
            units = own[1].shape[2]
            order = np.concatenate([np.arange(units) + gate * units for gate in GATES["LSTM"]])
            back = np.argsort(order)
            kernel, recurrent, both = (one[0] for one in own)
            yield "LSTM", [kernel[back].T, recurrent[back].T, both[: 4 * units][back]]
        elif node.op_type == "Sub" and after is not None and after.op_type == "Div":
            deviation = next(values[name] for name in after.input if name in values)
            yield "Normalization", [own[0], deviation**2, np.array(0)]
        elif node.op_type in ("MatMul", "Mul") and own and own[0].ndim == 2:
            bias = [values[name] for name in after.input if name in values] if after else []
            yield "Dense", [own[0], *bias[:1]]
