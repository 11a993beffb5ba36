"""What a person's SQL may call and read from, and how a place in it is shown."""

from __future__ import annotations

import re

__all__ = [
    "ALLOWED_TABLE_FUNCTIONS",
    "REFUSED_FUNCTIONS",
    "refused_file",
    "refused_function",
    "refused_relation",
    "refused_table_function",
    "shown",
]

ALLOWED_TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns",
        "duckdb_functions",
        "duckdb_keywords",
        "duckdb_schemas",
        "duckdb_tables",
        "duckdb_types",
        "duckdb_views",
        "generate_series",
        "icu_calendar_names",
        "json_each",
        "json_tree",
        "pg_timezone_names",
        "pragma_show",
        "pragma_table_info",
        "pragma_version",
        "range",
        "repeat",
        "repeat_row",
        "summary",
        "test_all_types",
        "unnest",
    }
)

REFUSED_FUNCTIONS = frozenset(
    {
        "current_setting",
        "currval",
        "getenv",
        "getvariable",
        "json_execute_serialized_sql",
        "json_serialize_plan",
        "nextval",
        "pg_sleep",
        "sleep_ms",
        "stats",
        "which_secret",
        "write_log",
    }
)

REFUSED_RELATIONS = frozenset({"duckdb_databases", "duckdb_logs", "pg_prepared_statements", "pg_settings"})
"""DuckDB's views that show where files lie, how it is set, or the requests it sent."""

_METADATA = "__ducklake_metadata"
_CATALOGUE = "lake"
_PLACE = re.compile(r"[/\\:*?\[]")
_ENDING = re.compile(r"\.[a-z0-9]+(\.[a-z0-9]+)?$", re.IGNORECASE)


def refused_function(name: str) -> str:
    """Why this scalar function is refused, or nothing."""
    if name.lower() not in REFUSED_FUNCTIONS:
        return ""
    return f"the function {name}() is refused: it reads or changes what is not in the hive"


def refused_table_function(name: str) -> str:
    """Why this table function is refused, or nothing."""
    if name.lower() in ALLOWED_TABLE_FUNCTIONS:
        return ""
    some = ", ".join(sorted(n for n in ALLOWED_TABLE_FUNCTIONS if "_" not in n))
    return f"the function {name.lower()}() is refused; expected a table or one of {some} …"


def refused_file(*names: str) -> str:
    """Why a table of this name, of which catalogue and schema may be parts, is refused, or nothing."""
    # DuckDB tries a name that is no table as a file's, its parts put together.
    if not any(map(_PLACE.search, names)) and (any(names[:-1]) or not _ENDING.search(names[-1])):
        return ""
    found = ".".join(filter(None, names))
    return f"files cannot be read: found {found!r}, expected a table (SHOW TABLES lists them)"


def refused_relation(*names: str) -> str:
    """The same of what is no file."""
    table = names[-1]
    places = [name.lower() for name in names[:-1] if name]
    if places and places[0] == _CATALOGUE:
        whole = ".".join(filter(None, names))
        return f"{whole} is refused: no --from, --partition or --index holds for it; expected {table}"
    inside = any(place.startswith(_METADATA) for place in places)
    if inside or table.lower().startswith(("pragma_", _METADATA)) or table.lower() in REFUSED_RELATIONS:
        return f"{table} is refused: it shows more than the hive; expected a table of the hive"
    return ""


def shown(sql: str, location: int) -> str:
    """The line of `sql` with a caret under byte `location`, as DuckDB shows its own errors."""
    data = sql.encode()
    at = len(data[: location if location < len(data) else 0].decode(errors="ignore"))
    if not location:
        at = len(sql) - len(sql.lstrip())
    begin = sql.rfind("\n", 0, at) + 1
    line = sql[begin:].split("\n", 1)[0]
    prefix = f"LINE {sql.count(chr(10), 0, at) + 1}: "
    return f"{prefix}{line}\n{' ' * (len(prefix) + at - begin)}^"
