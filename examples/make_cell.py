"""Write examples/cell.csv: a simulated cell that looks like a ThunderSTORM export.

    python examples/make_cell.py

Small and large discs, Gaussian clusters, rings and a few fibres on an even background, in a cell
of uneven outline, each localization displaced by an uncertainty that its brightness decides.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from caml.simulate import Scenario, simulate

SEED = 2020


def make_cell() -> pd.DataFrame:
    """Simulate the example.

    Returns
    -------
    DataFrame
        In the columns of a ThunderSTORM export.
    """
    cell = {"field_um": 20.0, "uncertainty_fwhm_nm": 12.0}
    kinds = (
        Scenario(density=60, n_per_cluster=15, percent_clustered=25, radius_nm=30, **cell),
        Scenario(density=60, n_per_cluster=50, percent_clustered=25, radius_nm=70, **cell),
        Scenario(
            density=40,
            n_per_cluster=30,
            percent_clustered=25,
            radius_nm=60,
            shape="gaussian",
            **cell,
        ),
        Scenario(
            density=20,
            n_per_cluster=70,
            percent_clustered=40,
            radius_nm=110,
            inner_radius_nm=85,
            shape="ring",
            **cell,
        ),
        Scenario(
            density=12,
            n_per_cluster=90,
            percent_clustered=60,
            radius_nm=15,
            fibre_length_nm=1200,
            shape="fibre",
            **cell,
        ),
    )
    table = simulate(*kinds, seed=SEED).localizations.table
    generator = np.random.default_rng(SEED)
    n = len(table)
    photons = np.clip(generator.lognormal(7.2, 0.6, n), 300, 20_000)
    return pd.DataFrame(
        {
            "id": np.arange(1, n + 1),
            "frame": table["frame"],
            "x [nm]": table["x_nm"].round(2),
            "y [nm]": table["y_nm"].round(2),
            "sigma [nm]": generator.normal(135, 12, n).round(2),
            "intensity [photon]": photons.round(1),
            "offset [photon]": generator.normal(60, 5, n).round(2),
            "bkgstd [photon]": generator.normal(9, 1, n).round(2),
            "uncertainty [nm]": (5.1 * np.sqrt(1500 / photons)).round(2),
        }
    )


def main() -> None:
    """Write the table beside this script."""
    path = Path(__file__).with_name("cell.csv")
    make_cell().to_csv(path, index=False, quoting=2, lineterminator="\n")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
