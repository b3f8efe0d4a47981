"""What takes long, in Chromium: saving, batches, and files that are sent."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from browsing import analyse, needs_chromium, until
from caml.errors import OutputError

runs = pytest.importorskip("caml.app.addresses.runs", reason="needs the extra app")
pytestmark = needs_chromium

Serve = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def slow_save(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let saving wait for an event, as large images let it."""
    may_end, save = threading.Event(), runs.save

    def waiting(*given: Any) -> None:
        assert may_end.wait(60)
        save(*given)

    monkeypatch.setattr(runs, "save", waiting)
    return may_end


def test_saving_is_shown_and_goes_on_without_the_dialog_and_the_tab(
    asker: Any, open_page: Callable[..., Any], slow_save: threading.Event
) -> None:
    page = open_page(asker)
    analyse(page)
    page.click("#save")
    page.fill("#save-name", "slowly")
    page.click("dialog .primary")
    until(page, "document.querySelector('#save').ariaDisabled === 'true'")
    assert page.inner_text("dialog .primary") == "Saving …"
    assert page.locator("dialog .primary").is_disabled()
    assert "This can be closed" in page.inner_text("dialog form")
    # Without the dialog it still says so.
    page.click("dialog button >> text=Cancel")
    assert page.inner_text("#save") == "Saving …"
    assert page.get_attribute("#save", "aria-busy") == "true"
    # Another tab knows of it too.
    page.close()
    other = open_page(asker)
    until(other, "document.querySelector('#save')?.ariaDisabled === 'true'")
    slow_save.set()
    until(other, "document.querySelector('#save').ariaDisabled === 'false'")
    folder = Path(asker.state()["out"]) / "slowly"
    assert (folder / "run.json").exists()
    other.wait_for_selector(".message")
    assert f"Saved in {folder}" in other.inner_text(".message")
    assert f"Saved in {folder}" in other.inner_text(".found")
    assert other.inner_text("#save") == "Save …"


def test_why_something_was_not_saved_is_told_without_the_dialog(
    asker: Any, open_page: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()

    def full(*_given: Any) -> None:
        assert may_end.wait(60)
        raise OutputError("the disk is full")

    monkeypatch.setattr(runs, "save", full)
    page = open_page(asker)
    if not page.evaluate("Boolean(caml.panes[0].run)"):
        analyse(page)
    until(page, "Boolean(caml.panes[0].view.clusters)")
    page.click("#save")
    page.click("dialog .primary")
    until(page, "document.querySelector('#save').ariaDisabled === 'true'")
    page.keyboard.press("Escape")
    may_end.set()
    page.wait_for_selector(".message.is-bad")
    assert "the disk is full" in page.inner_text(".message.is-bad")
    until(page, "document.querySelector('.found').textContent.includes('Not saved: the disk')")
    assert page.get_attribute("#save", "aria-disabled") == "false"
    page.reload()
    until(page, "document.querySelector('.found')?.textContent.includes('Not saved: the disk')")


def test_a_batch_from_the_page(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    folder = tmp_path / "cells"
    folder.mkdir()
    for name in ("a.csv", "b.csv", "left out.csv"):
        (folder / name).write_bytes(cell.read_bytes())
    (folder / "bad.csv").write_text("across,down\n1,2\n")
    pixels = pd.read_csv(cell)[["x [nm]", "y [nm]"]] / 100
    pixels.set_axis(["x [px]", "y [px]"], axis=1).to_csv(folder / "pixels.csv", index=False)
    with serve(folder, out=tmp_path / "out") as asker:
        page = open_page(asker, is_open=False)
        until(page, "document.querySelector('#listed').open")
        page.select_option("#method", "dbscan")
        page.locator("#parameters-box").evaluate("box => { box.open = true; }")
        page.fill("#parameter-eps_nm", "30")
        page.fill("#parameter-min_samples", "5")
        page.click("#batch")
        assert "By dbscan, with the parameters on the left" in page.inner_text("dialog")
        page.get_by_label("left out.csv").uncheck()
        page.fill("#batch-size", "100")
        page.fill("#batch-name", "many")
        page.click("dialog .primary")
        until(page, "caml.state.batches[0]?.state === 'done'")
        assert "Batch by dbscan: 4 of 4 files done." in page.inner_text("#news")
        page.click("[data-batch] button.name")
        rows = [row.inner_text() for row in page.locator("dialog tbody tr").all()]
        assert [row.split("\t")[0] for row in rows] == ["a.csv", "b.csv", "bad.csv", "pixels.csv"]
        # What fails costs only itself, and is told in words of the page.
        assert "open it by itself, where they are asked for" in rows[2]
        assert "--columns" not in rows[2]
        assert rows[0].split("\t")[1:] == rows[1].split("\t")[1:]
        assert int(rows[3].split("\t")[2]) > 10
        summary = pd.read_csv(tmp_path / "out" / "many" / "summary.csv")
        assert len(summary) == 3
        page.keyboard.press("Escape")
        # The same name again is refused where it was asked for.
        page.click("#batch")
        page.fill("#batch-name", "many")
        page.click("dialog .primary")
        until(page, "document.querySelector('dialog .bad')?.textContent.includes('there already')")


DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name, { type: "text/csv" }));
  const at = { dataTransfer: data, bubbles: true, cancelable: true };
  const target = document.querySelector("canvas");
  const over = new DragEvent("dragover", at);
  target.dispatchEvent(new DragEvent("dragenter", at));
  target.dispatchEvent(over);
  const marked = document.querySelector("#drop").classList.contains("over");
  target.dispatchEvent(new DragEvent("drop", at));
  return [over.defaultPrevented, marked,
    document.querySelector("#drop").classList.contains("over")];
}"""


def test_files_are_dropped_into_the_page(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any]
) -> None:
    with serve(out=tmp_path / "out") as asker:
        page = open_page(asker, is_open=False)
        until(page, "document.querySelector('#method option') !== null")
        # A drop is taken anywhere in the window; without that the browser would leave the page.
        assert page.evaluate(DROP, ["dropped.csv", cell.read_text()]) == [True, True, False]
        until(page, "caml.panes[0].view.drawnCount > 0")
        assert "1,000 localizations" in page.inner_text("#images")
        assert "dropped.csv: 1,000 localizations." in page.inner_text("#news")
        assert (tmp_path / "out" / "uploads" / "dropped.csv").read_bytes() == cell.read_bytes()


@pytest.mark.parametrize("how", ["away", "refused"])
def test_an_upload_that_fails_is_told_and_leaves_nothing(
    serve: Serve, tmp_path: Path, cell: Path, open_page: Callable[..., Any], how: str
) -> None:
    with serve(out=tmp_path / "out") as asker:
        page = open_page(asker, is_open=False)
        until(page, "document.querySelector('#method option') !== null")

        def fail(route: Any) -> None:
            if how == "away":
                route.abort()
            else:
                route.fulfill(status=507, content_type="application/json",
                              body='{"error": "the disk is full"}')  # fmt: skip

        page.route("**/upload/**", fail)
        page.set_input_files("#choose", str(cell))
        page.wait_for_selector(".message.is-bad")
        words = {"away": "cell.csv could not be sent", "refused": "the disk is full"}[how]
        assert words in page.inner_text(".message.is-bad")
        assert page.locator("#uploads .card").count() == 0
        assert asker.state()["images"] == []
        # Afterwards it can be sent.
        page.unroute("**/upload/**")
        page.set_input_files("#choose", str(cell))
        until(page, "caml.panes[0].view.drawnCount > 0")
