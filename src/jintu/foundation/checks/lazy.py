"""Polars under its usual name, imported when first used.

Modules of rules are read at start-up, by commands that never run a rule and by the parent of forking workers, which
must not have loaded Polars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["pl"]

if TYPE_CHECKING:
    import polars as pl
else:

    class _Polars:
        def __getattr__(self, name: str) -> Any:
            import polars

            found = getattr(polars, name)
            setattr(self, name, found)
            return found

    pl = _Polars()
