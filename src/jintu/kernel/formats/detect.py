"""What a file is, by its content first and its name second."""

from __future__ import annotations

import zipfile
from pathlib import Path

from jintu.kernel.errors import InputError, Missing, Place, Unsupported
from jintu.kernel.formats.source import Limits

__all__ = ["EXTENSIONS", "detect"]

EXTENSIONS = {
    ".shp": "shp",
    ".dbf": "dbf",
    ".gpkg": "gpkg",
    ".gdb": "fgdb",
    ".geojson": "geojson",
    ".json": "geojson",
    ".parquet": "geoparquet",
    ".geoparquet": "geoparquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
    ".ods": "xlsx",
    ".txt": "txt",
    ".vct": "vct",
    ".zip": "zip",
}

CONTENT = {
    "shp": "an ESRI shapefile",
    "sqlite": "an SQLite database or GeoPackage",
    "geoparquet": "a Parquet file",
    "zip": "a ZIP archive",
    "ole": "an old Office file (.xls)",
    "workbook": "a spreadsheet (.xlsx)",
    "json": "JSON",
    "html": "a web page or XML",
    "pdf": "a PDF document",
    "image": "an image",
    "rar": "a RAR or 7z archive",
    "text": "plain text",
    "binary": "an unknown binary file",
    "dbf": "a dBase table",
}

# kind of content -> formats it may be read as
MATCHES = {
    "shp": {"shp"},
    "sqlite": {"gpkg"},
    "geoparquet": {"geoparquet"},
    "zip": {"zip"},
    "workbook": {"xlsx"},
    "ole": {"xlsx"},
    "json": {"geojson"},
    "text": {"csv", "txt", "vct"},
    "dbf": {"dbf"},
}

# first byte of dBase II–7, FoxPro and Visual FoxPro tables, with and without memo
DBASE = {0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8C, 0x8E, 0xCB, 0xF5, 0xFB}


def content(path: Path) -> str:
    """Key of CONTENT for the file's first bytes."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    if head.startswith(b"\x00\x00\x27\x0a"):
        return "shp"
    if head.startswith(b"SQLite format 3\x00"):
        return "sqlite"
    if head.startswith(b"PAR1"):
        return "geoparquet"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return "workbook" if _is_workbook(path) else "zip"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "ole"
    if head.startswith((b"Rar!", b"7z\xbc\xaf")):
        return "rar"
    if head.startswith(b"%PDF"):
        return "pdf"
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"GIF8")):
        return "image"
    if path.suffix.lower() == ".dbf" and len(head) >= 32 and head[0] in DBASE:
        return "dbf"
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if bare[:1] in (b"{", b"["):
        # the header of a boundary-point file also starts with "[": "[属性描述]"
        return "json" if bare[:1] == b"{" or bare[1:2] in b'{["]\n\r 0123456789' else "text"
    if bare[:1] == b"<":
        return "html"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text"
    zeros = head[0::2].count(0), head[1::2].count(0)
    if max(zeros) > len(head) // 8 and min(zeros) <= len(head) // 200:
        return "text"  # UTF-16 without a byte-order mark
    return "binary" if any(zeros) else "text"


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    if "[Content_Types].xml" in names:
        return any(name.startswith("xl/") for name in names)
    return "mimetype" in names and "content.xml" in names


def detect(path: Path, limits: Limits) -> str:
    """The format to read the file as (a value of EXTENSIONS).

    Raises Missing (no such file), InputError (empty, too large, content belies the name) or Unsupported.
    """
    place = Place(file=path.name)
    if not path.exists():
        raise Missing("There is no file {name}.", place=place, name=path.name)
    named = EXTENSIONS.get(path.suffix.lower())
    if path.is_dir():
        if path.suffix.lower() == ".gdb" and any(path.glob("*.gdbtable")):
            return "fgdb"
        raise Unsupported(
            "{name} is a directory and not a file geodatabase.",
            place=place,
            remedy="Choose the file itself; a file geodatabase is a directory whose name ends in .gdb.",
            name=path.name,
        )
    size = path.stat().st_size
    if size == 0:
        raise InputError("The file is empty (0 bytes).", place=place, remedy="Export it again and upload it anew.")
    if size > limits.file_bytes:
        raise InputError(
            "The file has {size} bytes; at most {limit} are read.",
            place=place,
            remedy="Split it, for example by township.",
            size=size,
            limit=limits.file_bytes,
        )
    kind = content(path)
    may_be = MATCHES.get(kind, set())
    if named in may_be:
        return named
    if named is None and len(may_be) == 1:
        return next(iter(may_be))
    if named is None and kind == "text":
        return "csv"
    if named is None:
        raise Unsupported(
            "The file is {content}, which is not read.",
            place=place,
            remedy="Read are: {extensions}.",
            content=CONTENT[kind],
            extensions=", ".join(EXTENSIONS),
        )
    raise Unsupported(
        "The name says {suffix}, but the content is {content}.",
        place=place,
        remedy="Save it in the right format, or give it the extension that fits its content.",
        suffix=path.suffix.lower(),
        content=CONTENT[kind],
    )
