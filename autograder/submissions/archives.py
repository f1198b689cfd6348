"""Archives, read member by member into memory and never unpacked to disk.

What a member is called therefore decides nothing but its name: no path of it is ever created.
"""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

from autograder.submissions.compression import CHUNK, decompressed
from autograder.submissions.folders import Item, too_large
from autograder.submissions.naming import is_ignored
from autograder.submissions.records import MIB, Unreadable
from autograder.submissions.text import clean

_DIRECTORY = 16 * MIB  # a zip's table of contents
_BLOCK = tarfile.BLOCKSIZE
_HEADER = 16 * _BLOCK  # an extended header of a tar archive: a long name, a few attributes
_HEADERS = 128  # bytes of extended headers for each member allowed
_NAME = 1000  # characters of a path within an archive
_FREE_UNPACKING = MIB  # below this a high ratio is a repetitive file, not a bomb
_OTHER = {b"Rar!": "a RAR archive", b"7z\xbc\xaf": "a 7-Zip archive"}


class _Capped(io.RawIOBase):
    """A file whose single reads are bounded: `zipfile` and `tarfile` trust sizes in headers."""

    def __init__(self, file: BinaryIO, name: str, limit: int, total: int | None = None) -> None:
        super().__init__()
        self.file, self.name = file, name
        self.limit = limit  # of one read
        self.left = total  # of all reads larger than a block, if they are bounded

    def read(self, size: int = -1, /) -> bytes:
        data = self.file.read(size) if 0 <= size <= self.limit else b""
        if size < 0:
            data = self.file.read(self.limit + 1)
        if self.left is not None and len(data) > _BLOCK:
            self.left -= len(data)
        if max(size, len(data)) > self.limit or (self.left is not None and self.left < 0):
            raise Unreadable(
                f"{self.name} holds too many files, or is damaged. "
                "Hand in only your module or notebook."
            )
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.file.close()
        super().close()


def open_archive(
    file: BinaryIO, name: str, *, members: int, unpacked: int, ratio: int, notes: list[str]
) -> list[Item]:
    """The members of a zip or (compressed) tar archive, recognised by content, not by name.

    Files are read when their `Item` is loaded (zip) or come from one bounded unpacking (tar).
    Links, devices, and names that lead out of the archive are left out with a note. Of two
    members with one name the later counts, as it does for every tool that unpacks.

    Args:
        file: a seekable binary file, which is closed when the items no longer need it.
        name: for sentences.
        members: how many there may be.
        unpacked: how many bytes a tar archive may unpack to.
        ratio: how many times its packed size anything may unpack to.
        notes: receives sentences.

    Raises:
        Unreadable: for what is damaged, too large, or no archive of a known kind.
    """
    name = clean(name)
    try:
        head = file.read(6)
        file.seek(0)
        if head.startswith(b"PK"):
            entries = _zip(file, name, members, ratio)
        else:
            entries = _tar(file, head, name, members, unpacked, ratio)
        return _checked(entries, name, notes)
    except Unreadable:
        file.close()
        raise
    except Exception:
        file.close()
        # Readers of archives raise many things for bytes made to confuse them, and none of them
        # may become a traceback of the grader.
        raise Unreadable(
            f"{name} is damaged or not a zip or tar archive. Pack your files again and hand it in."
        ) from None


def _checked(
    entries: Iterator[tuple[str, bool, Callable[[int], bytes]]], name: str, notes: list[str]
) -> list[Item]:
    """Items with safe, unique names from (name, is it a file or folder, loader)."""
    found: dict[str, Item] = {}
    for member, plain, load in entries:
        safe = safe_name(member)
        if safe is None:
            notes.append(f"{clean(member)} in {name} was ignored: its name leads elsewhere.")
        elif any(is_ignored(part) for part in safe.split("/") if part):
            continue
        elif not plain:
            notes.append(f"{clean(safe)} in {name} was ignored: it is a link or special file.")
        else:
            if safe in found and not safe.endswith("/"):
                notes.append(f"{name} holds {clean(safe)} more than once; the last one was used.")
            found[safe] = Item(safe, load)
    return list(found.values())


