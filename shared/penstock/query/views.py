"""Makes the views that a session shows: one for each table, narrowed by its filters, and the schemas' own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb

from penstock import catalogue
from penstock.model import PartitionId
from penstock.query.filters import Filters, NamedViews, chosen_partitions, conditions, index_values
from penstock.sql import identifier

__all__ = ["view_statements"]


def view_statements(
    connection: duckdb.DuckDBPyConnection,
    state: catalogue.State,
    filters: Filters,
    views: Sequence[NamedViews] = (),
) -> Iterator[str]:
    """SQL for one view for each table of the catalogue, which is attached as `lake`, and for the schemas.

    Those look at the former, so that the session's filters narrow them too.
    """
    chosen = chosen_partitions(state, filters.partitions)
    for table in sorted(state.shapes):
        yield _view(connection, state, table, ("main", "lake.main"), filters, chosen)
    for named in views:
        yield f"CREATE SCHEMA {identifier(named.name)}"
        for table in filter(named.shows, sorted(state.shapes)):
            places = (identifier(named.name), "main")
            yield _view(connection, state, table, places, named.filters, named.partitions(state))


def _view(
    connection: duckdb.DuckDBPyConnection,
    state: catalogue.State,
    table: str,
    places: tuple[str, str],
    filters: Filters,
    chosen: frozenset[PartitionId] | None,
) -> str:
    columns = state.shapes[table]
    values = index_values(connection, table) if filters.indexes else ()
    where = conditions(table, columns, filters, chosen=chosen, indexes=values)
    listed = ", ".join(identifier(name) for name, _ in columns)
    only = f" WHERE {' AND '.join(where)}" if where else ""
    made, seen = (f"{place}.{identifier(table)}" for place in places)
    return f"CREATE VIEW {made} AS SELECT {listed} FROM {seen}{only}"
