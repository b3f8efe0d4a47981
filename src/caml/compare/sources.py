"""Which results belong to which condition: by folder, by sample sheet, or by name."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from caml._words import counted
from caml.compare.cells import Cell
from caml.compare.folders import Run, is_run, read_image, read_run, tell_differences
from caml.errors import DataWarning, InputError, MissingFileError, TableError

__all__ = ["read_cells"]

GROUPS = ("condition", "replicate", "cell")
COLUMNS = ("folder", *GROUPS)


@dataclass(frozen=True, slots=True)
class _Image:
    """The results of an image, and what they are of; `cell` is empty where nobody said."""

    run: Path
    name: str
    condition: str
    replicate: str = ""
    cell: str = ""

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.run / self.name


def read_cells(
    folders: Mapping[str, str | Path] | Iterable[str | Path] = (),
    *,
    samples: str | Path | None = None,
    pattern: str | None = None,
) -> tuple[Cell, ...]:
    r"""Read the cells of conditions from folders that ``caml analyse`` wrote.

    Parameters
    ----------
    folders : mapping of str to path, or iterable of path
        The folder of each condition's results; without a mapping a condition is called as its
        folder. With `samples` or `pattern` the folders in which the images' are.
    samples : str or Path, optional
        A sample sheet: a csv with the columns folder and condition, and replicate and cell where
        they are known, a row per image. Folders are relative to the sheet; or, where `folders` are
        given, the names of images in these. A folder of a whole run stands for all its images.
    pattern : str, optional
        A regular expression with groups called condition, replicate or cell, that the names of
        images are searched for. Without a group for the condition, it is that of the folder.

    Returns
    -------
    tuple of Cell
        In the order of conditions. An image is a cell, and its regions are parts of it, unless
        `samples` or `pattern` say that several images are of one cell. Images that neither
        mentions are left out, with a warning; so is what differs in how results were made.

    Raises
    ------
    InputError
        If no images are left, a condition or a folder is given twice, the pattern cannot be used,
        or a folder holds no results or those of a run that was interrupted.
    MissingFileError
        If a folder or the sheet is not there.
    TableError
        If the sheet or a table of results is damaged.

    Examples
    --------
    Conditions, each analysed by itself::

        read_cells({"control": "results/ctrl", "treated": "results/drug"})

    Conditions and days in the names of files, such as ``ctrl_day1_cell3``::

        pattern = r"(?P<condition>[a-z]+)_day(?P<replicate>\d+)"
        read_cells(["results"], pattern=pattern)
    """
    if samples is not None and pattern is not None:
        raise InputError("a sample sheet and a pattern were given: leave out one of them")
    named = isinstance(folders, Mapping)
    pairs = [
        (str(name), Path(path))
        for name, path in (
            folders.items()
            if isinstance(folders, Mapping)
            else ((Path(path).absolute().name, path) for path in folders)
        )
    ]
    _check_folders(pairs, by_folder=samples is None and _is_without_condition(pattern))
    if samples is None and not pairs:
        raise InputError("no folders of results were given: give one for each condition")
    runs = {path: read_run(path) for _, path in pairs}
    if samples is not None:
        if named:
            raise InputError("the sample sheet says which condition it is: give folders only")
        images = _by_sheet(Path(samples), runs)
    elif pattern is not None:
        if named and not _is_without_condition(pattern):
            raise InputError(
                "the pattern says which condition it is: give folders without a name, or a pattern "
                "without a group called condition"
            )
        images = _by_pattern(pattern, pairs, runs)
    else:
        images = [_Image(path, one, name) for name, path in pairs for one in runs[path].images]
    tell_differences([runs[path] for path in dict.fromkeys(one.run for one in images)])
    return tuple(_cells(images, runs))


def _check_folders(pairs: Sequence[tuple[str, Path]], *, by_folder: bool) -> None:
    """Refuse what is given twice."""
    places = [path.resolve() for _, path in pairs]
    for place, (_, path) in zip(places, pairs, strict=True):
        if places.count(place) > 1:
            raise InputError(f"{path} is given twice: give each folder of results once")
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if by_folder and twice is not None:
        raise InputError(
            f"the condition {twice!r} is there twice: give one of them another name (NAME=DIR), or "
            "put several folders to a condition by a sample sheet"
        )


def _is_without_condition(pattern: str | None) -> bool:
    return pattern is None or "condition" not in _compiled(pattern).groupindex


def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern with the groups that it may have."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f"{pattern!r} is no regular expression: {error}") from error
    strange = sorted(set(compiled.groupindex) - set(GROUPS))
    if strange or not compiled.groupindex:
        raise InputError(
            f"the pattern's groups are called {', '.join(GROUPS)}, as in (?P<condition>…); got "
            f"{', '.join(strange) or 'none with a name'}"
        )
    return compiled


def _by_pattern(
    pattern: str, pairs: Sequence[tuple[str, Path]], runs: Mapping[Path, Run]
) -> list[_Image]:
    """Find out from its name what each image is of."""
    compiled = _compiled(pattern)
    images, others = [], []
    for name, path in pairs:
        for one in runs[path].images:
            match = compiled.search(one)
            parts = match.groupdict() if match else {}
            if not parts or not all(parts.values()):
                others.append(one)
                continue
            images.append(_Image(path, one, **{"condition": name} | parts))
    if not images:
        raise InputError(f"the pattern {pattern!r} fits no image; they are called {_some(others)}")
    _tell_left_out(others, "which the pattern does not fit")
    return images


def _by_sheet(sheet: Path, runs: dict[Path, Run]) -> list[_Image]:
    """Read a sample sheet; the runs that only it names are added to those that are known."""
    given = tuple(runs)
    images, faults = [], []
    for line, row in _sheet_rows(sheet):
        try:
            found = _within(row["folder"], given) if given else [sheet.parent / row["folder"]]
        except InputError as error:
            faults.append(f"line {line}: {error}")
            continue
        for folder in found:
            parts = {name: row[name] for name in GROUPS}
            if folder.is_dir() and is_run(folder):
                run = _known_run(folder, runs)
                images += [_Image(folder, one, **parts) for one in run.images]
            elif folder.is_dir() and is_run(folder.parent):
                run = _known_run(folder.parent, runs)
                if folder.name in run.images:
                    images.append(_Image(folder.parent, folder.name, **parts))
                else:
                    faults.append(f"line {line}: {folder} is no image of the run in {run.path}")
            else:
                what = "holds no results of caml analyse" if folder.is_dir() else "is not there"
                faults.append(f"line {line}: {folder} {what}")
    if faults:
        raise TableError("; ".join(faults[:5]), path=sheet)
    places = pd.Series([str(one.path.resolve()) for one in images], dtype=object)
    if places.duplicated().any():
        twice = images[int(places.duplicated().to_numpy().argmax())]
        raise TableError(f"the image {twice.path} is there twice", path=sheet)
    known = set(places)
    others = [
        one
        for run in runs.values()
        for one in run.images
        if str((run.path / one).resolve()) not in known
    ]
    _tell_left_out(others, f"which {sheet} does not name")
    return images


def _known_run(path: Path, runs: dict[Path, Run]) -> Run:
    """Read a run, if it was not read before."""
    if path not in runs:
        runs[path] = read_run(path)
    return runs[path]


def _within(folder: str, given: Sequence[Path]) -> list[Path]:
    """Find the image of a name in the folders that were given, or one of these itself."""
    places = [path / folder for path in given] + [path.parent / folder for path in given]
    found = list(dict.fromkeys(path.resolve() for path in places if path.is_dir()))
    known = {path.resolve(): path for path in given}
    if len(found) != 1:
        what = "is in none of the folders" if not found else "is in several of the folders"
        more = "" if not found else ": write the run before it, as in run/image"
        raise InputError(f"{folder} {what}{more}")
    place = found[0]
    if place in known:
        return [known[place]]
    return [known.get(place.parent, place.parent) / place.name]


def _sheet_rows(sheet: Path) -> list[tuple[int, dict[str, str]]]:
    """Read the rows of a sample sheet, each with the number of its line."""
    try:
        text = sheet.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise MissingFileError(f"{sheet}: there is no such sample sheet") from error
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"it cannot be read as a sample sheet ({error})", path=sheet) from error
    header = text.split("\n", 1)[0]
    # Spreadsheets write what the country they think they are in writes.
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(text.splitlines(), delimiter=delimiter, skipinitialspace=True)
    names = [(name or "").strip() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    missing = [name for name in ("folder", "condition") if name not in names]
    if missing:
        raise TableError(
            f"a sample sheet needs the columns folder and condition (and may have replicate and "
            f"cell); it has {', '.join(filter(None, names)) or 'none'}",
            path=sheet,
        )
    rows = []
    for row in reader:
        values = {name: (row.get(name) or "").strip() for name in COLUMNS}
        if not any(values.values()):
            continue
        empty = [name for name in ("folder", "condition") if not values[name]]
        if empty:
            raise TableError(
                f"there is no {' and no '.join(empty)}", path=sheet, line=reader.line_num
            )
        rows.append((reader.line_num, values))
    if not rows:
        raise TableError("the sample sheet has no rows", path=sheet)
    return rows


def _tell_left_out(others: Sequence[str], why: str) -> None:
    if others:
        warnings.warn(
            DataWarning(f"{counted(len(others), 'image')} left out, {why}: {_some(others)}"),
            stacklevel=4,
        )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _cells(images: Sequence[_Image], runs: Mapping[Path, Run]) -> list[Cell]:
    """Read the images, those of one cell together."""
    by_cell: dict[tuple[str, str, str], list[_Image]] = {}
    for one, name in zip(images, _names(images), strict=True):
        by_cell.setdefault((one.condition, one.replicate, name), []).append(one)
    cells = []
    for (condition, replicate, name), parts in by_cell.items():
        tables = [read_image(runs[one.run], one.name) for one in parts]
        clusters = pd.concat([one for one, _ in tables], ignore_index=True)
        summary = pd.concat([one for _, one in tables], ignore_index=True)
        folders = tuple(one.path for one in parts)
        cells.append(Cell(condition, name, clusters, summary, replicate, folders))
    order = list(dict.fromkeys(one.condition for one in cells))
    return sorted(cells, key=lambda one: order.index(one.condition))


def _names(images: Sequence[_Image]) -> list[str]:
    """Name the cell of each image: images that nobody said are of one cell are not."""
    short = [one.cell or one.name for one in images]
    longer = [one.cell or f"{one.run.name}/{one.name}" for one in images]
    whole = [one.cell or str(one.path) for one in images]
    names = short
    for others in (longer, whole):
        keys = [
            (one.condition, one.replicate, name) for one, name in zip(images, names, strict=True)
        ]
        shared = pd.Series(keys, dtype=object).duplicated(keep=False)
        names = [
            other if again else name
            for name, other, again in zip(names, others, shared, strict=True)
        ]
    return names
