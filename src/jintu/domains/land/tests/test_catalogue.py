"""The catalogue as a whole: complete, named, documented, and honest about what it lacks."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from jintu.foundation.checks import parameters, rules
from jintu.foundation.checks.inputs import Inputs
from jintu.foundation.checks.rules import Layer, Rows, Rule
from jintu.foundation.checks.tests.frames import AS_OF, box, layer, parameters_of, rows
from jintu.foundation.registers import descriptor

LEFT_OUT = {"R45", "R48"}
OURS = [r for r in rules.catalogue() if r.id.startswith("R") and r.id[1:].isdigit()]
SCRIPT = Path(__file__).resolve().parents[5] / "scripts" / "rules_reference.py"

by_id = pytest.mark.parametrize("rule", OURS, ids=lambda r: r.id)


def table(need: Rows | Layer, *, empty: bool = False):
    """A small table for a need: one row with an outline, or none."""
    if isinstance(need, Layer):
        names = ("land_use_code", "control_type", "zone_type")
        frame = layer({**dict.fromkeys(names, ""), "geometry": box(0, 0, 10, 10)})
        frame = frame.clear() if empty else frame
        return [(AS_OF, frame)] if need.at == "all" else frame
    register = descriptor.get(need.register)
    row = {register.key: "1"} | ({"geometry": box(0, 0, 10, 10)} if register.geometry else {})
    return rows(need.register) if empty else rows(need.register, row)


def test_every_rule_of_the_list_is_there_but_two():
    wanted = {f"R{n:02d}" for n in range(1, 49)}
    assert {r.id for r in OURS} == wanted - LEFT_OUT


@by_id
def test_a_rule_speaks_both_languages_and_cites_its_law(rule: Rule):
    (zh, en), (zh_text, en_text) = rule.name, rule.explain
    assert all("\u4e00" <= c <= "\u9fff" for c in zh[:2]) or zh[0] == "“"
    assert en.isascii() or "%" in en
    assert len(zh_text) > 20 and len(en_text) > 40
    assert rule.law and all(law.act for law in rule.law)
    assert all(law.since is None or law.until is None or law.since < law.until for law in rule.law)
    assert rule.function.__doc__


@by_id
def test_a_rule_without_one_of_its_inputs_is_not_run(rule: Rule):
    full = {name: table(need) for name, need in rule.needs.items()}
    assert Inputs.of(**full).missing(rule.needs) == []
    for name, need in rule.needs.items():
        what = need.register if isinstance(need, Rows) else need.layer
        without = {k: v for k, v in full.items() if k != name}
        assert Inputs.of(**without).missing(rule.needs) == ([] if need.optional else [what])
        emptied = Inputs.of(**without, **{name: table(need, empty=True)}).missing(rule.needs)
        assert emptied == ([] if isinstance(need, Rows) and need.may_be_empty else [what])


@by_id
def test_rows_without_any_fact_break_no_rule(rule: Rule):
    """A row of which only the key is known is not judged; it must not stop the others from being judged."""
    tables = {name: table(need) for name, need in rule.needs.items()}
    assert list(rule.function(Inputs.of(**tables), parameters_of(rule))) == []


@by_id
def test_rules_need_registers_that_exist(rule: Rule):
    for need in rule.needs.values():
        if isinstance(need, Rows):
            assert bool(descriptor.get(need.register).geometry) or not need.geometry


def test_every_parameter_shipped_is_used_and_none_overlaps():
    import inspect

    held: dict[tuple[str, str], list] = {}
    known = {r.id for r in rules.catalogue()}  # the inspection of layers has its own, tested beside its rules
    for p in (p for p in parameters.shipped() if p.rule in known):
        held.setdefault((p.rule, p.name), []).append(p)
    for (rule_id, name), values in held.items():
        assert len([p for p in values if p.holds(AS_OF)]) == 1, f"{rule_id} {name} holds twice, or never"
        source = inspect.getsource(rules.get(rule_id).function)
        shared = name in ("tolerance_m2", "tolerance_ratio") and "tolerance(" in source
        assert f"p.{name}" in source or f'"{name}"' in source or shared or rule_id == "R12", f"{rule_id} ignores {name}"
        assert all(p.basis and p.verified in "VMU" for p in values)


def test_the_page_about_the_rules_is_up_to_date():
    spec = importlib.util.spec_from_file_location("rules_reference", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.catalogue() in module.PAGE.read_text(encoding="utf-8"), "run scripts/rules_reference.py"


def test_start_up_loads_no_polars():
    """The parent of forking workers registers all rules; Polars, Arrow or numba there would hang its children."""
    code = (
        "import sys, django; django.setup(); "
        "from jintu.foundation.checks.rules import catalogue; assert catalogue(); "
        "heavy = {'polars', 'pyarrow', 'numba'} & set(sys.modules); sys.exit(','.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
