"""The table of networks: the paper's accuracy, the authors' weights on our pool, and ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from accuracy import Size
from contestants import ORIGINAL, network
from pools import paper_pool
from store import Item, Store

from caml.models import ModelCard, list_models
from caml.train.pool import Pool
from caml.train.scores import evaluate_network

__all__ = ["networks"]

# Test accuracy, and what was hoped for, on pools of another simulator.
PAPER = {
    "XPILJZ": "0.920",
    "07VEJJ": "0.924",
    "SHB8HY": "0.940",
    "87B144": "0.940",
    "GAXJPR": "0.975",
    "3TXKFS": "“reasonably high”",
    "XYREL1": "about 0.94",
}


def networks(store: Store, size: Size, pictures: Path) -> str:
    """List every network with its accuracy, and that of the authors' weights on our pool."""
    del pictures
    authors = _authors(store, size)
    lines = [
        (
            "| network | input | k | layers | parameters | paper | authors' weights, our "
            "pool | ours | F1 | calibration error | passes, training on 2 cores |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for card in sorted(list_models(), key=lambda one: (one.k, one.name)):
        theirs = authors.get(card.name)
        known = f"{theirs['accuracy']:.4f}" if theirs else "–"
        error = card.metrics.get("calibration_error")
        cells = [
            card.name,
            f"{card.input}, {card.n_dimensions}D",
            str(card.k),
            ", ".join(_short(layer) for layer in card.layers),
            f"{card.n_parameters:,}",
            PAPER.get(card.name, "–"),
            known,
            f"{card.metrics['accuracy']:.4f}",
            f"{card.metrics['f1']:.4f}",
            "–" if error is None or len(card.labels) > 2 else f"{error:.4f}",
            f"{card.training['n_epochs_run']}, {_duration(card)}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _authors(store: Store, size: Size) -> dict[str, dict[str, Any]]:
    """Score the authors' weights on the pool that XPILJZ was tested on, made anew if need be."""
    files = sorted(ORIGINAL.glob("*.h5")) if ORIGINAL.exists() else []
    items = {file.stem: Item(f"{file.stem} {size.quick}", ()) for file in files}
    known = store.known("authors")
    if any(item.key not in known for item in items.values()):
        pool = paper_pool(store, size)
        for file in files:
            item = Item(items[file.stem].key, (file, pool))
            store.measure("authors", [item], score_authors)
    known = store.known("authors")
    return {name: known[item.key] for name, item in items.items()}


def score_authors(file: Path, pool: Pool) -> dict[str, Any]:
    """Score a network of the authors on the test part of our pool."""
    return evaluate_network(network(str(file)), pool).summary()


def _short(layer: str) -> str:
    return layer.replace("MaxPooling1D", "MaxPool").replace("Reshape (100, 1)", "each")


def _duration(card: ModelCard) -> str:
    seconds = float(card.training.get("seconds", 0))
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
