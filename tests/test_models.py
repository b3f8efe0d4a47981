"""Cards, weights and running a network."""

import dataclasses
import hashlib
import shutil
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from caml.errors import ModelError
from caml.models import Model, ModelCard, list_models, load_model
from caml.models.model import WEIGHTS
from caml.models.separable import OPERATORS, SeparableNetwork
from caml.models.stack import Layer, to_onnx
from caml.prior import score_histogram


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Copy XPILJZ, so that it can be damaged."""
    for suffix in (".onnx", ".json"):
        shutil.copy(WEIGHTS / f"XPILJZ{suffix}", tmp_path / f"MINE00{suffix}")
    return tmp_path / "MINE00.onnx"


def test_every_shipped_network_has_a_whole_card() -> None:
    for card in list_models():
        model = load_model(card.name)
        pool = card.training["pool"]
        assert card.metrics["n"] == pool["n_test"] >= 50_000
        assert pool["n_train"] >= 250_000
        assert pool["k"] >= card.k
        assert card.metrics["accuracy"] >= 0.89
        assert len(card.metrics["confusion"]) == len(card.labels)
        assert len(card.description) > 60
        if len(card.labels) == 2:
            assert card.metrics["calibration_error"] < 0.01
            # Among many localizations chance hardly looks like clusters, among few it may.
            assert 0.001 < card.share_by_chance(10**6) < 0.01
            assert 0.001 < card.share_by_chance(5_000) < 0.7
        seen = np.zeros((3, *model.input_shape), dtype=np.float32)
        assert model.predict(seen).shape == ((3,) if len(card.labels) == 2 else (3, 3))


def test_no_score_is_above_one() -> None:
    # ONNX Runtime's sigmoid of 17.844 is 1.0000001, whose log odds would be no number.
    layer = Layer(
        kind="Dense",
        name="last",
        config={"units": 1, "activation": "sigmoid"},
        weights=(np.ones((1, 1), dtype=np.float32), np.zeros(1, dtype=np.float32)),
    )
    weights = to_onnx("MINE00", [layer], (1,))
    card = dataclasses.replace(
        load_model("LOGNM1").card,
        k=1,
        input="distances",
        sha256=hashlib.sha256(weights).hexdigest(),
    )
    given = np.linspace(17, 19, 200_001, dtype=np.float32)[:, None]
    score = Model(card, weights).predict(given)
    assert score.max() == 1
    assert score_histogram(score).sum() == len(score)


def test_what_chance_gives_depends_on_how_many_there_are() -> None:
    card = load_model("XPILJZ").card
    metrics = {"calibration": {"shares_by_chance": [[100, 0.4], [10_000, 0.2]]}}
    card = dataclasses.replace(card, metrics=metrics)
    shares = [card.share_by_chance(n) for n in (0, 100, 1_000, 10_000, 10**9)]
    assert shares == pytest.approx([0.4, 0.4, 0.3, 0.2, 0.2])
    assert dataclasses.replace(card, metrics={}).share_by_chance(1_000) == 0.025
    metrics = {"calibration": {"shares_by_chance": [[100, 0.1], [1_000, 0.4], [10_000, 0.2]]}}
    card = dataclasses.replace(card, metrics=metrics)
    assert card.share_by_chance(100) == pytest.approx(0.4)


def test_the_papers_networks_have_its_numbers_of_parameters() -> None:
    expected = {"XPILJZ": 3265, "07VEJJ": 23489, "87B144": 80833, "GAXJPR": 32065, "SHB8HY": 32065}
    assert {name: load_model(name).card.n_parameters for name in expected} == expected


def test_scores_equal_the_formula() -> None:
    model = load_model("XPILJZ")
    weights = [
        numpy_helper.to_array(one)
        for one in onnx.load_from_string(model.weights).graph.initializer
        if one.data_type == onnx.TensorProto.FLOAT
    ]
    kernel, bias, out_kernel, out_bias = weights
    features = np.random.default_rng(0).random((200, 100), dtype=np.float32)
    hidden = np.maximum(features[:, :, None] * kernel[0] + bias, 0).reshape(200, -1)
    expected = 1 / (1 + np.exp(-(hidden @ out_kernel + out_bias)))[:, 0]
    np.testing.assert_allclose(model.predict(features), expected, atol=1e-5)


def separable(units: int, k: int, seed: int) -> bytes:
    """Write a network of XPILJZ's kind with weights by chance."""
    generator = np.random.default_rng(seed)
    constants = [
        np.array([-1, k, 1]),
        generator.normal(size=(1, units)).astype(np.float32),
        (generator.normal(size=units) * (generator.random(units) > 0.3)).astype(np.float32),
        np.array([-1, k * units]),
        (generator.normal(size=(k * units, 1)) / k).astype(np.float32),
        np.array([0.3], dtype=np.float32),
    ]
    nodes = []
    names = iter(["w0", "w1", "w2", None, "w3", "w4", "w5", None])
    before = "features"
    for number, operator in enumerate(OPERATORS):
        constant = next(names)
        after = "score" if number == len(OPERATORS) - 1 else f"h{number}"
        inputs = [before] if constant is None else [before, constant]
        nodes.append(onnx.helper.make_node(operator, inputs, [after]))
        before = after
    graph = onnx.helper.make_graph(
        nodes,
        "separable",
        [onnx.helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["n", k])],
        [onnx.helper.make_tensor_value_info("score", onnx.TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(one, f"w{i}") for i, one in enumerate(constants)],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    return bytes(
        onnx.helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    )


def through_onnx(weights: bytes, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    score: npt.NDArray[np.float32] = session.run(None, {"features": features})[0][:, 0]
    return score


@pytest.mark.parametrize(("units", "k"), [(1, 1), (3, 7), (32, 100), (32, 1000)])
def test_a_sum_over_neighbours_equals_the_network(units: int, k: int) -> None:
    for seed in range(3):
        weights = separable(units, k, seed)
        features = np.random.default_rng(seed).random((50, k), dtype=np.float32)
        features[0], features[1] = 0, 1
        network = SeparableNetwork.read(weights, (0.0, 1.0))
        assert network is not None
        expected = through_onnx(weights, features)
        np.testing.assert_allclose(network.predict(features), expected, atol=2e-6)
        wide = SeparableNetwork.read(weights, (-np.inf, np.inf))
        assert wide is not None
        features = 10 * features - 5
        np.testing.assert_allclose(
            wide.predict(features), through_onnx(weights, features), atol=1e-5
        )


def test_xpiljz_is_run_as_a_sum_over_neighbours_with_the_scores_of_onnx_runtime() -> None:
    model = load_model("XPILJZ")
    features = np.random.default_rng(0).random((500, 100), dtype=np.float32) ** 4
    expected = through_onnx(model.weights, features)
    np.testing.assert_allclose(model.predict(features), expected, atol=2e-6)


def test_the_compiled_sum_has_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["caml.models.separable"]
    for k in (7, 100):
        network = SeparableNetwork.read(separable(32, k, seed=4), (0.0, 1.0))
        assert network is not None
        features = np.random.default_rng(1).random((300, k), dtype=np.float32)
        # On a bend, and at both ends.
        features[0], features[1], features[2] = network.bends[0], 0, 1
        monkeypatch.setattr(module, "compiler_is_loaded", lambda: False)
        plain = network.predict(features)
        monkeypatch.setattr(module, "compiler_is_loaded", lambda: True)
        np.testing.assert_array_equal(network.predict(features), plain)


def test_other_networks_are_left_to_onnx_runtime() -> None:
    proto = onnx.load_from_string(separable(3, 7, seed=0))
    proto.graph.node[3].op_type = "Tanh"
    assert SeparableNetwork.read(proto.SerializeToString(), (0.0, 1.0)) is None
    proto.graph.node[3].op_type = "Relu"
    # A branch: the sum is of the input once more.
    proto.graph.node[4].input[0] = "h0"
    assert SeparableNetwork.read(proto.SerializeToString(), (0.0, 1.0)) is None


def test_input_of_another_width_is_refused() -> None:
    with pytest.raises(ModelError, match=r"takes input of shape \(n, 100\); got \(3, 99\)"):
        load_model().predict(np.zeros((3, 99), dtype=np.float32))


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(
        ModelError, match=r"no network is called 'NOSUCH'; there are: 07VEJJ, 3TXKFS, "
    ):
        load_model("NOSUCH")


def test_a_network_is_loaded_from_its_file(copied: Path) -> None:
    features = np.random.default_rng(1).random((5, 100), dtype=np.float32)
    np.testing.assert_array_equal(
        load_model(copied).predict(features), load_model("XPILJZ").predict(features)
    )


def test_a_missing_file_and_a_missing_card_are_told_apart(copied: Path) -> None:
    with pytest.raises(ModelError, match=r"other\.onnx: no such file"):
        load_model(copied.with_name("other.onnx"))
    copied.with_suffix(".json").unlink()
    with pytest.raises(ModelError, match=r"MINE00\.json: a network needs its card beside it"):
        load_model(copied)


def test_weights_of_another_training_are_refused(copied: Path) -> None:
    copied.write_bytes(copied.read_bytes() + b"\0")
    with pytest.raises(ModelError, match="are not those its card describes"):
        load_model(copied)


def test_a_damaged_card_is_named(copied: Path) -> None:
    card = copied.with_suffix(".json")
    card.write_text("{")
    with pytest.raises(ModelError, match="not a model card"):
        ModelCard.read(card)
    card.write_text('{"labels": [], "layers": []}')
    with pytest.raises(ModelError, match=r"not a model card.*name"):
        ModelCard.read(card)


def test_what_is_no_network_is_refused() -> None:
    card = load_model().card
    garbage = b"no network"
    sha256 = hashlib.sha256(garbage).hexdigest()
    with pytest.raises(ModelError, match="LOGNM1: not a network in ONNX"):
        Model(dataclasses.replace(card, sha256=sha256), garbage)


def test_weights_in_other_files_are_not_read() -> None:
    model = load_model("XPILJZ")
    network = onnx.load_from_string(model.weights)
    part = next(one for one in network.graph.initializer if one.name == "w1")
    part.ClearField("raw_data")
    part.data_location = onnx.TensorProto.EXTERNAL
    part.external_data.add(key="location", value="/etc/hostname")
    weights = network.SerializeToString()
    card = dataclasses.replace(model.card, sha256=hashlib.sha256(weights).hexdigest())
    with pytest.raises(ModelError, match="XPILJZ: keeps weights in other files"):
        Model(card, weights)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_network_is_refused(share: float) -> None:
    model = load_model("XPILJZ")
    weights = model.weights[: int(share * len(model.weights))]
    card = dataclasses.replace(model.card, sha256=hashlib.sha256(weights).hexdigest())
    with pytest.raises(ModelError, match="XPILJZ"):
        Model(card, weights)


def test_an_input_of_a_later_version_is_refused() -> None:
    model = load_model()
    with pytest.raises(ModelError, match="fed with 'telepathy', which this version"):
        Model(dataclasses.replace(model.card, input="telepathy"), model.weights)


def test_a_card_survives_writing_and_reading(tmp_path: Path) -> None:
    card = load_model().card
    path = tmp_path / "card.json"
    path.write_text(card.as_json(), encoding="utf-8")
    assert ModelCard.read(path) == card
