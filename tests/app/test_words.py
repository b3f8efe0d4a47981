"""A page tells what can be done in the page, not in a terminal."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette", reason="needs the extra app")

import caml
from caml import _remedies
from caml.app.choices import FLAT, NEEDS, check_fits, offered, settings_of
from caml.app.words import IN_PAGE, in_page
from caml.errors import InputError
from caml.methods import METHODS

SOURCE = Path(caml.__file__).parent
# What a page calls, and what that calls.
REACHED = ("app", "analyse", "classify.py", "describe", "io", "localizations.py", "methods",
           "neighbours.py", "outline", "segment.py",
           "_cost.py", "_window.py")  # fmt: skip
TERMINAL = re.compile(
    r"--[a-z]|\(Python|projected\(\)|caml [a-z-]+ …|caml report|caml\.[a-z_]+\(|load_results\("
)
# Where no page comes: other settings than it gives, folders that it refuses before, workers it has
# not, and what only a terminal can do.
NOT_IN_PAGE = {
    "analyse/batch.py": "a folder that is there is refused by the page before",
    "analyse/crew.py": "workers of a scheduler",
    "analyse/jobs.py": "a folder that is there is refused by the page before",
    "analyse/ledger.py": "only --resume reads it",
    "analyse/one_file.py": "tiles of a batch: to go on is for the terminal, as docs/app.md says",
    "analyse/recorded.py": "to go on with a run that was interrupted is for the terminal, too",
    "analyse/tiled/run.py": "the same",
    "analyse/tiled/steps.py": "the same",
    "analyse/tiled/store.py": "the same",
    "analyse/two_channels.py": "a page analyses all channels as one",
    "app/serve.py": "is about starting the server",
    "app/bodies.py": "the size of uploads is an option of caml app itself",
    "_cost.py": "files at once: a page analyses one after the other",
    "describe/_describe.py": "a page outlines clusters before it describes them",
    "classify.py": "an image with z is projected before a network for 2D sees it",
}


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """Give the texts of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value


def test_no_message_that_a_page_shows_speaks_of_options() -> None:
    spoken: dict[str, list[tuple[int, str]]] = {}
    for name in REACHED:
        path = SOURCE / name
        for file in [path] if path.suffix else sorted(path.rglob("*.py")):
            for line, text in messages(file):
                if TERMINAL.search(text):
                    where = file.relative_to(SOURCE).as_posix()
                    spoken.setdefault(where, []).append((line, text))
    assert {name: found for name, found in spoken.items() if name not in NOT_IN_PAGE} == {}
    # No exception is left over.
    assert spoken.keys() >= NOT_IN_PAGE.keys()


def test_every_remedy_has_words_for_the_page() -> None:
    assert IN_PAGE.keys() == {getattr(_remedies, name) for name in _remedies.__all__}
    for remedy, words in IN_PAGE.items():
        assert in_page(f"It is so: {remedy}.") == f"It is so: {words}."
        assert not TERMINAL.search(words)


@pytest.mark.filterwarnings("ignore::caml.errors.NothingFoundWarning")
@pytest.mark.parametrize("method", [name for name in METHODS if name not in NEEDS])
def test_methods_know_the_dimensions_that_the_page_says(method: str) -> None:
    chosen = settings_of(method, {})
    check_fits(chosen, 2)
    METHODS[method](np.empty((0, 2)))
    if method in FLAT:
        with pytest.raises(InputError, match=f"{method} is for images without z: choose another"):
            check_fits(chosen, 3)
        with pytest.raises(InputError, match="is a method for 2D"):
            METHODS[method](np.empty((0, 3)))
    else:
        check_fits(chosen, 3)
        METHODS[method](np.empty((0, 3)))


def test_networks_that_need_z_are_refused_for_images_without() -> None:
    networks = [one for one in offered() if one["group"] == "Networks"]
    deep = [one for one in networks if not one["projects"]]
    assert deep
    for one in networks:
        settings = settings_of(one["value"], {})
        check_fits(settings, 3)
        assert one["fits"]["3"] == ""
        if one in deep:
            assert one["fits"]["2"] == "needs z, and this image has none"
            with pytest.raises(InputError, match="needs z, and this image has none: choose"):
                check_fits(settings, 2)
        else:
            check_fits(settings, 2)
            assert one["fits"]["2"] == ""
