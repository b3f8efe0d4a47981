"""From a Keras stack to ONNX: settings and weights of its layers, for `caml.models.stack`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from caml.models.stack import Layer, to_onnx

__all__ = ["as_layers", "exported"]


def exported(network: keras.Sequential) -> bytes:
    """Write a stack of Keras layers as ONNX.

    Parameters
    ----------
    network : keras.Sequential
        A built stack whose input has shape (n_localizations, k), (n_localizations, k, 1) or
        (n_localizations, k, n_dimensions).

    Returns
    -------
    bytes
        The model; input ``features`` and output ``score``, float32, any number of rows.

    Raises
    ------
    ModelError
        If a layer or one of its settings is not known to `caml.models.stack`.
    """
    return to_onnx(network.name, as_layers(network), tuple(network.input_shape[1:]))


def as_layers(network: keras.Sequential) -> tuple[Layer, ...]:
    """Take a Keras stack apart.

    Parameters
    ----------
    network : keras.Sequential
        A built stack.

    Returns
    -------
    tuple of Layer
        Settings and weights of each layer.
    """
    return tuple(_layer(layer) for layer in network.layers)


def _layer(layer: Any) -> Layer:
    within: tuple[Layer, ...] = ()
    if isinstance(layer, keras.layers.Bidirectional):
        within = (_layer(layer.forward_layer), _layer(layer.backward_layer))
    config = layer.get_config()
    for key in ("activation", "recurrent_activation"):
        function = getattr(layer, key, None)
        if function is not None:
            # Functions of the user's own have no name that Keras knows.
            config[key] = getattr(function, "__name__", type(function).__name__)
    weights = () if within else tuple(np.asarray(one) for one in layer.get_weights())
    return Layer(
        kind=type(layer).__name__, name=layer.name, config=config, weights=weights, within=within
    )
