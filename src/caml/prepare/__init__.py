"""What is done to localizations before clusters are sought in them; nothing unless asked for."""

from __future__ import annotations

from caml.prepare.keep import filter_localizations
from caml.prepare.merge import merge_reappearing

__all__ = ["filter_localizations", "merge_reappearing"]
