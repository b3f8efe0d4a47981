"""What was asked and found, in sentences and a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from caml._words import counted
from caml.analyse.found import Found
from caml.analyse.record import corners_of
from caml.localizations import Region
from caml.plot.descriptors import in_short

__all__ = ["Number", "numbers", "what_was_asked", "what_was_found"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is looked at first.

    Parameters
    ----------
    value : str
        With its unit.
    what : str
        What it counts or measures.
    note : str
        Quartiles, or what it is made of.
    """

    value: str
    what: str
    note: str = ""


def what_was_asked(found: Found) -> str:
    """Say what looked at what.

    Parameters
    ----------
    found : Found
        What was found.

    Returns
    -------
    str
        A sentence.
    """
    n = found.n_localizations
    read = f"{counted(n, 'localization')} {'was' if n == 1 else 'were'} read"
    where = "the image"
    if found.regions:
        names = [_place(region) for region in found.regions]
        where = names[0] if len(names) == 1 else f"{len(names)} regions ({'; '.join(names)})"
    by = f"the method {found.found_by}" if found.card is None else f"the network {found.card.name}"
    return f"{read}; {by} looked for clusters in {where}."


def _place(region: Region) -> str:
    """Say which region it is: how large, where its name is only where it is."""
    if region.name != corners_of(region):
        return region.name if region.name.startswith("region") else f"the region {region.name}"
    x_min, y_min, x_max, y_max = region.polygon.bounds
    wide, high = (x_max - x_min) / 1000, (y_max - y_min) / 1000
    return f"a rectangle of {in_short(wide)} × {in_short(high)} µm ({region.name} nm)"


def what_was_found(found: Found) -> str:
    """Say what was found.

    Parameters
    ----------
    found : Found
        What was found.

    Returns
    -------
    str
        A sentence.
    """
    clusters = found.clusters
    if not len(clusters):
        return "No clusters were found."
    if len(clusters) == 1:
        one = clusters.iloc[0]
        return (
            f"One cluster was found: {one['n_localizations']:,} localizations on "
            f"{in_short(one['area_nm2'])} nm²."
        )
    size, like = f"{in_short(clusters['area_nm2'].median())} nm²", "disc"
    radius = np.sqrt(clusters["area_nm2"].median() / np.pi)
    if "volume_nm3" in clusters:
        size, like = f"{in_short(clusters['volume_nm3'].median())} nm³", "ball"
        radius = np.cbrt(clusters["volume_nm3"].median() / (4 / 3 * np.pi))
    where = {0: "", 1: " in the region"}.get(len(found.regions), " in the regions")
    share = f"{found.totals.percent_clustered:.0f} % of the localizations{where}"
    return (
        f"{len(clusters):,} clusters hold {share}. The median "
        f"cluster has {in_short(clusters['n_localizations'].median())} localizations on "
        f"{size}, as a {like} of {in_short(radius)} nm radius."
    )


def numbers(found: Found) -> list[Number]:
    """Return the numbers that are looked at first.

    Parameters
    ----------
    found : Found
        What was found.

    Returns
    -------
    list of Number
        Without clusters, only how many localizations there are.
    """
    clusters = found.clusters
    n, area = found.totals.n_localizations, found.totals.area_um2
    shown = [Number(f"{n:,}", "localizations", f"in {in_short(area)} µm²" if area > 0 else "")]
    shown.append(Number(f"{len(clusters):,}", "clusters"))
    if not len(clusters):
        return shown
    # Localizations on a line have no area.
    density = f"{in_short(len(clusters) / area)} per µm²" if area > 0 else ""
    shown[1] = Number(f"{len(clusters):,}", "clusters", density)
    share = f"{found.totals.percent_clustered:.1f} %"
    shown.append(Number(share, "in clusters", f"of {n:,} localizations"))
    medians = [
        ("n_localizations", "", "localizations per cluster"),
        ("area_nm2", " nm²", "area of a cluster"),
        ("density_per_um2", " µm⁻²", "density of a cluster"),
    ]
    if "volume_nm3" in clusters:
        medians[1:] = [
            ("volume_nm3", " nm³", "volume of a cluster"),
            ("density_per_um3", " µm⁻³", "density of a cluster"),
        ]
    for column, unit, what in medians:
        first, median, third = clusters[column].quantile([0.25, 0.5, 0.75])
        spread = f"quartiles {in_short(first)} to {in_short(third)}"
        shown.append(Number(f"{in_short(median)}{unit}", f"{what}, median", spread))
    return shown
