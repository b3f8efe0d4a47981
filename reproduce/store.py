"""Results that are kept as they come, so that an interrupted run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from contestants import Contestant
from tqdm import tqdm

from caml._machine import end_with_parent, use_threads

__all__ = ["Item", "Store"]


@dataclass(frozen=True)
class Item:
    """One thing to be measured.

    Parameters
    ----------
    key : str
        What it is called in the file of results; says all that the result depends on.
    arguments : tuple
        What the measuring function is called with.
    """

    key: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Store:
    """A folder with a file of results for each study, a line for each item.

    Parameters
    ----------
    folder : Path
        Where.
    n_jobs : int
        How many processes measure.
    """

    folder: Path
    n_jobs: int = 2

    def known(self, study: str) -> dict[str, Any]:
        """Return the results of a study that are there.

        Parameters
        ----------
        study : str
            Its name.

        Returns
        -------
        dict
            By key; a line that was cut off is left out.
        """
        path = self.folder / f"{study}.jsonl"
        found: dict[str, Any] = {}
        for line in path.read_text("utf-8").splitlines() if path.exists() else ():
            try:
                one = json.loads(line)
                found[one["key"]] = one["result"]
            except (ValueError, KeyError):
                continue
        return found

    def measure(
        self,
        study: str,
        items: Iterable[Item],
        function: Callable[..., Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Measure what is not known yet, over processes, and keep each result at once.

        Parameters
        ----------
        study : str
            The name of the study.
        items : iterable of Item
            What to measure, in this order.
        function : callable
            Takes an item's arguments and returns what JSON can hold.

        Returns
        -------
        dict
            The results of these items, by key.
        """
        wanted = list(items)
        known = self.known(study)
        missing = [item for item in wanted if item.key not in known]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{study}.jsonl").open("a", encoding="utf-8") as file:
            for item, result in tqdm(
                self._results(missing, function),
                desc=study,
                total=len(missing),
                disable=not missing,
            ):
                # A line of its own, even after one that was cut off.
                file.write("\n" + json.dumps({"key": item.key, "result": result}))
                file.flush()
                known[item.key] = dict(result)
        return {item.key: known[item.key] for item in wanted}

    def measure_networks(
        self,
        study: str,
        items: Iterable[Item],
        networks: Sequence[Contestant],
        function: Callable[..., Mapping[str, Any]],
    ) -> dict[str, dict[str, Any]]:
        """Measure things with several networks; one that comes later is measured alone.

        Parameters
        ----------
        study : str
            The name of the study.
        items : iterable of Item
            What to measure.
        networks : sequence of Contestant
            The networks.
        function : callable
            Takes an item's arguments and the networks that are missing, and returns a result for
            the name of each.

        Returns
        -------
        dict of str to dict
            By key, the results by the network's name; some may have none.
        """
        known = self.known(study)
        missing = []
        for item in items:
            lacking = tuple(one for one in networks if f"{item.key} | {one.key}" not in known)
            if lacking:
                keys = {one.name: f"{item.key} | {one.key}" for one in lacking}
                missing.append(Item(json.dumps(keys), (*item.arguments, lacking)))
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{study}.jsonl").open("a", encoding="utf-8") as file:
            shown = tqdm(
                self._results(missing, function),
                desc=study,
                total=len(missing),
                disable=not missing,
            )
            for item, results in shown:
                for name, key in json.loads(item.key).items():
                    known[key] = results.get(name)
                    file.write("\n" + json.dumps({"key": key, "result": known[key]}))
                file.flush()
        return {
            item.key: {
                one.name: result
                for one in networks
                if (result := known.get(f"{item.key} | {one.key}")) is not None
            }
            for item in items
        }

    def _results(
        self, items: Sequence[Item], function: Callable[..., Mapping[str, Any]]
    ) -> Iterable[tuple[Item, Mapping[str, Any]]]:
        if self.n_jobs == 1 or len(items) < 2:
            for item in items:
                yield item, function(*item.arguments)
            return
        futures = {self._processes.submit(function, *item.arguments): item for item in items}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            # Interrupted, it would else wait for all that was asked for, and keep none of it.
            for future in futures:
                future.cancel()

    @cached_property
    def _processes(self) -> ProcessPoolExecutor:
        """Start processes for all studies: each imports the authors' networks, which takes long."""
        return ProcessPoolExecutor(self.n_jobs, mp_context=get_context("spawn"), initializer=_start)


def _start() -> None:
    """Take one core, and end with the parent."""
    use_threads(1)
    end_with_parent()
