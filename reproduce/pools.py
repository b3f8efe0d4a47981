"""The same networks on two test pools, and the most that the layers of XPILJZ can reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from accuracy import Size
from contestants import Contestant, contestants, network
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import SplineTransformer
from store import Item, Store

from caml.errors import ModelError
from caml.models import load_model
from caml.simulate import training_scenarios
from caml.train.draw import build_pool
from caml.train.pool import Pool, PoolSettings, digest
from caml.train.scores import evaluate_network

__all__ = ["ceiling", "paper_pool", "pools"]

# Not the seed of any pool that a network learnt from.
SEED = 900_001
RULES = {2_000: "2,000 of each label from an image", 0: "images as they come"}
FLAT = ("XPILJZ", "07VEJJ", "SHB8HY", "87B144", "LOGNM1", "IN100S", "IN200S")
SOLID = ("GAXJPR",)
# Bends of each neighbour's function; the layers have 32 for all.
N_BENDS = (9, 17, 33)


def pools(store: Store, size: Size, pictures: Path) -> str:
    """Score every network of two labels on cells that none has seen, drawn in two ways."""
    del pictures
    lines = [
        "| network | dimensions | " + " | ".join(RULES.values()) + " |",
        "|---|---|" + "---|" * len(RULES),
    ]
    for n_dimensions, names in ((2, FLAT), (3, SOLID)):
        networks = contestants(*names)
        if size.quick:
            networks = tuple(one for one in networks if network(one.file).card.k <= 100)
        found = {rule: _scored(store, networks, n_dimensions, rule, size) for rule in RULES}
        for one in networks:
            cells = [f"{found[rule][one.name]:.4f}" for rule in RULES]
            lines.append(f"| {one.name} | {n_dimensions}D | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _scored(
    store: Store, networks: tuple[Contestant, ...], n_dimensions: int, rule: int, size: Size
) -> dict[str, float]:
    """Return the accuracy of each network on the pool of a rule, made where one is missing."""
    items = {
        one.name: Item(f"{one.key} {n_dimensions}D {rule} {size.quick}", ()) for one in networks
    }
    known = store.known("pools")
    missing = [one for one in networks if items[one.name].key not in known]
    if missing:
        k = max(network(one.file).card.k for one in networks)
        settings = PoolSettings(
            k=k, n_dimensions=n_dimensions, n_per_image=rule, seed=SEED, n_replicates=1,
            n_train=2, n_validation=2, n_test=2_000 if size.quick else 100_000,
        )  # fmt: skip
        pool = _open_pool(store, f"pool_{n_dimensions}d_{rule}", settings, quick=size.quick)
        for one in missing:
            store.measure("pools", [Item(items[one.name].key, (one, pool))], score)
    known = store.known("pools")
    return {name: known[item.key]["accuracy"] for name, item in items.items()}


def _open_pool(store: Store, name: str, settings: PoolSettings, *, quick: bool) -> Pool:
    """Open a pool of the training scenarios that is kept with the results, or make it.

    Parameters
    ----------
    store : Store
        Where results are kept.
    name : str
        What its folder is called.
    settings : PoolSettings
        How it is made.
    quick : bool
        Whether twelve of the scenarios will do.

    Returns
    -------
    Pool
        The pool.
    """
    scenarios = training_scenarios(n_dimensions=settings.n_dimensions)[:: 60 if quick else 1]
    place = store.folder / (f"{name}_quick" if quick else name)
    try:
        pool = Pool.open(place)
        if not pool.lacks(settings, digest(scenarios)):
            return pool
    except ModelError:
        pass
    pool = build_pool(scenarios, settings, n_jobs=store.n_jobs)
    pool.save(place)
    return pool


def paper_pool(store: Store, size: Size) -> Pool:
    """Open the pool of the paper's sizes, with 100 neighbours, that XPILJZ learnt from."""
    settings = PoolSettings()
    if size.quick:
        settings = PoolSettings(n_train=4_000, n_validation=1_000, n_test=5_000, n_replicates=1)
    return _open_pool(store, "pool", settings, quick=size.quick)


def score(one: Contestant, pool: Pool) -> dict[str, Any]:
    """Score a network on the test part of a pool."""
    return evaluate_network(network(one.file), pool).summary()


def ceiling(store: Store, size: Size, pictures: Path) -> str:
    """Fit what XPILJZ's layers can be at most: a sum of any functions, one of each neighbour."""
    del pictures
    items = {
        n: Item(f"{n} squared bends {size.quick}", (n,))
        for n in (N_BENDS[:1] if size.quick else N_BENDS)
    }
    known = store.known("ceiling")
    if any(item.key not in known for item in items.values()):
        pool = paper_pool(store, size)
        for n, item in items.items():
            store.measure("ceiling", [Item(item.key, (n, pool))], additive)
    known = store.known("ceiling")
    lines = [
        (
            "| bends of each neighbour's function | log loss, learnt from | accuracy, learnt from "
            "| log loss, test | accuracy, test |"
        ),
        "|---|---|---|---|---|",
    ]
    for n, item in items.items():
        cells = [f"{known[item.key][name]:.4f}" for name in ("loss", "fit", "test_loss", "test")]
        lines.append(f"| {n} | " + " | ".join(cells) + " |")
    metrics = load_model("XPILJZ").card.metrics
    ends = " | ".join(f"{metrics[name]:.4f}" for name in ("log_loss", "accuracy"))
    lines.append(f"| XPILJZ | – | – | {ends} |")
    return "\n".join(lines) + "\n"


def additive(n_bends: int, pool: Pool) -> dict[str, float]:
    """Fit a sum of bent lines, one of each neighbour's value: a convex problem with one optimum."""
    every = np.arange(pool.settings.size)
    train, test = every[pool.part("train")], every[pool.part("test")]
    # Most values are small, as the bends with which XPILJZ begins.
    bends = np.linspace(0, 1, n_bends)[:, None] ** 2
    spline = SplineTransformer(degree=1, knots=np.tile(bends, 100), sparse_output=True)
    learnt, seen = (
        spline.fit_transform(pool.features("norm_self", 100, rows)) for rows in (train, test)
    )
    # As good as no penalty: the optimum itself is wanted.
    fitted = LogisticRegression(C=100.0, max_iter=500, tol=3e-5).fit(learnt, pool.label[train])
    scores = [fitted.predict_proba(one)[:, 1] for one in (learnt, seen)]
    truth = [pool.label[train], pool.label[test]]
    right = [float(((one > 0.5) == true).mean()) for one, true in zip(scores, truth, strict=True)]
    losses = [float(log_loss(true, one)) for one, true in zip(scores, truth, strict=True)]
    return {"fit": right[0], "test": right[1], "loss": losses[0], "test_loss": losses[1]}
