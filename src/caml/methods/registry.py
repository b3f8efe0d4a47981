"""The methods by name, and their parameters as a person writes them."""

from __future__ import annotations

import inspect
import types
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from caml.errors import CamlWarning, InputError
from caml.localizations import Localizations
from caml.methods.bayesian import bayesian
from caml.methods.dbscan import dbscan
from caml.methods.dominant_sets import dominant_sets
from caml.methods.focal import focal
from caml.methods.getis_franklin import getis_franklin
from caml.methods.hdbscan import hdbscan
from caml.methods.kde import kde
from caml.methods.optics import optics
from caml.methods.pointnet import pointnet
from caml.methods.tomato import tomato
from caml.methods.voronoi import voronoi
from caml.segment import Segmentation

__all__ = ["METHODS", "checked_parameters", "method_parameters", "parse_parameters", "run_method"]

# In the order of docs/methods.md.
METHODS: dict[str, Callable[..., Segmentation]] = {
    "dbscan": dbscan,
    "hdbscan": hdbscan,
    "optics": optics,
    "tomato": tomato,
    "getis-franklin": getis_franklin,
    "bayesian": bayesian,
    "voronoi": voronoi,
    "kde": kde,
    "focal": focal,
    "dominant-sets": dominant_sets,
    "pointnet": pointnet,
}


def method_parameters(name: str) -> dict[str, inspect.Parameter]:
    """List what can be chosen of a method.

    Parameters
    ----------
    name : str
        One of `METHODS`.

    Returns
    -------
    dict of str to inspect.Parameter
        Its keyword parameters, with their types and defaults.

    Raises
    ------
    InputError
        If there is no such method.
    """
    if name not in METHODS:
        raise InputError(f"no method is called {name!r}; there are: {', '.join(METHODS)}")
    signature = inspect.signature(METHODS[name], eval_str=True)
    return {key: one for key, one in signature.parameters.items() if one.kind == one.KEYWORD_ONLY}


def parse_parameters(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Read parameters of a method as they are written on a command line.

    Parameters
    ----------
    name : str
        One of `METHODS`.
    texts : sequence of str
        Each ``NAME=VALUE``.

    Returns
    -------
    dict of str to object
        The values, of the types that the method declares.

    Raises
    ------
    InputError
        If one is not of that form, has no such name, is given twice, or is of another type.

    Examples
    --------
    >>> parse_parameters("dbscan", ["eps_nm=45", "min_samples=7"])
    {'eps_nm': 45.0, 'min_samples': 7}
    """
    known = method_parameters(name)
    values: dict[str, Any] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise InputError(f"a parameter is written NAME=VALUE, got {text!r}")
        _check_name(name, key, known)
        if key in values:
            raise InputError(f"{key} is given twice")
        values[key] = _value(key, value, known[key].annotation)
    return values


def run_method(
    name: str,
    localizations: Localizations | npt.ArrayLike,
    parameters: Mapping[str, Any] | None = None,
) -> Segmentation:
    """Find clusters by the method of a name.

    Parameters
    ----------
    name : str
        One of `METHODS`.
    localizations : Localizations or array-like of shape (n_localizations, 2 or 3), nm
        Where to look.
    parameters : mapping of str to object, optional
        What is chosen of the method; the rest is as it suggests.

    Returns
    -------
    Segmentation
        The clusters, without outlines.

    Raises
    ------
    InputError
        If there is no such method, or a parameter cannot be used.
    """
    chosen = checked_parameters(name, parameters or {})
    return METHODS[name](localizations, **chosen)


def checked_parameters(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a method: those that are chosen, and the defaults of the others.

    Parameters
    ----------
    name : str
        One of `METHODS`.
    parameters : mapping of str to object
        What is chosen of it.

    Returns
    -------
    dict of str to object
        Each by its name; None for what the method tells from the image.

    Raises
    ------
    InputError
        If there is no such method or parameter, or the method refuses one as out of its range.
    MissingExtraError
        If the method needs what is not installed.

    Notes
    -----
    The method itself is asked, with no localizations at all: what it checks, and how it says so, is
    written there and nowhere else.

    Examples
    --------
    >>> checked_parameters("dbscan", {"min_samples": 7})
    {'eps_nm': None, 'min_samples': 7}
    """
    known = method_parameters(name)
    for key, value in parameters.items():
        _check_name(name, key, known)
        _check_type(key, value, known[key])
    chosen = {key: one.default for key, one in known.items()} | dict(parameters)
    # Numbers of NumPy are numbers.
    chosen = {key: one.item() if hasattr(one, "item") else one for key, one in chosen.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CamlWarning)
        METHODS[name](np.empty((0, 2)), **chosen)
    return chosen


def _check_name(name: str, key: str, known: Mapping[str, inspect.Parameter]) -> None:
    if key not in known:
        raise InputError(f"{name} has no parameter {key!r}; it has: {', '.join(known)}")


def _check_type(key: str, value: Any, parameter: inspect.Parameter) -> None:
    """Refuse another word than those there are, and what is no number."""
    choices = _choices(parameter.annotation)
    if choices and value not in choices:
        raise InputError(f"{key} is one of {', '.join(choices)}, got {value!r}")
    may_be_left_out = value is None and parameter.default is None
    if not (choices or may_be_left_out or isinstance(value, int | float | np.number)):
        raise InputError(f"{key} is a number, got {value!r}")


def _value(key: str, text: str, annotation: Any) -> Any:
    """Read a value of a declared type."""
    if choices := _choices(annotation):
        if text in choices:
            return text
        raise InputError(f"{key} is one of {', '.join(choices)}, got {text!r}")
    members = _members(annotation)
    kinds = {bool: "true or false", int: "a whole number", float: "a number"}
    for kind, words in kinds.items():
        if kind in members:
            try:
                return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
            except (KeyError, ValueError) as error:
                raise InputError(f"{key} is {words}, got {text!r}") from error
    raise InputError(f"{key} can only be given in Python")


def _choices(annotation: Any) -> tuple[str, ...]:
    """Return the words that a type allows; none where it is another type."""
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()


def _members(annotation: Any) -> tuple[Any, ...]:
    """Take a type apart that allows several."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return typing.get_args(annotation)
    return (annotation,)
