"""Columns that are null in all rows of a file, put into it without having been written row by row.

DuckDB takes 15 to 25 ns a row for such a column, and a flow log has sixty. So it writes the file
without them, and here they get what they are on disk: for each row group a page of a few bytes that
says how many nulls, and an entry in the footer. A file has the columns of its schema in their order
either way, for whoever reads it.

    magic │ row groups as DuckDB wrote them │ null pages │ new footer │ its length │ magic

https://github.com/apache/parquet-format
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from penstock.convert import _thrift
from penstock.convert._thrift import BINARY, I32, I64, LIST, STRUCT, Struct

__all__ = ["put_in"]

_MAGIC = b"PAR1"

# Field numbers of parquet.thrift.
_SCHEMA, _ROW_GROUPS, _ORDERS = 2, 4, 7  # of the footer
_TYPE, _REPETITION, _NAME, _CHILDREN = 1, 3, 4, 5  # of an element of the schema
_COLUMNS, _BYTES, _ROWS, _COMPRESSED = 1, 2, 3, 6  # of a row group
_REPEATED = 2
_PLAIN, _RLE = 0, 3


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A column of values: its path, its physical type, and whether it lies in a list."""

    path: tuple[bytes, ...]
    type: int
    repeated: bool


def put_in(file: Path, empty: Path) -> int:
    """Put the columns into `file` that it lacks, as nulls, and return the size of its new footer.

    `empty` is a file without rows that has all of them. ValueError when one of them is no Parquet.
    """
    with empty.open("rb") as source:
        whole = _footer(source)[1]
    with file.open("r+b") as target:
        end, footer = _footer(target)
        leaves = list(_leaves(whole[_SCHEMA][1][1]))
        footer[_SCHEMA] = whole[_SCHEMA]
        if _ORDERS in footer:
            footer[_ORDERS] = whole[_ORDERS]
        target.seek(end)
        for group in footer[_ROW_GROUPS][1][1]:
            end += target.write(_fill(group, leaves, end))
        encoded = _thrift.written(footer)
        target.write(encoded + struct.pack("<I", len(encoded)) + _MAGIC)
        target.truncate()
    return len(encoded)


def _footer(file: BinaryIO) -> tuple[int, Struct]:
    """Where a file's footer begins, and the footer."""
    behind = file.seek(-8, os.SEEK_END)
    size, magic = struct.unpack("<I4s", file.read(8))
    if magic != _MAGIC or size > behind:
        raise ValueError(f"{file.name}: found {magic!r} behind a footer of {size} bytes, expected {_MAGIC!r}")
    file.seek(behind - size)
    return behind - size, _thrift.read(file.read(size))


def _leaves(elements: Sequence[Struct]) -> Iterator[_Leaf]:
    """The columns of a schema, which lists its elements before what is in them."""
    rest = iter(elements)

    def below(count: int, path: tuple[bytes, ...], repeated: bool) -> Iterator[_Leaf]:
        for _ in range(count):
            element = next(rest)
            inner = (*path, element[_NAME][1])
            again = repeated or element[_REPETITION][1] == _REPEATED
            if _CHILDREN in element:
                yield from below(element[_CHILDREN][1], inner, again)
            else:
                yield _Leaf(inner, element[_TYPE][1], again)

    yield from below(next(rest)[_CHILDREN][1], (), False)


def _fill(group: Struct, leaves: Sequence[_Leaf], place: int) -> bytes:
    """Put null columns into a row group where it lacks them; their pages, which begin at `place`."""
    rows = group[_ROWS][1]
    kind, chunks = group[_COLUMNS][1]
    there = {tuple(chunk[3][1][3][1][1]): chunk for chunk in chunks}
    pages = bytearray()
    filled = []
    for leaf in leaves:
        chunk = there.get(leaf.path)
        if chunk is None:
            page = _page(rows, repeated=leaf.repeated)
            chunk = _chunk(leaf, rows, place + len(pages), len(page))
            pages += page
        filled.append(chunk)
    group[_COLUMNS] = (LIST, (kind, filled))
    for total in (_BYTES, _COMPRESSED):
        if total in group:
            group[total] = (I64, group[total][1] + len(pages))
    return bytes(pages)


def _page(rows: int, *, repeated: bool) -> bytes:
    """A page of nulls: its header, and levels that are 0 for all rows. No value stands in it."""
    run = bytearray()
    count = rows << 1  # the sign of a run of one value
    while count > 0x7F:
        run.append(count & 0x7F | 0x80)
        count >>= 7
    run += bytes((count, 0))
    levels = struct.pack("<I", len(run)) + bytes(run)
    body = levels * (2 if repeated else 1)
    size = (I32, len(body))
    data = {1: (I32, rows), 2: (I32, _PLAIN), 3: (I32, _RLE), 4: (I32, _RLE)}
    return _thrift.written({1: (I32, 0), 2: size, 3: size, 5: (STRUCT, data)}) + body


def _chunk(leaf: _Leaf, rows: int, place: int, size: int) -> Struct:
    """What the footer says of a column of nulls in a row group: not compressed, `rows` nulls."""
    about: Struct = {
        1: (I32, leaf.type),
        2: (LIST, (I32, [_PLAIN, _RLE])),
        3: (LIST, (BINARY, list(leaf.path))),
        4: (I32, 0),
        5: (I64, rows),
        6: (I64, size),
        7: (I64, size),
        9: (I64, place),
        12: (STRUCT, {3: (I64, rows)}),
    }
    return {2: (I64, 0), 3: (STRUCT, about)}
