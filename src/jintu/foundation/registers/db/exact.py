"""Decimals that stay exact on both databases: scaled 64-bit integers on SQLite, NUMERIC on PostgreSQL.

SQLite has no decimal type: Django's DecimalField is a float there, and ``SUM`` keeps 15 digits. A scaled integer sums,
compares and sorts exactly.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.core import checks
from django.db import NotSupportedError, models
from django.db.models import expressions

__all__ = ["AreaField", "ExactDecimalField", "MoneyField"]


class ExactDecimalField(models.DecimalField):
    """A decimal of at most 18 digits. Values with more places are rounded half away from zero, as NUMERIC does.

    Sum, Min, Max, filters and order are exact. ``F("area") * 2`` raises NotSupportedError: in SQLite the column holds a
    scaled integer, and arithmetic on it would be silently wrong; compute in Python or in the kernel.
    """

    def __init__(self, *args: Any, max_digits: int = 18, decimal_places: int = 2, **kwargs: Any) -> None:
        super().__init__(*args, max_digits=max_digits, decimal_places=decimal_places, **kwargs)

    @property
    def scale(self) -> int:
        """What the value is multiplied by on SQLite: 100 for two decimal places."""
        return 10**self.decimal_places

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        found = super().check(**kwargs)
        if not found and self.max_digits > 18:
            found.append(checks.Error("At most 18 digits fit a 64-bit integer.", obj=self, id="jintu.E002"))
        return found

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, f"jintu.foundation.registers.db.{type(self).__name__}", args, kwargs

    def get_internal_type(self) -> str:
        # Not "DecimalField": the backend's own converter would take the scaled integer for the value.
        return "ExactDecimalField"

    def db_type(self, connection: Any) -> str:
        if connection.vendor == "postgresql":
            return f"numeric({self.max_digits}, {self.decimal_places})"
        return "INTEGER"

    def rounded(self, value: Any) -> Decimal | None:
        """The value as it will be stored."""
        value = self.to_python(value)
        if value is None:
            return None
        return value.quantize(Decimal(1).scaleb(-self.decimal_places), rounding=ROUND_HALF_UP)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """For comparisons: not rounded, so that ``area > 100.005`` means what it says."""
        if value is None or hasattr(value, "as_sql"):
            return value
        value = self.to_python(value)
        if connection.vendor == "postgresql":
            return value
        scaled = value.scaleb(self.decimal_places)
        # SQLite compares integers with reals exactly
        return int(scaled) if scaled == scaled.to_integral_value() else float(scaled)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if hasattr(value, "as_sql"):
            return value
        return self.get_db_prep_value(self.rounded(value), connection, prepared=True)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Decimal | None:
        if value is None or isinstance(value, Decimal):
            return value
        if isinstance(value, int):
            return Decimal(value).scaleb(-self.decimal_places)
        return Decimal(str(value)).scaleb(-self.decimal_places)  # an average


class AreaField(ExactDecimalField):
    """Square metres, Decimal(18, 2)."""


class MoneyField(ExactDecimalField):
    """Yuan, Decimal(18, 2)."""


def _refuse_arithmetic() -> models.Field:
    raise NotSupportedError(
        "Arithmetic on an ExactDecimalField in SQL would not be exact: compute in Python or in the kernel."
    )


for _connector in ("+", "-", "*", "/", "%%", "^"):
    # Django picks the first pair of classes that fits, so these must come before its own Decimal pairs.
    for _pair in ((ExactDecimalField, models.Field), (models.Field, ExactDecimalField)):
        expressions._connector_combinators[_connector].insert(0, (*_pair, _refuse_arithmetic))
