"""What is the same for every file that is read, whatever it holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from caml.errors import CamlError, InputError, MissingFileError

__all__ = ["check_exists", "check_pixel_size", "explained"]


def check_pixel_size(pixel_size_nm: float | None) -> None:
    """Refuse a pixel size that is none.

    Parameters
    ----------
    pixel_size_nm : float or None
        What the user gave, nm.

    Raises
    ------
    InputError
        If it is given and not a positive number.
    """
    if pixel_size_nm is not None and not (math.isfinite(pixel_size_nm) and pixel_size_nm > 0):
        raise InputError(f"a pixel size is a positive number of nm; got {pixel_size_nm}")


def check_exists(path: Path, *, instead: str) -> None:
    """Refuse a path at which there is no file to open.

    Parameters
    ----------
    path : Path
        Where the file should be.
    instead : str
        What to give instead of a folder.

    Raises
    ------
    MissingFileError
        If there is a folder, or nothing.
    """
    if path.is_dir():
        raise MissingFileError(f"{path} is a folder; {instead}")
    if not path.exists():
        raise MissingFileError(f"{path}: there is no such file; check its name and folder")


@contextmanager
def explained(fault: Callable[[str], CamlError]) -> Iterator[None]:
    """Make an error of the file whatever a library raises about it.

    Parameters
    ----------
    fault : callable
        Makes the error of what is wrong; it adds the name of the file.

    Yields
    ------
    None
        Nothing; the block reads the file.

    Raises
    ------
    CamlError
        What `fault` makes, or the block raised itself.
    """
    try:
        yield
    except (CamlError, MemoryError, Warning):
        raise
    except PermissionError as error:
        raise fault("there is no permission to read the file") from error
    except Exception as error:
        raise fault(f"cannot be read: {type(error).__name__}: {error}") from error
