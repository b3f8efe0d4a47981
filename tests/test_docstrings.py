"""Public docstrings are whole: every parameter and result is said, nothing that is not there."""

import importlib
import pkgutil
from types import ModuleType

import pytest
from numpydoc.validate import validate

import caml

WANTED = {"GL06", "GL07", "GL08", "GL10", "PR01", "PR02", "PR03", "RT01", "SS01", "SS05", "YD01"}
# Click shows a command's docstring as its help, for people who read no numpydoc.
SHELLS = "caml.cli."


def public_names() -> list[str]:
    """List what modules without an underscore offer in their __all__, where it is defined."""
    found = set()
    modules = [
        importlib.import_module(one.name)
        for one in pkgutil.walk_packages(caml.__path__, "caml.")
        if "._" not in one.name and not one.name.startswith(SHELLS)
    ]
    for module in modules:
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if getattr(thing, "_is_protocol", False):
                continue
            if callable(thing) and not isinstance(thing, ModuleType) and thing.__doc__:
                home = getattr(thing, "__module__", "")
                if home.startswith("caml.") and getattr(thing, "__qualname__", "") == name:
                    found.add(f"{home}.{name}")
    return sorted(found)


def test_all_of_the_package_is_looked_at() -> None:
    assert {"caml.classify.classify", "caml.localizations.Localizations"} <= set(public_names())
    assert len(public_names()) > 50


@pytest.mark.parametrize("name", public_names())
def test_docstring_is_whole(name: str) -> None:
    faults = [text for code, text in validate(name)["errors"] if code in WANTED]
    assert faults == []
