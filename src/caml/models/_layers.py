"""The layers that can be written as ONNX: one function a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from caml.models._graph import (
    Graph,
    Shape,
    UnknownSettingError,
    check_last,
    expect_weights,
    one_width,
    single,
    steps_of,
)
from caml.models._recurrent import bidirectional, recurrent

if TYPE_CHECKING:
    from caml.models.stack import Layer

__all__ = ["LAYERS"]


def _dense(graph: Graph, layer: Layer) -> None:
    graph.arrange(range(len(graph.shape) + 1))
    width, units = graph.shape[-1], int(layer.config["units"])
    expect_weights(layer.weights, (width, units), *_bias(layer, units))
    kernel, *bias = map(single, layer.weights)
    # A dense layer on a single value is a product, not a matrix product.
    graph.add("Mul" if kernel.shape[0] == 1 else "MatMul", kernel)
    if bias:
        graph.add("Add", bias[0])
    graph.shape = (*graph.shape[:-1], kernel.shape[1])
    graph.activate(layer.config.get("activation", "linear"))


def _bias(layer: Layer, units: int) -> tuple[Shape, ...]:
    return ((units,),) if layer.config.get("use_bias", True) else ()


def _convolution(graph: Graph, layer: Layer) -> None:
    steps, channels = steps_of(graph)
    config = layer.config
    check_last(config)
    width, filters = one_width(config["kernel_size"]), int(config["filters"])
    groups = int(config.get("groups", 1))
    expect_weights(
        layer.weights, (width, channels // max(groups, 1), filters), *_bias(layer, filters)
    )
    kernel, *bias = map(single, layer.weights)
    graph.arrange((0, 2, 1))
    stride = one_width(config.get("strides", 1))
    dilation = one_width(config.get("dilation_rate", 1))
    extent = dilation * (width - 1) + 1
    padding = config.get("padding", "valid")
    if padding == "valid":
        pads = [0, 0]
    elif padding == "same":
        missing = max((-(-steps // stride) - 1) * stride + extent - steps, 0)
        pads = [missing // 2, missing - missing // 2]
    elif padding == "causal":
        pads = [extent - 1, 0]
    else:
        raise UnknownSettingError(f"padding {padding!r} is not known")
    graph.add(
        "Conv",
        kernel.transpose(2, 1, 0),
        *bias[:1],
        kernel_shape=[width],
        strides=[stride],
        dilations=[dilation],
        pads=pads,
        group=groups,
    )
    graph.shape = ((steps + sum(pads) - extent) // stride + 1, kernel.shape[2])
    if graph.shape[0] < 1:
        raise UnknownSettingError(f"a kernel of {extent} is wider than the {steps} steps")
    graph.activate(config.get("activation", "linear"))


def _pooling(operator: str) -> Callable[[Graph, Layer], None]:
    def pool(graph: Graph, layer: Layer) -> None:
        steps, channels = steps_of(graph)
        config = layer.config
        check_last(config)
        width = one_width(config.get("pool_size", 2))
        stride = one_width(config.get("strides") or width)
        padding = config.get("padding", "valid")
        graph.arrange((0, 2, 1))
        if padding == "same":
            after = -(-steps // stride)
            missing = max((after - 1) * stride + width - steps, 0)
            pads = [missing // 2, missing - missing // 2]
        else:
            after = (steps - width) // stride + 1
            pads = [0, 0]
        if after < 1:
            raise UnknownSettingError(f"it pools {width} and only {steps} steps come")
        graph.add(operator, kernel_shape=[width], strides=[stride], pads=pads)
        graph.shape = (after, channels)

    return pool


def _global_pooling(operator: str) -> Callable[[Graph, Layer], None]:
    def pool(graph: Graph, layer: Layer) -> None:
        _, channels = steps_of(graph)
        check_last(layer.config)
        graph.arrange((0, 1, 2))
        keep = bool(layer.config.get("keepdims", False))
        graph.add(operator, axes=[1], keepdims=int(keep))
        graph.shape = (1, channels) if keep else (channels,)
        graph.axes = tuple(range(len(graph.shape) + 1))

    return pool


def _normalization(graph: Graph, layer: Layer) -> None:
    """Write a batch normalization as it acts after training: a factor and a shift."""
    axis = layer.config.get("axis", -1)
    axis = one_width(axis)
    graph.arrange(range(len(graph.shape) + 1))
    if axis not in (-1, len(graph.shape)):
        raise UnknownSettingError("it must act on the last axis")
    scaled, centred = layer.config.get("scale", True), layer.config.get("center", True)
    expect_weights(layer.weights, *[(graph.shape[-1],)] * (2 + bool(scaled) + bool(centred)))
    parts = list(map(single, layer.weights))
    if (parts[-1] < 0).any():
        raise UnknownSettingError("a variance is negative")
    scale = parts.pop(0) if layer.config.get("scale", True) else np.float32(1)
    centre = parts.pop(0) if layer.config.get("center", True) else np.float32(0)
    mean, variance = parts
    factor = scale / np.sqrt(variance + np.float32(layer.config.get("epsilon", 1e-3)))
    graph.add("Mul", factor)
    graph.add("Add", centre - mean * factor)


def _layer_normalization(graph: Graph, layer: Layer) -> None:
    graph.arrange(range(len(graph.shape) + 1))
    if one_width(layer.config.get("axis", -1)) not in (-1, len(graph.shape)):
        raise UnknownSettingError("it must act on the last axis")
    width = graph.shape[-1]
    scaled, centred = layer.config.get("scale", True), layer.config.get("center", True)
    expect_weights(layer.weights, *[(width,)] * (bool(scaled) + bool(centred)))
    parts = list(map(single, layer.weights))
    scale = parts.pop(0) if layer.config.get("scale", True) else np.ones(width, dtype=np.float32)
    shift = parts.pop(0) if layer.config.get("center", True) else np.zeros(width, dtype=np.float32)
    epsilon = float(layer.config.get("epsilon", 1e-3))
    graph.add("LayerNormalization", scale, shift, axis=-1, epsilon=epsilon)


def _standardization(graph: Graph, layer: Layer) -> None:
    """Write a normalization by the mean and variance of what was trained on."""
    graph.arrange(range(len(graph.shape) + 1))
    if layer.config.get("invert"):
        raise UnknownSettingError("invert cannot be written as ONNX")
    # Given with its settings, or found in the data: then a count follows.
    mean, variance = (
        layer.weights[:2] or (layer.config["mean"], layer.config["variance"])
    )  # fmt: skip
    deviation = np.maximum(np.sqrt(single(variance)), np.float32(1e-7))
    axes = layer.config.get("axis", -1)
    if axes is not None and one_width(axes) not in (-1, len(graph.shape)):
        raise UnknownSettingError("it must act on the last axis")
    graph.add("Sub", single(mean))
    graph.add("Div", deviation)


def _flatten(graph: Graph, layer: Layer) -> None:
    check_last(layer.config)
    graph.reshape((prod(graph.shape),))


def _reshape(graph: Graph, layer: Layer) -> None:
    shape = [int(size) for size in layer.config["target_shape"]]
    if -1 in shape:
        known = -prod(shape)
        shape[shape.index(-1)] = prod(graph.shape) // max(known, 1)
    graph.reshape(tuple(shape))


def _permute(graph: Graph, layer: Layer) -> None:
    order = [0, *(int(axis) for axis in layer.config["dims"])]
    graph.arrange(range(len(graph.shape) + 1))
    graph.add("Transpose", perm=order)
    graph.shape = tuple(graph.shape[axis - 1] for axis in order[1:])


def _pad(graph: Graph, layer: Layer) -> None:
    steps, channels = steps_of(graph)
    padding = layer.config.get("padding", 1)
    before, after = padding if isinstance(padding, Sequence) else (padding, padding)
    graph.arrange((0, 1, 2))
    graph.add("Pad", np.array([0, before, 0, 0, after, 0], dtype=np.int64))
    graph.shape = (steps + before + after, channels)


def _rescale(graph: Graph, layer: Layer) -> None:
    graph.add("Mul", single(layer.config["scale"]))
    graph.add("Add", single(layer.config.get("offset", 0.0)))


def _activation(graph: Graph, layer: Layer) -> None:
    graph.activate(layer.config["activation"])


def _relu(graph: Graph, layer: Layer) -> None:
    config = layer.config
    if config.get("negative_slope") or config.get("threshold") or config.get("max_value"):
        raise UnknownSettingError("only the plain rectifier is known")
    graph.activate("relu")


def _leaky_relu(graph: Graph, layer: Layer) -> None:
    # Keras 2 calls it alpha.
    slope = layer.config.get("negative_slope", layer.config.get("alpha", 0.3))
    if isinstance(slope, Mapping):
        # As the first versions of Keras 2 wrote a number.
        slope = slope["value"]
    graph.add("LeakyRelu", alpha=float(slope))


def _elu(graph: Graph, layer: Layer) -> None:
    graph.add("Elu", alpha=float(layer.config.get("alpha", 1.0)))


def _softmax(graph: Graph, layer: Layer) -> None:
    if one_width(layer.config.get("axis", -1)) not in (-1, len(graph.shape)):
        raise UnknownSettingError("it must act on the last axis")
    graph.activate("softmax")


def _nothing(graph: Graph, layer: Layer) -> None:
    """Write a layer that only acts in training."""


LAYERS: dict[str, Callable[[Graph, Layer], None]] = {
    "Activation": _activation,
    "AlphaDropout": _nothing,
    "AveragePooling1D": _pooling("AveragePool"),
    "BatchNormalization": _normalization,
    "Bidirectional": bidirectional,
    "Conv1D": _convolution,
    "Dense": _dense,
    "Dropout": _nothing,
    "ELU": _elu,
    "Flatten": _flatten,
    "GRU": recurrent,
    "GaussianDropout": _nothing,
    "GaussianNoise": _nothing,
    "GlobalAveragePooling1D": _global_pooling("ReduceMean"),
    "GlobalMaxPooling1D": _global_pooling("ReduceMax"),
    "InputLayer": _nothing,
    "LSTM": recurrent,
    "LayerNormalization": _layer_normalization,
    "LeakyReLU": _leaky_relu,
    "MaxPooling1D": _pooling("MaxPool"),
    "Normalization": _standardization,
    "Permute": _permute,
    "ReLU": _relu,
    "Rescaling": _rescale,
    "Reshape": _reshape,
    "SimpleRNN": recurrent,
    "Softmax": _softmax,
    "SpatialDropout1D": _nothing,
    "ZeroPadding1D": _pad,
}
