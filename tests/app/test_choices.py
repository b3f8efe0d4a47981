"""What a page offers, and what it makes of what is typed."""

import json

import pytest

pytest.importorskip("starlette", reason="needs the extra app")

from caml.app.choices import PURPOSES, offered, settings_of
from caml.errors import InputError
from caml.methods import METHODS


def test_all_networks_and_methods_are_offered_with_a_purpose() -> None:
    choices = offered()
    assert choices[0]["value"] == "caml:LOGNM1"
    assert all(one["purpose"] for one in choices)
    assert PURPOSES.keys() == METHODS.keys() <= {one["value"] for one in choices}
    json.dumps(choices)


@pytest.mark.parametrize("choice", [one["value"] for one in offered()])
def test_what_is_offered_can_be_taken_as_it_is(choice: str) -> None:
    (one,) = (one for one in offered() if one["value"] == choice)
    texts = {parameter["name"]: parameter["value"] for parameter in one["parameters"]}
    assert settings_of(choice, texts) == settings_of(choice, {})


def test_parameters_are_read_as_the_command_reads_them() -> None:
    settings = settings_of("caml:XPILJZ", {"threshold": "0.7", "prior": "0.2"})
    assert (settings.model, settings.threshold, settings.prior) == ("XPILJZ", 0.7, 0.2)
    assert settings_of("hdbscan", {"min_cluster_size": "9"}).parameters["min_cluster_size"] == 9


@pytest.mark.parametrize(
    ("choice", "parameters", "words"),
    [
        ("caml:NONE42", {}, "no network is called 'NONE42'"),
        ("caml:../../x.onnx", {}, "by name"),
        ("nothing", {}, "no method is called 'nothing'"),
        ("caml:LOGNM1", {"threshold": "2"}, "a threshold is a number from 0 to 1, got '2'"),
        ("caml:LOGNM1", {"prior": "nan"}, "a prior is auto"),
        ("caml:LOGNM1", {"eps_nm": "2"}, "networks have no parameter eps_nm"),
        ("dbscan", {"eps_nm": "wide"}, "eps_nm is a number, got 'wide'"),
        ("dbscan", {"eps": "3"}, "dbscan has no parameter 'eps'"),
    ],
)
def test_what_cannot_be_used_is_told(choice: str, parameters: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        settings_of(choice, parameters)
