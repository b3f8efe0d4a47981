"""What a server holds: tables, images, what was drawn in them, and what was asked of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from caml._arrays import IntArray
from caml.analyse import Analysis
from caml.analyse.record import Settings
from caml.app.opening import Question
from caml.localizations import Localizations, Region
from caml.plot.pixels import Box

__all__ = ["DROPPED", "UPLOADS", "BatchRun", "Drawn", "File", "Image", "Results", "Run"]


# Where files come from that no folder holds; the page asks for it by this name.
DROPPED = "dropped"
# Their folder in that of results: no results are called so.
UPLOADS = "uploads"


@dataclass(frozen=True, slots=True)
class File:
    """A table that can be opened.

    Parameters
    ----------
    id : str
        What a page calls it; paths never come from one.
    path : Path
        Where it is.
    group : str
        The folder it was listed of, or what else it comes from.
    name : str, default ""
        What it is called, where that is not the name of the file.
    """

    id: str
    path: Path
    group: str
    name: str = ""

    @property
    def shown(self) -> str:
        """What a page calls it."""
        return self.name or self.path.name


@dataclass(frozen=True, slots=True)
class Results:
    """Results of an image that were saved, and can be opened again.

    Parameters
    ----------
    id : str
        What a page calls them; paths never come from one.
    path : Path
        The folder of the image.
    group : str
        The folder they were listed of.
    name : str
        What they are called.
    """

    id: str
    path: Path
    group: str
    name: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A region as it was drawn.

    Parameters
    ----------
    kind : {"rectangle", "polygon"}
        What it is.
    corners : tuple of (float, float)
        Two of a rectangle, all of a polygon; nm.
    region : Region
        What it is to an analysis.
    """

    kind: str
    corners: tuple[tuple[float, float], ...]
    region: Region


@dataclass(slots=True, eq=False)
class Image:
    """A table that is open, or becomes it.

    Parameters
    ----------
    id : str
        What a page calls it.
    file : File
        The table.
    state : {"reading", "asks", "open", "failed"}
        How far it is.
    message : str
        What went wrong.
    question : Question, optional
        What must be asked.
    warnings : tuple of str
        What should be known of it.
    localizations : Localizations, optional
        Once it is open.
    box : tuple of float
        x_min, y_min, x_max, y_max of all of it, nm.
    channel : ndarray of int of shape (n_localizations,)
        The channel of each localization, from 0; empty where there are none.
    channels : tuple of str
        What they are called.
    pixel_size_nm : float, optional
        What was answered.
    columns : dict of str to str, optional
        What was answered.
    stamp : tuple of int
        Of the file, when it was read.
    regions : tuple of Drawn
        What was drawn in it.
    """

    id: str
    file: File
    state: str = "reading"
    message: str = ""
    question: Question | None = None
    warnings: tuple[str, ...] = ()
    localizations: Localizations | None = None
    box: Box = (0.0, 0.0, 1.0, 1.0)
    channel: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    channels: tuple[str, ...] = ()
    pixel_size_nm: float | None = None
    columns: dict[str, str] | None = None
    stamp: tuple[int, int] = (0, 0)
    regions: tuple[Drawn, ...] = ()


@dataclass(slots=True, eq=False)
class Run:
    """An analysis of an image.

    Parameters
    ----------
    id : str
        What a page calls it.
    image : str
        The id of the image.
    settings : Settings
        What was asked for.
    name : str
        The network or method.
    state : {"waiting", "running", "done", "failed", "cancelled"}
        How far it is.
    stage : str
        What is being done.
    share : float
        How much of it is done.
    message : str
        What went wrong.
    warnings : tuple of str
        What should be known of it.
    analysis : Analysis, optional
        What was found.
    sha256 : str
        Of the table.
    saved : Path, optional
        The folder it was saved in.
    stamp : tuple of int
        Of the record in that folder, when it was saved or opened.
    image_name : str
        What the image is called in the folder it was saved in.
    table : Path, optional
        The table that was analysed, where it is not that of the image any more.
    saving : tuple of Path
        The folders it is being saved in.
    not_saved : str
        Why it could not be, when that was last tried.
    packed : bytes, optional
        Its clusters as a page is sent them.
    kinds : tuple, optional
        The colours of localizations as they were last drawn, and for what.
    counts : tuple of int, optional
        Localizations, and those in clusters, each counted once.
    """

    id: str
    image: str
    settings: Settings
    name: str
    state: str = "waiting"
    stage: str = ""
    share: float = 0.0
    message: str = ""
    warnings: tuple[str, ...] = ()
    analysis: Analysis | None = None
    sha256: str = ""
    saved: Path | None = None
    stamp: tuple[int, int] = (0, 0)
    image_name: str = ""
    table: Path | None = None
    saving: tuple[Path, ...] = ()
    not_saved: str = ""
    packed: bytes | None = None
    kinds: tuple[object, IntArray] | None = None
    counts: tuple[int | None, int | None] | None = None


@dataclass(slots=True, eq=False)
class BatchRun:
    """Many tables, written as they are analysed.

    Parameters
    ----------
    id : str
        What a page calls it.
    paths : tuple of Path
        The tables.
    out : Path
        The folder of results.
    settings : Settings
        What was asked for.
    name : str
        The network or method.
    state : {"waiting", "running", "done", "failed", "cancelled"}
        How far it is.
    stage : str
        What is being done.
    share : float
        How much of it is done.
    message : str
        What went wrong.
    rows : list of dict
        What became of each table that is done.
    """

    id: str
    paths: tuple[Path, ...]
    out: Path
    settings: Settings
    name: str
    state: str = "waiting"
    stage: str = ""
    share: float = 0.0
    message: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
