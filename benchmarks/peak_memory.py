"""What the memory of `classify` grows to: n localizations evenly spread, and the peak in MB.

python benchmarks/peak_memory.py XPILJZ 1000000
"""

from __future__ import annotations

import resource
import sys

import numpy as np

import caml

if __name__ == "__main__":
    model, n = sys.argv[1], int(sys.argv[2])
    # To make cells would take more memory than to classify them.
    positions = np.random.default_rng(0).uniform(0, np.sqrt(n / 100) * 1000, (n, 2))
    caml.classify(positions, model)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)
