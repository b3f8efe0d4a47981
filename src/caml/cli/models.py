"""``caml models``: which networks there are, those of others, and how well they do."""

from __future__ import annotations

from pathlib import Path

import click

from caml._words import counted
from caml.cli.options import MODEL

__all__ = ["models"]


class _ShowsNames(click.Group):
    """A group in which the name of a network stands for the command that shows it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["show", *args]
        return super().resolve_command(ctx, args)


@click.group(
    cls=_ShowsNames,
    invoke_without_command=True,
    short_help="List the networks, show, import or judge one.",
)
@click.pass_context
def models(context: click.Context) -> int:
    """List the networks that come with caml; caml models NAME shows the card of one."""
    from caml.models import list_models
    from caml.models.model import DEFAULT

    if context.invoked_subcommand is not None:
        return 0
    for card in list_models():
        accuracy = card.metrics.get("accuracy")
        known = "" if accuracy is None else f", test accuracy {accuracy:.3f}"
        click.echo(
            f"{card.name}  {card.n_dimensions}D, {card.k} neighbours ({card.input}), "
            f"{len(card.labels)} labels, {card.n_parameters:,} parameters{known}"
            f"{' (default)' if card.name == DEFAULT else ''}"
        )
        click.echo(click.wrap_text(card.description, 92, "        ", "        "))
        click.echo(f"        trained {card.created} on {card.scenarios}")
    return 0


@models.command()
@click.argument("name")
def show(name: str) -> int:
    """Show the card of the network called NAME."""
    from caml.models import load_model

    click.echo(load_model(name).card.as_json(), nl=False)
    return 0


@models.command(name="import", short_help="Make a network of the first CAML one of this.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "-o",
    default="models",
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the network and its card.",
)
@click.option("--name", default=None, help="Six letters and digits.")
@click.option("--input", "input_name", default=None, help="What it was trained on: norm_self, …")
@click.option(
    "--labels", default=None, help='What its labels mean: "not clustered,round,fibre", say.'
)
@click.option("--dimensions", "n_dimensions", type=click.IntRange(2, 3), default=None)
@click.option("--overwrite", is_flag=True, help="Replace an earlier import.")
def import_network(
    file: Path,
    out: Path,
    name: str | None,
    input_name: str | None,
    labels: str | None,
    n_dimensions: int | None,
    overwrite: bool,
) -> int:
    """Convert FILE, a network that the first CAML trained and Keras 2 saved as HDF5 (.h5)."""
    from caml.cli.training import make_folder
    from caml.io import whole_file
    from caml.models.imported import import_keras2

    model = import_keras2(
        file,
        name=name,
        input_name=input_name,
        labels=[label.strip() for label in labels.split(",")] if labels else (),
        n_dimensions=n_dimensions,
        taken=() if overwrite else [path.stem for path in out.glob("*.onnx")],
    )
    make_folder(out)
    weights = out / f"{model.card.name}.onnx"
    with whole_file(weights.with_suffix(".json"), overwrite=overwrite) as partial:
        partial.write_text(model.card.as_json(), encoding="utf-8")
    with whole_file(weights, overwrite=overwrite) as partial:
        partial.write_bytes(model.weights)
    click.echo(
        f"{weights}: {model.card.n_parameters:,} parameters, {model.card.k} neighbours "
        f"({model.card.input}), {len(model.card.labels)} labels"
    )
    click.echo(f"use it: caml analyse FILE --model {weights} --out RESULTS")
    return 0


@models.command(short_help="Score a network on localizations whose labels are known.")
@MODEL
@click.option(
    "--pool",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of a pool that caml train made; its test part is used.",
)
@click.option(
    "--out",
    "-o",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the scores (JSON), a table (csv) and a picture.",
)
@click.option("--overwrite", is_flag=True, help="Replace earlier scores.")
def evaluate(model: str, pool: Path, out: Path, overwrite: bool) -> int:
    """Score a network on the test part of a pool, and write numbers, curves and a picture."""
    from caml.cli.training import make_folder, write_input_map, write_scores
    from caml.errors import MissingExtraError
    from caml.models import load_model

    network = load_model(model)
    try:
        from caml.train.pool import Pool
        from caml.train.scores import evaluate_network

        held = Pool.open(pool)
        scores = evaluate_network(network, held)
    except ImportError as error:
        raise MissingExtraError(
            f"scores need the extra 'train' ({error}): pip install 'caml-smlm[train]'"
        ) from error
    make_folder(out)
    write_scores(scores, out / network.card.name, overwrite=overwrite)
    write_input_map(network, held, out / network.card.name, overwrite=overwrite)
    click.echo(
        f"{network.card.name}: accuracy {scores.accuracy:.4f}, F1 {scores.f1:.4f}, of "
        f"{counted(scores.n, 'localization')}"
    )
    return 0
