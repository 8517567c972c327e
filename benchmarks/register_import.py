"""Rows per second of a register import: reading, typing, checking, hashing, loading, journal and search index.

The register is land supply: 35 columns of its own, the platform's 12, and an outline of 20 vertices. The peer is what a
Django programme usually does, `bulk_create` of model instances, and it checks nothing.

PostgreSQL is measured too, under ``also``, where ``JINTU_BENCH_PG`` names a database that may be written to.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import in_new_process, report

HEAD = """
supply_no supervision_no contract_no project_name location doc_no area source new_construction_area use_code method
term_years industry land_grade land_level price start_price holder far_min far_max density_min density_max investment
delivery_on start_on finish_on extended_finish_on approver signed_on filed_on notice_on registered_on transferred_on
invested_at_transfer division geometry
"""
ROWS = {"small": 20_000, "full": 200_000}
PIECE = 5_000


def run(scale: str) -> dict[str, Any]:
    rows = ROWS[scale]
    with tempfile.TemporaryDirectory(prefix="jintu-bench-") as folder:
        file = Path(folder) / "supply.csv"
        write_file(file, rows)
        own = in_new_process("register_import", "own", str(file), "embedded")
        server = in_new_process("register_import", "own", str(file), "postgresql") if _server() else {}
        peer = in_new_process("register_import", "peer", str(file), "embedded")
    ratio = {}
    if "total_s" in own and "total_s" in peer:
        ratio["bulk_create"] = round(peer["total_s"] / own["total_s"], 2)
    return {
        "size": {"rows": rows, "columns": 48, "vertices": 20},
        "jintu": own,
        "also": {"jintu on PostgreSQL": server or {"failed": "JINTU_BENCH_PG is not set"}},
        "peers": {"bulk_create": peer},
        "ratio": ratio,
        "agreement": own.get("agreement"),
    }


def _server() -> str:
    return os.environ.get("JINTU_BENCH_PG", "")


def write_file(path: Path, rows: int) -> None:
    """A plausible supply file: every column filled, every value sound, outlines side by side."""
    import numpy as np

    random = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    with path.open("w", encoding="utf-8", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(HEAD.split())
        for i in range(rows):
            x, y = 113 + (i % 500) * 0.002, 30 + (i // 500) * 0.002
            reach = 4e-4 * random.uniform(0.8, 1, 20)
            points = [f"{x + r * np.cos(a):.9f} {y + r * np.sin(a):.9f}" for r, a in zip(reach, angle, strict=True)]
            ring = ", ".join([*points, points[0]])
            year = 2010 + i % 15
            number = f"990121{year}B{i % 99999 + 1:05d}"
            cells: list[object] = [f"{number}-{i}", number, f"示土合〔{year}〕{i}号", f"示例县第{i}号工业项目"]
            cells += [
                f"示例县大营镇第{i % 97}村",
                f"示国土资〔{year}〕{i % 300 + 1}号",
                f"{1000 + i % 90000}.25",
                "new",
            ]
            cells += [f"{900 + i % 90000}.25", "061", "23", 50, "制造业", 12, "四级", f"{2_000_000 + i}.50"]
            cells += [f"{1_900_000 + i}.00", f"示例第{i}有限公司", "1.000", "2.000", "30.000", "60.000"]
            cells += [f"{9_000_000 + i}.00", f"{year}-03-01", f"{year}-06-01", f"{year + 2}-06-01"]
            cells += [f"{year + 3}-06-01", "示例县人民政府", f"{year}-02-01", f"{year}-02-10", f"{year}-01-05"]
            cells += [f"{year}-03-20", f"{year + 4}-01-01", f"{100_000 + i}.00", f"990121{i % 12 + 101:03d}"]
            out.writerow([*cells, f"POLYGON(({ring}))"])


def _node(kind: str) -> Path:
    """A fresh node on either database."""
    data = Path(tempfile.mkdtemp(prefix="jintu-bench-node-"))
    os.environ |= {
        "JINTU_DATA": str(data),
        "JINTU_SECRET_KEY": "benchmark",
        "DJANGO_SETTINGS_MODULE": "jintu.config.settings",
    }
    os.environ.pop("JINTU_DATABASE", None)
    if kind == "postgresql":
        os.environ["JINTU_DATABASE"] = _server()
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return data


def own(file: Path, kind: str) -> None:
    """`importing.import_file`, all of it, and what it left."""
    data = _node(kind)
    from jintu.foundation.registers import descriptor, importing
    from jintu.foundation.registers.models import Batch

    marks: dict[str, float] = {}

    def progress(done: int, total: int, message: str) -> None:
        marks.setdefault(message, time.perf_counter())
        marks[f"{message} end"] = time.perf_counter()

    # the first import of a process loads polars and compiles nothing; a few rows pay for that
    warm = file.with_name("warm.csv")
    lines = file.read_text(encoding="utf-8").splitlines()
    warm.write_text("\n".join([lines[0], *lines[-3:]]), encoding="utf-8")
    first = importing.import_file("land.supply", warm, division="990121", duplicates="skip")
    importing.revert(
        descriptor.get("land.supply"), Batch.objects.get(pk=first.batch), reason="warm-up", actor=_nobody()
    )

    started, worked = time.perf_counter(), _worked()
    result = importing.import_file("land.supply", file, division="990121", progress=progress)
    total = time.perf_counter() - started
    cpu, server = (after - before for after, before in zip(_worked(), worked, strict=True))
    rows = descriptor.get("land.supply").model.objects.visible()
    found = rows.count()
    figures = {
        "read_s": round(marks["reading end"] - started, 3),  # until the first rows are loaded; both go on together
        "compute_s": round(marks["loading end"] - marks["loading"], 3),
        "total_s": round(total, 3),
        "rows_per_s": round(result.accepted / total),
        "cpu_s": round(cpu, 3),
        "server_cpu_s": round(server, 3),
        "accepted": result.accepted,
        "agreement": float(found == result.read == result.accepted),
    }
    _clear(data, kind)
    report(**figures)


def _worked() -> tuple[float, float]:
    """CPU seconds of this process, and of PostgreSQL's for this connection where both run on one machine: what a
    machine does that has other things to do, its clock does not tell."""
    from django.db import connection

    server = 0.0
    if connection.vendor == "postgresql":
        status = Path(f"/proc/{connection.connection.info.backend_pid}/stat")
        if status.exists():
            facts = status.read_text().rsplit(")", 1)[1].split()
            server = (int(facts[11]) + int(facts[12])) / os.sysconf("SC_CLK_TCK")
    return time.process_time(), server


def _nobody() -> Any:
    from jintu.foundation.journal import Actor

    return Actor()


def peer(file: Path) -> None:
    """Model instances from the same file, `bulk_create` in pieces; no checks, no journal, no index."""
    data = _node("embedded")
    import shapely

    from jintu.foundation.registers import descriptor

    register = descriptor.get("land.supply")
    started = time.perf_counter()
    with file.open(encoding="utf-8", newline="") as stream:
        rows = []
        for cells in csv.DictReader(stream):
            facts = {n: f.to_python(cells[n]) for n, (f, _c) in register.attributes.items() if cells.get(n)}
            rows.append(register.model(**facts, division=cells["division"], geom=shapely.from_wkt(cells["geometry"])))
            if len(rows) == PIECE:
                register.model.objects.bulk_create(rows)
                rows = []
        register.model.objects.bulk_create(rows)
    total = time.perf_counter() - started
    _clear(data, "embedded")
    report(total_s=round(total, 3))


def _clear(data: Path, kind: str) -> None:
    from django.db import connection

    if kind == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE EXTENSION IF NOT EXISTS postgis")
    connection.close()
    shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    if sys.argv[1] == "own":
        own(Path(sys.argv[2]), sys.argv[3])
    else:
        peer(Path(sys.argv[2]))
