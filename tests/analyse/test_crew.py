"""Workers: processes here and Dask clusters that die, go away, or are not what they should be."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from caml.analyse import crew as crew_module
from caml.analyse.crew import Dask, crew
from caml.errors import WorkersError


def deadly(victim: int) -> Callable[[int], int]:
    """Make a function that ends its process at one job; workers cannot import one from here."""

    def job_done(job: int) -> int:
        if job == victim:
            os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
        return job

    return job_done


def test_a_step_that_kills_its_workers_is_told() -> None:
    with (
        crew(n_jobs=1 + 1) as hands,
        pytest.raises(WorkersError, match="workers ended again and again"),
    ):
        list(hands.each(deadly(1), [1]))


def test_a_job_that_kills_its_workers_costs_only_itself() -> None:
    with crew(n_jobs=2) as hands:
        found = list(hands.each(deadly(1), [0, 1, 2, 3], lambda job, _error: -job))
    assert sorted(found) == [-1, 0, 2, 3]


def test_nobody_waits_for_workers_that_do_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew_module, "PATIENCE_S", 1)
    with crew(n_jobs=2) as hands:
        assert isinstance(hands, Dask)
        hands.client.retire_workers(list(hands.client.scheduler_info()["workers"]))
        with pytest.raises(WorkersError, match=r"no worker is left.*--resume"):
            list(hands.each(abs, [-1, -2, -3]))


def test_a_folder_that_workers_do_not_see_is_told(tmp_path: Path) -> None:
    with crew(n_jobs=2) as hands, pytest.raises(WorkersError, match="does not see"):
        hands.check_folder(tmp_path / "elsewhere")


def test_a_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import Client

    gc.collect()
    monkeypatch.setattr(crew_module, "TIMEOUT_S", 0.5)
    for address in ("tcp://127.0.0.1:9", "no address at all"):
        with pytest.raises(WorkersError, match="no Dask scheduler answers at"), crew(address):
            pass
    # A client left for later is closed whenever it is collected, in the middle of starting another.
    assert not [one for one in gc.get_objects() if isinstance(one, Client)]


def test_workers_of_another_version_and_none_at_all_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from distributed import LocalCluster

    options: dict[str, Any] = {"dashboard_address": None, "threads_per_worker": 1}
    with LocalCluster(n_workers=1, **options) as cluster:
        with crew(cluster.scheduler_address) as hands:
            assert sorted(hands.each(abs, [-1, 2])) == [1, 2]
        monkeypatch.setattr(crew_module, "__version__", "9.9")
        with (
            pytest.raises(WorkersError, match=r"has caml .*, and this is caml 9\.9"),
            crew(cluster.scheduler_address),
        ):
            pass
    with (
        LocalCluster(n_workers=0, **options) as cluster,
        pytest.raises(WorkersError, match="has no workers"),
        crew(cluster.scheduler_address),
    ):
        pass


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(WorkersError, match=r"pip install 'caml-smlm\[dask\]'"), crew(n_jobs=2):
        pass


class Cluster:
    """A scheduler and a worker as users start them, in processes of their own."""

    def __init__(self, folder: Path) -> None:
        there = folder / "scheduler.json"
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(there)
        )
        while not there.exists() or not there.read_text():
            assert self.scheduler.poll() is None
            time.sleep(0.01)
        self.address: str = json.loads(there.read_text())["address"]
        self.worker = self._start("dask_worker", self.address, "--nthreads", "1", "--no-nanny")

    @staticmethod
    def _start(command: str, *arguments: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{command}", *arguments, "--no-dashboard"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    started = Cluster(tmp_path)
    yield started
    for process in (started.worker, started.scheduler):
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("victim", "message"),
    [("scheduler", "the Dask scheduler went away"), ("worker", "no worker is left")],
)
def test_a_cluster_that_goes_away_is_told(
    cluster: Cluster,
    victim: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from distributed import Client

    monkeypatch.setattr(crew_module, "PATIENCE_S", 2)
    with Client(cluster.address) as client:
        client.wait_for_workers(1, timeout=60)

    def work(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    def work_until_it_goes() -> None:
        with crew(cluster.address) as hands:
            for _ in hands.each(work, [0.01, 60, 60]):
                getattr(cluster, victim).kill()

    with pytest.raises(WorkersError, match=rf"{message}.*--resume"):
        work_until_it_goes()


def test_workers_that_come_later_are_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with crew(n_jobs=1 + 1) as hands:
        monkeypatch.setattr(crew_module, "__version__", "9.9")
        with pytest.raises(WorkersError, match=r"a worker has caml .*, and this is caml 9\.9"):
            list(hands.each(abs, [-1]))


def test_a_worker_without_the_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr(crew_module, "PACKAGE", "no-such-package-anywhere")
    with (
        LocalCluster(n_workers=1, dashboard_address=None) as cluster,
        pytest.raises(WorkersError, match="has no caml, and this is caml"),
        crew(cluster.scheduler_address),
    ):
        pass
