"""Everything that ``caml`` raises or warns of, one tree each.

::

    CamlError                     anything caml refuses to do
    ├── InputError                a value that cannot be used (also a ValueError)
    │   ├── TableError            a localization table: its columns, units, numbers
    │   ├── RegionError           a region of interest: its file, its outline
    │   ├── ScenarioError         a simulation that cannot be made
    │   └── ModelError            a network: its name, its files, its input
    ├── MissingFileError          a file that is not there (also a FileNotFoundError)
    ├── OutputError               a result that cannot be written (also an OSError)
    ├── WorkersError              processes or a cluster of machines that cannot do the work
    └── MissingExtraError         an optional dependency (also an ImportError)

    CamlWarning (UserWarning)     the result stands, and something should be known
    ├── DataWarning               rows or localizations that could not be used
    └── NothingFoundWarning       an empty result

A message says what was expected, what came, and what to do.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "CamlError",
    "CamlWarning",
    "DataWarning",
    "InputError",
    "MissingExtraError",
    "MissingFileError",
    "ModelError",
    "NothingFoundWarning",
    "OutputError",
    "RegionError",
    "ScenarioError",
    "TableError",
    "WorkersError",
]


class CamlError(Exception):
    """Base of everything that caml raises on purpose."""


class InputError(CamlError, ValueError):
    """A value that cannot be used."""


class TableError(InputError):
    """A localization table that cannot be read as one.

    Parameters
    ----------
    problem : str
        What was expected, what came, and what to do.
    path : Path, optional
        The file.
    line : int, optional
        The line in the file, counted from 1.
    """

    def __init__(self, problem: str, *, path: Path | None = None, line: int | None = None) -> None:
        self.path, self.line = path, line
        place = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
        super().__init__(place + problem)


class RegionError(InputError):
    """A region of interest that cannot be used."""


class ScenarioError(InputError):
    """A scenario that cannot be simulated."""


class ModelError(InputError):
    """A network that is not known, not whole, or not made for this input."""


class MissingFileError(CamlError, FileNotFoundError):
    """A file that is not there, or is no file."""


class OutputError(CamlError, OSError):
    """A result that cannot be written."""


class WorkersError(CamlError, RuntimeError):
    """Processes, or a Dask cluster, that cannot be reached or cannot do the work."""


class MissingExtraError(CamlError, ImportError):
    """An optional dependency that is not installed."""


class CamlWarning(UserWarning):
    """Base of everything that caml warns of."""


class DataWarning(CamlWarning):
    """Data that could not be used as they are: rows, columns, clusters; and how many."""


class NothingFoundWarning(CamlWarning):
    """An empty result."""
