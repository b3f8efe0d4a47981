from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from caml.errors import InputError
from caml.io import read, result_table, write_table
from caml.localizations import Localizations

SCORE, LABEL, CLUSTER = [0.9, 0.1], [1, 0], [0, -1]


def results(folder: Path, content: str, **options: Any) -> pd.DataFrame:
    path = folder / "cell.csv"
    path.write_text(content)
    region = options.pop("region", None)
    localizations = read(path, **options)
    return result_table(localizations, SCORE, LABEL, CLUSTER, region=region)


@pytest.mark.parametrize("header", ["x,y", "x [nm],y [nm]", "y_nm,x_nm"])
def test_a_table_in_nm_gets_no_positions_again(tmp_path: Path, header: str) -> None:
    table = results(tmp_path, f"{header},note\n1,2,a\n3,4,b\n")
    assert table.columns.tolist() == [*header.split(","), "note", "score", "label", "cluster"]
    assert table.iloc[0].tolist() == [1, 2, "a", 0.9, 1, 0]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("x [px],y [px]\n1,2\n3,4\n", {"pixel_size_nm": 100}),
        ("x [px],y [px]\n100,200\n300,400\n", {"pixel_size_nm": 1}),
        ("x [um],y [um]\n0.1,0.2\n0.3,0.4\n", {}),
        ("x [nm],y [um]\n100,0.2\n300,0.4\n", {}),
        ("a,b\n100,200\n300,400\n", {"columns": {"x": "a", "y": "b"}}),
        ("100,200\n300,400\n", {"columns": {"x": "0", "y": "1"}}),
        ("x,y,xc,yc\n1,2,100,200\n3,4,300,400\n", {"columns": {"x": "xc", "y": "yc"}}),
    ],
)
def test_other_tables_get_positions_in_nm(
    tmp_path: Path, content: str, options: dict[str, Any]
) -> None:
    table = results(tmp_path, content, **options)
    assert table.columns[-5:].tolist() == ["x_nm", "y_nm", "score", "label", "cluster"]
    np.testing.assert_allclose(table[["x_nm", "y_nm"]], [[100, 200], [300, 400]])


def test_in_3d_z_comes_too(tmp_path: Path) -> None:
    table = results(tmp_path, "x_px,y_px,z\n1,2,5\n3,4,6\n", pixel_size_nm=10)
    assert table.columns.tolist() == [
        "x_px", "y_px", "z", "x_nm", "y_nm", "z_nm", "score", "label", "cluster"
    ]  # fmt: skip
    assert table["z_nm"].tolist() == [5, 6]


def test_positions_of_arrays_are_their_own_table() -> None:
    table = result_table(
        Localizations(np.array([[1.0, 2.0], [3.0, np.nan]])), SCORE, LABEL, CLUSTER
    )
    assert table.columns.tolist() == ["x_nm", "y_nm", "score", "label", "cluster"]


def test_moved_positions_are_not_those_of_the_table() -> None:
    table = pd.DataFrame({"x_nm": [1.0, 2.0], "y_nm": [3.0, 4.0]})
    moved = Localizations(np.array([[2.0, 3.0], [3.0, 4.0]]), table=table)
    assert result_table(moved, SCORE, LABEL, CLUSTER).columns.tolist() == [
        "x_nm_input", "y_nm_input", "x_nm", "y_nm", "score", "label", "cluster"
    ]  # fmt: skip


def test_ours_never_overwrite_a_users_column(tmp_path: Path) -> None:
    content = "x,y,cluster,cluster_input,label,score,region\n1,2,7,8,5,6,a\n3,4,9,0,5,6,b\n"
    table = results(tmp_path, content)
    assert table.columns.tolist() == [
        "x", "y", "cluster_input_2", "cluster_input", "label_input", "score_input", "region_input",
        "score", "label", "cluster",
    ]  # fmt: skip
    assert table["cluster_input_2"].tolist() == [7, 9]
    assert table["cluster_input"].tolist() == [8, 0]
    assert table["cluster"].tolist() == CLUSTER


