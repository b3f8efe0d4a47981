"""Files as users have them; they lie beside the project and are no part of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from caml.errors import TableError
from caml.io import read, result_table, write_table

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared example files are not here")


@pytest.mark.parametrize("number", range(1, 9))
def test_fgfr1(number: int) -> None:
    path = DATA / "fgfr1_dstorm" / f"FGFR1_MCF7_AF647_{number}.csv"
    localizations = read(path)
    expected = pd.read_csv(path)
    assert len(localizations) == len(expected) > 1000
    assert np.array_equal(localizations.positions, expected[["x", "y"]])
    assert np.array_equal(localizations.uncertainty_nm, expected["uncertainty"])  # type: ignore[arg-type]
    assert localizations.finite.all()


def test_two_colours() -> None:
    localizations = read(DATA / "egfr_ereg_dstorm" / "C15_EGFR647_EREG568_FOV4.parquet")
    assert localizations.positions.shape == (61888, 2)
    assert localizations.positions[0].tolist() == [15271.7646484375, 39782.4609375]
    assert localizations.channel is not None
    assert np.unique(localizations.channel).tolist() == [0, 1]
    assert localizations.uncertainty_nm is not None
    assert localizations.uncertainty_nm[0] == pytest.approx(10.584607)
    assert localizations.table.shape == (61888, 22)


def test_thunderstorm_with_a_mangled_header() -> None:
    localizations = read(DATA / "formats" / "Thunderstorm_dstorm_data.csv")
    assert localizations.positions[0].tolist() == [1320.109670647555, 26344.7124618434]
    assert localizations.table.columns[:4].tolist() == ["id", "frame", "x [nm]", "y [nm]"]
    assert localizations.frame is not None
    assert localizations.frame[0] == 2001
    assert len(localizations) == 19


def test_picasso() -> None:
    localizations = read(DATA / "formats" / "picasso_locs.hdf5")
    assert localizations.positions.shape == (2399, 2)
    assert localizations.positions[0] == pytest.approx([130 * 25.577694, 130 * 23.390852])
    assert localizations.uncertainty_nm is not None
    assert localizations.uncertainty_nm[0] == pytest.approx(130 * (0.02435654 + 0.02466752) / 2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Elyra_dstorm_data.txt", r"no column is called x or y: .*'Position X \[nm\]'"),
        ("rapidSTORM_dstorm_data.txt", "no header"),
        ("SMLM_dstorm_data.smlm", "not a kind of file that caml reads"),
        ("decode_dstorm_data.h5", "this one holds /data, /decode, /meta"),
        ("picasso_locs.yaml", "no column is called x or y"),
    ],
)
def test_formats_that_are_not_read_are_refused(name: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read(DATA / "formats" / name)


def test_a_network_is_no_table() -> None:
    with pytest.raises(TableError, match="this one holds /model_weights"):
        read(DATA / "caml_original" / "07VEJJ.h5")


@pytest.mark.parametrize(
    "name",
    [
        "fgfr1_dstorm/FGFR1_MCF7_AF647_1.csv",
        "formats/Thunderstorm_dstorm_data.csv",
        "nieves2023/molecules_01.parquet",
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_results_are_read_as_the_table_was(tmp_path: Path, name: str, suffix: str) -> None:
    first = read(DATA / name)
    zeros = np.zeros(len(first), dtype=int)
    path = tmp_path / f"again.{suffix}"
    write_table(path, result_table(first, zeros, zeros, zeros), file_format=suffix)  # type: ignore[arg-type]
    second = read(path)
    assert np.array_equal(second.positions, first.positions)
    assert second.table.columns.tolist() == [
        *first.table.columns, "score", "label", "cluster"
    ]  # fmt: skip
