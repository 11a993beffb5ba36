"""Columns of the usual kinds, and SQL that many tables need."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.sql import identifier, literal, shallow
from penstock.tables._declaration import Column

__all__ = [
    "any_time",
    "dashed",
    "dashed_number",
    "epoch",
    "filled",
    "flag",
    "json_map",
    "json_value",
    "listed",
    "number",
    "text",
    "text_list",
    "time",
    "typed",
    "utc",
]


def utc(expression: str) -> str:
    """SQL that reads a text as a UTC timestamp: RFC 3339 with Z or an offset; null if it is none.

    Z is the rule, and the plain cast reads it without knowing time zones.
    """
    return (
        f"CASE WHEN ends_with({expression}, 'Z') THEN try_cast({expression} AS TIMESTAMP) "
        f"ELSE timezone('UTC', try_cast({expression} AS TIMESTAMPTZ)) END"
    )


def epoch(expression: str) -> str:
    """SQL that reads a text of Unix seconds, or of milliseconds where it has 12 digits or more."""
    number = f"try_cast({expression} AS BIGINT)"
    return (
        f"CASE WHEN strlen({expression}) >= 12 THEN TRY(make_timestamp_ms({number})) "
        f"ELSE TRY(make_timestamp({number} * 1000000)) END"
    )


_OFFSETS = (
    "%d/%b/%Y:%H:%M:%S %z", "%d/%b/%Y:%H:%M:%S", "%d/%b/%Y:%H:%M:%S.%g %z", "%d/%b/%Y %H:%M:%S",
    "%d/%b/%Y %H:%M:%S %z", "%d/%b/%Y %H:%M:%S.%g %z", "%d/%b/%Y %H:%M:%S.%g",
    "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S.%g %z", "%Y/%m/%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S,%g",
    "%a, %d %b %Y %H:%M:%S %z", "%A, %d-%b-%y %H:%M:%S %z", "%d %b %y %H:%M %z",
    "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
_ZONES = (
    "%d/%b/%Y:%H:%M:%S %Z", "%Y/%m/%d %H:%M:%S %Z", "%a, %d %b %Y %H:%M:%S %Z",
    "%A, %d-%b-%y %H:%M:%S %Z", "%d %b %y %H:%M %Z", "%a %b %d %H:%M:%S %Z %Y", "%Y-%m-%d %H:%M:%S %z %Z",
)  # fmt: skip


def any_time(expression: str) -> str:
    """SQL that reads a time however people write it, as a timestamp in UTC; null if it is none.

    Unix seconds (9 or 10 digits), milliseconds (12, 13), microseconds (16), nanoseconds (18, 19); RFC
    3339, 1123, 850 and 822; what C, Ruby and web servers print; without a zone it is UTC. Days
    written in numbers alone come after the year: nobody can tell 1/2/2006 otherwise.
    """
    x, number = expression, f"try_cast({expression} AS BIGINT)"
    digits = (
        f"CASE WHEN strlen({x}) IN (9, 10) THEN make_timestamp({number} * 1000000) "
        f"WHEN strlen({x}) IN (12, 13) THEN make_timestamp_ms({number}) "
        f"WHEN strlen({x}) = 16 THEN make_timestamp({number}) "
        f"WHEN strlen({x}) IN (18, 19) THEN make_timestamp_ns({number})::TIMESTAMP END"
    )
    offsets, zones = (
        f"timezone('UTC', try_strptime({x}, [{', '.join(map(literal, forms))}]))"
        for forms in (_OFFSETS, _ZONES)
    )
    return (
        f"CASE WHEN regexp_full_match({x}, '[0-9]+') THEN {digits} "
        f"ELSE coalesce({utc(x)}, {offsets}, {zones}) END"
    )


def filled(*expressions: str) -> str:
    """SQL for the list of those that are not null, in order; null if none is.

    A few are told apart by cases: that costs two thirds of a list function.
    """
    if len(expressions) > _TOLD_APART:
        return f"nullif(list_filter([{', '.join(expressions)}], lambda x: x IS NOT NULL), [])"
    return _filled(expressions, ())


_TOLD_APART = 4


def _filled(left: tuple[str, ...], found: tuple[str, ...]) -> str:
    if not left:
        return f"[{', '.join(found)}]" if found else "NULL"
    first, rest = left[0], left[1:]
    return f"CASE WHEN {first} IS NULL THEN {_filled(rest, found)} ELSE {_filled(rest, (*found, first))} END"


def text(name: str, source: str, description: str) -> Column:
    """A text as it stands in the log."""
    return Column(name, "VARCHAR", f"r.{identifier(source)}", description, source)


def number(name: str, source: str, description: str, type_: str = "BIGINT") -> Column:
    """A number: INTEGER, BIGINT, DOUBLE …; what does not read as one goes to `unmapped`."""
    return typed(name, type_, f"try_cast(r.{identifier(source)} AS {type_})", source, description)


def flag(name: str, source: str, description: str) -> Column:
    """True or false, however spelt: true, t, 1."""
    return typed(name, "BOOLEAN", f"try_cast(r.{identifier(source)} AS BOOLEAN)", source, description)


def time(name: str, source: str, description: str) -> Column:
    """A time in RFC 3339 as a timestamp in UTC."""
    return typed(name, "TIMESTAMP", utc(f"r.{identifier(source)}"), source, description)


def dashed(name: str, source: str, description: str) -> Column:
    """A text of a log that writes a dash where there is none."""
    value = f"nullif(r.{identifier(source)}, {literal(_DASH)})"
    return Column(name, "VARCHAR", value, description, source, null_if=(_DASH,))


def dashed_number(name: str, source: str, description: str, type_: str = "BIGINT") -> Column:
    """A number of a log that writes a dash where there is none; what else is none goes to `unmapped`."""
    value = f"nullif(r.{identifier(source)}, {literal(_DASH)})"
    return Column(name, type_, f"try_cast({value} AS {type_})", description, source, null_if=(_DASH,))


_DASH = "-"


def json_value(name: str, source: str, description: str) -> Column:
    """Whatever stands there, as JSON."""
    return Column(name, "JSON", f"r.{identifier(source)}", description, source, "JSON")


def text_list(name: str, source: str, description: str) -> Column:
    """A JSON array of texts; what is none goes to `unmapped`."""
    value = f"r.{identifier(source)}"
    return Column(
        name,
        "VARCHAR[]",
        listed(value),
        description,
        source,
        "JSON",
        f"CASE WHEN {value} IS NOT NULL AND {identifier(name)} IS NULL "
        f"THEN json_object({literal(source)}, {shallow(value)}) END",
    )


def listed(expression: str) -> str:
    """SQL for a JSON array as a list of texts; null if it is none."""
    return f"TRY(from_json({expression}, '[\"VARCHAR\"]'))"


def json_map(name: str, source: str, description: str) -> Column:
    """A JSON object written as text: empty when nothing stands there; what is none goes to `unmapped`."""
    value = f"r.{identifier(source)}"
    read = f"try_cast({value} AS JSON)"
    fits = f"json_type({read}) IS NOT DISTINCT FROM 'OBJECT'"
    return Column(
        name,
        "JSON",
        f"CASE WHEN {fits} THEN {read} ELSE '{{}}' END",
        description,
        source,
        # What was made of it is looked at first: it is parsed again only where that is empty.
        misfit=f"CASE WHEN {identifier(name)}::VARCHAR = '{{}}' AND {value} IS NOT NULL AND NOT ({fits}) "
        f"THEN json_object({literal(source)}, {value}) END",
    )


def typed(
    name: str,
    type_: str,
    expression: str,
    source: str,
    description: str,
    raw: str | Mapping[str, object] = "VARCHAR",
) -> Column:
    """A column of any type."""
    return Column(name, type_, expression, description, source, raw)
