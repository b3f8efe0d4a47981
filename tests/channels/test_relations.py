"""How clusters of two channels lie to each other, on squares whose overlap is known."""

import numpy as np
import pandas as pd
import pytest
import shapely

import caml
from caml.channels import (
    cluster_relations,
    inside_outlines,
    outline_distances,
    split_channels,
)
from caml.errors import InputError
from caml.localizations import Localizations
from caml.segment import Segmentation


def squares(*corners: tuple[float, float], side: float = 10.0) -> tuple[np.ndarray, Segmentation]:
    """Make square clusters with a localization in each corner."""
    outlines = np.array([shapely.box(x, y, x + side, y + side) for x, y in corners], dtype=object)
    positions = np.concatenate([shapely.get_coordinates(one)[:4] for one in outlines])
    return positions, Segmentation(np.repeat(np.arange(len(corners)), 4), outlines=outlines)


def test_squares_that_overlap_by_known_areas() -> None:
    # The first is covered by a quarter and by a half, which share 25 nm²; the second touches
    # nothing; the third only touches.
    a, first = squares((0, 0), (100, 100), (200, 0))
    b, second = squares((5, 5), (0, 5), (210, 0))
    found = cluster_relations(a, first, b, second)
    assert found["n_overlapping"].tolist() == [2, 0, 0]
    assert found["overlap_area_nm2"].tolist() == pytest.approx([50, 0, 0])
    assert found["overlap_fraction"].tolist() == pytest.approx([0.5, 0, 0])
    # Corners of (5, 5) at (5, 5), (5, 10), (10, 5) … count where they lie on the outline.
    inside = [shapely.box(x, y, x + 10, y + 10) for x, y in ((0, 0), (100, 100), (200, 0))]
    expected = [int(shapely.intersects_xy(one, *b.T).sum()) for one in inside]
    assert found["n_other_inside"].tolist() == expected
    assert expected[1] == 0
    assert expected[2] == 2
    nearest = [0, np.hypot(85, 85), 0]
    np.testing.assert_allclose(found["nearest_outline_nm"], nearest)
    centroids = [5, np.hypot(95, 95), 10]
    np.testing.assert_allclose(found["nearest_centroid_nm"], centroids)


def test_the_relation_seen_from_the_other_side() -> None:
    a, first = squares((0, 0), side=20)
    b, second = squares((5, 5), (100, 0))
    found = cluster_relations(b, second, a, first)
    assert found["overlap_fraction"].tolist() == [1, 0]
    assert found["nearest_outline_nm"].tolist() == [0, 80]
    other = cluster_relations(a, first, b, second)
    assert other["overlap_fraction"].tolist() == [0.25]
    assert other["overlap_area_nm2"][0] == found["overlap_area_nm2"].sum()


def test_distances_of_localizations_to_outlines() -> None:
    _, clusters = squares((0, 0), (100, 0))
    positions = np.array([[5, 5], [13, 14], [60, 5], [np.nan, 1], [100, 10]])
    found = outline_distances(positions, clusters)
    np.testing.assert_allclose(found, [0, 5, 40, np.nan, 0])
    assert inside_outlines(positions, clusters).tolist() == [True, False, False, False, True]


def test_relations_move_turn_and_grow_with_the_image() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(0, 30, (120, 2)), generator.normal(20, 30, (100, 2))
    ids = [np.repeat([0, 1], [60, 60]), np.repeat([0, 1], [50, 50])]
    a[60:] += 200
    b[50:] += 150
    one = cluster_relations(a, caml.outline(a, ids[0]), b, caml.outline(b, ids[1]))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    c, d = (3 * x @ turn.T + [1e4, -2e4] for x in (a, b))
    two = cluster_relations(c, caml.outline(c, ids[0]), d, caml.outline(d, ids[1]))
    assert len(one) == len(two)
    pd.testing.assert_frame_equal(
        one.mul([1, 9, 1, 1, 3, 3]), two, check_dtype=False, rtol=2e-2, atol=1e-3
    )


def test_without_clusters_there_is_nothing_to_measure_to() -> None:
    a, first = squares((0, 0))
    none = Segmentation(np.full(2, -1))
    found = cluster_relations(a, first, [[0.0, 0.0], [1.0, 1.0]], none)
    assert found["n_overlapping"].tolist() == [0]
    assert found["n_other_inside"].tolist() == [2]
    assert found[["nearest_outline_nm", "nearest_centroid_nm"]].isna().all(axis=None)
    assert len(cluster_relations([[0.0, 0.0], [1.0, 1.0]], none, a, first)) == 0
    assert np.isnan(outline_distances(a, none)).all()


def test_an_outline_without_area_overlaps_nothing() -> None:
    a, first = squares((0, 0))
    flat = Segmentation(
        np.zeros(1, dtype=int), outlines=np.array([shapely.Polygon()], dtype=object)
    )
    found = cluster_relations([[5.0, 5.0]], flat, a, first)
    assert found["n_overlapping"].tolist() == [0]
    assert found[["overlap_fraction", "nearest_outline_nm"]].isna().all(axis=None)


def test_what_does_not_belong_together_is_refused() -> None:
    a, first = squares((0, 0))
    with pytest.raises(InputError, match="3 localizations and 4 cluster ids"):
        cluster_relations(a[:3], first, a, first)
    with pytest.raises(InputError, match=r"call caml\.outline"):
        outline_distances(a, Segmentation(np.zeros(4, dtype=int)))


def test_channels_keep_their_rows() -> None:
    table = pd.DataFrame({"x": range(5), "photons": range(5)})
    both = Localizations(
        np.arange(10.0).reshape(5, 2), table=table, channel=np.array([1.0, 0.0, np.nan, 1.0, 0.0]),
        frame=np.arange(5),
    )  # fmt: skip
    first, second = split_channels(both)
    assert (first.name, second.name) == ("0", "1")
    assert first.rows.tolist() == [1, 4]
    assert first.localizations.positions.tolist() == [[2, 3], [8, 9]]
    assert first.localizations.table["photons"].tolist() == [1, 4]
    assert first.localizations.frame is not None
    assert first.localizations.frame.tolist() == [1, 4]
    assert second.rows.tolist() == [0, 3]
    assert [one.name for one in split_channels(both, ("1", "0"))] == ["1", "0"]


@pytest.mark.parametrize(
    ("channel", "names", "message"),
    [
        (None, (), "this table has no channel: two are needed"),
        ([1, 1, 1], (), "two channels are needed, and this table has one, 1"),
        ([1, 2, 3], (), r"this table has 3 \(1, 2, 3\): choose two with --channels A,B"),
        ([1, 2, 3], ("1", "4"), "no channel is called '4'; there are 1, 2, 3"),
        ([1, 1, 1], ("1", "2"), "no channel is called '2'; there is only 1"),
        ([np.nan] * 3, (), "no localization of this table is in any"),
        ([np.nan] * 3, ("1", "2"), "no localization of this table is in any"),
        ([1, 2, 3], ("1", "1"), "channel 1 is given twice"),
        ([1, 2, 3], ("1", "2", "3"), "two channels .* got 1, 2, 3: give the names of two"),
    ],
)
def test_two_channels_are_needed(
    channel: list[float] | None, names: tuple[str, ...], message: str
) -> None:
    both = Localizations(np.zeros((3, 2)), channel=None if channel is None else np.array(channel))
    with pytest.raises(InputError, match=message):
        split_channels(both, names)
