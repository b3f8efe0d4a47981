"""The measured means as a page of tables and two pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from images import PAIRS
from matplotlib import pyplot as plt
from settings import NETWORKS

from caml.methods import METHODS

__all__ = ["write"]

SCORES = {
    "ari": "Adjusted Rand index",
    "ari_clustered": "Adjusted Rand index over truly clustered localizations",
    "ami": "Adjusted mutual information",
    "iou": "IoU of the unions of convex hulls",
    "jaccard": "JIc: matched over all clusters",
    "rmsre_n_localizations": "RMSRE of localizations per matched cluster (lower is better)",
    "centroid_rmse_nm": "RMSE of centroids of matched clusters, nm (lower is better)",
    "accuracy": "Accuracy: clustered or not",
    "balanced_accuracy": "Balanced accuracy: clustered or not",
    "seconds": "Seconds of one core an image",
}
GROUPS = {
    "molecules": [f"molecules_{n:02d}" for n in range(2, 11)],
    "blinking": [f"blinking_{n:02d}" for n in range(2, 11)],
    "Fig. 3": [f"{density} {n}" for density, n in PAIRS],
}
COLOURS = {"default": "#0072b2", "suggested": "#e69f00", "best": "#999999"}


def write(known: Mapping[str, pd.DataFrame], folder: Path) -> Path:
    """Write the page and its pictures.

    Parameters
    ----------
    known : mapping of str to DataFrame
        ``accuracy``, ``timing`` and ``memory``, where they are measured.
    folder : Path
        Where.

    Returns
    -------
    Path
        The page.
    """
    introduction = (
        "# Every method on images of known truth\n\n"
        "Written by `python benchmarks/methods/run.py`; every number comes from that command. "
        "[methods.md](methods.md) says what each method is for, and when it fails.\n\n"
        "Images: the public benchmark of Nieves et al. 2023, fields of 2 × 2 µm: “molecules” each "
        "seen once, “blinking” repeatedly (scenarios 2 to 10; scenario 1 has no clusters); and the "
        "four densities of Fig. 3 of Williamson et al. 2020, clusters of 50 nm radius, half of all "
        "clustered, crops of 6 × 6 µm. Ten images of each scenario are scored.\n\n"
        "Settings: “default” is what the function does when nothing is said; “suggested” uses its "
        "helper (`suggest_eps`, `suggest_radius`), which sees no truth; “best” is, in each "
        "scenario, the setting of highest mean ARI of a grid (`benchmarks/methods/settings.py`) on "
        "two other images of that scenario (before outlines), which nobody has outside a "
        "simulation. Networks are run as they come. OPTICS, the Bayesian method and dominant sets, "
        "which are slow, see two images as they come of all but “molecules”. Errors of matched "
        "clusters are means over images in which any match; seconds are medians. Clusters are "
        "those that `caml analyse` writes: outlines take apart what a method joined and nothing "
        "connects.\n"
    )
    parts = [introduction]
    pictures = folder / "methods"
    pictures.mkdir(exist_ok=True)
    if "accuracy" in known:
        table = known["accuracy"]
        table.round(5).to_csv(pictures / "accuracy.csv", index=False)
        _overview(table, pictures / "accuracy.png")
        parts.append("![ARI and JIc of every method](methods/accuracy.png)\n")
        parts.append("## Means\n\n" + _means(table))
        parts += [
            f"## {title}\n\n{_scores(table, score)}"
            for score, title in SCORES.items()
            if score in table
        ]
        parts.append("## Clusters found where none are\n\n" + _chance(table))
    if "timing" in known:
        known["timing"].to_csv(pictures / "timing.csv", index=False)
        _curves(known["timing"], pictures / "timing.png")
        parts.append(
            "## Seconds against the number of localizations\n\n"
            "Simulated, 100/µm², half of them in clusters of twenty; medians of three runs, or one "
            "run of what takes more than two seconds, after one that loads and compiles; one "
            "method after the other on two cores.\n\n"
            "![Seconds against the number of localizations](methods/timing.png)\n\n"
            + _seconds(known["timing"])
        )
    if "memory" in known:
        known["memory"].to_csv(pictures / "memory.csv", index=False)
        parts.append("## Memory\n\n" + _memory(known["memory"]))
    page = folder / "benchmark_methods.md"
    page.write_text("\n".join(parts), encoding="utf-8")
    return page


def _order(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Networks first, then methods, each with its settings."""
    pairs = list(dict.fromkeys(zip(table["method"], table["setting"], strict=True)))
    settings = list(COLOURS)
    networks = [pair for pair in pairs if pair[0] not in METHODS]
    names = list(METHODS)
    others = sorted(
        (pair for pair in pairs if pair[0] in METHODS),
        key=lambda pair: (names.index(pair[0]), settings.index(pair[1])),
    )
    return networks + others


def _pivot(table: pd.DataFrame, score: str) -> pd.DataFrame:
    return table.pivot_table(
        index=["method", "setting"], columns="images", values=score, aggfunc="mean", dropna=False
    )


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _text(value: float, digits: int = 3) -> str:
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def _means(table: pd.DataFrame) -> str:
    """Means over the scenarios of each kind of images: the scores that are looked at first."""
    header = ["method", "setting"]
    chosen = [(s, g) for s in ("ari", "jaccard", "iou") for g in GROUPS]
    header += [f"{ {'ari': 'ARI', 'jaccard': 'JIc', 'iou': 'IoU'}[s] }, {g}" for s, g in chosen]
    means = {(s, g): _group(table, s, g) for s, g in chosen}
    rows = [
        [*pair, *(_text(means[one].get(pair, np.nan)) for one in chosen)] for pair in _order(table)
    ]
    return _markdown(header, rows)


