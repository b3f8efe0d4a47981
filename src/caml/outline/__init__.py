"""Clusters become objects: their outlines, and their volumes in 3D.

`_clusters` hands clusters out to threads in batches, `_parts` measures ε of each and takes it
apart, `_discs` unites discs as polygons in the plane, `_solids` unites balls as voxels in space,
`_near` tells who is near whom.
"""

from caml.outline._clusters import outline

__all__ = ["outline"]
