"""Labels and clusters of one image against the truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from caml.evaluate.clusters import ClusterScores, score_clusters
from caml.evaluate.labels import LabelScores, score_labels
from caml.localizations import Localizations, as_positions
from caml.segment import Segmentation

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """How well an image was analysed.

    Parameters
    ----------
    labels : LabelScores
        Localizations one by one.
    clusters : ClusterScores
        The clusters.
    """

    labels: LabelScores
    clusters: ClusterScores

    def row(self) -> dict[str, float]:
        """Return all scores, for a row of a table.

        Returns
        -------
        dict of str to float
            Those of the labels, then those of the clusters.
        """
        return self.labels.row() | asdict(self.clusters)


def evaluate(
    localizations: Localizations | npt.ArrayLike,
    segmentation: Segmentation | npt.ArrayLike,
    true_cluster: npt.ArrayLike,
    *,
    label: npt.ArrayLike | None = None,
) -> Evaluation:
    """Compare what was found in an image with the truth.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where the localizations are.
    segmentation : Segmentation or array-like of shape (n_localizations,)
        The clusters found; ids, negative for none.
    true_cluster : array-like of shape (n_localizations,)
        The true clusters; ids, negative for none.
    label : array-like of shape (n_localizations,), optional
        Labels from before clusters were made of them; by default what is in a cluster is
        clustered. Localizations without a finite position are left out, whatever their label.

    Returns
    -------
    Evaluation
        All scores.

    Raises
    ------
    InputError
        If lengths differ.

    Examples
    --------
    >>> positions = [[0, 0], [10, 0], [0, 10], [500, 500], [510, 500], [500, 510], [900, 0]]
    >>> found = evaluate(positions, [0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, -1])
    >>> found.labels.recall, found.clusters.n_clusters
    (1.0, 2)
    """
    clusters = score_clusters(localizations, segmentation, true_cluster)
    ids = segmentation.cluster if isinstance(segmentation, Segmentation) else segmentation
    found = np.asarray(ids) >= 0 if label is None else np.asarray(label)
    true = np.asarray(true_cluster) >= 0
    if found.shape == true.shape:
        finite = np.isfinite(as_positions(localizations)).all(axis=1)
        found, true = found[finite], true[finite]
    return Evaluation(score_labels(found, true), clusters)
