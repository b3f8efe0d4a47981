"""The colours of all figures: Okabe and Ito's, told apart by colour-blind readers too."""

from __future__ import annotations

__all__ = ["CLUSTERS", "KINDS", "NOT_CLUSTERED", "OUTSIDE", "REGION"]

# Grey for what is not clustered; then round clusters, and other kinds.
NOT_CLUSTERED = "#9a9a9a"
# Of what lies outside the regions that were asked for: there, on white and on black, and no more.
OUTSIDE = f"{NOT_CLUSTERED}4d"
KINDS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7")
REGION = "#0072b2"
# Of clusters that are to be told from their neighbours; seen on white and on black.
CLUSTERS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b39c00", "#8a63d2")
