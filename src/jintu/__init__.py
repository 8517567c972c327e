"""Jintu (金土): a platform for land-and-resources administration."""

__version__ = "0.1.0"
