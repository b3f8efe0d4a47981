"""An ONNX graph as it grows, one operator after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "ACTIVATIONS",
    "HARD_SIGMOIDS",
    "Array",
    "Graph",
    "Shape",
    "UnknownSettingError",
    "check_last",
    "expect_weights",
    "one_width",
    "single",
    "steps_of",
]

Shape = tuple[int, ...]
Array = npt.NDArray[Any]

# How far apart the two lines called hard sigmoid rise: Keras 2 has 0.2·x + 0.5, Keras 3 x/6 + 0.5.
HARD_SIGMOIDS = {"hard_sigmoid": 1 / 6, "hard_sigmoid_keras2": 0.2}

ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "elu": ("Elu", {}),
    "exponential": ("Exp", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
    "relu": ("Relu", {}),
    "selu": ("Selu", {}),
    "sigmoid": ("Sigmoid", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "tanh": ("Tanh", {}),
    **{
        name: ("HardSigmoid", {"alpha": slope, "beta": 0.5})
        for name, slope in HARD_SIGMOIDS.items()
    },
}


class UnknownSettingError(Exception):
    """A setting that cannot be written."""


class Graph:
    """The ONNX graph as it grows: nodes, weights, the newest value and its shape.

    Keras counts axes (n, steps, channels); convolution wants (n, channels, steps) and recurrence
    (steps, n, channels). `axes` says in which order the newest value has them, and `arrange` puts
    them into another one, so that nothing is turned that the next operator turns back.
    """

    def __init__(self, shape: Shape) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.newest = "features"
        self.shape = shape
        self.axes = tuple(range(len(shape) + 1))

    def constant(self, values: Array) -> str:
        """Keep an array in the network and return its name."""
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, operator: str, *operands: Array, output: int = 0, **attributes: Any) -> None:
        """Apply an operator to the newest value and constant operands; keep one of its outputs."""
        from onnx import helper

        names = [self.constant(operand) for operand in operands]
        outputs = [""] * output + [f"v{len(self.nodes)}"]
        self.nodes.append(helper.make_node(operator, [self.newest, *names], outputs, **attributes))
        self.newest = outputs[-1]

    def arrange(self, axes: Sequence[int]) -> None:
        """Bring the axes of the newest value into an order."""
        axes = tuple(axes)
        if axes != self.axes:
            self.add("Transpose", perm=[self.axes.index(axis) for axis in axes])
            self.axes = axes

    def reshape(self, shape: Shape) -> None:
        """Give the newest value another shape."""
        self.arrange(range(len(self.shape) + 1))
        if prod(shape) != prod(self.shape):
            raise UnknownSettingError(f"{self.shape} cannot take the shape {shape}")
        self.add("Reshape", np.array([-1, *shape], dtype=np.int64))
        self.shape = shape
        self.axes = tuple(range(len(shape) + 1))

    def activate(self, name: str) -> None:
        """Apply an activation."""
        if name == "linear":
            return
        if name not in ACTIVATIONS:
            raise UnknownSettingError(
                f"activation {name!r} cannot be written as ONNX; known: linear, "
                + ", ".join(sorted(ACTIVATIONS))
            )
        operator, attributes = ACTIVATIONS[name]
        if operator == "Softmax":
            self.arrange(range(len(self.shape) + 1))
        self.add(operator, **attributes)


def single(values: Array) -> npt.NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)


def steps_of(graph: Graph) -> tuple[int, int]:
    """Return the steps and channels of the newest value."""
    if len(graph.shape) != 2:
        raise UnknownSettingError(
            f"it looks along steps of shape (steps, channels), and what comes is {graph.shape}"
        )
    return graph.shape[0], graph.shape[1]


def one_width(value: Any) -> int:
    """Return a width along the only axis, given as 3, [3] or (3,)."""
    return int(value[0] if isinstance(value, Sequence) else value)


def check_last(config: Mapping[str, Any]) -> None:
    if config.get("data_format", "channels_last") != "channels_last":
        raise UnknownSettingError("data_format must be channels_last")


def expect_weights(weights: Sequence[Array], *shapes: Shape) -> None:
    """Refuse weights that do not fit: what ONNX Runtime would stretch, or fail with later."""
    found = [tuple(one.shape) for one in weights]
    if found != list(shapes):
        raise UnknownSettingError(
            f"its weights have the shapes {found}, and what comes needs {list(shapes)}"
        )
