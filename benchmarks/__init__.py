"""Jintu side by side with its peers. ``python -m benchmarks`` runs them; see README.md in this directory."""
