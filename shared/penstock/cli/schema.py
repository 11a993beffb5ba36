"""List and show schemas: named views of the tables."""

from __future__ import annotations

from typing import Any

import click

from penstock import query
from penstock.cli import _listing, _place, _workspace
from penstock.cli._listing import ListForm
from penstock.config import Config, View, load, search_path

__all__ = ["schema"]


@click.group()
def schema() -> None:
    """Look at the configured schemas."""


@schema.command("list")
@_listing.form_option
@_workspace.config_option
def list_(form: ListForm, config_path: str | None) -> None:
    """Every configured schema and what it narrows.

    \b
      penstock schema list
    """
    columns = ("name", "tables", "partitions", "indexes", "from", "to")
    rows = _rows(load(search_path(config_path)))
    _listing.show_all(rows, form, columns=columns, nothing="no schema is configured")


@schema.command()
@click.argument("name")
@_listing.form_option
@_workspace.options
def show(name: str, form: ListForm, workspace: str | None, config_path: str | None) -> None:
    """One schema, its times as they are now, and the views it has in this workspace.

    \b
      penstock schema show last_week
    """
    place, config = _place.placed(workspace, config_path)
    row = _listing.chosen(_rows(config), name, "schema")
    [named] = [views for views in _place.views_of(config) if views.name == row["name"]]
    shown = [table for table in sorted(query.newest(place).shapes) if named.shows(table)]
    now = {"from_time": named.filters.from_, "to_time": named.filters.to}
    _listing.show_one({**row, **now, "views": [f"{named.name}.{table}" for table in shown]}, form)


def _rows(config: Config) -> list[dict[str, Any]]:
    return [_row(view) for view in config.views.values()]


def _row(view: View) -> dict[str, Any]:
    return {
        "name": view.name,
        "tables": list(view.tables),
        "partitions": list(view.partitions),
        "indexes": list(view.indexes),
        "from": view.from_,
        "to": view.to,
        "materialized": view.materialized,
    }
