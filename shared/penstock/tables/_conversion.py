"""SQL that makes a value of any type out of a text, as columns of people's own tables need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from penstock.sql import literal
from penstock.tables._kinds import any_time

__all__ = ["ADDRESSES", "converted"]

_V4 = (
    r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
)
_H = r"[0-9A-Fa-f]{1,4}"
_V6 = "|".join(
    (
        rf"(?:{_H}:){{7}}{_H}",
        rf"(?:{_H}:){{1,7}}:",
        *(rf"(?:{_H}:){{1,{7 - n}}}(?::{_H}){{1,{n}}}" for n in range(1, 7)),
        rf":(?:(?::{_H}){{1,7}}|:)",
        rf"(?:{_H}:){{6}}{_V4}",
        rf"::(?:{_H}:){{0,5}}{_V4}",
        rf"(?:{_H}:){{1,5}}:(?:{_H}:){{0,4}}{_V4}",
    )
)
_ZONE = r"(?:%[0-9A-Za-z_.-]+)?"

ADDRESSES: Mapping[str, str] = {
    "ip": rf"(?:{_V4}|(?:{_V6}){_ZONE})",
    "cidr": rf"(?:{_V4}(?:/(?:3[0-2]|[12]?[0-9]))?|(?:{_V6})(?:/(?:12[0-8]|1[01][0-9]|[1-9]?[0-9]))?)",
}
"""Types that are kept as VARCHAR and checked: what their texts look like. A `cidr` may lack its length."""

_SPECIAL: Mapping[str, Callable[[str], str]] = {
    "VARCHAR": lambda x: x,
    "TIMESTAMP": any_time,
    "DATE": lambda x: f"({any_time(x)})::DATE",
    "TIME": lambda x: f"coalesce(try_cast({x} AS TIME), ({any_time(x)})::TIME)",
    "JSON": lambda x: f"coalesce(TRY({x}::JSON), to_json({x}))",
    "BLOB": lambda x: f"encode({x})",
    "ip": lambda x: f"CASE WHEN regexp_full_match({x}, {literal(ADDRESSES['ip'])}) THEN {x} END",
    "cidr": lambda x: f"CASE WHEN regexp_full_match({x}, {literal(ADDRESSES['cidr'])}) THEN {x} END",
    # One text is a list of one; a list in JSON is itself.
    "VARCHAR[]": lambda x: (
        f"CASE WHEN starts_with({x}, '[') AND coalesce(TRY(json_type({x})) = 'ARRAY', false) "
        f"THEN TRY(from_json({x}, '[\"VARCHAR\"]')) WHEN {x} IS NOT NULL THEN [{x}] END"
    ),
}


def converted(type_: str, value: str, given: str = "VARCHAR") -> str:
    """SQL for a `value` of the type `given` as another one; null where it does not fit.

    `value` is written several times: a column, not an expression that costs.
    """
    if given == type_:
        return value
    if given == "VARCHAR":
        own = _SPECIAL.get(type_)
        return own(value) if own else f"try_cast({value} AS {type_})"
    if type_ in ADDRESSES:
        return converted(type_, f"{value}::VARCHAR")
    if type_ == "JSON":
        return f"to_json({value})"
    if type_ == "VARCHAR[]" and not given.endswith("]"):
        return converted(type_, f"{value}::VARCHAR")
    if given == "TIMESTAMP WITH TIME ZONE":
        return f"try_cast(timezone('UTC', {value}) AS {type_})"
    return f"try_cast({value} AS {type_})"
