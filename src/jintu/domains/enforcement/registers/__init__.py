"""Registers of inspection and enforcement (查)."""
