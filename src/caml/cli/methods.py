"""``caml methods``: the other clustering methods, and what can be chosen of them."""

from __future__ import annotations

import inspect

import click

__all__ = ["methods"]


@click.command(short_help="List the other clustering methods and their parameters.")
@click.argument("name", required=False)
def methods(name: str | None) -> int:
    """List the methods that caml analyse --method takes; caml methods NAME explains one."""
    from caml.methods import METHODS, method_parameters

    if name is not None:
        parameters = method_parameters(name)
        text = inspect.getdoc(METHODS[name]) or ""
        # What can be typed, and where it comes from; the rest is for Python.
        parts = text.partition("\nReturns\n")
        described = parts[0].replace("Parameters\n----------\n", "")
        lines = described.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("localizations :"))
        del lines[start : start + 2]
        click.echo("\n".join(lines).rstrip() + "\n")
        notes = text.partition("\nNotes\n-----\n")[2].partition("\nExamples\n")[0]
        click.echo(notes.strip() + "\n")
        example = " ".join(f"--set {key}=…" for key in list(parameters)[:2])
        click.echo(f"caml analyse FILE --out RESULTS --method {name} {example}")
        return 0
    wide = max(map(len, METHODS))
    for one, function in METHODS.items():
        summary = (inspect.getdoc(function) or "").partition("\n")[0]
        click.echo(f"{one:<{wide}}  {summary}")
        click.echo(f"{'':<{wide}}  {', '.join(method_parameters(one))}")
    return 0
