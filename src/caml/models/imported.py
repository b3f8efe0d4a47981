"""Networks that others trained, with a card of our own."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path

from caml._version import __version__
from caml.errors import ModelError
from caml.features import INPUTS, network_input
from caml.models.card import ModelCard
from caml.models.chance import shares_by_chance
from caml.models.keras2 import KerasStack, read_keras2
from caml.models.model import Model, list_models
from caml.models.naming import check_name, generated_name, is_name
from caml.models.stack import layer_text, to_onnx

__all__ = ["import_keras2"]


def import_keras2(
    path: Path,
    *,
    name: str | None = None,
    input_name: str | None = None,
    labels: Sequence[str] = (),
    n_dimensions: int | None = None,
    taken: Sequence[str] = (),
) -> Model:
    """Make a network of CAML's first version, saved by Keras 2, one that this package can run.

    Parameters
    ----------
    path : Path
        The HDF5 file (.h5) that ``model.save`` wrote.
    name : str, optional
        Six letters and digits; by default that of the file where it is such a name and no network
        of this package has it, else one made up from the content.
    input_name : str, optional
        Which of `caml.features.INPUTS` it was trained on; by default norm_self, or
        relative_coordinates where it takes two or three values of each neighbour.
    labels : sequence of str, optional
        What its labels mean, not clustered first.
    n_dimensions : {2, 3}, optional
        Of the localizations; by default 2, or as many as it takes coordinates.
    taken : sequence of str, optional
        Names that it must not have, beside those of this package.

    Returns
    -------
    Model
        The network in ONNX, with a card.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelError
        If it is truncated, no such file, or holds anything but a stack of known layers; or if what
        was said of it does not fit.

    Notes
    -----
    Its scores are those of the original to within 1e-5; they are not calibrated. What it makes of
    cells without clusters is simulated, so that labels can be corrected where an image is such.
    """
    if n_dimensions not in (None, 2, 3):
        raise ModelError(f"{path}: localizations have 2 or 3 dimensions, not {n_dimensions}")
    stack = read_keras2(path)
    k, *coordinates = stack.input_shape
    n_values = coordinates[0] if coordinates else 1
    if n_values not in (1, 2, 3):
        raise ModelError(
            f"{path}: takes {n_values} values of each neighbour; expected 1 (distances), 2 or 3 "
            "(coordinates)"
        )
    input_name = input_name or ("norm_self" if n_values == 1 else "relative_coordinates")
    n_dimensions = n_dimensions or max(n_values, 2)
    if network_input(input_name).shape(k, n_dimensions) != (
        (k,) if n_values == 1 else (k, n_values)
    ):
        known = [one for one, what in INPUTS.items() if what.of_coordinates == (n_values > 1)]
        raise ModelError(
            f"{path}: takes input of shape {stack.input_shape}, which {input_name} of "
            f"{n_dimensions}D localizations is not; possible: {', '.join(known)}"
        )
    meanings = tuple(labels) or _meanings(stack)
    if len(meanings) != max(stack.n_outputs, 2):
        raise ModelError(
            f"{path}: tells {max(stack.n_outputs, 2)} labels apart, and {len(meanings)} names were "
            f"given for them: {', '.join(meanings)}"
        )
    content = path.read_bytes()
    source = hashlib.sha256(content).hexdigest()
    held = {card.name for card in list_models()} | {one.upper() for one in taken}
    if name is not None:
        name = check_name(name)
        if name in held:
            raise ModelError(f"{path}: a network called {name} exists already: choose another name")
    elif is_name(path.stem.upper()) and path.stem.upper() not in held:
        name = path.stem.upper()
    else:
        name = generated_name(source, held)
    try:
        weights = to_onnx(name, stack.layers, stack.input_shape)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    card = ModelCard(
        name=name,
        description=f"Imported from {path.name}, which Keras {stack.version} saved.",
        k=k,
        n_dimensions=n_dimensions,
        input=input_name,
        labels=meanings,
        layers=tuple(map(layer_text, stack.layers)),
        n_parameters=stack.n_parameters,
        scenarios="not known: trained elsewhere",
        seed=None,
        created=dt.datetime.now(tz=dt.UTC).date().isoformat(),
        sha256=hashlib.sha256(weights).hexdigest(),
        training={"imported_from": path.name, "sha256": source},
        versions={"caml": __version__, "keras": stack.version},
    )
    model = Model(card, weights)
    if len(meanings) > 2:
        return model
    calibration = {"shares_by_chance": shares_by_chance(model)}
    return Model(dataclasses.replace(card, metrics={"calibration": calibration}), weights)


def _meanings(stack: KerasStack) -> tuple[str, ...]:
    if stack.n_outputs <= 2:
        return ("not clustered", "clustered")
    return ("not clustered", *(f"clustered, kind {kind}" for kind in range(1, stack.n_outputs)))
