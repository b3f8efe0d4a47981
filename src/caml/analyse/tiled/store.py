"""The folder that a tiled analysis works in: items of arrays, each whole or not there."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from caml.errors import OutputError
from caml.io import explain_failures, write_json

__all__ = ["Store"]

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Store:
    """Numbered items of several kinds, each a folder of arrays.

    An item is written beside its place and then moved there, so that whatever is in its place is
    whole; a step whose item is there need not be done again.

    Parameters
    ----------
    root : Path
        The folder. Every process that works on the analysis sees it under this name.
    """

    root: Path

    def has(self, kind: str, number: int = 0) -> bool:
        """Tell whether an item is there."""
        return self.path(kind, number).is_dir()

    @contextmanager
    def writing(self, kind: str, number: int = 0) -> Iterator[Path]:
        """Write the files of an item.

        Parameters
        ----------
        kind : str
            What it is.
        number : int, default 0
            Which of its kind.

        Yields
        ------
        Path
            A folder to write into, which is the item when the block ends, and goes if it raises.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        path = self.path(kind, number)
        partial = self.root / f".{uuid.uuid4().hex[:12]}"
        with explain_failures(self.root):
            try:
                partial.mkdir()
                yield partial
                path.parent.mkdir(exist_ok=True)
                try:
                    partial.rename(path)
                except OSError:
                    # Another worker did the same step, as Dask may have it done twice.
                    if not path.is_dir():
                        raise
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    def save(self, kind: str, number: int = 0, /, **arrays: npt.NDArray[Any]) -> None:
        """Write an item of arrays.

        Parameters
        ----------
        kind : str
            What it is.
        number : int, default 0
            Which of its kind.
        **arrays : ndarray
            What it consists of; no objects.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        with self.writing(kind, number) as folder:
            for name, array in arrays.items():
                np.save(folder / f"{name}.npy", array, allow_pickle=False)

    def load(self, kind: str, number: int, name: str) -> npt.NDArray[Any]:
        """Read an array of an item, from the disk as it is looked at."""
        array: npt.NDArray[Any] = np.load(
            self.path(kind, number) / f"{name}.npy", mmap_mode="r", allow_pickle=False
        )
        return array

    def holds(self, kind: str, number: int, name: str) -> bool:
        """Tell whether an item has an array of this name."""
        return (self.path(kind, number) / f"{name}.npy").is_file()

    def begin(self, manifest: Mapping[str, Any], *, resume: bool) -> bool:
        """Make the folder, or go on in it.

        Parameters
        ----------
        manifest : mapping
            What decides the content of every item; of what JSON holds.
        resume : bool
            Whether to go on with what an earlier run left.

        Returns
        -------
        bool
            Whether there was an earlier run to go on with.

        Raises
        ------
        OutputError
            If there is an earlier run and it is not to be resumed, or it was another one.
        """
        written = json.loads(json.dumps(manifest))
        path = self.root / MANIFEST
        if not self.root.exists() or not (resume or path.exists()):
            shutil.rmtree(self.root, ignore_errors=True)
            with explain_failures(self.root):
                self.root.mkdir(parents=True)
            write_json(path, written)
            return False
        if not resume:
            raise OutputError(
                f"{self.root} holds an unfinished run: go on with it with --resume, or remove it"
            )
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            before = None
        if not isinstance(before, dict):
            # It ended before anything was done.
            shutil.rmtree(self.root, ignore_errors=True)
            self.root.mkdir(parents=True)
            write_json(path, written)
            return False
        other = sorted(k for k in {*before, *written} if before.get(k) != written.get(k))
        if other:
            told = "; ".join(f"{k}: {before.get(k)} then, {written.get(k)} now" for k in other)
            raise OutputError(
                f"{self.root} holds an unfinished run of something else ({told}): repeat it as it "
                "was, or remove the folder to start anew"
            )
        for partial in self.root.glob(".*"):
            shutil.rmtree(partial, ignore_errors=True)
        return True

    def end(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, kind: str, number: int) -> Path:
        """Return the folder of an item."""
        return self.root / kind / f"{number:05d}"
