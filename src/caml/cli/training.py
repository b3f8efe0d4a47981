"""What commands that train share: their folder, pool, progress bars and results."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from caml.models import Model
    from caml.train.pool import Pool, PoolSettings
    from caml.train.recipes import Recipe
    from caml.train.scores import NetworkScores

__all__ = ["Bars", "make_folder", "pool_of", "write_input_map", "write_scores"]

# Localizations in the picture of what a network sees.
N_DRAWN = 200


def make_folder(out: Path) -> None:
    """Make the folder of the results.

    Parameters
    ----------
    out : Path
        Which.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    from caml.errors import OutputError

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror}") from error


class Bars:
    """Progress bars, one after the other."""

    def __init__(self) -> None:
        self._bars: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all that are open."""
        for bar in self._bars.values():
            bar.close()

    def advance(self, name: str, unit: str, n_done: int, n_all: int, **shown: str) -> None:
        """Move the bar of a name to n_done of n_all.

        Parameters
        ----------
        name : str
            Which bar.
        unit : str
            What is counted.
        n_done, n_all : int
            How many are done, and of how many.
        **shown : str
            What else is shown.
        """
        from tqdm import tqdm

        if name not in self._bars:
            self._bars[name] = tqdm(desc=name, unit=unit, total=n_all)
        bar = self._bars[name]
        bar.set_postfix(shown, refresh=False)
        bar.update(n_done - bar.n)
        if n_done == n_all:
            bar.close()


def pool_of(
    recipe: Recipe, settings: PoolSettings, out: Path, bars: Bars, *, overwrite: bool, **given: Any
) -> Pool:
    """Take the pool that was asked for, or make it, with a progress bar.

    Parameters
    ----------
    recipe : Recipe
        What learns from it.
    settings : PoolSettings
        How it is made.
    out : Path
        Whose ``pool`` it is by default.
    bars : Bars
        Where progress is shown.
    overwrite : bool
        Whether another pool in `out` may be replaced; one of the user's own never is.
    **given
        The values of `pool_options`.

    Returns
    -------
    Pool
        The pool.
    """
    from caml.train.run import find_pool

    return find_pool(
        recipe,
        settings,
        given["pool_folder"] or out / "pool",
        overwrite=overwrite and given["pool_folder"] is None,
        n_jobs=given["n_jobs"],
        progress=lambda n_done, n_all: bars.advance("simulating", "image", n_done, n_all),
    )


def write_input_map(model: Model, pool: Pool, stem: Path, *, overwrite: bool) -> None:
    """Draw what a network sees of some localizations of a pool's test part.

    Parameters
    ----------
    model : Model
        The network; one that is fed with coordinates is left out.
    pool : Pool
        Localizations whose labels are known.
    stem : Path
        What the file's name begins with.
    overwrite : bool
        Whether an earlier file is replaced.
    """
    import numpy as np

    from caml.classify import labels
    from caml.io import whole_file
    from caml.plot import save_input_map

    if model.input.of_coordinates:
        return
    rows = np.arange(pool.settings.size)[pool.part("test")][:N_DRAWN]
    features = pool.features(model.card.input, model.card.k, rows)
    predicted = labels(model.predict(features))
    with whole_file(stem.with_name(f"{stem.name}_input.png"), overwrite=overwrite) as partial:
        save_input_map(features, predicted, pool.label[rows], model.card.labels, partial)


def write_scores(scores: NetworkScores, stem: Path, *, overwrite: bool) -> None:
    """Write how well a network did, as JSON, table and picture.

    Parameters
    ----------
    scores : NetworkScores
        Numbers and curves.
    stem : Path
        What the files' names begin with.
    overwrite : bool
        Whether earlier files are replaced.
    """
    import pandas as pd

    from caml.io import whole_file, write_json, write_table
    from caml.plot import save_scores

    values = dataclasses.asdict(scores)
    write_json(stem.with_name(f"{stem.name}_scores.json"), values, overwrite=overwrite)
    numbers = {name: [value] for name, value in values.items() if isinstance(value, int | float)}
    table = stem.with_name(f"{stem.name}_scores.csv")
    write_table(table, pd.DataFrame(numbers), overwrite=overwrite)
    with whole_file(stem.with_name(f"{stem.name}_scores.png"), overwrite=overwrite) as partial:
        save_scores(values, partial)
