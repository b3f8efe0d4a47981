"""The cards of networks imported from Keras 2, and their names."""

import hashlib
from pathlib import Path

import pytest

from caml.errors import ModelError
from caml.models.imported import import_keras2
from keras2_by_hand import (
    CONV,
    check,
    small,
    write,
)


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
