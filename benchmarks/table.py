"""The page of figures: what stands in ``benchmarks/results`` as tables for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness import HERE, RESULTS

__all__ = ["PAGE", "page", "write_page"]

PAGE = HERE.parent / "docs" / "reference" / "benchmarks.md"

INTRODUCTION = """# Benchmarks: figures

Written by `python -m benchmarks --table` from the last runs; do not edit. `benchmarks/README.md` says what is asked, of
whom and how. Seconds are wall time unless the name says `cpu_s` (all cores together); `rss_mb` is the peak of the
process. The load is that of the machine when the run began: above one, wall times are worth less.
"""


def write_page() -> Path:
    """Write the page from all results there are."""
    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    PAGE.write_text(page(results), encoding="utf-8")
    return PAGE


def page(results: list[dict[str, Any]]) -> str:
    """The page in Markdown."""
    return "\n".join([INTRODUCTION, *(_section(result) for result in results)])


def _section(result: dict[str, Any]) -> str:
    where = result["machine"]
    size = ", ".join(
        f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}"
        for name, value in result["size"].items()
        if value is not None
    )
    lines = [
        f"## {result['name']}",
        f"{size}. {where['cpu']}, {where['cores']} cores, {where['memory_gb']} GB, load {where['load_at_start']:.1f}.",
        "",
        *_rows(_programs(result)),
        "",
    ]
    if result.get("ratio"):
        lines.append("Ratios: " + ", ".join(f"{name} {value} ×" for name, value in result["ratio"].items()) + ".")
    if result.get("agreement") is not None:
        lines.append(f"Agreement: {result['agreement']:.1e}.")
    return "\n".join([*lines, ""])


def _programs(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name → figures. Where a benchmark has several sizes of its own, each is a row."""
    own = result["jintu"]
    several = own and all(isinstance(figures, dict) for figures in own.values())
    return {**(own if several else {"jintu": own}), **result.get("peers", {})}


def _rows(programs: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each figure, a column for each programme."""
    flat = {name: dict(_flat(figures)) for name, figures in programs.items()}
    names = list(dict.fromkeys(name for figures in flat.values() for name in figures))
    head = ["|figure|" + "|".join(flat) + "|", "|---" * (len(flat) + 1) + "|"]
    return head + [
        f"|{name}|" + "|".join(_cell(figures.get(name)) for figures in flat.values()) + "|" for name in names
    ]


def _flat(figures: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name} · ")
        else:
            yield before + name, value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value).replace("|", "/")
