"""The folder that a tiled analysis works in: items of arrays, each whole or not there."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from caml.errors import OutputError
from caml.io import explain_failures, remove_leftovers, remove_whole, write_json

__all__ = ["Store"]

MANIFEST = "manifest.json"
# Arrays of fewer bytes are read at once: every larger one that is looked at takes a file handle.
MAPPED_FROM = 1 << 16


@dataclass(frozen=True, slots=True)
class Store:
    """Numbered items of several kinds, each a folder of arrays.

    An item is written beside its place and then moved there, so that whatever is in its place is
    whole; a step whose item is there need not be done again.

    Parameters
    ----------
    root : Path
        The folder. Every process that works on the analysis sees it under this name.
    run : str
        Whose items: those of another run, which may still be at work, are elsewhere.
    """

    root: Path
    run: str

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
        partial = self.root / self.run / f".{uuid.uuid4().hex[:12]}"
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
                _write(folder / f"{name}.npy", array)

    def load(self, kind: str, number: int, name: str) -> npt.NDArray[Any]:
        """Read an array of an item; a large one from the disk as it is looked at."""
        path = self.path(kind, number) / f"{name}.npy"
        mode: Literal["r"] | None = "r" if path.stat().st_size >= MAPPED_FROM else None
        array: npt.NDArray[Any] = np.load(path, mmap_mode=mode, allow_pickle=False)
        return array

    def holds(self, kind: str, number: int, name: str) -> bool:
        """Tell whether an item has an array of this name."""
        return (self.path(kind, number) / f"{name}.npy").is_file()

    @classmethod
    def begin(cls, root: Path, manifest: Mapping[str, Any], *, resume: bool) -> Store:
        """Make the folder, or go on in it.

        Parameters
        ----------
        root : Path
            The folder.
        manifest : mapping
            What decides the content of every item; of what JSON holds.
        resume : bool
            Whether to go on with what an earlier run left.

        Returns
        -------
        Store
            With the items of an earlier run to go on with, or none.

        Raises
        ------
        OutputError
            If there is an earlier run and it is not to be resumed, it was another one, or the
            folder cannot be written.
        """
        written = json.loads(json.dumps(manifest))
        remove_leftovers(root)
        before = _manifest(root)
        if before is None:
            # There is none, or it ended before anything was done.
            remove_whole(root)
            store = cls(root, uuid.uuid4().hex[:12])
            with explain_failures(root):
                (root / store.run).mkdir(parents=True)
            write_json(root / MANIFEST, {"run": store.run, "of": written})
            return store
        if not resume:
            raise OutputError(
                f"{root} holds an unfinished run: go on with it with --resume, or remove it"
            )
        of = before["of"]
        other = sorted(k for k in {*of, *written} if of.get(k) != written.get(k))
        if other:
            told = "; ".join(f"{k}: {of.get(k)} then, {written.get(k)} now" for k in other)
            raise OutputError(
                f"{root} holds an unfinished run of something else ({told}): repeat it as it was, "
                "or remove the folder to start anew"
            )
        store = cls(root, before["run"])
        for partial in (root / store.run).glob(".*"):
            # Whoever still writes there must not take what is left of it for an item.
            remove_whole(partial)
        return store

    def end(self) -> None:
        """Remove the folder."""
        remove_whole(self.root)

    def path(self, kind: str, number: int) -> Path:
        """Return the folder of an item."""
        return self.root / self.run / kind / f"{number:05d}"


def _manifest(root: Path) -> dict[str, Any] | None:
    """Read whose the items are; None if there are none."""
    try:
        found = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(found, dict) and isinstance(found.get("of"), dict) and "run" in found
    return found if whole and (root / str(found["run"])).is_dir() else None


def _write(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array as `numpy.save` does, which does not tell why it cannot be written."""
    array = np.asarray(array, order="C")
    with path.open("wb") as file:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.reshape(-1).view(np.uint8).data)
