"""The package as a whole: what importing it costs and means."""

import subprocess
import sys

import pytest

HEAVY = {"numpy", "pandas", "scipy", "shapely", "matplotlib", "onnxruntime", "keras", "jax", "onnx"}
SERVER = {"starlette", "uvicorn", "anyio"}


def modules_after(code: str) -> set[str]:
    listing = f"{code}; import sys; print(*sorted(sys.modules), sep='\\n')"
    run = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    return {line.partition(".")[0] for line in run.stdout.splitlines()}


@pytest.mark.parametrize("code", ["import caml", "import caml.cli"])
def test_importing_loads_nothing_heavy(code: str) -> None:
    assert modules_after(code) & (HEAVY | SERVER) == set()


def test_analysing_needs_no_training_framework() -> None:
    loaded = modules_after("import caml; caml.analyse; import caml.plot, caml.cli.analyse")
    assert loaded & ({"keras", "jax", "onnx"} | SERVER) == set()


@pytest.mark.parametrize(
    "first", ["import caml.classify", "from caml.segment import segment", "import caml.analyse"]
)
def test_stages_are_functions_whichever_module_is_imported_first(first: str) -> None:
    code = (
        f"{first}; import caml; "
        "assert all(callable(getattr(caml, s)) for s in "
        "('read', 'classify', 'segment', 'outline', 'describe', 'analyse')); "
        "assert caml.simulate.training_scenarios"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_everything_public_is_there() -> None:
    import caml

    assert all(hasattr(caml, name) for name in caml.__all__)
    assert dir(caml) == sorted(caml.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_the_kind'"):
        _ = caml.nothing_of_the_kind
