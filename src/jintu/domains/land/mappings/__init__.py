"""Mappings of tables people really bring into the land registers, and the kinds of tables they bring by mistake.

Each ``*.json`` beside this file is one mapping (format: `jintu.foundation.registers.importing.mapping`) with the name
of its register; the file's name is the mapping's. ``"values": "uses_2007"`` stands for the table of that name in
``_values.json``: names of land uses, ways of supply and land sources as the land-market pages write them. The names of
GB/T 21010 itself are added from the code lists.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["ship", "value_tables"]

HERE = Path(__file__).parent
STANDARDS = {"uses_2007": "land_use", "uses_2017": "land_use_2017"}


def value_tables() -> dict[str, dict[str, str]]:
    """Name of the table → name in a file → code."""
    from jintu.kernel import codelists

    tables: dict[str, dict[str, str]] = {}
    for name, table in json.loads((HERE / "_values.json").read_text(encoding="utf-8")).items():
        if name == "note":
            continue
        standard = STANDARDS.get(name)
        named = {label: code for code, label in codelists.get(standard).labels().items()} if standard else {}
        tables[name] = named | {word: entry["code"] for word, entry in table.items()}
    return tables


def ship() -> None:
    """Offer the mappings and the kinds of foreign tables; called from the domain's ``apps.py``."""
    from jintu.foundation.registers.importing import mapping, recognise

    tables = value_tables()
    for path in sorted(HERE.glob("[!_]*.json")):
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for rule in facts["columns"].values():
            if isinstance(rule.get("values"), str):
                rule["values"] = tables[rule["values"]]
        mapping.ship(facts.pop("register"), path.stem, facts)
    recognise.foreign(json.loads((HERE / "_foreign.json").read_text(encoding="utf-8")))
