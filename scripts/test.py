"""``make test``: the whole suite on the embedded database, then on PostgreSQL when one is there.

JINTU_TEST_PG       admin URL of a PostgreSQL + PostGIS server (postgres://user:pw@host:port/db) for the second pass
JINTU_REQUIRE       "postgres,browser,fonts": what must not be skipped (set by .ci/run)
JINTU_TEST_ARGS     further arguments for pytest
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(name: str, extra: dict[str, str]) -> int:
    print(f"== {name}", flush=True)
    arguments = shlex.split(os.environ.get("JINTU_TEST_ARGS", ""))
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadscope", *arguments]
    return subprocess.call(command, cwd=ROOT, env={**os.environ, **extra})


def main() -> int:
    status = run("embedded database (GeoPackage)", {"JINTU_TEST_DATABASE": "embedded"})
    server = os.environ.get("JINTU_TEST_PG", "")
    if server:
        status = run("PostgreSQL + PostGIS", {"JINTU_TEST_DATABASE": "postgres"}) or status
    elif "postgres" in os.environ.get("JINTU_REQUIRE", ""):
        print("JINTU_TEST_PG is not set, and PostgreSQL is required", file=sys.stderr)
        status = status or 1
    else:
        print("== PostgreSQL + PostGIS: skipped, JINTU_TEST_PG names no server")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