def _group(table: pd.DataFrame, score: str, group: str) -> dict[tuple[str, str], float]:
    """Return means over a kind of images, of those who saw all its scenarios."""
    pivot = _pivot(table, score)
    there = [name for name in GROUPS[group] if name in pivot.columns]
    if not there:
        return {}
    means = pivot[there].mean(axis=1, skipna=score != "seconds")
    return {pair: float(means.loc[pair]) for pair in pivot.index}


def _scores(table: pd.DataFrame, score: str) -> str:
    """One score, a column for each scenario."""
    pivot = _pivot(table, score)
    columns = [name for names in GROUPS.values() for name in names if name in pivot.columns]
    short = [name.replace("molecules_", "m").replace("blinking_", "b") for name in columns]
    rows = [
        [*pair, *(_text(float(pivot.loc[pair, name])) for name in columns)]
        for pair in _order(table)
    ]
    return _markdown(["method", "setting", *short], rows)


def _chance(table: pd.DataFrame) -> str:
    """How many clusters are found in images that have none."""
    part = table[table["images"] == "molecules_01"]
    if not len(part):
        return "The benchmark is not at hand.\n"
    rows = [
        [row["method"], row["setting"], _text(row["n_clusters"], 1), _text(1 - row["accuracy"])]
        for _, row in part.iterrows()
    ]
    header = ["method", "setting", "clusters an image", "share of localizations in clusters"]
    return "Scenario 1, 600 localizations an image.\n\n" + _markdown(header, rows)


def _seconds(table: pd.DataFrame) -> str:
    sizes = sorted(table["n"].unique())
    pivot = table.pivot_table(index="method", columns="n", values="seconds", dropna=False)
    names = [name for name in (*METHODS, *NETWORKS) if name in pivot.index]
    rows = [[name, *(_text(float(pivot.loc[name, n])) for n in sizes)] for name in names]
    missing = table[table["seconds"].isna()]
    why = "".join(f"- {one.method}, {one.n:,}: {one.why}\n" for one in missing.itertuples())
    text = _markdown(["method", *(f"{n:,}" for n in sizes)], rows)
    return text + (f"\nNot measured:\n\n{why}" if why else "")


def _memory(table: pd.DataFrame) -> str:
    """Bytes for each localization, of few and of four times as many: level where it is linear."""
    rows = []
    for name in (name for name in (*METHODS, *NETWORKS) if (table["method"] == name).any()):
        part = table[table["method"] == name]
        few, many = part.sort_values("n").itertuples()
        rows.append(
            [name, f"{few.n:,}", _text(few.bytes_each, 0), f"{many.n:,}", _text(many.bytes_each, 0)]
        )
    failed = table[table["bytes_each"].isna()]
    why = "".join(f"- {one.method}, {one.n:,}: {one.why}\n" for one in failed.itertuples())
    return (
        "By how much the peak of memory grows for each localization, beyond that of a first small "
        "image, which loads and compiles; each in a process of its own, 100/µm², half of them in "
        "clusters of twenty. Level where memory grows in proportion.\n\n"
        + _markdown(["method", "few", "bytes each", "four times", "bytes each"], rows)
        + (f"\nNot measured:\n\n{why}" if why else "")
    )


def _style(draw: Callable[[], None], path: Path) -> None:
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        draw()
        plt.savefig(path, dpi=150)
        plt.close()


def _overview(table: pd.DataFrame, path: Path) -> None:
    """Draw ARI and JIc of each method, a dot for each setting, and seconds beside them."""
    pairs = _order(table)
    names = list(dict.fromkeys(name for name, _ in pairs))[::-1]
    groups = [group for group in GROUPS if _group(table, "ari", group)]

    def draw() -> None:
        columns = [(s, g) for g in groups for s in ("ari", "jaccard")] + [("seconds", groups[0])]
        figure, axes = plt.subplots(
            1, len(columns), figsize=(1.6 * len(columns) + 1.2, 0.24 * len(names) + 1.2),
            sharey=True, layout="constrained",
        )  # fmt: skip
        for ax, (score, group) in zip(axes, columns, strict=True):
            means = _group(table, score, group)
            for (name, setting), value in means.items():
                ax.plot(value, names.index(name), "o", color=COLOURS[setting], markersize=5)
            title = {"ari": "ARI", "jaccard": "JIc", "seconds": "seconds an image"}[score]
            ax.set_title(f"{title}\n{group}", fontsize=8)
            ax.grid(axis="x", color="#dddddd", linewidth=0.6)
            ax.set_axisbelow(True)
            if score == "seconds":
                ax.set_xscale("log")
            else:
                ax.set_xlim(-0.02, 1.02)
        axes[0].set_yticks(range(len(names)), names)
        handles = [
            plt.Line2D([], [], marker="o", linestyle="none", color=colour, label=setting)
            for setting, colour in COLOURS.items()
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)

    _style(draw, path)


def _curves(table: pd.DataFrame, path: Path) -> None:
    """Draw seconds against the number of localizations."""

    def draw() -> None:
        figure, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
        names = list(dict.fromkeys(table["method"]))
        colours = plt.get_cmap("tab20").colors
        for number, name in enumerate(names):
            part = table[(table["method"] == name) & table["seconds"].notna()]
            style = "-" if name in METHODS else "--"
            ax.loglog(
                part["n_localizations"], part["seconds"], style, marker="o", markersize=3,
                color=colours[number % 20], label=name,
            )  # fmt: skip
        ax.set_xlabel("localizations")
        ax.set_ylabel("seconds")
        ax.grid(color="#dddddd", linewidth=0.6)
        figure.legend(loc="outside right center", frameon=False)

    _style(draw, path)
