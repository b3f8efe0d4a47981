"""Kernel density estimation and FOCAL against their definitions, written out."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import label
from scipy.stats import gaussian_kde, norm
from sklearn.metrics import adjusted_rand_score

from caml.errors import InputError
from caml.localizations import Localizations, Region
from caml.methods import focal, kde, suggest_bandwidth
from caml.methods._chance import chance_count
from caml.methods._points import points_of
from caml.segment import Segmentation

FloatArray = npt.NDArray[np.float64]


def blobs(seed: int, n: int = 6) -> FloatArray:
    rng = np.random.default_rng(seed)
    centres = rng.uniform(100, 900, (n, 2))
    near = (rng.normal(0, 15, (n, 40, 2)) + centres[:, None]).reshape(-1, 2)
    return np.vstack([near, rng.uniform(0, 1_000, (100, 2))])


def test_density_is_that_of_a_sum_of_gaussians() -> None:
    positions = blobs(0)
    h = 20.0
    found = kde(positions, bandwidth_nm=h, density_factor=3.0).cluster
    size = np.ptp(positions, axis=0).prod()
    estimate = gaussian_kde(positions.T, bw_method=1.0)
    estimate.set_bandwidth(1.0)
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)
    density = norm.pdf(distance, scale=h).sum(axis=1) * norm.pdf(0, scale=h)
    factor = density / (len(positions) / size)
    # Pixels of half a bandwidth blur the threshold.
    assert (found[factor > 3.6] >= 0).all()
    assert (found[factor < 2.4] < 0).all()


def test_cross_validation_is_its_formula_over_all_pairs() -> None:
    positions = blobs(1)
    n = len(positions)
    distance = np.linalg.norm(positions[:, None] - positions[None], axis=2)

    def score(h: float) -> float:
        def gauss(deviation: float) -> FloatArray:
            values: FloatArray = np.exp(-0.5 * (distance / deviation) ** 2)
            return values / (2 * np.pi * deviation**2)

        cross = gauss(h)
        return float(
            gauss(np.sqrt(2) * h).sum() / n**2 - 2 * (cross.sum() - np.trace(cross)) / (n * (n - 1))
        )

    suggested = suggest_bandwidth(positions)
    around = [score(suggested * factor) for factor in (0.8, 1.0, 1.25)]
    assert around[1] == min(around)


def test_the_suggested_bandwidth_scales_and_does_not_mind_twins() -> None:
    positions = blobs(2)
    suggested = suggest_bandwidth(positions)
    assert suggest_bandwidth(positions * 3) == pytest.approx(3 * suggested)
    assert suggest_bandwidth(np.vstack([positions, positions])) == pytest.approx(suggested)
    with pytest.raises(InputError, match="three different positions, got 2: give bandwidth_nm"):
        suggest_bandwidth([[0, 0], [1, 1], [0, 0]])


def by_pixels(positions: FloatArray, grid: float, min_l: int) -> npt.NDArray[np.int64]:
    """FOCAL on a whole image, pixel by pixel."""
    at = np.floor((positions - positions.min(axis=0)) / grid).astype(int) + 2
    counts = np.zeros(at.max(axis=0) + 3, dtype=int)
    np.add.at(counts, tuple(at.T), 1)
    density = np.zeros_like(counts)
    for row in range(1, counts.shape[0] - 1):
        for column in range(1, counts.shape[1] - 1):
            density[row, column] = counts[row - 1 : row + 2, column - 1 : column + 2].sum()
    core = density >= min_l
    parts, _ = label(core, structure=np.ones((3, 3)))
    ids = np.full(len(positions), -1)
    for one, (row, column) in enumerate(at):
        if core[row, column]:
            ids[one] = parts[row, column]
            continue
        around = [
            (density[r, c], parts[r, c])
            for r in range(row - 1, row + 2)
            for c in range(column - 1, column + 2)
            if core[r, c]
        ]
        if around:
            ids[one] = max(around)[1]
    return ids


@pytest.mark.parametrize("seed", range(4))
def test_focal_is_its_definition(seed: int) -> None:
    positions = blobs(seed)
    found = focal(positions, grid_nm=12.0, min_l=5, min_pixels=1)
    expected = by_pixels(positions, 12.0, 5)
    assert np.array_equal(found.cluster < 0, expected < 0)
    # Of two cores as dense, either may have the pixel between them.
    assert adjusted_rand_score(expected, found.cluster) > 0.99


def test_clusters_of_few_pixels_are_none() -> None:
    # One pixel with ten localizations: nine windows see it, so that nine pixels are cores.
    spot = np.full((10, 2), 50.0) + np.linspace(0, 1, 10)[:, None]
    positions = np.vstack([[[-400.0, -400.0], [500.0, 500.0]], spot])
    nine = focal(positions, grid_nm=20.0, min_l=10, min_pixels=9)
    assert (nine.n_clusters, int((nine.cluster == 0).sum())) == (1, 10)
    assert focal(positions, grid_nm=20.0, min_l=10, min_pixels=10).n_clusters == 0
    assert focal(positions, grid_nm=20.0, min_l=11).n_clusters == 0


def test_pixels_are_as_large_as_the_uncertainty() -> None:
    positions = blobs(0)
    known = Localizations(
        positions, uncertainty_nm=np.r_[np.full(len(positions) - 1, 12.5), np.nan]
    )
    assert "grid 12.5 nm" in focal(known).made_by
    assert "grid 20 nm" in focal(positions).made_by


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_chance_is_exceeded_once_in_a_hundred_images_at_most(n_dimensions: int) -> None:
    # Windows around localizations, which hold one more than chance gives, overlap, so that the
    # share of images is below that of independent windows.
    rng = np.random.default_rng(0)
    exceeded = 0
    for _ in range(200):
        positions = rng.uniform(0, 1_000, (400, n_dimensions))
        points = points_of(positions, "this test")
        most = chance_count(points, 100.0**n_dimensions)
        counts, _ = np.histogramdd(positions, bins=[np.arange(0, 1_001, 100)] * n_dimensions)
        exceeded += counts.max() > most
    assert exceeded <= 6


@pytest.mark.parametrize("method", [kde, focal])
@pytest.mark.parametrize("seed", range(3))
def test_chance_has_no_clusters(method: Callable[..., Segmentation], seed: int) -> None:
    rng = np.random.default_rng(seed)
    region = Region.rectangle(0, 0, 3_000, 3_000)
    assert method(Localizations(rng.uniform(0, 3_000, (2_000, 2)), region=region)).n_clusters == 0


@pytest.mark.parametrize(
    ("method", "parameters", "message"),
    [
        (kde, {"bandwidth_nm": -1.0}, "bandwidth_nm must be a number of nm above 0, got -1"),
        (kde, {"density_factor": np.nan}, "density_factor must be a number above 0, got nan"),
        (kde, {"bandwidth_nm": 1e-4}, r"would take about [\d,]+ GB of memory"),
        (kde, {"min_localizations": 0}, "min_localizations must be a whole number"),
        (focal, {"grid_nm": 0.0}, "grid_nm must be a number of nm above 0, got 0"),
        (focal, {"grid_nm": 1e-8}, "makes more pixels than can be counted: take more"),
        (focal, {"min_l": 0}, "min_l must be a whole number of at least 1, got 0"),
        (focal, {"min_pixels": 1.5}, "min_pixels must be a whole number of at least 1, got 1.5"),
    ],
)
def test_parameters_out_of_range_are_refused(
    method: Callable[..., Segmentation], parameters: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        method(blobs(0), **parameters)
