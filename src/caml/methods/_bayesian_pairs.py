"""Which localizations are near enough to link, at each of many radii."""

from __future__ import annotations

import numpy as np

from caml._arrays import FloatArray, IntArray
from caml.methods._points import Points
from caml.methods._window import Window
from caml.methods.getis_franklin import from_counts

__all__ = ["Pairs"]


class Pairs:
    """The neighbours of each localization up to twice the largest radius, and L(r) at each radius.

    Parameters
    ----------
    points : Points
        The localizations, all in the window.
    window : Window
        The region.
    radii : ndarray of shape (n_radii,), nm
        From the smallest to the largest.

    Attributes
    ----------
    begin : ndarray of shape (n,)
        Where the neighbours of each localization begin in `member`.
    member : ndarray of shape (n_pairs,)
        The neighbours of all, those that smaller radii link first.
    n_linked : ndarray of shape (n, n_radii)
        How many of them each radius links: those closer than twice the radius.
    local_l : ndarray of shape (n_radii, n), nm
        L(r) of each localization.
    """

    def __init__(self, points: Points, window: Window, radii: FloatArray) -> None:
        from scipy.spatial import cKDTree

        n, n_radii = len(points), len(radii)
        tree = cKDTree(points.positions)
        near = tree.sparse_distance_matrix(tree, 2 * radii[-1], output_type="ndarray")
        near = near[near["i"] != near["j"]]
        # The first radius that counts a neighbour, r ≥ distance, and that links it, 2 r > distance.
        counts = np.searchsorted(radii, near["v"])
        links = np.searchsorted(2 * radii, near["v"], side="right")
        row = near["i"]
        self.member = near["j"][np.argsort(row * (n_radii + 1) + links)].astype(np.int32)
        self.begin = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=n))))[:-1]
        n_counted, self.n_linked = (
            np.bincount(row * (n_radii + 1) + first, minlength=n * (n_radii + 1))
            .reshape(n, n_radii + 1)
            .cumsum(axis=1)[:, :-1]
            for first in (counts, links)
        )
        self.local_l = np.empty((n_radii, n))
        for i, radius in enumerate(radii):
            self.local_l[i] = from_counts(
                n_counted[:, i], window.shares(radius), window.size, n, points.n_dimensions
            )

    def clusters(self, i: int, threshold: float) -> IntArray:
        """Link the dense localizations of a radius and a threshold.

        Parameters
        ----------
        i : int
            Which radius.
        threshold : float
            The least L(r), nm.

        Returns
        -------
        ndarray of shape (n,)
            Cluster ids, −1 for none, with gaps.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        dense = self.local_l[i] >= threshold
        n_linked = np.where(dense, self.n_linked[:, i], 0)
        row = np.repeat(np.arange(len(dense)), n_linked)
        place = np.arange(len(row)) + np.repeat(
            self.begin - np.concatenate(([0], np.cumsum(n_linked)))[:-1], n_linked
        )
        other = self.member[place]
        row, other = row[dense[other]], other[dense[other]]
        graph = coo_array((np.ones(len(row), dtype=bool), (row, other)), shape=(len(dense),) * 2)
        ids = connected_components(graph, directed=False)[1]
        return np.where(np.bincount(ids)[ids] > 1, ids, -1)
