"""Statistics of nearest neighbours: the distribution of their distances, and Hopkins's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from caml._cost import check_count
from caml.errors import InputError
from caml.localizations import Localizations, Region
from caml.spatial._estimators import estimator_of
from caml.spatial._measured import measured
from caml.spatial._window import sample_of
from caml.spatial.radial import RadialFunction

__all__ = ["Hopkins", "hopkins", "nearest_neighbour_distribution"]

# Hopkins's statistic is of independent distances, which those of few among many are.
SHARE_SAMPLED = 0.1


@dataclass(frozen=True, slots=True)
class Hopkins:
    """The statistic of Hopkins, and how sure it is.

    Parameters
    ----------
    value : float
        0.5 is expected of localizations without structure; towards 1 they are clustered, towards 0
        evenly spaced.
    p_value : float
        How often so far a value from 0.5 comes without structure.
    n_sampled : int
        How many distances of each kind were measured.
    """

    value: float
    p_value: float
    n_sampled: int


def nearest_neighbour_distribution(
    localizations: Localizations | npt.ArrayLike,
    *,
    region: Region | None = None,
    radii_nm: npt.ArrayLike | None = None,
    correction: Literal["kaplan-meier", "hanisch", "none"] = "kaplan-meier",
    z_range_nm: tuple[float, float] | None = None,
) -> RadialFunction:
    """Measure the distribution of the distance to the nearest neighbour, G.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where they are. Of those at the same position that distance is 0.
    region : Region, optional
        Where they could have been: by default that of the localizations, else their convex hull.
    radii_nm : array-like of shape (n_radii,), nm, optional
        Increasing; by default a hundred, see `caml.spatial.default_radii`.
    correction : {"kaplan-meier", "hanisch", "none"}, default "kaplan-meier"
        For nearest neighbours that lie outside the region, unseen.
    z_range_nm : tuple of float, optional
        In 3D, where the window begins and ends in z, nm; by default with the localizations.

    Returns
    -------
    RadialFunction
        The share of the localizations whose nearest neighbour is within each radius; without
        structure 1 − exp(−λπr²) is expected, in 3D 1 − exp(−λ·4/3·πr³).

    Raises
    ------
    InputError
        If fewer than 2 localizations are inside, radii do not increase, or leave less than a tenth
        of the region further than that from its border.

    Warns
    -----
    DataWarning
        If localizations lie outside the region.

    Notes
    -----
    A distance d beyond that to the border, b, is only known to be larger than b, as in a study of
    survival: G = 1 − Π_{s ≤ r} (1 − #{d = s, d ≤ b}/#{min(d, b) ≥ s}) (Baddeley & Gill 1997).
    Hanisch's estimator looks at those with d ≤ b, weighed by 1/|W ⊖ d|, the size of the region
    eroded by d (Hanisch 1984).

    Examples
    --------
    >>> square = Region.rectangle(0, 0, 100, 100)
    >>> g = nearest_neighbour_distribution(
    ...     [[40, 50], [50, 50], [98, 50]], region=square, radii_nm=[5, 10, 20]
    ... )
    >>> g.value.tolist()  # the third, 2 nm from the border, says nothing of 10 nm
    [0.0, 1.0, 1.0]
    """
    sample = sample_of(localizations, region=region, z_range_nm=z_range_nm)
    return measured(estimator_of, "G", sample, sample, radii_nm, correction)[0]


def hopkins(
    localizations: Localizations | npt.ArrayLike,
    *,
    seed: int | np.random.Generator,
    region: Region | None = None,
    n_sampled: int | None = None,
    z_range_nm: tuple[float, float] | None = None,
) -> Hopkins:
    """Measure whether localizations cluster at all, by Hopkins's statistic.

    Parameters
    ----------
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where they are. Those at the same position have a neighbour at distance 0.
    seed : int or numpy.random.Generator
        Of the places and localizations that are drawn.
    region : Region, optional
        Where they could have been, and places are drawn: by default that of the localizations,
        else their convex hull.
    n_sampled : int, optional
        How many places, and how many localizations; a tenth of the localizations by default.
    z_range_nm : tuple of float, optional
        In 3D, where the window begins and ends in z, nm; by default with the localizations.

    Returns
    -------
    Hopkins
        The statistic: 0.5 without structure, towards 1 clustered.

    Raises
    ------
    InputError
        If fewer than 2 localizations are inside, or `n_sampled` is more than there are.

    Warns
    -----
    DataWarning
        If localizations lie outside the region.

    Notes
    -----
    H = Σ u^d / (Σ u^d + Σ w^d) in d dimensions, u from places drawn evenly over the region to the
    nearest localization, w from localizations to their nearest neighbour (Hopkins & Skellam 1954).
    Without structure H has the distribution Beta(m, m) of m distances each (Cross & Jain 1982).
    Some define it the other way around, as 1 − H. There is no correction for the border: where much
    of the region lies nearer to it than to the next localization, H is a little too high.

    Examples
    --------
    >>> near = [[50, 50], [51, 50], [50, 51], [51, 51]]
    >>> square = Region.rectangle(0, 0, 1_000, 1_000)
    >>> hopkins(near, region=square, seed=1, n_sampled=4).value > 0.99
    True
    """
    from scipy.spatial import cKDTree
    from scipy.stats import beta

    sample = sample_of(localizations, region=region, z_range_nm=z_range_nm)
    positions, window = sample.positions, sample.window
    if n_sampled is None:
        n_sampled = max(1, round(SHARE_SAMPLED * len(sample)))
    check_count(n_sampled=n_sampled)
    if n_sampled > len(sample):
        raise InputError(f"n_sampled is {n_sampled}, and {len(sample)} localizations are inside")
    generator = np.random.default_rng(seed)
    tree = cKDTree(positions)
    places = window.draw(n_sampled, generator)
    chosen = generator.choice(len(sample), n_sampled, replace=False)
    d = window.n_dimensions
    # Over the largest, so that no power overflows.
    u = np.asarray(tree.query(places)[0])
    w = np.asarray(tree.query(positions[chosen], 2)[0])[:, 1]
    unit = max(u.max(), w.max())
    among_places, among_localizations = ((u / unit) ** d).sum(), ((w / unit) ** d).sum()
    value = float(among_places / (among_places + among_localizations))
    tail = beta.cdf(min(value, 1 - value), n_sampled, n_sampled)
    return Hopkins(value, float(min(1.0, 2 * tail)), n_sampled)
