"""Stacks of layers as ONNX: one function a layer, from a layer's settings and weights to operators.

Keras' own exporter needs TensorFlow beside the JAX backend, and jax2onnx a dozen packages (Flax,
Equinox, Orbax, …) while it turns a recurrent layer into a loop. A stack of known layers is a chain
of known operators; a recurrent layer is one. Written from settings and weights alone, so that a
stack trained here (`caml.train.export`) and one read from a file of Keras 2 (`caml.models.keras2`)
go the same way, the latter without any training framework.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caml.errors import ModelError
from caml.models._graph import Array, Graph, Shape, UnknownSettingError
from caml.models._layers import LAYERS

__all__ = ["Layer", "layer_text", "to_onnx"]

OPSET = 17
IR_VERSION = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a stack.

    Parameters
    ----------
    kind : str
        The class of Keras it is of: ``"Dense"``, ``"LSTM"``, ….
    name : str
        Its own name, for messages.
    config : mapping
        Its settings, with Keras' names; activations by their names.
    weights : tuple of ndarray
        Its weights, in Keras' order.
    within : tuple of Layer, default ()
        Of a ``Bidirectional``, the layers forwards and backwards.
    """

    kind: str
    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[Array, ...] = ()
    within: tuple[Layer, ...] = ()


def layer_text(layer: Layer) -> str:
    """Describe a layer as a person would: ``Dense 32 relu``.

    Parameters
    ----------
    layer : Layer
        The layer.

    Returns
    -------
    str
        Its kind and what matters of its settings.

    Examples
    --------
    >>> layer_text(Layer(kind="Dense", name="d", config={"units": 32, "activation": "relu"}))
    'Dense 32 relu'
    """
    keys = ("target_shape", "filters", "units", "kernel_size", "pool_size", "rate", "activation")
    found = [layer.config[key] for key in keys if layer.config.get(key) not in (None, "linear")]
    # A width of one axis is a number.
    values = [one[0] if isinstance(one, (list, tuple)) and len(one) == 1 else one for one in found]
    inside = [f"({layer_text(layer.within[0])})"] if layer.within else []
    return " ".join([layer.kind, *map(str, values), *inside])


def to_onnx(name: str, layers: Sequence[Layer], stack_shape: Shape) -> bytes:
    """Write a stack of layers as ONNX.

    Parameters
    ----------
    name : str
        Of the network.
    layers : sequence of Layer
        From input to output.
    stack_shape : tuple of int
        What the first layer takes of each localization: (k,), (k, 1) or (k, n_dimensions).

    Returns
    -------
    bytes
        The model; input ``features`` of shape (n, k) or (n, k, n_dimensions), output ``score`` of
        shape (n, n_labels), float32, any number of rows.

    Raises
    ------
    ModelError
        If a layer, or one of its settings, is not known here.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = Graph(stack_shape)
    # One value of each neighbour is given as (n, k), however the stack counts its axes.
    shape = stack_shape[:-1] if len(stack_shape) == 2 and stack_shape[1] == 1 else stack_shape
    if shape != stack_shape:
        graph.add("Reshape", np.array([-1, *stack_shape], dtype=np.int64))
    for layer in layers:
        writer = LAYERS.get(layer.kind)
        if writer is None:
            raise ModelError(
                f"layer {layer.name!r} is a {layer.kind}, which cannot be written as ONNX; known: "
                + ", ".join(sorted(LAYERS))
            )
        try:
            writer(graph, layer)
        except UnknownSettingError as error:
            raise ModelError(f"layer {layer.name!r} ({layer.kind}): {error}") from error
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ModelError(
                f"layer {layer.name!r} ({layer.kind}): its settings or weights do not fit together "
                f"({error!r})"
            ) from error
    graph.arrange(range(len(graph.shape) + 1))
    if not graph.nodes:
        raise ModelError("a stack without layers is no network")
    graph.nodes[-1].output[0] = "score"
    floats = TensorProto.FLOAT
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [helper.make_tensor_value_info("features", floats, ["n", *shape])],
            [helper.make_tensor_value_info("score", floats, ["n", *graph.shape])],
            graph.weights,
        ),
        producer_name="caml",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # ONNX raises its own, unrelated classes
        raise ModelError(f"the layers of {name} do not fit together: {error}") from error
    return bytes(model.SerializeToString())
