"""The colours of all figures: Okabe and Ito's, told apart by colour-blind readers too."""

from __future__ import annotations

__all__ = ["KINDS", "NOT_CLUSTERED", "REGION"]

# Grey for what is not clustered; then round clusters, and other kinds.
NOT_CLUSTERED = "#9a9a9a"
KINDS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7")
REGION = "#0072b2"
