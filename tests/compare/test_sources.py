"""Which results are of which condition, and what is wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from caml.compare import cells_table, read_cells
from caml.errors import DataWarning, InputError, MissingFileError, TableError

Write = Callable[..., Path]


def test_folders_are_conditions(tmp_path: Path, write_run: Write) -> None:
    ctrl = write_run(tmp_path / "ctrl", {"a": [100, 200, 300], "b": [50]})
    drug = write_run(tmp_path / "x" / "drug", {"a": [400]})
    cells = read_cells([ctrl, drug])
    assert [one.key for one in cells] == [("ctrl", "", "a"), ("ctrl", "", "b"), ("drug", "", "a")]
    assert cells[0].folders == (ctrl / "a",)
    named = read_cells({"zero": ctrl, "one": drug})
    assert [one.condition for one in named] == ["zero", "zero", "one"]
    table = cells_table(cells).set_index(["condition", "cell", "descriptor"])["median"]
    assert table["ctrl", "a", "area_nm2"] == 200
    assert table["ctrl", "a", "percent_clustered"] == 30
    assert table["ctrl", "a", "image_density_per_um2"] == 25


def test_regions_are_parts_of_a_cell(tmp_path: Path, write_run: Write) -> None:
    regions = {"a": [("left", 1), ("right", 3)]}
    run = write_run(tmp_path / "ctrl", {"a": [100, 200, 300, 400]}, regions=regions)
    (cell,) = read_cells([run])
    table = cells_table([cell]).set_index("descriptor")["median"]
    assert table["n_clusters"] == 4
    assert table["image_area_um2"] == 8
    assert table["clusters_per_um2"] == 0.5
    assert table["percent_clustered"] == 100 * 40 / 200
    assert table["clustered_density_per_um2"] == pytest.approx(40 / 1000e-6)
    assert table["unclustered_density_per_um2"] == pytest.approx(160 / (8 - 1000e-6))


def test_overlapping_regions_have_no_shares(tmp_path: Path, write_run: Write) -> None:
    regions = {"a": [("left", 3), ("right", 3)]}
    run = write_run(tmp_path / "ctrl", {"a": [100, 200, 300, 400]}, regions=regions)
    with pytest.warns(DataWarning, match="its regions overlap, with 2 clusters in several"):
        table = cells_table(read_cells([run])).set_index("descriptor")["median"]
    assert table["n_clusters"] == 4
    assert table["area_nm2"] == 250
    assert "percent_clustered" not in table.dropna()


def test_a_sheet_with_semicolons_says_what_images_are(tmp_path: Path, write_run: Write) -> None:
    write_run(tmp_path / "runs" / "one", {"a": [1.0], "b": [2.0, 3]})
    write_run(tmp_path / "runs" / "two", {"a": [4.0]})
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(
        "\ufefffolder;condition;replicate;cell\nruns/two;drug;1;\nruns/one/a;ctrl;1;x\n"
        "\nruns/one/b;ctrl;1;x\n"
    )
    cells = read_cells(samples=sheet)
    assert [(one.key, len(one.clusters)) for one in cells] == [
        (("drug", "1", "a"), 1),
        (("ctrl", "1", "x"), 3),
    ]


def test_images_that_a_sheet_does_not_name_are_left_out(tmp_path: Path, write_run: Write) -> None:
    run = write_run(tmp_path / "run", {"a": [1.0], "b": [2.0]})
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("folder,condition\na,ctrl\n")
    with pytest.warns(DataWarning, match=r"1 image left out, .*sheet\.csv does not name: b"):
        (cell,) = read_cells([run], samples=sheet)
    assert cell.name == "a"


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("folder,group\na,b\n", TableError, "needs the columns folder and condition .* group"),
        ("folder,condition\na,\n", TableError, "line 2: there is no condition"),
        ("folder,condition\n", TableError, "the sample sheet has no rows"),
        ("folder,condition\nrun/a,x\nrun/a,y\n", TableError, "run/a is there twice"),
        ("folder,condition\nrun/none,x\nnone,x\n", TableError,
         "line 2: .*run/none is not there; line 3: .*none is not there"),
        ("folder,condition\nother,x\n", TableError, "line 2: .*other holds no results of caml"),
        ("folder,condition\nrun/other,x\n", TableError, "other is no image of the run in"),
    ],
)  # fmt: skip
def test_sheets_that_cannot_be_used(
    tmp_path: Path, write_run: Write, text: str, error: type[Exception], match: str
) -> None:
    write_run(tmp_path / "run", {"a": [1.0], "b": [1.0]})
    (tmp_path / "other").mkdir()
    (tmp_path / "run" / "other").mkdir()
    sheet = tmp_path / "sheet.csv"
    sheet.write_text(text)
    with pytest.raises(error, match=match):
        read_cells(samples=sheet)


def test_names_in_a_sheet_must_be_of_one_folder(tmp_path: Path, write_run: Write) -> None:
    runs = [write_run(tmp_path / name, {"a": [1.0]}) for name in ("one", "two")]
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("folder,condition\na,x\nb,x\n")
    with pytest.raises(TableError, match=r"line 2: a is in several .* line 3: b is in none"):
        read_cells(runs, samples=sheet)
    sheet.write_text("folder,condition\none/a,x\ntwo/a,x\n")
    assert [one.name for one in read_cells(runs, samples=sheet)] == ["one/a", "two/a"]
    with pytest.raises(MissingFileError, match="there is no such sample sheet"):
        read_cells(runs, samples=tmp_path / "none.csv")
    with pytest.raises(InputError, match="leave out one of them"):
        read_cells(runs, samples=sheet, pattern="x")
    with pytest.raises(InputError, match="give folders only"):
        read_cells({"x": runs[0]}, samples=sheet)


def test_names_say_condition_replicate_and_cell(tmp_path: Path, write_run: Write) -> None:
    names = ("ctrl_d1_c1_a", "ctrl_d1_c1_b", "drug_d2_c1_a", "beads")
    run = write_run(tmp_path / "run", {one: [1.0] for one in names})
    pattern = r"(?P<condition>\w+?)_d(?P<replicate>\d)_(?P<cell>c\d)"
    with pytest.warns(DataWarning, match="which the pattern does not fit: beads"):
        cells = read_cells([run], pattern=pattern)
    assert [one.key for one in cells] == [("ctrl", "1", "c1"), ("drug", "2", "c1")]
    assert len(cells[0].clusters) == 2


def test_a_pattern_may_leave_the_condition_to_the_folder(tmp_path: Path, write_run: Write) -> None:
    ctrl = write_run(tmp_path / "ctrl", {"d1_a": [1.0]})
    cells = read_cells({"none": ctrl}, pattern=r"d(?P<replicate>\d)")
    assert [one.key for one in cells] == [("none", "1", "d1_a")]
    with pytest.raises(InputError, match="give folders without a name, or a pattern"):
        read_cells({"none": ctrl}, pattern="(?P<condition>d)")


@pytest.mark.parametrize(
    ("pattern", "match"),
    [
        ("(?P<treatment>x)", "called condition, replicate, cell, .*; got treatment"),
        ("ctrl", "got none with a name"),
        ("(?P<condition>", "is no regular expression"),
        ("(?P<condition>zebra)", "fits no image; they are called a, b"),
    ],
)
def test_patterns_that_cannot_be_used(
    tmp_path: Path, write_run: Write, pattern: str, match: str
) -> None:
    run = write_run(tmp_path / "run", {"a": [1.0], "b": [1.0]})
    with pytest.raises(InputError, match=match):
        read_cells([run], pattern=pattern)


def test_the_same_twice_is_refused(tmp_path: Path, write_run: Write) -> None:
    one, two = (write_run(tmp_path / name / "ctrl", {"a": [1.0]}) for name in "xy")
    with pytest.raises(InputError, match="the condition 'ctrl' is there twice"):
        read_cells([one, two])
    with pytest.raises(InputError, match="ctrl is given twice"):
        read_cells({"a": one, "b": one})
    with pytest.raises(InputError, match="no folders of results were given"):
        read_cells([])


def test_folders_that_are_no_results(tmp_path: Path, write_run: Write) -> None:
    with pytest.raises(MissingFileError, match="none is no folder"):
        read_cells([tmp_path / "none"])
    run = write_run(tmp_path / "run", {"a": [1.0]})
    with pytest.raises(InputError, match=r"holds no results: there is no run\.json"):
        read_cells([run / "a"])
    cut = write_run(tmp_path / "cut", {"a": [1.0]}, record={"interrupted": True})
    with pytest.raises(InputError, match=r"run that was interrupted; .* --resume"):
        read_cells([cut])
    (tmp_path / "killed" / ".unfinished").mkdir(parents=True)
    with pytest.raises(InputError, match="run that was interrupted"):
        read_cells([tmp_path / "killed"])
    bad = write_run(tmp_path / "bad", {"a": [1.0]})
    for text in ("{", "[]", json.dumps({"inputs": []})):
        (bad / "run.json").write_text(text)
        with pytest.raises(TableError, match=r"run\.json: it is no record of a run"):
            read_cells([bad])


def test_images_that_failed_are_told(tmp_path: Path, write_run: Write) -> None:
    run = write_run(tmp_path / "run", {"a": [1.0]}, failed=["b", "c"])
    with pytest.warns(DataWarning, match=r"2 of 3 images could not be analysed, .* \(b, c\)"):
        assert len(read_cells([run])) == 1
    empty = write_run(tmp_path / "empty", {}, failed=["b"])
    with (
        pytest.warns(DataWarning, match="1 of 1 images"),
        pytest.raises(InputError, match="holds no images: all of them failed"),
    ):
        read_cells([empty])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "it cannot be read as a table"),
        ("a,b\n1,2\n", "it has no column cluster, n_localizations, area_nm2"),
        ("cluster,n_localizations,area_nm2\n0,10,big\n1,10,3\n",
         "line 2: area_nm2 must be a number, got 'big'"),
        ("cluster,n_localizations,area_nm2\n0,10,1\n1,10\n", "line 3: the line is not whole"),
        ("cluster,n_localizations,area_nm2\n0,10,1\n1,10,2", "line 3: the line is not whole"),
        ("cluster,n_localizations,area_nm2\n0,10,1\n", r"it has 1 cluster, and .* says 2"),
        ("cluster,n_localizations,area_nm2\n0,10,1,5,6\n1,2\n1,2,3,4,5,6,7\n",
         "it cannot be read as a table"),
    ],
)  # fmt: skip
def test_damaged_clusters_are_told_by_their_file(
    tmp_path: Path, write_run: Write, text: str, match: str
) -> None:
    run = write_run(tmp_path / "run", {"a": [1.0, 2.0]})
    (run / "a" / "clusters.csv").write_text(text)
    with pytest.raises(TableError, match=match) as caught:
        read_cells([run])
    assert str(run / "a" / "clusters.csv") in str(caught.value)


def test_missing_tables_are_told(tmp_path: Path, write_run: Write) -> None:
    run = write_run(tmp_path / "run", {"a": [1.0], "b": [1.0]})
    (run / "a" / "clusters.csv").unlink()
    with pytest.raises(MissingFileError, match=r"clusters\.csv is not there"):
        read_cells([run])
    lines = (run / "summary.csv").read_text().splitlines()
    (run / "summary.csv").write_text("\n".join(lines[:2]) + "\n")
    with pytest.raises(TableError, match=r"summary\.csv: there is no row for b"):
        read_cells([run])


def test_results_made_differently_are_told(tmp_path: Path, write_run: Write) -> None:
    one = write_run(tmp_path / "one", {"a": [1.0]}, threshold=0.5, n_jobs=1)
    two = write_run(tmp_path / "two", {"a": [1.0]}, threshold=0.7, n_jobs=2)
    with pytest.warns(DataWarning, match=r"threshold: 0\.5 \(one\); 0\.7 \(two\)") as notes:
        read_cells([one, two])
    assert len(notes) == 1
    model = {"name": "XPILJZ", "sha256": "fedcba9876543210"}
    three = write_run(tmp_path / "three", {"a": [1.0]}, record={"model": model})
    with pytest.warns(DataWarning, match=r"network: LOGNM1 01234567 \(one\); XPILJZ fedcba98"):
        read_cells([one, three])
    other = write_run(tmp_path / "other", {"a": [1.0]}, record={"model": None}, method="dbscan")
    with pytest.warns(DataWarning) as notes:
        read_cells([one, other])
    said = " ".join(str(note.message) for note in notes)
    assert "network: LOGNM1 01234567 (one); none (other)" in said
    assert "dbscan (other)" in said
    four = write_run(tmp_path / "four", {"a": [1.0]}, regions=None)
    record = json.loads((four / "run.json").read_text())
    record["arguments"]["regions"] = [{"name": "x"}]
    (four / "run.json").write_text(json.dumps(record))
    with pytest.warns(DataWarning, match=r"regions: whole images \(one\); regions \(four\)"):
        read_cells([one, four])
