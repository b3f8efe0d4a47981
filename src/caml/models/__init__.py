"""The networks: cards, weights, and running them."""

from caml.models.card import ModelCard
from caml.models.model import Model, list_models, load_model

__all__ = ["Model", "ModelCard", "list_models", "load_model"]
