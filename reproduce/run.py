"""Every number and figure of the paper, beside ours and the authors' own weights.

    python reproduce/run.py             # hours on two cores; goes on where it was interrupted
    python reproduce/run.py --quick     # minutes: a few scenarios, to see that all of it works

Simulates cells that no network learnt from, measures, and writes docs/results.md with its pictures
in docs/results/ (--quick: into the folder of --out). What is measured is kept in --out, a line for
each cell, and not measured again.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from accuracy import Size, beyond, gaussian, grid, window
from chance import chance
from check_values import public_benchmark
from extensions import kinds, solid
from lines import lines
from pools import ceiling, pools
from recovery import recovery
from store import Store
from table import networks

DOCS = Path(__file__).resolve().parents[1] / "docs"

Study = Callable[[Store, Size, Path], str]

STUDIES: dict[str, tuple[str, str, Study]] = {
    "networks": (
        "The networks",
        (
            "Accuracy on the test part of the pool that each network learnt from: 50,000 to "
            "300,000 localizations that it never saw (a seventh of the pool). The paper's pools "
            "and its simulator are not public: the authors' weights, run by this package on our "
            "pool, are the comparison on the same data."
        ),
        networks,
    ),
    "pools": (
        "How the test pool is drawn",
        (
            "The paper takes up to 2,000 localizations of each label from each image. Nearly all "
            "images hold more of both, so in such a pool every image counts alike and both labels "
            "as often within it. Without that limit a pool is what images are: large ones weigh "
            "more, and what is rare in an image is rare in the pool. The same networks on 100,000 "
            "localizations of each, from cells that none has seen; accuracy."
        ),
        pools,
    ),
    "ceiling": (
        "What the layers of XPILJZ can reach",
        (
            "XPILJZ adds up a function of each neighbour's value, bent lines with 32 bends in "
            "common. Here each neighbour has a function of its own, with as many bends, fitted to "
            "the pool that XPILJZ learnt from: a convex problem (logistic regression on linear "
            "splines) with one optimum. It gains only on what it learnt by heart: log loss and "
            "accuracy on the test part get worse with more bends, and even the accuracy on what "
            "was learnt from hardly rises. The bends lie as those XPILJZ begins with; it moves its "
            "own, so that this is strong evidence and not a bound."
        ),
        ceiling,
    ),
    "grid": ("Fig. 3a, d, e, f: the evaluation grid", "", grid),
    "chance": (
        "Fig. 3g: where nothing is clustered",
        (
            "Cells of complete spatial randomness; means and standard deviations over cells. “As "
            "trained” half of all localizations are taken to be clustered; the default prior is "
            "told from the image (`--prior auto`)."
        ),
        chance,
    ),
    "public": (
        "Known values on public data",
        (
            "The benchmark of Nieves et al. 2023 (Nature Methods), images 1 to 5 of scenarios 2 to "
            "10, and of scenario 1, which has no clusters. No network learnt from it. “Known” was "
            "computed independently from the authors' weights and the four steps of the "
            "segmentation."
        ),
        public_benchmark,
    ),
    "gaussian": (
        "Supplementary Fig. 3: Gaussian clusters",
        "Standard deviation half the radius.",
        gaussian,
    ),
    "beyond": (
        "Supplementary Fig. 4: 150 and 200 localizations per cluster",
        (
            "More than networks of 100 neighbours look at, and more than any of the paper's "
            "networks learnt from."
        ),
        beyond,
    ),
    "window": (
        "Supplementary Figs 9 and 10: size of the input against size of the clusters",
        (
            "Networks of 50, 100 and 200 neighbours, each trained on clusters of up to as many "
            "localizations; 500/µm², 30 to 70 % clustered, radii of 30 to 80 nm."
        ),
        window,
    ),
    "lines": (
        "Supplementary Fig. 2: lines and rings on an uneven background",
        (
            "Lines 3 µm long and 30 nm wide, rings of 120 to 150 nm, and unclustered localizations "
            "in waves of density; share of each that is rightly labelled."
        ),
        lines,
    ),
    "solid": (
        "Three dimensions",
        (
            "Balls in cells 500 nm high, the numbers of Fig. 3 taken per µm³, by the network that "
            "the paper calls GAXJPR (its accuracy there, on other cells: 0.975)."
        ),
        solid,
    ),
    "kinds": (
        "Three labels",
        (
            "Round clusters and fibres in the same cells: which share of each kind is called "
            "what, over cells that the network has not seen."
        ),
        kinds,
    ),
    "recovery": (
        "Fig. 2g: found against simulated clusters",
        (
            "Medians over the clusters of a cell, found over true; mean and standard deviation "
            "over cells. True clusters are outlined in the same way."
        ),
        recovery,
    ),
}


def main() -> None:
    """Measure what is missing, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few scenarios, in minutes")
    parser.add_argument("--out", type=Path, default=None, help="folder of what is measured")
    parser.add_argument("--only", nargs="*", choices=STUDIES, help="measure these studies alone")
    parser.add_argument("--replicates", type=int, default=None, help="cells of each scenario")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    arguments = parser.parse_args()
    quick = arguments.quick
    out = arguments.out or Path("reproduce-quick" if quick else "reproduce-results")
    size = Size(
        replicates=arguments.replicates or (1 if quick else 10), n=300 if quick else 1_000,
        quick=quick,
    )  # fmt: skip
    store = Store(out, arguments.jobs)
    docs = out if quick else DOCS
    out.mkdir(parents=True, exist_ok=True)
    for name, (title, introduction, study) in STUDIES.items():
        if arguments.only and name not in arguments.only:
            continue
        written = study(store, size, docs / "results")
        part = "\n\n".join(text for text in (f"## {title}", introduction, written) if text)
        (out / f"{name}.md").write_text(part, encoding="utf-8")
    _assemble(out, docs / "results.md", quick=quick)
    print(f"wrote {docs / 'results.md'}")


def _assemble(out: Path, report: Path, *, quick: bool) -> None:
    """Put what the studies wrote into one page."""
    how = "python reproduce/run.py" + (" --quick" if quick else "")
    parts = [
        (
            "# Measured against the paper\n\n"
            f"Written by `{how}`; every number comes from the command. Times and memory are in "
            "[performance.md](performance.md).\n“Authors'” are the weights that Williamson et al. "
            "published, run by this package (`caml models import`).\n"
        )
    ]
    for name in STUDIES:
        path = out / f"{name}.md"
        if path.exists():
            parts.append(path.read_text("utf-8"))
    partial = report.with_suffix(".partial")
    partial.write_text("\n".join(parts), encoding="utf-8")
    shutil.move(partial, report)


if __name__ == "__main__":
    main()
