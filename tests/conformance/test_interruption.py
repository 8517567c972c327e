"""``kill -9`` in the middle of an import: a fresh process sees nothing of it, goes on, loses and doubles nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

ROWS = 6_000
NAME = "land.approval_parcel"

_START = """
import django; django.setup()
from django.core.management import call_command
from pathlib import Path
import sys
from jintu.foundation.identity.scope import Scope
from jintu.foundation.journal import Actor
from jintu.foundation.registers import descriptor, importing
from jintu.foundation.registers.importing import apply, tasks
from jintu.foundation.operations import jobs
call_command("migrate", verbosity=0)
register = descriptor.get({name!r})
batch = importing.open_batch(register, "rows.csv", actor=Actor(), scope=Scope.everything(), division="990121")
importing.prepare(register, batch, Path({file!r}), None, scope=Scope.everything())
apply.FIRST_ROWS = 100
apply.AIM_SECONDS = 0.02
import os, signal
told = jobs.Running.progress
def progress(self, done, total=0, message=""):
    told(self, done, total, message)
    if message == "loading" and {rows} // 3 < done < {rows}:
        os.kill(os.getpid(), signal.SIGKILL)
jobs.Running.progress = progress
print("staged", batch.pk, flush=True)
jobs.run_here(tasks.LOAD, batch=batch.pk)
print("loaded", flush=True)
"""

_AGAIN = """
import django; django.setup()
from jintu.foundation.journal.models import Entry
from jintu.foundation.operations import jobs
from jintu.foundation.registers import descriptor
from jintu.foundation.registers.models import Batch, SearchEntry
register = descriptor.get({name!r})
batch = Batch.objects.get()
rows = register.model.objects
print("before", batch.state, batch.rows_applied, rows.count(), rows.visible().count())
jobs.recover()
jobs.resend()
for job in jobs.Job.objects.filter(state="interrupted"):
    jobs.execute(job.pk)
batch.refresh_from_db()
keys = register.model.objects.visible().values_list(register.key, flat=True)
print("after", batch.state, len(keys), len(set(keys)), Entry.objects.filter(act="register.import").count(),
      SearchEntry.objects.count())
"""


@pytest.fixture
def node(tmp_path):
    """The environment of a node of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JINTU_")}
    return environment | {
        "JINTU_DATA": str(tmp_path / "node"), "JINTU_SECRET_KEY": "tests-only",
        "DJANGO_SETTINGS_MODULE": "jintu.config.settings", "PYTHONPATH": os.pathsep.join(sys.path),
    }  # fmt: skip


def test_an_import_survives_kill_9(node, tmp_path):
    (tmp_path / "node").mkdir()
    file = tmp_path / "rows.csv"
    square = "POLYGON((113.1 30.1,113.2 30.1,113.2 30.2,113.1 30.1))"
    lines = [f'K-{i},文〔2026〕1号,{i},地块{i},100.5,990121001,"{square}"' for i in range(ROWS)]
    file.write_text("\n".join(["parcel_key,doc_no,parcel_no,name,area,division,geom", *lines]), encoding="utf-8")
    program = _START.format(name=NAME, file=str(file), rows=ROWS)
    child = subprocess.Popen([sys.executable, "-c", program], env=node, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline().startswith("staged")
    out, _ = child.communicate()
    assert "loaded" not in out
    assert child.returncode == -signal.SIGKILL

    done = subprocess.run(
        [sys.executable, "-c", _AGAIN.format(name=NAME)], env=node, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    before, after = (line.split() for line in done.stdout.strip().splitlines())
    state, applied, there, visible = before[1], *map(int, before[2:])
    assert state == "loading"
    assert 0 < applied < ROWS
    assert there == applied
    assert visible == 0
    assert after == ["after", "visible", str(ROWS), str(ROWS), "1", str(ROWS)]


_DIRECT = """
import django; django.setup()
from django.core.management import call_command
from jintu.foundation.registers import descriptor, importing
from jintu.foundation.registers.importing import apply, staging, together
call_command("migrate", verbosity=0)
staging.SIZE = 500
apply.FIRST_ROWS = 100
import os, signal
if {dies}:
    offered = together._Checking._put
    taken = []
    def puts(self, piece):
        taken.append(piece)
        while len(taken) == 6 and not descriptor.get({name!r}).model.objects.exists():
            offered(self, piece[:0])
        if len(taken) == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        offered(self, piece)
    together._Checking._put = puts
result = importing.import_file({name!r}, {file!r}, division="990121")
print(result.state, result.accepted, flush=True)
"""

_SEEN = """
import django; django.setup()
from jintu.foundation.registers import descriptor
from jintu.foundation.registers.models import Batch
rows = descriptor.get({name!r}).model.objects
print(*[b.state for b in Batch.objects.order_by("pk")], rows.count() > 0, rows.visible().count())
"""


def test_an_import_that_is_checked_and_loaded_at_once_survives_kill_9(node, tmp_path):
    """Killed while the file is half checked and half written: nobody sees a row, and the same command does it all."""
    (tmp_path / "node").mkdir()
    file = tmp_path / "rows.csv"
    lines = [f"K-{i},文〔2026〕1号,{i},地块{i},100.5,990121001" for i in range(ROWS)]
    file.write_text("\n".join(["parcel_key,doc_no,parcel_no,name,area,division", *lines]), encoding="utf-8")

    def run(program, **values):
        text = program.format(name=NAME, file=str(file), **values)
        return subprocess.run([sys.executable, "-c", text], env=node, capture_output=True, text=True, check=False)

    killed = run(_DIRECT, dies=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert run(_SEEN).stdout.split() == ["loading", "True", "0"]
    again = run(_DIRECT, dies=False)
    assert again.stdout.split() == ["visible", str(ROWS)], again.stderr
    assert run(_SEEN).stdout.split() == ["failed", "visible", "True", str(ROWS)]
