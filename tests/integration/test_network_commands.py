"""``caml models``, ``caml train`` and ``caml cross-validate`` as a user runs them."""

import json
from pathlib import Path

import pandas as pd
import pytest

from caml.cli import main
from caml.models import imported

AUTHORS = Path(__file__).parents[3] / "shared" / "data" / "caml_original"
FEW = """
[[cell]]
density = [50, 100]
n_per_cluster = 20
radius_nm = [30, 50]
field_um = 20
"""
FIT = ("--pool-size", 2100, "--replicates", 1, "--epochs", 2, "--jobs", 1)


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(arg) for arg in args])
    return int(stop.value.code or 0)


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    path = tmp_path / "my.toml"
    path.write_text(FEW)
    return path


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    path = tmp_path / "my_network.py"
    path.write_text(
        "from keras import Sequential, layers\n"
        "def stack(shape, n_outputs):\n"
        "    return Sequential([\n"
        "        layers.Input(shape),\n"
        "        layers.Dense(8, activation='relu'),\n"
        "        layers.Dense(n_outputs, activation='sigmoid' if n_outputs == 1 else 'softmax'),\n"
        "    ])\n"
    )
    return path


def test_networks_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("models") == 0
    listed = capsys.readouterr().out
    assert "XPILJZ  2D, 100 neighbours (norm_self), 2 labels, 3,265 parameters" in listed
    assert run("models", "xpiljz") == 0
    assert json.loads(capsys.readouterr().out)["name"] == "XPILJZ"
    assert run("models", "NOSUCH") == 2


