"""Two channels of one image: how the clusters and localizations of one lie to those of the other.

`split_channels` takes a table apart; `cluster_relations` has a row per cluster;
`coordinate_based_colocalization` a value per localization; `overlap_test` and `cross_envelope` tell
what chance gives. ``caml.analyse.analyse_channels`` does all of it.
"""

from caml.channels.colocalization import coordinate_based_colocalization
from caml.channels.relations import cluster_relations, inside_outlines, outline_distances
from caml.channels.sets import Channel, check_names, split_channels
from caml.channels.shifts import SHIFT_NM, OverlapTest, cross_envelope, is_rectangle, overlap_test

__all__ = [
    "SHIFT_NM",
    "Channel",
    "OverlapTest",
    "check_names",
    "cluster_relations",
    "coordinate_based_colocalization",
    "cross_envelope",
    "inside_outlines",
    "is_rectangle",
    "outline_distances",
    "overlap_test",
    "split_channels",
]
