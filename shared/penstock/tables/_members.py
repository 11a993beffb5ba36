"""Columns made of JSON objects: a STRUCT declared once, by the names and kinds of its members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias, Union

from penstock.readers._names import plain
from penstock.sql import identifier, literal, shallow
from penstock.tables._declaration import Column
from penstock.tables._kinds import listed, utc

__all__ = ["Made", "Members", "instant", "renamed", "struct"]


@dataclass(frozen=True, slots=True)
class Made:
    """A member of this DuckDB type, made by SQL in which `@` is what the log has, of the kind `raw`.

    Without a kind it is not in the log but made of other members, and `@` is their object.
    """

    type: str
    sql: str
    raw: str = ""


Members: TypeAlias = Mapping[str, Union[str, Made, "Members"]]
"""By the name in the log: the DuckDB type of a member, or for an object its own members."""


def struct(
    name: str,
    source: str,
    description: str,
    members: Members,
    named: Callable[[str], str] = plain,
) -> Column:
    """A column for the object `source`; null without it. What does not fit its type goes to `unmapped`.

    Types: VARCHAR, JSON, VARCHAR[], TIMESTAMP (UTC) and whatever a text can be cast to. `named`
    makes a member's name of the log's.
    """
    path = f"r.{identifier(source)}"
    test, misfits = _misfits(path, identifier(name), members, named)
    return Column(
        name,
        _type(members, named),
        _sql(path, members, named),
        description,
        source,
        _raw(members),
        # Merged into nothing it loses its nulls, which would take away what else stands in `unmapped`.
        f"CASE WHEN {test} THEN json_merge_patch('{{}}', json_object({literal(source)}, {misfits})) END"
        if test
        else "",
    )


def renamed(path: str, members: Mapping[str, str], named: Callable[[str], str] = plain) -> str:
    """SQL for an object of plain members under their column names; null stays null.

    Nothing is copied: a CASE around a struct made anew would copy all of it.
    """
    names = ", ".join(f"{literal(named(key))}: {literal(key)}" for key in members)
    return f"remap_struct({path}, NULL::{_type(members, named)}, {{{names}}}, NULL)"


def instant(expression: str) -> str:
    """SQL that reads a text as a UTC timestamp: RFC 3339, or Unix seconds or milliseconds (also 1.7E9)."""
    number = f"try_cast({expression} AS DOUBLE)"
    seconds = f"CASE WHEN {number} < 1e11 THEN {number} ELSE {number} / 1000 END"
    return f"coalesce({utc(expression)}, TRY(make_timestamp(round(({seconds}) * 1000000)::BIGINT)))"


def _type(members: Members, named: Callable[[str], str]) -> str:
    def of(kind: str | Made | Members) -> str:
        if isinstance(kind, str):
            return kind
        return kind.type if isinstance(kind, Made) else _type(kind, named)

    return (
        "STRUCT(" + ", ".join(f"{identifier(named(key))} {of(kind)}" for key, kind in members.items()) + ")"
    )


def _raw(members: Members) -> dict[str, object]:
    """Kinds of the members as the log is read: lists of texts may be no lists, so they come as JSON."""
    kinds: dict[str, object] = {}
    for key, kind in members.items():
        if isinstance(kind, str):
            kinds[key] = "JSON" if kind in ("JSON", "VARCHAR[]") else "VARCHAR"
        elif isinstance(kind, Mapping):
            kinds[key] = _raw(kind)
        elif kind.raw:
            kinds[key] = kind.raw
    return kinds


def _sql(path: str, members: Members, named: Callable[[str], str]) -> str:
    flat = {key: kind for key, kind in members.items() if kind in ("VARCHAR", "JSON")}
    if len(flat) == len(members):
        # As it was read, if the names are the log's.
        return path if all(named(key) == key for key in flat) else renamed(path, flat, named)
    fields = ", ".join(
        f"{literal(named(key))}: {_member(path, key, kind, named)}" for key, kind in members.items()
    )
    return f"CASE WHEN {path} IS NULL THEN NULL ELSE {{{fields}}} END"


def _member(path: str, key: str, kind: str | Made | Members, named: Callable[[str], str]) -> str:
    inner = f"{path}.{identifier(key)}"
    if isinstance(kind, Made):
        return f"({kind.sql.replace('@', inner if kind.raw else path)})::{kind.type}"
    if isinstance(kind, Mapping):
        return _sql(inner, kind, named)
    match kind:
        case "VARCHAR" | "JSON":
            return inner
        case "VARCHAR[]":
            return listed(inner)
        case "TIMESTAMP":
            return instant(inner)
        case _:
            return f"try_cast({inner} AS {kind})"


def _misfits(path: str, made: str, members: Members, named: Callable[[str], str]) -> tuple[str, str]:
    """SQL: whether a member did not fit its type, and JSON of those that did not (the others null)."""
    tests, pairs = [], []
    for key, kind in members.items():
        inner, value = f"{path}.{identifier(key)}", f"{made}.{identifier(named(key))}"
        if isinstance(kind, Made) or kind in ("VARCHAR", "JSON"):
            continue
        if isinstance(kind, Mapping):
            test, found = _misfits(inner, value, kind, named)
        else:
            test, found = (
                f"{inner} IS NOT NULL AND {value} IS NULL",
                shallow(inner) if kind == "VARCHAR[]" else inner,
            )
        if test:
            tests.append(f"({test})")
            pairs.append(f"{literal(key)}, CASE WHEN {test} THEN {found} END")
    return " OR ".join(tests), f"json_object({', '.join(pairs)})"
