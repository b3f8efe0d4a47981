"""``caml models``: which networks there are."""

from __future__ import annotations

import click

__all__ = ["models"]


@click.command(short_help="List the networks, or show one's card.")
@click.argument("name", required=False)
def models(name: str | None) -> int:
    """List the networks that come with caml, or show the card of the one called NAME."""
    from caml.models import list_models, load_model

    if name is not None:
        click.echo(load_model(name).card.as_json(), nl=False)
        return 0
    for card in list_models():
        accuracy = card.metrics.get("accuracy")
        click.echo(
            f"{card.name}  {card.n_dimensions}D, {card.k} neighbours, {card.n_parameters:,} "
            f"parameters, test accuracy {accuracy:.3f}"
        )
        click.echo(f"        {card.description}")
        click.echo(f"        trained {card.created} on {card.scenarios}")
    return 0
