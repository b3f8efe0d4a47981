"""Networks that Keras 2 saved, against a forward pass in NumPy and files written by hand."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest

from caml.errors import MissingFileError, ModelError
from caml.features import norm_self
from caml.models import Model, imported
from caml.models.imported import import_keras2
from caml.models.keras2 import read_keras2

ORIGINAL = Path(__file__).parents[2] / "shared" / "data" / "caml_original"
Array = npt.NDArray[Any]


@pytest.fixture(autouse=True)
def without_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the cells that an import simulates: they take seconds each time."""
    monkeypatch.setattr(imported, "shares_by_chance", lambda _: 0.0123)


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


# The card, and names.


def test_the_card_says_what_the_file_is(tmp_path: Path) -> None:
    layers = small(CONV)
    path = write(tmp_path / "theirs.h5", layers)
    model = import_keras2(path)
    card = model.card
    assert (card.k, card.n_dimensions, card.input, card.seed) == (20, 2, "norm_self", None)
    assert card.layers == ("Conv1D 4 3 relu", "Flatten", "Dense 1 sigmoid")
    # 3·1·4 + 4 and 18·4 + 1.
    assert card.n_parameters == 16 + 73
    assert card.versions["keras"] == "2.1.1"
    assert card.training["imported_from"] == "theirs.h5"
    assert card.training["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert card.metrics == {"calibration": {"shares_by_chance": 0.0123}}
    assert card.sha256 == hashlib.sha256(model.weights).hexdigest()
    other = import_keras2(path, input_name="steps_l2", n_dimensions=3, labels=["no", "yes"]).card
    assert (other.input, other.n_dimensions, other.labels) == ("steps_l2", 3, ("no", "yes"))


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_two_or_three_values_of_each_neighbour_are_coordinates(
    n_dimensions: int, tmp_path: Path
) -> None:
    layers = small(CONV, shape=(20, n_dimensions))
    path = write(tmp_path / "theirs.h5", layers)
    card = check(path, layers, (20, n_dimensions)).card
    assert (card.input, card.n_dimensions) == ("relative_coordinates", n_dimensions)
    text = rf"shape \(20, {n_dimensions}\), which norm_self .* possible: relative_coordinates$"
    with pytest.raises(ModelError, match=text):
        import_keras2(path, input_name="norm_self")
    wrong = 5 - n_dimensions
    with pytest.raises(ModelError, match=f"which relative_coordinates of {wrong}D localizations"):
        import_keras2(path, n_dimensions=wrong)


def test_names(tmp_path: Path) -> None:
    layers = small(CONV)
    mine = write(tmp_path / "mine00.h5", layers)
    assert import_keras2(mine).card.name == "MINE00"
    assert import_keras2(mine, name="other1").card.name == "OTHER1"
    made_up = import_keras2(mine, taken=["MINE00"]).card.name
    # Shipped already; not six characters: made up from the content, which is the same.
    for file in ("XPILJZ.h5", "network.h5"):
        path = tmp_path / file
        path.write_bytes(mine.read_bytes())
        assert import_keras2(path).card.name == made_up
    assert len(made_up) == 6
    assert made_up not in ("MINE00", "XPILJZ")
    assert import_keras2(mine, taken=["MINE00", made_up]).card.name not in ("MINE00", made_up)


def test_names_that_cannot_be_had(tmp_path: Path) -> None:
    path = write(tmp_path / "mine00.h5", small(CONV))
    for name in ("XPILJZ", "xpiljz", "OTHER1"):
        with pytest.raises(ModelError, match=f"called {name.upper()} exists already: choose"):
            import_keras2(path, name=name, taken=["OTHER1"])
    with pytest.raises(ModelError, match="name has six letters and digits, got 'too long'"):
        import_keras2(path, name="too long")


def test_what_is_said_of_it_must_fit(tmp_path: Path) -> None:
    path = write(tmp_path / "mine00.h5", small(CONV))
    with pytest.raises(ModelError, match="tells 2 labels apart, and 3 names were given"):
        import_keras2(path, labels=["a", "b", "c"])
    with pytest.raises(ModelError, match="no network input is called 'other'; there are: norm_"):
        import_keras2(path, input_name="other")
    with pytest.raises(ModelError, match=r"which relative_coordinates of 2D .*: norm_self, log_"):
        import_keras2(path, input_name="relative_coordinates")


@pytest.mark.parametrize("n_dimensions", [1, 5])
def test_localizations_have_two_or_three_dimensions(n_dimensions: int, tmp_path: Path) -> None:
    path = write(tmp_path / "mine00.h5", small(CONV))
    with pytest.raises(ModelError, match=rf"2 or 3.*{n_dimensions}|{n_dimensions}.*2 or 3"):
        import_keras2(path, n_dimensions=n_dimensions)


# What is refused, and how it is said.

NOT_AS = "its settings or weights are not as Keras 2 writes them"


def test_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(MissingFileError, match=f"{path}: no such file"):
            import_keras2(path)


def test_files_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "theirs.h5"
    path.write_text("x,y\n1,2\n")
    with pytest.raises(ModelError, match=r"theirs\.h5: expected a network .* or of another kind"):
        import_keras2(path)
    with h5py.File(path, "w") as file:
        file["positions"] = np.zeros((5, 2))
    with pytest.raises(ModelError, match=r"not a network that Keras 2 saved \(no attribute"):
        import_keras2(path)


def test_truncated_files(tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.h5", small(CONV))
    whole = path.read_bytes()
    for length in (0, 1, 8, 100, 512, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=r"theirs\.h5: .* the file is truncated"):
            import_keras2(path)


def test_weights_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.h5", small(CONV))
    with h5py.File(path, "a") as file:
        del file.attrs["model_config"]
        file.attrs["layer_names"] = file["model_weights"].attrs["layer_names"]
    with pytest.raises(ModelError, match=r"holds weights alone: save .* with model\.save\(\), not"):
        import_keras2(path)


@pytest.mark.parametrize("version", ["1.2.2", "3.0.5"])
def test_other_versions(version: str, tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.h5", small(CONV), version=version)
    with pytest.raises(ModelError, match=f"saved by Keras {version}; only files of Keras 2 can"):
        import_keras2(path)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ('{"class_name": "Functional", "config": {}}', "a 'Functional' network; only stacks of"),
        ('{"class_name": "Model", "config": {}}', "a 'Model' network; only stacks of layers"),
        ('{"class_name": "Sequential", "config": []}', "not as Keras 2 writes them .IndexError"),
        ('{"class_name": "Sequential"}', "not as Keras 2 writes them .KeyError.'config'"),
        ("null", "not as Keras 2 writes them .TypeError"),
        ("{", "not as Keras 2 writes them .JSONDecodeError"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_settings_of_no_stack(config: str, text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.h5", small(CONV), config=config)
    with pytest.raises(ModelError, match=text):
        import_keras2(path)


@pytest.mark.parametrize(
    ("place", "kind", "settings", "text"),
    [
        (1, "Lambda", {}, "'flatten_1' is a Lambda, which cannot be written as ONNX; known: Act"),
        (0, "Conv1D", {"activation": "swish"}, "'conv1d_0' .Conv1D.: activation 'swish' cannot"),
        (0, "Conv1D", {"activation": {"class_name": "LeakyReLU"}}, f"conv1d_0|{NOT_AS}"),
        (0, "Conv1D", {"padding": "full"}, "'conv1d_0' .Conv1D.: padding 'full' is not known"),
        (0, "Conv1D", {"data_format": "channels_first"}, "data_format must be channels_last"),
        (0, "Conv1D", {"strides": [0]}, f"conv1d_0|{NOT_AS}"),
        (0, "Conv1D", {"strides": []}, f"conv1d_0|{NOT_AS}"),
        (0, "Conv1D", {"dilation_rate": [10**30]}, f"conv1d_0|{NOT_AS}"),
        (0, "Conv1D", {"dilation_rate": [30]}, "a kernel of 61 is wider than the 20 steps"),
        (0, "Conv1D", {"batch_input_shape": [None, float("inf"), 1]}, f"input|{NOT_AS}"),
        (0, "Conv1D", {"batch_input_shape": [None, 10**30, 1]}, f"input|{NOT_AS}"),
        (0, "TimeDistributed", {"layer": {"class_name": "LSTM"}}, "a LSTM to each step, which"),
        (1, "Reshape", {"target_shape": [5]}, r"\(18, 4\) cannot take the shape \(5,\)"),
        (1, "Reshape", {"target_shape": None}, f"flatten_1|{NOT_AS}"),
        (1, "MaxPooling1D", {"pool_size": [19]}, "it pools 19 and only 18 steps come"),
    ],
)  # fmt: skip
def test_layers_and_settings_that_are_not_known(
    place: int, kind: str, settings: dict[str, Any], text: str, tmp_path: Path
) -> None:
    layers = small(CONV)
    layers[place].kind = kind
    layers[place].config |= settings
    path = write(tmp_path / "theirs.h5", layers)
    with pytest.raises(ModelError, match=text):
        import_keras2(path)


@pytest.mark.parametrize(
    ("kind", "weight", "shape"),
    [
        ("Dense", "kernel", ()),
        ("Dense", "kernel", (3,)),
        ("Dense", "kernel", (2, 4)),
        ("Dense", "bias", (5,)),
        ("Dense", "kernel", None),
        ("Conv1D", "kernel", (3, 4)),
        ("Conv1D", "kernel", (3, 2, 4)),
        ("Conv1D", "bias", (5,)),
        ("Conv1D", "kernel", None),
        ("LSTM", "kernel", (2, 16)),
        ("LSTM", "kernel", (1, 15)),
        ("LSTM", "recurrent_kernel", (3, 16)),
        ("LSTM", "recurrent_kernel", ()),
        ("LSTM", "bias", (15,)),
        ("LSTM", "bias", (1,)),
        ("LSTM", "kernel", None),
        ("GRU", "recurrent_kernel", (4, 11)),
        ("Bidirectional", "backward/bias", None),
        ("BatchNormalization", "gamma", (3,)),
        ("BatchNormalization", "moving_variance", None),
    ],
)
def test_weights_of_the_wrong_shape(
    kind: str, weight: str, shape: tuple[int, ...] | None, tmp_path: Path
) -> None:
    settings = {"Conv1D": CONV[1], "Bidirectional": both_ways("LSTM", units=4)[1]}
    layers = small((kind, settings.get(kind, {"units": 4})))
    if shape is None:
        del layers[0].weights[weight]
    else:
        layers[0].weights[weight] = np.ones(shape, dtype=np.float32)
    path = write(tmp_path / "theirs.h5", layers)
    with pytest.raises(ModelError, match=f"{layers[0].name}|{NOT_AS}"):
        import_keras2(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_weights_that_are_not_finite(value: float, tmp_path: Path) -> None:
    layers = small(CONV)
    layers[0].weights["kernel"] = np.full((3, 1, 4), value)
    path = write(tmp_path / "theirs.h5", layers)
    with pytest.raises(ModelError, match="conv1d_0/conv1d_0/kernel:0 holds numbers that are not f"):
        import_keras2(path)


def test_weights_that_are_too_many_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.h5", small(CONV))
    with h5py.File(path, "a") as file:
        del file[KERNEL]
        # Nothing is stored of it.
        file.create_dataset(KERNEL, (3, 1, 10**12), dtype="f4", chunks=(3, 1, 1000))
    with pytest.raises(ModelError, match="more than 20,000,000 weights"):
        import_keras2(path)


KERNEL = "model_weights/conv1d_0/conv1d_0/kernel:0"


def link(file: h5py.File, place: str) -> None:
    del file[place]
    file[place] = h5py.ExternalLink("other.h5", place)


def link_by_a_detour(file: h5py.File, place: str) -> None:
    del file[place]
    file["away"] = h5py.ExternalLink("other.h5", place)
    file[place] = h5py.SoftLink("/away")


def lie_outside(file: h5py.File, place: str) -> None:
    raw = str(Path(file.filename).with_name("other.h5"))
    del file[place]
    file.create_dataset(place, (3, 1, 4), dtype="f4", external=[(raw, 0, 48)])


def map_another(file: h5py.File, place: str) -> None:
    del file[place]
    layout = h5py.VirtualLayout((3, 1, 4), dtype="f4")
    raw = str(Path(file.filename).with_name("other.h5"))
    layout[:] = h5py.VirtualSource(raw, place, (3, 1, 4))
    file.create_virtual_dataset(place, layout)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (link, KERNEL),
        (link, "model_weights/conv1d_0/conv1d_0"),
        (link, "model_weights/conv1d_0"),
        (link, "model_weights"),
        (link_by_a_detour, KERNEL),
        (lie_outside, KERNEL),
        (map_another, KERNEL),
    ],
)
def test_other_files_are_not_read(
    change: Callable[[h5py.File, str], None], place: str, tmp_path: Path
) -> None:
    write(tmp_path / "other.h5", small(CONV))
    path = write(tmp_path / "theirs.h5", small(CONV))
    with h5py.File(path, "a") as file:
        change(file, place)
    with pytest.raises(ModelError, match="another file"):
        import_keras2(path)


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ([None, None, 1], r"\(k, 1\) or \(k, n_dimensions\); the file says \[None, None, 1\]"),
        ([None, 20, 1, 1], r"the file says \[None, 20, 1, 1\]"),
        (None, "the file says None"),
        ([None, 20, 4], r"takes 4 values of each neighbour; expected 1 \(distances\), 2 or 3"),
    ],
)
def test_inputs_of_another_shape(shape: Any, text: str, tmp_path: Path) -> None:
    layers = small(CONV)
    layers[0].config["batch_input_shape"] = shape
    path = write(tmp_path / "theirs.h5", layers)
    with pytest.raises(ModelError, match=text):
        import_keras2(path)


def test_a_stack_that_ends_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path / "theirs.h5", built((20, 1), CONV, FLAT))
    with pytest.raises(ModelError, match="ends with a Dense layer under a sigmoid or a softmax"):
        import_keras2(path)
    write(path, built((20, 1), CONV, END, FLAT))
    with pytest.raises(ModelError, match="this one does not"):
        import_keras2(path)
    # One score for each of 18 steps.
    write(path, built((20, 1), CONV, END))
    with pytest.raises(ModelError, match=r"gives values of shape \[\[20\], \[18, 1\]\]"):
        import_keras2(path)
    write(path, built((20, 1), FLAT, ("Dense", {"units": 2, "activation": "sigmoid"})))
    with pytest.raises(ModelError, match="2 outputs under a sigmoid are no scores of labels"):
        import_keras2(path)


def test_an_activation_of_its_own_belongs_to_the_last_layer(tmp_path: Path) -> None:
    last = ("Dense", {"units": 2, "activation": "linear"})
    ending = (("Activation", {"activation": "softmax"}), ("Dropout", {"rate": 0.5}))
    apart = import_keras2(write(tmp_path / "apart.h5", built((20, 1), FLAT, last, *ending)))
    assert apart.card.layers[-1] == "Dense 1 sigmoid"


def test_damage_anywhere_gives_a_network_or_is_refused(tmp_path: Path) -> None:
    wanted: Wanted = [CONV, ("LSTM", {"units": 2, "return_sequences": True})]
    # Text of fixed length: HDF5 itself can hang or crash on damaged text of any length.
    path = write(tmp_path / "theirs.h5", small(*wanted), text=np.bytes_)
    whole = path.read_bytes()
    used = np.flatnonzero(np.frombuffer(whole, dtype=np.uint8))
    generator = np.random.default_rng(0)
    n_models = n_refused = 0
    for place in generator.choice(used, 60, replace=False):
        content = bytearray(whole)
        if generator.random() < 0.5:
            content[place] ^= 1 << int(generator.integers(8))
        else:
            del content[place : place + int(generator.integers(1, 9))]
        path.write_bytes(content)
        try:
            model = import_keras2(path)
        except ModelError:
            n_refused += 1
        else:
            n_models += 1
            assert model.predict(np.zeros((3, 20), dtype=np.float32)).shape == (3,)
    assert n_models > 5
    assert n_refused > 5
