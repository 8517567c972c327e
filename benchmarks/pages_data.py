"""Fills a county's node for `benchmarks.pages`: as many rows in each of four registers, findings, journal entries.

The rows hang together: every supply names an approval, every event and payment a supply, in the townships the sample
county has. Rows come in by the product's own import; findings and journal entries, which no file brings, by the ORM.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

__all__ = ["COUNTY", "fill"]

COUNTY = "990121"
PER_YEAR = 15
USES = ("061", "0701", "0702", "0501", "081", "101")
KINDS = ("delivery", "start", "finish")
PIECE = 5_000
HEADS = {
    "approvals": """
        doc_no project_name kind authority approved_on use_code location total_area agri_area cult_area
        collective_area new_construction_area requisition_announced_on division geometry
    """,
    "supplies": """
        supply_no supervision_no contract_no project_name location doc_no area source new_construction_area
        use_code method term_years industry price holder far_min far_max investment delivery_on start_on
        finish_on approver signed_on division geometry
    """,
    "events": """
        event_key supply_no kind happened_on reported_on built_area invested division
    """,
    "payments": """
        payment_key supply_no seq due_on due_amount paid_on paid_amount division
    """,
}
"""Columns of each file."""


def fill(node: Path, rows: int, findings: int, entries: int) -> None:
    """Bring a node up to these numbers; what is there already stays."""
    from jintu.foundation.registers import descriptor, importing

    for name, write in FILES.items():
        register = descriptor.get(name)
        missing = rows - register.model.objects.visible().count()
        if missing <= 0:
            continue
        file = node / f"{name}.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            out = csv.writer(stream)
            head, lines = write(missing)
            out.writerow(head)
            out.writerows(lines)
        done = importing.import_file(name, file, division=COUNTY, duplicates="skip", good_only=True)
        if done.refused:
            raise RuntimeError(f"{name}: {done.refused} rows refused: {done.reasons[:3]}")
        file.unlink()
    _findings(findings)
    _entries(entries)
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _townships() -> list[str]:
    from jintu.foundation.registers import descriptor

    rows = descriptor.get("land.approval").model.objects.filter(batch__gt=0)
    found = sorted(set(rows.order_by("id").values_list("division", flat=True)[:500]))
    return [c for c in found if len(c) >= 9] or [f"{COUNTY}{i:03d}" for i in range(101, 107)]


def _supply_no(i: int) -> str:
    return f"{COUNTY}{2010 + i % PER_YEAR}B{i % 99_999 + 1:05d}-{i}"


def _approvals(n: int) -> tuple[list[str], Iterator[list[object]]]:
    towns = _townships()

    def lines() -> Iterator[list[object]]:
        for i in range(n):
            year = 2010 + i % PER_YEAR
            area = 2_000 + i % 90_000
            day = f"{year}-{i % 12 + 1:02d}-{i % 28 + 1:02d}"
            town = towns[i % len(towns)]
            announced = "" if i % 40 == 0 else f"{year}-12-30"
            yield [
                f"示土批〔{year}〕{i}号", f"示例县{year}年第{i}批次", "batch", "province", day, USES[i % len(USES)],
                f"示例县大营镇第{i % 97}村", f"{area}.50", f"{area * 0.8:.2f}", f"{area * 0.6:.2f}",
                f"{area * 0.9:.2f}", f"{area * 0.9:.2f}", announced, town, _outline(i),
            ]  # fmt: skip

    return HEADS["approvals"].split(), lines()


def _supplies(n: int) -> tuple[list[str], Iterator[list[object]]]:
    towns = _townships()

    def lines() -> Iterator[list[object]]:
        for i in range(n):
            year = 2010 + i % PER_YEAR
            number = f"{COUNTY}{year}B{i % 99_999 + 1:05d}"
            # a tenth is due only after the day of the demonstration
            due = year + 2 if i % 10 else 2027
            yield [
                _supply_no(i), number, f"示土合〔{year}〕{i}号", f"示例县第{i}号工业项目", f"示例县大营镇第{i % 97}村",
                f"示土批〔{year}〕{i}号", f"{1_000 + i % 90_000}.25", ("new", "existing")[i % 3 == 0],
                f"{900 + i % 90_000}.25", USES[i % len(USES)], ("1", "23", "22")[i % 3], 50, "制造业",
                f"{2_000_000 + i}.50", f"示例第{i}有限公司", "1.000", "2.000", f"{9_000_000 + i}.00", f"{year}-12-28",
                f"{due}-01-{i % 28 + 1:02d}", f"{due + 2}-06-01", "示例县人民政府",
                f"{year}-{i % 12 + 1:02d}-{i % 28 + 1:02d}", towns[i % len(towns)], _outline(i),
            ]  # fmt: skip

    return HEADS["supplies"].split(), lines()


def _events(n: int) -> tuple[list[str], Iterator[list[object]]]:
    towns = _townships()

    def lines() -> Iterator[list[object]]:
        for i in range(n):
            # every second supply has events, three each
            supply, kind = i // 3 * 2, KINDS[i % 3]
            year = 2011 + supply % PER_YEAR
            day = f"{year}-{i % 12 + 1:02d}-{i % 28 + 1:02d}"
            number = _supply_no(supply)
            yield [
                f"{number}#{kind}", number, kind, day, day, f"{800 + i % 80_000}.00", f"{1_000_000 + i}.00",
                towns[supply % len(towns)],
            ]  # fmt: skip

    return HEADS["events"].split(), lines()


def _payments(n: int) -> tuple[list[str], Iterator[list[object]]]:
    towns = _townships()

    def lines() -> Iterator[list[object]]:
        for i in range(n):
            supply, seq = i // 2, i % 2 + 1
            year = 2010 + supply % PER_YEAR
            due = f"{year + 1}-{i % 12 + 1:02d}-{i % 28 + 1:02d}"
            number, amount = _supply_no(supply), 1_000_000 + i
            paid = (due, f"{amount}.00") if i % 25 else ("", "0")
            yield [f"{number}#{seq}", number, seq, due, f"{amount}.00", *paid, towns[supply % len(towns)]]

    return HEADS["payments"].split(), lines()


FILES: dict[str, Callable[[int], tuple[list[str], Iterable[list[object]]]]] = {
    "land.approval": _approvals,
    "land.supply": _supplies,
    "land.development_event": _events,
    "land.payment": _payments,
}


def _outline(i: int) -> str:
    """A small square inside the sample county, beside its neighbours: 200 000 fill it."""
    x, y = 118.664 + (i % 450) * 0.000237, 36.2066 + (i // 450) * 0.000148
    w = 0.0001
    return f"POLYGON(({x:.6f} {y:.6f},{x + w:.6f} {y:.6f},{x + w:.6f} {y + w:.6f},{x:.6f} {y + w:.6f},{x:.6f} {y:.6f}))"


def _findings(wanted: int) -> None:
    """Copies of the county's own findings, each about a supply."""
    from django.db import transaction

    from jintu.foundation.checks.models import Finding, FindingObject, finding_key

    there = Finding.objects.count()
    samples = list(Finding.objects.order_by("pk")[:200])
    states = ["open"] * 6 + ["dispatched"] * 2 + ["replied", "closed"]
    for first in range(there, wanted, PIECE):
        made = []
        for i in range(first, min(first + PIECE, wanted)):
            like = samples[i % len(samples)]
            made.append(
                Finding(
                    number=f"BM-{i:08d}",
                    key=finding_key(like.rule, [("land.supply", _supply_no(i))]),
                    rule=like.rule,
                    division=like.division,
                    severity=like.severity,
                    subject=_supply_no(i),
                    objects_json=[["land.supply", _supply_no(i)]],
                    area_m2=like.area_m2,
                    days=like.days,
                    risk=like.risk + i % 1_000,
                    values=like.values,
                    geom=like.geom,
                    state=states[i % len(states)],
                    first_run_id=like.first_run_id,
                    last_run_id=like.last_run_id,
                )
            )
        with transaction.atomic():
            kept = Finding.objects.bulk_create(made)
            FindingObject.objects.bulk_create(
                FindingObject(finding=f, register="land.supply", key=f.subject) for f in kept
            )


def _entries(wanted: int) -> None:
    """Journal entries of single edits, with their subjects, sealed as the node seals its own."""
    from django.db import transaction

    from jintu.foundation.journal.models import Entry, Subject

    begin = datetime(2024, 1, 1, tzinfo=UTC)
    there = Entry.objects.count()
    for first in range(there, wanted, PIECE):
        made: list[Any] = []
        for i in range(first, min(first + PIECE, wanted)):
            made.append(
                Entry(
                    at=begin + timedelta(seconds=60 * i),
                    act=("register.edit", "register.create", "checks.dispatch")[i % 3],
                    user=i % 6 + 1,
                    organisation="county",
                    division=COUNTY,
                    objects_json=[["land.supply", _supply_no(i)]],
                )
            )
        with transaction.atomic():
            kept = Entry.objects.bulk_create(made)
            Subject.objects.bulk_create(Subject(entry=e, kind="land.supply", key=e.objects_json[0][1]) for e in kept)
