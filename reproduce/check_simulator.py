"""Score the authors' weights and the shipped network on a pool that this package simulated.

    caml train XPILJZ --out training        # or with any other seed
    python reproduce/check_simulator.py training/pool

The authors' weights of XPILJZ scored 0.918 (F1) on their own pool; on one that was simulated
rightly they must come between 0.92 and 0.94. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from authors import authors_xpiljz

import caml
from caml.train.fit import measured, score_labels
from caml.train.networks import recipe
from caml.train.pool import Pool, PoolSettings


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pool", type=Path)
    folder = parser.parse_args().pool
    made = json.loads((folder / "pool.json").read_text())
    settings = PoolSettings(**{name: made[name] for name in PoolSettings.__slots__})
    pool = Pool.load(folder, settings, made["scenarios"])
    if pool is None:
        raise SystemExit(f"{folder} holds no whole pool")
    rows = pool.part("test")
    test = Pool(pool.distances[rows], pool.label[rows], settings)
    features = measured(recipe("XPILJZ"), test)
    print("| weights | accuracy | F1 of clustered | F1, mean of both | precision | recall |")
    print("|---|---|---|---|---|---|")
    for name, model in (("authors'", authors_xpiljz()), ("shipped", caml.load_model("XPILJZ"))):
        scores = score_labels(model.predict(features), test.label)
        cells = [scores[key] for key in ("accuracy", "f1", "f1_macro", "precision", "recall")]
        print(f"| {name} | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |")


if __name__ == "__main__":
    main()
