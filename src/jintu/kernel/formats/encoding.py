"""Which encoding a text is in. Strict decoding of the whole file decides, not statistics alone."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from pathlib import Path

from jintu.kernel.errors import InputError, Place

__all__ = ["canonical", "first_damage", "guess", "of_file", "prefers_gb"]

BLOCK = 1 << 20
ALIASES = {
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "cp936": "gb18030",
    "936": "gb18030",
    "ansi936": "gb18030",
    "utf8": "utf-8",
    "65001": "utf-8",
    "950": "big5",
    "big-5": "big5",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# "锟斤拷" is U+FFFD written as UTF-8 and read as GBK; "烫烫烫" uninitialised memory: text lost before it reached us
DAMAGE = ("\ufffd", "锟斤拷", "烫烫烫")


def canonical(name: str, place: Place | None = None) -> str:
    """Python codec name; GBK and GB 2312 are read as GB 18030, of which they are parts.

    >>> canonical("GBK"), canonical("UTF8")
    ('gb18030', 'utf-8')
    """
    wanted = ALIASES.get(name.strip().lower().replace("_", "-"), name.strip())
    try:
        return codecs.lookup(wanted).name if wanted != "utf-8-sig" else wanted
    except LookupError:
        raise InputError(
            "There is no encoding named {name}.", place=place, remedy="Use GB18030, UTF-8, UTF-16 or Big5.", name=name
        ) from None


def first_damage(path: Path, encoding: str) -> int:
    """Line (from 1) of the first text that was spoilt before it came, 0 when there is none."""
    if encoding in ("utf-8", "utf-8-sig"):
        return _first_damaged_byte(path)
    lines, rest = 1, ""
    with path.open(encoding=encoding, newline="") as stream:
        while block := stream.read(BLOCK):
            text = rest + block
            found = min((at for mark in DAMAGE if (at := text.find(mark)) >= 0), default=-1)
            if found >= 0:
                return lines + text.count("\n", 0, found)
            rest = text[-2:]  # a mark has three characters at most
            lines += text.count("\n", 0, len(text) - len(rest))
    return 0


def _first_damaged_byte(path: Path) -> int:
    """`first_damage` of a file in UTF-8, which need not be decoded: no character is part of another."""
    marks = [mark.encode() for mark in DAMAGE]
    lines, rest = 1, b""
    for block in _blocks(path):
        data = rest + block
        found = min((at for mark in marks if (at := data.find(mark)) >= 0), default=-1)
        if found >= 0:
            return lines + data.count(b"\n", 0, found)
        rest = data[1 - max(map(len, marks)) :]
        lines += data.count(b"\n", 0, len(data) - len(rest))
    return 0


def _plain_share(values: Sequence[bytes], encoding: str) -> float:
    """How much of the non-ASCII text is everyday writing, 0 to 1; 1.0 when there is none. A character cut in two at
    the end of a value is left out.

    GB 18030: signs and level 1 of GB 2312 (the 3 755 characters in daily use) count 1, level 2 (names, places) 0.6,
    level 1 of Big5 (the 5 401 traditional characters in daily use) 0.9, the rest 0. Big5: signs and level 1. UTF-8:
    everything of three bytes and more. Raises UnicodeDecodeError.
    """
    decoder = codecs.getincrementaldecoder(encoding)
    total, good = 0, 0.0
    for value in values:
        for c in decoder("strict").decode(value):
            if c <= "\x7f":
                continue
            total += 1
            raw = c.encode(encoding)
            if encoding == "utf-8":
                good += len(raw) > 2
            elif encoding == "gb18030":
                good += _plain_gb(c, raw)
            elif len(raw) == 2 and encoding == "big5":
                good += 0xA1 <= raw[0] <= 0xC6
    return good / total if total else 1.0


def _plain_gb(c: str, raw: bytes) -> float:
    if len(raw) != 2:
        return 0
    if raw[1] >= 0xA1 and (0xA1 <= raw[0] <= 0xA9 or 0xB0 <= raw[0] <= 0xD7):
        return 1
    traditional = c.encode("big5", "ignore")
    if traditional and 0xA4 <= traditional[0] <= 0xC6:
        return 0.9
    return 0.6 if raw[1] >= 0xA1 and 0xD8 <= raw[0] <= 0xF7 else 0


def prefers_gb(values: Sequence[bytes]) -> bool:
    """Of bytes valid both as UTF-8 and as GB 18030: whether only GB 18030 gives plain Chinese.

    Short GBK texts can be valid UTF-8 by chance; what UTF-8 then shows are Latin or Hebrew letters.

    >>> prefers_gb(["山水".encode("gbk")]), prefers_gb(["山水".encode()]), prefers_gb(["Дар".encode()])
    (True, False, False)
    """
    try:
        return _plain_share(values, "utf-8") < 0.1 and _plain_share(values, "gb18030") > 0.9
    except UnicodeDecodeError:
        return False


def guess(values: Sequence[bytes]) -> str | None:
    """utf-8, gb18030, big5 or None for some values of text (ASCII counts as utf-8)."""
    try:
        _plain_share(values, "utf-8")
        return "gb18030" if prefers_gb(values) else "utf-8"
    except UnicodeDecodeError:
        pass
    scores = {}
    for name in ("gb18030", "big5"):
        try:
            scores[name] = _plain_share(values, name)
        except UnicodeDecodeError:
            continue
    best = max(scores, key=lambda name: scores[name], default=None)
    return best if best and scores[best] > 0.75 else None


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            yield block


def _first_bad(path: Path, encoding: str) -> tuple[int, int] | None:
    """(byte offset, line from 1) of the first byte that is not in that encoding, or None."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    offset, lines = 0, 1
    for block in _blocks(path):
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            at = offset - pending + error.start
            return at, lines + block[: max(0, error.start - pending)].count(b"\n")
        lines += text.count("\n")
        offset += len(block)
    try:
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return offset, lines
    return None


