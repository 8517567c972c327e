"""Server time of the pages people sit in front of, with many rows in each of four registers of the embedded database.

A signed-in county director asks for each page again and again through Django's test client. Reported for each: median
and 95th percentile of wall time, the least CPU time (what the page costs on an idle machine), queries and size. Home
and dashboard are also asked for with figures out of date, which is how they are first opened after a change.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import DATA, in_new_process, report

SIZES = {"small": (20_000, 5_000, 50_000), "full": (200_000, 50_000, 500_000)}
"""Rows of each register, findings, journal entries."""
TIMES = 20
LIMIT_MS = 120
LIMIT_QUERIES = 15
LIMIT_LIST_KB = 120


def run(scale: str) -> dict[str, Any]:
    from benchmarks.supervise import _county

    county = _county(10_000)
    rows, findings, entries = SIZES[scale]
    node = DATA / f"pages-{rows}"
    if not (node / "jintu.gpkg").is_file():
        shutil.copytree(county, node)
    figures = in_new_process("pages", str(node), *map(str, SIZES[scale]))
    pages = figures.get("pages", {})
    return {
        "size": {"rows_per_register": rows, "findings": findings, "journal_entries": entries},
        "jintu": figures,
        "peers": {},
        "ratio": {f"{name}_p95_to_limit": round(p["p95_ms"] / LIMIT_MS, 2) for name, p in pages.items()},
        "agreement": float(bool(pages) and all(_is_well(name, p) for name, p in pages.items())),
    }


def _is_well(name: str, page: dict[str, Any]) -> bool:
    """Answered, with few queries, and a list that is not heavy."""
    return (
        page["status"] == 200
        and page["queries"] <= LIMIT_QUERIES
        and (not name.startswith("list") or page["kb"] <= LIMIT_LIST_KB)
    )


def measure(node: Path, rows: int, findings: int, entries: int) -> None:
    os.environ |= {"JINTU_DATA": str(node), "DJANGO_SETTINGS_MODULE": "jintu.config.settings"}
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from benchmarks.pages_data import fill
    from jintu.foundation.identity.models import User
    from jintu.foundation.statistics import summary

    settings.ALLOWED_HOSTS.append("testserver")
    call_command("migrate", verbosity=0)
    fill(node, rows, findings, entries)
    begin = time.process_time()
    summary.refresh()
    refresh_s = time.process_time() - begin
    client = Client()
    client.force_login(User.objects.get(username="county-director"))
    figures = {name: _measured(name, client, url) for name, url in _pages().items()}
    auditor = Client()
    auditor.force_login(User.objects.get(username="auditadmin"))
    figures["journal"] = _measured("journal", auditor, "/journal/")
    summary.listen(_change())
    for name, url in (("home_out_of_date", "/"), ("dashboard_out_of_date", "/dashboard/")):
        figures[name] = _measured(name, client, url)
    summary.refresh()
    exported = _export(node)
    report(
        total_s=max(p["p95_ms"] for p in figures.values()) / 1000,
        refresh_cpu_s=refresh_s,
        export_xlsx=exported,
        pages=figures,
    )


def _change() -> Any:
    from jintu.foundation.operations.hooks import Change

    return Change("land.supply", "edit")


def _pages() -> dict[str, str]:
    """Addresses by name."""
    from jintu.foundation.checks.models import Finding
    from jintu.foundation.registers import descriptor

    supplies = descriptor.get("land.supply").model.objects.visible()
    row = supplies.filter(supply_no__endswith="-0").first() or supplies.order_by("id").first()
    shape = row.geom.representative_point()
    finding = Finding.objects.order_by("-risk").first()
    town = row.division
    lists = "/registers/land.supply/"
    return {
        "home": "/",
        "dashboard": "/dashboard/",
        "registers": "/registers/",
        "list": lists,
        "list_deep": f"{lists}?after={_deep(supplies)}",
        "list_last": f"{lists}?sort=signed_on",
        "list_filtered": f"{lists}?use_code=061&signed_on__gte=2015-01-01",
        "list_township": f"{lists}?division={town}&use_code=061",
        "list_sorted": f"{lists}?sort=-area",
        "list_by_number": f"{lists}?sort=supply_no",
        "list_searched": f"{lists}?q=大营",
        "list_preset": f"{lists}?preset=due_not_started",
        "list_preset_few": f"{lists}?preset=without_number",
        "list_events": "/registers/land.development_event/",
        "list_events_township": f"/registers/land.development_event/?division={town}",
        "list_events_sorted": "/registers/land.development_event/?sort=-built_area",
        "list_events_searched": "/registers/land.development_event/?q=9901212010",
        "list_payments_preset": "/registers/land.payment/?preset=overdue",
        "detail": f"{lists}{row.uid}/",
        "history": f"{lists}{row.uid}/history/",
        "findings": "/findings/",
        "findings_rule": f"/findings/?rule={finding.rule}",
        "finding": f"/findings/{finding.uid}/",
        "identify": f"/map/identify/?lon={shape.x}&lat={shape.y}&zoom=15&layers=survey.DLTB,land.supply",
        "onemap": "/map/",
        "search": "/registers/search/?q=大营",
        "api": "/api/registers/land.supply/",
        "tile_z16": f"{lists}tiles/{_tile(16, shape.x, shape.y)}.mvt",
        "tile_z14": f"{lists}tiles/{_tile(14, shape.x, shape.y)}.mvt",
    }


def _deep(supplies: Any) -> str:
    """The cursor of a page in the middle of the register's usual order."""
    from jintu.foundation.registers import descriptor, listing

    register = descriptor.get("land.supply")
    sort = listing.sort_of(register)
    return str(listing._cursor(sort, supplies.order_by("id")[supplies.count() // 2]))


def _tile(z: int, lon: float, lat: float) -> str:
    import math

    n = 2**z
    return f"{z}/{int((lon + 180) / 360 * n)}/{int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)}"


def _measured(name: str, client: Any, url: str) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    answer = client.get(url)
    wall, cpu = [], []
    for _ in range(TIMES):
        began, busy = time.perf_counter(), time.process_time()
        client.get(url)
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - busy) * 1000)
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    page = {
        "p50_ms": round(sorted(wall)[TIMES // 2], 1),
        "p95_ms": round(sorted(wall)[int(TIMES * 0.95) - 1], 1),
        "cpu_ms": round(min(cpu), 1),
        "queries": len(queries),
        "kb": round(len(answer.content) / 1024, 1),
        "status": answer.status_code,
    }
    print(
        f"{name:24s} p50 {page['p50_ms']:7.1f}  p95 {page['p95_ms']:7.1f}  cpu {page['cpu_ms']:6.1f} ms"
        f"  {page['queries']:3d} queries  {page['kb']:7.1f} kB",
        file=sys.stderr,
    )
    return page


def _export(node: Path) -> dict[str, Any]:
    """The whole register as a spreadsheet: seconds, file size and by how much the process grew."""
    from jintu.foundation.identity.scope import Scope
    from jintu.foundation.registers import descriptor, exporting

    register = descriptor.get("land.supply")
    file = node / "all.xlsx"
    before = _peak_mb()
    busy = time.process_time()
    exporting.write(register, register.model.objects.visible().within(Scope.everything()), file, "xlsx")
    done = {
        "cpu_s": round(time.process_time() - busy, 1),
        "mb": round(file.stat().st_size / 2**20, 1),
        "peak_mb": _peak_mb(),
        "peak_before_mb": before,
    }
    file.unlink()
    return done


def _peak_mb() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    measure(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
