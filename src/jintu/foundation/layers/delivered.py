"""What a delivery was like: kept with each of its versions, for the rules about deliveries (Q11xx, Q6110).

Checksum lists (md5sum, sha256sum and the like: a digest, blanks, a name) are compared; metadata is read as XML, of
whatever standard: elements by their names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from .delivery import Delivery, Outcome

__all__ = ["LISTS", "checksums", "metadata", "record"]

DIGESTS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
LISTED = re.compile(r"^\s*(?P<digest>[0-9a-fA-F]{32,128})[\s*]+(?P<name>\S.*?)\s*$")
LISTS = re.compile(r"(\.(md5|sha1|sha256|sha512)|(md5|sha1|sha256|sha512)sums?(\.txt)?)$", re.IGNORECASE)
MOST_BYTES = 8 * 1024**2
"""Of a metadata file or a checksum list."""
MOST_TEXT, MOST_ITEMS = 500, 2_000
SPREADSHEETS = (".xlsx", ".xls", ".et")
EMPTY = "The file has no rows."


def record(delivery: Delivery, outcomes: list[Outcome]) -> dict[str, Any]:
    """JSON facts of a delivery and of what became of its tables."""
    unreadable = [{"file": name, "reason": reason} for name, reason in delivery.broken.items()]
    empty = []
    for o in outcomes:
        if o.error is not None and o.error.sentence == EMPTY:
            empty.append(o.found.schema.table)
        elif o.error is not None and not o.problems and o.error.place.row is None:
            unreadable.append({"file": o.found.name, "reason": str(o.error)})
    return {
        "name": delivery.name,
        "structure": delivery.structure.name,
        "division": delivery.division,
        "year": delivery.year,
        "missing": [s.table for s in delivery.missing],
        "lacking": {
            "directories": delivery.no_directories,
            "documents": delivery.no_documents,
        },
        "unknown": delivery.unknown,
        "unreadable": unreadable,
        "empty": empty,
        "checksums": delivery.checksums,
        "metadata": delivery.metadata,
        "workbooks": workbooks(delivery),
    }


def workbooks(delivery: Delivery) -> list[dict[str, str]]:
    """Spreadsheets of the delivery that are no layers, put into the store of files: file, sha256."""
    from jintu.foundation.operations import files

    found = []
    for name in delivery.documents:
        path = delivery.root / name if delivery.root else None
        if path is None or path.suffix.lower() not in SPREADSHEETS or name in delivery.broken:
            continue
        with path.open("rb") as stream:
            found.append({"file": name, "sha256": files.store(stream, path.name).sha256})
    return found


def checksums(root: Path) -> list[dict[str, str]]:
    """Files that a checksum list of the directory names: file, the digest listed, the digest found ("" where the file
    is not there)."""
    found = []
    for path in sorted(p for p in root.rglob("*") if p.is_file() and LISTS.search(p.name)):
        if path.stat().st_size > MOST_BYTES:
            continue
        for line in path.read_text("utf-8", "replace").splitlines():
            listed = LISTED.match(line)
            kind = DIGESTS.get(len(listed["digest"])) if listed else None
            if listed is None or kind is None:
                continue
            name = listed["name"].replace("\\", "/")
            found.append({"file": name, "listed": listed["digest"].lower(), "found": _digest(root, path, name, kind)})
    return found


def _digest(root: Path, listing: Path, name: str, kind: str) -> str:
    """Of a file named relative to its list or to the delivery; a name that leads out of the delivery names nothing."""
    for base in (listing.parent, root):
        path = (base / name).resolve()
        if path.is_file() and path.is_relative_to(root.resolve()):
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, kind).hexdigest()
    return ""


def metadata(path: Path, name: str) -> dict[str, Any]:
    """``file``; ``items``: element name → its first text; ``groups``: elements whose children hold one text each, as
    name → text. ``error`` says why it cannot be read instead."""
    if path.stat().st_size > MOST_BYTES:
        return {"file": name, "error": "larger than 8 MiB"}
    data = path.read_bytes()
    if b"<!ENTITY" in data.upper():
        return {"file": name, "error": "declares entities"}
    try:
        top = ElementTree.fromstring(data)  # noqa: S314 - no entities, and of bounded size
    except ElementTree.ParseError as error:
        return {"file": name, "error": str(error)}
    items: dict[str, str] = {}
    groups: list[dict[str, str]] = []
    for element in top.iter():
        inside = dict(_texts(element))
        own = {_local(k): v[:MOST_TEXT] for k, v in element.attrib.items()} | inside
        if len(own) > 1 and len(groups) < MOST_ITEMS:
            groups.append(own)
        text = " ".join("".join(element.itertext()).split())[:MOST_TEXT]
        if text and len(items) < MOST_ITEMS:
            items.setdefault(_local(element.tag), text)
    return {"file": name, "items": items, "groups": groups}


def _texts(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Children without children of their own, and their texts."""
    for child in element:
        if not len(child) and child.text and child.text.strip() and isinstance(child.tag, str):
            yield _local(child.tag), " ".join(child.text.split())[:MOST_TEXT]


def _local(tag: Any) -> str:
    """The name of an element or attribute without its namespace."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
