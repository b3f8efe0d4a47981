"""What is done to localizations before clusters are sought in them; nothing unless asked for.

The steps of Williamson et al. 2020, in their order: leave out poor localizations
(`filter_localizations`), correct for drift (`estimate_drift`, `correct_drift`), and merge what one
molecule left behind in several frames (`merge_reappearing`).
"""

from __future__ import annotations

from caml.prepare.drift import Drift, correct_drift, estimate_drift
from caml.prepare.keep import filter_localizations
from caml.prepare.merge import merge_reappearing

__all__ = [
    "Drift",
    "correct_drift",
    "estimate_drift",
    "filter_localizations",
    "merge_reappearing",
]
