"""Registers of the land life cycle (批、供、用、补): one file per register, model and descriptor together."""
