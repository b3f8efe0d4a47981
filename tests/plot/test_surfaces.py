"""Pictures of surfaces, by what is on their axes."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from caml import plot
from caml.errors import InputError
from caml.localizations import Localizations, Region
from caml.methods import Proposals, local_l, score_surface


@pytest.fixture
def ax() -> Axes:
    return Figure(layout="constrained").subplots()


def clustered() -> Localizations:
    rng = np.random.default_rng(0)
    near = np.array([[300, 700], [1200, 400]]) + rng.normal(0, 20, (40, 2, 2))
    positions = np.vstack([near.reshape(-1, 2), rng.uniform(0, 1500, (150, 2))])
    return Localizations(positions, region=Region.rectangle(0, 0, 1500, 1500))


def test_the_surface_of_l_goes_through_its_values(ax: Axes) -> None:
    localizations = clustered()
    values = local_l(localizations, radius_nm=60)
    assert plot.plot_l_surface(ax, localizations, values, threshold_nm=150) is ax
    (image,) = ax.images
    surface = np.asarray(image.get_array())
    left, right, bottom, top = image.get_extent()
    # Of those alone: where many are near, a pixel holds several.
    alone = np.flatnonzero(values < 60)
    column = (localizations.positions[alone, 0] - left) / (right - left) * surface.shape[1]
    row = (localizations.positions[alone, 1] - top) / (bottom - top) * surface.shape[0]
    drawn = surface[
        np.clip(row.astype(int), 0, len(surface) - 1),
        np.clip(column.astype(int), 0, surface.shape[1] - 1),
    ]
    assert np.median(np.abs(drawn - values[alone])) < 3
    assert np.isfinite(surface).all()
    assert values.min() <= surface.min() <= surface.max() <= values.max()
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert image.get_clim() == (0.0, float(np.quantile(values, 0.99)))
    # One contour level, and two peaks inside it.
    contours = [one for one in ax.collections if not isinstance(one, QuadMesh)]
    assert len(contours) == 1
    for x, y in ([300, 700], [1200, 400]):
        assert any(path.contains_point((x, y)) for path in contours[0].get_paths())
    ax.figure.canvas.draw()


def test_colours_can_be_the_same_for_several_images(ax: Axes) -> None:
    localizations = clustered()
    values = local_l(localizations, radius_nm=60)
    plot.plot_l_surface(ax, localizations, values, largest_nm=200)
    assert ax.images[0].get_clim() == (0, 200)
    assert len(ax.collections) == 0


def test_what_has_no_l_is_left_out(ax: Axes) -> None:
    more = np.array([[np.nan, 0], [9000, 9000], [300, 700], [300, 700]])
    positions = np.vstack([clustered().positions, more])
    values = np.append(local_l(clustered(), radius_nm=60), [5, np.nan, 7, 7])
    plot.plot_l_surface(ax, positions, values)
    assert ax.get_xlim()[1] < 1500
    with pytest.raises(InputError, match=r"234 localizations and L\(r\) of shape \(3,\)"):
        plot.plot_l_surface(ax, positions, values[:3])


@pytest.mark.parametrize("positions", [np.empty((0, 2)), np.zeros((5, 2)), np.eye(2)[[0, 1, 0]]])
def test_too_few_to_have_a_surface_leave_it_empty(ax: Axes, positions: np.ndarray) -> None:
    assert plot.plot_l_surface(ax, positions, np.ones(len(positions))) is ax
    assert len(ax.images) == 0
    ax.figure.canvas.draw()


def test_scores_are_relative_to_no_clusters_and_the_best_is_marked(ax: Axes) -> None:
    proposals = score_surface(clustered(), radius_step_nm=20, threshold_step_nm=20)
    assert plot.plot_score_surface(ax, proposals) is ax
    (mesh,) = (one for one in ax.collections if isinstance(one, QuadMesh))
    drawn = np.asarray(mesh.get_array())
    above = proposals.score - proposals.score_unclustered
    np.testing.assert_array_equal(drawn, above.T)
    assert mesh.get_clim() == (0, above.max())
    (mark,) = ax.lines
    assert [*mark.get_xdata(), *mark.get_ydata()] == [  # type: ignore[misc]
        proposals.best_radius_nm,
        proposals.best_threshold_nm,
    ]
    best = f"{proposals.best_radius_nm:g} nm, L(r) ≥ {proposals.best_threshold_nm:g} nm"
    assert ax.get_title(loc="left") == f"best: 2 clusters at {best}"
    ax.figure.canvas.draw()


def test_where_nothing_is_more_probable_nothing_is_marked(ax: Axes) -> None:
    grid = np.array([10.0, 20.0])
    nothing = Proposals(grid, grid, np.full((2, 2), -5.0), np.ones((2, 2), dtype=int), -2.0)
    plot.plot_score_surface(ax, nothing)
    assert len(ax.lines) == 0
    assert ax.get_title(loc="left") == "no clusters"
    ax.figure.canvas.draw()
