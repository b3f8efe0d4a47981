"""What is done to localizations before clusters are sought in them; nothing unless asked for."""

from __future__ import annotations

from caml.prepare.keep import filter_localizations

__all__ = ["filter_localizations"]
