"""The group of commands, and how every one of them fails."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from caml._version import __version__
from caml.errors import CamlError, CamlWarning, OutputError

__all__ = ["main"]

# In the order a person meets them. Each is imported only when it is run or explained.
COMMANDS = {
    "analyse": "Find, outline and describe clusters in localization tables.",
    "app": "Look at tables and analyse them in the browser.",
    "channels": "Hold the clusters of two channels against each other.",
    "classify": "Label localizations, without making clusters of them.",
    "compare": "Test whether clusters differ between conditions.",
    "cross-validate": "Train a network on each part of a pool but one, in turn.",
    "evaluate": "Compare results with the truth.",
    "methods": "List the other clustering methods and their parameters.",
    "models": "List the networks, show, import or judge one.",
    "prepare": "Filter, correct for drift, and merge what reappears.",
    "report": "Write the pages of results that are there already.",
    "simulate": "Write simulated cells with known clusters.",
    "spatial": "Measure how localizations are spread: Ripley's L, pair correlation, and others.",
    "train": "Train a network from nothing.",
}


class _LazyGroup(click.Group):
    """A group that knows its commands' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"caml.cli.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="caml")
def caml() -> None:
    """Cluster analysis of single-molecule localization microscopy.

    \b
    caml analyse cell.csv --out results
    """


def main(args: list[str] | None = None) -> Any:
    """Run the command, and end with its exit status.

    Parameters
    ----------
    args : list of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    NoReturn
        It exits: 0 all went well, 1 some input failed, 2 the arguments cannot be used, 130
        interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Not every terminal can print every file name, or a minus sign.
            stream.reconfigure(errors="replace")
    warnings.showwarning = _show_warning
    try:
        sys.exit(caml.main(args, prog_name="caml", standalone_mode=False) or 0)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except OutputError as error:
        click.echo(f"caml: error: {error}", err=True)
        # What the system refused to write is no fault of the arguments.
        sys.exit(1 if isinstance(error.__cause__, OSError) else 2)
    except CamlError as error:
        click.echo(f"caml: error: {error}", err=True)
        sys.exit(2)
    except MemoryError:
        click.echo("caml: error: memory ran out", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"caml: error: {error}", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        click.echo("caml: interrupted", err=True)
        sys.exit(130)


def _show_warning(
    message: Warning | str, category: type[Warning], *_where: object, **_more: object
) -> None:
    """Print caml's own warnings as its messages; others are for developers."""
    if issubclass(category, CamlWarning):
        click.echo(f"caml: warning: {message}", err=True)
