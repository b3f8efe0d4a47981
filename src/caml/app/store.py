"""What outlives a tab: images, regions, analyses and batches, as the server has them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeGuard

import shapely

from caml.analyse import Analysis
from caml.analyse.record import corners_of
from caml.app.answers import clean_text
from caml.app.exports import region_of
from caml.app.things import BatchRun, Drawn, File, Image, Results, Run
from caml.app.words import in_page
from caml.errors import InputError
from caml.localizations import Region

__all__ = ["MOST_REGIONS", "Store"]

# Of an image, and of one region: what a page can still move about.
MOST_REGIONS, MOST_CORNERS = 1_000, 20_000


class Store:
    """Everything that a server knows; all tabs see the same.

    Parameters
    ----------
    out : Path
        The folder that results are saved in.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.version = 0
        self.files: dict[str, File] = {}
        self.results: dict[str, Results] = {}
        self.images: dict[str, Image] = {}
        self.runs: dict[str, Run] = {}
        self.batches: dict[str, BatchRun] = {}
        # Files and folders that are being written: not there yet, and nobody else's to be.
        self._taken: set[Path] = set()
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change something, alone; pages are told.

        Yields
        ------
        None
            Nothing; it is the block that counts.
        """
        with self._lock:
            try:
                yield
            finally:
                self.version += 1

    @contextmanager
    def taking(self, paths: Iterator[Path]) -> Iterator[Path]:
        """Keep a name for what is to be written in a block, however many write at once.

        Parameters
        ----------
        paths : iterator of Path
            Names, the first of which that is free is taken.

        Yields
        ------
        Path
            The name.

        Raises
        ------
        InputError
            If none of them is free.
        """
        path = None
        with self._lock:
            for path in paths:
                if self.is_free(path):
                    self._taken.add(path)
                    break
            else:
                name = "" if path is None else path.name
                raise InputError(f"{name} is there already: choose another name")
        try:
            yield path
        finally:
            with self._lock:
                self._taken.discard(path)

    def is_free(self, path: Path) -> bool:
        """Tell whether nothing is there or is about to be.

        Parameters
        ----------
        path : Path
            Of a file or folder.

        Returns
        -------
        bool
            True if so.
        """
        with self._lock:
            batches = self.batches.values()
            coming = {one.out for one in batches if one.state in ("waiting", "running")}
            return path not in self._taken and path not in coming and not path.exists()

    def new_id(self, letter: str) -> str:
        """Make up an id.

        Parameters
        ----------
        letter : str
            Of what.

        Returns
        -------
        str
            The letter and a number.
        """
        return f"{letter}{next(self._numbers)}"

    def add_file(self, path: Path, group: str) -> File:
        """List a table, once.

        Parameters
        ----------
        path : Path
            Where it is.
        group : str
            What it comes from.

        Returns
        -------
        File
            It.
        """
        with self.changing():
            for one in self.files.values():
                if one.path == path:
                    return one
            file = File(self.new_id("f"), path, group)
            self.files[file.id] = file
            return file

    def add_results(self, path: Path, group: str, name: str) -> Results:
        """List results of an image, once.

        Parameters
        ----------
        path : Path
            The folder of the image.
        group : str
            What they come from.
        name : str
            What they are called.

        Returns
        -------
        Results
            They.
        """
        with self.changing():
            for one in self.results.values():
                if one.path.resolve() == path.resolve():
                    return one
            results = Results(self.new_id("s"), path, group, name)
            self.results[results.id] = results
            return results

    def set_regions(self, image: Image, drawn: list[dict[str, Any]]) -> None:
        """Take the regions of an image as a page has them.

        Parameters
        ----------
        image : Image
            Whose they are.
        drawn : list of dict
            Each ``kind``, ``corners`` and, of polygons, ``name``.

        Raises
        ------
        InputError
            If one is no region; all stay as they were.
        """
        regions: list[Drawn] = []
        # Pages call every rectangle something; only names that were there before say more.
        rectangles = [one.region for one in image.regions if one.kind == "rectangle"]
        known = {one.name for one in rectangles if not corners_of(one)}
        for one in drawn:
            kind, corners = one.get("kind"), one.get("corners")
            if kind not in ("rectangle", "polygon") or not _are_corners(corners):
                raise InputError("a region is a rectangle or a polygon with corners in nm")
            places = tuple((float(x), float(y)) for x, y in corners)
            if kind == "rectangle" and len(places) != 2:
                raise InputError("a rectangle is given by two corners")
            name = _name_of(" ".join(str(one.get("name") or "").split())[:60])
            region = region_of(kind, places, name or "polygon")
            regions.append(
                Drawn(kind, places, replace(region, name=name) if name in known else region)
            )
        with self.changing():
            image.regions = tuple(regions)

    def add_regions(self, image: Image, regions: Sequence[Region]) -> tuple[str, ...]:
        """Add regions that were read from a file.

        Parameters
        ----------
        image : Image
            Whose they become.
        regions : sequence of Region
            Any; parts of one become one each, and holes are filled: a page draws plain polygons.

        Returns
        -------
        tuple of str
            What they are not as they were in the file.

        Raises
        ------
        InputError
            If they are too many, too far off, or have too many corners; none is added.
        """
        added: list[Drawn] = []
        for one in regions:
            for part in shapely.get_parts(one.polygon):
                corners = tuple((float(x), float(y)) for x, y in part.exterior.coords[:-1])
                if not _are_corners([list(corner) for corner in corners]):
                    raise InputError(
                        f"region {one.name!r} cannot be shown: expected at most "
                        f"{MOST_CORNERS:,} corners, each nearer than a kilometre"
                    )
                region = region_of("polygon", corners, _name_of(one.name))
                added.append(Drawn("polygon", corners, region))
        with self.changing():
            if len(image.regions) + len(added) > MOST_REGIONS:
                raise InputError(f"an image can have {MOST_REGIONS:,} regions here, not more")
            image.regions = (*image.regions, *added)
        return _changes(regions)

    def show_regions(self, image: Image, regions: Sequence[Region]) -> None:
        """Draw the regions of an analysis in its image, where nothing is drawn.

        Parameters
        ----------
        image : Image
            Whose they become.
        regions : sequence of Region
            Rectangles stay rectangles, and keep names that are not their corners; see
            `add_regions` for others.

        Raises
        ------
        InputError
            If one cannot be shown.
        """
        with self.changing():
            if image.regions or not regions:
                return
            for region in regions:
                x_min, y_min, x_max, y_max = region.polygon.bounds
                if not region.polygon.equals(shapely.box(x_min, y_min, x_max, y_max)):
                    self.add_regions(image, [region])
                    continue
                corners = ((x_min, y_min), (x_max, y_max))
                drawn = region_of("rectangle", corners, "")
                if not corners_of(region):
                    drawn = replace(drawn, name=_name_of(region.name))
                image.regions = (*image.regions, Drawn("rectangle", corners, drawn))

    def as_json(self) -> dict[str, Any]:
        """Tell all of it to a page, but for pixels and clusters.

        Returns
        -------
        dict
            Of what JSON holds.
        """
        with self._lock:
            return {
                "version": self.version,
                "out": str(self.out),
                "files": [
                    {"id": one.id, "name": one.path.name, "group": one.group}
                    for one in self.files.values()
                ],
                "results": [
                    {"id": one.id, "name": one.name, "group": one.group}
                    for one in self.results.values()
                ],
                "images": [_image(one) for one in self.images.values()],
                "runs": [_run(one) for one in self.runs.values()],
                "batches": [_batch(one) for one in self.batches.values()],
            }


def _changes(regions: Sequence[Region]) -> tuple[str, ...]:
    """Tell what of regions a page cannot have as it is."""
    parts = {one.name: shapely.get_parts(one.polygon) for one in regions}
    holes = [name for name, own in parts.items() if shapely.get_num_interior_rings(own).any()]
    many = [f"{name} has {len(own)} parts" for name, own in parts.items() if len(own) > 1]
    commas = [name for name in parts if "," in name]
    notes = []
    if holes:
        notes.append(f"a region has no holes here: those of {_some(holes)} were filled")
    if many:
        notes.append(f"a region has one part here: {_some(many)}, which are regions of their own")
    if commas:
        notes.append(f"a name has no commas here: {_some(commas)} has semicolons instead")
    return tuple(notes)


def _some(names: Sequence[str]) -> str:
    """List names, the first three."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _are_corners(given: Any) -> TypeGuard[list[list[float]]]:
    """Tell whether something from outside is a list of finite positions."""
    return (
        isinstance(given, list)
        and 2 <= len(given) <= MOST_CORNERS
        and all(
            isinstance(one, list)
            and len(one) == 2
            and all(
                isinstance(part, int | float) and not isinstance(part, bool) and abs(part) < 1e12
                for part in one
            )
            for one in given
        )
    )


