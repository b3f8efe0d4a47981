"""Descriptions by hand, and what they must not depend on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import shapely

from caml.describe import Description, describe
from caml.errors import InputError
from caml.localizations import Localizations, Region
from caml.outline import outline
from caml.segment import Segmentation

Array = npt.NDArray[np.float64]

# Two squares in a field of 2 × 1 µm, 10 and 20 nm wide, and four localizations in none.
SMALL = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])
POSITIONS = np.concatenate(
    (SMALL + 500, SMALL * 2 + np.array([1500, 300]), [[0, 0], [2000, 0], [2000, 1000], [0, 1000]])
)
CLUSTER = np.array([0] * 4 + [1] * 4 + [-1] * 4)
FIELD = Region.rectangle(0, 0, 2000, 1000)
SUMS = ("n_localizations", "area_nm2", "density_per_um2", "radius_of_gyration_nm")


@dataclass
class Scores:
    score: Array


def squares() -> Segmentation:
    """The two clusters with the squares themselves as outlines."""
    return Segmentation(
        CLUSTER,
        label=np.array([1, 2]),
        outlines=np.array([shapely.box(500, 500, 510, 510), shapely.box(1500, 300, 1520, 320)]),
    )


def described(**columns: object) -> Description:
    return describe(Localizations(POSITIONS, region=FIELD, **columns), squares())  # type: ignore[arg-type]


def blobs(seed: int, n_dimensions: int = 2) -> tuple[Array, npt.NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(5), generator.integers(3, 30, 5))
    positions = generator.uniform(0, 2000, (5, n_dimensions))[cluster]
    positions = positions + generator.normal(0, 20, positions.shape)
    free = generator.uniform(0, 2000, (40, n_dimensions))
    ids = np.concatenate((cluster, np.full(40, -1)))
    return np.concatenate((positions, free)), ids


# --- by hand ---


def test_columns_come_in_their_order() -> None:
    assert list(described().clusters) == [
        "cluster", "label", "n_localizations", "area_nm2", "perimeter_nm", "density_per_um2",
        "relative_density", "x_nm", "y_nm", "radius_of_gyration_nm", "major_axis_nm",
        "minor_axis_nm", "eccentricity", "circularity", "solidity", "score_mean",
        "nearest_cluster_nm", "touches_border",
    ]  # fmt: skip


def test_a_square_by_hand() -> None:
    clusters = described().clusters
    assert clusters["cluster"].tolist() == [0, 1]
    assert clusters["label"].tolist() == [1, 2]
    assert clusters["n_localizations"].tolist() == [4, 4]
    expected = {
        "area_nm2": [100, 400],
        "perimeter_nm": [40, 80],
        "density_per_um2": [40_000, 10_000],
        # Four in 2 µm² less 0.0005 µm².
        "relative_density": [40_000 * 1.9995 / 4, 10_000 * 1.9995 / 4],
        "x_nm": [505, 1510],
        "y_nm": [505, 310],
        # All members lie 5√2 from the middle; 25 nm² is their variance along each axis.
        "radius_of_gyration_nm": [np.sqrt(50), np.sqrt(200)],
        "major_axis_nm": [20, 40],
        "minor_axis_nm": [20, 40],
        "eccentricity": [0, 0],
        "circularity": [np.pi / 4, np.pi / 4],
        "solidity": [1, 1],
        "nearest_cluster_nm": [np.hypot(1005, 195)] * 2,
    }
    for name, values in expected.items():
        assert clusters[name].tolist() == pytest.approx(values), name
    assert clusters["score_mean"].isna().all()
    assert not clusters["touches_border"].any()


def test_the_summary_by_hand() -> None:
    summary = described(name="cell 1").summary
    assert len(summary) == 1
    row = summary.iloc[0]
    assert (row["image"], row["region"]) == ("cell 1", "")
    expected = {
        "area_um2": 2,
        "n_localizations": 12,
        "density_per_um2": 6,
        "n_clustered": 8,
        "percent_clustered": 200 / 3,
        "n_clusters": 2,
        "clusters_per_um2": 1,
        "clustered_density_per_um2": 8 / 0.0005,
        "unclustered_density_per_um2": 4 / 1.9995,
        "n_localizations_median": 4,
        "area_nm2_median": 250,
        "area_nm2_q1": 175,
        "area_nm2_q3": 325,
        "density_per_um2_median": 25_000,
        "nearest_cluster_nm_q1": np.hypot(1005, 195),
    }
    for name, value in expected.items():
        assert row[name] == pytest.approx(value), name


def test_a_line_is_as_eccentric_as_can_be() -> None:
    positions = np.array([[0.0, 0], [3, 4], [6, 8]])
    clusters = describe(positions, outline(positions, [0, 0, 0])).clusters
    # Distances from the middle are 5, 0, 5: variance 50/3 along the line.
    assert clusters["major_axis_nm"][0] == pytest.approx(4 * np.sqrt(50 / 3))
    assert clusters["minor_axis_nm"][0] == pytest.approx(0, abs=1e-6)
    assert clusters["eccentricity"][0] == pytest.approx(1)


def test_scores_are_those_of_the_clusters_own_label() -> None:
    score = np.arange(12) / 10
    one = describe(POSITIONS, squares(), Scores(score)).clusters["score_mean"]
    assert one.tolist() == pytest.approx([0.15, 0.55])
    labels = np.column_stack((1 - score, score, score + 100))
    each = describe(POSITIONS, squares(), Scores(labels)).clusters["score_mean"]
    assert each.tolist() == pytest.approx([0.15, 100.55])


def test_frames_and_channels_are_counted_where_they_are_known() -> None:
    clusters = described(
        frame=np.array([7, 3, 9, 3, 1, 1, 1, 1, 0, 0, 0, 99]),
        channel=np.array(["red", "red", "far", "red"] * 3),
    ).clusters
    assert clusters["first_frame"].tolist() == [3, 1]
    assert clusters["last_frame"].tolist() == [9, 1]
    assert clusters["frames_spanned"].tolist() == [7, 1]
    assert clusters["n_channel_far"].tolist() == [1, 1]
    assert clusters["n_channel_red"].tolist() == [3, 3]
    assert list(clusters)[-3:] == ["n_channel_far", "n_channel_red", "touches_border"]
    mixed = described(channel=np.array([1, 2] * 6)).clusters
    assert mixed[["n_channel_1", "n_channel_2"]].to_numpy().tolist() == [[2, 2], [2, 2]]
    named = described(channel=np.array(["b", 1] * 6, dtype=object)).clusters
    assert named["n_channel_b"].tolist() == [2, 2]


@pytest.mark.parametrize(
    "channel",
    [
        np.array([1, np.nan, 2, 1] * 3),
        np.array([1, None, 2, 1] * 3, dtype=object),
        np.array([1.0, np.nan, 2.0, 1.0] * 3, dtype=object),
    ],
    ids=["numbers", "None", "objects"],
)
def test_localizations_without_a_channel_are_counted_in_none(channel: object) -> None:
    clusters = described(channel=channel).clusters
    assert [name for name in map(str, clusters) if "channel" in name] == [
        "n_channel_1",
        "n_channel_2",
    ]
    assert clusters["n_channel_1"].tolist() == [2, 2]
    assert clusters["n_channel_2"].tolist() == [1, 1]
    assert clusters["n_localizations"].tolist() == [4, 4]


def test_channels_by_name_may_be_missing_too_or_all_be() -> None:
    named = described(channel=np.array(["far", None, np.nan, "red"] * 3, dtype=object)).clusters
    assert [name for name in map(str, named) if "channel" in name] == [
        "n_channel_far",
        "n_channel_red",
    ]
    assert named["n_channel_far"].tolist() == named["n_channel_red"].tolist() == [1, 1]
    none = described(channel=np.full(12, np.nan)).clusters
    assert list(none) == list(described().clusters)
    halves = described(channel=np.array([0.5, 1, np.nan, 1] * 3)).clusters
    assert halves[["n_channel_0.5", "n_channel_1.0"]].to_numpy().tolist() == [[1, 2], [1, 2]]


def test_what_is_not_strictly_inside_touches_the_border() -> None:
    for x_min, touches in ((499, False), (500, True), (505, True), (600, True)):
        region = Region.rectangle(x_min, 0, 2000, 1000)
        clusters = describe(Localizations(POSITIONS, region=region), squares()).clusters
        assert clusters["touches_border"].tolist() == [touches, False]


def test_holes_count_in_perimeter_circularity_and_solidity() -> None:
    holed = shapely.box(0, 0, 10, 10) - shapely.box(2, 2, 8, 8)
    segmentation = Segmentation(np.zeros(4, int), outlines=np.array([holed]))
    row = describe(SMALL, segmentation).clusters.iloc[0]
    assert row["perimeter_nm"] == 64
    assert row["circularity"] == pytest.approx(4 * np.pi * 64 / 64**2)
    assert row["solidity"] == pytest.approx(0.64)


# --- regions ---


def test_regions_have_a_row_each_and_list_their_clusters() -> None:
    left = Region.rectangle(0, 0, 1000, 1000, name="left")
    middle = Region.rectangle(400, 0, 1600, 1000)
    nowhere = Region.rectangle(5000, 5000, 6000, 6000, name="nowhere")
    localizations = Localizations(POSITIONS, region=FIELD)
    description = describe(localizations, squares(), regions=[left, middle, nowhere])
    clusters, summary = description.clusters, description.summary
    assert clusters["region"].tolist() == ["left", "region 2"]
    assert summary["region"].tolist() == ["left", "region 2", "nowhere"]
    assert summary["n_clusters"].tolist() == [1, 2, 0]
    assert summary["n_localizations"].tolist() == [6, 8, 0]
    assert summary["n_clustered"].tolist() == [4, 8, 0]
    assert summary["area_um2"].tolist() == pytest.approx([1, 1.2, 1])
    assert summary["unclustered_density_per_um2"][0] == pytest.approx(2 / 0.9999)
    assert summary["percent_clustered"].isna().tolist() == [False, False, True]
    assert list(clusters)[-2:] == ["touches_border", "region"]
    # The density of a cluster is set against that of the whole image.
    whole = describe(localizations, squares()).clusters
    assert clusters["relative_density"].tolist() == whole["relative_density"].tolist()


def test_clusters_keep_their_id_in_a_region() -> None:
    right = Region.rectangle(1000, 0, 2000, 1000, name="right")
    clusters = describe(POSITIONS, squares(), regions=[right]).clusters
    assert clusters["cluster"].tolist() == [1]
    assert clusters.index.tolist() == [0]
    # The nearest one is outside the region and still the nearest.
    assert clusters["nearest_cluster_nm"][0] == pytest.approx(np.hypot(1005, 195))


def test_a_cluster_belongs_to_the_region_that_holds_its_centroid() -> None:
    half = Region.rectangle(0, 0, 506, 1000, name="half")
    clusters = describe(POSITIONS, squares(), regions=[half]).clusters
    assert clusters["cluster"].tolist() == [0]
    assert clusters["touches_border"].tolist() == [True]


def test_without_a_region_the_image_is_the_hull_of_its_localizations() -> None:
    summary = describe(POSITIONS, squares()).summary
    assert summary["area_um2"].tolist() == pytest.approx([2])


def test_localizations_outside_the_image_are_not_counted() -> None:
    region = Region.rectangle(-1, -1, 1600, 999)
    summary = describe(Localizations(POSITIONS, region=region), squares()).summary
    assert summary["n_localizations"].tolist() == [9]


# --- invariants ---


@pytest.mark.parametrize("shift", [1e3, 1e7])
def test_a_shift_moves_centroids_and_nothing_else(shift: float) -> None:
    positions, ids = blobs(1)
    before = describe(positions, outline(positions, ids))
    after = describe(positions + shift, outline(positions + shift, ids))
    same = [name for name in before.clusters if name not in ("x_nm", "y_nm", "score_mean")]
    pd.testing.assert_frame_equal(before.clusters[same], after.clusters[same], rtol=1e-5)
    pd.testing.assert_frame_equal(before.summary, after.summary, rtol=1e-5)
    moved = after.clusters[["x_nm", "y_nm"]] - shift
    assert moved.to_numpy() == pytest.approx(before.clusters[["x_nm", "y_nm"]].to_numpy(), abs=1e-5)


def test_lengths_areas_and_densities_scale() -> None:
    positions, ids = blobs(2)
    before = describe(positions, outline(positions, ids)).clusters
    after = describe(positions * 3, outline(positions * 3, ids)).clusters
    powers = {
        "perimeter_nm": 1, "radius_of_gyration_nm": 1, "major_axis_nm": 1, "minor_axis_nm": 1,
        "nearest_cluster_nm": 1, "area_nm2": 2, "density_per_um2": -2, "relative_density": 0,
        "eccentricity": 0, "circularity": 0, "solidity": 0,
    }  # fmt: skip
    for name, power in powers.items():
        assert after[name].to_numpy() == pytest.approx(before[name].to_numpy() * 3.0**power, 1e-3)


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_axes_do_not_turn_with_the_image(n_dimensions: int) -> None:
    positions, ids = blobs(3, n_dimensions)
    turn = np.eye(n_dimensions)
    turn[:2, :2] = [[0.6, -0.8], [0.8, 0.6]]
    turn[:, [0, -1]] = turn[:, [-1, 0]]
    segmentation = outline(positions, ids)
    turned = positions @ turn
    before = describe(positions, segmentation).clusters
    after = describe(turned, segmentation).clusters
    for name in ("radius_of_gyration_nm", "major_axis_nm", "minor_axis_nm", "eccentricity"):
        assert after[name].to_numpy() == pytest.approx(before[name].to_numpy())


def test_the_order_of_localizations_does_not_matter() -> None:
    positions, ids = blobs(4)
    segmentation = outline(positions, ids)
    order = np.random.default_rng(4).permutation(len(ids))
    shuffled = Segmentation(segmentation.cluster[order], segmentation.label, segmentation.outlines)
    before, after = describe(positions, segmentation), describe(positions[order], shuffled)
    pd.testing.assert_frame_equal(before.clusters, after.clusters)
    pd.testing.assert_frame_equal(before.summary, after.summary)


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_spread_equals_that_of_each_cluster_alone(n_dimensions: int) -> None:
    positions, ids = blobs(5, n_dimensions)
    segmentation = outline(positions, ids)
    clusters = describe(positions, segmentation).clusters
    for one, row in clusters.iterrows():
        mine = positions[segmentation.cluster == one]
        eigenvalues = np.maximum(np.linalg.eigvalsh(np.cov(mine.T, bias=True)), 0)
        axes = 2 * np.sqrt((n_dimensions + 2) * eigenvalues)
        found = [row["minor_axis_nm"], row["major_axis_nm"]]
        assert found == pytest.approx([axes[0], axes[-1]], abs=1e-4)
        gyration = np.sqrt(((mine - mine.mean(axis=0)) ** 2).sum(axis=1).mean())
        assert row["radius_of_gyration_nm"] == pytest.approx(gyration)


def test_axes_are_those_of_a_filled_ellipse_and_ellipsoid() -> None:
    generator = np.random.default_rng(0)
    for half_axes in ([50.0, 20.0], [50.0, 30.0, 20.0]):
        d = len(half_axes)
        direction = generator.normal(size=(200_000, d))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        positions = direction * generator.random((200_000, 1)) ** (1 / d) * half_axes
        shape = np.array([shapely.box(-50, -50, 50, 50)])
        segmentation = Segmentation(
            np.zeros(200_000, int),
            outlines=shape,
            volumes_nm3=np.ones(1) if d == 3 else np.empty(0),
        )
        clusters = describe(positions, segmentation).clusters
        assert clusters["major_axis_nm"][0] == pytest.approx(100, rel=0.01)
        assert clusters["minor_axis_nm"][0] == pytest.approx(40, rel=0.01)


# --- many at a time ---


def test_many_clusters_are_described_as_each_alone() -> None:
    generator = np.random.default_rng(7)
    n, size = 9000, 16
    # More than a thread gets at a time, of clusters and of localizations.
    ids = generator.permutation(np.repeat(np.arange(n), size))
    centres = generator.uniform(0, 1e5, (n, 2))
    positions = centres[ids] + generator.normal(0, 20, (len(ids), 2))
    shapes = shapely.buffer(shapely.points(centres), generator.uniform(5, 50, n), quad_segs=2)
    moved = shapely.transform(shapes[::3], lambda xy: xy + np.array([20, 5]))
    shapes[::3] = shapely.difference(shapes[::3], moved)
    region = Region(shapely.Point(5e4, 5e4).buffer(5e4))
    description = describe(
        Localizations(positions, region=region), Segmentation(ids, outlines=shapes)
    )
    clusters = description.clusters
    assert np.array_equal(clusters["n_localizations"], np.full(n, size))
    assert np.array_equal(clusters["area_nm2"], shapely.area(shapes))
    assert np.array_equal(clusters["perimeter_nm"], shapely.length(shapes))
    hulls = shapely.area(shapely.convex_hull(shapes))
    assert np.array_equal(clusters["solidity"], shapely.area(shapes) / hulls)
    touches = ~shapely.contains_properly(region.polygon, shapes)
    assert 0 < touches.sum() < n
    assert np.array_equal(clusters["touches_border"], touches)
    inside = region.contains(positions).sum()
    assert description.summary["n_localizations"].tolist() == [inside]
    for one in (0, 17, n - 1):
        mean = positions[ids == one].mean(axis=0)
        assert clusters[["x_nm", "y_nm"]].to_numpy()[one] == pytest.approx(mean)


# --- 3D ---


def test_in_space_densities_are_per_volume_too() -> None:
    positions = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10], [2000, 1000, 510]])
    positions = np.concatenate((positions, [[2000, 0, 500], [0, 1000, -490]]))
    segmentation = Segmentation(
        [0] * 4 + [-1] * 3,  # type: ignore[arg-type]
        outlines=np.array([shapely.box(0, 0, 10, 10)]),
        volumes_nm3=np.array([1e6]),
    )
    localizations = Localizations(positions, region=FIELD)
    description = describe(localizations, segmentation)
    row = description.clusters.iloc[0]
    assert row["z_nm"] == pytest.approx(2.5)
    assert row["volume_nm3"] == 1e6
    assert row["density_per_um3"] == pytest.approx(4000)
    assert row["density_per_um2"] == pytest.approx(4 / 1e-4)
    # Three in 2 µm² × 1 µm less 0.001 µm³.
    assert row["relative_density"] == pytest.approx(4000 * 1.999 / 3)
    summary = description.summary.iloc[0]
    assert summary["volume_um3"] == pytest.approx(2)
    assert summary["volume_nm3_median"] == 1e6
    expected = {
        "density_per_um2": 7 / 2,
        "density_per_um3": 7 / 2,
        "clustered_density_per_um2": 4 / 1e-4,
        "clustered_density_per_um3": 4 / 1e-3,
        "unclustered_density_per_um2": 3 / (2 - 1e-4),
        "unclustered_density_per_um3": 3 / (2 - 1e-3),
        "density_per_um3_median": 4000,
        "density_per_um3_q1": 4000,
        "density_per_um3_q3": 4000,
    }
    for name, value in expected.items():
        assert summary[name] == pytest.approx(value), name
    assert list(description.clusters)[5:12] == [
        "volume_nm3", "density_per_um2", "density_per_um3", "relative_density", "x_nm", "y_nm",
        "z_nm",
    ]  # fmt: skip


def test_in_space_quartiles_of_density_and_regions_by_hand() -> None:
    solid = np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10]])
    positions = np.concatenate(
        (solid, solid + np.array([1500, 500, 490]), [[100, 100, 0], [1600, 900, 250]])
    )
    segmentation = Segmentation(
        np.repeat([0, 1, -1], [4, 4, 2]),
        outlines=np.array([shapely.box(0, 0, 10, 10), shapely.box(1500, 500, 1510, 510)]),
        volumes_nm3=np.array([1e6, 2e6]),
    )
    regions = [Region.rectangle(-10, -10, 990, 990), Region.rectangle(990, -10, 1990, 990)]
    whole = describe(positions, segmentation).summary.iloc[0]
    # 4,000 and 2,000 per µm³; eight in 0.003 µm³.
    cuts = [whole[f"density_per_um3_{part}"] for part in ("q1", "median", "q3")]
    assert cuts == pytest.approx([2500, 3000, 3500])
    assert whole["clustered_density_per_um3"] == pytest.approx(8 / 0.003)
    # Each 1 µm² × 0.5 µm deep, with one cluster and one localization in none.
    halves = describe(positions, segmentation, regions=regions).summary
    assert halves["density_per_um3"].tolist() == pytest.approx([10, 10])
    assert halves["clustered_density_per_um3"].tolist() == pytest.approx([4000, 2000])
    assert halves["unclustered_density_per_um3"].tolist() == pytest.approx([1 / 0.499, 1 / 0.498])


def test_in_the_plane_nothing_is_per_volume() -> None:
    assert not [name for name in map(str, described().summary) if "um3" in name or "nm3" in name]


# --- edges ---


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize("regions", [(), (FIELD,)])
def test_no_clusters_give_the_same_columns_and_dtypes(
    n_dimensions: int, regions: tuple[Region, ...]
) -> None:
    positions, ids = blobs(6, n_dimensions)
    localizations = Localizations(
        positions,
        frame=np.arange(len(ids)),
        channel=np.array(["a", "b"])[np.arange(len(ids)) % 2],
    )
    some = describe(localizations, outline(localizations, ids), regions=regions)
    none = describe(localizations, outline(localizations, np.full(len(ids), -1)), regions=regions)
    assert len(none.clusters) == 0
    assert none.clusters.dtypes.tolist() == some.clusters.dtypes.tolist()
    assert list(none.clusters) == list(some.clusters)
    assert list(none.summary) == list(some.summary)
    assert none.summary.dtypes.tolist() == some.summary.dtypes.tolist()
    row = none.summary.iloc[0]
    assert (row["n_clusters"], row["n_clustered"], row["percent_clustered"]) == (0, 0, 0)
    assert np.isnan(row["clustered_density_per_um2"])
    assert np.isnan(
        row[[f"{name}_{part}" for name in SUMS for part in ("median", "q1", "q3")]].to_numpy(
            dtype=float
        )
    ).all()


@pytest.mark.parametrize("n_dimensions", [2, 3])
@pytest.mark.parametrize(
    "positions",
    [np.empty((0, 3)), np.zeros((1, 3)), np.full((5, 3), 7.0), np.outer(np.arange(5.0), [1, 2, 0])],
    ids=["none", "one", "identical", "collinear"],
)
def test_images_without_area_have_no_densities(positions: Array, n_dimensions: int) -> None:
    positions = positions[:, :n_dimensions]
    for id_ in (-1, 0):
        segmentation = outline(positions, np.full(len(positions), id_))
        description = describe(positions, segmentation)
        row = description.summary.iloc[0]
        assert row["area_um2"] == 0
        assert np.isnan([row["density_per_um2"], row["clusters_per_um2"]]).all()
        assert row["n_localizations"] == len(positions)
        assert description.clusters["relative_density"].isna().all()
        assert description.clusters["touches_border"].all()
        assert description.clusters["nearest_cluster_nm"].isna().all()


def test_clusters_without_area_have_no_density() -> None:
    positions = np.concatenate((POSITIONS, [[700, 700], [900, 700], [910, 700]]))
    ids = np.concatenate((CLUSTER, [2, 3, 3]))
    localizations = Localizations(positions, region=FIELD)
    description = describe(localizations, outline(localizations, ids))
    lone, pair = description.clusters.iloc[2], description.clusters.iloc[3]
    for name in ("density_per_um2", "relative_density", "circularity", "solidity"):
        assert np.isnan([lone[name], pair[name]]).all(), name
    assert (lone["area_nm2"], lone["radius_of_gyration_nm"], lone["x_nm"]) == (0, 0, 700)
    assert np.isnan(lone["eccentricity"])
    assert not lone["touches_border"]
    assert (pair["major_axis_nm"], pair["eccentricity"]) == pytest.approx((20, 1))
    # Medians are of what is defined.
    dense = description.clusters["density_per_um2"][:2]
    assert description.summary["density_per_um2_median"][0] == pytest.approx(dense.mean())


def test_localizations_without_a_position_are_not_counted() -> None:
    positions = np.concatenate((POSITIONS, [[np.nan, 500], [np.inf, 500]]))
    segmentation = Segmentation(np.append(CLUSTER, [-1, -1]), outlines=squares().outlines)
    summary = describe(positions, segmentation).summary
    assert summary["n_localizations"].tolist() == [12]
    assert summary["area_um2"].tolist() == pytest.approx([2])


def test_nothing_outside_clusters_leaves_no_relative_density() -> None:
    clusters = describe(SMALL, outline(SMALL, [0] * 4)).clusters
    assert clusters["relative_density"].isna().all()


# --- errors ---


def test_clusters_without_outlines_are_refused() -> None:
    message = r"call caml\.outline\(localizations, segmentation\) first"
    with pytest.raises(InputError, match=message):
        describe(POSITIONS, Segmentation(CLUSTER))
    flat = np.column_stack((POSITIONS, np.zeros(len(POSITIONS))))
    with pytest.raises(InputError, match=message):
        describe(flat, squares())


def test_lengths_that_do_not_agree_are_refused_together() -> None:
    message = (
        "one value per localization is needed, 11 here; the segmentation has 12; the "
        r"classification's score has shape \(12,\)"
    )
    with pytest.raises(InputError, match=message):
        describe(POSITIONS[:11], squares(), Scores(np.zeros(12)))
    with pytest.raises(
        InputError, match=r"scores the labels below 2, and clusters have the label 2"
    ):
        describe(POSITIONS, squares(), Scores(np.zeros((12, 2))))


def test_clusters_of_localizations_without_a_position_are_refused() -> None:
    positions = POSITIONS.copy()
    positions[3] = np.nan
    with pytest.raises(InputError, match="can be in no cluster: give them the id −1"):
        describe(positions, squares())
