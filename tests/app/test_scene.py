"""Pixels and clusters that a page is sent."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

pytest.importorskip("starlette", reason="needs the extra app")

import caml
from caml.app.scene import (
    CHANNELS,
    LAYERS,
    Look,
    channel_codes,
    draw,
    kinds_of,
    packed_clusters,
    shown_by,
)
from caml.errors import InputError
from caml.localizations import Localizations
from caml.plot.colours import KINDS, NOT_CLUSTERED

BOX = (0.0, 0.0, 400.0, 200.0)


def colour(text: str) -> list[int]:
    return [int(text[i : i + 2], 16) for i in (1, 3, 5)]


@pytest.fixture(scope="module")
def analysis(cell: Path) -> caml.Analysis:
    return caml.analyse(cell, method="dbscan", parameters={"eps_nm": 30, "min_samples": 5})


def test_a_localization_is_a_dot_where_it_is() -> None:
    one = Localizations(np.array([[100.0, 50.0]]))
    kind = np.array([3], dtype=np.int32)
    pixels = draw(one, BOX, (20, 40), Look(layer="labels"), kind=kind)
    assert pixels.shape == (20, 40, 4)
    assert pixels[5, 10].tolist() == [*colour(KINDS[1]), 255]
    rows, columns = np.nonzero(pixels[..., 3])
    # Two pixels around: there are few, so that they are large.
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 7, 8, 12)


def test_clustered_lie_over_those_that_are_not() -> None:
    two = Localizations(np.array([[100.0, 50.0], [100.0, 50.0]]))
    kind = np.array([2, 1], dtype=np.int32)
    pixels = draw(two, BOX, (20, 40), Look(layer="labels"), kind=kind)
    assert pixels[5, 10, :3].tolist() == colour(KINDS[0])


def test_channels_are_added_up() -> None:
    two = Localizations(np.array([[100.0, 50.0], [300.0, 150.0]]), channel=np.array(["b", "a"]))
    codes, names = channel_codes(two)
    assert (codes.tolist(), names) == ([1, 0], ("a", "b"))
    pixels = draw(two, BOX, (20, 40), Look(layer="channels"), kind=codes)
    assert pixels[5, 10, :3].tolist() == colour(CHANNELS[1])
    assert pixels[15, 30, :3].tolist() == colour(CHANNELS[0])
    assert pixels[0, 0].tolist() == [0, 0, 0, 255]


@pytest.mark.parametrize("channel", [None, np.zeros(3, int), np.arange(9)])
def test_one_channel_or_many_are_no_layer(channel: np.ndarray | None) -> None:
    n = 3 if channel is None else len(channel)
    assert channel_codes(Localizations(np.zeros((n, 2)), channel=channel))[1] == ()


def test_scores_are_averaged() -> None:
    one = Localizations(np.array([[100.0, 50.0], [101.0, 50.0]]))
    score = np.array([0.0, 1.0])
    pixels = draw(one, BOX, (20, 40), Look(layer="scores"), score=score)
    middle = draw(one, BOX, (20, 40), Look(layer="scores"), score=np.array([0.5, 0.5]))
    assert (pixels[5, 10] == middle[5, 10]).all()
    assert pixels[0, 0, 3] == 0


def test_blur_spreads_and_keeps_the_place() -> None:
    one = Localizations(np.array([[200.0, 100.0]]))
    sharp = draw(one, BOX, (100, 200), Look())
    blurred = draw(one, BOX, (100, 200), Look(blur_nm=20))
    assert (blurred[..., 0] > 50).sum() > 5 * (sharp[..., 0] > 50).sum()
    rows, columns = np.nonzero(blurred[..., 0] > 50)
    assert (rows.mean(), columns.mean()) == (50, 100)


def test_nothing_in_sight_is_black() -> None:
    pixels = draw(Localizations(np.array([[1000.0, 1000.0]])), BOX, (4, 8), Look())
    assert not pixels[..., :1].any()


@pytest.mark.parametrize(
    ("look", "shape", "words"),
    [
        ({"layer": "heat"}, (4, 4), "a layer is one of density"),
        ({"colours": "jet; import os"}, (4, 4), "no colours are called"),
        ({"layer": "labels"}, (4, 4), "there are no labels"),
        ({"layer": "scores"}, (4, 4), "there are no scores"),
        ({}, (100_000, 100_000), "no picture has"),
        ({}, (0, 4), "no picture has"),
        ({"gamma": 0.0}, (4, 4), "gamma must be above 0"),
    ],
)
def test_what_cannot_be_drawn_is_told(
    look: dict[str, str], shape: tuple[int, int], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        draw(Localizations(np.array([[1.0, 1.0]])), BOX, shape, Look(**look))  # type: ignore[arg-type]


def test_filtered_clusters_have_the_colour_of_none(analysis: caml.Analysis) -> None:
    n_in_cluster = analysis.description.clusters["n_localizations"].to_numpy()
    shown = shown_by(analysis, {"n_localizations": (20, np.inf)})
    assert shown.tolist() == (n_in_cluster >= 20).tolist()
    kind = kinds_of(analysis, by_cluster=False, shown=shown)
    assert (kind > 1).sum() == n_in_cluster[n_in_cluster >= 20].sum()
    assert (kinds_of(analysis, by_cluster=True) > 1).sum() == n_in_cluster.sum()
    assert kind.min() == 1
    with pytest.raises(InputError, match="clusters have no measure 'weight'"):
        shown_by(analysis, {"weight": (0, 1)})


def test_what_lies_outside_the_regions_is_faint(cell: Path) -> None:
    region = caml.Region.rectangle(0, 0, 2_000, 4_000)
    part = caml.analyse(
        cell, method="dbscan", parameters={"eps_nm": 30, "min_samples": 5}, regions=[region]
    )
    kind = kinds_of(part, by_cluster=False)
    np.testing.assert_array_equal(kind == 0, ~part.in_regions)
    assert 0 < (kind == 0).sum() < len(kind)
    far = part.localizations.positions[kind == 0][:1]
    box = (far[0, 0] - 50, far[0, 1] - 50, far[0, 0] + 50, far[0, 1] + 50)
    pixels = draw(
        Localizations(far), box, (21, 21), Look(layer="clusters"), kind=kind[kind == 0][:1]
    )
    assert pixels[10, 10].tolist() == [*colour(NOT_CLUSTERED), 0x4D]


def unpacked(message: bytes) -> tuple[dict[str, object], dict[str, np.ndarray]]:
    length = int.from_bytes(message[:4], "little")
    facts = json.loads(message[4 : 4 + length])
    start = 4 + length
    assert start % 8 == 0
    arrays = {
        one["name"]: np.frombuffer(message, one["type"], one["n"], start + one["at"])
        for one in facts["arrays"]
    }
    return facts, arrays


def test_clusters_arrive_as_they_were_found(analysis: caml.Analysis) -> None:
    facts, arrays = unpacked(packed_clusters(analysis))
    table = analysis.description.clusters
    assert facts["n_clusters"] == len(table) > 20
    assert arrays["area_nm2"].tolist() == table["area_nm2"].tolist()
    start, corners = arrays["ring_start"], arrays["corners"].reshape(-1, 2) + facts["origin"]
    for ring, row in enumerate(arrays["ring_row"]):
        outline = shapely.Polygon(corners[start[ring] : start[ring + 1]])
        true = analysis.segmentation.outlines[table["cluster"][row]]
        assert outline.hausdorff_distance(true) < 2


def test_no_clusters_are_a_message_too() -> None:
    with pytest.warns(caml.errors.NothingFoundWarning):
        found = caml.analyse(np.array([[0.0, 0.0], [900.0, 0.0], [0.0, 900.0]]), method="dbscan")
    facts, arrays = unpacked(packed_clusters(found))
    assert facts["n_clusters"] == 0
    assert arrays["ring_start"].tolist() == [0]


def test_layers_are_all_drawn_somehow(analysis: caml.Analysis) -> None:
    kind = kinds_of(analysis, by_cluster=True)
    score = np.linspace(0, 1, len(kind))
    for layer in LAYERS:
        pixels = draw(
            analysis.localizations, (0, 0, 4000, 4000), (50, 50), Look(layer=layer),
            kind=kind % 2 if layer == "channels" else kind, score=score,
        )  # fmt: skip
        assert pixels[..., :3].any()
    assert NOT_CLUSTERED == "#9a9a9a"
