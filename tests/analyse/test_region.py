"""Regions of tables in parquet: labels as in the whole image, and little read."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import caml
from caml.analyse.region import classify_regions
from caml.errors import NothingFoundWarning
from caml.localizations import Region
from caml.models import load_model
from caml.simulate import Scenario, simulate


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scenario = Scenario(density=60, n_per_cluster=15, radius_nm=40, field_um=30)
    positions = np.asarray(simulate(scenario, seed=5).localizations.positions)
    generator = np.random.default_rng(5)
    # A sparse surrounding, whose neighbours are far away.
    lone = generator.uniform(-30_000, 60_000, (400, 2))
    frame = pd.DataFrame(np.concatenate((positions, lone)), columns=["x [nm]", "y [nm]"])
    frame = frame.sample(frac=1, random_state=5).sort_values("y [nm]", ignore_index=True)
    path = tmp_path_factory.mktemp("cell") / "cell.parquet"
    frame.to_parquet(path, row_group_size=500)
    return path


@pytest.mark.parametrize(
    "region",
    [
        Region.rectangle(13_000, 13_000, 16_000, 15_000),
        Region.rectangle(5_000, 14_000, 9_000, 17_000),
        Region.rectangle(-29_000, -29_000, -20_000, -25_000),
        Region.rectangle(-31_000, -31_000, 61_000, 61_000),
    ],
)
def test_labels_inside_are_those_of_the_whole_image(cell: Path, region: Region) -> None:
    whole = caml.classify(caml.read(cell), prior="balanced")
    localizations, found = classify_regions(cell, [region], load_model(), prior="balanced")
    rows = localizations.table.index.to_numpy()
    inside = region.contains(localizations.positions)
    assert inside.any()
    assert (found.label[inside] >= 0).all()
    known = found.label >= 0
    np.testing.assert_array_equal(found.label[known], whole.label[rows[known]])
    np.testing.assert_array_equal(found.score[known], whole.score[rows[known]])


def test_the_share_is_estimated_from_the_regions(cell: Path) -> None:
    region = Region.rectangle(13_000, 13_000, 16_000, 15_000)
    part = caml.analyse(cell, regions=[region], prior="image").classification
    whole = caml.analyse(caml.read(cell), regions=[region], prior="image").classification
    every = caml.classify(caml.read(cell), prior="image")
    assert part.prior == whole.prior != every.prior
    assert 0 < part.prior < 1


def test_only_the_surroundings_are_read(cell: Path) -> None:
    region = Region.rectangle(14_000, 14_000, 15_000, 15_000)
    localizations, _ = classify_regions(cell, [region], load_model())
    assert 100 < len(localizations) < 0.3 * len(caml.read(cell))


def test_clusters_of_a_region_are_those_of_the_whole_image(cell: Path) -> None:
    region = Region.rectangle(13_000, 13_000, 16_000, 15_000)
    part = caml.analyse(cell, regions=[region]).description
    whole = caml.analyse(caml.read(cell), regions=[region]).description
    own = ["n_localizations", "area_nm2", "x_nm", "y_nm", "score_mean", "touches_border"]
    pd.testing.assert_frame_equal(
        part.clusters[own].sort_values("x_nm", ignore_index=True),
        whole.clusters[own].sort_values("x_nm", ignore_index=True),
    )
    assert len(part.clusters) > 3
    sums = ["area_um2", "n_localizations", "n_clustered", "n_clusters", "area_nm2_median"]
    pd.testing.assert_frame_equal(part.summary[sums], whole.summary[sums])


def test_a_region_beside_the_image_has_nothing(cell: Path) -> None:
    region = Region.rectangle(1e7, 1e7, 2e7, 2e7)
    with (
        pytest.warns(NothingFoundWarning, match="no clusters were found in the regions"),
        pytest.warns(NothingFoundWarning, match="no localizations lie in the box"),
    ):
        analysis = caml.analyse(cell, regions=[region])
    assert analysis.description.summary["n_localizations"].tolist() == [0]


def test_where_nearly_all_are_clustered_runs_are_cut_as_in_the_whole_image(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    centres = generator.uniform(0, 10_000, (220, 2))
    positions = np.concatenate([c + generator.normal(0, 25, (30, 2)) for c in centres])
    frame = pd.DataFrame(generator.permutation(positions), columns=["x [nm]", "y [nm]"])
    path = tmp_path / "cell.parquet"
    frame.sort_values("y [nm]").to_parquet(path, row_group_size=2_000)
    region = Region.rectangle(4_000, 4_000, 6_000, 6_000)
    part, whole = caml.analyse(path, regions=[region]), caml.analyse(path)
    labels = [one.classification.label for one in (part, whole)]
    assert all((label[label >= 0] > 0).mean() > 0.95 for label in labels)
    assert (labels[0] < 0).mean() > 0.1
    own = ["n_localizations", "area_nm2", "x_nm", "y_nm"]
    inside = whole.description.clusters
    inside = inside[inside["x_nm"].between(4e3, 6e3) & inside["y_nm"].between(4e3, 6e3)]
    pd.testing.assert_frame_equal(
        part.description.clusters[own].sort_values("x_nm", ignore_index=True),
        inside[own].sort_values("x_nm", ignore_index=True),
    )
