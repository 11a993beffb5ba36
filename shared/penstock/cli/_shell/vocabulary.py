"""Knows every name that can be completed in a session: tables, columns, functions, keywords, values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import duckdb

from penstock import query
from penstock.model import REJECTED_TABLE
from penstock.statement import ALLOWED_TABLE_FUNCTIONS, REFUSED_FUNCTIONS

__all__ = ["Columns", "Function", "Language", "Vocabulary", "language_of", "members", "vocabulary_of"]

Columns = tuple[tuple[str, str], ...]
"""(name, DuckDB type) of each column or struct member; the type is empty where it is not known."""

_FUNCTIONS = """
SELECT function_name, coalesce(first(array_to_string(parameters, ', ') ORDER BY len(parameters)), ''),
    coalesce(first(description) FILTER (description IS NOT NULL), '')
FROM duckdb_functions()
WHERE function_type IN ('scalar', 'aggregate', 'macro') AND schema_name = 'main'
    AND regexp_full_match(function_name, '[a-z][a-z0-9_]*')
GROUP BY ALL ORDER BY function_name
"""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a statement may call: its name, its parameters as text, what it does."""

    name: str
    parameters: str
    description: str


@dataclass(frozen=True, slots=True)
class Language:
    """What DuckDB itself brings, the same for every session: it is read once.

    `reserved` are the keywords that cannot be names without quotes.
    """

    functions: tuple[Function, ...]
    table_functions: tuple[str, ...]
    keywords: tuple[str, ...]
    reserved: frozenset[str]


@dataclass(frozen=True, slots=True, repr=False)
class Vocabulary:
    """What can be completed. `schemas` has the names of each schema's views, `partitions` and `indexes`
    the values of tp_partition and tp_index in a table.
    """

    tables: Mapping[str, Columns]
    schemas: Mapping[str, tuple[str, ...]]
    partitions: Callable[[str], tuple[str, ...]]
    indexes: Callable[[str], tuple[str, ...]]
    language: Language

    def __repr__(self) -> str:
        """Short: whole, it has thousands of names, and stands in every message about a failing test."""
        return f"<Vocabulary of {len(self.tables)} tables>"


def language_of(connection: duckdb.DuckDBPyConnection) -> Language:
    """The functions and keywords of DuckDB with the extensions that are loaded, but for refused ones."""
    asked = connection.cursor()
    functions = asked.execute(_FUNCTIONS).fetchall()
    keywords = asked.execute("SELECT keyword_name, keyword_category FROM duckdb_keywords()").fetchall()
    return Language(
        tuple(Function(*row) for row in functions if row[0] not in REFUSED_FUNCTIONS),
        tuple(sorted(ALLOWED_TABLE_FUNCTIONS)),
        tuple(sorted(name for name, _ in keywords)),
        frozenset(name for name, category in keywords if category == "reserved"),
    )


def vocabulary_of(session: query.Session, language: Language) -> Vocabulary:
    """The names of a session; values of tp_index are read when first asked for, from the catalogue."""
    views = session.connection.cursor().execute(
        "SELECT schema_name, view_name FROM duckdb_views()"
        " WHERE NOT internal AND schema_name <> 'main' AND database_name = current_database()"
        " ORDER BY ALL"
    )
    schemas: dict[str, tuple[str, ...]] = {}
    for schema, view in views.fetchall():
        schemas[schema] = (*schemas.get(schema, ()), view)

    @cache
    def indexes(table: str) -> tuple[str, ...]:
        return tuple(query.indexes(session, table))

    @cache
    def partitions(table: str) -> tuple[str, ...]:
        known = (p for p in session.state.versions if table in (p.table, REJECTED_TABLE))
        return tuple(sorted({p.name for p in known}))

    return Vocabulary(session.state.shapes, schemas, partitions, indexes, language)


@cache
def members(type_: str, *, element: bool = False) -> Columns:
    """The members of a struct type; with `element` those of a list's or map's values. None if it has none."""
    if not (type_.startswith(("STRUCT(", "MAP(")) or type_.endswith("]")):
        return ()
    try:
        found = duckdb.sqltype(type_)
        if element:
            found = duckdb.sqltype(str(found.children[-1 if found.id == "map" else 0][1]))
        children = found.children if found.id == "struct" else []
    except (duckdb.Error, RuntimeError):  # a type of an extension, or without children
        return ()
    return tuple((name, str(inner)) for name, inner in children)
