"""SQL text: names and values written so that nothing in them can be taken for anything else."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import cast

__all__ = ["filled_object", "identifier", "kind_type", "literal", "shallow", "struct", "timestamp"]


def literal(value: str) -> str:
    """A SQL string literal."""
    quoted = "'" + value.replace("'", "''") + "'"
    return quoted if "\0" not in quoted else quoted.replace("\0", "' || chr(0) || '")


def timestamp(time: dt.datetime) -> str:
    """A SQL TIMESTAMP of an aware time, in UTC."""
    return f"TIMESTAMP '{time.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S.%f}'"


def identifier(name: str) -> str:
    """A SQL identifier, quoted."""
    return '"' + name.replace('"', '""') + '"'


def struct(fields: Mapping[str, str]) -> str:
    """A SQL struct of expressions by name."""
    return "struct_pack(" + ", ".join(f"{identifier(name)} := {sql}" for name, sql in fields.items()) + ")"


def kind_type(kind: object) -> str:
    """The SQL type of a raw field's kind: a type, an object's members, or a list of one for its elements."""
    if isinstance(kind, Mapping):
        members = ", ".join(f"{identifier(name)} {kind_type(inner)}" for name, inner in kind.items())
        return f"STRUCT({members})"
    return f"{kind_type(cast('list[object]', kind)[0])}[]" if isinstance(kind, list) else str(kind)


def shallow(value: str) -> str:
    """SQL for JSON that may be merged: a patch goes level by level, and brackets 100,000 deep would end
    the process. Such a value is kept as text. `value` is a name, as it is read three times.
    """
    brackets = f"strlen({value}) - strlen(translate({value}::VARCHAR, '{{[', ''))"
    return f"CASE WHEN {brackets} > 1000 THEN to_json({value}::VARCHAR) ELSE {value} END"


def filled_object(fields: Mapping[str, str]) -> str:
    """SQL for a JSON object of those expressions that are not null, null if there are none to look at.

    Put together as text: a third of the cost of an object from which a patch takes the nulls.
    """
    if not fields:
        return "NULL::JSON"
    members = ", ".join(
        f"{literal(json.dumps(name, ensure_ascii=False) + ':')} || to_json({sql})"
        for name, sql in fields.items()
    )
    return f"('{{' || concat_ws(',', {members}) || '}}')::JSON"
