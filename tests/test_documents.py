"""What README, docs and examples promise is there."""

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import caml
from caml.describe import describe
from caml.simulate import Scenario, simulate

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [one for one in links if "://" not in one and not (page.parent / one).exists()]
    assert missing == []


def test_the_readmes_python_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    (tmp_path / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "cell.csv", tmp_path / "examples")
    code = "\n".join(blocks)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert "area_nm2" in run.stdout
    assert (tmp_path / "results" / "cell" / "clusters.csv").exists()


def test_the_example_is_what_its_script_makes(tmp_path: Path) -> None:
    made = runpy.run_path(str(ROOT / "examples" / "make_cell.py"))
    path = tmp_path / "cell.csv"
    made["make_cell"]().to_csv(path, index=False, quoting=2, lineterminator="\n")
    assert path.read_bytes() == (ROOT / "examples" / "cell.csv").read_bytes()


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_every_column_is_explained(n_dimensions: int) -> None:
    text = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    scenario = Scenario(density=100, radius_nm=40, field_um=12, n_dimensions=n_dimensions)
    simulation = simulate(scenario, seed=1)
    localizations = simulation.localizations
    segmentation = caml.outline(localizations, simulation.true_cluster)
    region = caml.Region.rectangle(0, 0, 12_000, 12_000)
    found = describe(localizations, segmentation, regions=[region])
    columns = {str(name) for name in (*found.clusters, *found.summary)}
    plain = {re.sub(r"_(median|q1|q3)$", "", name) for name in columns}
    assert {name for name in plain if f"`{name}`" not in text} == set()
