"""Land-use codes as the registers accept them: GB/T 21010-2007 and -2017 side by side, told apart by their length."""

from __future__ import annotations

__all__ = ["labels"]


def labels() -> dict[str, str]:
    """Code → Chinese name. Three digits are of 2007, four of 2017; the K of adjustable land is part of the code."""
    from jintu.kernel import codelists

    return codelists.get("land_use").labels() | codelists.get("land_use_2017").labels()
