"""``jintu demo`` from nothing: a node, the county in it, everything planted found and nothing else; then once more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PATCHES = "4000"


def demo(data: Path, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("JINTU_")} | {"JINTU_LANGUAGE": "en"}
    command = [
        sys.executable,
        "-m",
        "jintu.cli",
        "--data",
        str(data),
        "demo",
        "--no-serve",
        "--patches",
        PATCHES,
        *more,
    ]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    data = tmp_path_factory.mktemp("demo")
    return data, demo(data)


def summary(data: Path) -> dict[str, Any]:
    return json.loads((data / "summary.json").read_text(encoding="utf-8"))


def test_everything_planted_is_found_and_nothing_else(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    data, done = first
    assert done.returncode == 0, done.stderr
    s = summary(data)
    assert s["injected"] == s["found"] > 50
    assert (s["missed"], s["extra"]) == (0, 0), done.stdout
    assert "areas off 0" in done.stdout
    assert sum(f["count"] for f in s["findings"].values()) == s["found"]


def test_summary_keeps_the_contract(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    data, done = first
    s = summary(data)
    assert set(s) == {"injected", "found", "missed", "extra", "findings", "stages", "patches", "rows"}
    assert set(s["findings"]["R03"]) == {"count", "area_m2"}
    assert s["rows"]["land.approval"] > 20 and s["patches"] > 3000
    assert done.stdout.splitlines()[-1] == str(data / "summary.json"), "its path is printed last"


def test_passwords_are_kept_from_other_eyes(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    data, done = first
    assert (data / "users.txt").stat().st_mode & 0o777 == 0o600
    lines = (data / "users.txt").read_text().splitlines()
    assert len(lines) == 10
    for line in lines:
        account, password = line.split()
        assert account in done.stdout and password in done.stdout
        assert password.encode() not in (data / "jintu.gpkg").read_bytes()


def test_the_second_run_loads_nothing_and_says_the_same(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    data, done = first
    before = summary(data)
    again = demo(data)
    assert again.returncode == 0, again.stderr
    after = summary(data)
    assert after["stages"]["layers"] == after["stages"]["registers"] == 0.0
    assert after["stages"]["generate"] < 2 < before["stages"]["generate"] + before["stages"]["load"]
    assert {k: v for k, v in after.items() if k != "stages"} == {k: v for k, v in before.items() if k != "stages"}
    accounts = [line for line in done.stdout.splitlines() if line.endswith("经办")]
    assert accounts and all(line in again.stdout for line in accounts)


def test_another_county_in_the_same_node_is_refused(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    data, _ = first
    other = demo(data, "--seed", "2")
    assert other.returncode != 0
    assert "another sample county" in other.stderr
    assert json.loads((data / "sample" / "sample.json").read_text())["seed"] == 1, "nothing was overwritten"
