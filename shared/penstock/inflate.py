"""Decompression by content: what the first bytes say counts, the file's name does not."""

from __future__ import annotations

import bz2
import codecs
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import zstandard
from isal import isal_zlib
from isal.igzip_lib import IsalError

__all__ = ["blocks", "kind"]

_BLOCK = 256 << 10
"""Bytes that are inflated at once: more of them are allocated anew each time, a third slower at 1 MiB."""

_DAMAGE: tuple[type[Exception], ...] = (IsalError, OSError, EOFError, zstandard.ZstdError)  # type: ignore[assignment]  # isal types its error as an instance

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"))


def kind(head: bytes) -> str:
    """`gzip`, `zstd`, `bzip2` or `none`, from an object's first bytes."""
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "none")


def _decoder(name: str) -> Any:
    """A decoder of one member of a stream; the three agree on `decompress`, `eof`, `unused_data`."""
    if name == "gzip":
        # isal inflates four times as fast as zlib; 31 = the largest window, with a gzip header.
        return isal_zlib.decompressobj(wbits=31)
    if name == "zstd":
        return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    return bz2.BZ2Decompressor()


def blocks(compressed: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Inflate a stream block by block; concatenated members are read through.

    ValueError with the reason for a stream that is cut short, damaged, or inflates beyond `most`
    bytes. Memory: one block of input (keep them small: 64 KiB) and what it inflates to.
    """
    source = iter(compressed)
    head = next(source, b"")
    while len(head) < 4 and (more := next(source, b"")):
        head += more
    name = kind(head)
    total = 0
    inflated = _inflate(name, head, source) if name != "none" else _plain(head, source)
    for number, block in enumerate(inflated):
        if number == 0 and block.startswith(codecs.BOM_UTF8):
            block = block[len(codecs.BOM_UTF8) :]
        total += len(block)
        if total > most:
            raise ValueError(f"it inflates beyond the limit of {most:,} bytes (PENSTOCK_MAX_INFLATED_BYTES)")
        yield block


def _plain(head: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    if head:
        yield head
    yield from source


def _inflate(name: str, head: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    step = _zstd if name == "zstd" else _bounded
    data = head
    try:
        while data:
            decoder = _decoder(name)
            foreign = len(data) >= 4 and kind(data) != name
            while True:
                rest = yield from step(decoder, data)
                if decoder.eof:
                    break
                data = next(source, b"")
                if not data:
                    what = "followed by something else" if foreign else "cut short"
                    raise ValueError(f"its {name} stream is {what}")
            data = _next_member(rest, source)
    except _DAMAGE as error:
        raise ValueError(f"its {name} stream is damaged: {error}") from error


def _next_member(rest: bytes, source: Iterator[bytes]) -> bytes:
    """What follows a member; zero bytes there are padding (tape blocks, some writers)."""
    while not (member := rest.lstrip(b"\x00")):
        rest = next(source, b"")
        if not rest:
            return b""
    return member


def _bounded(decoder: Any, data: bytes) -> Generator[bytes, None, bytes]:
    """Inflate one block of input in pieces of at most `_BLOCK`: a bomb stays small in memory.

    Returns what follows the member's end.
    """
    while True:
        piece = decoder.decompress(data, _BLOCK)
        if piece:
            yield piece
        if decoder.eof:
            return bytes(decoder.unused_data)
        data = getattr(decoder, "unconsumed_tail", b"")
        # A full piece may leave more inside the decoder even when all input is taken.
        if not data and len(piece) < _BLOCK:
            return b""


def _zstd(decoder: Any, data: bytes) -> Generator[bytes, None, bytes]:
    """zstd has no limit on output; a few hundred bytes of input inflate to some megabytes at most."""
    step = 512
    for start in range(0, len(data), step):
        piece = decoder.decompress(data[start : start + step])
        if piece:
            yield piece
        if decoder.eof:
            return bytes(decoder.unused_data) + data[start + step :]
    return b""
