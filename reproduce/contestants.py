"""The networks that are compared: ours, and the authors' where their files are at hand."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import caml
from caml.models import list_models
from caml.models.imported import import_keras2

__all__ = ["ORIGINAL", "SHARED", "Contestant", "contestants", "network"]

# Data of others, beside the repository and never in it.
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
ORIGINAL = SHARED / "caml_original"
# Their files have the names that ours have; here they are told apart.
AUTHORS = {"XPILJZ": "XPAUTH", "07VEJJ": "07AUTH"}


@dataclass(frozen=True)
class Contestant:
    """A network that is compared.

    Parameters
    ----------
    name : str
        As it stands in tables.
    file : str
        The name of one of ours, or the path of one of the authors'.
    sha256 : str
        Of its weights.
    """

    name: str
    file: str
    sha256: str

    @property
    def key(self) -> str:
        """What it is called where results are kept: another training has another one."""
        return f"{self.name} {self.sha256[:8]}"


@cache
def network(file: str) -> caml.Model:
    """Load a network, once in each process.

    Parameters
    ----------
    file : str
        As `Contestant` has it.

    Returns
    -------
    Model
        Ready to run.
    """
    path = Path(file)
    if path.suffix == ".h5":
        return import_keras2(path, name=AUTHORS[path.stem])
    return caml.load_model(file)


def contestants(*names: str) -> tuple[Contestant, ...]:
    """List the networks of some names, ours and after each the authors' of the same name.

    Parameters
    ----------
    *names : str
        The names; those that are not there are left out.

    Returns
    -------
    tuple of Contestant
        In this order.
    """
    ours = {card.name: card.sha256 for card in list_models()}
    found = []
    for name in names:
        if name in ours:
            found.append(Contestant(name, name, ours[name]))
        original = ORIGINAL / f"{name}.h5"
        if original.exists():
            sha256 = hashlib.sha256(original.read_bytes()).hexdigest()
            found.append(Contestant(f"{name} (authors')", str(original), sha256))
    return tuple(found)
