"""What is chosen of Bayesian cluster analysis: the proposals, and what is believed of clusters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from caml._arrays import FloatArray
from caml._cost import check_length
from caml.errors import InputError

__all__ = ["N_SIGMA", "Model"]

# The standard deviations of clusters that are added up, as many as the authors' code has.
N_SIGMA = 100
MOST_STEPS = 10_000


@dataclass(frozen=True, kw_only=True)
class Model:
    """The parameters of `caml.methods.bayesian`, checked; see there.

    Raises
    ------
    InputError
        If one is out of its range.
    """

    radius_step_nm: float
    radius_max_nm: float
    threshold_step_nm: float
    threshold_max_nm: float
    p_background: float
    alpha: float
    sigma_max_nm: float
    uncertainty_nm: float
    axial_factor: float

    def __post_init__(self) -> None:
        """Check them."""
        check_length(
            radius_step_nm=self.radius_step_nm,
            radius_max_nm=self.radius_max_nm,
            threshold_step_nm=self.threshold_step_nm,
            threshold_max_nm=self.threshold_max_nm,
            sigma_max_nm=self.sigma_max_nm,
            uncertainty_nm=self.uncertainty_nm,
        )
        for name, most in (("p_background", 1.0), ("alpha", np.inf), ("axial_factor", np.inf)):
            value = getattr(self, name)
            if not 0 < value < most:
                between = "above 0" if most == np.inf else f"between 0 and {most:g}"
                raise InputError(f"{name} must be a number {between}, got {value:g}")
        for axis, values in (("radius", self.radii), ("threshold", self.thresholds)):
            if not 1 <= len(values) <= MOST_STEPS:
                raise InputError(
                    f"{axis}_max_nm must be 1 to {MOST_STEPS:,} times {axis}_step_nm, got "
                    f"{getattr(self, f'{axis}_max_nm'):g} and {getattr(self, f'{axis}_step_nm'):g}"
                )

    @property
    def radii(self) -> FloatArray:
        """The radii r, nm."""
        return _steps(self.radius_step_nm, self.radius_max_nm)

    @property
    def thresholds(self) -> FloatArray:
        """The thresholds T of L(r), nm."""
        return _steps(self.threshold_step_nm, self.threshold_max_nm)

    @property
    def variances(self) -> FloatArray:
        """σ² in the middle of as many steps, nm²."""
        return np.asarray(((np.arange(N_SIGMA) + 0.5) * self.sigma_max_nm / N_SIGMA) ** 2)


def _steps(step: float, largest: float) -> FloatArray:
    """Return one step, two steps, …; one more than are allowed of those that are too many."""
    # Not to lose the last of 0.1, 0.2, … to rounding.
    n_steps = min(math.floor(largest / step * (1 + 1e-9)), MOST_STEPS + 1)
    return np.asarray(step * np.arange(1, n_steps + 1))
