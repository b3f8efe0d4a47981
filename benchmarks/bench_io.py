"""Time reading and writing of tables and outlines against pandas and shapely in the same run.

    python benchmarks/bench_io.py                  # 10⁶ localizations, 25,000 clusters
    python benchmarks/bench_io.py --n 10000000     # more; outlines in proportion

Localizations are uniform, with the columns of a result; outlines are discs of 150 corners; all
from fixed seeds. Times are the best of three runs, writing with the flush to disk. The ratio is
how many times as long `DataFrame.to_csv`, `pandas.read_csv`, `to_parquet`, `read_parquet`, or
`shapely.to_geojson` and `json` for each cluster take. The box is a hundredth of the area of a
table that is sorted by y, in row groups and in ten parts; its ratio is to reading the whole. Prints
a Markdown table, and at the end the peak of memory, with what pandas took before.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from caml.describe import describe
from caml.io import read, write_outlines, write_table
from caml.localizations import Localizations, Region
from caml.segment import Segmentation

RUNS = 3
FIELD_NM = 150_000.0
PER_CLUSTER = 40


def make_table(n: int) -> pd.DataFrame:
    """Draw the table of a result; y is sorted, as a stage that scans leaves it."""
    generator = np.random.default_rng(n)
    return pd.DataFrame(
        {
            "frame": generator.integers(1, 20_000, n),
            "x_nm": generator.uniform(0, FIELD_NM, n),
            "y_nm": np.sort(generator.uniform(0, FIELD_NM, n)),
            "intensity": generator.lognormal(7, 1, n).round(1),
            "uncertainty": generator.uniform(5, 20, n),
            "score": generator.random(n).round(6),
            "label": generator.integers(0, 2, n, dtype=np.int8),
            "cluster": generator.integers(-1, n // PER_CLUSTER, n),
        }
    )


def make_outlines(n: int) -> np.ndarray:
    """Draw outlines of some 150 corners."""
    generator = np.random.default_rng(n)
    centres = shapely.points(generator.uniform(0, FIELD_NM, (n, 2)))
    return shapely.buffer(centres, generator.uniform(20, 80, n), quad_segs=37)


def best(function: Callable[[], object], runs: int = RUNS) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def outlines_by_shapely(path: Path, outlines: np.ndarray, properties: pd.DataFrame) -> None:
    rounded = shapely.transform(outlines, lambda xy: np.round(xy, 3))
    rows = zip(shapely.to_geojson(rounded), properties.to_dict("records"), strict=True)
    with path.open("w", encoding="utf-8") as file:
        for geometry, row in rows:
            file.write(f'{{"properties": {json.dumps(row)}, "geometry": {geometry}}}\n')


def described(table: pd.DataFrame, outlines: np.ndarray) -> Callable[[], object]:
    localizations = Localizations(
        table[["x_nm", "y_nm"]].to_numpy(),
        region=Region.rectangle(0, 0, FIELD_NM, FIELD_NM),
    )
    ids = np.resize(np.repeat(np.arange(len(outlines)), PER_CLUSTER // 2), len(table))
    ids[len(table) // 2 :] = -1
    segmentation = Segmentation(ids, outlines=outlines)
    return lambda: describe(localizations, segmentation)


def line(stage: str, seconds: float, peer: float | None = None) -> None:
    ratio = "" if peer is None else f"{peer / seconds:.1f}"
    print(f"| {stage} | {seconds:.3f} | {ratio} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000)
    n = parser.parse_args().n
    table = make_table(n)
    outlines = make_outlines(n // PER_CLUSTER)
    properties = pd.DataFrame(
        {"cluster": np.arange(len(outlines)), "area_nm2": shapely.area(outlines).round(3)}
    )
    print("| stage | seconds | ratio |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as home:
        csv, parquet, parts = (Path(home, name) for name in ("a.csv", "a.parquet", "parts"))
        geojson, peer = Path(home, "a.geojson"), Path(home, "peer")
        ours = best(lambda: write_table(csv, table, overwrite=True))
        line("write csv", ours, best(lambda: table.to_csv(peer, index=False), 1))
        line("read csv", best(lambda: read(csv)), best(lambda: pd.read_csv(csv)))
        ours = best(lambda: write_table(parquet, table, file_format="parquet", overwrite=True))
        line("write parquet", ours, best(lambda: table.to_parquet(peer, index=False)))
        whole = best(lambda: read(parquet))
        line("read parquet", whole, best(lambda: pd.read_parquet(parquet)))
        parts.mkdir()
        for i, rows in enumerate(np.array_split(np.arange(n), 10)):
            write_table(parts / f"{i}.parquet", table.iloc[rows], file_format="parquet")
        side = FIELD_NM / 10
        box = (4 * side, 4 * side, 5 * side, 5 * side)
        line("read a box of parquet", best(lambda: read(parquet, box=box)), whole)
        line("read a box of ten parts", best(lambda: read(parts, box=box)), whole)
        ours = best(lambda: write_outlines(geojson, outlines, properties, overwrite=True))
        theirs = best(lambda: outlines_by_shapely(peer, outlines, properties), 1)
        line(f"write {len(outlines):,} outlines", ours, theirs)
        line("describe", best(described(table, outlines)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPeak memory {peak:.0f} MB, pandas and shapely in it.")


if __name__ == "__main__":
    main()
