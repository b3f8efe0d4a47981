"""From molecules to what a microscope records of them: repeated and displaced detections."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from caml.simulate.scenario import Scenario

__all__ = ["FWHM_PER_SIGMA", "detect"]

FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))
N_FRAMES = 20_000
MEAN_DARK_FRAMES = 50


def detect(
    positions: npt.NDArray[np.float64], scenario: Scenario, generator: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Record molecules once or repeatedly, each time displaced by the localization uncertainty.

    Parameters
    ----------
    positions : ndarray of shape (n_molecules, n_dimensions), nm
        Where the molecules are.
    scenario : Scenario
        How often they are seen, and how far displaced.
    generator : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    positions : ndarray of shape (n_detections, n_dimensions), nm
        The detections, in the order of their frames.
    molecule : ndarray of shape (n_detections,)
        The row of the molecule that was seen.
    frame : ndarray of shape (n_detections,)
        The frame, from 1. A molecule appears at an even chance in the recording; it is dark for
        50 frames on average between two detections.
    """
    n = len(positions)
    molecule = np.arange(n)
    mean = scenario.detections_per_molecule
    first = generator.integers(1, N_FRAMES + 1, n)
    if mean != 1 or scenario.detection_law == "poisson":
        times = (
            generator.geometric(1 / mean, n)
            if scenario.detection_law == "geometric"
            else generator.poisson(mean, n)
        )
        molecule = np.repeat(molecule, times)
    frame = first[molecule]
    repeated = np.flatnonzero(molecule[1:] == molecule[:-1]) + 1
    gap = np.zeros(len(molecule), dtype=np.int64)
    gap[repeated] = generator.geometric(1 / MEAN_DARK_FRAMES, len(repeated))
    waited = np.cumsum(gap)
    starts = np.r_[True, molecule[1:] != molecule[:-1]] if len(molecule) else np.empty(0, bool)
    frame = frame + waited - waited[np.flatnonzero(starts)][np.cumsum(starts) - 1]
    order = np.argsort(frame, kind="stable")
    molecule, frame = molecule[order], frame[order]
    seen = positions[molecule]
    if scenario.uncertainty_fwhm_nm > 0:
        seen = seen + generator.normal(0, scenario.uncertainty_fwhm_nm / FWHM_PER_SIGMA, seen.shape)
    return seen, molecule, frame
