"""Keeps scaled integers from being taken for values in SQL functions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import NotSupportedError
from django.db.backends.sqlite3 import operations
from django.db.models import Avg, Count, Func, Max, Min, StdDev, Sum
from django.db.models.functions import Coalesce, Greatest, Least, NullIf

from ..exact import ExactDecimalField

__all__ = ["DatabaseOperations"]

_SCALE_FREE = (Sum, Min, Max, Avg, StdDev, Count, Coalesce, Greatest, Least, NullIf)
"""Functions whose result has the scale of their argument (or no scale at all)."""


def _scale_of(expression: Any) -> int | None:
    for source in expression.get_source_expressions():
        if source is None:
            continue
        field = getattr(source, "_output_field_or_none", None)
        if isinstance(field, ExactDecimalField):
            return field.scale
        if (deeper := _scale_of(source)) is not None:
            return deeper
    return None


class DatabaseOperations(operations.DatabaseOperations):
    def check_expression_support(self, expression: Any) -> None:
        super().check_expression_support(expression)
        if not isinstance(expression, Func) or isinstance(expression, _SCALE_FREE):
            return
        if any(
            isinstance(getattr(source, "_output_field_or_none", None), ExactDecimalField)
            for source in expression.get_source_expressions()
            if source is not None
        ):
            raise NotSupportedError(
                f"{type(expression).__name__} of an ExactDecimalField would see a scaled integer: "
                "compute in Python or in the kernel."
            )

    def get_decimalfield_converter(self, expression: Any) -> Any:
        scale = _scale_of(expression)
        if scale is None:
            return super().get_decimalfield_converter(expression)

        def converter(value: Any, expression: Any, connection: Any) -> Decimal | None:
            return None if value is None else Decimal(str(value)) / scale

        return converter
