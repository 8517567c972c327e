"""Land-use codes as the registers accept them: GB/T 21010-2007 and -2017 side by side, told apart by their length."""

from __future__ import annotations

__all__ = ["labels"]


def labels() -> dict[str, str]:
    """Code → name in the language in force. Three digits are of 2007, four of 2017; the K of adjustable land is part of
    the code."""
    from django.utils.translation import get_language

    from jintu.kernel import codelists

    language = "en" if (get_language() or "").startswith("en") else "zh"
    return codelists.get("land_use").labels(language) | codelists.get("land_use_2017").labels(language)
