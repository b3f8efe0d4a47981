"""A table in parquet, read a part at a time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from caml.errors import CamlWarning, TableError
from caml.io import parquet
from caml.io._files import check_exists, check_pixel_size, explained
from caml.io._names import unique_names
from caml.io._row_groups import opened
from caml.io.formats import Source, TableFormat, recognise_and_assign
from caml.io.parsed import Parsed
from caml.io.read import localizations_of, pixel_size_of
from caml.localizations import Localizations

__all__ = ["ParquetTable", "is_parquet", "parquet_rows"]

# A group of more rows than this is no part that fits beside others in memory.
MOST_ROWS = 1 << 22


def is_parquet(path: Path) -> bool:
    """Tell whether a path is that of a table in parquet.

    Parameters
    ----------
    path : Path
        A file or a folder.

    Returns
    -------
    bool
        False also where there is nothing.
    """
    if path.is_dir():
        return any(file.suffix.lower() == ".parquet" for file in path.iterdir())
    try:
        with path.open("rb") as file:
            return parquet.recognises(path, file.read(4))
    except OSError:
        return False


def parquet_rows(path: Path) -> int:
    """Count the rows of a table in parquet, without reading them.

    Parameters
    ----------
    path : Path
        A file or a folder.

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    TableError
        If it is damaged, or a part has other columns.
    """
    n_rows = 0
    for file in parquet.parts_of(path)[0]:
        with opened(file) as opened_file:
            n_rows += opened_file.metadata.num_rows
    return n_rows


@dataclass(frozen=True, slots=True, eq=False)
class ParquetTable:
    """A parquet file, or a folder of them, whose groups of rows are the parts of one table.

    Parameters
    ----------
    path : Path
        The file or folder.
    files : tuple of Path
        The file of each part.
    groups : tuple of int
        Which group of rows of its file each part is.
    starts : ndarray of shape (n_parts + 1,)
        The row of the table with which each part begins, and the number of rows.
    schema : pyarrow.Schema
        The columns that all files have in common.
    table_format : TableFormat
        What kind of table it is.
    sources : mapping of str to tuple of Source
        Which columns are x, y, ….
    pixel_size_nm : float, optional
        Of a table in pixels.
    """

    path: Path
    files: tuple[Path, ...]
    groups: tuple[int, ...]
    starts: npt.NDArray[np.int64]
    schema: pa.Schema
    table_format: TableFormat
    sources: Mapping[str, tuple[Source, ...]]
    pixel_size_nm: float | None

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        pixel_size_nm: float | None = None,
        columns: Mapping[str, str] | None = None,
    ) -> ParquetTable:
        """Look at a table without reading it.

        Parameters
        ----------
        path : str or path-like
            A file in parquet, or a folder of them.
        pixel_size_nm : float, optional
            The size of a camera pixel, nm, for tables in pixels.
        columns : mapping of str to str, optional
            The columns of x, y, … where their names do not say so.

        Returns
        -------
        ParquetTable
            Its parts.

        Raises
        ------
        MissingFileError
            If it is not there.
        TableError
            If it is no such table, a part has other columns, or a group of rows is too large to be
            read at once.
        """
        path = Path(path)
        check_pixel_size(pixel_size_nm)
        if not path.is_dir():
            check_exists(path, instead="give the table")
        with explained(lambda problem: TableError(problem, path=path)):
            files, schema = parquet.parts_of(path)
            names = unique_names(schema.names)
            table_format, sources = recognise_and_assign(
                names, "parquet", columns, pixels=pixel_size_nm is not None, path=path
            )
            of_group: list[Path] = []
            groups: list[int] = []
            lengths = [0]
            for file in files:
                with opened(file) as opened_file:
                    for group in range(opened_file.num_row_groups):
                        lengths.append(opened_file.metadata.row_group(group).num_rows)
                        of_group.append(file)
                        groups.append(group)
            if sum(lengths) == 0:
                raise TableError("the file holds a header and no localizations", path=path)
            if max(lengths) > MOST_ROWS:
                raise TableError(
                    f"a group of {max(lengths):,} rows is too large to be read at once: write it "
                    "anew with smaller ones, such as "
                    "pyarrow.parquet.write_table(table, path, row_group_size=250_000)",
                    path=path,
                )
            size = pixel_size_of(
                Parsed(schema.empty_table().to_pandas()), sources, pixel_size_nm, path
            )
            return cls(
                path, tuple(of_group), tuple(groups), np.cumsum(lengths), schema, table_format,
                sources, size,
            )  # fmt: skip

    @property
    def n_parts(self) -> int:
        """How many parts there are."""
        return len(self.groups)

    @property
    def n_rows(self) -> int:
        """How many localizations there are."""
        return int(self.starts[-1])

    def identity(self) -> list[list[str | int]]:
        """Tell what changes when the table does: names, sizes and times of the files."""
        found: list[list[str | int]] = []
        for file in dict.fromkeys(self.files):
            status = file.stat()
            found.append([file.name, status.st_size, status.st_mtime_ns])
        return found

    def read(
        self, number: int, *, whole: bool = True, beside: Collection[str] = ()
    ) -> Localizations:
        """Read a part.

        Parameters
        ----------
        number : int
            Which part.
        whole : bool, default True
            Whether every column is wanted; else only those of positions, frames and channels.
        beside : collection of str, optional
            Names of columns that are wanted besides.

        Returns
        -------
        Localizations
            Positions in nm, in 3D wherever there is a z, be it the same everywhere.

        Raises
        ------
        TableError
            If the part is damaged or holds something else than numbers.
        """
        names = self.schema.names
        sources = dict(self.sources)
        wanted = None
        if not whole:
            sources.pop("uncertainty", None)
            used = sorted(
                {source.column for role in sources.values() for source in role}
                | {names.index(name) for name in beside}
            )
            # A name that is there twice means both.
            if len(set(names)) == len(names) and not any("." in names[i] for i in used):
                wanted = [names[i] for i in used]
        file = self.files[number]
        with opened(file) as opened_file:
            table = opened_file.read_row_group(self.groups[number], columns=wanted)
        if wanted is None:
            table = parquet.same(table, self.schema, file).rename_columns(unique_names(names))
        else:
            place = {column: table.schema.names.index(names[column]) for column in used}
            sources = {
                role: tuple(Source(place[source.column], source.unit) for source in found)
                for role, found in sources.items()
            }
        varying = {source.column: True for source in sources.get("z", ())}
        parsed = Parsed(table.to_pandas(ignore_metadata=True), varying=varying)
        with warnings.catch_warnings():
            # What is wrong with some rows is told once, of the whole table.
            warnings.simplefilter("ignore", CamlWarning)
            return localizations_of(
                parsed, self.table_format, sources, self.pixel_size_nm, self.path
            )
