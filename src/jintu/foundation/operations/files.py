"""The store of files: named by the hash of their content, checked by their content, never by their name alone."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.conf import settings
from django.core import signing
from django.http import FileResponse

from jintu.kernel.errors import InputError, Missing, Place, Unsupported

from .models import StoredFile

__all__ = ["about", "by_ticket", "media_type_of", "open", "path_of", "response", "store", "ticket"]

BLOCK = 1 << 20
_open = open
_TICKETS = "operations.files.ticket"
"""Salt of tickets: a signature made for anything else is none."""

_TYPES = {
    ".pdf": ("application/pdf",),
    ".png": ("image/png",),
    ".jpg": ("image/jpeg",),
    ".jpeg": ("image/jpeg",),
    ".tif": ("image/tiff",),
    ".tiff": ("image/tiff",),
    ".zip": ("application/zip",),
    ".docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document",),
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",),
    ".doc": ("application/x-ole-storage",),
    ".xls": ("application/x-ole-storage",),
    ".wps": ("application/x-ole-storage",),
    ".et": ("application/x-ole-storage",),
    ".ofd": ("application/ofd", "application/zip"),
    ".gpkg": ("application/geopackage+sqlite3",),
    ".parquet": ("application/vnd.apache.parquet",),
    ".shp": ("application/vnd.shp",),
    ".dbf": ("application/vnd.dbf",),
    ".csv": ("text/csv",),
    ".txt": ("text/plain",),
    ".md": ("text/plain",),
    ".vct": ("text/plain",),
    ".json": ("application/json",),
    ".geojson": ("application/json",),
    ".xml": ("application/xml",),
}
"""What a file of that suffix may contain. Other suffixes are refused: what nobody can open is not kept."""

_SHOWN_INLINE = {"application/pdf", "image/png", "image/jpeg"}
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"\x00\x00\x27\x0a", "application/vnd.shp"),
)
_TEXT = {".csv": "text/csv", ".json": "application/json", ".geojson": "application/json", ".xml": "application/xml"}
_ACTIVE = (b"<html", b"<!doctype html", b"<script", b"<svg", b"<?php", b"#!")


def root() -> Path:
    return Path(settings.NODE.files)


def path_of(sha256: str) -> Path:
    """Where the content with that hash lies, whether or not it does."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise Missing("There is no such file.")
    return root() / sha256[:2] / sha256


def limit() -> int:
    """Bytes a single file may have."""
    return getattr(settings, "JINTU_FILE_LIMIT", 2 << 30)


def store(stream: IO[bytes] | Iterable[bytes], name: str) -> StoredFile:
    """Keep a file. The same content is kept once, under the name it first came with.

    Raises `Unsupported` for content that is not what the name says or that we do not keep, `InputError` for an empty
    file or one over the limit. Nothing remains of a refused file.
    """
    name = PurePosixPath(name.replace("\\", "/")).name.strip() or "file"
    place = Place(file=name)
    incoming = root() / ".incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    handle, draft_name = tempfile.mkstemp(dir=incoming)
    draft = Path(draft_name)
    try:
        with os.fdopen(handle, "wb") as out:
            for block in _blocks(stream):
                size += len(block)
                if size > limit():
                    raise InputError(
                        "The file is larger than {limit} MB.",
                        place=place,
                        remedy="Split it, or compress it.",
                        limit=limit() >> 20,
                    )
                digest.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if not size:
            raise InputError("The file is empty.", place=place)
        media_type = media_type_of(draft, name)
        sha256 = digest.hexdigest()
        target = path_of(sha256)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.chmod(0o640)
            draft.replace(target)
        kept, _ = StoredFile.objects.get_or_create(
            sha256=sha256, defaults={"size": size, "name": name[-255:], "media_type": media_type}
        )
        return kept
    finally:
        draft.unlink(missing_ok=True)


def _blocks(stream: IO[bytes] | Iterable[bytes]) -> Iterator[bytes]:
    if hasattr(stream, "chunks"):  # Django's uploads
        yield from stream.chunks(BLOCK)
    elif hasattr(stream, "read"):
        while block := stream.read(BLOCK):
            yield block
    else:
        yield from stream