def safe_name(member: str) -> str | None:
    """A member's name with ``/`` as separator; None if it leads elsewhere or is absurdly long.

    Example:
        >>> safe_name("hw\\\\layers.py"), safe_name("../layers.py"), safe_name("./hw/")
        ('hw/layers.py', None, 'hw/')
    """
    if len(member) > _NAME:
        return None
    slashed = member.replace("\\", "/")
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    if slashed.startswith("/") or slashed[1:2] == ":" or ".." in parts or "\0" in slashed:
        return None
    if not parts:
        return "/"
    return "/".join(parts) + ("/" if slashed.endswith("/") else "")


def _zip(
    file: BinaryIO, name: str, members: int, ratio: int
) -> Iterator[tuple[str, bool, Callable[[int], bytes]]]:
    archive = zipfile.ZipFile(_Capped(file, name, _DIRECTORY))
    infos = archive.infolist()
    if len(infos) > members:
        raise _too_many(name, members)
    for info in infos:
        kind = stat.S_IFMT(info.external_attr >> 16)
        plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
        yield info.filename, plain, _zip_loader(archive, info, ratio)


def _zip_loader(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, ratio: int
) -> Callable[[int], bytes]:
    shown = clean(info.filename)

    def load(limit: int) -> bytes:
        if info.flag_bits & 1:
            raise Unreadable(
                f"{shown} is protected with a password. Pack it without one and hand it in again."
            )
        # LZMA members choose how much memory unpacking takes; no tool writes them by default.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
            raise Unreadable(
                f"{shown} is packed in an unusual way. Make a plain zip file and hand it in again."
            )
        allowed = max(_FREE_UNPACKING, ratio * info.compress_size)
        data = bytearray()
        try:
            with archive.open(info) as member:
                while chunk := member.read(CHUNK):
                    data += chunk
                    if len(data) > limit:
                        raise too_large(shown, limit)
                    if len(data) > allowed:
                        raise _bomb(shown, ratio)
        except Unreadable:
            raise
        except Exception:
            raise Unreadable(
                f"{shown} is damaged inside its archive. Pack your files again and hand it in."
            ) from None
        return bytes(data)

    return load


def _tar(
    file: BinaryIO, head: bytes, name: str, members: int, unpacked: int, ratio: int
) -> Iterator[tuple[str, bool, Callable[[int], bytes]]]:
    for magic, kind in _OTHER.items():
        if head.startswith(magic):
            raise Unreadable(f"{name} is {kind}. Hand in a zip file instead.")
    data = bytearray()
    packed = 0
    for read, chunk in decompressed(file, head):
        packed = read
        data += chunk
        if len(data) > unpacked:
            raise too_large(f"{name}, unpacked,", unpacked)
        if len(data) > max(_FREE_UNPACKING, ratio * packed):
            raise _bomb(name, ratio)
    file.close()
    whole = bytes(data)
    with tarfile.open(
        fileobj=_Capped(io.BytesIO(whole), name, _HEADER, _HEADERS * members),
        mode="r:",
    ) as archive:
        count = 0
        while (info := archive.next()) is not None:
            count += 1
            if count > members:
                raise _too_many(name, members)
            plain = info.isdir() or (info.isreg() and not info.issparse())
            label = info.name + ("/" if info.isdir() else "")
            yield label, plain, _tar_loader(whole, info)


def _tar_loader(whole: bytes, info: tarfile.TarInfo) -> Callable[[int], bytes]:
    shown, start, size = clean(info.name), info.offset_data, info.size

    def load(limit: int) -> bytes:
        if size > limit:
            raise too_large(shown, limit)
        data = whole[start : start + size]
        if len(data) != size:
            raise Unreadable(
                f"{shown} is cut off inside its archive. Pack your files again and hand it in."
            )
        return data

    return load


def _too_many(name: str, members: int) -> Unreadable:
    return Unreadable(
        f"{name} holds more than {members:,} files. Hand in only your module or notebook."
    )


def _bomb(name: str, ratio: int) -> Unreadable:
    return Unreadable(
        f"{name} unpacks to more than {ratio} times its size and was not read any further. "
        "Hand in only your module or notebook."
    )
