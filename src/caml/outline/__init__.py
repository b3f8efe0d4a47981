"""Clusters become objects: their outlines, and their volumes in 3D.

`_clusters` measures ε and takes clusters apart, `_discs` unites discs as polygons in the plane,
`_solids` unites balls as voxels in space.
"""

from caml.outline._clusters import outline

__all__ = ["outline"]
