"""Names of networks."""

import pytest

from caml.errors import ModelError
from caml.models.naming import check_name, generated_name, is_name


@pytest.mark.parametrize("text", ["XPILJZ", "07VEJJ", "123456", "ABCDEF"])
def test_six_capital_letters_and_digits_are_a_name(text: str) -> None:
    assert is_name(text)
    assert check_name(text) == check_name(text.lower()) == text


@pytest.mark.parametrize(
    "text", ["", "XPILJ", "XPILJZZ", "XPIL Z", "XPIL-Z", "XPILJZ\n", "XPILJÄ", "XPILJ٣", "../../"]
)
def test_anything_else_is_none(text: str) -> None:
    assert not is_name(text)
    with pytest.raises(ModelError) as caught:
        check_name(text)
    assert str(caught.value) == (
        f"a network's name has six letters and digits, got {text!r}; try auto"
    )


def test_small_letters_are_no_name_but_can_be_made_one() -> None:
    assert not is_name("xpiljz")
    assert check_name("xpilJz") == "XPILJZ"


def test_made_up_names_use_all_characters_and_have_a_letter() -> None:
    names = [generated_name(f"content {number}", []) for number in range(2000)]
    assert all(map(is_name, names))
    assert not any(name.isdigit() for name in names)
    # 36⁶ names: two of 2,000 are the same once in a thousand times.
    assert len(set(names)) == 2000
    assert {character for name in names for character in name} == set(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    )


def test_the_same_content_has_the_same_name_and_one_that_is_taken_is_passed_over() -> None:
    first = generated_name("a network", [])
    assert generated_name("a network", {"XPILJZ"}) == first
    taken = [first]
    for _ in range(5):
        taken.append(generated_name("a network", taken))
    assert len(set(taken)) == 6
    # Whatever is taken besides, the order of the names is that of the content.
    assert generated_name("a network", iter(taken[:3])) == taken[3]
    assert generated_name("a network", [*taken[1:], "XPILJZ"]) == first


def test_a_name_of_digits_alone_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    from caml.models import naming

    monkeypatch.setattr(naming, "CHARACTERS", "0123456789" * 3 + "ABCDEF")
    # Half of all names would have no letter.
    names = [generated_name(str(number), []) for number in range(50)]
    assert not any(name.isdigit() for name in names)
