"""Server time of the pages people sit in front of, on a register of many rows in the embedded database.

Home, dashboard, list (plain, filtered, searched, deep page), detail, findings, identify: each is asked for again and
again by a signed-in county director through Django's test client; the figure is the 95th percentile in milliseconds,
with the number of queries and the size of the page.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import DATA, in_new_process, report

ROWS = {"small": 20_000, "full": 200_000}
TIMES = 40
LIMIT_MS = 120


def run(scale: str) -> dict[str, Any]:
    from benchmarks.supervise import _county

    county = _county(10_000)
    node = DATA / f"pages-{ROWS[scale]}"
    if not (node / "jintu.gpkg").is_file():
        shutil.copytree(county, node)
    figures = in_new_process("pages", str(node), str(ROWS[scale]))
    pages = figures.get("pages", {})
    return {
        "size": {"rows": ROWS[scale]},
        "jintu": figures,
        "peers": {},
        "ratio": {f"{name}_to_limit": round(p["p95_ms"] / LIMIT_MS, 2) for name, p in pages.items()},
        "agreement": float(all(p["status"] == 200 for p in pages.values()) and bool(pages)),
    }


def measure(node: Path, rows: int) -> None:
    os.environ |= {"JINTU_DATA": str(node), "DJANGO_SETTINGS_MODULE": "jintu.config.settings"}
    import django

    django.setup()
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from benchmarks.register_import import write_file
    from jintu.foundation.checks.models import Finding
    from jintu.foundation.identity.models import User
    from jintu.foundation.registers import descriptor, importing

    supplies = descriptor.get("land.supply")
    missing = rows - supplies.model.objects.visible().count()
    if missing > 0:
        file = node / "many.csv"
        write_file(file, missing)
        importing.import_file("land.supply", file, division="990121", duplicates="skip", good_only=True)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.get(username="county-director"))
    row = supplies.model.objects.visible().order_by("-id").first()
    shape = row.geom.representative_point()
    finding = Finding.objects.order_by("-risk").first()
    pages = {
        "home": "/",
        "dashboard": "/dashboard/",
        "list": "/registers/land.supply/",
        "list_filtered": "/registers/land.supply/?use_code=061&signed_on__gte=2015-01-01",
        "list_searched": "/registers/land.supply/?q=大营",
        "list_preset": "/registers/land.supply/?preset=due_not_started",
        "detail": f"/registers/land.supply/{row.uid}/",
        "findings": "/findings/",
        "finding": f"/findings/{finding.uid}/",
        "identify": f"/map/identify/?lon={shape.x}&lat={shape.y}&zoom=15&layers=survey.DLTB,land.supply",
        "onemap": "/map/",
    }
    figures = {}
    for name, url in pages.items():
        answer = client.get(url)
        taken = []
        for _ in range(TIMES):
            begin = time.perf_counter()
            client.get(url)
            taken.append((time.perf_counter() - begin) * 1000)
        with CaptureQueriesContext(connection) as queries:
            client.get(url)
        figures[name] = {
            "p50_ms": round(sorted(taken)[TIMES // 2], 1),
            "p95_ms": round(sorted(taken)[int(TIMES * 0.95) - 1], 1),
            "queries": len(queries),
            "kb": round(len(answer.content) / 1024, 1),
            "status": answer.status_code,
        }
    report(total_s=max(p["p95_ms"] for p in figures.values()) / 1000, pages=figures)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), int(sys.argv[2]))
