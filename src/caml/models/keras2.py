"""The original networks of CAML: stacks that Keras 2 saved as HDF5, read without Keras.

Nothing in such a file is executed: its settings are JSON, its weights are arrays of numbers, and
layers that are not known are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from caml.errors import MissingFileError, ModelError
from caml.models.stack import Layer

__all__ = ["KerasStack", "read_keras2"]

# The largest of the paper has 80,833.
MOST_PARAMETERS = 20_000_000
MOST_NEIGHBOURS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class KerasStack:
    """A stack of layers as a file held it.

    Parameters
    ----------
    layers : tuple of Layer
        From input to output.
    input_shape : tuple of int
        What it takes of each localization.
    n_outputs : int
        How many scores it gives: 1, or one per label.
    version : str
        Of the Keras that wrote it.
    """

    layers: tuple[Layer, ...]
    input_shape: tuple[int, ...]
    n_outputs: int
    version: str

    @property
    def n_parameters(self) -> int:
        """How many weights and biases it has."""
        parts = [layer.weights for layer in self.layers]
        parts += [inner.weights for layer in self.layers for inner in layer.within]
        return sum(array.size for weights in parts for array in weights)


def read_keras2(path: Path) -> KerasStack:
    """Read a stack of layers from an HDF5 file that Keras 2 saved.

    Parameters
    ----------
    path : Path
        What ``model.save`` wrote: the settings of the layers and their weights.

    Returns
    -------
    KerasStack
        Its layers.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelError
        If it is truncated, no such file, or holds anything but a stack of known layers.

    Notes
    -----
    The hard sigmoid of Keras 2, ``clip(0.2·x + 0.5, 0, 1)``, is kept as such: that of Keras 3 is
    another one. Two outputs under a softmax are one under a sigmoid: the difference of their
    weights.
    """
    import h5py

    if not path.is_file():
        raise MissingFileError(f"{path}: no such file")
    try:
        with h5py.File(path, "r") as file:
            return _read(file, path)
    except (OSError, RuntimeError) as error:
        if isinstance(error, RecursionError):
            raise ModelError(f"{path}: its settings are nested too deeply") from error
        raise ModelError(
            f"{path}: expected a network that Keras 2 saved as HDF5 (.h5); the file is truncated "
            f"or of another kind ({error})"
        ) from error
    except (
        ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError
    ) as error:  # fmt: skip
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            f"{path}: its settings or weights are not as Keras 2 writes them ({error!r})"
        ) from error


def _read(file: Any, path: Path) -> KerasStack:
    if "model_config" not in file.attrs:
        what = (
            "it holds weights alone: save the whole network, with model.save(), not save_weights()"
            if "layer_names" in file.attrs
            else "no attribute model_config"
        )
        raise ModelError(f"{path}: not a network that Keras 2 saved ({what})")
    version = _text(file.attrs.get("keras_version", "unknown"))
    if not version.startswith(("2.", "unknown")):
        raise ModelError(
            f"{path}: saved by Keras {version}; only files of Keras 2 can be imported: train the "
            "stack again with caml train, which exports what it trains"
        )
    model = json.loads(_text(file.attrs["model_config"]))
    if model["class_name"] != "Sequential":
        raise ModelError(
            f"{path}: a {model['class_name']!r} network; only stacks of layers (Sequential) can be "
            "imported"
        )
    # A list in the first versions of Keras 2, later a mapping that holds the list.
    config = model["config"]
    entries = config["layers"] if isinstance(config, Mapping) else config
    weights = _weights(file.get("model_weights", file), file.filename, path)
    layers = tuple(_layer(entry, weights) for entry in entries)
    shape = _input_shape(entries, path)
    layers = _one_output(_ending(layers))
    last = layers[-1] if layers else None
    scores = last.config.get("activation") if last is not None and last.kind == "Dense" else None
    if last is None or scores not in ("sigmoid", "softmax"):
        raise ModelError(
            f"{path}: a network of CAML ends with a Dense layer under a sigmoid or a softmax; this "
            "one does not"
        )
    n_outputs = int(last.config["units"])
    if (n_outputs == 1) != (scores == "sigmoid"):
        raise ModelError(f"{path}: {n_outputs} outputs under a {scores} are no scores of labels")
    return KerasStack(layers, shape, n_outputs, version)


def _ending(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Leave out what only acts in training at the end, and take an activation into its layer."""
    kept = list(layers)
    while kept and kept[-1].kind in ("Dropout", "GaussianNoise", "GaussianDropout"):
        kept.pop()
    if (
        len(kept) > 1
        and kept[-1].kind == "Activation"
        and kept[-2].kind == "Dense"
        and kept[-2].config.get("activation", "linear") == "linear"
    ):
        activation = kept.pop().config["activation"]
        kept[-1] = replace(kept[-1], config={**kept[-1].config, "activation": activation})
    return tuple(kept)


