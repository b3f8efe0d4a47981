"""Tables too large for memory, divided into tiles."""

from caml.analyse.tiled.run import TILE_SIZE, analyse_tiled, unfinished

__all__ = ["TILE_SIZE", "analyse_tiled", "unfinished"]