def test_several_scores_and_a_region() -> None:
    localizations = Localizations(np.array([[1.0, 2.0], [3.0, 4.0]]))
    scores = [[0.1, 0.2, 0.7], [0.8, 0.1, 0.1]]
    table = result_table(localizations, scores, LABEL, CLUSTER, region="cell")
    assert table.columns[2:].tolist() == [
        "region", "score_0", "score_1", "score_2", "label", "cluster"
    ]  # fmt: skip
    assert table["score_2"].tolist() == [0.7, 0.1]
    assert table["region"].tolist() == ["cell", "cell"]
    table = result_table(localizations, SCORE, LABEL, CLUSTER, region=["a", "b"])
    assert table["region"].tolist() == ["a", "b"]


def test_the_input_is_left_alone() -> None:
    given = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0], "label": [5, 6]}, index=[7, 7])
    localizations = Localizations(given[["x", "y"]].to_numpy(), table=given)
    table = result_table(localizations, SCORE, LABEL, CLUSTER)
    assert given.columns.tolist() == ["x", "y", "label"]
    assert table["label_input"].tolist() == [5, 6]
    assert table.shape == (2, 6)


def test_one_value_per_localization_is_needed() -> None:
    localizations = Localizations(np.array([[1.0, 2.0], [3.0, 4.0]]))
    with pytest.raises(InputError, match=r"2 here; score has shape \(1,\); cluster has shape \(3,"):
        result_table(localizations, [0.5], LABEL, [0, 0, 0])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("x,y,frame,note\n0.1,0.2,1,a\n3,1e-7,2,\n", {}),
        ("x [px],y [px],frame\n0.1,0.7,1\n3.3,4.1,2\n", {"pixel_size_nm": 106.7}),
        ("frame,x,y,lpx,lpy\n1,0.1,0.7,.1,.1\n2,3.3,4.1,.1,.1\n", {"pixel_size_nm": 106.7}),
        ("0.1,0.7,9\n3.3,4.1,8\n", {"columns": {"x": "0", "y": "1"}}),
        ("x [nm],y [nm],z [um]\n1,2,0.1\n3,4,0.3\n", {}),
        ("x,y,frame\n0.1,0.7,1\n3.3,4.1,2\n", {"pixel_size_nm": 106.7}),
        ("x,y,z\n0.1,0.7,10\n3.3,4.1,20\n", {"pixel_size_nm": 106.7}),
        ("Channel Name\tX\tY\tXc\tYc\na\t1\t2\t3\t4\nb\t5\t6\t7\t8\n", {}),
        (
            "Channel Name\tX\tY\tXc\tYc\na\t1\t2\t3\t4\nb\t5\t6\t7\t8\n",
            {"columns": {"x": "X", "y": "Y"}},
        ),
        (
            "x,y,z,frame_ix\n0.1,0.7,10,1\n3.3,4.1,20,2\n",
            {"columns": {"x": "x [px]", "y": "y [px]"}, "pixel_size_nm": 106.7},
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*the uncertainty is in pixels:caml.errors.DataWarning")
def test_results_are_read_as_the_table_was(
    tmp_path: Path, content: str, options: dict[str, Any], suffix: Literal["csv", "parquet"]
) -> None:
    source = tmp_path / "cell.txt"
    source.write_text(content)
    first = read(source, **options)
    path = tmp_path / f"again.{suffix}"
    write_table(path, result_table(first, SCORE, LABEL, CLUSTER), file_format=suffix)
    second = read(path)
    assert np.array_equal(second.positions, first.positions)
    before, after = first.table, second.table[first.table.columns]
    pd.testing.assert_frame_equal(before, after, check_dtype=False, rtol=0, atol=0)
    again = result_table(second, SCORE, LABEL, CLUSTER)
    assert again.columns[-6:].tolist() == [
        "score_input", "label_input", "cluster_input", "score", "label", "cluster"
    ]  # fmt: skip


def test_narrow_floats_keep_their_value_in_csv(tmp_path: Path) -> None:
    narrow = np.random.default_rng(0).uniform(0, 5e4, (100, 2)).astype(np.float32)
    table = pd.DataFrame(narrow, columns=["x_nm", "y_nm"])
    first = Localizations(narrow, table=table)
    zeros = np.zeros(100, dtype=int)
    path = tmp_path / "cell.csv"
    write_table(path, result_table(first, zeros, zeros, zeros))
    assert np.array_equal(read(path).positions, narrow.astype(np.float64))
