"""A hint to SQLite's planner, which guesses that a range of divisions is selective and then sorts what it found.

On a county's node every row is of the county: reading the first fifty of the newest by the date's index is a
millisecond, collecting two hundred thousand by the division's index and sorting them is half a second.
"""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, F, Func

__all__ = ["WALKED", "Walked"]


class Walked(Func):
    """A column by its value, not by its index: SQLite's unary plus does nothing else. Other databases know better."""

    template = "%(expressions)s"
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)


WALKED = {"walked_division": Walked(F("division"), output_field=CharField())}
"""For ``alias(**WALKED)``: the division under a name that no index is found by."""
