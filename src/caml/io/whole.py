"""Files and folders that appear whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import uuid
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from caml._remedies import OVERWRITE
from caml.errors import CamlError, OutputError

__all__ = [
    "check_free_path",
    "check_replaceable",
    "explain_failures",
    "remove_leftovers",
    "remove_whole",
    "whole_file",
    "whole_folder",
]

# What file managers leave in every folder that somebody looks at; no work of the user's.
OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")
REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space, or write to another disk",
    errno.EDQUOT: "the disk quota is used up; free some space, or write to another disk",
    errno.EACCES: "there is no permission to write there; choose another folder",
    errno.EPERM: "there is no permission to write there; choose another folder",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another folder",
    errno.EEXIST: "a part of the path is a file, not a folder; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}


@contextmanager
def whole_folder(
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    names: Collection[str] | None = None,
) -> Iterator[Path]:
    """Write a folder of results that appears when it is complete.

    Parameters
    ----------
    path : str or path-like
        The folder to be.
    overwrite : bool, default False
        Whether a folder that is there already is replaced, as a whole.
    names : collection of str, optional
        The names that such folders are made of; a folder that holds any other has something of
        the user's in it, and is never replaced. By default whatever is there is replaced.

    Yields
    ------
    Path
        A hidden folder beside it, to write into. If the block raises, it is removed, and what was
        at `path` is as it was.

    Raises
    ------
    OutputError
        If there is something at `path` that is not to be replaced, or it cannot be written.

    Examples
    --------
    >>> from caml.io import write_json
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     with whole_folder(Path(home, "results")) as folder:
    ...         write_json(folder / "summary.json", {"n_clusters": 3})
    ...     sorted(path.name for path in Path(home, "results").iterdir())
    ['summary.json']
    """
    # A link is followed, so that the folder it names is replaced and not the link.
    path = Path(os.path.realpath(path))
    with explain_failures(path), _parents(path):
        check_free_path(path, kind="folder", overwrite=overwrite)
        if names is not None:
            check_replaceable(path, names)
        partial = _beside(path, "partial")
        try:
            partial.mkdir()
            yield partial
            _replace_folder(partial, path)
        except OutputError as error:
            # What could not be written into it is told by the name it would have had.
            shutil.rmtree(partial, ignore_errors=True)
            raise OutputError(str(error).replace(str(partial), str(path))) from error.__cause__
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def whole_file(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Write a file that appears when it is complete.

    Parameters
    ----------
    path : str or path-like
        The file to be.
    overwrite : bool, default False
        Whether a file that is there already is replaced.

    Yields
    ------
    Path
        A hidden path beside it, to write to. If the block raises, it is removed, and what was at
        `path` is as it was.

    Raises
    ------
    OutputError
        If there is something at `path`, or it cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     path = Path(home, "note.txt")
    ...     with whole_file(path) as partial:
    ...         _ = partial.write_text("done")
    ...     path.read_text()
    'done'
    """
    path = Path(os.path.realpath(path))
    with explain_failures(path), _parents(path):
        check_free_path(path, kind="file", overwrite=overwrite)
        partial = _beside(path, "partial")
        try:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.replace(path)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise


def check_free_path(path: Path, *, kind: Literal["file", "folder"], overwrite: bool) -> None:
    """Refuse what must not be replaced.

    Parameters
    ----------
    path : Path
        What is to be written.
    kind : {"file", "folder"}
        As what.
    overwrite : bool
        Whether one that is there already is replaced.

    Raises
    ------
    OutputError
        If there is one and it is not, or it is of the other kind.
    """
    if not path.exists():
        return
    if path.is_dir() != (kind == "folder"):
        raise OutputError(f"{path} is there already and is no {kind}; choose another name")
    if not overwrite:
        raise OutputError(f"{path} is there already; {OVERWRITE}")


def check_replaceable(path: Path, names: Collection[str]) -> None:
    """Refuse to replace a folder of results that holds something else.

    Parameters
    ----------
    path : Path
        The folder; there may be none.
    names : collection of str
        The names that such folders are made of.

    Raises
    ------
    OutputError
        If there is any other in it.
    """
    if not path.is_dir():
        return
    foreign = sorted({entry.name for entry in path.iterdir()} - {*names, *OF_THE_SYSTEM})
    if foreign:
        more = f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
        raise OutputError(
            f"{path} will not be replaced, because it holds what is not of such results: "
            f"{', '.join(map(repr, foreign[:5]))}{more}; move them, or choose another folder"
        )


def remove_leftovers(path: Path) -> None:
    """Remove what a process that was killed left as it wrote; put back what was there before.

    Parameters
    ----------
    path : Path
        The file or folder that was written.
    """
    path = Path(os.path.realpath(path))
    start = glob.escape(path.name[:20])
    if not path.exists():
        for old in path.parent.glob(_hidden(start, path, "*", "old")):
            old.rename(path)
            break
    for what in ("partial", "old"):
        for left in path.parent.glob(_hidden(start, path, "*", what)):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def remove_whole(path: Path) -> None:
    """Remove a folder so that it is there as a whole or not at all, whenever the process ends.

    Parameters
    ----------
    path : Path
        The folder; there may be none. What a process that is killed leaves of it goes with
        `remove_leftovers`.
    """
    path = Path(os.path.realpath(path))
    aside = _beside(path, "partial")
    with suppress(OSError):
        path.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _beside(path: Path, what: str) -> Path:
    """Make up a hidden name in the same folder, so that a rename stays on one disk."""
    return path.with_name(_hidden(path.name[:20], path, uuid.uuid4().hex[:8], what))


def _hidden(start: str, path: Path, unique: str, what: str) -> str:
    """Name something half done; names that only start alike are told apart."""
    whole = zlib.crc32(os.fsencode(path.name))
    return f".{start}.{whole:08x}-{unique}.{what}"


def _replace_folder(partial: Path, path: Path) -> None:
    """Put a folder in its place; the one that was there goes only when the new one is in."""
    if not path.exists():
        partial.rename(path)
        return
    old = _beside(path, "old")
    try:
        path.rename(old)
        partial.rename(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _parents(path: Path) -> Iterator[None]:
    """Make the folders above, and remove them again if the block raises."""
    missing = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        raise


@contextmanager
def explain_failures(path: Path) -> Iterator[None]:
    """Say what to do about what the operating system refuses.

    Parameters
    ----------
    path : Path
        What is written in the block.

    Yields
    ------
    None
        Until the block ends.

    Raises
    ------
    OutputError
        In place of the OSError that the block raises.
    """
    try:
        yield
    except CamlError:
        raise
    except OSError as error:
        why = REMEDIES.get(error.errno or 0, str(error))
        raise OutputError(f"{path} cannot be written: {why}") from error
