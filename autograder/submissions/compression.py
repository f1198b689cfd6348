"""Streams compressed with gzip, bzip2 or xz, unpacked piece by piece in bounded memory."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from autograder.submissions.records import KIB, MIB

CHUNK = 64 * KIB
_STREAMS = 10_000  # streams in one file, one after the other; each one costs a copy
_XZ_MEMORY = 128 * MIB  # what `xz -9` needs to unpack is 65 MiB


def decompressed(file: BinaryIO, head: bytes) -> Iterator[tuple[int, bytes]]:
    """(bytes read so far, next bytes) of a file that may be compressed with gzip, bzip2 or xz."""
    make: Callable[[], _Unpacker] | None = None
    if head.startswith(b"\x1f\x8b"):
        make = _Gzip
    elif head.startswith(b"BZh"):
        make = bz2.BZ2Decompressor
    elif head.startswith(b"\xfd7zXZ\x00"):
        make = _xz
    read = streams = 0
    unpacker = make() if make else None
    while chunk := file.read(CHUNK):
        read += len(chunk)
        if make is None or unpacker is None:
            yield read, chunk
            continue
        while chunk:
            if unpacker.eof:  # several compressed streams one after the other
                chunk = chunk.lstrip(b"\0")
                if not chunk:
                    break
                streams += 1
                if streams > _STREAMS:
                    raise ValueError("too many streams")
                unpacker = make()
            yield read, unpacker.decompress(chunk, 16 * CHUNK)
            while not unpacker.eof and not unpacker.needs_input:
                yield read, unpacker.decompress(b"", 16 * CHUNK)
            chunk = unpacker.unused_data if unpacker.eof else b""
    if unpacker is not None and not unpacker.eof:
        raise EOFError


class _Gzip:
    """`zlib`'s decompressor with the interface that `bz2` and `lzma` share."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


_Unpacker = _Gzip | bz2.BZ2Decompressor | lzma.LZMADecompressor


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
