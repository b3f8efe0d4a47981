"""Every layer that can be written, against Keras itself."""

from __future__ import annotations

import dataclasses
import hashlib

import keras
import numpy as np
import onnx
import pytest
from keras import layers

from caml.errors import ModelError
from caml.models import Model, load_model
from caml.train.export import exported
from caml.train.networks import hard_sigmoid_keras2

K = 20


def as_model(network: keras.Sequential) -> Model:
    weights = exported(network)
    card = load_model().card
    shape = network.input_shape[1:]
    of_coordinates = len(shape) == 2 and shape[1] > 1
    return Model(
        dataclasses.replace(
            card,
            k=shape[0],
            n_dimensions=shape[1] if of_coordinates else 2,
            input="relative_coordinates" if of_coordinates else "norm_self",
            labels=("a", "b", "c") if network.output_shape[1] == 3 else ("a", "b"),
            sha256=hashlib.sha256(weights).hexdigest(),
        ),
        weights,
    )


def check(network: keras.Sequential) -> None:
    """Compare scores of weights by chance, biases too, on inputs by chance."""
    generator = np.random.default_rng(3)
    for layer in network.layers:
        layer.set_weights(
            [
                # Variances are positive.
                np.abs(generator.normal(0, 0.5, w.shape)) + 0.1
                if "variance" in variable.name
                else generator.normal(0, 0.5, w.shape)
                for variable, w in zip(layer.weights, layer.get_weights(), strict=True)
            ]
        )
    features = generator.random((33, *network.input_shape[1:]), dtype=np.float32)
    expected = network.predict(features, verbose=0)
    assert expected.std() > 1e-3
    scores = as_model(network).predict(features[..., 0] if features.shape[-1] == 1 else features)
    np.testing.assert_allclose(scores.reshape(expected.shape), expected, atol=1e-5)


def stack(*inner: keras.Layer, channels: int = 1, last: str = "softmax") -> keras.Sequential:
    return keras.Sequential(
        [
            layers.Input((K, channels)),
            *inner,
            layers.Flatten(),
            layers.Dense(1 if last == "sigmoid" else 3, activation=last),
        ],
        name="TEST00",
    )


STEPS = [
    [layers.Dense(8, activation="relu")],
    [layers.Dense(8, activation="tanh", use_bias=False)],
    [layers.Flatten(), layers.Dense(16, activation="elu"), layers.Dropout(0.3)],
    [layers.Flatten(), layers.Reshape((10, 2)), layers.Conv1D(4, 3)],
    [layers.Flatten(), layers.Reshape((-1, 4)), layers.Permute((2, 1)), layers.Conv1D(4, 3)],
    [layers.Conv1D(6, 3, activation="relu")],
    [layers.Conv1D(6, 4, padding="same", strides=3, activation="selu")],
    [layers.Conv1D(6, 3, padding="causal", dilation_rate=2, use_bias=False)],
    [layers.Conv1D(6, 3), layers.Conv1D(6, 3, groups=3), layers.MaxPooling1D(4)],
    [layers.Conv1D(6, 3), layers.MaxPooling1D(3, strides=2, padding="same")],
    [layers.Conv1D(6, 3), layers.AveragePooling1D(3, strides=2, padding="same")],
    [layers.Conv1D(6, 3), layers.AveragePooling1D(4), layers.SpatialDropout1D(0.2)],
    [layers.Conv1D(6, 3), layers.GlobalMaxPooling1D()],
    [layers.Conv1D(6, 3), layers.GlobalAveragePooling1D(keepdims=True), layers.Conv1D(3, 1)],
    [layers.ZeroPadding1D((2, 1)), layers.Conv1D(4, 5), layers.ReLU()],
    [layers.LSTM(5)],
    [layers.LSTM(5, return_sequences=True, recurrent_activation="hard_sigmoid")],
    [layers.LSTM(5, return_sequences=True, recurrent_activation=hard_sigmoid_keras2)],
    [layers.LSTM(5, activation="elu", recurrent_activation=hard_sigmoid_keras2)],
    [layers.LSTM(5, return_sequences=True, go_backwards=True), layers.LSTM(4, use_bias=False)],
    [layers.Conv1D(6, 3), layers.LSTM(5, go_backwards=True, dropout=0.3, recurrent_dropout=0.3)],
    [layers.GRU(5, return_sequences=True), layers.GRU(4, reset_after=False)],
    [layers.GRU(5, recurrent_activation="hard_sigmoid", use_bias=False)],
    [layers.SimpleRNN(5, return_sequences=True), layers.SimpleRNN(4, activation="relu")],
    [layers.Bidirectional(layers.LSTM(5, return_sequences=True)), layers.MaxPooling1D(2)],
    [layers.Bidirectional(layers.GRU(5))],
    [layers.Bidirectional(layers.LSTM(5, return_sequences=True), merge_mode="sum")],
    [layers.Bidirectional(layers.LSTM(5), merge_mode="ave")],
    [layers.Bidirectional(layers.SimpleRNN(5), merge_mode="mul")],
    [layers.Bidirectional(layers.LSTM(5, recurrent_activation="hard_sigmoid"))],
    [layers.Bidirectional(layers.GRU(5, recurrent_activation=hard_sigmoid_keras2))],
    [layers.LSTM(5, activation="hard_sigmoid"), layers.Reshape((5, 1)), layers.GRU(3)],
    [layers.LSTM(5, activation="elu"), layers.Dense(4)],
    [layers.Conv1D(6, 3), layers.BatchNormalization(), layers.Activation("softplus")],
    [layers.Conv1D(6, 3), layers.BatchNormalization(center=False, scale=False)],
    [layers.Conv1D(6, 3), layers.LayerNormalization(), layers.LeakyReLU(negative_slope=0.1)],
    [layers.LSTM(5, return_sequences=True), layers.LayerNormalization(scale=False, epsilon=0.01)],
    [layers.Rescaling(2.0, offset=-0.5), layers.GaussianNoise(0.1), layers.ELU(alpha=0.5)],
    [layers.Conv1D(6, 3), layers.Softmax(), layers.Activation("softsign")],
    [layers.Conv1D(6, 3, activation="exponential"), layers.GaussianDropout(0.1)],
    [layers.Conv1D(6, 3, activation="leaky_relu"), layers.AlphaDropout(0.1)],
    [layers.Conv1D(6, 3, activation="hard_sigmoid")],
]


