"""What is to be trained: a stack of layers, what it is fed with, and what it learns from."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras

from caml.errors import MissingFileError, ModelError
from caml.features import network_input
from caml.simulate import Scenario, fibre_scenarios, random_scenarios, training_scenarios
from caml.train.networks import Rates, dense, point_net, recurrent, separable, whole_vector
from caml.train.pool import Cell, cells_of
from caml.train.settings import FitSettings

__all__ = ["RECIPES", "Recipe", "recipe", "recipe_from_file"]

Stack = Callable[[tuple[int, ...], int], keras.Sequential]

BINARY = ("not clustered", "clustered")
KINDS = ("not clustered", "round", "fibre")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A network and what it is fed with.

    Parameters
    ----------
    name : str
        Six capital letters and digits.
    description : str
        When to use it.
    stack : callable
        Takes what the network sees of a localization, a shape, and how many scores it gives;
        returns a ``keras.Sequential``.
    k : int, default 100
        How many neighbours it looks at.
    n_dimensions : {2, 3}, default 2
        Of the localizations.
    input : str, default "norm_self"
        Which of `caml.features.INPUTS`.
    labels : tuple of str
        What its labels mean.
    scenarios : callable
        Returns what it learns from.
    settings : FitSettings
        How it is fitted.
    start : str, default ""
        The network whose weights its layers begin with, where they have the same shapes; by chance
        by default.
    """

    name: str
    description: str
    stack: Stack
    k: int = 100
    n_dimensions: int = 2
    input: str = "norm_self"
    labels: tuple[str, ...] = BINARY
    scenarios: Callable[[], Iterable[Any]] = training_scenarios
    settings: FitSettings = field(default_factory=FitSettings)
    start: str = ""

    @property
    def n_outputs(self) -> int:
        """How many scores the network gives: one for two labels, else one for each."""
        return 1 if len(self.labels) == 2 else len(self.labels)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """What each simulated cell holds."""
        return cells_of(tuple(self.scenarios()))

    def build(self) -> keras.Sequential:
        """Stack the layers, and check that they fit.

        Returns
        -------
        keras.Sequential
            With weights by chance.

        Raises
        ------
        ModelError
            If what comes out is no stack, or takes or gives something else.
        """
        shape = network_input(self.input).shape(self.k, self.n_dimensions)
        try:
            network = self.stack(shape, self.n_outputs)
        except Exception as error:  # a user's own code may raise anything
            raise ModelError(
                f"{self.name}: its layers cannot be stacked for input of shape {shape} and "
                f"{self.n_outputs} scores: {error}"
            ) from error
        if not isinstance(network, keras.Sequential):
            raise ModelError(
                f"{self.name}: expected a keras.Sequential, got {type(network).__name__}"
            )
        if not network.built:
            raise ModelError(
                f"{self.name}: its first layer must be keras.layers.Input(shape), so that the "
                "stack knows what it takes"
            )
        takes, gives = tuple(network.input_shape[1:]), tuple(network.output_shape[1:])
        if takes not in (shape, (*shape, 1)):
            raise ModelError(
                f"{self.name}: the stack takes input of shape {takes}, and {self.input} of "
                f"{self.k} neighbours in {self.n_dimensions}D has shape {shape}"
            )
        if gives != (self.n_outputs,):
            wanted = (
                "one score, of being clustered"
                if self.n_outputs == 1
                else f"{self.n_outputs} scores, one for each label"
            )
            raise ModelError(
                f"{self.name}: the stack gives output of shape {gives}; {len(self.labels)} labels "
                f"need {wanted}: a last layer of {self.n_outputs}"
            )
        network.name = self.name
        return network


# Nothing is dropped: without it the losses of the training and the validation part end equal
# (07VEJJ_curves.json of caml train 07VEJJ), so that there is nothing to be held back from.
NOTHING_DROPPED = partial(recurrent, rates=Rates(first=0.0, recurrent=(0.0, 0.0), last=0.0))
FAST = FitSettings(n_epochs=30, batch_size=512, learning_rate=0.005)
# 32,000 weights add up in one unit: with larger steps than these the rectifiers die at once.
WIDE = FitSettings(n_epochs=8, batch_size=512, learning_rate=0.0004, n_per_epoch=250_000)
RECURRENT = FitSettings(n_epochs=12, batch_size=256, learning_rate=0.002)


def with_random_cells() -> tuple[Scenario, ...]:
    """List the paper's training scenarios, and cells without clusters beside them.

    Returns
    -------
    tuple of Scenario
        The 711, and random ones of 5 to 2000 localizations per µm²: a tenth of all.
    """
    densities = (5, 10, 20, 50, 100, 200, 300, 500, 700, 1000, 1500, 2000)
    return (*training_scenarios(), *random_scenarios(densities) * 6)


