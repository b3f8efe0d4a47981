"""The known values of the method on public data, with the authors' weights."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from caml.models import imported

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture
def check_values(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "reproduce"))
    # What is called by chance is for other priors than these scores have.
    monkeypatch.setattr(imported, "shares_by_chance", lambda _: [])
    yield importlib.import_module("check_values")
    for name in ("accuracy", "check_values", "contestants", "figures", "labels", "store"):
        sys.modules.pop(name, None)


@pytest.mark.skipif(
    not (SHARED / "nieves2023").exists(), reason="the benchmark of Nieves et al. is not here"
)
@pytest.mark.parametrize("kind", ["molecules", "blinking"])
def test_scores_on_the_public_benchmark(kind: str, check_values: ModuleType) -> None:
    authors = check_values.network(str(SHARED / "caml_original" / "XPILJZ.h5"))
    found = check_values.scores(kind, authors)
    known = dict(check_values.KNOWN[kind])
    if "csr_clusters" in known:
        # "About 5" clusters in each image without any.
        assert abs(found.pop("csr_clusters") - known.pop("csr_clusters")) < 1.5
    assert found == {name: pytest.approx(value, abs=0.02) for name, value in known.items()}
