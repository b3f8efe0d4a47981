"""Lists of scenarios in a TOML file, for networks that learn from other clusters."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from caml.errors import MissingFileError, ScenarioError
from caml.simulate.scenario import Scenario

__all__ = ["read_scenarios"]

FIELDS = {field.name: field.type for field in dataclasses.fields(Scenario)}
TEXTS = ("shape", "detection_law", "depleted_centre")
COUNTS = ("n_per_cluster", "n_dimensions")
MOST_CELLS = 20_000
# No length or density in any unit.
LARGEST = 10**18


def read_scenarios(path: Path) -> tuple[tuple[Scenario, ...], ...]:
    r"""Read from a TOML file what to simulate.

    Parameters
    ----------
    path : Path
        The file: a table ``[[cell]]`` for each kind of cell, with the names of `Scenario`. A list
        of values stands for each of them, several lists for all combinations. ``viable = true``
        keeps only those that the paper would train on. Tables ``[[cell.beside]]`` put more kinds of
        clusters into the same cell.

    Returns
    -------
    tuple of tuple of Scenario
        What each cell holds.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ScenarioError
        If it is no TOML, or names what no scenario has, or values that none can have.

    Examples
    --------
    >>> import tempfile
    >>> text = "[[cell]]\ndensity = [50, 100]\nradius_nm = [25, 50, 75]\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "my.toml"
    ...     _ = path.write_text(text)
    ...     len(read_scenarios(path))
    6
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise MissingFileError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read as text ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from error
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"{path}: no list of scenarios ({error})") from error
    if unknown := set(content) - {"cell"}:
        raise ScenarioError(
            f"{path}: expected tables [[cell]], found {', '.join(sorted(unknown))} outside of them"
        )
    tables = content.get("cell", [])
    if not _are_tables(tables) or not tables:
        raise ScenarioError(f"{path}: expected at least one table [[cell]] with a density")
    cells: list[tuple[Scenario, ...]] = []
    for number, table in enumerate(tables, start=1):
        where = f"{path}: [[cell]] {number}"
        beside = table.pop("beside", [])
        if not _are_tables(beside):
            raise ScenarioError(f"{where}: beside must be tables [[cell.beside]]")
        viable = table.pop("viable", False)
        if not isinstance(viable, bool):
            raise ScenarioError(f"{where}: viable must be true or false, got {viable!r}")
        n_combined = prod(
            len(value) for one in (table, *beside) for value in one.values() if _is_list(value)
        )
        if n_combined + len(cells) > MOST_CELLS:
            raise ScenarioError(f"{where}: more than {MOST_CELLS:,} combinations ({n_combined:,})")
        own = [one for one in _combined(table, where) if not viable or one.is_viable]
        others = [
            list(_combined(one, f"{where}, [[cell.beside]] {place}"))
            for place, one in enumerate(beside, start=1)
        ]
        cells += product(own, *others)
    if not cells:
        raise ScenarioError(f"{path}: none of the scenarios is viable as the paper means it")
    return tuple(cells)


def _are_tables(value: Any) -> bool:
    return _is_list(value) and all(isinstance(one, dict) for one in value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _combined(table: Mapping[str, Any], where: str) -> Iterator[Scenario]:
    """Make a scenario of each combination of a table's values."""
    if unknown := [name for name in table if name not in FIELDS]:
        raise ScenarioError(
            f"{where}: no scenario has {', '.join(unknown)}; known: {', '.join(FIELDS)}"
        )
    if "density" not in table:
        raise ScenarioError(f"{where}: density is missing, localizations per µm² (3D: per µm³)")
    values = [one if _is_list(one) else [one] for one in table.values()]
    if empty := [name for name, given in zip(table, values, strict=True) if not given]:
        raise ScenarioError(f"{where}: {', '.join(empty)} has no value")
    for name, given in zip(table, values, strict=True):
        what: str = "numbers"
        wanted: tuple[type, ...] = (int, float)
        if name in TEXTS:
            what, wanted = "text", (str,)
        elif name in COUNTS:
            what, wanted = "whole numbers", (int,)
        wrong = [
            one
            for one in given
            if isinstance(one, bool)
            or not isinstance(one, wanted)
            or (isinstance(one, int) and abs(one) > LARGEST)
        ]
        if wrong:
            raise ScenarioError(f"{where}: {name} must be {what}, got {wrong[0]!r}")
    for combination in product(*values):
        try:
            yield Scenario(**dict(zip(table, combination, strict=True)))
        except (ScenarioError, ArithmeticError) as error:
            raise ScenarioError(f"{where}: {error}") from error
