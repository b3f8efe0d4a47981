"""``caml simulate``: cells with known clusters, as tables."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from caml._words import counted

__all__ = ["simulate"]


@click.command(short_help="Write simulated cells with known clusters.")
@click.option(
    "--out", "-o", required=True, type=click.Path(path_type=Path), help="Folder of tables."
)
@click.option(
    "--density", default=100.0, show_default=True, help="Localizations per µm² (3D: µm³)."
)
@click.option(
    "--per-cluster",
    "n_per_cluster",
    default=20,
    show_default=True,
    help="Localizations per cluster.",
)
@click.option(
    "--percent",
    "percent_clustered",
    default=50.0,
    show_default=True,
    help="Percent of localizations in clusters; 0 is complete spatial randomness.",
)
@click.option(
    "--radius",
    "radius_nm",
    default=50.0,
    show_default=True,
    help="Radius of a cluster (half the width of a fibre), nm.",
)
@click.option(
    "--shape",
    type=click.Choice(["disc", "gaussian", "ring", "fibre"]),
    default="disc",
    show_default=True,
)
@click.option(
    "--inner-radius", "inner_radius_nm", default=0.0, show_default=True, help="Of a ring, nm."
)
@click.option("--fibre-length", "fibre_length_nm", default=2000.0, show_default=True, help="nm.")
@click.option(
    "--soft-edge",
    default=0.0,
    show_default=True,
    help="Share of the radius over which the density falls.",
)
@click.option(
    "--uncertainty",
    "uncertainty_fwhm_nm",
    default=0.0,
    show_default=True,
    help="Localization uncertainty (FWHM), nm.",
)
@click.option(
    "--detections",
    "detections_per_molecule",
    default=1.0,
    show_default=True,
    help="Mean detections per molecule.",
)
@click.option(
    "--detection-law",
    type=click.Choice(["geometric", "poisson"]),
    default="geometric",
    show_default=True,
)
@click.option(
    "--depleted-centre",
    type=click.Choice(["none", "clusters", "unclustered"]),
    default="none",
    show_default=True,
    help="What the centre (cSMAC) is empty of.",
)
@click.option(
    "--uneven-background",
    default=0.0,
    show_default=True,
    help="How unevenly unclustered localizations are spread, 0 to 1.",
)
@click.option(
    "--dimensions", "n_dimensions", type=click.IntRange(2, 3), default=2, show_default=True
)
@click.option(
    "--axial-range", "axial_range_nm", default=500.0, show_default=True, help="Of a 3D cell, nm."
)
@click.option(
    "--field", "field_um", default=40.0, show_default=True, help="Side of the field of view, µm."
)
@click.option(
    "--crop", "crop_um", default=0.0, help="Side of a centred square to cut out, µm; 0 keeps all."
)
@click.option(
    "--replicates",
    "n_replicates",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of images.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed gives the same bytes.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
)
@click.option("--overwrite", is_flag=True, help="Replace earlier tables of the same names.")
def simulate(
    out: Path, n_replicates: int, seed: int, file_format: str, overwrite: bool, **options: Any
) -> int:
    """Write simulated cells as tables, with the truth in the columns true_label and true_cluster.

    true_label is 0 (not clustered), 1 (round cluster) or 2 (fibre); true_cluster counts from 0, −1
    is none; molecule tells which detections are of the same one. simulation.json says how they were
    made.
    """
    import numpy as np

    from caml._version import __version__
    from caml.errors import OutputError
    from caml.io import write_json, write_table
    from caml.simulate import Scenario
    from caml.simulate import simulate as simulate_image

    scenario = Scenario(**options)
    paths = [out / f"simulated_{number + 1:03d}.{file_format}" for number in range(n_replicates)]
    record = out / "simulation.json"
    existing = [path for path in (*paths, record) if path.exists()]
    if existing and not overwrite:
        raise OutputError(
            f"{existing[0]} exists already: choose another --out, or replace it with --overwrite"
        )
    for path, sequence in zip(paths, np.random.SeedSequence(seed).spawn(n_replicates), strict=True):
        simulation = simulate_image(scenario, seed=sequence, name=path.stem)
        write_table(
            path,
            simulation.localizations.table,
            file_format="parquet" if file_format == "parquet" else "csv",
            overwrite=overwrite,
        )
        n_clusters = len(np.unique(simulation.true_cluster[simulation.true_cluster >= 0]))
        n = counted(len(simulation.true_label), "localization")
        click.echo(f"{path}: {n}, {counted(n_clusters, 'cluster')}")
    made = {"caml": __version__, "seed": seed, "scenario": dataclasses.asdict(scenario)}
    tables = [path.name for path in paths]
    write_json(record, made | {"tables": tables}, overwrite=overwrite)
    return 0