RECIPES = {
    one.name: one
    for one in (
        Recipe(
            name="XPILJZ",
            description=(
                "The paper's simplest network, fast and free of scale. For clusters of up to about "
                "100 localizations; it learnt from discs and finds other shapes too, with less "
                "certainty."
            ),
            stack=separable,
            settings=FAST,
        ),
        Recipe(
            name="07VEJJ",
            description=(
                "The paper's main network: a convolution and two recurrent layers look along the "
                "steps to 100 neighbours. Free of scale; more often right than XPILJZ, in several "
                "times the time. For clusters of up to about 100 localizations."
            ),
            stack=NOTHING_DROPPED,
            settings=RECURRENT,
        ),
        Recipe(
            name="SHB8HY",
            description=(
                "XPILJZ for 1000 neighbours: free of scale, for clusters of up to several hundred "
                "localizations. Needs more than 1000 localizations in an image."
            ),
            stack=separable,
            k=1000,
            settings=WIDE,
        ),
        Recipe(
            name="87B144",
            description=(
                "07VEJJ for 1000 neighbours, with which the paper analysed its cells: free of "
                "scale, for clusters of up to several hundred localizations. Slow: 140 µs for each "
                "localization. Needs more than 1000 localizations in an image."
            ),
            stack=NOTHING_DROPPED,
            k=1000,
            # Ten times as many neighbours take ten times as long: convolution and recurrence begin
            # with what they learnt from 100, and a pass takes an eighth of all, drawn anew.
            start="07VEJJ",
            settings=FitSettings(
                n_epochs=12, batch_size=256, learning_rate=0.002, n_per_epoch=60_000
            ),
        ),
        Recipe(
            name="GAXJPR",
            description=(
                "XPILJZ for three dimensions and 1000 neighbours, from balls in cells 500 nm high. "
                "Free of scale, if z has the same unit as x and y. Needs more than 1000 "
                "localizations in an image."
            ),
            stack=separable,
            k=1000,
            n_dimensions=3,
            scenarios=partial(training_scenarios, n_dimensions=3),
            settings=replace(WIDE, n_epochs=16),
        ),
        Recipe(
            name="3TXKFS",
            description=(
                "Tells round clusters from fibres, by 1000 neighbours; free of scale. It learnt "
                "from discs and from fibres 2 µm long in the same cells. Needs more than 1000 "
                "localizations in an image."
            ),
            stack=whole_vector,
            k=1000,
            labels=KINDS,
            scenarios=fibre_scenarios,
            settings=FitSettings(n_epochs=20, batch_size=256, learning_rate=0.001),
        ),
        Recipe(
            name="XYREL1",
            description=(
                "07VEJJ fed with the relative coordinates of 100 neighbours in the place of their "
                "distances, as in the paper's Supplementary Note 2: a little more often right, in "
                "the same time. Free of scale; it may depend on how an image is turned."
            ),
            stack=NOTHING_DROPPED,
            input="relative_coordinates",
            settings=dataclasses.replace(RECURRENT, n_per_epoch=250_000),
        ),
        Recipe(
            name="PTNET1",
            description=(
                "In the style of PointNet: the relative coordinates of 100 neighbours, each looked "
                "at by itself, and the largest of what was seen. Free of scale. Small, and for "
                "comparison: it may depend on how an image is turned."
            ),
            stack=point_net,
            input="relative_coordinates",
            settings=FitSettings(n_epochs=12, batch_size=256, learning_rate=0.002),
        ),
        Recipe(
            name="LOGNM1",
            description=(
                "Knows how large a nanometre is: fed with the logarithms of the distances to 100 "
                "neighbours, it is the most often right of all where clusters are of the sizes and "
                "densities it learnt from (radii of 5 to 100 nm, 5 to 500 localizations per µm²). "
                "Where yours are of another scale, take a network that is free of it, or train "
                "one."
            ),
            stack=dense,
            input="log_distances",
            scenarios=with_random_cells,
            settings=FitSettings(n_epochs=24, batch_size=256, learning_rate=0.003),
        ),
        *(
            Recipe(
                name=f"IN{k:03d}S",
                description=(
                    f"XPILJZ for {k} neighbours, from clusters of up to {k} localizations: one of "
                    "the three with which the size of the input is compared with that of clusters."
                ),
                stack=separable,
                k=k,
                scenarios=partial(training_scenarios, most_per_cluster=k),
                settings=FAST,
            )
            for k in (50, 100, 200)
        ),
    )
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
        raise ModelError(
            f"no recipe is called {name!r}; there are: {', '.join(RECIPES)}, or give the path of a "
            ".py file that defines stack(shape, n_outputs)"
        )
    return RECIPES[name.upper()]


def recipe_from_file(path: Path, **given: Any) -> Recipe:
    """Take a stack of layers from a user's Python file, which is executed.

    Parameters
    ----------
    path : Path
        A file that defines ``stack(shape, n_outputs)``, which returns a ``keras.Sequential``.
    **given
        What else the recipe says.

    Returns
    -------
    Recipe
        How to train it.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelError
        If it cannot be executed, or defines no such function.
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location("caml_user_network", path)
    if spec is None or spec.loader is None:
        raise ModelError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a user's own code may raise anything
        raise ModelError(f"{path}: {type(error).__name__}: {error}") from error
    stack = getattr(module, "stack", None)
    if not callable(stack):
        raise ModelError(
            f"{path}: defines no function stack(shape, n_outputs); it must return a "
            "keras.Sequential that takes input of that shape and gives so many scores"
        )
    description = (module.__doc__ or f"A stack of layers from {path.name}.").strip()
    return Recipe(stack=stack, description=description, **given)