def of_file(path: Path, given: str | None) -> tuple[str, str]:
    """(encoding, basis) of a text file; basis is "given", "declared" (byte-order mark) or "detected".

    Raises InputError with line and byte when the given encoding does not fit or none does.
    """
    place = Place(file=path.name)
    if given:
        encoding = canonical(given, place)
        if encoding == "utf-8":
            encoding = "utf-8-sig"
        bad = _first_bad(path, encoding)
        if bad is None:
            return encoding.removesuffix("-sig"), "given"
        other = next(
            (e for e in ("utf-8", "gb18030") if e != encoding.removesuffix("-sig") and _first_bad(path, e) is None),
            None,
        )
        raise InputError(
            "The file is not in {encoding}: byte {offset} does not fit.",
            place=Place(file=path.name, row=bad[1]),
            remedy="It reads as {other}: choose that encoding." if other else "Choose another encoding.",
            encoding=given,
            offset=bad[0],
            other=other,
        )
    with path.open("rb") as stream:
        head = stream.read(65536)
    for mark, name in BOMS:
        if head.startswith(mark):
            bad = _first_bad(path, name)
            if bad is None:
                return name, "declared"
            raise InputError(
                "The file starts with the mark of {encoding}, but byte {offset} does not fit.",
                place=Place(file=path.name, row=bad[1]),
                remedy="Save it again as UTF-8.",
                encoding=name,
                offset=bad[0],
            )
    zeros = head[1::2].count(0), head[0::2].count(0)
    if max(zeros) > len(head) // 8:
        name = "utf-16-le" if zeros[0] > zeros[1] else "utf-16-be"
        if _first_bad(path, name) is None:
            return name, "detected"
    fits = [e for e in ("utf-8", "gb18030", "big5") if _first_bad(path, e) is None]
    if "utf-8" in fits:
        sample = _rare(path)
        return ("gb18030" if "gb18030" in fits and prefers_gb(sample) else "utf-8"), "detected"
    if fits:
        best = guess(_rare(path))
        if best in fits:
            return best, "detected"
    bad = _first_bad(path, "gb18030") or (0, 1)
    raise InputError(
        "The encoding of the file cannot be told: it is neither UTF-8 nor GB 18030 (byte {offset}).",
        place=Place(file=place.file, row=bad[1]),
        remedy="Give the encoding, or save the file as UTF-8.",
        offset=bad[0],
    )


def _rare(path: Path, wanted: int = 65536) -> list[bytes]:
    """Up to ``wanted`` bytes of whole lines that hold non-ASCII text."""
    found: list[bytes] = []
    size = 0
    with path.open("rb") as stream:
        for line in stream:
            if not line.isascii():
                found.append(line)
                size += len(line)
                if size > wanted:
                    break
    return found