def _name_of(given: str) -> str:
    """Make a name one that tables, files and answers can hold."""
    return clean_text(given).replace(",", ";")


def _counts(run: Run, analysis: Analysis) -> tuple[int | None, int | None]:
    """Count localizations, and those in clusters; None where results were edited into no counts."""
    if run.counts is None:
        try:
            found = analysis.totals
            run.counts = (found.n_localizations, found.n_clustered)
        except (KeyError, TypeError, ValueError, OverflowError):
            run.counts = (None, None)
    return run.counts


def _image(image: Image) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": image.id,
        "file": image.file.id,
        "name": image.file.shown,
        "state": image.state,
        "message": in_page(image.message),
        "warnings": [in_page(text) for text in image.warnings],
        "regions": [
            {
                "kind": one.kind,
                "corners": [list(corner) for corner in one.corners],
                "name": one.region.name,
                "area_um2": one.region.area_um2,
            }
            for one in image.regions
        ],
    }
    if image.question is not None:
        told["question"] = {
            "about": image.question.about,
            "columns": list(image.question.columns),
        }
    if image.localizations is not None:
        told |= {
            "n_localizations": len(image.localizations),
            "n_dimensions": image.localizations.n_dimensions,
            "box": list(image.box),
            "channels": list(image.channels),
        }
    return told


def _run(run: Run) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": run.id,
        "image": run.image,
        "name": run.name,
        "state": run.state,
        "stage": run.stage,
        "share": run.share,
        "message": in_page(run.message),
        "warnings": [in_page(text) for text in run.warnings],
        "n_regions": len(run.settings.regions),
        "saved": None if run.saved is None else str(run.saved),
        "saving": [str(one) for one in run.saving],
        "not_saved": in_page(run.not_saved),
    }
    if run.analysis is not None:
        clusters = run.analysis.description.clusters
        n_localizations, n_clustered = _counts(run, run.analysis)
        told |= {
            "n_clusters": len(clusters),
            "n_localizations": n_localizations,
            "n_clustered": n_clustered,
            "has_scores": run.analysis.card is not None,
            "labels": list(run.analysis.labels),
            "found_by": run.analysis.found_by,
            "seconds": round(sum(run.analysis.seconds.values()), 2),
        }
    return told


def _batch(batch: BatchRun) -> dict[str, Any]:
    return {
        "id": batch.id,
        "name": batch.name,
        "n_files": len(batch.paths),
        "out": str(batch.out),
        "state": batch.state,
        "stage": batch.stage,
        "share": batch.share,
        "message": in_page(batch.message),
        "rows": [row | {"error": in_page(row["error"])} for row in batch.rows],
    }
