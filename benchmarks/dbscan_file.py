"""What a user of scikit-learn runs: a table in, the same table with labels out.

python benchmarks/dbscan_file.py TABLE.csv RESULT.csv [--hdbscan]
"""

from __future__ import annotations

import sys

import pandas as pd
from sklearn.cluster import DBSCAN, HDBSCAN

if __name__ == "__main__":
    source, target = sys.argv[1:3]
    table = pd.read_csv(source)
    positions = table[["x [nm]", "y [nm]"]].to_numpy()
    if "--hdbscan" in sys.argv:
        method = HDBSCAN(min_cluster_size=10, n_jobs=-1, copy=True)
    else:
        method = DBSCAN(eps=30, min_samples=10, n_jobs=-1)
    table["cluster"] = method.fit(positions).labels_
    table.to_csv(target, index=False)
