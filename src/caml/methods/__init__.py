"""The other clustering methods, one file each: localizations in, clusters out.

Each is a function ``method(localizations, *, …) -> Segmentation`` whose parameters have the
literature's names, and defaults with a source or a helper that suggests them; none was tuned on
truth. `METHODS` has them by the names that ``caml analyse --method`` takes.
"""

from caml.methods.dbscan import dbscan, suggest_eps
from caml.methods.registry import METHODS, method_parameters, parse_parameters, run_method

__all__ = [
    "METHODS",
    "dbscan",
    "method_parameters",
    "parse_parameters",
    "run_method",
    "suggest_eps",
]
