"""Expressions the rules share: what is filled, what begins with a code, which land is cultivated, exact figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jintu.foundation.checks.lazy import pl

if TYPE_CHECKING:
    import polars

__all__ = ["begins", "blank", "cultivated", "figure", "filled", "ratio"]

RIDGE = "123"
"""田坎 of GB/T 21010: deducted, never a patch."""


def blank(column: str) -> polars.Expr:
    """Null or nothing but blanks."""
    return pl.col(column).is_null() | (pl.col(column).cast(pl.String).str.strip_chars() == "")


def filled(column: str) -> polars.Expr:
    return ~blank(column)


def begins(column: str, code: str) -> polars.Expr:
    """Does the code begin so? Null is no."""
    return pl.col(column).str.starts_with(code).fill_null(False)


def cultivated(column: str = "land_use_code") -> polars.Expr:
    """耕地: class 01 of GB/T 21010."""
    return begins(column, "01")


def figure(column: str) -> polars.Expr:
    """A figure where nothing counts as 0."""
    return pl.col(column).fill_null(0.0)


def ratio(column: str) -> polars.Expr:
    """A share that some databases keep as percent: above 1 it is percent."""
    return pl.when(figure(column) > 1).then(figure(column) / 100).otherwise(figure(column))
