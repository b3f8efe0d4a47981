"""Cluster analysis of single-molecule localization microscopy by trained networks.

The chain, in the method's order::

    localizations = caml.read("cell.csv")
    classification = caml.classify(localizations)
    segmentation = caml.outline(localizations, caml.segment(localizations, classification))
    description = caml.describe(localizations, segmentation, classification)

or all of it: ``caml.analyse(localizations)``.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from caml._version import __version__

if TYPE_CHECKING:
    from caml import simulate as simulate
    from caml.analyse import Analysis as Analysis
    from caml.analyse import analyse as analyse
    from caml.analyse import load_results as load_results
    from caml.classify import Classification as Classification
    from caml.classify import classify as classify
    from caml.compare import Comparison as Comparison
    from caml.compare import compare as compare
    from caml.describe import Description as Description
    from caml.describe import describe as describe
    from caml.evaluate import Evaluation as Evaluation
    from caml.evaluate import evaluate as evaluate
    from caml.io import read as read
    from caml.io import read_regions as read_regions
    from caml.localizations import Localizations as Localizations
    from caml.localizations import Region as Region
    from caml.models import Model as Model
    from caml.models import load_model as load_model
    from caml.neighbours import Neighbours as Neighbours
    from caml.neighbours import nearest_neighbours as nearest_neighbours
    from caml.outline import outline as outline
    from caml.segment import Segmentation as Segmentation
    from caml.segment import renumber as renumber
    from caml.segment import segment as segment

# Imported when first asked for: NumPy, pandas, SciPy and ONNX Runtime together take a second,
# and ``caml --help`` needs none of them.
_HOMES = {
    "Analysis": "caml.analyse",
    "analyse": "caml.analyse",
    "load_results": "caml.analyse",
    "Classification": "caml.classify",
    "classify": "caml.classify",
    "Comparison": "caml.compare",
    "compare": "caml.compare",
    "Description": "caml.describe",
    "describe": "caml.describe",
    "Evaluation": "caml.evaluate",
    "evaluate": "caml.evaluate",
    "read": "caml.io",
    "read_regions": "caml.io",
    "Localizations": "caml.localizations",
    "Region": "caml.localizations",
    "Model": "caml.models",
    "load_model": "caml.models",
    "Neighbours": "caml.neighbours",
    "nearest_neighbours": "caml.neighbours",
    "outline": "caml.outline",
    "Segmentation": "caml.segment",
    "renumber": "caml.segment",
    "segment": "caml.segment",
}

__all__ = [*sorted(_HOMES), "__version__", "simulate"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name == "simulate":
        return importlib.import_module("caml.simulate")
    raise AttributeError(f"module 'caml' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """The package itself, whose stages are functions and modules of the same name.

    Importing the module ``caml.classify`` would bind it over the function ``caml.classify``; the
    function is what ``caml.classify`` means, whichever is imported first.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
