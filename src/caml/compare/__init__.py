"""Between conditions: do their clusters differ, by how much, and how sure is that.

`folders` and `sources` read what ``caml analyse`` wrote, `cells` holds the clusters of each cell,
`ranks` and `mixed` test, and `comparison` does so for every descriptor.
"""

from caml.compare.cells import Cell, Described, cells_table
from caml.compare.comparison import RESULTS, UNITS, Comparison, Unit, compare
from caml.compare.mixed import mixed_model
from caml.compare.ranks import (
    ADJUSTMENTS,
    Adjustment,
    Dunn,
    KruskalWallis,
    cliffs_delta,
    dunn,
    false_discovery,
    kruskal_wallis,
    median_difference,
    stars,
)
from caml.compare.sources import read_cells

__all__ = [
    "ADJUSTMENTS",
    "RESULTS",
    "UNITS",
    "Adjustment",
    "Cell",
    "Comparison",
    "Described",
    "Dunn",
    "KruskalWallis",
    "Unit",
    "cells_table",
    "cliffs_delta",
    "compare",
    "dunn",
    "false_discovery",
    "kruskal_wallis",
    "median_difference",
    "mixed_model",
    "read_cells",
    "stars",
]
