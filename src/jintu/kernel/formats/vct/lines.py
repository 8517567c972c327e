"""The lines of a VCT file: numbered, without blanks and comments, and the dialect that the standard leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from jintu.kernel.errors import InputError, Place

__all__ = ["Lines", "dialect"]

BUFFER = 1 << 20


@cache
def dialect() -> dict[str, Any]:
    """What editions and programs write differently (``dialect.yaml``)."""
    import yaml

    return yaml.safe_load((Path(__file__).parent / "dialect.yaml").read_text(encoding="utf-8"))


class Lines:
    """Lines as bytes, stripped. ``number`` is that of the line last given, from 1; ``before`` and ``offset`` are the
    bytes before and behind it."""

    def __init__(self, path: Path, offset: int = 0, number: int = 0) -> None:
        self.path = path
        self.number = number
        self.before = self.offset = offset
        self._stream: BinaryIO = path.open("rb", buffering=BUFFER)
        self._stream.seek(offset)
        self._kept: bytes | None = None

    def close(self) -> None:
        self._stream.close()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        while (line := self.next()) is not None:
            yield line

    def next(self) -> bytes | None:
        """The next line with text on it; None at the end of the file."""
        if self._kept is not None:
            line, self._kept = self._kept, None
            return line
        commented = False
        while raw := self._stream.readline():
            self.number += 1
            self.before = self.offset
            self.offset += len(raw)
            line = raw.strip()
            if self.number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line:
                continue
            if commented or line[:12].lower() == b"commentbegin":
                commented = line[:10].lower() != b"commentend"
                continue
            return line
        return None

    def need(self, what: str) -> bytes:
        """The next line. Raises `InputError` where the file breaks off."""
        line = self.next()
        if line is None:
            raise self.error("The file breaks off: {what} is missing.", "Copy or export it again.", what=what)
        return line

    def put_back(self, line: bytes) -> None:
        """Give the line last given once more."""
        self._kept = line

    def block(self, count: int) -> list[bytes]:
        """The next ``count`` lines of the file as they are, blank ones included."""
        if self._kept is not None:
            raise RuntimeError("a line was put back before a block")
        raw = list(islice(self._stream, count))
        self.number += len(raw)
        self.offset += sum(map(len, raw))
        return raw

    def integer(self, what: str) -> int:
        """The next line as a whole number."""
        line = self.need(what)
        try:
            return int(line)
        except ValueError:
            raise self.wrong(what, line) from None

    def wrong(self, what: str, line: bytes) -> InputError:
        return self.error(
            "{what} is expected here, and there is “{text}”.",
            "Check the lines before it: a count may not be that of the lines that follow.",
            what=what,
            text=line[:40].decode("ascii", "replace"),
        )

    def error(self, sentence: str, remedy: str, **params: Any) -> InputError:
        return InputError(sentence, place=Place(file=self.path.name, row=self.number), remedy=remedy, **params)
