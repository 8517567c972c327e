"""The files of the walk-throughs: made by the script, of the same shape, refused and accepted as it says."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import pytest
from django.http import QueryDict

from jintu.foundation.journal import Actor
from jintu.foundation.layers import importing as layers
from jintu.foundation.layers.mapping import load
from jintu.foundation.registers import import_views, importing, values
from jintu.foundation.registers.descriptor import get
from jintu.foundation.registers.importing import mapping as mappings
from jintu.foundation.registers.models import Batch
from jintu.kernel.errors import Unsupported

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
COUNTY = "990121"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, dict[str, list[str]]]:
    """The directory and what the script says of each file."""
    folder = tmp_path_factory.mktemp("awkward")
    script = [sys.executable, str(ROOT / "scripts" / "make_awkward.py"), str(folder)]
    lines = subprocess.run(script, check=True, capture_output=True, text=True, encoding="utf-8").stdout.splitlines()
    told: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith(" "):
            told[next(reversed(told))].append(line.strip())
        else:
            told[Path(line).name] = []
    return folder, told


def refused_rows(lines: list[str]) -> int:
    return sum(line.startswith("row") and "filed" not in line for line in lines)


@pytest.mark.parametrize("name", ["supply_results.csv", "supply_results_en.csv"])
def test_rows_are_refused_as_told(made, name):
    folder, told = made
    result = importing.import_file("land.supply", folder / name, actor=Actor(), division=COUNTY, good_only=True)
    assert result.refused == refused_rows(told[name]) > 0
    assert result.accepted == result.read - result.refused > 40


def test_deals_are_refused(made):
    with pytest.raises(Unsupported, match="成交公示"):
        importing.import_file("land.supply", made[0] / "deals.csv", actor=Actor(), division=COUNTY)


def test_the_made_plan(made):
    result = layers.import_layer(
        "planning.TDYTQ",
        made[0] / "zoning.parquet",
        COUNTY,
        dt.date(2020, 1, 1),
        mapping=load("planning.TDYTQ", "tw-urban-zoning"),
        actor=Actor(),
        good_only=True,
    )
    assert (result.rows, [p.place.row for p in result.problems]) == (143, [6])


@pytest.mark.parametrize("name", mappings.shipped("land.supply") + mappings.shipped("land.payment"))
def test_the_mapping_page_keeps_what_it_does_not_show(name):
    register = get("land.supply" if "results" in name else "land.payment")
    shipped = mappings.find(register, name)
    posted = QueryDict(mutable=True)
    for field, rule in shipped.columns.items():
        posted[f"from.{field}"] = rule.get("from", "")
        posted[f"unit.{field}"] = rule.get("unit", "")
        if values.choices_of(register.attributes[field][0]):
            posted[f"values.{field}"] = "\n".join(f"{k}={v}" for k, v in (rule.get("values") or {}).items())
    posted["division.from"], posted["division.by"] = shipped.division["from"], shipped.division["by"]
    posted["division.at"] = shipped.division["at"]
    look = {
        "lines": [{"name": field} for field in register.attributes],
        "headers": sorted(shipped.headers()),
        "proposed": shipped,
        "about": {"has_geometry": False},
    }
    confirmed = import_views._posted(register, posted, look).as_json()
    assert confirmed == shipped.as_json()


def test_a_batch_remembers_the_mapping_found_by_headers(made):
    result = importing.import_file(
        "land.supply", made[0] / "supply_results.csv", actor=Actor(), division=COUNTY, good_only=True
    )
    assert Batch.objects.get(pk=result.batch).mapping == "guangdong-supply-results"