def media_type_of(file: Path, name: str) -> str:
    """The media type by content, which must be one the suffix of the name allows. Raises `Unsupported`."""
    place, suffix = Place(file=name), PurePosixPath(name).suffix.lower()
    allowed = _TYPES.get(suffix)
    if allowed is None:
        raise Unsupported(
            "Files of the kind {suffix} are not kept.",
            place=place,
            remedy="Convert it to PDF, an image, a spreadsheet or a ZIP archive.",
            suffix=suffix or "?",
        )
    found = _sniff(file, suffix)
    if found not in allowed:
        raise Unsupported(
            "The file is called {suffix}, but its content is something else ({found}).",
            place=place,
            remedy="Open it with the program it was made with and save it in the right format.",
            suffix=suffix,
            found=found or "?",
        )
    return found


def _sniff(file: Path, suffix: str) -> str:
    with _open(file, "rb") as stream:
        head = stream.read(8192)
    if head.startswith(b"SQLite format 3\x00"):
        return "application/geopackage+sqlite3" if head[68:72] in (b"GPKG", b"GP10", b"GP11") else "application/sqlite3"
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return _sniff_zip(file) if media_type == "application/zip" else media_type
    if suffix == ".dbf" and head[:1] in b"\x03\x30\x31\x83\x8b\xf5" and len(head) >= 32:
        return "application/vnd.dbf"
    if not _is_text(head):
        return "application/octet-stream"
    lowered = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if lowered.startswith(_ACTIVE) or b"<script" in lowered:
        return "text/html"
    return _TEXT.get(suffix, "text/plain")


def _sniff_zip(file: Path) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "application/octet-stream"
    if "[Content_Types].xml" in names:
        if any(n.startswith("word/") for n in names):
            return _TYPES[".docx"][0]
        if any(n.startswith("xl/") for n in names):
            return _TYPES[".xlsx"][0]
    return "application/ofd" if "OFD.xml" in names else "application/zip"


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True  # UTF-16, as Excel saves "Unicode text"
    if b"\x00" in head:
        return False
    for encoding in ("utf-8", "gb18030"):
        try:
            head.decode(encoding)
            return True
        except UnicodeDecodeError as error:
            if error.start >= len(head) - 4:  # a character cut in two by the end of the block
                return True
    return False


def about(hashes: Iterable[str]) -> list[StoredFile]:
    """What is known of these files."""
    return list(StoredFile.objects.filter(sha256__in=list(hashes)).order_by("name"))


def ticket(sha256: str, user: int) -> str:
    """What a page hands on to name a file that this user may read again, and nobody else.

    The hash alone is no ground: pages of versions print it to people who may not see the file itself.
    """
    return signing.dumps([sha256, user], salt=_TICKETS)


def by_ticket(signed: str, user: int) -> StoredFile:
    """The file a ticket of this node names to this user. Raises `Missing`."""
    try:
        sha256, holder = signing.loads(signed, salt=_TICKETS)
    except signing.BadSignature:
        raise Missing("There is no such file.") from None
    kept = StoredFile.objects.filter(sha256=sha256).first() if holder == user else None
    if kept is None:
        raise Missing("There is no such file.")
    return kept


def open(sha256: str) -> IO[bytes]:
    """The content, for reading. Raises `Missing`."""
    try:
        return path_of(sha256).open("rb")
    except FileNotFoundError:
        raise Missing("There is no such file.") from None


def response(sha256: str, name: str = "") -> FileResponse:
    """The file as a download; PDF and images open in the browser, without any right to run scripts.

    The caller has checked that the person may see it.
    """
    kept: Any = StoredFile.objects.filter(sha256=sha256).first()
    if kept is None:
        raise Missing("There is no such file.")
    inline = kept.media_type in _SHOWN_INLINE
    answer = FileResponse(
        open(sha256), as_attachment=not inline, filename=name or kept.name, content_type=kept.media_type
    )
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    answer["Cache-Control"] = "private, max-age=0, must-revalidate"
    return answer
