"""The container: what is written is what is read, whatever the order of asking."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jintu.kernel.formats import pmtiles

BOX = (118.0, 36.0, 118.5, 36.4)


@given(st.dictionaries(st.integers(0, 5_000), st.binary(min_size=1, max_size=40), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read(tmp_path_factory, tiles: dict[int, bytes]) -> None:
    path = tmp_path_factory.mktemp("p") / "a.pmtiles"
    count = pmtiles.write(path, sorted(tiles.items()), BOX, {"name": "a"})
    content = path.read_bytes()
    archive = pmtiles.Archive(lambda offset, length: content[offset : offset + length])
    assert count == len(tiles) and archive.metadata == {"name": "a"}
    assert all(archive.tile(*pmtiles.zxy(place)) == data for place, data in tiles.items())
    absent = next(n for n in range(6_000) if n not in tiles)
    assert archive.tile(*pmtiles.zxy(absent)) == b""
    assert {pmtiles.tile_id(*at): data for at, data in archive.tiles()} == tiles
    assert [p.name for p in path.parent.iterdir()] == ["a.pmtiles"]


def test_many_tiles_have_leaf_directories(tmp_path) -> None:
    first = pmtiles.tile_id(10, 0, 0)
    draw = random.Random(1)
    tiles = [(first + 9 * n + draw.randrange(7), draw.randbytes(draw.randrange(1, 900))) for n in range(20_000)]
    pmtiles.write(tmp_path / "a", tiles, BOX, {})
    content = (tmp_path / "a").read_bytes()
    reads = []

    def get(offset: int, length: int) -> bytes:
        reads.append(length)
        return content[offset : offset + length]

    archive = pmtiles.Archive(get)
    assert archive.header["leaf_directory_length"]
    assert archive.tile(*pmtiles.zxy(tiles[777][0])) == tiles[777][1]
    before = len(reads)
    assert archive.tile(*pmtiles.zxy(tiles[778][0])) == tiles[778][1]
    assert len(reads) == before + 1  # directories are kept: one read a tile
    assert archive.tile(*pmtiles.zxy(tiles[777][0] + 7)) == b""


@pytest.mark.parametrize("places", [[], [3, 3], [4, 2]])
def test_disorder_is_refused(tmp_path, places: list[int]) -> None:
    with pytest.raises(ValueError):
        pmtiles.write(tmp_path / "a", [(p, b"x") for p in places], BOX, {})
