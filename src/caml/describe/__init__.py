"""Clusters become numbers: one row per cluster, one per image or region.

`_measures` measures clusters, `_places` finds what lies in the image and its regions and sums it
up, `_describe` puts both into tables.
"""

from caml.describe._describe import Description, Scored, conclude, describe
from caml.describe._measures import Columns
from caml.describe._places import Place

__all__ = ["Columns", "Description", "Place", "Scored", "conclude", "describe"]
