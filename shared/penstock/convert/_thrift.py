"""Thrift's compact protocol, as far as the footers and page headers of Parquet use it.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md. A struct is a dict
of (kind, value) by field number, a list the kind of its members and they themselves; numbers are
told from each other by their kinds. What is read and not changed is written as it was.
"""

from __future__ import annotations

from typing import Any

__all__ = ["BINARY", "I32", "I64", "LIST", "STRUCT", "Struct", "read", "written"]

Struct = dict[int, tuple[int, Any]]

I32 = 5
I64 = 6
BINARY = 8
LIST = 9
STRUCT = 12
_TRUE, _FALSE, _BYTE, _I16, _DOUBLE, _SET = 1, 2, 3, 4, 7, 10


def read(data: bytes) -> Struct:
    """The struct that the bytes begin with. ValueError where they are none of Parquet's."""
    try:
        return _struct(data, 0)[0]
    except IndexError as error:
        raise ValueError(f"it ends within a thrift struct, after {len(data)} bytes") from error


def written(struct: Struct) -> bytes:
    """The struct as bytes."""
    out = bytearray()
    _put_struct(out, struct)
    return bytes(out)


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = data[place]
    place += 1
    if value < 0x80:
        return value, place
    value, shift = value & 0x7F, 7
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _number(data: bytes, place: int) -> tuple[int, int]:
    value, place = _varint(data, place)
    return value >> 1 ^ -(value & 1), place


def _struct(data: bytes, place: int) -> tuple[Struct, int]:
    fields: Struct = {}
    number = 0
    while head := data[place]:
        place += 1
        kind = head & 0x0F
        if head >> 4:
            number += head >> 4
        else:
            number, place = _number(data, place)
        if kind in (_TRUE, _FALSE):
            fields[number] = (kind, kind == _TRUE)
        else:
            value, place = _value(data, place, kind)
            fields[number] = (kind, value)
    return fields, place + 1


def _value(data: bytes, place: int, kind: int) -> tuple[Any, int]:
    if kind == BINARY:
        length, place = _varint(data, place)
        return data[place : place + length], place + length
    if kind in (I32, I64, _I16):
        return _number(data, place)
    if kind == STRUCT:
        return _struct(data, place)
    if kind in (LIST, _SET):
        return _list(data, place)
    size = {_TRUE: 1, _FALSE: 1, _BYTE: 1, _DOUBLE: 8}.get(kind)
    if size is None:
        raise ValueError(f"found thrift's kind {kind}, which Parquet does not use")
    return data[place : place + size], place + size


def _list(data: bytes, place: int) -> tuple[tuple[int, list[Any]], int]:
    head = data[place]
    count, place = head >> 4, place + 1
    if count == _LONG:
        count, place = _varint(data, place)
    members = []
    for _ in range(count):
        member, place = _value(data, place, head & 0x0F)
        members.append(member)
    return (head & 0x0F, members), place


_LONG = 15  # members or more: their count stands behind the head


def _put_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _put_struct(out: bytearray, fields: Struct) -> None:
    last = 0
    for number, (kind, value) in fields.items():
        if 0 < number - last <= _LONG:
            out.append(number - last << 4 | kind)
        else:
            out.append(kind)
            _put_number(out, number)
        last = number
        if kind not in (_TRUE, _FALSE):
            _put_value(out, kind, value)
    out.append(0)


def _put_number(out: bytearray, value: int) -> None:
    _put_varint(out, value << 1 if value >= 0 else (-value << 1) - 1)


def _put_value(out: bytearray, kind: int, value: Any) -> None:
    if kind == BINARY:
        _put_varint(out, len(value))
        out += value
    elif kind in (I32, I64, _I16):
        _put_number(out, value)
    elif kind == STRUCT:
        _put_struct(out, value)
    elif kind in (LIST, _SET):
        inner, members = value
        out.append(min(len(members), _LONG) << 4 | inner)
        if len(members) >= _LONG:
            _put_varint(out, len(members))
        for member in members:
            _put_value(out, inner, member)
    else:
        out += value
