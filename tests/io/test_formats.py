import pytest

from caml.errors import TableError
from caml.io.formats import FORMATS, Source, assign, recognise, split_header
from caml.io.read import PARSERS


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("x", ("x", "")),
        (" X ", ("x", "")),
        ('"x [nm]"', ("x", "nm")),
        ("# x[nm]", ("x", "nm")),
        ("\ufeffx [nm]", ("x", "nm")),
        ("x (px)", ("x", "px")),
        ("x_pix", ("x", "px")),
        ("x nm", ("x", "nm")),
        ("X_NM", ("x", "nm")),
        ("x [um]", ("x", "µm")),
        ("x [\N{MICRO SIGN}m]", ("x", "µm")),
        ("x [\N{GREEK SMALL LETTER MU}m]", ("x", "µm")),
        ("x_um", ("x", "µm")),
        ("frameIndex[]", ("frameindex", "")),
        ("X precision (nm)", ("x_precision", "nm")),
        ("variance_x[nm^2]", ("variance_x", "nm^2")),
        ("uncertainty_xy [nm]", ("uncertainty_xy", "nm")),
        ("intensity [photon]", ("intensity", "photon")),
        ("nm", ("nm", "")),
        ("", ("", "")),
    ],
)
def test_a_header_is_split_into_name_and_unit(header: str, expected: tuple[str, str]) -> None:
    assert split_header(header) == expected


def test_every_row_names_a_parser_that_exists_and_gives_x_and_y() -> None:
    for row in FORMATS:
        assert set(row.parsers) <= set(PARSERS)
        assert {"x", "y"} <= set(row.roles)
    assert {parser for row in FORMATS for parser in row.parsers} == set(PARSERS)


@pytest.mark.parametrize(
    ("names", "parser", "expected"),
    [
        (["id", "frame", "x [nm]", "y [nm]", "bkgstd [photon]"], "text", "ThunderSTORM"),
        (["frame", "x", "y", "lpx", "lpy"], "text", "Picasso"),
        (["frame", "x", "y"], "hdf5", "Picasso"),
        (["frame", "x", "y"], "text", "plain table"),
        (["Channel", "Frame", "X (nm)", "Y (nm)", "X precision (nm)"], "text", "ONI"),
        (["a", "b"], "parquet", "plain table"),
        (["Channel Name", "X", "Y", "Xc", "Yc", "Valid"], "text", "N-STORM"),
        (["Xc", "Yc", "Lateral Localization Accuracy"], "text", "N-STORM"),
        (["Cas9", "Xc", "Yc", "Phi", "Ax", "BG", "Link", "Valid"], "text", "Insight3"),
        (["x", "y", "z", "phot", "frame_ix"], "text", "DECODE"),
        (["x", "y", "lpx_input", "lpy"], "text", "plain table"),
    ],
)
def test_formats_are_recognised_by_their_columns(
    names: list[str], parser: str, expected: str
) -> None:
    assert recognise(names, parser).name == expected


def found(names: list[str], **columns: str) -> dict[str, tuple[Source, ...]]:
    return assign(recognise(names, "text"), names, columns)


@pytest.mark.parametrize(
    ("names", "x"),
    [
        (["x", "y", "x_nm", "y_nm"], Source(2, "nm")),
        (["x_nm", "y_nm", "x", "y"], Source(0, "nm")),
        (["x [px]", "y", "X (nm)"], Source(2, "nm")),
        (["x [px]", "y", "x [um]"], Source(2, "µm")),
        (["x [px]", "y", "x"], Source(2, "nm")),
        (["x_nm_input", "x", "y"], Source(1, "nm")),
        (["x_input", "x_nm_input_2", "y", "x_px"], Source(3, "px")),
    ],
)
def test_of_columns_of_one_name_the_one_known_to_be_in_nm_is_used(
    names: list[str], x: Source
) -> None:
    assert found(names)["x"] == (x,)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["uncertainty [nm]"], (Source(2, "nm"),)),
        (["uncertainty_z [nm]", "uncertainty_xy [nm]"], (Source(3, "nm"),)),
        (["X precision (nm)", "Y precision (nm)"], (Source(2, "nm"), Source(3, "nm"))),
        (["X precision (nm)"], (Source(2, "nm"),)),
        (["variance_x[nm^2]", "variance_y[nm^2]"], (Source(2, "nm^2"), Source(3, "nm^2"))),
        (["precision [%]"], None),
    ],
)
def test_uncertainty_comes_from_what_programs_call_it(
    names: list[str], expected: tuple[Source, ...] | None
) -> None:
    assert found(["x", "y", *names]).get("uncertainty") == expected


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("b", Source(1, "nm")),
        ("1", Source(1, "nm")),
        ("c [um]", Source(2, "µm")),
        ("b [px]", Source(1, "px")),
        ("1 [px]", Source(1, "px")),
        ("2", Source(2, "µm")),
        ("7", Source(3, "nm")),
    ],
)
def test_the_user_names_columns_by_name_or_number(named: str, expected: Source) -> None:
    assert found(["a", "b", "c [um]", "7"], x=named, y="0")["x"] == (expected,)


@pytest.mark.parametrize(
    ("names", "columns", "message"),
    [
        (["a", "b"], {}, r"no column is called x or y: the columns are 'a', 'b'.*--columns x="),
        (["x", "b"], {}, r"no column is called y: .*--columns"),
        (["0", "1"], {}, r"no header; .*--columns x=0,y=1"),
        (["x", "y"], {"q": "x"}, r"one of x, y, z, frame, channel, uncertainty; got 'q'"),
        (["x", "y"], {"x": "2"}, r"no column '2' for x: the columns are 'x', 'y', numbered from 0"),
        (["x", "y"], {"x": "y"}, r"'y' cannot be two coordinates"),
        (["x [mm]", "y"], {}, r"unit 'mm' of column 'x \[mm\]' is not nm, µm or px"),
        (["x", "y"], {"x": "x [inch]"}, r"unit 'inch' of column 'x'"),
        ([f"c{i}" for i in range(25)], {}, r"'c19' and 5 more"),
    ],
)
def test_what_cannot_be_assigned_is_refused(
    names: list[str], columns: dict[str, str], message: str
) -> None:
    with pytest.raises(TableError, match=message):
        found(names, **columns)
