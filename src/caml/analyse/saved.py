"""How results are saved: a folder of tables, whole or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Literal

from caml.io import whole_folder

__all__ = ["Format", "Saved"]

Format = Literal["csv", "parquet"]


class Saved(ABC):
    """Results that are a folder of tables and outlines."""

    __slots__ = ()

    # What such a folder may hold; one with anything else is never replaced.
    names: ClassVar[frozenset[str]]

    def save(
        self, folder: str | Path, *, file_format: Format = "csv", overwrite: bool = False
    ) -> None:
        """Write the tables and outlines to a folder, whole or not at all.

        Parameters
        ----------
        folder : str or Path
            Where; must not exist unless `overwrite`.
        file_format : {"csv", "parquet"}, default "csv"
            Of the localizations' table.
        overwrite : bool, default False
            Whether an earlier folder is replaced.

        Raises
        ------
        OutputError
            If it exists already or cannot be written.
        """
        with whole_folder(Path(folder), overwrite=overwrite, names=self.names) as partial:
            self.write(partial, file_format=file_format)

    @abstractmethod
    def write(self, folder: Path, *, file_format: Format = "csv") -> None:
        """Write the tables and outlines into a folder that exists.

        Parameters
        ----------
        folder : Path
            Where.
        file_format : {"csv", "parquet"}, default "csv"
            Of the localizations' table.
        """