def test_a_network_of_ones_own(
    tmp_path: Path, scenarios: Path, layers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "trained"
    options = ("--scenarios", scenarios, "--k", 40, *FIT)
    assert run("train", layers, "--out", out, *options) == 2
    assert "--name auto" in capsys.readouterr().err
    assert run("train", layers, "--out", out, *options, "--name", "XPILJZ") == 2
    assert "XPILJZ is the name of a network of the package" in capsys.readouterr().err
    assert run("train", layers, "--out", out, *options, "--name", "auto") == 0
    names = [path.stem for path in out.glob("*.onnx")]
    assert len(names) == 1
    assert len(names[0]) == 6
    made = {path.name.removeprefix(names[0]) for path in out.iterdir()}
    assert made == {
        "pool", ".onnx", ".json", "_curves.json", "_training.png", "_scores.json", "_scores.csv",
        "_scores.png", "_input.png",
    }  # fmt: skip
    card = json.loads((out / f"{names[0]}.json").read_text())
    assert card["layers"] == ["Dense 8 relu", "Dense 1 sigmoid"]
    assert card["training"]["pool"]["k"] == 40
    cell = tmp_path / "cells" / "simulated_001.csv"
    assert run("simulate", "--out", cell.parent, "--field", 12, "--density", 60) == 0
    model = out / f"{names[0]}.onnx"
    assert run("analyse", cell, "--out", tmp_path / "r", "--model", model) == 0
    judged = tmp_path / "judged"
    assert run("models", "evaluate", "-m", model, "--pool", out / "pool", "--out", judged) == 0
    scores = json.loads((judged / f"{names[0]}_scores.json").read_text())
    assert scores == json.loads((out / f"{names[0]}_scores.json").read_text())


def test_the_example_of_the_documentation_trains(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    for name, language in (("my_network.py", "python"), ("my.toml", "toml")):
        text = page.partition(f"```{language}\n")[2].partition("```")[0]
        (tmp_path / name).write_text(text)
    command = "train {0}/my_network.py --scenarios {0}/my.toml --input norm_self --k 200 --labels 3"
    options = (*command.format(tmp_path).split(), "--name", "auto", "--out", tmp_path / "t")
    assert run(*options, *FIT) == 0
    assert len(list((tmp_path / "t").glob("*.onnx"))) == 1


def test_three_labels_relative_coordinates_and_a_pool_for_several(
    tmp_path: Path, layers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = tmp_path / "kinds.toml"
    kinds.write_text(
        FEW + "[[cell.beside]]\ndensity = 50\nn_per_cluster = 40\nradius_nm = 10\n"
        'shape = "fibre"\nfibre_length_nm = 600\nfield_um = 20\n'
    )
    options = ("--scenarios", kinds, "--labels", 3, "--out", tmp_path / "t", *FIT)
    pool = ("--pool", tmp_path / "p", "--pool-k", 60)
    assert run("train", layers, *options, *pool, "--k", 30, "--name", "THREE0") == 0
    assert run("train", layers, *options, *pool, "--k", 60, "--name", "THREE1") == 0
    assert len(list((tmp_path / "p").iterdir())) == 3
    assert run("train", layers, *options, *pool, "--k", 90, "--name", "THREE2") == 2
    assert "holds another pool: it holds 60 neighbours, not 90" in capsys.readouterr().err
    card = json.loads((tmp_path / "t" / "THREE1.json").read_text())
    assert card["labels"] == ["not clustered", "round", "fibre"]
    coordinates = ("--input", "relative_coordinates", "--k", 30, "--name", "COORD0")
    assert run("train", layers, *options, *coordinates) == 2
    assert "gives output of shape (30, 3)" in capsys.readouterr().err
    assert run("train", "xyrel1", *options, *coordinates) == 0


@pytest.mark.usefixtures("without_cells")
def test_a_training_goes_on_after_it_was_killed(
    tmp_path: Path,
    scenarios: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from caml.train.checkpoint import Checkpoint

    note = Checkpoint.note

    def interrupted(self: Checkpoint, logs: dict[str, float]) -> None:
        note(self, logs)
        raise KeyboardInterrupt

    options = ("train", "XPILJZ", "--name", "KILLED", "--scenarios", scenarios, *FIT)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(*options, "--out", whole) == 0
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "note", interrupted)
        assert run(*options, "--out", killed) == 130
    assert {path.name for path in killed.iterdir()} == {"pool", "KILLED.checkpoint.npz"}
    capsys.readouterr()
    assert run(*options, "--out", killed) == 2
    assert "go on with --resume" in capsys.readouterr().err
    assert run(*options, "--out", killed, "--resume") == 0
    assert (killed / "KILLED.onnx").read_bytes() == (whole / "KILLED.onnx").read_bytes()
    assert not (killed / "KILLED.checkpoint.npz").exists()
    assert run(*options, "--out", killed) == 2
    assert "KILLED.onnx exists already" in capsys.readouterr().err
    assert run(*options, "--out", killed, "--overwrite") == 0


def test_cross_validation(
    tmp_path: Path, scenarios: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--scenarios", scenarios, "--name", "FOLDED", "--folds", 3, *FIT)
    assert run("cross-validate", "XPILJZ", *options, "--out", tmp_path) == 0
    said = capsys.readouterr().out
    found = json.loads((tmp_path / "FOLDED_cross_validation.json").read_text())
    mean, spread = found["accuracy_mean"], found["accuracy_sd"]
    assert f"FOLDED: accuracy {100 * mean:.2f} ± {100 * spread:.2f} % over 3 folds" in said
    table = pd.read_csv(tmp_path / "FOLDED_folds.csv")
    assert table["accuracy"].mean() == pytest.approx(mean)
    assert table["n"].sum() == 2100


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--mix", "a,b"), "--mix takes numbers"),
        (("--mix", "1,2,3"), "mix must be 2 shares above 0"),
        (("--input", "nose"), "no network input is called 'nose'"),
        (("--input", "norm_self", "--dimensions", 3), "the scenarios are 2D"),
        (("--scenarios", "nowhere.toml"), "nowhere.toml: no such file"),
        (("--pool-size", 10_000_000, "--replicates", 1), "use a smaller pool or more"),
        (("--learning-rate", "nan"), "not a number"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    options: tuple[object, ...],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("train", "XPILJZ", "--name", "REFUSE", "--out", tmp_path, *options) == 2
    assert reason in capsys.readouterr().err
    assert not list(tmp_path.glob("*.onnx"))


@pytest.mark.skipif(not AUTHORS.exists(), reason="the authors' weights are not here")
@pytest.mark.parametrize("name", ["XPILJZ", "07VEJJ"])
def test_the_authors_networks_are_imported_and_used(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = AUTHORS / f"{name}.h5"
    out = tmp_path / "models"
    assert run("models", "import", file, "--out", out, "--name", "AUTHOR") == 0
    assert "100 neighbours (norm_self), 2 labels" in capsys.readouterr().out
    assert run("models", "import", file, "--out", out, "--name", "AUTHOR") == 2
    assert "a network called AUTHOR exists already" in capsys.readouterr().err
    monkeypatch.setattr(imported, "shares_by_chance", lambda _: [[1000, 0.0123]])  # once is enough
    assert run("models", "import", file, "--out", out, "--name", "AUTHOR", "--overwrite") == 0
    assert run("simulate", "--out", tmp_path, "--field", 12, "--density", 60) == 0
    cell = tmp_path / "simulated_001.csv"
    model = out / "AUTHOR.onnx"
    assert run("analyse", cell, "--out", tmp_path / "r", "--model", model) == 0
