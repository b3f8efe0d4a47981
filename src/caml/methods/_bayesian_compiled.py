"""The scores of all thresholds at one radius, compiled."""

from __future__ import annotations

from collections.abc import Callable

from numba.extending import register_jitable

from caml._compile import compiled
from caml.methods import _bayesian_scan

__all__ = ["scan"]

# So that they are compiled into the function that calls them.
for _function in (_bayesian_scan.root_of, _bayesian_scan.begin_sums, _bayesian_scan.evidence):
    register_jitable(_function)

scan: Callable[..., None] = compiled(_bayesian_scan.scan)
