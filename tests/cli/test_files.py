"""Files one after the other: what is said of each, and that one that fails ends nothing."""

import warnings
from pathlib import Path

import pytest

from caml.cli.files import each_file
from caml.errors import DataWarning, InputError


@pytest.mark.filterwarnings("default::RuntimeWarning")
def test_one_file_that_fails_does_not_end_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [(Path(f"{name}.csv"), Path("out") / name) for name in ("a", "b", "c")]

    def do(path: Path, place: Path) -> list[str]:
        if path.stem != "a":
            warnings.warn(DataWarning("one row is empty"), stacklevel=2)
            warnings.warn(DataWarning("one row is empty"), stacklevel=2)
            warnings.warn(DataWarning(f"{path}: in pixels"), stacklevel=2)
            warnings.warn(RuntimeWarning("invalid value in divide"), stacklevel=2)
        if path.stem == "b":
            raise InputError("no x")
        return [f"{path} -> {place}"]

    assert each_file(jobs, do) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"{path} -> {place}" for path, place in jobs if path.stem != "b"
    ]
    assert said.err.splitlines() == [
        "caml: warning: b.csv: one row is empty",
        "caml: warning: b.csv: in pixels",
        "caml: error: b.csv: no x",
        "caml: warning: c.csv: one row is empty",
        "caml: warning: c.csv: in pixels",
    ]
    assert each_file(jobs[:1], do) == 0
