"""Statistics of the pairs between two sets: the cross K, and the cross pair correlation."""

from __future__ import annotations

import numpy.typing as npt

from caml.localizations import Localizations, Region
from caml.spatial._estimators import PairCorrection, cross_estimator
from caml.spatial._measured import measured
from caml.spatial._window import samples_of
from caml.spatial.radial import RadialFunction

__all__ = ["cross_k", "cross_pair_correlation"]


def cross_k(
    first: Localizations | npt.ArrayLike,
    second: Localizations | npt.ArrayLike,
    *,
    region: Region | None = None,
    radii_nm: npt.ArrayLike | None = None,
    correction: PairCorrection = "rigid",
    z_range_nm: tuple[float, float] | None = None,
) -> RadialFunction:
    """Measure the cross K: how many of one set are within a radius of the other's.

    Parameters
    ----------
    first, second : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where those of each set are.
    region : Region, optional
        Where they could have been: by default that of the first, else the convex hull of both.
    radii_nm : array-like of shape (n_radii,), nm, optional
        As for `ripley_k`, for the smaller set.
    correction : {"rigid", "none"}, default "rigid"
        As for `ripley_k`.
    z_range_nm : tuple of float, optional
        As for `ripley_k`.

    Returns
    -------
    RadialFunction
        K_AB in nm², in 3D nm³; πr² or 4/3·πr³ is expected of independent sets.

    Raises
    ------
    InputError
        As for `ripley_k`, or if one set is in 2D and the other in 3D.

    Notes
    -----
    K_AB(r) = A²/(n_A·n_B) Σ_i Σ_j 1(d_ij ≤ r)/γ̄(d_ij) over i in A and j in B (Illian et al. 2008,
    section 4.5). A's and B's own structure leaves its mean alone.

    Examples
    --------
    >>> square = Region.rectangle(0, 0, 100, 100)
    >>> k = cross_k([[20, 50]], [[50, 50]], region=square, radii_nm=[29, 30])
    >>> k.value.round().tolist()  # 100⁴/γ̄(30), with γ̄(30) = 6,467 nm²
    [0.0, 15463.0]
    """
    return _cross("K", first, second, region, radii_nm, correction, z_range_nm)


def cross_pair_correlation(
    first: Localizations | npt.ArrayLike,
    second: Localizations | npt.ArrayLike,
    *,
    region: Region | None = None,
    radii_nm: npt.ArrayLike | None = None,
    correction: PairCorrection = "rigid",
    bandwidth_nm: float | None = None,
    z_range_nm: tuple[float, float] | None = None,
) -> RadialFunction:
    """Measure the cross pair correlation: the density of one set at a distance from the other's.

    Parameters
    ----------
    first, second : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where those of each set are.
    region : Region, optional
        Where they could have been: by default that of the first, else the convex hull of both.
    radii_nm : array-like of shape (n_radii,), nm, optional
        As for `cross_k`.
    correction : {"rigid", "none"}, default "rigid"
        As for `ripley_k`.
    bandwidth_nm : float, optional
        Half the width of the kernel, nm; by default that of the smaller set.
    z_range_nm : tuple of float, optional
        As for `ripley_k`.

    Returns
    -------
    RadialFunction
        g_AB; 1 is expected of independent sets.

    Raises
    ------
    InputError
        As for `cross_k`.

    Notes
    -----
    As `pair_correlation`, over pairs of one in A and one in B and n_A·n_B in place of n(n − 1).

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.random.default_rng(1).uniform(0, 2_000, (2, 4_000, 2))
    >>> square = Region.rectangle(0, 0, 2_000, 2_000)
    >>> bool(abs(cross_pair_correlation(a, b, region=square).value[20:] - 1).max() < 0.1)
    True
    """
    return _cross("g", first, second, region, radii_nm, correction, z_range_nm, bandwidth_nm)


def _cross(
    statistic: str,
    first: Localizations | npt.ArrayLike,
    second: Localizations | npt.ArrayLike,
    region: Region | None,
    radii_nm: npt.ArrayLike | None,
    correction: str,
    z_range_nm: tuple[float, float] | None,
    bandwidth_nm: float | None = None,
) -> RadialFunction:
    """Measure a statistic of two sets."""
    a, b = samples_of(first, second, region=region, z_range_nm=z_range_nm)
    return measured(cross_estimator, statistic, a, b, radii_nm, correction, bandwidth_nm)[0]
