"""Fig. 3g and beyond: what is called clustered where nothing is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from accuracy import Size
from contestants import Contestant, contestants, network
from labels import cell, text
from store import Item, Store

import caml
from caml.classify import classified
from caml.simulate import Scenario, random_scenarios

__all__ = ["chance", "look", "rows"]

# Share rightly labelled in the paper, by 07VEJJ; above 90 % from 100/µm² on.
PAPER = {10: 0.845, 50: 0.892}
# A recurrent network of 1000 neighbours takes a minute for each cell of 1000/µm².
SLOW = ("87B144",)


def chance(store: Store, size: Size, pictures: Path) -> str:
    """Label and segment cells without clusters, as trained and with the default prior."""
    del pictures
    scenarios = random_scenarios()
    if size.quick:
        scenarios = tuple(replace(one, field_um=20) for one in scenarios[:3])
    networks = contestants("XPILJZ", "07VEJJ", "SHB8HY", "87B144", "LOGNM1")
    items = [
        Item(f"{text(scenario)} {scenario.field_um:g} {replicate}", (scenario, replicate))
        for replicate in range(size.replicates)
        for scenario in scenarios
    ]
    results = store.measure_networks("chance", items, networks, look)
    cells = f"{size.replicates} cell{'s' if size.replicates > 1 else ''} of each density."
    return f"{cells}\n\n{rows(results, items, scenarios, networks, 'µm²')}\n"


def rows(
    results: Mapping[str, Mapping[str, Sequence[float]]],
    items: Sequence[Item],
    scenarios: Sequence[Scenario],
    networks: Sequence[Contestant],
    unit: str,
) -> str:
    """Write a line for each density and network: what `look` found, over cells."""
    lines = [
        (
            f"| per {unit} | network | rightly labelled | paper | in clusters | rightly labelled, "
            "default prior | in clusters, default prior | largest of all cells |"
        ),
        "|---|---|---|---|---|---|---|---|",
    ]
    for scenario in scenarios:
        for one in networks:
            values = [
                results[item.key][one.name]
                for item in items
                if item.arguments[0] == scenario and one.name in results[item.key]
            ]
            if not values:
                continue
            table = np.array(values)
            means, deviations = table.mean(axis=0), table.std(axis=0, ddof=min(1, len(table) - 1))
            cells = [
                f"{mean:.4f} ± {deviation:.4f}"
                for mean, deviation in zip(means, deviations, strict=True)
            ]
            known = PAPER.get(int(scenario.density)) if one.name.startswith("07VEJJ") else None
            cells.insert(1, f"{known:.3f}" if known else "–")
            cells.append(f"{table[:, 3].max():.4f}")
            lines.append(f"| {scenario.density:g} | {one.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def look(
    scenario: Scenario, replicate: int, networks: Sequence[Contestant]
) -> dict[str, list[float]]:
    """Return shares rightly labelled and in clusters, as trained and with the default prior."""
    localizations = cell((scenario,), replicate).localizations
    found = {}
    for one in networks:
        if one.name in SLOW and replicate > 0:
            continue
        model = network(one.file)
        score = caml.classify(localizations, model, prior="balanced").score
        values = []
        for prior in ("balanced", "auto"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                labelled = classified(score, model.card, threshold=0.5, prior=prior)
            clusters = caml.segment(localizations, labelled, k=model.card.k)
            values += [
                float((labelled.label == 0).mean()),
                float((clusters.cluster >= 0).mean()),
            ]
        found[one.name] = [round(value, 6) for value in values]
    return found
