"""Training, exporting, and the authors' own weights."""

import dataclasses
import hashlib
import importlib
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from caml.errors import ModelError
from caml.models import Model, load_model
from caml.simulate import training_scenarios
from caml.train.export import to_onnx
from caml.train.fit import FitSettings, measured, score_labels
from caml.train.networks import recipe, xpiljz
from caml.train.pool import Pool, PoolSettings, build_pool, digest
from caml.train.run import train

ROOT = Path(__file__).parents[2]
AUTHORS = ROOT.parent / "shared" / "data" / "caml_original" / "XPILJZ.h5"


def as_model(network: keras.Sequential, k: int, labels: tuple[str, ...]) -> Model:
    weights = to_onnx(network)
    card = load_model().card
    digest = hashlib.sha256(weights).hexdigest()
    return Model(dataclasses.replace(card, k=k, labels=labels, sha256=digest), weights)


@pytest.mark.parametrize(
    "stack",
    [
        [layers.Reshape((20, 1)), layers.Dense(8, activation="relu"), layers.Flatten()],
        [layers.Dense(16, activation="tanh"), layers.Dropout(0.3), layers.Dense(4)],
        [layers.Dense(5, use_bias=False, activation="sigmoid")],
    ],
)
@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_exported_outputs_equal_those_of_keras(stack: list[keras.Layer], last: str) -> None:
    keras.utils.set_random_seed(1)
    rebuilt = [layer.__class__.from_config(layer.get_config()) for layer in stack]
    network = keras.Sequential(
        [layers.Input((20,)), *rebuilt, layers.Dense(3, activation=last)], name="TEST00"
    )
    features = np.random.default_rng(2).random((50, 20), dtype=np.float32)
    expected = network.predict(features, verbose=0)
    np.testing.assert_allclose(
        as_model(network, 20, ("a", "b", "c")).predict(features), expected, atol=1e-5
    )


def test_layers_and_activations_that_are_not_known_are_refused() -> None:
    network = keras.Sequential([layers.Input((20,)), layers.LayerNormalization()])
    with pytest.raises(ModelError, match="LayerNormalization cannot be written as ONNX yet"):
        to_onnx(network)
    network = keras.Sequential([layers.Input((20,)), layers.Dense(2, activation="selu")])
    with pytest.raises(ModelError, match="'selu' cannot be written"):
        to_onnx(network)


def test_xpiljz_is_the_papers_stack() -> None:
    assert xpiljz(100).count_params() == 3265
    assert xpiljz(1000).count_params() == 32065
    with pytest.raises(ModelError, match="'NOSUCH'; there are: XPILJZ"):
        recipe("NOSUCH")


def test_scores_by_hand() -> None:
    scores = score_labels(np.array([0.9, 0.5, 0.4, 0.2, 0.1, 0.6]), np.array([1, 1, 1, 0, 0, 0]))
    assert scores["confusion"] == [[2, 1], [1, 2]]
    assert scores["accuracy"] == pytest.approx(4 / 6, abs=1e-5)
    assert scores["precision"] == scores["recall"] == scores["f1"]
    assert scores["f1"] == pytest.approx(2 / 3, abs=1e-5)


FEW = training_scenarios()[::10]


@pytest.fixture(scope="module")
def pool_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a small pool of every tenth training scenario, where `train` will find it."""
    settings = PoolSettings(n_train=4000, n_validation=1000, n_test=3000, n_replicates=1)
    folder = tmp_path_factory.mktemp("pool")
    build_pool(FEW, settings, n_jobs=1).save(folder)
    return folder


SMALL = PoolSettings(n_train=4000, n_validation=1000, n_test=3000, n_replicates=1)


def test_a_network_is_trained_exported_and_described(pool_folder: Path) -> None:
    seen: list[int] = []
    training = train(
        "XPILJZ",
        scenarios=FEW,
        pool=SMALL,
        settings=FitSettings(n_epochs=4, patience=2),
        pool_folder=pool_folder,
        on_epoch=lambda number, logs: seen.append(number),  # noqa: ARG005 - the callback's shape
    )
    card = training.model.card
    assert seen == [1, 2, 3, 4]
    assert card.n_parameters == 3265
    assert card.scenarios == f"72 scenarios ({digest(FEW)}), 1 images each"
    assert card.layers == ("Reshape (100, 1)", "Dense 32 relu", "Flatten", "Dense 1 sigmoid")
    assert card.metrics["accuracy"] > 0.85
    assert card.training["n_train"] == 4000
    assert set(card.versions) == {"caml", "python", "keras", "jax", "numpy", "scipy", "onnx"}
    assert {len(values) for values in training.curves.values()} == {4}


@pytest.mark.skipif(not AUTHORS.exists(), reason="the authors' weights are not here")
def test_the_authors_weights_score_as_published_on_our_simulation(
    pool_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 0.9180 on their own pool, 0.93 on ours of 100,000; 3,000 test localizations are within 0.015
    # of that by three standard errors. Ours, on the same, no less than 0.01 below.
    monkeypatch.syspath_prepend(str(ROOT / "reproduce"))
    original = importlib.import_module("authors").authors_xpiljz()
    pool = Pool.load(pool_folder, SMALL, digest(FEW))
    assert pool is not None
    features, label = measured(recipe("XPILJZ"), pool), pool.label
    authors = score_labels(original.predict(features), label)["accuracy"]
    ours = score_labels(load_model().predict(features), label)["accuracy"]
    assert 0.915 <= authors <= 0.945
    assert ours >= authors - 0.01
