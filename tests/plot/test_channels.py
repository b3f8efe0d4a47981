"""Pictures of two channels, by what is on their axes."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from caml import plot
from caml.analyse import ChannelAnalysis, analyse_channels
from caml.localizations import Localizations, Region
from caml.simulate import Scenario, simulate


@pytest.fixture(scope="module")
def found() -> ChannelAnalysis:
    positions = simulate(
        Scenario(density=100, n_per_cluster=20, radius_nm=30, crop_um=8), seed=1
    ).localizations.positions
    both = Localizations(positions, channel=np.arange(len(positions)) % 3 // 2, name="cell")
    return analyse_channels(both, seed=1, n_simulations=9, max_radius_nm=200)


def test_every_localization_of_both_channels_is_drawn(found: ChannelAnalysis) -> None:
    ax = Figure().subplots()
    assert plot.two_channels(ax, found, (0, 0, 30_000, 30_000)) is ax
    dots = ax.collections[0]
    assert len(np.asarray(dots.get_offsets())) == len(found.localizations)
    colours = {tuple(one) for one in dots.get_facecolors()}  # type: ignore[attr-defined]
    assert len(colours) == 2
    outlines = [len(one.get_paths()) for one in ax.collections[1:3]]
    clusters = [one.analysis.segmentation.n_clusters for one in (found.first, found.second)]
    assert all(drawn >= n > 0 for drawn, n in zip(outlines, clusters, strict=True))


def test_the_overview_has_the_image_a_part_and_two_curves(
    found: ChannelAnalysis, tmp_path: Path
) -> None:
    figure = plot.channel_overview(found)
    axes = figure.axes
    first = found.summary().iloc[0]
    expected = (
        f"channel 0: {first['n_localizations']:,} localizations, {first['n_clusters']} clusters"
    )
    assert figure.legends[0].get_texts()[0].get_text() == expected
    assert len(axes) == 4
    assert axes[0].get_title(loc="left") == "cell   channels 0 and 1"
    assert "of 0's clusters overlap (expected" in axes[2].get_title(loc="left")
    assert axes[2].get_ylabel() == "cross pair correlation g(r)"
    plot.save_channels(found, tmp_path)
    assert (tmp_path / "channels.png").stat().st_size > 10_000


def test_only_the_region_is_counted(found: ChannelAnalysis) -> None:
    ax = Figure().subplots()
    plot.colocalization_histogram(ax, found)
    shares = [one.get_data().values.sum() for one in ax.patches]  # type: ignore[attr-defined]
    assert shares == pytest.approx([100, 100])
    assert isinstance(found.region, Region)
