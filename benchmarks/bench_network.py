"""Time a network by the number of localizations it is given at once, and the whole classification.

    python benchmarks/bench_network.py

Why `caml.models` runs networks in batches of 1,024. Prints a Markdown table.
"""

from __future__ import annotations

import time

import numpy as np

import caml

N = 65_536
BATCHES = (256, 1_024, 4_096, 16_384)


def main() -> None:
    model = caml.load_model("XPILJZ")
    features = np.random.default_rng(0).random((N, model.card.k), dtype=np.float32)
    session = model._session  # noqa: SLF001 - past the batches that `predict` makes
    name = session.get_inputs()[0].name
    print("| localizations at once | µs each, best of 5 | largest value in the network, MB |")
    print("|---|---|---|")
    for batch in BATCHES:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            for first in range(0, N, batch):
                session.run(None, {name: features[first : first + batch]})
            times.append(time.perf_counter() - start)
        size = batch * model.card.k * 32 * 4 / 1e6
        print(f"| {batch:,} | {min(times) / N * 1e6:.2f} | {size:.0f} |", flush=True)


if __name__ == "__main__":
    main()
