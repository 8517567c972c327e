"""Imports go down only, and nothing heavy is loaded where it must not be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("polars", "pyarrow", "numba", "duckdb", "pyogrio", "pandas")


def test_import_contracts_hold() -> None:
    """The floors of docs/adr/0001 as written in pyproject.toml."""
    from importlinter import api
    from importlinter.cli import lint_imports

    assert api is not None
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        assert lint_imports(no_cache=True) == 0
    finally:
        os.chdir(before)


def loaded(code: str, tmp_path: Path) -> set[str]:
    """Which of the heavy libraries a fresh process has loaded after running the code."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("JINTU_")},
        "JINTU_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "jintu.config.settings",
        "PYTHONPATH": str(ROOT / "src"),
    }
    ask = f"\nimport json, sys; print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code + ask], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import jintu.cli",
        "from click.testing import CliRunner; from jintu.cli import cli; CliRunner().invoke(cli, ['--help'])",
        # what the parent of forked workers has loaded when it forks; a child forked after Polars ran would hang
        "import django; django.setup(); import django_q.cluster; import jintu.foundation.operations.worker\n"
        "import jintu.foundation.journal.sealing; import jintu.config.commands.node",
    ],
    ids=["command line", "help", "forking parent"],
)
def test_heavy_libraries_are_loaded_on_use_only(code: str, tmp_path: Path) -> None:
    assert loaded(code, tmp_path) == set()


def test_help_does_not_load_django(tmp_path: Path) -> None:
    code = (
        "import jintu.cli\nimport sys\nassert 'django' not in sys.modules, 'the command line loads Django at start-up'"
    )
    assert loaded(code, tmp_path) == set()


def test_the_check_itself_can_fail(tmp_path: Path) -> None:
    assert loaded("import polars", tmp_path) == {"polars"}
