"""The localization tables that caml reads: one row per format, and how a header is matched to it.

A new format is a new row of `FORMATS`; one whose files need reading in another way also gets a
parser of its own, named in the row and listed in `caml.io.read.PARSERS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from caml._remedies import COLUMNS_BY_NAME, COLUMNS_BY_NUMBER, COLUMNS_WITH_UNIT
from caml.errors import TableError

__all__ = [
    "FORMATS",
    "Names",
    "Source",
    "TableFormat",
    "assign",
    "recognise",
    "recognise_and_assign",
    "split_header",
]

NM, UM, PX, VARIANCE = "nm", "µm", "px", "nm^2"
# Of columns whose unit is another one from file to file, and not in the header.
NOT_SAID = "not said"

# How units are written, in lower case, and what they are. Variances become standard deviations.
UNITS = {
    "": "",
    "nm": NM,
    "nanometer": NM,
    "nanometers": NM,
    "nanometre": NM,
    "nanometres": NM,
    "um": UM,
    "\N{MICRO SIGN}m": UM,
    "\N{GREEK SMALL LETTER MU}m": UM,
    "micron": UM,
    "microns": UM,
    "micrometer": UM,
    "micrometers": UM,
    "micrometre": UM,
    "micrometres": UM,
    "px": PX,
    "pix": PX,
    "pixel": PX,
    "pixels": PX,
    "nm2": VARIANCE,
    "nm^2": VARIANCE,
    "nm²": VARIANCE,
}
LENGTHS = (NM, UM, PX)
BRACKETED = re.compile(r"(.*?)\s*[\[(]\s*([^\])]*?)\s*[\])]")
SUFFIXED = re.compile(r"(.+)[\s_](" + "|".join(map(re.escape, filter(None, UNITS))) + ")")
# What `caml.io.result_table` renames a user's column to when caml writes one of that name.
RENAMED = re.compile(r".*_input(_\d+)?")


@dataclass(frozen=True, slots=True)
class Names:
    """The columns that can give one role.

    Parameters
    ----------
    choices : tuple of str
        Names as `split_header` returns them, or whole headers in lower case; the first that the
        table has is used. ``a+b`` stands for the mean of two columns.
    unit : str, default ""
        The unit where the header gives none; "" for what has no unit.
    optional : bool, default False
        Whether a column of an unknown unit is passed over; otherwise it is refused.
    """

    choices: tuple[str, ...]
    unit: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class TableFormat:
    """One kind of table.

    Parameters
    ----------
    name : str
        What it is called in the history.
    parsers : tuple of str
        The parsers (keys of `caml.io.read.PARSERS`) whose tables can be of this format.
    marks : frozenset of str
        The names that every such table has; of the formats that fit, the first row counts.
    roles : mapping of str to Names
        Which columns are x, y, z, frame, channel and uncertainty.
    """

    name: str
    parsers: tuple[str, ...]
    marks: frozenset[str]
    roles: Mapping[str, Names]


@dataclass(frozen=True, slots=True)
class Source:
    """A column that gives values to a role.

    Parameters
    ----------
    column : int
        Its place in the table, from 0.
    unit : str
        Its unit: nm, µm, px, nm^2 (a variance) or "".
    """

    column: int
    unit: str


FRAME = Names(("frame", "frame_number", "frameindex", "frame_index"))
CHANNEL = Names(("channel", "channelindex", "channel_index"))
UNCERTAINTY = Names(
    (
        "uncertainty",
        "uncertainty_xy",
        "precision",
        "x_precision+y_precision",
        "x_precision",
        "variance_x+variance_y",
    ),
    NM,
    optional=True,
)
IN_NM = {
    "x": Names(("x",), NM),
    "y": Names(("y",), NM),
    "z": Names(("z",), NM),
    "frame": FRAME,
    "channel": CHANNEL,
    "uncertainty": UNCERTAINTY,
}
PICASSO = IN_NM | {
    "x": Names(("x",), PX),
    "y": Names(("y",), PX),
    "uncertainty": Names(("uncertainty", "lpx+lpy"), PX, optional=True),
}
# N-STORM's Xc is X corrected for drift. x_nm comes first because it is caml's own, where the user
# chose other columns.
NSTORM = {
    "x": Names(("x_nm", "xc"), NM),
    "y": Names(("y_nm", "yc"), NM),
    "z": Names(("z_nm", "zc", "z"), NM),
    "frame": FRAME,
    "channel": Names(("channel_name",)),
    "uncertainty": Names(("lateral_localization_accuracy",), NM, optional=True),
}
# Insight3 writes the columns of N-STORM in pixels, and the number of localizations, Cas1234, for
# Channel Name.
INSIGHT3 = NSTORM | {"x": Names(("x_nm", "xc"), PX), "y": Names(("y_nm", "yc"), PX)}
# DECODE's xy_unit is px or nm; its z is in nm.
DECODE = IN_NM | {
    "x": Names(("x",), NOT_SAID),
    "y": Names(("y",), NOT_SAID),
    "frame": Names(("frame_ix",)),
}

PLAIN = TableFormat("plain table", ("text", "parquet", "hdf5"), frozenset(), IN_NM)
PLAIN_IN_PIXELS = replace(
    PLAIN, name="plain table, positions without a unit taken as pixels", roles=PICASSO
)
FORMATS = (
    TableFormat("Picasso", ("hdf5",), frozenset({"x", "y"}), PICASSO),
    TableFormat("Picasso", ("text", "parquet"), frozenset({"x", "y", "lpx", "lpy"}), PICASSO),
    TableFormat("ThunderSTORM", ("text", "parquet"), frozenset({"x", "y", "bkgstd"}), IN_NM),
    TableFormat("ONI", ("text", "parquet"), frozenset({"x", "y", "channel", "x_precision"}), IN_NM),
    TableFormat(
        "ONI", ("text", "parquet"), frozenset({"x", "y", "frameindex", "channelindex"}), IN_NM
    ),
    TableFormat("N-STORM", ("text", "parquet"), frozenset({"xc", "yc", "channel_name"}), NSTORM),
    TableFormat(
        "N-STORM",
        ("text", "parquet"),
        frozenset({"xc", "yc", "lateral_localization_accuracy"}),
        NSTORM,
    ),
    TableFormat(
        "Insight3",
        ("text", "parquet"),
        frozenset({"xc", "yc", "phi", "ax", "bg", "link", "valid"}),
        INSIGHT3,
    ),
    TableFormat("DECODE", ("text", "parquet"), frozenset({"x", "y", "frame_ix"}), DECODE),
    PLAIN,
)


def split_header(text: str) -> tuple[str, str]:
    """Split the head of a column into a name and a unit.

    Parameters
    ----------
    text : str
        As it is in the file.

    Returns
    -------
    name : str
        In lower case, without quotes, ``#`` and spaces.
    unit : str
        nm, µm, px, nm^2, "" if none is given, or what is in the brackets if it is no known one.

    Examples
    --------
    >>> split_header("# X [nm]"), split_header("x_px"), split_header("X precision (nm)")
    (('x', 'nm'), ('x', 'px'), ('x_precision', 'nm'))
    """
    text = text.strip(" \t\"'#\ufeff").lower()
    match = BRACKETED.fullmatch(text) or SUFFIXED.fullmatch(text)
    name, unit = match.groups() if match else (text, "")
    return re.sub(r"[\s-]+", "_", name.strip()), UNITS.get(unit, unit)


def recognise(names: Sequence[str], parser: str) -> TableFormat:
    """Tell which format a table has.

    Parameters
    ----------
    names : sequence of str
        Its columns.
    parser : str
        The parser that read it.

    Returns
    -------
    TableFormat
        The first row of `FORMATS` that fits.
    """
    have = {split_header(name)[0] for name in names if not RENAMED.fullmatch(name)}
    fits = (row for row in FORMATS if parser in row.parsers and row.marks <= have)
    return next(fits)


def recognise_and_assign(
    names: Sequence[str],
    parser: str,
    columns: Mapping[str, str] | None = None,
    *,
    pixels: bool = False,
    path: Path | None = None,
) -> tuple[TableFormat, dict[str, tuple[Source, ...]]]:
    """Tell which format a table has, and which of its columns give what.

    Parameters
    ----------
    names : sequence of str
        Its columns.
    parser : str
        The parser that read it.
    columns : mapping of str to str, optional
        What the user says of them; see `assign`.
    pixels : bool, default False
        Whether the positions of a plain table are in pixels where no unit is written.
    path : Path, optional
        The file, for messages.

    Returns
    -------
    table_format : TableFormat
        The format.
    sources : dict of str to tuple of Source
        The columns of each role that the table has.

    Raises
    ------
    TableError
        If the columns cannot be assigned.
    """
    table_format = recognise(names, parser)
    sources = assign(table_format, names, columns, path=path)
    if pixels and table_format is PLAIN:
        in_pixels = assign(PLAIN_IN_PIXELS, names, columns, path=path)
        # A unit that is written stays, and one axis in nm means that the other is too.
        free = all(in_pixels[a] == (Source(sources[a][0].column, PX),) for a in ("x", "y"))
        if free and any(in_pixels[a] != sources[a] for a in ("x", "y")):
            return PLAIN_IN_PIXELS, in_pixels
    return table_format, sources


def assign(
    table_format: TableFormat,
    names: Sequence[str],
    columns: Mapping[str, str] | None = None,
    *,
    path: Path | None = None,
) -> dict[str, tuple[Source, ...]]:
    """Find the columns that give positions, frames, channels and uncertainties.

    Parameters
    ----------
    table_format : TableFormat
        What the columns are called.
    names : sequence of str
        The columns of the table.
    columns : mapping of str to str, optional
        What the user says: the column of a role, by its name or its number from 0, with a unit
        behind it where the name has none (``{"x": "0 [px]"}``).
    path : Path, optional
        The file, for messages.

    Returns
    -------
    dict of str to tuple of Source
        The columns of each role that the table has; those of one role are to be averaged.

    Raises
    ------
    TableError
        If x or y is missing, a column that the user named is not there, or a unit is not known.
    """
    found: dict[str, tuple[Source, ...]] = {}
    for role, wanted in table_format.roles.items():
        sources = _sources(wanted, names)
        if sources:
            found[role] = sources
    for role, column in (columns or {}).items():
        if role not in table_format.roles:
            roles = ", ".join(table_format.roles)
            raise TableError(f"a column can be one of {roles}; got {role!r}", path=path)
        found[role] = (_named(role, str(column), names, table_format.roles[role].unit, path),)
    missing = [role for role in ("x", "y") if role not in found]
    if missing:
        raise TableError(_missing(missing, names), path=path)
    _check_sources(found, names, path)
    return found


def _sources(wanted: Names, names: Sequence[str]) -> tuple[Source, ...]:
    """Find the first choice of which the table has every column."""
    # Of each column, what a choice can call it, and its unit.
    heads = [
        ({name, whole}, unit) if not RENAMED.fullmatch(text.strip(" \t\"'")) else ({""}, "")
        for text in names
        for name, unit in [split_header(text)]
        for whole in [text.strip(" \t\"'#\ufeff").lower()]
    ]

    def rank(source: Source, given: str) -> tuple[int, bool, int]:
        """Order columns of one name: those in nm first, said before supposed, and as they come."""
        known = LENGTHS.index(source.unit) if source.unit in LENGTHS else len(LENGTHS)
        return known, not given, source.column

    for choice in wanted.choices:
        sources = []
        for part in choice.split("+"):
            same = [
                (rank(source, unit), source)
                for i, (called, unit) in enumerate(heads)
                if part in called
                for source in [Source(i, unit or wanted.unit)]
                if not wanted.optional or source.unit in (*LENGTHS, VARIANCE)
            ]
            if same:
                sources.append(min(same, key=lambda pair: pair[0])[1])
        if len(sources) == len(choice.split("+")):
            return tuple(sources)
    return ()


def _named(role: str, wanted: str, names: Sequence[str], unit: str, path: Path | None) -> Source:
    """Find the column that the user named for a role."""
    stripped = [name.strip(" \t\"'#\ufeff") for name in names]
    text, given = wanted.strip(), ""
    for _ in range(2):
        for candidates in (list(names), stripped):
            if text in candidates:
                column = candidates.index(text)
                return Source(column, given or split_header(names[column])[1] or unit)
        if text.isdecimal() and int(text) < len(names):
            column = int(text)
            return Source(column, given or split_header(names[column])[1] or unit)
        match = BRACKETED.fullmatch(text)
        if match is None:
            break
        text, given = match.group(1), UNITS.get(match.group(2).lower(), match.group(2))
    raise TableError(
        f"no column {wanted!r} for {role}: the columns are {_listed(names)}, numbered from 0",
        path=path,
    )


def _check_sources(
    found: Mapping[str, tuple[Source, ...]], names: Sequence[str], path: Path | None
) -> None:
    """Refuse units that are not known, and one column as two coordinates."""
    allowed = {"x": LENGTHS, "y": LENGTHS, "z": LENGTHS, "uncertainty": (*LENGTHS, VARIANCE)}
    faults = [
        f"the unit {source.unit!r} of column {names[source.column]!r} is not nm, µm or px"
        for role, units in allowed.items()
        for source in found.get(role, ())
        if source.unit not in (*units, NOT_SAID)
    ]
    not_said = {
        role: names[found[role][0].column]
        for role in ("x", "y")
        if role in found and found[role][0].unit == NOT_SAID
    }
    if not_said:
        faults.append(_unit_needed(not_said))
    used = [found[axis][0].column for axis in ("x", "y", "z") if axis in found]
    faults += [
        f"column {names[column]!r} cannot be two coordinates"
        for column in sorted(set(used))
        if used.count(column) > 1
    ]
    if faults:
        raise TableError("; ".join(faults), path=path)


def _unit_needed(not_said: Mapping[str, str]) -> str:
    """Say where the unit of a DECODE table stands, and how the user gives it."""
    pixels, nm = (
        ",".join(f"{role}={name} [{unit}]" for role, name in not_said.items()) for unit in (PX, NM)
    )
    return (
        f"{' and '.join(not_said)} of a DECODE table can be in px or in nm; the comment lines at "
        f"the top of the file say which (xy_unit): '{pixels}' or '{nm}'; {COLUMNS_WITH_UNIT}"
    )


def _missing(missing: list[str], names: Sequence[str]) -> str:
    """Say that coordinates are missing, and how the user can name them."""
    if all(name.isdecimal() for name in names):
        return (
            f"the first line holds numbers ({len(names)} fields), so there is no header; "
            f"{COLUMNS_BY_NUMBER}"
        )
    return (
        f"no column is called {' or '.join(missing)}: the columns are {_listed(names)}; "
        f"{COLUMNS_BY_NAME}"
    )


def _listed(names: Sequence[str]) -> str:
    """List columns, the first twenty."""
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(repr(name[:60]) for name in names[:20]) + more
