"""Prebuilt tiles: the same as those made on demand, whole or not at all, found when changed."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest
from django.db import transaction

from jintu.foundation.journal.models import Entry
from jintu.foundation.layers import drawing, pyramid, tiles, tileset, versions
from jintu.foundation.operations import jobs
from jintu.foundation.operations.models import Job
from jintu.kernel.errors import Refused
from jintu.kernel.formats import mvt, pmtiles

from . import grid
from .test_tiles import address, decoded, where

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


@pytest.fixture(autouse=True)
def _own_blocks(monkeypatch, tmp_path):
    """No test takes up the blocks that another one left."""
    monkeypatch.setattr(pyramid, "_scratch", lambda version, to: tmp_path / f"blocks-{version.layer}-{to}")


def around(zoom: int) -> list[tuple[int, int, int]]:
    """All tiles that the grid county touches, and one more on every side."""
    corners = [mvt.tile_of(zoom, *grid.lonlat(grid.cell(i, j)).centroid.coords[0]) for i, j in ((0, 0), (5, 4))]
    (x1, y1), (x2, y2) = corners
    return [
        (zoom, x, y) for x in range(min(x1, x2) - 1, max(x1, x2) + 2) for y in range(min(y1, y2) - 1, max(y1, y2) + 2)
    ]


def archive(version) -> bytes:
    return (version.directory / tileset.TILES).read_bytes()


@pytest.mark.parametrize("table", ["DLTB", "XZQ", "JSYDGZQ"])
def test_every_prebuilt_tile_is_the_one_made_on_demand(county, table: str, monkeypatch) -> None:
    version = county[table]
    live = {at: tiles.tile([version], *at) for zoom in range(4, 15) for at in around(zoom)}
    pyramid.build(version)
    monkeypatch.setattr(tiles, "_live", lambda *a: pytest.fail("made again"))
    assert {at: tiles.tile([version], *at) for at in live} == live
    assert sum(map(bool, live.values())) > 10


def test_an_independent_reader_finds_what_was_built(county) -> None:
    version = county["DLTB"]
    built = pyramid.build(version)
    content = archive(version)
    opened = pmtiles.Archive(lambda offset, length: content[offset : offset + length])
    found = dict(opened.tiles())
    assert len(found) == built.tiles and opened.zooms[1] == 14 and opened.metadata["jintu"]["version"] == version.hash
    assert opened.metadata["vector_layers"][0]["id"] == "survey.DLTB"
    for at in ((13, *where(13)[1:]), (14, *where(14)[1:])):
        features = decoded(found[at])["survey.DLTB"]["features"]
        assert features and all(f["properties"]["land_use_code"] for f in features)


def test_the_same_version_gives_the_same_bytes(county) -> None:
    version = county["DLTB"]
    first = pyramid.build(version)
    before = archive(version)
    again = pyramid.build(version)
    assert archive(version) == before and first == again
    said = json.loads((version.directory / tileset.FACTS).read_text())
    assert said["hash"] == f"sha256:{hashlib.sha256(before).hexdigest()}" and said["bytes"] == len(before)


def test_the_versions_own_hash_stays_and_the_whole_is_verified(county) -> None:
    version = county["DLTB"]
    before = (version.hash, version.manifest_hash)
    pyramid.build(version)
    version.refresh_from_db()
    assert (version.hash, version.manifest_hash) == before and version.tiles_hash
    assert versions.verify(version) == []


@pytest.mark.parametrize("at", ["header", "tile", "facts", "missing"])
def test_a_changed_byte_is_found(county, at: str) -> None:
    version = county["DLTB"]
    pyramid.build(version)
    path = version.directory / (tileset.FACTS if at == "facts" else tileset.TILES)
    if at == "missing":
        path.unlink()
        assert tiles.tile([version], *where(14))  # made on demand
        assert versions.verify(version) == ["tiles.pmtiles is missing"]
        return
    content = bytearray(path.read_bytes())
    content[{"header": 3, "tile": -5, "facts": 20}[at]] ^= 1
    path.write_bytes(content)
    assert versions.verify(version) == [f"{path.name} was changed"]
    with pytest.raises(Refused, match=path.name):
        tiles.tile([version], *where(14))


def test_a_killed_build_goes_on_where_it_stopped(county, monkeypatch) -> None:
    version = county["DLTB"]
    pyramid.build(version)
    whole = archive(version)
    plain, made = pyramid._block_tiles, []

    def counted(*arguments):
        made.append(arguments[1])
        return plain(*arguments)

    def killed(done: int, total: int, message: str) -> None:
        if message == "writing":
            raise jobs.Cancelled

    monkeypatch.setattr(pyramid, "_block_tiles", counted)
    with pytest.raises(jobs.Cancelled):
        pyramid.build(version, progress=killed)
    assert made
    blocks = len(made)
    pyramid.build(version)
    assert len(made) == blocks and archive(version) == whole


def test_publishing_asks_the_worker_and_does_not_wait(county) -> None:
    asked = Job.objects.filter(kind="layers.tiles")
    assert {j.arguments["version"] for j in asked} == {v.pk for v in county.values()}
    assert {j.state for j in asked} == {Job.State.QUEUED}
    assert not (county["DLTB"].directory / tileset.TILES).exists()


def test_the_job_builds_once_and_is_in_the_journal(county) -> None:
    version = county["XZQ"]
    said = []
    job = jobs.run_here("layers.tiles", version=version.pk, progress=lambda *a: said.append(a))
    assert job.result["tiles"] and any(total for _, total, _ in said)
    entry = Entry.objects.filter(act="layer.tiles").latest("pk")
    assert entry.facts["tiles_hash"] == job.result["hash"] and entry.facts["hash"] == version.hash
    assert jobs.run_here("layers.tiles", version=version.pk).result == {"tiles": 0}


def test_tiles_of_another_edition_are_not_served(county, monkeypatch) -> None:
    version = county["DLTB"]
    pyramid.build(version)
    assert pyramid.is_current(version)
    monkeypatch.setattr(tileset, "EDITION", "next")
    tileset._archive.cache_clear()
    assert tileset.tile(version, *where(14)) is None and not pyramid.is_current(version)
    tileset._archive.cache_clear()


def test_a_large_version_is_read_by_its_box_only(county, monkeypatch) -> None:
    version = county["DLTB"]
    whole = tiles.drawing.encoded([version], *where(15))
    monkeypatch.setattr(versions, "held", lambda v: None)
    monkeypatch.setattr(versions, "resident", lambda v: pytest.fail("read whole"))
    assert drawing.encoded([version], *where(15)) == whole


def test_the_browser_gets_prebuilt_tiles_by_the_same_address(county, director) -> None:
    version = county["DLTB"]
    pyramid.build(version)
    answer = director.get(address(version), headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200 and "immutable" in answer["Cache-Control"]
    assert gzip.decompress(answer.content) == drawing.encoded([version], *where(14))


def test_a_failed_settlement_leaves_no_trace(county, monkeypatch) -> None:
    version = county["DLTB"]

    def broken(*_):
        raise OSError("no room")

    monkeypatch.setattr(pyramid.lake, "add", broken)
    with pytest.raises(OSError, match="no room"), transaction.atomic():
        pyramid.build(version)
    version.refresh_from_db()
    assert version.tiles_hash == "" and not Entry.objects.filter(act="layer.tiles").exists()
