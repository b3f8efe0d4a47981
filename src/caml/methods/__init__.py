"""The other clustering methods, one file each: localizations in, clusters out.

Each is a function ``method(localizations, *, …) -> Segmentation`` whose parameters have the
literature's names, and defaults with a source or a helper that suggests them; none was tuned on
truth. `METHODS` has them by the names that ``caml analyse --method`` takes.
"""

from caml.methods.bayesian import Proposals, bayesian, score_surface
from caml.methods.dbscan import dbscan, suggest_eps
from caml.methods.dominant_sets import dominant_sets
from caml.methods.focal import focal
from caml.methods.getis_franklin import getis_franklin, local_l, suggest_radius
from caml.methods.hdbscan import hdbscan
from caml.methods.kde import kde, suggest_bandwidth
from caml.methods.optics import optics
from caml.methods.pointnet import pointnet
from caml.methods.registry import (
    METHODS,
    checked_parameters,
    method_parameters,
    parse_parameters,
    run_method,
)
from caml.methods.tomato import tomato
from caml.methods.voronoi import Objects, voronoi, voronoi_density, voronoi_objects

__all__ = [
    "METHODS",
    "Objects",
    "Proposals",
    "bayesian",
    "checked_parameters",
    "dbscan",
    "dominant_sets",
    "focal",
    "getis_franklin",
    "hdbscan",
    "kde",
    "local_l",
    "method_parameters",
    "optics",
    "parse_parameters",
    "pointnet",
    "run_method",
    "score_surface",
    "suggest_bandwidth",
    "suggest_eps",
    "suggest_radius",
    "tomato",
    "voronoi",
    "voronoi_density",
    "voronoi_objects",
]
