"""ZIP archives from strangers: checked before anything is written.

Refused: absolute paths, "..", drive letters and links (path tricks); members or totals past the limits, whatever the
directory claims (zip bombs); encrypted members; archives in archives.
"""

from __future__ import annotations

import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from jintu.kernel.errors import InputError, Place, Unsupported
from jintu.kernel.formats.source import Limits

__all__ = ["check", "unpack", "wanted"]

NESTED = {".zip", ".rar", ".7z", ".gz", ".tar", ".tgz", ".bz2", ".xz"}
BLOCK = 1 << 20


def name_of(info: zipfile.ZipInfo) -> str:
    """The member's name; names written by Chinese tools without the UTF-8 flag are GBK, not code page 437."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    try:
        raw = info.filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for codec in ("utf-8", "gb18030"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return info.filename


def check(path: Path, limits: Limits) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Members (files only) with their decoded relative paths. Raises InputError or Unsupported for what is refused."""
    place = Place(file=path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            "The archive is damaged: {reason}.", place=place, remedy="Pack it again.", reason=str(error)
        ) from error
    if len(infos) > limits.members:
        raise InputError(
            "The archive has {count} members; at most {limit} are read.",
            place=place,
            remedy="Pack only the files of one dataset.",
            count=len(infos),
            limit=limits.members,
        )
    members, total = [], 0
    seen: set[str] = set()
    for info in infos:
        name = name_of(info).replace("\\", "/")
        target = PurePosixPath(name)
        if name.startswith("/") or ".." in target.parts or ":" in name or "\x00" in name:
            raise InputError(
                "The member {name} would be written outside the archive's own directory.",
                place=place,
                remedy="Pack the files without absolute or parent paths.",
                name=name,
            )
        if stat.S_ISLNK(info.external_attr >> 16):
            raise InputError(
                "The member {name} is a link, not a file.", place=place, remedy="Pack the files themselves.", name=name
            )
        if info.is_dir():
            continue
        if info.flag_bits & 0x1:
            raise InputError(
                "The member {name} is encrypted.", place=place, remedy="Pack it without a password.", name=name
            )
        if info.file_size > BLOCK and info.file_size > limits.ratio * max(1, info.compress_size):
            raise InputError(
                "The member {name} would grow from {packed} to {size} bytes: the archive looks like a zip bomb.",
                place=place,
                remedy="Upload the file itself.",
                name=name,
                packed=info.compress_size,
                size=info.file_size,
            )
        total += info.file_size
        if total > limits.file_bytes:
            raise InputError(
                "Unpacked, the archive has more than {limit} bytes.",
                place=place,
                remedy="Split it, for example by township.",
                limit=limits.file_bytes,
            )
        if name.lower() in seen:
            raise InputError("The archive holds {name} twice.", place=place, remedy="Pack it again.", name=name)
        seen.add(name.lower())
        members.append((info, target))
    return members


def _is_wanted(target: PurePosixPath) -> bool:
    """macOS and thumbnail files are left."""
    return target.parts[0] != "__MACOSX" and not target.name.startswith(".")


def wanted(path: Path, limits: Limits) -> list[PurePosixPath]:
    """Relative paths of the files that `unpack` would write."""
    return [target for _, target in check(path, limits) if _is_wanted(target)]


def unpack(path: Path, limits: Limits) -> tuple[tempfile.TemporaryDirectory[str], list[Path]]:
    """Unpack into a fresh temporary directory: (the directory, files in it).

    Sizes are counted while writing, because the archive's own directory may lie.
    Raises Unsupported for archives inside archives.
    """
    members = [(info, target) for info, target in check(path, limits) if _is_wanted(target)]
    place = Place(file=path.name)
    if not members:
        raise InputError("The archive is empty.", place=place, remedy="Pack the files of one dataset.")
    for _, target in members:
        if target.suffix.lower() in NESTED and not target.name.lower().endswith(".gdb.zip"):
            raise Unsupported(
                "The archive holds another archive, {name}.",
                place=place,
                remedy="Unpack it and upload the dataset itself.",
                name=str(target),
            )
    directory = tempfile.TemporaryDirectory(prefix="jintu-unzip-")
    root, files, total = Path(directory.name), [], 0
    try:
        with zipfile.ZipFile(path) as archive:
            for info, target in members:
                out = root / target
                out.parent.mkdir(parents=True, exist_ok=True)
                written = 0
                with archive.open(info) as member, out.open("xb") as stream:
                    while block := member.read(BLOCK):
                        written += len(block)
                        total += len(block)
                        if written > info.file_size or total > limits.file_bytes:
                            raise InputError(
                                "The member {name} is larger than the archive says.",
                                place=place,
                                remedy="Pack it again.",
                                name=str(target),
                            )
                        stream.write(block)
                files.append(out)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        directory.cleanup()
        raise InputError(
            "The archive is damaged: {reason}.", place=place, remedy="Pack it again.", reason=str(error)
        ) from error
    except BaseException:
        directory.cleanup()
        raise
    return directory, files
