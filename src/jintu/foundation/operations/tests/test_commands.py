"""The life of a node from its command line: init, doctor, backup, restore, upgrade."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def jintu(data: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("JINTU_", "DJANGO_"))},
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    argv = [sys.executable, "-m", "jintu.cli", "--data", str(data), *arguments]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def asked(data: Path, *arguments: str, code: int = 0) -> Any:
    return json.loads(jintu(data, *arguments, "--json", code=code).stdout)


def test_a_node_from_its_making_to_its_restoring(tmp_path: Path) -> None:
    node = tmp_path / "node"
    refused = jintu(node, "doctor", code=5)
    assert "not fit to run" in refused.stdout
    (node / "jintu.gpkg").unlink(missing_ok=True)
    assert "jintu init" in jintu(node, "backup", str(tmp_path / "x"), code=5).stderr

    made = asked(node, "init", "--division", "990121", "--name", "示例县")
    assert {a["role"] for a in made["administrators"]} == {"system_admin", "security_admin", "audit_admin"}
    assert len({a["password"] for a in made["administrators"]}) == 3
    assert (node / "jintu.toml").stat().st_mode & 0o777 == 0o600
    assert "示例县" in (node / "jintu.toml").read_text(encoding="utf-8")
    assert "already" in jintu(node, "init", code=1).stderr  # and leaves the node as it is

    found = asked(node, "doctor")
    assert found["fit"] is True
    saved = asked(node, "backup", str(tmp_path / "saved.tar"))
    assert saved["manifest"].startswith("sha256:")

    new = tmp_path / "new"
    assert jintu(new, "restore", str(tmp_path / "saved.tar"), "--expect", "sha256:00", code=3)
    assert not new.exists()
    back = asked(
        new, "restore", str(tmp_path / "saved.tar"), "--expect", saved["manifest"], "--config", str(node / "jintu.toml")
    )
    assert back["parts"] == saved["files"]
    found = asked(new, "doctor", "--full")
    assert found["fit"] is True
    journal = next(f for f in found["findings"] if f["check"] == "journal")
    assert journal["facts"]["entries"] == 4  # three accounts, and the restoring
    accounts = asked(new, "user", "list")
    assert {a["account"] for a in accounts} == {a["account"] for a in made["administrators"]}
    assert asked(new, "upgrade") == {"migrations": [], "saved": ""}


@pytest.mark.parametrize("arguments", [["--help"], ["init", "--help"], ["serve", "--help"]])
def test_help_needs_no_node(tmp_path: Path, arguments: list[str]) -> None:
    assert "Usage" in jintu(tmp_path / "none", *arguments).stdout
    assert not (tmp_path / "none").exists()


def test_a_node_whose_database_is_elsewhere_says_so(tmp_path: Path) -> None:
    """What JINTU_DATABASE said when it was made and nobody says now is no missing node."""
    node = tmp_path / "node"
    node.mkdir()
    (node / "jintu.toml").write_text('secret_key = "s"\ndivision = "990121"\n', encoding="utf-8")
    said = jintu(node, "backup", str(tmp_path / "x"), code=5).stderr
    assert "JINTU_DATABASE" in said
    assert "jintu init" not in said
