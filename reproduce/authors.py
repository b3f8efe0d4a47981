"""The authors' own weights of XPILJZ, as a network that this package can run."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import h5py

import caml
from caml.train.export import to_onnx
from caml.train.networks import xpiljz

__all__ = ["SHARED", "authors_xpiljz"]

# Data of others, beside the repository and never in it.
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def authors_xpiljz() -> caml.Model:
    """Load the authors' weights (Keras 2 HDF5) into our stack of layers.

    Returns
    -------
    Model
        With a card named XPILJZ-2020.
    """
    with h5py.File(SHARED / "caml_original" / "XPILJZ.h5") as file:
        dense = [file["model_weights"][f"{name}/{name}"] for name in ("dense_20", "dense_21")]
        values = [layer[part][()] for layer in dense for part in ("kernel:0", "bias:0")]
    network = xpiljz(100)
    network.set_weights(values)
    weights = to_onnx(network)
    card = dataclasses.replace(
        caml.load_model("XPILJZ").card,
        name="XPILJZ-2020",
        description="The weights that Williamson et al. published.",
        sha256=hashlib.sha256(weights).hexdigest(),
    )
    return caml.Model(card, weights)
