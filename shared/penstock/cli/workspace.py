"""List and show workspaces."""

from __future__ import annotations

from typing import Any

import click

from penstock.cli import _facts, _listing, _place, _workspace
from penstock.cli._listing import ListForm
from penstock.config import Config, Workspace, load, search_path, workspace_name

__all__ = ["workspace"]


@click.group()
def workspace() -> None:
    """Look at workspaces."""


@workspace.command("list")
@_listing.form_option
@_workspace.config_option
def list_(form: ListForm, config_path: str | None) -> None:
    """Every workspace, and which one is used.

    \b
      penstock workspace list
    """
    columns = ("name", "used", "hive", "ledger", "region")
    _listing.show_all(_rows(load(search_path(config_path))), form, columns=columns, nothing="there is none")


@workspace.command()
@click.argument("name", required=False)
@_listing.form_option
@_workspace.config_option
def show(name: str | None, form: ListForm, config_path: str | None) -> None:
    """One workspace (else the one that is used), and what its hive holds.

    \b
      penstock workspace show
      penstock workspace show staging --output json
    """
    config = load(search_path(config_path))
    row = _listing.chosen(_rows(config), workspace_name(name), "workspace")
    place = _place.place_of(config.workspace(row["name"]), config)
    _listing.show_one({**row, **_facts.totals(_facts.partitions(place, config))}, form)


def _rows(config: Config) -> list[dict[str, Any]]:
    names = sorted({*config.workspaces, "default"})
    return [_row(config.workspace(name), used=name == workspace_name()) for name in names]


def _row(found: Workspace, *, used: bool) -> dict[str, Any]:
    return {
        "name": found.name,
        "used": used,
        "hive": found.hive,
        "ledger": found.ledger,
        "region": found.region,
        "profile": found.profile,
        "endpoint_url": found.endpoint_url,
    }
