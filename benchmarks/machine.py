"""What a table of benchmarks says of the machine that made it."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path


def machine() -> str:
    """Name the processor, the cores that may be used, and the versions of what is compared."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        name = next((line.split(": ")[1] for line in lines if line.startswith("model name")), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = []
    for package in ("caml-smlm", "numpy", "scipy", "numba", "scikit-learn", "pykdtree"):
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return f"{name}, {cores} cores; Python {platform.python_version()}, {', '.join(versions)}"
