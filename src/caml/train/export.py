"""From a Keras stack to ONNX, layer by layer.

Keras' own exporter needs TensorFlow beside the JAX backend, and jax2onnx a dozen packages
(Flax, Equinox, Orbax, …) while it unrolls recurrent layers into loops. A stack of a few known
layers is a few known operators, written here one function each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from caml.errors import ModelError

__all__ = ["to_onnx"]

OPSET = 17
IR_VERSION = 8

ACTIVATIONS = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}


class _Graph:
    """The ONNX graph as it grows: nodes, weights, and the name of the newest value."""

    def __init__(self, name: str) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.newest = name

    def add(self, operator: str, *operands: npt.NDArray[Any], **attributes: Any) -> None:
        """Apply an operator to the newest value and constant operands."""
        names = []
        for operand in operands:
            names.append(f"w{len(self.weights)}")
            self.weights.append(numpy_helper.from_array(operand, names[-1]))
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [self.newest, *names], [output], **attributes))
        self.newest = output


def to_onnx(network: keras.Sequential) -> bytes:
    """Write a stack of Keras layers as ONNX.

    Parameters
    ----------
    network : keras.Sequential
        A built stack whose input has shape (n_localizations, k).

    Returns
    -------
    bytes
        The model; input ``features`` and output ``score``, float32, any number of rows.

    Raises
    ------
    ModelError
        If a layer or activation is not known here.
    """
    graph = _Graph("features")
    for layer in network.layers:
        writer = LAYERS.get(type(layer).__name__)
        if writer is None:
            raise ModelError(
                f"layer {type(layer).__name__} cannot be written as ONNX yet; known: "
                + ", ".join(LAYERS)
            )
        writer(graph, layer)
    graph.nodes[-1].output[0] = "score"
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            network.name,
            [
                helper.make_tensor_value_info(
                    "features", TensorProto.FLOAT, ["n", *network.input_shape[1:]]
                )
            ],
            [
                helper.make_tensor_value_info(
                    "score", TensorProto.FLOAT, ["n", *network.output_shape[1:]]
                )
            ],
            graph.weights,
        ),
        producer_name="caml",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _dense(graph: _Graph, layer: keras.layers.Dense) -> None:
    kernel, *bias = (np.asarray(w, dtype=np.float32) for w in layer.get_weights())
    # A dense layer on a single value is a product, not a matrix product.
    graph.add("Mul" if kernel.shape[0] == 1 else "MatMul", kernel)
    if bias:
        graph.add("Add", bias[0])
    _activation(graph, layer.activation.__name__)


def _reshape(graph: _Graph, layer: keras.layers.Layer) -> None:
    shape = [-1, *layer.compute_output_shape(layer.input.shape)[1:]]
    graph.add("Reshape", np.asarray(shape, dtype=np.int64))


def _activation(graph: _Graph, name: str) -> None:
    if name == "softmax":
        graph.add("Softmax", axis=-1)
    elif name in ACTIVATIONS:
        graph.add(ACTIVATIONS[name])
    elif name != "linear":
        raise ModelError(f"activation {name!r} cannot be written as ONNX yet")


def _nothing(graph: _Graph, layer: keras.layers.Layer) -> None:
    """Write a layer that only acts in training."""


LAYERS: dict[str, Callable[[_Graph, Any], None]] = {
    "Dense": _dense,
    "Dropout": _nothing,
    "Flatten": _reshape,
    "Reshape": _reshape,
}
