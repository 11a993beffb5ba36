"""Columns of people's own tables: what a block asks for, and the declaration that fills it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from penstock.config.check import nearest
from penstock.sql import identifier, literal
from penstock.tables import ADDRESSES, Column, converted

__all__ = ["Asked", "Fields", "Filled", "Unfit", "filled", "plain_name"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A column as it is written: its name, its arguments and their lines, its line."""

    name: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]
    line: int
    null_if: str | None = None

    @property
    def source(self) -> str:
        """The field that fills it, empty when a transform does."""
        return "" if "transform" in self.values else str(self.values.get("source", self.name))


class Unfit(Exception):
    """What a column asks for cannot be: the argument to blame, and the nearest valid name if there is one."""

    def __init__(self, argument: str, message: str, hint: str = "") -> None:
        self.argument, self.hint = argument, hint
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Fields:
    """The raw fields of a log: `known` ones, None when only the log tells; kinds that are given.

    `empty_is_null`: the reader itself reads an empty text as nothing.
    """

    known: tuple[str, ...] | None
    kinds: Mapping[str, object]
    empty_is_null: bool

    @classmethod
    def of(
        cls,
        known: tuple[str, ...] | None,
        base: Mapping[str, object],
        asked: Sequence[Asked],
        *,
        empty_is_null: bool,
        texts_only: bool,
    ) -> Fields:
        """A field that only JSON columns are made of is read as JSON; every other as a text.

        `texts_only`: of such a log every field is a text, which need be no JSON.
        """
        if texts_only:
            return cls(known, base, empty_is_null)
        json_only = {one.source for one in asked if one.values.get("type", "").strip().lower() == "json"}
        texts = {one.source for one in asked if one.values.get("type", "").strip().lower() != "json"}
        words = {word for one in asked for word in re.findall(r"\w+", one.values.get("transform", ""))}
        json = {name: "JSON" for name in json_only - texts if name and name not in words}
        return cls(known, {**json, **base}, empty_is_null)

    def named(self, name: str) -> str:
        """The field as the log spells it; Unfit when there is none."""
        if self.known is None:
            return name
        spelt = {one.lower(): one for one in reversed(self.known)}
        if name in self.known:
            return name
        if name.lower() in spelt:
            return spelt[name.lower()]
        message = f'found the unknown field "{name}", expected one of {", ".join(self.known)}'
        raise Unfit("source", message, nearest(name, self.known))


@dataclass(frozen=True, slots=True)
class Filled:
    """A column with the raw fields that it reads, by name with their kinds."""

    column: Column
    reads: Mapping[str, object]


def plain_name(field: str) -> str:
    """A field's name as that of a column: what is no letter, digit or underscore becomes one."""
    name = re.sub(r"\W+", "_", field).strip("_") or "field"
    return f"f_{name}" if name[0].isdigit() else name


def filled(asked: Asked, fields: Fields, common: Column | None) -> Filled:
    """The column that a block asks for; `common` is the common column of that name, if there is one.

    Unfit says what is wrong.
    """
    from penstock.condition import read_type  # brings DuckDB

    values = asked.values
    if "transform" in values and "source" in values:
        raise Unfit("transform", "found source and transform, expected one of them")
    wanted = common.type if common else None
    if "type" in values:
        try:
            given = read_type(values["type"])
        except ValueError as error:
            raise Unfit("type", f'found the type "{values["type"]}", {error}') from None
        wanted = wanted or given
    if "transform" in values:
        return _transformed(asked, fields, wanted)
    return _sourced(asked, fields, wanted or "VARCHAR")


def _null_if(asked: Asked, fields: Fields) -> str | None:
    """The text that means nothing is there, None where the reader sees to it."""
    text = "" if asked.null_if is None else asked.null_if
    return None if text == "" and fields.empty_is_null else text


def _sourced(asked: Asked, fields: Fields, type_: str) -> Filled:
    source = fields.named(asked.source)
    kind, raw = fields.kinds.get(source, "VARCHAR"), f"r.{identifier(source)}"
    null_if = _null_if(asked, fields)
    if kind == "VARCHAR":
        value = raw if null_if is None else f"nullif({raw}, {literal(null_if)})"
        expression = converted(type_, value)
    elif type_ == "JSON":
        whole = f"CASE WHEN json_type({raw}) <> 'NULL' THEN {raw} END"
        expression = whole if kind == "JSON" else f"to_json({raw})"
        null_if = None
    else:
        expression = converted(type_, f"({raw}->>'$')" if kind == "JSON" else f"to_json({raw})::VARCHAR")
        null_if = None
    column = Column(
        asked.name,
        "VARCHAR" if type_ in ADDRESSES else type_,
        expression,
        str(asked.values.get("description", "")),
        source,
        kind if isinstance(kind, Mapping) else str(kind),
        misfit=_misfit(asked.name, source, null_if) if type_ in ADDRESSES else "",
        null_if=() if null_if is None else (null_if,),
    )
    return Filled(column, {source: kind})


def _misfit(name: str, source: str, null_if: str | None) -> str:
    raw = f"r.{identifier(source)}"
    given = raw if null_if is None else f"nullif({raw}, {literal(null_if)})"
    return (
        f"CASE WHEN {identifier(name)} IS NULL AND {given} IS NOT NULL "
        f"THEN json_object({literal(source)}, {raw}) END"
    )


def _transformed(asked: Asked, fields: Fields, wanted: str | None) -> Filled:
    from penstock.condition import UnknownField, read_transform, read_type

    try:
        found = read_transform(
            asked.values["transform"],
            known=fields.known,
            kinds=fields.kinds,
            null_if=_null_if(asked, fields),
        )
    except UnknownField as error:
        known = fields.known or ()
        message = f"transform: {error}, expected one of {', '.join(known)}"
        raise Unfit("transform", message, nearest(error.name, known)) from None
    except ValueError as error:
        raise Unfit("transform", f"transform: {error}") from None
    if not found.reads and asked.name == "tp_timestamp":
        raise Unfit("transform", "transform: found no field in it, expected an expression over the row")
    try:
        type_ = wanted or read_type(found.type)
    except ValueError:
        message = f"transform: it gives {found.type}, expected a type beside it that a column can have"
        raise Unfit("transform", message) from None
    # It is written once, and a row of which nothing was read gives nothing.
    value, made = f"TRY({found.sql})", converted(type_, "x", found.type)
    if made != "x":
        value = f"list_transform([{value}], lambda x: {made})[1]"
    expression = f"CASE WHEN r IS NOT NULL THEN {value} END"
    own = "VARCHAR" if type_ in ADDRESSES else type_
    column = Column(asked.name, own, expression, str(asked.values.get("description", "")))
    return Filled(replace(column, reads=dict(found.reads)), found.reads)
