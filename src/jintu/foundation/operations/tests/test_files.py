"""The store: named by content, checked by content, and nothing left of what is refused."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jintu.foundation.operations import files
from jintu.foundation.operations.models import StoredFile
from jintu.kernel.errors import InputError, Missing, Unsupported

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "root", lambda: tmp_path / "files")


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
GOOD = {
    "a.pdf": (PDF, "application/pdf"),
    "A.PDF": (PDF, "application/pdf"),
    "照片.jpg": (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
    "a.png": (b"\x89PNG\r\n\x1a\nrest", "image/png"),
    "a.zip": (zipped("地块.shp", "地块.dbf"), "application/zip"),
    "a.xlsx": (
        zipped("[Content_Types].xml", "xl/workbook.xml"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "a.docx": (
        zipped("[Content_Types].xml", "word/document.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "公文.ofd": (zipped("OFD.xml", "Doc_0/Document.xml"), "application/ofd"),
    "a.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "application/x-ole-storage"),
    "utf8.csv": ("地块编号,面积\n1,2\n".encode(), "text/csv"),
    "layer.vct": ("HeadBegin\nDataMark:CNSDTF-VCT\n地类图斑\n".encode("gb18030"), "text/plain"),
    "gbk.csv": ("地块编号,面积\n1,2\n".encode("gb18030"), "text/csv"),
    "界址点.txt": ("[属性描述]\n坐标系=2000国家大地坐标系\n".encode("gb18030"), "text/plain"),
    "a.geojson": (b'{"type": "FeatureCollection", "features": []}', "application/json"),
    "a.gpkg": (b"SQLite format 3\x00" + bytes(52) + b"GPKG" + bytes(28), "application/geopackage+sqlite3"),
    "a.parquet": (b"PAR1....PAR1", "application/vnd.apache.parquet"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_files_are_kept_by_their_content(name: str) -> None:
    content, media_type = GOOD[name]
    kept = files.store(io.BytesIO(content), name)
    assert (kept.media_type, kept.size, kept.name) == (media_type, len(content), name)
    assert kept.sha256 == hashlib.sha256(content).hexdigest()
    with files.open(kept.sha256) as stream:
        assert stream.read() == content


BAD: dict[str, tuple[bytes, type[Exception]]] = {
    "empty.pdf": (b"", InputError),
    "program.pdf": (b"MZ\x90\x00\x03", Unsupported),
    "elf.csv": (b"\x7fELF\x02\x01\x01\x00", Unsupported),
    "script.txt": (b"#!/bin/sh\nrm -rf /\n", Unsupported),
    "page.txt": (b"  <!DOCTYPE html><p>", Unsupported),
    "hidden.csv": (b"a,b\n1,<script>alert(1)</script>\n", Unsupported),
    "picture.png": (PDF, Unsupported),
    "table.xlsx": (zipped("[Content_Types].xml", "word/document.xml"), Unsupported),
    "broken.zip": (b"PK\x03\x04 and nothing behind it", Unsupported),
    "page.html": (b"<html>", Unsupported),
    "logo.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Unsupported),
    "macro.exe": (b"MZ", Unsupported),
    "nosuffix": (b"text", Unsupported),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_leave_nothing_behind(name: str, tmp_path: Path) -> None:
    content, error = BAD[name]
    with pytest.raises(error) as raised:
        files.store(io.BytesIO(content), name)
    assert raised.value.place.file == name
    assert not StoredFile.objects.exists()
    assert [p for p in (tmp_path / "files").rglob("*") if p.is_file()] == []


def test_a_file_over_the_limit_is_refused(settings: Any, tmp_path: Path) -> None:
    settings.JINTU_FILE_LIMIT = 3 << 20
    with pytest.raises(InputError, match="larger than 3 MB"):
        files.store((b"x" * (1 << 20) for _ in range(5)), "a.txt")
    assert [p for p in (tmp_path / "files").rglob("*") if p.is_file()] == []


def test_the_same_content_is_stored_once(tmp_path: Path) -> None:
    first = files.store(io.BytesIO(PDF), "one.pdf")
    again = files.store(SimpleUploadedFile("two.pdf", PDF), "two.pdf")
    assert first == again
    assert again.name == "one.pdf"
    assert len([p for p in (tmp_path / "files").rglob("*") if p.is_file()]) == 1


@pytest.mark.parametrize("name", ["../../etc/a.pdf", "C:\\temp\\a.pdf", "/a.pdf"])
def test_paths_in_names_are_dropped(name: str, tmp_path: Path) -> None:
    kept = files.store(io.BytesIO(PDF), name)
    assert kept.name == "a.pdf"
    assert files.path_of(kept.sha256).is_relative_to(tmp_path / "files")


@pytest.mark.parametrize("sha256", ["", "../../jintu.toml", "A" * 64, "0" * 64])
def test_what_is_not_there_is_missing(sha256: str) -> None:
    with pytest.raises(Missing):
        files.open(sha256)


def test_the_browser_runs_nothing_from_a_stored_file() -> None:
    pdf = files.response(files.store(io.BytesIO(PDF), "批文 1.pdf").sha256)
    assert pdf["Content-Disposition"].startswith("inline")
    table = files.response(files.store(io.BytesIO(b"a,b\n"), "a.csv").sha256)
    assert table["Content-Disposition"].startswith("attachment")
    for answer in (pdf, table):
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"].startswith("sandbox")
    with pytest.raises(Missing):
        files.response("0" * 64)
    assert [f.name for f in files.about({"0" * 64})] == []
