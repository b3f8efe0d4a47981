"""How localizations are spread over an image or a region, before anything is called a cluster.

`ripley_k`, `ripley_l`, `pair_correlation` and `nearest_neighbour_distribution` give a
`RadialFunction`; `envelope` adds what chance gives; `hopkins` is one number. `cross_k` and
`cross_pair_correlation` are of two sets; `survey` measures all of one. All know the region's
border, in 2D and in 3D.
"""

from caml.spatial.covariance import set_covariance
from caml.spatial.cross import cross_k, cross_pair_correlation
from caml.spatial.envelopes import STATISTICS, envelope, with_envelope
from caml.spatial.nearest import Hopkins, hopkins, nearest_neighbour_distribution
from caml.spatial.radial import RadialFunction, default_radii
from caml.spatial.second_order import pair_correlation, ripley_k, ripley_l
from caml.spatial.survey import Survey, survey

__all__ = [
    "STATISTICS",
    "Hopkins",
    "RadialFunction",
    "Survey",
    "cross_k",
    "cross_pair_correlation",
    "default_radii",
    "envelope",
    "hopkins",
    "nearest_neighbour_distribution",
    "pair_correlation",
    "ripley_k",
    "ripley_l",
    "set_covariance",
    "survey",
    "with_envelope",
]
