"""What DuckDB is asked to make of values before they are printed, and what is safe on a terminal.

DuckDB renders the values: times in ISO 8601, nested values as JSON. What a log holds never reaches
a terminal as a control sequence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from duckdb.sqltypes import DuckDBPyType

from penstock.cli._values import is_nested, told
from penstock.query.running import distinct
from penstock.sql import literal

__all__ = ["NULL", "is_number", "row_object", "texts", "valid_json", "visible"]

NULL = "<null>"
"""What a null looks like where it must not look like an empty text."""

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "DOUBLE", "FLOAT")
_UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
_HIDDEN = [*range(32), *range(127, 160), 0x061C, *range(0x200E, 0x2010), *range(0x2028, 0x202F)]
_VISIBLE = {n: f"\\x{n:02x}" if n < 256 else f"\\u{n:04x}" for n in [*_HIDDEN, *range(0x2066, 0x206A)]} | {
    9: "\\t",
    10: "\\n",
    13: "\\r",
}

_NO_NUMBER = r"-?(?:nan|inf(?:inity)?)"
_PERHAPS_NO_NUMBER = re.compile(rf"[\[:,]\s*{_NO_NUMBER}", re.IGNORECASE)
_STRING_OR_NO_NUMBER = re.compile(rf'"(?:[^"\\]|\\.)*"|{_NO_NUMBER}', re.IGNORECASE | re.DOTALL)


def visible(text: str) -> str:
    """The text with control and direction characters shown instead of obeyed."""
    return text.translate(_VISIBLE)


def is_number(type_: str) -> bool:
    """Whether values of the DuckDB type stand flush right."""
    return type_.startswith(_NUMBERS + _UNSIGNED) and not type_.endswith("]")


def texts(types: Iterable[DuckDBPyType]) -> list[str]:
    """SQL for each column as text."""
    return [_text(f"#{n}", type_) for n, type_ in enumerate(types, start=1)]


def _text(column: str, type_: DuckDBPyType) -> str:
    value = told(column, type_)
    return f"to_json({value})::VARCHAR" if is_nested(type_) else f"{value}::VARCHAR"


def row_object(names: Sequence[str], types: Sequence[DuckDBPyType]) -> str:
    """SQL for the whole row as the text of one JSON object; columns of one name are told apart."""
    fields = []
    for number, (name, type_) in enumerate(zip(distinct(names), types, strict=True), start=1):
        key = literal(json.dumps(name, ensure_ascii=False) + ": ")
        fields.append(f"{key} || coalesce({_json_value(f'#{number}', type_)}, 'null')")
    return "'{' || " + " || ', ' || ".join(fields) + " || '}'"


def valid_json(text: str) -> str:
    """The text of a row's object without NaN and infinity, which DuckDB leaves in nested values and in JSON.

    All else stays as it is written: numbers keep their digits.
    """
    if not _PERHAPS_NO_NUMBER.search(text):
        return text
    return _STRING_OR_NO_NUMBER.sub(lambda found: found[0] if found[0][0] == '"' else "null", text)


def _json_value(column: str, type_: DuckDBPyType) -> str:
    if type_.id in ("double", "float"):  # JSON has neither NaN nor infinity
        return f"CASE WHEN isfinite({column}) THEN to_json({column})::VARCHAR END"
    return f"to_json({told(column, type_)})::VARCHAR"
