"""``caml evaluate`` as a person uses it."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from caml.cli import main

TABLE = pd.DataFrame(
    {
        "x_nm": [0.0, 10.0, 0.0, 500.0, 510.0, 500.0],
        "y_nm": [0.0, 0.0, 10.0, 500.0, 500.0, 510.0],
        "label": [1, 1, 1, 0, 0, 0],
        "cluster": [0, 0, 0, -1, -1, -1],
        "true_cluster": [3, 3, 3, 8, 8, 8],
    }
)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        (tmp_path / "results" / name).mkdir(parents=True)
        TABLE.to_csv(tmp_path / "results" / name / "localizations.csv", index=False)
    return tmp_path / "results"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", *map(str, arguments)])
    return int(stop.value.code or 0)


def test_scores_are_printed_and_written(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = results.parent / "scores.csv"
    assert run(results, "--out", out) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split()[:3] == ["localizations", "accuracy", "balanced"]
    assert [line.split()[0] for line in printed[1:3]] == ["one", "two"]
    assert printed[3].startswith("mean of 2")
    assert len({len(line) for line in printed[:4]}) == 1
    assert printed[1][: printed[0].index("F1") + 2].endswith(" 0.667")
    table = pd.read_csv(out)
    assert table["image"].tolist() == ["one", "two"]
    assert table["jaccard"].tolist() == [0.5, 0.5]
    assert table["accuracy"].tolist() == [0.5, 0.5]


def test_images_of_equal_names_are_told_apart(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = results.parent / "again"
    shutil.copytree(results / "one", again / "one")
    out = results.parent / "scores.csv"
    assert run(results, again / "one", results / "one", "--out", out) == 0
    names = ["results/one", "two", "again/one"]
    assert pd.read_csv(out)["image"].tolist() == names
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:4]] == names
    deep = results.parent / "deep" / "again"
    shutil.copytree(again, deep)
    assert run(again, deep, "--out", out, "--overwrite") == 0
    whole = [str(folder / "one" / "localizations.csv") for folder in (again, deep)]
    assert pd.read_csv(out)["image"].tolist() == whole


def test_a_networks_own_labels_are_scored_where_that_is_asked(results: Path) -> None:
    table = TABLE.assign(label=[1, 1, 1, 1, 1, 0])
    table.to_csv(results / "one" / "localizations.csv", index=False)
    for column, recall in (("cluster", 3 / 6), ("label", 5 / 6)):
        out = results.parent / f"{column}.csv"
        assert run(results / "one", "--labels", column, "--out", out) == 0
        scored = pd.read_csv(out)
        assert scored["recall"].tolist() == pytest.approx([recall])
        assert scored["jaccard"].tolist() == [0.5]


def test_each_image_has_a_truth_of_its_name(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = results.parent / "truth"
    truth.mkdir()
    TABLE.to_csv(truth / "one.csv", index=False)
    TABLE.assign(true_cluster=TABLE["cluster"]).to_csv(truth / "two.csv", index=False)
    out = results.parent / "scores.csv"
    assert run(results, "--truth", truth, "--out", out) == 0
    assert pd.read_csv(out)["jaccard"].tolist() == [0.5, 1.0]
    (truth / "two.csv").unlink()
    assert run(results, "--truth", truth) == 2
    assert "expected one table called two" in capsys.readouterr().err


def test_faults_are_told_and_nothing_is_lost(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = results.parent / "scores.csv"
    out.write_text("mine")
    assert run("nowhere", "--out", out) == 2
    assert "is there already" in capsys.readouterr().err
    assert out.read_text() == "mine"
    TABLE[:4].to_csv(results.parent / "short.csv", index=False)
    assert run(results, "--truth", results.parent / "short.csv") == 2
    assert "expected the truth of the 6 localizations" in capsys.readouterr().err
