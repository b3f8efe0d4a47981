"""What of Keras 2 is refused, and how it is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from caml.errors import MissingFileError, ModelError
from caml.models.imported import import_keras2
from keras2_by_hand import (
    CONV,
    END,
    FLAT,
    Wanted,
    both_ways,
    built,
    small,
    write,
)

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