def _layer(entry: Mapping[str, Any], weights: Mapping[str, tuple[Any, ...]]) -> Layer:
    config = dict(entry["config"])
    name = config["name"]
    own = weights.get(name, ())
    if entry["class_name"] == "TimeDistributed":
        # Dense layers act on each step anyway.
        inner = config["layer"]
        if inner["class_name"] not in ("Dense", "Activation", "Dropout"):
            raise ModelError(
                f"layer {name!r} applies a {inner['class_name']} to each step, which is not known"
            )
        return Layer(
            kind=inner["class_name"], name=name, config=_settings(inner["config"]), weights=own
        )
    within: tuple[Layer, ...] = ()
    if entry["class_name"] == "Bidirectional":
        inner = config["layer"]
        half = len(own) // 2
        within = tuple(
            Layer(
                kind=inner["class_name"],
                name=name,
                config=_settings(inner["config"]),
                weights=part,
            )
            for part in (own[:half], own[half:])
        )
        own = ()
    return Layer(
        kind=entry["class_name"], name=name, config=_settings(config), weights=own, within=within
    )


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a layer's settings with the activations told apart from those of Keras 3."""
    settings = dict(config)
    for key in ("activation", "recurrent_activation"):
        if settings.get(key) == "hard_sigmoid":
            settings[key] = "hard_sigmoid_keras2"
    # Keras 2 before 2.1 had no such choice, and its GRU resets before the product.
    settings.setdefault("reset_after", False)
    settings.setdefault("recurrent_activation", "hard_sigmoid_keras2")
    return settings


def _one_output(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Turn two scores under a softmax into one under a sigmoid."""
    if not layers:
        return layers
    last = layers[-1]
    if (
        last.kind != "Dense"
        or not last.weights
        or last.weights[0].ndim != 2
        or last.config.get("activation") != "softmax"
        or last.weights[0].shape[1] != 2
    ):
        return layers
    weights = tuple(array[..., 1:] - array[..., :1] for array in last.weights)
    config = {**last.config, "activation": "sigmoid", "units": 1}
    return (*layers[:-1], Layer(kind="Dense", name=last.name, config=config, weights=weights))


def _weights(group: Any, own: str, path: Path) -> dict[str, tuple[npt.NDArray[np.float32], ...]]:
    """Read the weights of each layer, in Keras' order, from this file and no other."""
    found: dict[str, tuple[npt.NDArray[np.float32], ...]] = {}
    n_parameters = 0
    for layer in _names(group.attrs, "layer_names"):
        arrays = []
        for name in _names(group[layer].attrs, "weight_names"):
            where = f"{layer}/{name}"
            data = group[where]
            elsewhere = data.file.filename != own
            if elsewhere or data.external or data.is_virtual:
                raise ModelError(f"{path}: {where} lies in another file; it is not read")
            n_parameters += data.size
            if n_parameters > MOST_PARAMETERS:
                raise ModelError(f"{path}: more than {MOST_PARAMETERS:,} weights")
            with np.errstate(over="ignore"):
                array = np.asarray(data[()], dtype=np.float32)
            if not np.isfinite(array).all():
                raise ModelError(f"{path}: {where} holds numbers that are not finite")
            arrays.append(array)
        found[layer] = tuple(arrays)
    return found


def _names(attributes: Mapping[str, Any], key: str) -> list[str]:
    """Read a list of names, which Keras splits where it is long."""
    if key in attributes:
        return [_text(name) for name in attributes[key]]
    names: list[str] = []
    part = 0
    while f"{key}{part}" in attributes:
        names += [_text(name) for name in attributes[f"{key}{part}"]]
        part += 1
    return names


def _input_shape(entries: Any, path: Path) -> tuple[int, ...]:
    config = entries[0]["config"]
    shape = config.get("batch_input_shape") or config.get("batch_shape")
    if shape is None or None in shape[1:] or len(shape) not in (2, 3):
        raise ModelError(
            f"{path}: expected an input of shape (k,), (k, 1) or (k, n_dimensions); the file says "
            f"{shape}"
        )
    sizes = tuple(int(size) for size in shape[1:])
    if not all(1 <= size <= MOST_NEIGHBOURS for size in sizes):
        raise ModelError(f"{path}: no input has the shape {sizes}")
    return sizes


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
