"""Columns that behave the same on the embedded GeoPackage and on PostgreSQL."""

from .exact import AreaField, ExactDecimalField, MoneyField
from .geometry import GeometryField

__all__ = ["AreaField", "ExactDecimalField", "GeometryField", "MoneyField"]
