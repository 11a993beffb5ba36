"""The meta-commands that show what there is: tables, columns, partitions, schemas, what a query may open."""

from __future__ import annotations

import fnmatch
from typing import Any

import click

from penstock import query, tables
from penstock.catalogue.summary import Holding, holdings
from penstock.cli import _facts, _listing
from penstock.cli._answer import estimated
from penstock.cli._shell.state import Shell
from penstock.errors import UsageError
from penstock.model import PartitionId
from penstock.tables import Table

__all__ = ["explain", "inspect", "partitions", "schemas", "show_tables"]


def show_tables(shell: Shell, pattern: str) -> None:
    """Every table, or those that fit a pattern, with what it holds whatever the filters."""
    held = holdings(shell.session.state)
    rows = [
        _held(name, [h for h in held if h.table == name])
        for name in shell.session.tables
        if fnmatch.fnmatchcase(name.lower(), pattern.lower() or "*")
    ]
    columns = ("name", "description", "partitions", "rows", "bytes", "first_day", "last_day")
    _listing.show_all(rows, "pretty", columns=columns, nothing=f"no table is called {pattern}")


def _held(name: str, own: list[Holding]) -> dict[str, Any]:
    return {
        "name": name,
        "description": tables.find(name).description.partition("\n")[0] if name in tables.names() else "",
        "partitions": len({h.partition for h in own}),
        "rows": sum(h.rows for h in own),
        "bytes": sum(h.bytes for h in own),
        "first_day": min((h.first_day for h in own), default=None),
        "last_day": max((h.last_day for h in own), default=None),
    }


def inspect(shell: Shell, name: str) -> None:
    """A table's columns with types and meaning; without a name the tables."""
    if not name:
        show_tables(shell, "")
        return
    known = [{"name": table} for table in shell.session.tables]
    table = _listing.chosen(known, name.rpartition(".")[2], "table")["name"]
    declared = _declared(shell, table)
    columns = _facts.columns(declared, shell.session.state.shapes[table])
    rows = [{**column, "column": column["name"]} for column in columns]
    if declared:
        click.echo(f"{declared.description.strip()}\n")
    _listing.show_all(rows, "pretty", columns=("column", "type", "description"), nothing="it has no column")


def _declared(shell: Shell, table: str) -> Table | None:
    return tables.find(table) if table in tables.names() else shell.config.tables.get(table)


def partitions(shell: Shell, name: str) -> None:
    """Every partition with what it holds and its last commit; with a name those it chooses."""
    found = _facts.partitions(shell.place, shell.config)
    if name:
        chosen = {str(p) for p in query.matching([PartitionId.parse(p["name"]) for p in found], name)}
        found = [p for p in found if p["name"] in chosen]
    columns = ("name", "files", "rows", "bytes", "first", "last", "last_commit", "rejected")
    _listing.show_all(found, "pretty", columns=columns, nothing="there is no such partition")


def schemas(shell: Shell, _: str) -> None:
    """The configured schemas, their times as they are now, and the views they have."""
    rows = [
        {
            "name": named.name,
            "views": [table for table in shell.session.tables if named.shows(table)],
            "partitions": named.filters.partitions,
            "indexes": named.filters.indexes,
            "from": named.filters.from_,
            "to": named.filters.to,
        }
        for named in shell.place.views()
    ]
    columns = ("name", "views", "partitions", "indexes", "from", "to")
    _listing.show_all(rows, "pretty", columns=columns, nothing="no schema is configured")


def explain(shell: Shell, sql: str) -> None:
    """How many files and bytes a statement may read, without running it; without one, the last."""
    if not (sql or shell.last):
        raise UsageError(".explain: nothing was asked yet, expected a statement")
    shell.session = query.refresh(shell.place, shell.session)
    for one in query.prepare(shell.session, sql or shell.last):
        click.echo(estimated(query.estimate(shell.session, one)))
