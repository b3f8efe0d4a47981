"""What is imported from Keras 2 scores as it did."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from caml.errors import ModelError
from caml.features import norm_self
from caml.models.imported import import_keras2
from caml.models.keras2 import read_keras2
from keras2_by_hand import (
    CONV,
    END,
    FLAT,
    Old,
    Wanted,
    as_given,
    both_ways,
    built,
    check,
    drop,
    inputs,
    model_config,
    run_stack,
    small,
    write,
)

ORIGINAL = Path(__file__).parents[3] / "shared" / "data" / "caml_original"

PAPER: dict[str, tuple[int, Wanted]] = {
    "XPILJZ": (3265, [("Dense", {"units": 32, "activation": "relu"}), FLAT, END]),
    "07VEJJ": (
        23489,
        [
            ("Conv1D", {"filters": 32, "kernel_size": [3]}),
            ("MaxPooling1D", {"pool_size": [4], "strides": [4]}),
            drop(0.2),
            ("LSTM", {"units": 32, "return_sequences": True}),
            ("LSTM", {"units": 32, "return_sequences": True}),
            drop(0.5),
            ("MaxPooling1D", {"pool_size": [4], "strides": [4]}),
            FLAT,
            ("Dense", {"units": 32, "activation": "relu"}),
            ("Dense", {"units": 16, "activation": "relu"}),
            END,
        ],
    ),
}


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_two_architectures(name: str, tmp_path: Path) -> None:
    n_parameters, wanted = PAPER[name]
    layers = built((100, 1), *wanted)
    # Weights by chance would make every score 0 or 1.
    layers[-1].weights["kernel"] *= 0.1
    model = check(write(tmp_path / "theirs.h5", layers), layers, (100, 1))
    assert model.card.n_parameters == n_parameters


STACKS: dict[str, Wanted] = {
    "Dense": [("Dense", {"units": 8, "activation": "elu"})],
    "Dense-no-bias": [("Dense", {"units": 8, "activation": "tanh", "use_bias": False})],
    "Conv-same": [("Conv1D", {"filters": 4, "kernel_size": [4], "padding": "same"})],
    "Conv-strides": [("Conv1D", {"filters": 4, "kernel_size": [4], "strides": [3]})],
    "Conv-same-strides": [
        ("Conv1D", {"filters": 4, "kernel_size": [4], "strides": [3], "padding": "same"})
    ],
    "Conv-dilation": [("Conv1D", {"filters": 4, "kernel_size": [3], "dilation_rate": [4]})],
    "Conv-same-dilation": [
        CONV,
        ("Conv1D", {"filters": 4, "kernel_size": [3], "dilation_rate": [2], "padding": "same"}),
    ],
    "Conv-no-bias": [("Conv1D", {"filters": 4, "kernel_size": [3], "use_bias": False})],
    "MaxPooling": [CONV, ("MaxPooling1D", {"pool_size": [4], "strides": [4]})],
    "MaxPooling-same": [CONV, ("MaxPooling1D", {"pool_size": [3], "padding": "same"})],
    "AveragePooling": [CONV, ("AveragePooling1D", {"pool_size": [4], "strides": [3]})],
    "AveragePooling-same": [
        CONV,
        ("AveragePooling1D", {"pool_size": [4], "strides": [3], "padding": "same"}),
    ],
    "Reshape": [FLAT, ("Reshape", {"target_shape": [5, -1]}), CONV, drop(0.3)],
    "BatchNormalization": [CONV, ("BatchNormalization", {}), ("LeakyReLU", {"alpha": 0.3})],
    "Activation": [
        ("Conv1D", {"filters": 4, "kernel_size": [3], "activation": "linear"}),
        ("Activation", {"activation": "hard_sigmoid"}),
    ],
    "InputLayer": [("InputLayer", {}), CONV],
    "TimeDistributed": [
        CONV,
        ("TimeDistributed",
         {"layer": {"class_name": "Dense",
                    "config": {"units": 3, "activation": "hard_sigmoid", "use_bias": True}}}),
    ],
    "LSTM-no-bias": [("LSTM", {"units": 4, "use_bias": False, "return_sequences": True})],
    "LSTM-sigmoid": [("LSTM", {"units": 4, "recurrent_activation": "sigmoid"})],
    "LSTM-hard": [("LSTM", {"units": 4, "activation": "hard_sigmoid"})],
    "LSTM-hard-inside": [
        ("LSTM", {"units": 4, "activation": "hard_sigmoid", "recurrent_activation": "sigmoid"})
    ],
    "GRU-hard-inside": [
        ("GRU", {"units": 4, "activation": "hard_sigmoid", "recurrent_activation": "sigmoid"})
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("channels", [1, 2])
def test_layers(name: str, channels: int, tmp_path: Path) -> None:
    layers = small(*STACKS[name], shape=(20, channels))
    check(write(tmp_path / "theirs.h5", layers), layers, (20, channels))


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_recurrent_layers(
    kind: str, return_sequences: bool, go_backwards: bool, tmp_path: Path
) -> None:
    settings = {"return_sequences": return_sequences, "go_backwards": go_backwards}
    layers = small(CONV, (kind, {"units": 5, **settings}))
    check(write(tmp_path / "theirs.h5", layers), layers, (20, 1))


@pytest.mark.parametrize("gate", ["hard_sigmoid", "sigmoid"])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_layers_both_ways(kind: str, return_sequences: bool, gate: str, tmp_path: Path) -> None:
    wanted = both_ways(kind, units=4, return_sequences=return_sequences, recurrent_activation=gate)
    layers = small(CONV, wanted)
    check(write(tmp_path / "theirs.h5", layers), layers, (20, 1))


def test_a_whole_vector(tmp_path: Path) -> None:
    layers = built((30,), ("Dense", {"units": 8, "activation": "relu"}), drop(0.5), END)
    model = check(write(tmp_path / "theirs.h5", layers), layers, (30,))
    assert (model.card.k, model.input_shape) == (30, (30,))


@pytest.mark.parametrize("name", PAPER)
def test_the_authors_files(name: str) -> None:
    path = ORIGINAL / f"{name}.h5"
    if not path.exists():
        pytest.skip("the authors' weights are not here")
    layers = []
    with h5py.File(path, "r") as file:
        for entry in json.loads(file.attrs["model_config"])["config"]:
            group = file["model_weights"][entry["config"]["name"]]
            weights = {key.decode(): group[key][()] for key in group.attrs["weight_names"]}
            layers.append(Old(entry["class_name"], entry["config"], weights))
    model = check(path, layers, (100, 1))
    assert model.card.n_parameters == PAPER[name][0]
    distances = np.sort(np.random.default_rng(6).gamma(2, 100, (40, 100)), axis=1)
    features = norm_self(distances)
    expected = run_stack(layers, features[..., None])
    np.testing.assert_allclose(model.predict(features), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("text", [str, np.bytes_])
@pytest.mark.parametrize("names", ["S", h5py.string_dtype()], ids=["bytes", "text"])
def test_text_of_either_kind_and_long_lists_in_parts(
    text: Callable[[str], Any], names: Any, tmp_path: Path
) -> None:
    layers = small(CONV, drop(0.2))
    for n_parts in (1, 2, 3):
        path = tmp_path / f"{n_parts}.h5"
        write(path, layers, text=text, names=names, n_parts=n_parts)
        assert check(path, layers, (20, 1)).card.versions["keras"] == "2.1.1"


def test_later_versions_have_a_mapping_with_the_layers(tmp_path: Path) -> None:
    layers = small(CONV)
    config = model_config(layers, listed=False)
    path = write(tmp_path / "theirs.h5", layers, config=config, version="2.2.4-tf")
    assert read_keras2(path).version == "2.2.4-tf"
    check(path, layers, (20, 1))


def test_two_scores_under_a_softmax_become_one_under_a_sigmoid(tmp_path: Path) -> None:
    layers = built((20, 1), CONV, FLAT, ("Dense", {"units": 2, "activation": "softmax"}))
    model = import_keras2(write(tmp_path / "theirs.h5", layers))
    expected = run_stack(layers, inputs((20, 1)))
    assert expected[:, 1].std() > 0.01
    score = model.predict(as_given(inputs((20, 1))))
    np.testing.assert_allclose(score, expected[:, 1], rtol=0, atol=1e-5)
    assert model.card.layers[-1] == "Dense 1 sigmoid"
    assert model.card.labels == ("not clustered", "clustered")


def test_three_labels(tmp_path: Path) -> None:
    layers = built((20, 1), CONV, FLAT, ("Dense", {"units": 3, "activation": "softmax"}))
    path = write(tmp_path / "theirs.h5", layers)
    card = check(path, layers, (20, 1)).card
    assert card.labels == ("not clustered", "clustered, kind 1", "clustered, kind 2")
    assert card.metrics == {}
    meanings = ["alone", "round", "fibre"]
    assert import_keras2(path, labels=meanings).card.labels == tuple(meanings)
    with pytest.raises(ModelError, match=r"tells 3 labels apart, and 2 names .*: a, b"):
        import_keras2(path, labels=["a", "b"])
