"""The networks as stacks of layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers

from caml.errors import ModelError

__all__ = ["RECIPES", "Recipe", "recipe", "xpiljz"]


def xpiljz(k: int = 100) -> keras.Sequential:
    """Stack the layers of XPILJZ: the same 32 units look at each neighbour value, one sums up.

    Parameters
    ----------
    k : int, default 100
        How many neighbours the network looks at.

    Returns
    -------
    keras.Sequential
        From input of shape (n_localizations, k) to a score of shape (n_localizations, 1); 3,265
        parameters for k = 100.

    Notes
    -----
    Williamson et al. 2020, Fig. 1f.
    """
    return keras.Sequential(
        [
            layers.Input((k,)),
            layers.Reshape((k, 1)),
            layers.Dense(32, activation="relu"),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="XPILJZ",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A network and what it is fed with.

    Parameters
    ----------
    name : str
        Six characters.
    description : str
        When to use it.
    stack : callable
        Takes k, returns the Keras model.
    k : int
        How many neighbours it looks at.
    input : str
        Which of `caml.features`.
    labels : tuple of str
        What its labels mean.
    """

    name: str
    description: str
    stack: Callable[[int], keras.Sequential]
    k: int
    input: str
    labels: tuple[str, ...]


RECIPES = {
    "XPILJZ": Recipe(
        name="XPILJZ",
        description=(
            "The paper's simplest network, fast and free of scale. For clusters of up to about 100 "
            "localizations; it learnt from discs and finds other shapes too, with less certainty."
        ),
        stack=xpiljz,
        k=100,
        input="norm_self",
        labels=("not clustered", "clustered"),
    ),
}


def recipe(name: str) -> Recipe:
    """Find a network's recipe by its name.

    Parameters
    ----------
    name : str
        The name, in capitals or not.

    Returns
    -------
    Recipe
        How to train it.

    Raises
    ------
    ModelError
        If there is none.
    """
    if name.upper() not in RECIPES:
        raise ModelError(f"no recipe is called {name!r}; there are: {', '.join(RECIPES)}")
    return RECIPES[name.upper()]
