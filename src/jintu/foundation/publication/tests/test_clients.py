"""GDAL, as Debian has it and as pyogrio carries it, opens what is open from a server that runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from jintu.foundation.layers import schemas

needs_gdal = pytest.mark.skipif(not shutil.which("ogrinfo"), reason="no GDAL command line: install gdal-bin")
pytestmark = pytest.mark.django_db(transaction=True)


def run(*command: str) -> str:
    with tempfile.TemporaryDirectory() as cache:  # GDAL keeps tiles in the working directory unless told where
        environment = {**os.environ, "GDAL_DEFAULT_WMS_CACHE_PATH": cache}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=cache
        )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-1500:]
    return done.stdout


@pytest.fixture
def service(live_server, land_use) -> str:
    return f"{live_server.url}/open"


@needs_gdal
def test_ogrinfo_reads_features(service, land_use) -> None:
    assert land_use in run("ogrinfo", f"OAPIF:{service}")
    text = run("ogrinfo", "-so", f"OAPIF:{service}", land_use)
    assert "Feature Count: 30" in text and "Polygon" in text
    for column in schemas.get("DLTB").public:
        assert f"{column}:" in text, column
    assert "owner_name" not in text


@needs_gdal
def test_ogr2ogr_copies_all_pages(service, land_use, tmp_path) -> None:
    target = tmp_path / "copy.gpkg"
    run("ogr2ogr", "-oo", "PAGE_SIZE=7", str(target), f"OAPIF:{service}", land_use)
    text = run("ogrinfo", "-so", str(target), land_use)
    assert "Feature Count: 30" in text


def test_pyogrio_reads_features(service, land_use) -> None:
    import pyogrio

    _, table = pyogrio.read_arrow(f"OAPIF:{service}", layer=land_use)
    assert table.num_rows == 30 and set(schemas.get("DLTB").public) <= set(table.column_names)
    _, some = pyogrio.read_arrow(f"OAPIF:{service}", layer=land_use, bbox=(118.70, 36.242, 118.7001, 36.2421))
    assert 0 < some.num_rows < 30


@needs_gdal
@pytest.mark.parametrize(("grid", "code"), [("c", "4490"), ("w", "3857")])
@pytest.mark.parametrize("way", ["kvp", "restful"])
def test_gdal_reads_wmts(service, land_use, tmp_path: Path, grid: str, code: str, way: str) -> None:
    """Where the patches lie the picture has their colours, beside them it is transparent: the grids are right."""
    rasterio = pytest.importorskip("rasterio")
    addresses = {
        "kvp": f"{service}/wmts?SERVICE=WMTS&REQUEST=GetCapabilities",
        "restful": f"{service}/wmts/1.0.0/WMTSCapabilities.xml",
    }
    source = f"WMTS:{addresses[way]},layer={land_use},tilematrixset={grid},tilematrix=17"
    text = run("gdalinfo", source)
    assert f'ID["EPSG",{code}]' in text and "Band 4" in text
    box = ("118.6975", "36.2500", "118.7125", "36.2395")  # the county and a margin: west, north, east, south
    target = tmp_path / "part.tif"
    run("gdal_translate", "-q", "-projwin", *box, "-projwin_srs", "EPSG:4326", source, str(target))
    with rasterio.open(target) as picture:
        pixels = picture.read()
        height, width = picture.shape
    middle = pixels[:, height // 2 - 40 : height // 2 + 40, width // 2 - 40 : width // 2 + 40]
    assert (middle[3] > 250).all()
    assert (pixels[3][:4] == 0).all() and (pixels[3][:, :4] == 0).all()
    share = (pixels[3] > 128).mean()
    assert 0.70 < share < 0.85  # 0.0135° × 0.0092° of 0.015° × 0.0105°


@needs_gdal
def test_gdal_reads_vector_tiles(service, land_use, tmp_path) -> None:
    from jintu.foundation.publication import opening
    from jintu.foundation.publication.tilesets import GRID

    top, _, left, _ = GRID.limits(14, opening.find(land_use).version.bbox)
    tile = f"{service}/collections/{land_use}/tiles/WebMercatorQuad/14/{top}/{left}"
    import urllib.request

    file = tmp_path / "tile.mvt"
    with urllib.request.urlopen(tile) as answer:
        file.write_bytes(answer.read())
    text = run("ogrinfo", "-al", "-so", f"MVT:{file}")
    assert "survey.DLTB" in text and "land_use_code" in text and "Feature Count: 0" not in text
