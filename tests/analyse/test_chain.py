"""The chain for one table."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caml
from caml import plot
from caml.analyse.chain import rounded
from caml.errors import DataWarning, NothingFoundWarning, OutputError
from caml.io import write_table
from caml.report import report
from caml.simulate import Scenario, Simulation, simulate

SCENARIO = Scenario(
    density=100, n_per_cluster=20, percent_clustered=50, radius_nm=40, crop_um=4, field_um=20
)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(SCENARIO, seed=1, name="cell")


@pytest.fixture(scope="module")
def analysis(simulation: Simulation) -> caml.Analysis:
    return caml.analyse(simulation.localizations)


def test_is_the_stages_one_after_the_other(simulation: Simulation, analysis: caml.Analysis) -> None:
    localizations = simulation.localizations
    classification = caml.classify(localizations)
    segmentation = caml.outline(localizations, caml.segment(localizations, classification))
    description = caml.describe(localizations, segmentation, classification)
    np.testing.assert_array_equal(analysis.classification.score, classification.score)
    np.testing.assert_array_equal(analysis.segmentation.cluster, segmentation.cluster)
    pd.testing.assert_frame_equal(analysis.description.clusters, description.clusters)


def test_describes_the_clusters_that_were_simulated(
    simulation: Simulation, analysis: caml.Analysis
) -> None:
    n_true = len(set(simulation.true_cluster.tolist()) - {-1})
    clusters = analysis.description.clusters
    assert len(clusters) == pytest.approx(n_true, rel=0.15)
    assert clusters["n_localizations"].median() == pytest.approx(20, rel=0.1)
    clustered = analysis.segmentation.cluster >= 0
    assert (clustered == (simulation.true_label > 0)).mean() > 0.93


def test_takes_a_path_an_array_or_localizations(simulation: Simulation, tmp_path: Path) -> None:
    path = tmp_path / "cell.csv"
    write_table(path, simulation.localizations.table)
    from_path = caml.analyse(path)
    from_array = caml.analyse(simulation.localizations.positions)
    np.testing.assert_array_equal(from_path.segmentation.cluster, from_array.segmentation.cluster)
    assert from_path.localizations.name == "cell"
    assert "read" in from_path.seconds


@pytest.mark.parametrize(
    "matrix", [[[0.6, -0.8], [0.8, 0.6]], [[0.0, 1.0], [1.0, 0.0]]], ids=["turned", "mirrored"]
)
def test_turning_moving_and_reordering_change_nothing_but_order(
    simulation: Simulation, analysis: caml.Analysis, matrix: list[list[float]]
) -> None:
    positions = simulation.localizations.positions
    order = np.random.default_rng(0).permutation(len(positions))
    moved = (positions @ np.array(matrix) + np.array([5e4, -1e5]))[order]
    again = caml.analyse(moved)
    # Clusters are numbered by their scores, which may be equal but for the last digit.
    was = analysis.segmentation.cluster[order]
    pairs = np.unique(np.column_stack((was, again.segmentation.cluster)), axis=0)
    assert len(pairs) == len(np.unique(was)) == len(np.unique(again.segmentation.cluster))
    now = pairs[pairs[:, 0] >= 0, 1]
    first, second = analysis.description.clusters, again.description.clusters.iloc[now]
    for name in ("n_localizations", "area_nm2", "perimeter_nm", "eccentricity", "solidity"):
        # An arc of an outline is a polygon whose corners turn with it: areas agree to 0.5 %.
        np.testing.assert_allclose(second[name], first[name], rtol=5e-3, atol=1e-6)


def test_nothing_found_is_an_empty_result_and_a_warning() -> None:
    generator = np.random.default_rng(0)
    lattice = np.stack(np.meshgrid(np.arange(30.0), np.arange(30.0)), axis=-1).reshape(-1, 2)
    positions = 100 * lattice + generator.normal(0, 1, lattice.shape)
    with (
        pytest.warns(DataWarning, match="such as chance gives"),
        pytest.warns(NothingFoundWarning, match="no clusters were found in the image"),
    ):
        analysis = caml.analyse(positions)
    assert len(analysis.description.clusters) == 0
    assert "area_nm2" in analysis.description.clusters
    assert analysis.description.summary["n_clusters"].tolist() == [0]


def test_too_few_localizations_are_unlabelled_not_an_error() -> None:
    with pytest.warns(DataWarning, match="at least 101"), pytest.warns(NothingFoundWarning):
        analysis = caml.analyse(np.random.default_rng(0).random((50, 2)))
    assert set(analysis.classification.label.tolist()) == {-1}


def test_labels_in_a_region_are_those_of_the_whole_image(
    simulation: Simulation, analysis: caml.Analysis
) -> None:
    region = caml.Region.rectangle(8_500, 8_500, 10_500, 10_500, name="middle")
    part = caml.analyse(simulation.localizations, regions=[region])
    np.testing.assert_array_equal(part.classification.label, analysis.classification.label)
    clusters = part.description.clusters
    assert 0 < len(clusters) < len(analysis.description.clusters)
    assert set(clusters["region"]) == {"middle"}
    summary = part.description.summary
    assert summary["region"].tolist() == ["middle"]
    inside = region.contains(simulation.localizations.positions)
    assert summary["n_localizations"].tolist() == [inside.sum()]
    assert summary["area_um2"].tolist() == [pytest.approx(4)]


def test_writes_what_it_found(analysis: caml.Analysis, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "cell"
    analysis.save(folder)
    names = {"localizations.csv", "clusters.csv", "outlines.geojson"}
    assert {path.name for path in folder.iterdir()} == names
    table = pd.read_csv(folder / "localizations.csv")
    assert table.columns.tolist()[-3:] == ["score", "label", "cluster"]
    np.testing.assert_array_equal(table["cluster"], analysis.segmentation.cluster)
    np.testing.assert_allclose(table["score"], analysis.classification.score, atol=1e-6)
    clusters = pd.read_csv(folder / "clusters.csv")
    np.testing.assert_allclose(
        clusters["area_nm2"], analysis.description.clusters["area_nm2"], rtol=1e-5
    )
    features = json.loads((folder / "outlines.geojson").read_text())["features"]
    assert [one["id"] for one in features] == clusters["cluster"].tolist()
    with pytest.raises(OutputError, match="--overwrite"):
        analysis.save(folder)
    analysis.save(folder, overwrite=True, file_format="parquet")
    assert (folder / "localizations.parquet").exists()
    assert not (folder / "localizations.csv").exists()


def test_only_regions_and_their_clusters_are_spoken_of(analysis: caml.Analysis) -> None:
    # Through the middle of a cluster whose centroid is inside, and of one whose is not.
    largest = analysis.description.clusters.nlargest(1, "n_localizations").iloc[0]
    x, y = largest["x_nm"], largest["y_nm"]
    region = caml.Region.rectangle(x - 400, y - 400, x + 1, y + 400, name="half")
    part = caml.analyse(analysis.localizations, regions=[region], prior="balanced")
    inside = region.contains(part.localizations.positions)
    own = np.isin(part.segmentation.cluster, part.description.clusters["cluster"])
    assert 0 < (own & ~inside).sum() < own.sum()
    np.testing.assert_array_equal(part.in_regions, inside | own)
    assert analysis.in_regions.all()


def test_what_lies_in_several_regions_counts_once(analysis: caml.Analysis) -> None:
    low = analysis.localizations.positions.min(axis=0)
    x, y = np.floor(low).tolist()
    boxes = [(x, y, x + 2_000, y + 2_000), (x + 500, y + 500, x + 2_500, y + 1_500)]
    boxes += [(x + 500, y + 500, x + 2_500, y + 1_500), (x + 2_500, y, x + 3_000, y + 3_000)]
    regions = [caml.Region.rectangle(*box) for box in boxes]
    part = caml.analyse(analysis.localizations, regions=regions, prior="balanced")
    positions = part.localizations.positions
    inside = np.zeros(len(positions), dtype=bool)
    for x_min, y_min, x_max, y_max in boxes:
        across = (positions[:, 0] >= x_min) & (positions[:, 0] <= x_max)
        inside |= across & (positions[:, 1] >= y_min) & (positions[:, 1] <= y_max)
    found = part.totals
    assert found.n_localizations == inside.sum() < part.description.summary["n_localizations"].sum()
    assert found.n_clustered == (inside & (part.segmentation.cluster >= 0)).sum() > 0
    # 2 × 2, what reaches out of it, 0.5 × 1, and 0.5 × 3.
    assert found.area_um2 == pytest.approx(4 + 0.5 + 1.5)
    assert found.percent_clustered == 100 * found.n_clustered / found.n_localizations
    # Regions that only touch are summed.
    apart = caml.analyse(analysis.localizations, regions=regions[1::2], prior="balanced")
    assert apart.totals.n_localizations == apart.description.summary["n_localizations"].sum()
    title = plot.overview(part).axes[0].get_title(loc="left")
    assert f"{len(part.description.clusters)} clusters in 4 regions" in title
    page = report(part)
    assert f"of {found.n_localizations:,} localizations" in page
    assert "in 6 µm²" in page


def test_regions_are_written_for_each_localization(simulation: Simulation, tmp_path: Path) -> None:
    regions = [
        caml.Region.rectangle(8_000, 8_000, 10_000, 10_000, name="a"),
        caml.Region.rectangle(9_000, 9_000, 11_000, 11_000),
    ]
    caml.analyse(simulation.localizations, regions=regions).save(tmp_path / "cell")
    table = pd.read_csv(tmp_path / "cell" / "localizations.csv", keep_default_na=False)
    inside = [one.contains(simulation.localizations.positions) for one in regions]
    clusters = pd.read_csv(tmp_path / "cell" / "clusters.csv")
    second = (set(clusters["region"]) - {"a"}).pop()
    expected = np.where(inside[0], "a", np.where(inside[1], second, ""))
    assert table["region"].tolist() == expected.tolist()


def test_a_network_for_2d_sees_the_projection_of_3d(tmp_path: Path) -> None:
    deep = dataclasses.replace(SCENARIO, n_dimensions=3)
    localizations = simulate(deep, seed=1).localizations
    with pytest.warns(DataWarning, match="LOGNM1 is made for 2D: z was not used"):
        analysis = caml.analyse(localizations)
    flat = caml.analyse(localizations.positions[:, :2])
    np.testing.assert_array_equal(analysis.segmentation.cluster, flat.segmentation.cluster)
    analysis.save(tmp_path / "deep")
    table = pd.read_csv(tmp_path / "deep" / "localizations.csv")
    assert {"x_nm", "y_nm", "z_nm"} <= set(table)
    assert not any(str(name).endswith("_input") for name in table)


def test_rounding_keeps_six_digits_and_a_thousandth_of_a_nanometre() -> None:
    table = pd.DataFrame(
        {
            "area_nm2": [123456.789, 0.000123456789, 0.1, -1234567.0, np.nan, 0.0, np.inf],
            "x_nm": [12345678.12345, 0.1, 0.2, 0.3, np.nan, 1e-9, 2.0],
            "n": [1, 2, 3, 4, 5, 6, 7],
        }
    )
    text = rounded(table)["area_nm2"].map(repr).tolist()
    assert text == ["123457.0", "0.000123457", "0.1", "-1234570.0", "nan", "0.0", "inf"]
    assert rounded(table)["x_nm"].tolist()[0] == 12345678.123
    assert rounded(table)["n"].tolist() == table["n"].tolist()
