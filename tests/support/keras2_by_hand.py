"""Networks as Keras 2 saved them: a forward pass in NumPy, and files written by hand."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from caml.models import Model
from caml.models.imported import import_keras2

Array = npt.NDArray[Any]


@dataclass
class Old:
    """A layer as Keras 2 has it; its weights in Keras' order, with the names they have in files."""

    kind: str
    config: dict[str, Any]
    weights: dict[str, Array] = field(default_factory=dict)

    @property
    def name(self) -> str:
        name: str = self.config["name"]
        return name


# The forward pass, from the definitions of the layers, one value or step at a time.

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
}


def windows(n: int, width: int, stride: int, dilation: int, padding: str) -> list[list[int]]:
    """Return what each window sees: steps, those outside of 0…n−1 included."""
    extent = (width - 1) * dilation + 1
    if padding == "valid":
        starts = range(0, n - extent + 1, stride)
    else:
        n_windows = -(-n // stride)
        missing = max((n_windows - 1) * stride + extent - n, 0)
        starts = range(-(missing // 2), -(missing // 2) + n_windows * stride, stride)
    return [[start + tap * dilation for tap in range(width)] for start in starts]


def convolve(x: Array, config: dict[str, Any], kernel: Array, bias: Array | float = 0) -> Array:
    n = x.shape[1]
    found = [
        sum(x[:, step] @ kernel[tap] for tap, step in enumerate(seen) if 0 <= step < n) + bias
        for seen in windows(
            n, len(kernel), config["strides"][0], config["dilation_rate"][0], config["padding"]
        )
    ]
    return np.stack(found, axis=1)


def pool(x: Array, config: dict[str, Any], merge: Callable[..., Array]) -> Array:
    n = x.shape[1]
    every = windows(n, config["pool_size"][0], config["strides"][0], 1, config["padding"])
    # Steps outside are left out, not nought.
    return np.stack([merge(x[:, [s for s in seen if 0 <= s < n]], axis=1) for seen in every], 1)


def recur(kind: str, x: Array, config: dict[str, Any], weights: Sequence[Array]) -> Array:
    kernel, recurrent, *rest = weights
    units = len(recurrent)
    gate, activation = (ACTIVATIONS[config[f"{a}activation"]] for a in ("recurrent_", ""))
    steps = x[:, ::-1] if config["go_backwards"] else x
    state = cell = np.zeros((len(x), units))
    outputs = []
    for step in np.moveaxis(steps, 1, 0):
        given = step @ kernel + (rest[0] if rest else 0)
        if kind == "LSTM":
            i, f, c, o = np.split(given + state @ recurrent, 4, axis=1)
            cell = gate(f) * cell + gate(i) * activation(c)
            state = gate(o) * activation(cell)
        else:
            z, r, h = np.split(given, 3, axis=1)
            of_z, of_r, of_h = np.split(recurrent, 3, axis=1)
            z, r = gate(z + state @ of_z), gate(r + state @ of_r)
            state = z * state + (1 - z) * activation(h + (r * state) @ of_h)
        outputs.append(state)
    return np.stack(outputs, axis=1) if config["return_sequences"] else state


def go_both_ways(x: Array, config: dict[str, Any], weights: list[Array]) -> Array:
    kind, inner = config["layer"]["class_name"], config["layer"]["config"]
    half = len(weights) // 2
    there = recur(kind, x, inner, weights[:half])
    back = recur(kind, x, {**inner, "go_backwards": True}, weights[half:])
    return np.concatenate((there, back[:, ::-1] if inner["return_sequences"] else back), axis=-1)


def run_layer(layer: Old, x: Array) -> Array:
    config, weights = layer.config, [one.astype(np.float64) for one in layer.weights.values()]
    match layer.kind:
        case "Dense":
            kernel, *bias = weights
            x = x @ kernel + (bias[0] if bias else 0)
        case "Conv1D":
            x = convolve(x, config, *weights)
        case "MaxPooling1D":
            return pool(x, config, np.max)
        case "AveragePooling1D":
            return pool(x, config, np.mean)
        case "LSTM" | "GRU":
            return recur(layer.kind, x, config, weights)
        case "Bidirectional":
            return go_both_ways(x, config, weights)
        case "TimeDistributed":
            inner = config["layer"]
            return run_layer(Old(inner["class_name"], inner["config"], layer.weights), x)
        case "BatchNormalization":
            gamma, beta, mean, variance = weights
            x = gamma * (x - mean) / np.sqrt(variance + config["epsilon"]) + beta
        case "LeakyReLU":
            return np.where(x > 0, x, config["alpha"] * x)
        case "Flatten":
            return x.reshape(len(x), -1)
        case "Reshape":
            return x.reshape(len(x), *config["target_shape"])
        case "Dropout" | "InputLayer":
            return x
        case _:
            assert layer.kind == "Activation"
    return ACTIVATIONS[config.get("activation", "linear")](x)


def run_stack(layers: Sequence[Old], features: Array) -> Array:
    x = features.astype(np.float64)
    for layer in layers:
        x = run_layer(layer, x)
    return x[:, 0] if x.shape[1] == 1 else x


# Layers with Keras 2's settings and weights by chance.

WINDOW = {"strides": [1], "padding": "valid"}
RECURRENT = {
    "activation": "tanh", "recurrent_activation": "hard_sigmoid", "use_bias": True,
    "return_sequences": False, "go_backwards": False, "stateful": False, "return_state": False,
}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {
    "Dense": {"activation": "linear", "use_bias": True},
    "Conv1D": {**WINDOW, "activation": "relu", "use_bias": True, "dilation_rate": [1]},
    "MaxPooling1D": WINDOW,
    "AveragePooling1D": WINDOW,
    "LSTM": RECURRENT,
    "GRU": RECURRENT,
    "BatchNormalization": {"axis": -1, "epsilon": 0.01, "center": True, "scale": True},
}


def shapes(kind: str, config: dict[str, Any], width: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a layer's weights where so many channels come."""
    found: dict[str, tuple[int, ...]] = {}
    if kind == "Dense":
        found = {"kernel": (width, config["units"]), "bias": (config["units"],)}
    elif kind == "Conv1D":
        filters = config["filters"]
        found = {"kernel": (*config["kernel_size"], width, filters), "bias": (filters,)}
    elif kind in ("LSTM", "GRU"):
        units, gates = config["units"], config["units"] * {"LSTM": 4, "GRU": 3}[kind]
        found = {"kernel": (width, gates), "recurrent_kernel": (units, gates), "bias": (gates,)}
    elif kind == "BatchNormalization":
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        return dict.fromkeys(names, (width,))
    elif kind in ("Bidirectional", "TimeDistributed"):
        inside = config["layer"]
        each = shapes(inside["class_name"], inside["config"], width)
        if kind == "TimeDistributed":
            return each
        return {f"{way}/{k}": v for way in ("forward", "backward") for k, v in each.items()}
    if not config.get("use_bias", True):
        del found["bias"]
    return found


def built(shape: tuple[int, ...], *wanted: tuple[str, dict[str, Any]], seed: int = 0) -> list[Old]:
    """Stack layers, each as wide as what comes from the one before."""
    generator = np.random.default_rng(seed)
    x = np.zeros((1, *shape))
    layers = []
    for number, (kind, settings) in enumerate(wanted):
        config = {"name": f"{kind.lower()}_{number}", "trainable": True, **SETTINGS.get(kind, {})}
        config |= settings
        if number == 0:
            config["batch_input_shape"] = [None, *shape]
        weights = {
            # Variances are positive.
            name: np.abs(values) + 0.1 if name == "moving_variance" else values
            for name, size in shapes(kind, config, x.shape[-1]).items()
            for values in [generator.normal(0, 0.5, size).astype(np.float32)]
        }
        layers.append(Old(kind, config, weights))
        x = run_layer(layers[-1], x)
    return layers


def both_ways(kind: str, **settings: Any) -> tuple[str, dict[str, Any]]:
    inner = {"name": f"{kind.lower()}_0", **RECURRENT, **settings}
    return "Bidirectional", {
        "merge_mode": "concat",
        "layer": {"class_name": kind, "config": inner},
    }


# Files, laid out as those of the authors are.


def model_config(layers: Sequence[Old], *, listed: bool = True) -> str:
    entries = [{"class_name": layer.kind, "config": layer.config} for layer in layers]
    config = entries if listed else {"name": "sequential_1", "layers": entries}
    return json.dumps({"class_name": "Sequential", "config": config})


def write(
    path: Path,
    layers: Sequence[Old],
    *,
    config: str | None = None,
    version: str = "2.1.1",
    text: Callable[[str], Any] = str,
    names: Any = "S",
    n_parts: int = 1,
) -> Path:
    """Write what ``model.save`` of Keras 2 writes; `text` and `names` say which kinds of text."""

    def put(attributes: Any, key: str, values: list[str]) -> None:
        # NumPy makes an empty list one of numbers, and so did Keras.
        attributes[key] = np.array(values, dtype=names) if values else np.array([])

    with h5py.File(path, "w") as file:
        file.attrs["backend"] = text("tensorflow")
        file.attrs["keras_version"] = text(version)
        file.attrs["model_config"] = text(config or model_config(layers))
        group = file.create_group("model_weights")
        for part, some in enumerate(np.array_split(np.arange(len(layers)), n_parts)):
            key = "layer_names" if n_parts == 1 else f"layer_names{part}"
            put(group.attrs, key, [layers[one].name for one in some])
        for layer in layers:
            inside = group.create_group(layer.name)
            each = {f"{layer.name}/{key}:0": value for key, value in layer.weights.items()}
            put(inside.attrs, "weight_names", list(each))
            for key, value in each.items():
                inside[key] = value
    return path


# What is imported scores as it did.

END: tuple[str, dict[str, Any]] = ("Dense", {"units": 1, "activation": "sigmoid"})
FLAT: tuple[str, dict[str, Any]] = ("Flatten", {})
CONV: tuple[str, dict[str, Any]] = ("Conv1D", {"filters": 4, "kernel_size": [3]})
Wanted = list[tuple[str, dict[str, Any]]]


def drop(rate: float) -> tuple[str, dict[str, Any]]:
    return "Dropout", {"rate": rate}


def small(*before: tuple[str, dict[str, Any]], shape: tuple[int, ...] = (20, 1)) -> list[Old]:
    return built(shape, *before, FLAT, END)


def inputs(shape: tuple[int, ...], n: int = 60) -> npt.NDArray[np.float32]:
    features = np.random.default_rng(5).random((n, *shape), dtype=np.float32)
    features[0], features[1] = 0, 1
    return features


def as_given(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Take one value of each neighbour as a network of this package takes it, (n, k)."""
    return features[..., 0] if features.shape[2:] == (1,) else features


def check(path: Path, layers: Sequence[Old], shape: tuple[int, ...]) -> Model:
    features = inputs(shape)
    expected = run_stack(layers, features)
    # Where all scores were the same, anything would be right.
    assert expected.std(axis=0).min() > 3e-4
    model = import_keras2(path)
    np.testing.assert_allclose(model.predict(as_given(features)), expected, rtol=0, atol=1e-5)
    return model
