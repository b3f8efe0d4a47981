"""Results in folders against truth in files, and the public benchmark's known values."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caml.errors import MissingFileError, TableError
from caml.evaluate import Evaluation, LabelScores, evaluate, evaluate_results, result_tables
from caml.methods import dbscan

SHARED = Path(__file__).parents[3] / "shared" / "data" / "nieves2023"

TABLE = pd.DataFrame(
    {
        "x_nm": [0.0, 10.0, 0.0, 500.0, 510.0, 500.0],
        "y_nm": [0.0, 0.0, 10.0, 500.0, 500.0, 510.0],
        "label": [1, 1, 1, 0, 0, 0],
        "cluster": [0, 0, 0, -1, -1, -1],
        "true_cluster": [3, 3, 3, 8, 8, 8],
        "true_label": [1, 1, 1, 2, 2, 2],
    }
)


def written(path: Path, table: pd.DataFrame = TABLE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
    return path


def test_tables_are_found_in_folders_of_images_and_of_batches(tmp_path: Path) -> None:
    one = written(tmp_path / "a" / "localizations.csv")
    two = written(tmp_path / "b" / "localizations.csv")
    (tmp_path / "nothing").mkdir()
    assert result_tables(tmp_path) == [("a", one), ("b", two)]
    assert result_tables(tmp_path / "a") == [("a", one)]
    assert result_tables(one) == [("a", one)]
    other = written(tmp_path / "other.csv")
    assert result_tables(other) == [("other", other)]


def test_folders_without_results_are_told(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"expected results of caml analyse.*there is none"):
        result_tables(tmp_path)
    with pytest.raises(MissingFileError, match="no such file or folder"):
        result_tables(tmp_path / "a")


def test_truth_that_the_results_kept_is_used(tmp_path: Path) -> None:
    found = evaluate_results(written(tmp_path / "localizations.csv"))
    assert isinstance(found, Evaluation)
    assert found.clusters.jaccard == 0.5
    assert found.labels.recall == 0.5


def test_truth_may_be_another_table_without_positions_to_the_last_digit(tmp_path: Path) -> None:
    results = written(tmp_path / "localizations.csv", TABLE.drop(columns=["true_cluster"]))
    truth = TABLE[["x_nm", "y_nm"]].assign(
        x_nm=lambda t: t["x_nm"] + 0.004, mine=[0, 0, 0, 1, 1, 1]
    )
    found = evaluate_results(results, truth=written(tmp_path / "truth.csv", truth), column="mine")
    assert found.row() == evaluate_results(written(tmp_path / "whole.csv")).row()


def test_labels_are_compared_where_clusters_are_not_known(tmp_path: Path) -> None:
    no_ids = written(tmp_path / "a.csv", TABLE.drop(columns=["true_cluster"]))
    no_clusters = written(tmp_path / "b.csv", TABLE.drop(columns=["cluster"]))
    for path in (no_ids, no_clusters):
        found = evaluate_results(path)
        assert isinstance(found, LabelScores)
        assert found.confusion.tolist() == [[0, 0], [3, 3]]
    chosen = evaluate_results(written(tmp_path / "c.csv"), column="true_label")
    assert isinstance(chosen, LabelScores)
    assert chosen.recall == 0.5


@pytest.mark.filterwarnings("ignore:.*have no usable position")
@pytest.mark.parametrize("column", ["true_cluster", "true_label"])
def test_what_has_no_position_is_not_scored(tmp_path: Path, column: str) -> None:
    lost = pd.DataFrame({"x_nm": [np.nan], "y_nm": 3.0, "label": -1, "cluster": -1,
                         "true_cluster": -1, "true_label": 0})  # fmt: skip
    whole = evaluate_results(written(tmp_path / "a.csv"), column=column)
    with_lost = written(tmp_path / "b.csv", pd.concat([TABLE, lost, lost]))
    found = evaluate_results(with_lost, column=column)
    assert found.row() == whole.row()
    assert found.row()["n_localizations"] == 6


def test_one_of_both_columns_of_labels_is_chosen(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", TABLE.assign(label=[1, 1, 0, 0, 0, 0]))
    recalls = {
        (column, labels): evaluate_results(path, column=column, labels=labels).row()["recall"]
        for column in ("true_cluster", "true_label")
        for labels in (None, "cluster", "label")
    }
    assert recalls["true_cluster", None] == recalls["true_cluster", "cluster"] == 3 / 6
    assert recalls["true_label", None] == recalls["true_label", "label"] == 2 / 6
    assert recalls["true_label", "cluster"] == 3 / 6
    assert recalls["true_cluster", "label"] == 2 / 6
    no_label = written(tmp_path / "b.csv", TABLE.drop(columns=["label"]))
    with pytest.raises(TableError, match="no column 'label'"):
        evaluate_results(no_label, labels="label")


def test_truth_of_another_length_or_order_is_refused(tmp_path: Path) -> None:
    results = written(tmp_path / "localizations.csv")
    short = written(tmp_path / "short.csv", TABLE[:5])
    with pytest.raises(TableError, match=r"short.csv: expected the truth of the 6 .* got 5 rows"):
        evaluate_results(results, truth=short)
    turned = written(tmp_path / "turned.csv", TABLE.iloc[[0, 1, 2, 5, 4, 3]])
    with pytest.raises(TableError, match=r"turned.csv: row 4 lies elsewhere .* so do 1 more"):
        evaluate_results(results, truth=turned)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 0, 0, 1, 1, 1.5], r"column 'true_cluster' must hold whole numbers, row 6 has 1.5"),
        (["a"] * 6, r"column 'true_cluster' must hold whole numbers: "),
    ],
)
def test_ids_that_are_none_are_refused(
    tmp_path: Path, values: list[float] | list[str], message: str
) -> None:
    path = written(tmp_path / "localizations.csv", TABLE.assign(true_cluster=values))
    with pytest.raises(TableError, match=message):
        evaluate_results(path)


def test_ids_left_empty_are_no_cluster(tmp_path: Path) -> None:
    table = TABLE.assign(true_cluster=["3", "3", "3", "", "", ""])
    found = evaluate_results(written(tmp_path / "localizations.csv", table))
    assert isinstance(found, Evaluation)
    assert found.clusters.n_true_clusters == found.clusters.jaccard == 1


def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    path = written(tmp_path / "localizations.csv", TABLE[["x_nm", "y_nm", "cluster"]])
    with pytest.raises(
        TableError,
        match=r"the column 'true_cluster', and there are: x_nm, y_nm, cluster: name .* --truth",
    ):
        evaluate_results(path)


@pytest.mark.skipif(not SHARED.exists(), reason="the public benchmark is not at hand")
def test_known_values_of_the_public_benchmark() -> None:
    # Nieves et al. 2023, scenario 2, its first ten images, DBSCAN with 45 nm and 7.
    table = pd.read_parquet(SHARED / "molecules_02.parquet")
    rows = []
    for image in range(1, 11):
        part = table[table["image"] == image]
        positions = part[["x_nm", "y_nm"]].to_numpy(dtype=float)
        found = dbscan(positions, eps_nm=45.0, min_samples=7)
        rows.append(evaluate(positions, found, part["true_cluster"].to_numpy()).row())
    means = pd.DataFrame(rows).mean()
    known = {
        "ari": 0.845, "iou": 0.757, "jaccard": 0.927, "rmsre_n_localizations": 0.206,
        "accuracy": 0.944, "ari_clustered": 0.926, "ami": 0.858,
    }  # fmt: skip
    for name, value in known.items():
        assert means[name] == pytest.approx(value, abs=0.00051), name
    # The published centroid error is the mean over images of the root of the mean distance.
    centroids = np.sqrt([row["centroid_mean_nm"] for row in rows])
    assert centroids.mean() == pytest.approx(2.16, abs=0.005)
