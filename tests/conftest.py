"""What tests of several folders share."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Have JAX compile the same training once in a process, and not each time it is begun."""
    folder = tempfile.TemporaryDirectory(prefix="jax_")
    config.add_cleanup(folder.cleanup)
    os.environ |= {
        "JAX_COMPILATION_CACHE_DIR": folder.name,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _write_run(
    path: Path,
    images: Mapping[str, Sequence[float]],
    *,
    failed: Sequence[str] = (),
    regions: Mapping[str, Sequence[tuple[str, int]]] | None = None,
    record: Mapping[str, Any] | None = None,
    **arguments: object,
) -> Path:
    """Write a folder as caml analyse does: the areas of each image, ten localizations a cluster."""
    summary = []
    for image, areas in images.items():
        (path / image).mkdir(parents=True)
        n = len(areas)
        clusters = pd.DataFrame(
            {
                "cluster": range(n),
                "n_localizations": [10] * n,
                "area_nm2": list(areas),
                "x_nm": [float(one) for one in range(n)],
                "touches_border": [False] * n,
            }
        )
        clusters.to_csv(path / image / "clusters.csv", index=False)
        for region, count in (regions or {}).get(image, [("", n)]):
            summary.append(
                {
                    "image": image,
                    "region": region,
                    "area_um2": 4.0,
                    "n_localizations": 100,
                    "density_per_um2": 25.0,
                    "n_clustered": 10 * count,
                    "percent_clustered": 10.0 * count,
                    "n_clusters": count,
                    "clusters_per_um2": count / 4,
                }
            )
    path.mkdir(exist_ok=True)
    pd.DataFrame(summary).to_csv(path / "summary.csv", index=False)
    kept = {
        "caml": "0.1",
        "interrupted": False,
        "not_analysed": [],
        "arguments": {"threshold": 0.5, "regions": [], "out": str(path)} | arguments,
        "model": {"name": "LOGNM1", "sha256": "0123456789abcdef"},
        "inputs": [
            *({"folder": image, "error": ""} for image in images),
            *({"folder": image, "error": "no table"} for image in failed),
        ],
    } | dict(record or {})
    (path / "run.json").write_text(json.dumps(kept))
    return path


@pytest.fixture
def write_run() -> Callable[..., Path]:
    """Give what writes a small folder of results by hand: no network is run."""
    return _write_run


@pytest.fixture
def without_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the cells without clusters at the end of trainings and imports: they take long."""
    from caml.models import imported
    from caml.train import run

    for module in (imported, run):
        monkeypatch.setattr(module, "shares_by_chance", lambda _: [[1000, 0.0123]])
