"""The paper's extensions on cells that no network learnt from: three dimensions, three labels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import chance
import numpy as np
from accuracy import COLUMNS, PAIRS, Size, coarse, measured, table
from contestants import Contestant, contestants, network
from labels import cell, text
from store import Item, Store

import caml
from caml.simulate import Scenario, fibre_scenarios, random_scenarios

__all__ = ["kinds", "solid"]

KINDS = ("not clustered", "round", "fibre")
# Fibre cells between those that 3TXKFS learnt from: other radii and numbers.
HALF_WIDTHS_NM = (15, 30)
RADII_NM = (30, 45)


def solid(store: Store, size: Size, pictures: Path) -> str:
    """3D: balls in cells 500 nm high, and cells without clusters."""
    del pictures
    networks = contestants("GAXJPR")
    scenarios = coarse(PAIRS, n_dimensions=3)
    found = measured(store, "solid", scenarios, networks, replace(size, replicates=1))
    rows = {
        f"{d}/µm³, {n} per ball": [
            text(one) for one in scenarios if (one.density, one.n_per_cluster) == (d, n)
        ]
        for d, n in PAIRS
    } | {"all": [text(one) for one in scenarios]}
    randoms = tuple(replace(one, n_dimensions=3) for one in random_scenarios())
    if size.quick:
        randoms = tuple(replace(one, field_um=20) for one in randoms[2:3])
    replicates = min(size.replicates, 3)
    items = [
        Item(f"{text(one)} {one.field_um:g} {replicate}", (one, replicate))
        for replicate in range(replicates)
        for one in randoms
    ]
    results = store.measure_networks("solid_chance", items, networks, chance.look)
    return (
        f"One cell of each scenario, {size.n:,} localizations of each.\n\n"
        f"{table(found, COLUMNS, rows)}\n\nWhere nothing is clustered:\n\n"
        f"{chance.rows(results, items, randoms, networks, 'µm³')}\n"
    )


def kinds(store: Store, size: Size, pictures: Path) -> str:
    """Three labels: which share of each kind is called what."""
    del pictures
    networks = contestants("3TXKFS")
    cells = fibre_scenarios()
    others = tuple(
        tuple(replace(one, radius_nm=half if one.shape == "fibre" else radius) for one in cells[0])
        for half, radius in product(HALF_WIDTHS_NM, RADII_NM)
    )
    chosen = {
        "as it learnt from": cells[:: len(cells) // (2 if size.quick else 24)],
        "sizes in between": others[: 1 if size.quick else None],
    }
    items = {
        group: [Item(" + ".join(map(text, one)), (one,)) for one in scenarios]
        for group, scenarios in chosen.items()
    }
    every = [item for group in items.values() for item in group]
    results = store.measure_networks("kinds", every, networks, confuse)
    lines = [
        "| cells | truly | " + " | ".join(f"called {kind}" for kind in KINDS) + " |",
        "|---|---|" + "---|" * len(KINDS),
    ]
    for group, held in items.items():
        for one in networks:
            shares = np.mean([results[item.key][one.name] for item in held], axis=0)
            for kind, row in zip(KINDS, shares, strict=True):
                cells_of_row = " | ".join(f"{value:.3f}" for value in row)
                lines.append(f"| {len(held)} {group} | {kind} | {cells_of_row} |")
    return "\n".join(lines) + "\n"


def confuse(
    scenarios: Sequence[Scenario], networks: Sequence[Contestant]
) -> dict[str, list[list[float]]]:
    """Return, for each network, the share of each true kind that is called each kind."""
    simulation = cell(scenarios, 0)
    found = {}
    for one in networks:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            label = caml.classify(simulation.localizations, network(one.file)).label
        rows: list[list[Any]] = []
        for kind in range(len(KINDS)):
            called = label[simulation.true_label == kind]
            rows.append([round(float((called == other).mean()), 5) for other in range(len(KINDS))])
        found[one.name] = rows
    return found
