"""Network inputs by hand."""

import sys

import numpy as np
import pytest

from caml.errors import ModelError
from caml.features import features, norm_self
from caml.neighbours import Neighbours


def test_norm_self_by_hand() -> None:
    # Steps 2, 1, 5, 0: smallest 0, largest 5.
    scaled = norm_self(np.array([[2.0, 3.0, 8.0, 8.0]]))
    np.testing.assert_allclose(scaled, [[0.4, 0.2, 1.0, 0.0]], rtol=1e-6)
    assert scaled.dtype == np.float32


def test_norm_self_of_equal_steps_is_nought() -> None:
    assert norm_self(np.array([[3.0, 6.0, 9.0], [0.0, 0.0, 0.0]])).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("scale", [1e-3, 7.0, 1e6])
def test_norm_self_is_free_of_scale(scale: float) -> None:
    distances = np.sort(np.random.default_rng(1).random((50, 20)), axis=1)
    np.testing.assert_allclose(norm_self(scale * distances), norm_self(distances), atol=1e-6)


def test_norm_self_leaves_its_input_alone() -> None:
    distances = np.array([[1.0, 3.0]])
    norm_self(distances)
    assert distances.tolist() == [[1.0, 3.0]]


def test_an_unknown_input_is_named_with_the_known() -> None:
    with pytest.raises(ModelError, match="'norm_other'; there are: norm_self"):
        features(Neighbours(np.ones((1, 1)), np.ones((1, 1), dtype=int)), "norm_other")


def test_the_compiled_input_has_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(2)
    distances = np.sort(generator.gamma(2, 50, (300, 101)).astype(np.float32), axis=1)
    distances[0] = 0
    distances[1] = np.arange(1, 102)
    monkeypatch.setattr(sys.modules["caml.features"], "compiler_is_loaded", lambda: False)
    plain = norm_self(distances)
    monkeypatch.setattr(sys.modules["caml.features"], "compiler_is_loaded", lambda: True)
    np.testing.assert_array_equal(norm_self(distances), plain)
    assert plain[0].max() == plain[1].max() == 0