def title(inner: list[keras.Layer]) -> str:
    return "-".join(type(layer).__name__ for layer in inner)


@pytest.mark.parametrize("inner", STEPS, ids=title)
def test_exported_scores_equal_those_of_keras(inner: list[keras.Layer]) -> None:
    keras.utils.set_random_seed(1)
    rebuilt = [layer.__class__.from_config(layer.get_config()) for layer in inner]
    check(stack(*rebuilt))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_one_score_under_a_sigmoid(channels: int) -> None:
    inner = [layers.Conv1D(4, 3), layers.LSTM(4, return_sequences=True), layers.MaxPooling1D(4)]
    check(stack(*inner, channels=channels, last="sigmoid"))


def test_a_normalization_that_was_fitted_to_data() -> None:
    normalization = layers.Normalization()
    network = stack(normalization, layers.Conv1D(4, 3), channels=2)
    generator = np.random.default_rng(4)
    normalization.adapt(generator.normal(3, 2, (50, K, 2)))
    features = generator.normal(3, 2, (9, K, 2)).astype(np.float32)
    expected = network.predict(features, verbose=0)
    np.testing.assert_allclose(as_model(network).predict(features), expected, atol=1e-5)


def test_a_recurrent_layer_is_one_operator_and_nothing_is_turned_twice() -> None:
    inner = [layers.LSTM(4, return_sequences=True), layers.LSTM(4, return_sequences=True)]
    operators = [node.op_type for node in onnx.load_from_string(exported(stack(*inner))).graph.node]
    assert operators.count("LSTM") == 2
    assert "Loop" not in operators
    assert "Scan" not in operators
    assert operators.count("Transpose") == 2


def test_layers_and_settings_that_are_not_known_are_refused() -> None:
    with pytest.raises(ModelError, match="'odd' is a UnitNormalization, which cannot be written"):
        exported(stack(layers.UnitNormalization(name="odd")))
    with pytest.raises(ModelError, match=r"'odd' \(Dense\): activation 'gelu' cannot be written"):
        exported(stack(layers.Dense(2, activation="gelu", name="odd")))
    with pytest.raises(ModelError, match="recurrent_activation 'mish' is not known"):
        exported(stack(layers.LSTM(2, recurrent_activation="mish")))
    stateful = keras.Sequential([layers.Input((K, 1), batch_size=4), layers.LSTM(2, stateful=True)])
    with pytest.raises(ModelError, match="stateful cannot be written"):
        exported(stateful)
    with pytest.raises(ModelError, match="only the plain rectifier"):
        exported(stack(layers.ReLU(max_value=6)))
