"""Tiles kept on disc: whole or not at all, within a limit, the least recently used go first."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from jintu.foundation.layers import keeping


@pytest.fixture
def cache(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(keeping, "_files", _files_of(tmp_path))
    return tmp_path


def _files_of(folder: Path):
    return lambda: ((str(p), p.stat()) for p in folder.rglob("*") if p.is_file())


def aged(path: Path, hours: float) -> Path:
    keeping.keep(path, b"x" * 100)
    then = time.time() - hours * 3600
    os.utime(path, (then, then))
    return path


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "9" / "8" / "7.mvt.gz"
    assert keeping.kept(path) is None
    keeping.keep(path, b"tile")
    keeping.keep(path.with_name("8.mvt.gz"), b"")
    assert keeping.kept(path) == b"tile" and keeping.kept(path.with_name("8.mvt.gz")) == b""
    assert sorted(p.name for p in path.parent.iterdir()) == ["7.mvt.gz", "8.mvt.gz"]


def test_the_least_recently_used_go_first(cache: Path) -> None:
    old, used, new = (aged(cache / name, hours) for name, hours in (("old", 5), ("used", 9), ("new", 1)))
    keeping.kept(used)  # looked at now
    assert keeping.trim(300) == 0
    assert keeping.trim(250) == 1
    assert not old.exists() and used.exists() and new.exists()
    assert keeping.trim(0) == 2 and keeping.kept(used) is None


def test_a_process_looks_at_the_size_now_and_then(cache: Path, settings, monkeypatch) -> None:
    monkeypatch.setattr(keeping, "EVERY", 3)
    settings.JINTU_TILE_CACHE_BYTES = 250
    for number in range(9):
        aged(cache / str(number), 9 - number)
    assert len(list(cache.iterdir())) <= 4 and (cache / "8").exists()


def test_plain_and_thematic_tiles_are_counted_and_nothing_else(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(keeping, "settings", SimpleNamespace(NODE=SimpleNamespace(data=tmp_path)))
    counted = [tmp_path / "cache" / "tiles" / "6" / "a", tmp_path / "cache" / "atlas" / "1" / "tile" / "ab" / "b"]
    others = [tmp_path / "cache" / "atlas" / "1" / "theme" / "ab" / "c", tmp_path / "cache" / "pictures" / "d"]
    for path in (*counted, *others):
        keeping.keep(path, b"x")
    assert keeping.trim(0) == 2
    assert all(p.exists() for p in others) and not any(p.exists() for p in counted)
