"""Networks and methods as a page offers them, and what was chosen as settings of an analysis."""

from __future__ import annotations

import importlib.util
import math
import typing
from collections.abc import Mapping
from typing import Any

from caml.analyse.by_method import OURS
from caml.analyse.record import Settings
from caml.errors import InputError
from caml.methods import METHODS, method_parameters, parse_parameters
from caml.methods.registry import checked_parameters
from caml.models import list_models, load_model
from caml.models.model import DEFAULT
from caml.prior import Prior

__all__ = ["FLAT", "PURPOSES", "check_fits", "offered", "settings_of"]

# What each method is for, as docs/methods.md says.
PURPOSES = {
    "dbscan": "Clusters of any shape that are denser than everything between them.",
    "hdbscan": "Clusters of different densities in little background.",
    "optics": "Structure over scales. Slow.",
    "tomato": "Clusters that touch: peaks that stand out are kept apart.",
    "getis-franklin": "Where the surroundings of localizations are dense; what the paper "
    "compares with.",
    "bayesian": "Round clusters in regions of some µm with an even background.",
    "voronoi": "Objects, and clusters in them, in cells of uneven shape.",
    "kde": "Quick, smooth pictures of density.",
    "focal": "Very large images.",
    "dominant-sets": "Compact groups of one size. Slow.",
    "pointnet": "For comparison with networks that see coordinates.",
}

# Methods that know two dimensions only, and what is not always installed: its module and extra.
FLAT = ("pointnet",)
NEEDS = {"tomato": ("gudhi", "tomato")}

PRIORS = ("auto", "image", "balanced")


def offered() -> list[dict[str, Any]]:
    """List all networks and methods.

    Returns
    -------
    list of dict
        Of what JSON holds: ``value``, ``name``, ``group``, ``purpose``, ``facts``, ``parameters``,
        ``fits`` (why it cannot be used in 2 and 3 dimensions, or nothing) and ``projects`` (whether
        z of an image is left out); the default network is first.
    """
    cards = sorted(list_models(), key=lambda card: card.name != DEFAULT)
    networks = [
        {
            "value": f"{OURS}:{card.name}",
            "name": card.name,
            "group": "Networks",
            "purpose": card.description,
            "facts": f"{card.n_dimensions}D · {card.k} neighbours",
            "projects": card.n_dimensions == 2,
            "fits": _fits(OURS, card.n_dimensions),
            "parameters": [
                {"name": "threshold", "value": "0.5", "choices": []},
                {"name": "prior", "value": "auto", "choices": list(PRIORS)},
            ],
        }
        for card in cards
    ]
    methods = [
        {
            "value": name,
            "name": name,
            "group": "Other methods",
            "purpose": PURPOSES.get(name, ""),
            "facts": "no scores",
            "projects": False,
            "fits": _fits(name),
            "parameters": [
                {
                    "name": key,
                    # None is what the method tells from the image.
                    "value": "" if one.default is None else str(one.default),
                    "choices": list(_words(one.annotation)),
                }
                for key, one in method_parameters(name).items()
            ],
        }
        for name in METHODS
    ]
    return networks + methods


def settings_of(choice: str, parameters: Mapping[str, str], **more: Any) -> Settings:
    """Make settings of what was chosen in a page, checked as the command checks it.

    Parameters
    ----------
    choice : str
        ``caml:NETWORK``, or the name of a method.
    parameters : mapping of str to str
        As they were typed; empty ones are left as the method suggests.
    **more : object
        What else `Settings` takes.

    Returns
    -------
    Settings
        Ready to use.

    Raises
    ------
    InputError
        If there is no such network, method or parameter, or a value cannot be used.

    Examples
    --------
    >>> settings_of("dbscan", {"eps_nm": "30", "min_samples": ""}).parameters
    {'eps_nm': 30.0, 'min_samples': None}
    """
    typed = {key: text.strip() for key, text in parameters.items() if text.strip()}
    kind, _, name = choice.partition(":")
    if kind == OURS:
        unknown = typed.keys() - {"threshold", "prior"}
        if unknown:
            raise InputError(f"networks have no parameter {', '.join(sorted(unknown))}")
        if name.lower().endswith(".onnx"):
            raise InputError("a page takes the networks that come with caml, by name")
        card = load_model(name).card
        return Settings(
            model=card.name,
            threshold=_threshold(typed.get("threshold", "0.5")),
            prior=_prior(typed.get("prior", "auto")),
            **more,
        )
    if choice not in METHODS:
        raise InputError(f"no method is called {choice!r}; there are: {', '.join(METHODS)}")
    # A default that was left as it was is no choice.
    defaults = {key: str(one.default) for key, one in method_parameters(choice).items()}
    texts = [f"{key}={text}" for key, text in typed.items() if defaults.get(key) != text]
    chosen = checked_parameters(choice, parse_parameters(choice, texts))
    return Settings(method=choice, parameters=chosen, **more)


def check_fits(settings: Settings, n_dimensions: int) -> None:
    """Refuse a network or method that cannot be used for an image.

    Parameters
    ----------
    settings : Settings
        Which.
    n_dimensions : int
        Of the image.

    Raises
    ------
    InputError
        If it is made for other dimensions.
    """
    is_ours = settings.method == OURS
    made_for = load_model(settings.model).card.n_dimensions if is_ours else 0
    if refused := _refused(settings.method, made_for, n_dimensions):
        name = settings.model if is_ours else settings.method
        raise InputError(f"{name} {refused}: choose another network or method")


def _refused(method: str, network_dimensions: int, n_dimensions: int) -> str:
    """Say why a network or method cannot be used in two or three dimensions."""
    if method == OURS:
        # Of an image with z, a network for 2D takes the projection.
        return "needs z, and this image has none" if network_dimensions > n_dimensions else ""
    if method in NEEDS and importlib.util.find_spec(NEEDS[method][0]) is None:
        return f"is not installed: pip install 'caml-smlm[{NEEDS[method][1]}]'"
    return "is for images without z" if method in FLAT and n_dimensions == 3 else ""


def _fits(method: str, network_dimensions: int = 0) -> dict[str, str]:
    """Say the same for both."""
    return {str(n): _refused(method, network_dimensions, n) for n in (2, 3)}


def _threshold(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:
        raise InputError(f"a threshold is a number from 0 to 1, got {text!r}")
    return value


def _prior(text: str) -> Prior:
    if text in PRIORS:
        return typing.cast("Prior", text)
    value = _number(text)
    if not 0 < value < 1:
        raise InputError(
            f"a prior is auto, image, balanced or a number between 0 and 1, got {text!r}"
        )
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _words(annotation: Any) -> tuple[str, ...]:
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
