"""Against truth: labels one by one, clusters as partitions, as objects, and as areas."""

from caml.evaluate.clusters import ClusterScores, Matches, hull_iou, match_clusters, score_clusters
from caml.evaluate.evaluation import Evaluation, evaluate
from caml.evaluate.files import evaluate_results, result_tables
from caml.evaluate.labels import LabelScores, score_labels

__all__ = [
    "ClusterScores",
    "Evaluation",
    "LabelScores",
    "Matches",
    "evaluate",
    "evaluate_results",
    "hull_iou",
    "match_clusters",
    "result_tables",
    "score_clusters",
    "score_labels",
]
