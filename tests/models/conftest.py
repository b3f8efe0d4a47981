"""What tests of imported networks share."""

import pytest

from caml.models import imported


@pytest.fixture(autouse=True)
def without_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the cells that an import simulates: they take seconds each time."""
    monkeypatch.setattr(imported, "shares_by_chance", lambda _: 0.0123)
