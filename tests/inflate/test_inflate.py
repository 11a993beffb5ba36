"""Decompression by content: whole or refused, and bounded."""

from __future__ import annotations

import bz2
import gzip
import io
import tracemalloc
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.inflate import blocks, kind

MOST = 1 << 30


def named_gzip(data: bytes) -> bytes:
    """With a file name in the header, as the gzip program writes it."""
    out = io.BytesIO()
    with gzip.GzipFile("access.log", "wb", fileobj=out, mtime=1) as file:
        file.write(data)
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "gzip with a name": named_gzip,
    "gzip stored": lambda data: gzip.compress(data, compresslevel=0, mtime=0),
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd without size": zstandard.ZstdCompressor(write_content_size=False).compress,
    "zstd with checksum": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bzip2": bz2.compress,
    "none": lambda data: data,
}
packed = pytest.mark.parametrize("name", PACKERS)
compressed = pytest.mark.parametrize("name", [name for name in PACKERS if name != "none"])
TEXT = b'{"Records":[{"eventName":"GetObject","n":[1,2,3]}]}' * 3


def cut(data: bytes, size: int) -> list[bytes]:
    """In blocks of `size`."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def inflated(data: bytes, size: int = 1 << 16, most: int = MOST) -> bytes:
    """All of it."""
    return b"".join(blocks(cut(data, size), most))


@packed
@pytest.mark.parametrize("size", [1, 2, 3, 5, 1 << 16])
@pytest.mark.parametrize("data", [b"x", TEXT, bytes(300_000), b"BZ", b"\x1f"])
def test_what_was_packed_comes_back(name: str, size: int, data: bytes) -> None:
    """However the stream is cut into blocks."""
    if len(data) > 10_000 and size == 1:
        size = 4_000
    assert inflated(PACKERS[name](data), size) == data


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.binary(max_size=400), min_size=1, max_size=4),
    name=st.sampled_from(sorted(PACKERS)),
    data=st.data(),
)
def test_any_bytes_any_chunks(parts: list[bytes], name: str, data: st.DataObject) -> None:
    """Members, one after the other, in random chunks, give their contents one after the other."""
    if name == "none":
        parts = [b"{" + b"".join(parts)]
    stream = b"".join(PACKERS[name](part) for part in parts)
    chunks = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        chunks.append(stream[:size])
        stream = stream[size:]
    assert b"".join(blocks(chunks, MOST)) == b"".join(parts)


@compressed
@pytest.mark.parametrize("size", [1, 1 << 16])
def test_truncated_anywhere_is_refused(name: str, size: int) -> None:
    """At every byte: cut short, never less than was packed in silence."""
    whole = PACKERS[name](TEXT)
    for end in range(4, len(whole)):
        with pytest.raises(ValueError, match=r"cut short|damaged"):
            inflated(whole[:end], size)


@compressed
@pytest.mark.parametrize("size", [1, 1 << 16])
def test_a_second_member_cut_short_is_refused(name: str, size: int) -> None:
    """What came before it does not count."""
    whole = PACKERS[name](TEXT)
    with pytest.raises(ValueError, match="cut short"):
        inflated(whole + whole[:-5], size)


@compressed
@pytest.mark.parametrize("padding", [1, 511, 100_000])
def test_zeros_after_the_end_are_padding(name: str, padding: int) -> None:
    """Tape blocks; also between two members."""
    whole = PACKERS[name](TEXT)
    assert inflated(whole + bytes(padding), 1000) == TEXT
    assert inflated(whole + bytes(padding) + whole, 1000) == TEXT * 2


@compressed
def test_rubbish_after_the_end_is_refused(name: str) -> None:
    """It is not passed over."""
    with pytest.raises(ValueError, match=r"damaged|followed by something else"):
        inflated(PACKERS[name](TEXT) + b"rubbish")


def test_damage_is_refused() -> None:
    """A flipped bit in the checksum is seen."""
    for name in ("gzip", "zstd with checksum", "bzip2"):
        whole = bytearray(PACKERS[name](TEXT))
        whole[-3 if name != "bzip2" else len(whole) // 2] ^= 0x55
        with pytest.raises(ValueError, match=r"damaged|cut short"):
            inflated(bytes(whole))


@pytest.mark.parametrize("data", [b"", b"{}", b"text", b"\x1f\x8a\x00\x00", b"PK"])
def test_other_bytes_are_no_compression(data: bytes) -> None:
    """They come as they are, the empty object too."""
    assert kind(data) == "none"
    assert inflated(data, 1) == data
    assert list(blocks([], MOST)) == []


@packed
def test_the_limit_is_exact(name: str) -> None:
    """As many bytes as the limit pass, one more does not; the message names the setting."""
    data = b"a" * 1000
    assert inflated(PACKERS[name](data), most=1000) == data
    with pytest.raises(ValueError, match=r"limit of 999 bytes \(PENSTOCK_MAX_INFLATED_BYTES\)"):
        inflated(PACKERS[name](data), most=999)


@pytest.mark.parametrize("name", ["gzip", "zstd", "bzip2"])
def test_bombs_stay_small_in_memory(name: str) -> None:
    """64 MB of zeros are refused at 8 MB, and never more than some pieces stand in memory."""
    bomb = PACKERS[name](bytes(64 << 20))
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="inflates beyond"):
            for _ in blocks(cut(bomb, 1 << 16), 8 << 20):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40 << 20
