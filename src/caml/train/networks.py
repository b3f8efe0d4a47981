"""The networks of the paper, and others, as stacks of layers."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers

__all__ = [
    "Rates",
    "dense",
    "hard_sigmoid_keras2",
    "point_net",
    "recurrent",
    "separable",
    "whole_vector",
]

Shape = tuple[int, ...]


@keras.saving.register_keras_serializable("caml")  # type: ignore[untyped-decorator]
def hard_sigmoid_keras2(x: keras.KerasTensor) -> keras.KerasTensor:
    """Rise from 0 to 1 along a straight line, as the gates of the original networks do.

    Parameters
    ----------
    x : tensor
        Any shape.

    Returns
    -------
    tensor
        ``clip(0.2·x + 0.5, 0, 1)``; the hard sigmoid of Keras 3 has x/6 in its place.
    """
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def separable(shape: Shape, n_outputs: int = 1) -> keras.Sequential:
    """Stack the layers of XPILJZ, SHB8HY and GAXJPR: the same 32 units look at each value.

    Parameters
    ----------
    shape : tuple of int
        (k,): what the network sees of a localization.
    n_outputs : int, default 1
        How many scores it gives.

    Returns
    -------
    keras.Sequential
        3,265 parameters for k = 100, 32,065 for k = 1000.

    Notes
    -----
    Williamson et al. 2020, Fig. 1f. The units' rectifiers start with their bends spread over the
    values that they will see, half of them open to either side: from weights and biases by chance,
    where all bend at 0, the bends take most of a training to get there.
    """
    n_units = 32
    first = layers.Dense(n_units, activation="relu")
    network = keras.Sequential(
        [
            layers.Input(shape),
            layers.Reshape((shape[0], 1)),
            first,
            layers.Flatten(),
            _scores(n_outputs),
        ]
    )
    # Most values of norm_self are small: with the square, half of the bends lie below 0.25.
    bends = ((np.arange(n_units) + 0.5) / n_units) ** 2
    slopes = np.where(np.arange(n_units) % 2 == 0, 4.0, -4.0)
    first.set_weights([slopes[None], -slopes * bends])
    return network


def recurrent(shape: Shape, n_outputs: int = 1, *, rates: Rates | None = None) -> keras.Sequential:
    """Stack the layers of 07VEJJ and 87B144: a convolution and two recurrent layers.

    Parameters
    ----------
    shape : tuple of int
        (k,) or (k, n_dimensions): what the network sees of a localization.
    n_outputs : int, default 1
        How many scores it gives.
    rates : Rates, optional
        Of dropout; the paper's by default.

    Returns
    -------
    keras.Sequential
        23,489 parameters for k = 100, 80,833 for k = 1000.

    Notes
    -----
    Williamson et al. 2020, Fig. 1g. The gates are Keras 2's hard sigmoids.
    """
    rates = rates or Rates()
    return keras.Sequential(
        [
            layers.Input(shape),
            *([layers.Reshape((*shape, 1))] if len(shape) == 1 else []),
            layers.Conv1D(32, 3, activation="relu"),
            layers.MaxPooling1D(4),
            layers.Dropout(rates.first),
            *(
                layers.LSTM(
                    32,
                    return_sequences=True,
                    recurrent_activation=hard_sigmoid_keras2,
                    dropout=rate,
                    recurrent_dropout=rate,
                )
                for rate in rates.recurrent
            ),
            layers.Dropout(rates.last),
            layers.MaxPooling1D(4),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(16, activation="relu"),
            _scores(n_outputs),
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Which share of values `recurrent` drops in training; none once trained.

    Parameters
    ----------
    first : float, default 0.2
        After the first pooling.
    recurrent : tuple of float, default (0.4, 0.2)
        Within each recurrent layer, of what comes and of what recurs.
    last : float, default 0.5
        After the recurrent layers.
    """

    first: float = 0.2
    recurrent: tuple[float, float] = (0.4, 0.2)
    last: float = 0.5


def whole_vector(shape: Shape, n_outputs: int = 1) -> keras.Sequential:
    """Stack the layers of 3TXKFS: 32 units look at all values.

    Parameters
    ----------
    shape : tuple of int
        (k,): what the network sees of a localization.
    n_outputs : int, default 1
        How many scores it gives.

    Returns
    -------
    keras.Sequential
        32,131 parameters for k = 1000 and three labels.

    Notes
    -----
    Williamson et al. 2020, "Extension of the model".
    """
    return keras.Sequential(
        [layers.Input(shape), layers.Dense(32, activation="relu"), _scores(n_outputs)]
    )


def dense(
    shape: Shape, n_outputs: int = 1, *, units: tuple[int, ...] = (128, 64)
) -> keras.Sequential:
    """Stack layers of rectified units on all values, brought to mean 0 and variance 1.

    Parameters
    ----------
    shape : tuple of int
        (k,): what the network sees of a localization.
    n_outputs : int, default 1
        How many scores it gives.
    units : tuple of int, default (128, 64)
        Of each layer.

    Returns
    -------
    keras.Sequential
        21,249 trained parameters for k = 100.
    """
    return keras.Sequential(
        [
            layers.Input(shape),
            layers.Normalization(),
            *(layers.Dense(n, activation="relu") for n in units),
            _scores(n_outputs),
        ]
    )


def point_net(shape: Shape, n_outputs: int = 1) -> keras.Sequential:
    """Stack layers in the style of PointNet: each neighbour by itself, then the largest of each.

    Parameters
    ----------
    shape : tuple of int
        (k, n_dimensions): the relative coordinates of the neighbours.
    n_outputs : int, default 1
        How many scores it gives.

    Returns
    -------
    keras.Sequential
        16,833 parameters in 2D, whatever k is.

    Notes
    -----
    Qi et al. 2017 (PointNet), without its learnt turns of the input; Williamson et al. 2020 name it
    in their Discussion. The order of the neighbours makes no difference.
    """
    return keras.Sequential(
        [
            layers.Input(shape),
            layers.Conv1D(64, 1, activation="relu"),
            layers.Conv1D(128, 1, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(64, activation="relu"),
            _scores(n_outputs),
        ]
    )


def _scores(n_outputs: int) -> keras.layers.Layer:
    """Return the last layer: a score of being clustered, or one of each label."""
    return layers.Dense(n_outputs, activation="sigmoid" if n_outputs == 1 else "softmax")
