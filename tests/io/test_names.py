import pytest

from caml.io._names import free_name, unique_names


@pytest.mark.parametrize(
    ("taken", "expected"),
    [([], "a"), (["b"], "a"), (["a"], "a_2"), (["a", "a_2"], "a_3"), (["a", "a_3"], "a_2")],
)
def test_a_name_that_is_taken_gets_the_first_free_number(taken: list[str], expected: str) -> None:
    assert free_name("a", taken, separator="_", first=2) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["x", "y"], ["x", "y"]),
        (["x", "x", "x"], ["x", "x.1", "x.2"]),
        (["x", "x.1", "x"], ["x", "x.1", "x.2"]),
        (["x", "x", "x.1"], ["x", "x.1", "x.1.1"]),
        (["", ""], ["", ".1"]),
    ],
)
def test_names_become_unique_in_their_order(names: list[str], expected: list[str]) -> None:
    assert unique_names(names) == expected
    assert unique_names(iter(names)) == expected
