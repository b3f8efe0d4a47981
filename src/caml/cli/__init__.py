"""The command ``caml``: parse, call, print. One file per subcommand."""

from caml.cli.main import main

__all__ = ["main"]
