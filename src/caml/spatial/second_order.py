"""Statistics of all pairs: Ripley's K and L, and the pair correlation."""

from __future__ import annotations

import numpy.typing as npt

from caml.localizations import Localizations, Region
from caml.spatial._estimators import PairCorrection, estimator_of
from caml.spatial._measured import measured
from caml.spatial._window import sample_of
from caml.spatial.radial import RadialFunction

__all__ = ["pair_correlation", "ripley_k", "ripley_l"]


def ripley_k(
    localizations: Localizations | npt.ArrayLike,
    *,
    region: Region | None = None,
    radii_nm: npt.ArrayLike | None = None,
    correction: PairCorrection = "rigid",
    z_range_nm: tuple[float, float] | None = None,
) -> RadialFunction:
    """Measure Ripley's K: how many others are within a radius, over their density.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where they are. Those at the same position are pairs at distance 0.
    region : Region, optional
        Where they could have been: by default that of the localizations, else their convex hull.
    radii_nm : array-like of shape (n_radii,), nm, optional
        Increasing; by default a hundred, see `caml.spatial.default_radii`.
    correction : {"rigid", "border", "none"}, default "rigid"
        For neighbours that lie outside the region: pairs are weighed by how often such a pair
        fits into it; or only localizations further than r from the border are looked at; or
        nothing is done, and K is too small.
    z_range_nm : tuple of float, optional
        In 3D, where the window begins and ends in z, nm; by default with the localizations.

    Returns
    -------
    RadialFunction
        K in nm², in 3D nm³; πr² or 4/3·πr³ is expected of localizations without structure.

    Raises
    ------
    InputError
        If fewer than 2 localizations are inside, radii do not increase, or leave less than a tenth
        of the region to measure in, or there are more pairs than can be counted in an hour.

    Warns
    -----
    DataWarning
        If localizations lie outside the region.

    Notes
    -----
    K(r) = A²/(n(n − 1)) Σ_{i≠j} 1(d_ij ≤ r)/γ̄(d_ij) with the isotropized set covariance γ̄ of the
    region (Ohser & Stoyan 1981; Illian et al. 2008, section 4.3.3), volumes for areas in 3D. The
    weight depends on the distance alone: pairs are counted in a thousand bins of it and never
    listed. Minus sampling takes A/(n − 1) · Σ_i 1(b_i ≥ r) Σ_j 1(d_ij ≤ r) / Σ_i 1(b_i ≥ r), with
    b_i the distance to the border (Ripley 1988).

    Examples
    --------
    >>> square = Region.rectangle(0, 0, 100, 100)
    >>> k = ripley_k([[20, 50], [50, 50]], region=square, radii_nm=[29, 30])
    >>> k.value.round().tolist()  # 100⁴/(2·1) · 2/γ̄(30), with γ̄(30) = 6,467 nm²
    [0.0, 15463.0]
    """
    return _measured(
        "K", localizations, region, radii_nm, correction=correction, z_range_nm=z_range_nm
    )


def ripley_l(
    localizations: Localizations | npt.ArrayLike,
    *,
    minus_r: bool = False,
    region: Region | None = None,
    radii_nm: npt.ArrayLike | None = None,
    correction: PairCorrection = "rigid",
    z_range_nm: tuple[float, float] | None = None,
) -> RadialFunction:
    """Measure Ripley's L, which is K on a scale of distances.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where they are.
    minus_r : bool, default False
        Whether to take r off, so that 0 is expected without structure.
    region : Region, optional
        Where they could have been: by default that of the localizations, else their convex hull.
    radii_nm : array-like of shape (n_radii,), nm, optional
        As for `ripley_k`.
    correction : {"rigid", "border", "none"}, default "rigid"
        As for `ripley_k`.
    z_range_nm : tuple of float, optional
        As for `ripley_k`.

    Returns
    -------
    RadialFunction
        L, or L − r, in nm.

    Raises
    ------
    InputError
        As for `ripley_k`.

    Notes
    -----
    L(r) = √(K(r)/π), in 3D (3K(r)/4π)^(1/3) (Besag 1977).

    Examples
    --------
    >>> square = Region.rectangle(0, 0, 100, 100)
    >>> ripley_l([[20, 50], [50, 50]], region=square, radii_nm=[30]).value.round(1).tolist()
    [70.2]
    """
    name = "L-r" if minus_r else "L"
    return _measured(
        name, localizations, region, radii_nm, correction=correction, z_range_nm=z_range_nm
    )


def pair_correlation(
    localizations: Localizations | npt.ArrayLike,
    *,
    region: Region | None = None,
    radii_nm: npt.ArrayLike | None = None,
    correction: PairCorrection = "rigid",
    bandwidth_nm: float | None = None,
    z_range_nm: tuple[float, float] | None = None,
) -> RadialFunction:
    """Measure the pair correlation: how many times the mean density there is at a distance.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where they are.
    region : Region, optional
        Where they could have been: by default that of the localizations, else their convex hull.
    radii_nm : array-like of shape (n_radii,), nm, optional
        As for `ripley_k`.
    correction : {"rigid", "none"}, default "rigid"
        As for `ripley_k`; minus sampling gives no g.
    bandwidth_nm : float, optional
        Half the width of the kernel, nm; by default Stoyan's rule, 0.15/√λ, in 3D 0.26/λ^(1/3).
    z_range_nm : tuple of float, optional
        As for `ripley_k`.

    Returns
    -------
    RadialFunction
        g; 1 is expected of localizations without structure.

    Raises
    ------
    InputError
        As for `ripley_k`.

    Notes
    -----
    g(r) = A²/(n(n − 1)) Σ_{i≠j} e_h(r − d_ij)/γ̄(d_ij) / ∫₀^∞ e_h(r − t)·2πt dt (3D: 4πt²), e_h the
    kernel of Epanechnikov of half width h (Stoyan & Stoyan 1994, section 15.4; Illian et al. 2008,
    section 4.3.3). Dividing by what the kernel would meet without structure, in the place of 2πr,
    leaves g without bias also where r < h. Steps of g narrower than h are smoothed away.

    Examples
    --------
    >>> import numpy as np
    >>> even = np.random.default_rng(1).uniform(0, 2_000, (4_000, 2))
    >>> square = Region.rectangle(0, 0, 2_000, 2_000)
    >>> bool(abs(pair_correlation(even, region=square).value[20:] - 1).max() < 0.1)
    True
    """
    return _measured(
        "g",
        localizations,
        region,
        radii_nm,
        correction=correction,
        z_range_nm=z_range_nm,
        bandwidth_nm=bandwidth_nm,
    )


def _measured(
    statistic: str,
    localizations: Localizations | npt.ArrayLike,
    region: Region | None,
    radii_nm: npt.ArrayLike | None,
    *,
    correction: str,
    z_range_nm: tuple[float, float] | None,
    bandwidth_nm: float | None = None,
) -> RadialFunction:
    """Measure a statistic of one set."""
    sample = sample_of(localizations, region=region, z_range_nm=z_range_nm)
    return measured(estimator_of, statistic, sample, sample, radii_nm, correction, bandwidth_nm)[0]
