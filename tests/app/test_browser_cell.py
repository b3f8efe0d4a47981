"""The page in a real Chromium with a real cell of two colours, which lies beside the project."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from browsing import drag, needs_chromium, place, until

pytest.importorskip("starlette", reason="needs the extra app")

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "egfr_ereg_dstorm"
CELL = DATA / "C15_EGFR647_EREG568_FOV4.parquet"
pytestmark = [
    needs_chromium,
    pytest.mark.skipif(not CELL.is_file(), reason="the shared cell is not here"),
]


def test_load_region_analyse_hover_and_export(
    serve: Callable[..., AbstractContextManager[Any]],
    tmp_path: Path,
    open_page: Callable[..., Any],
) -> None:
    out = tmp_path / "out"
    with serve(CELL, out=out) as asker:
        page = open_page(asker)
        assert "61,888 localizations" in page.inner_text("#images")
        page.click("#draw-rectangle")
        drag(page, place(page, 20_000, 20_000), place(page, 50_000, 50_000))
        until(page, "caml.active.image.regions.length === 1")
        page.click("#run")
        until(page, "Boolean(caml.panes[0].view.clusters)")
        n = page.evaluate("caml.panes[0].view.clusters.n")
        assert page.inner_text(".found h2") == f"{n} clusters"
        # The largest, which a line of the table leads to, tells its measures.
        page.click("[data-sort=n_localizations]")
        page.click(".line >> nth=0")
        row = page.evaluate("caml.panes[0].view.chosen")
        box = page.locator("canvas").first.bounding_box()
        # Its outline may be hollow where its centre is.
        for away in range(0, 200, 5):
            page.mouse.move(box["x"] + box["width"] / 2 + away, box["y"] + box["height"] / 2)
            if page.evaluate("caml.panes[0].view.hovered") == row:
                break
        identifier = page.inner_text(".line span >> nth=0")
        largest = int(page.inner_text(".line span >> nth=1").replace(",", ""))
        assert page.inner_text("#tip b") == f"Cluster {identifier}"
        assert f"{largest:,}" in page.inner_text("#tip")
        page.click("#save")
        page.fill("#save-name", "cell")
        page.click("dialog .primary")
        until(page, "Boolean(caml.state.runs[0].saved)")
    clusters = pd.read_csv(out / "cell" / CELL.stem / "clusters.csv")
    assert len(clusters) == n > 300
    assert clusters["n_localizations"].max() == largest
    assert clusters.set_index("cluster").loc[int(identifier), "n_localizations"] == largest
    assert np.isfinite(clusters["area_nm2"]).all()
