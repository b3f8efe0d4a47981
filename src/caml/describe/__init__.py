"""Clusters become numbers: one row per cluster, one per image or region.

`_measures` measures clusters, `_places` finds what lies in the image and its regions and sums it
up, `_describe` puts both into tables.
"""

from caml.describe._describe import Description, Scored, describe

__all__ = ["Description", "Scored", "describe"]
