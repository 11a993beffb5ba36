"""List and show tables: their columns and what they hold."""

from __future__ import annotations

from typing import Any

import click

from penstock import query, tables
from penstock.cli import _facts, _listing, _place, _workspace
from penstock.cli._listing import ListForm
from penstock.config import Config
from penstock.model import PartitionId
from penstock.tables import Table

__all__ = ["table"]

_COLUMNS = ("name", "description", "partitions", "files", "rows", "bytes", "first", "last", "rejected")


@click.group()
def table() -> None:
    """Look at tables."""


@table.command("list")
@_listing.form_option
@_workspace.options
def list_(form: ListForm, workspace: str | None, config_path: str | None) -> None:
    """Every table: the built-in ones, the configured ones, and those that hold rows.

    \b
      penstock table list
      penstock table list --output json
    """
    place, config = _place.placed(workspace, config_path)
    partitions = _facts.partitions(place, config)
    rows = [_row(name, _declared(name, config), partitions) for name in _names(place, config)]
    _listing.show_all(rows, form, columns=_COLUMNS, nothing="there is no table")


@table.command()
@click.argument("name")
@_listing.form_option
@_workspace.options
def show(name: str, form: ListForm, workspace: str | None, config_path: str | None) -> None:
    """One table: what it is, what it holds, its columns.

    \b
      penstock table show aws_cloudtrail_log
    """
    place, config = _place.placed(workspace, config_path)
    known = [{"name": known} for known in _names(place, config)]
    name = _listing.chosen(known, name, "table")["name"]
    declared = _declared(name, config)
    row = _row(name, declared, _facts.partitions(place, config))
    columns = _facts.columns(declared, query.newest(place).shapes[name])
    _listing.show_one(row | {"columns": columns}, form)


def _names(place: query.Place, config: Config) -> list[str]:
    return sorted({*query.newest(place).shapes, *(p.table for p in config.partitions)})


def _declared(name: str, config: Config) -> Table | None:
    if name in tables.names():
        return tables.find(name)
    return config.tables.get(name)


def _row(name: str, declared: Table | None, partitions: list[dict[str, Any]]) -> dict[str, Any]:
    own = [p for p in partitions if PartitionId.parse(p["name"]).table == name]
    description = declared.description.strip().partition("\n")[0] if declared else ""
    reference = {"reference": declared.reference, "reader": declared.syntax.reader} if declared else {}
    return {"name": name, "description": description, **reference, **_facts.totals(own)}
