"""Tables too large for memory, divided into tiles."""

from caml.analyse.tiled.run import TILE_SIZE, TILED_RESULTS, analyse_tiled, unfinished

__all__ = ["TILED_RESULTS", "TILE_SIZE", "analyse_tiled", "unfinished"]
