"""Decides which type of a column can stand for another without losing or failing on a single value.

By the types alone: nobody reads a hive to find out. So `1` written as a text is no reason to read
texts as numbers, and BIGINT does not become DOUBLE, which lacks digits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import duckdb

from penstock.sql import identifier

__all__ = ["plain", "reads", "together"]

_NESTED = frozenset({"struct", "list", "map", "union", "array"})
_BITS = {
    "tinyint": (8, True), "smallint": (16, True), "integer": (32, True), "bigint": (64, True),
    "hugeint": (128, True), "utinyint": (8, False), "usmallint": (16, False), "uinteger": (32, False),
    "ubigint": (64, False),
}  # fmt: skip
"""Whole numbers: their bits, and whether they have a sign."""

_MANTISSA = {"float": 24, "double": 53}
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20, 128: 39}
"""Decimal digits of the largest whole number of so many bits."""

_FINER = {("date", "timestamp"), ("timestamp_s", "timestamp"), ("timestamp_ms", "timestamp")}


@cache
def plain(type_: str) -> str:
    """The type as DuckDB itself writes it, so that equal types are equal texts."""
    return str(duckdb.sqltype(type_))


def reads(old: str, new: str) -> bool:
    """Whether every value of the type `old` can be read as one of `new`, and be told from every other.

    Structs are compared by the members that both have: one that only the old has is kept beside
    them, one that only the new has is null.
    """
    return _reads(duckdb.sqltype(old), duckdb.sqltype(new))


def together(held: Sequence[str], wanted: str | None = None, unused: Sequence[str] = ()) -> str:
    """The type that values of all types in `held` are read as: `wanted` if it reads them, else one of them
    that does.

    Structs are merged member by member. Scalars of which none reads the others are read as texts. Of
    `unused` types only members of structs are taken that no other names, and the type itself where
    there is no other.
    """
    distinct = dict.fromkeys([*([wanted] if wanted else []), *held] or unused)
    if len(distinct) == 1 and distinct.keys() >= set(unused):
        return plain(*distinct)
    found = [duckdb.sqltype(type_) for type_ in distinct]
    kinds = {one.id for one in found}
    if kinds == {"struct"}:
        return _members(held, wanted, unused)
    if kinds == {"list"}:
        inside = together(
            [_element(type_) for type_ in held],
            _element(wanted) if wanted else None,
            [_element(type_) for type_ in unused if duckdb.sqltype(type_).id == "list"],
        )
        return f"{inside}[]"
    olds = [duckdb.sqltype(type_) for type_ in held]
    for one in found:
        if all(_reads(old, one) for old in olds):
            return str(one)
    if wanted and kinds & _NESTED:
        return together(held, None, unused)
    return str(found[0]) if kinds & _NESTED else "VARCHAR"


def _members(held: Sequence[str], wanted: str | None, unused: Sequence[str]) -> str:
    spelt: dict[str, str] = {}  # names are one whatever their capitals, as DuckDB has them
    named: dict[str, tuple[list[str], list[str], list[str]]] = {}
    for place, types in enumerate(([wanted] if wanted else [], held, unused)):
        for struct in map(duckdb.sqltype, types):
            for name, type_ in struct.children if struct.id == "struct" else ():
                name = spelt.setdefault(name.lower(), name)
                named.setdefault(name, ([], [], []))[place].append(str(type_))
    inside = ", ".join(
        f"{identifier(name)} {together(olds, asked[0] if asked else None, more)}"
        for name, (asked, olds, more) in named.items()
    )
    return plain(f"STRUCT({inside})")


def _element(list_: str) -> str:
    return str(duckdb.sqltype(list_).children[0][1])


def _reads(old: Any, new: Any) -> bool:
    if str(old) == str(new):
        return True
    if old.id in _NESTED or new.id in _NESTED:
        return old.id == new.id and _reads_inside(old, new)
    if str(new) == "VARCHAR":
        return str(old) != "BLOB"
    return _reads_number(old, new) or (old.id, new.id) in _FINER


def _reads_inside(old: Any, new: Any) -> bool:
    if old.id == "struct":
        have = {name.lower(): type_ for name, type_ in old.children}
        return all(_reads(have[name.lower()], type_) for name, type_ in new.children if name.lower() in have)
    if old.id in ("list", "map"):
        return all(_reads(a, b) for (_, a), (_, b) in zip(old.children, new.children, strict=True))
    return False


def _reads_number(old: Any, new: Any) -> bool:
    if old.id == "decimal" and new.id == "decimal":
        (width, scale), (wider, finer) = _decimal(old), _decimal(new)
        return finer >= scale and wider - finer >= width - scale
    if old.id == "float":
        return bool(new.id == "double")
    if old.id not in _BITS:
        return False
    bits, signed = _BITS[old.id]
    if new.id in _MANTISSA:
        return bits - signed <= _MANTISSA[new.id]
    if new.id == "decimal":
        width, scale = _decimal(new)
        return width - scale >= _DIGITS[bits]
    if new.id not in _BITS:
        return False
    room, has_sign = _BITS[new.id]
    return has_sign >= signed and room - has_sign >= bits - signed


def _decimal(type_: Any) -> tuple[int, int]:
    (_, width), (_, scale) = type_.children
    return width, scale
